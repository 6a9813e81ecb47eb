"""Check rows against the manifests of their crawls, and the manifests against each other."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, Row, func, select

from storage.fixity.findings import Finding
from storage.manifest import BINDINGS, COVERED, kept_manifest, manifest_digest, manifest_lines
from storage.models import crawl, warc_file
from storage.unreadable import Unreadable


def check_manifests(connection: Connection, anchors: Sequence[str] = ()) -> Iterator[Finding]:
    """Check every crawl that ended, one after the other, then the chain; rows of no crawl last.

    `anchors` are digests of manifests that must be in the chain.
    """
    rows = connection.execute(select(crawl).order_by(crawl.c.id)).all()
    ended = [row for row in rows if row.ended_at is not None or row.manifest_digest is not None]
    for row in rows:
        if isinstance(row.counts, Unreadable):
            yield Finding("row-altered", f"crawl/{row.id}", "what it counted cannot be read")
    for row in ended:
        yield from check_manifest(connection, row)
    yield from check_chain(ended)
    for anchor in anchors:
        if anchor not in {row.manifest_digest for row in ended}:
            yield Finding("chain-broken", f"manifest {anchor}", "no crawl of this archive has this manifest")
    for table, _, _ in COVERED:
        if "crawl" in table.c and table is not warc_file:  # a file that is being written belongs to none yet
            strange = select(func.count()).select_from(table).where(table.c.crawl.is_(None))
            if count := connection.execute(strange).scalar_one():
                yield Finding("row-strange", table.name, f"{count} rows belong to no crawl")


def check_manifest(connection: Connection, row: Row[Any]) -> Iterator[Finding]:
    """Check one crawl: its manifest against its digest, and each row against the manifest."""
    name = f"crawl/{row.id}"
    if row.manifest_form == 1:
        if manifest_digest(connection, row.id) != row.manifest_digest:
            yield Finding("row-altered", name, "the rows of this crawl are not those that its manifest's digest covers")
        return
    kept = hashlib.sha256()
    drawn = hashlib.sha256()
    comparison = _Comparison(row.id)
    for old, new in zip_longest(_lines(kept_manifest(connection, row.id)), manifest_lines(connection, row.id)):
        kept.update((old or "").encode("utf-8", "surrogateescape"))
        drawn.update((new or "").encode("utf-8", "surrogateescape"))
        comparison.see(old, new)
    whole = kept.hexdigest() == row.manifest_digest
    same = drawn.hexdigest() == row.manifest_digest
    if not whole:
        what = "its kept manifest was altered or removed" if same else "its kept manifest and its digest differ"
        yield Finding("manifest-altered", name, what)
    if not same:
        yield from comparison.findings(whole=whole)


def check_chain(ended: Sequence[Row[Any]]) -> Iterator[Finding]:
    """Check that the manifests form one chain: one beginning, each named by at most one later, and all on it."""
    digests = {row.manifest_digest for row in ended}
    named: dict[str | None, int] = {}
    for row in ended:
        name = f"crawl/{row.id}"
        if row.previous_digest is not None and row.previous_digest not in digests:
            yield Finding("chain-broken", name, "the manifest that this crawl names as the one before is not here")
        if row.previous_digest in named:
            before = "it claims to be the first" if row.previous_digest is None else "it follows the same manifest"
            yield Finding("chain-broken", name, f"{before} as crawl/{named[row.previous_digest]} does")
        named.setdefault(row.previous_digest, row.id)
    if ended and None not in named:
        yield Finding("chain-broken", "crawl", "no crawl is the first of the chain")


_ROW = re.compile(r"[a-z_]+/[0-9A-Za-z._~%-]+")
"""The name of a row; another one can only stand in a manifest that was damaged."""


class _Comparison:
    """Lines of a kept manifest against those drawn from the rows; memory grows with their differences alone."""

    def __init__(self, crawl_id: int) -> None:
        self._crawl = crawl_id
        self._old: dict[str, str] = {}
        self._new: dict[str, str] = {}

    def see(self, old: str | None, new: str | None) -> None:
        if old == new:
            return
        for line, mine, others in ((old, self._old, self._new), (new, self._new, self._old)):
            if line is not None:
                name, digest = self._parse(line)
                if others.get(name) == digest:
                    del others[name]
                else:
                    mine[name] = digest

    def findings(self, *, whole: bool) -> Iterator[Finding]:
        """What differs; `whole` tells whether the kept manifest has its digest, so that the rows are at fault."""
        of = f"the manifest of crawl/{self._crawl}"
        doubt = "" if whole else "; since that is damaged too, it may be at fault instead"
        for name in sorted(self._old.keys() | self._new.keys()):
            if name.startswith("#"):
                yield Finding("row-altered", f"crawl/{self._crawl}", f"its own row is not as {of} says{doubt}")
            elif self._is_told(name):
                continue
            elif name not in self._new:
                if _ROW.fullmatch(name):
                    yield Finding("row-missing", name, f"{of} names it, and it is not here{doubt}")
            elif name not in self._old:
                yield Finding("row-strange", name, f"{of} does not name it, which it should{doubt}")
            else:
                yield Finding("row-altered", name, f"it is not as {of} says{doubt}")

    def _is_told(self, name: str) -> bool:
        """Whether the row that a binding belongs to is itself missing or strange, which says all."""
        binding, _, key = name.partition("/")
        row = f"{BINDINGS.get(binding)}/{key}"
        return (row in self._old) != (row in self._new)

    @staticmethod
    def _parse(line: str) -> tuple[str, str]:
        """A line's name and digest. Both comment lines count as one name: the crawl's own row."""
        if line.startswith("#"):
            return "#" + str(line.startswith("# {")), line
        digest, _, name = line.rstrip("\n").partition("  ")
        return (name, digest) if name else (line.strip(), "")


def _lines(portions: Iterator[str]) -> Iterator[str]:
    """The lines of a text that comes in portions, with their ends."""
    rest = ""
    for text in portions:
        for line in StringIO(rest + text, newline="\n"):
            if line.endswith("\n"):
                rest = ""
                yield line
            else:
                rest = line
    if rest:
        yield rest
