"""What the manifests say of rows: the digest of a row's line, found by the row's name."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from storage.manifest import COVERED, covered_values, kept_manifest, row_line
from storage.models import crawl

TABLES: dict[str, tuple[Table, Sequence[str], Sequence[str]]] = {each[0].name: each for each in COVERED}
"""By its name: a table, the columns that its rows are named by, and those that are covered."""


@dataclass(frozen=True, slots=True)
class KeptDigest:
    """Which crawl's manifest names a row, and the digest (hex) that it gives for its line."""

    crawl: int
    sha256: str


class KeptDigests:
    """The digests that kept manifests give for some rows, by their names; all manifests are read once."""

    def __init__(self, connection: Connection, names: Collection[str]) -> None:
        self._digests: dict[str, KeptDigest] = {}
        wanted = set(names)
        for number in connection.execute(select(crawl.c.id).order_by(crawl.c.id)).scalars().all() if wanted else ():
            for sha256, name in _lines(kept_manifest(connection, number)):
                if name in wanted:
                    self._digests[name] = KeptDigest(number, sha256)

    def get(self, name: str) -> KeptDigest | None:
        """What is kept of a row; None where no manifest names it."""
        return self._digests.get(name)

    def confirm(self, name: str, values: Mapping[str, Any]) -> bool:
        """Whether a row is as its manifest says when it holds these values (of all its columns)."""
        kept = self._digests.get(name)
        table = TABLES[name.partition("/")[0]]
        line = row_line(table[2], covered_values(table[2], values))
        return kept is not None and hashlib.sha256(line).hexdigest() == kept.sha256


def _lines(portions: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Digest and name of each row that a manifest names, from a text that comes in portions."""
    rest = ""
    for text in portions:
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            if not line.startswith("#"):
                sha256, _, name = line.partition("  ")
                yield sha256, name
