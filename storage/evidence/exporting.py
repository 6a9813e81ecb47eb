"""Put the evidence of one article together."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection

from storage.archive import Archive
from storage.content import ArticleContent
from storage.decisions import MERGE, Decision, decisions_of
from storage.errors import StorageError
from storage.evidence.binding import shown_texts
from storage.evidence.captured import Captured, read_captured
from storage.evidence.checks import AUTHORITY
from storage.evidence.gathering import (
    CaptureFacts,
    CoveredRow,
    RunFacts,
    captures_of,
    count_reduced,
    rows_of,
    runs_of,
)
from storage.evidence.imported import read_imported
from storage.evidence.packing import Pack
from storage.evidence.page import CaptureLine, evidence_page
from storage.evidence.readme import readme
from storage.evidence.sources import COMPARE, DIGESTS, FOLDER, Sources
from storage.foreign import is_foreign
from storage.history import history
from storage.identity import digested
from storage.labels import family_of
from storage.manifest import kept_manifest
from storage.stamps import check_stamp
from storage.views import ArticleView, RevisionText, view_article, view_revision

_NAME_LIMIT = 255
"""Bytes of a file's name that every file system takes."""


@dataclass(slots=True)
class Evidence:
    """What was given out: `captures` are those whose answer was. `damaged` says what could not be, or is not what the
    archive's manifests name. `sums` is the SHA-256 of SHA256SUMS (hex), by which whoever is told it separately knows
    the whole."""

    key: str
    sums: str = ""
    captures: int = 0
    revisions: int = 0
    decisions: int = 0
    runs: int = 0
    stamps: int = 0
    damaged: list[str] = field(default_factory=list)


def export_evidence(
    archive: Archive, connection: Connection, article: int, file: BinaryIO, *, trusted: Path | None = None
) -> Evidence:
    """Write the evidence of an article (its id) as a zip. `trusted` is a file with the certificates (PEM) of the
    time-stamp authority, which goes into it.

    The same archive gives the same bytes. What is damaged is left out and told; all else is given. Raises KeyUnknown.
    """
    with closing(Pack(file)) as pack:
        return _Exporter(archive, connection, article, pack, trusted).export()


class _Exporter:
    def __init__(
        self, archive: Archive, connection: Connection, article: int, pack: Pack, trusted: Path | None
    ) -> None:
        self._archive, self._connection, self._pack, self._trusted = archive, connection, pack, trusted
        self._view = view_article(connection, article)
        self._family = family_of(connection, article)
        self._done = Evidence(self._view.key)
        self._unproven: list[str] = []
        self._left_out: list[str] = []
        self._rows: dict[str, str] = {}
        self._sources = Sources(archive.warc_folder, self._rows)

    def export(self) -> Evidence:
        decisions = decisions_of(self._connection, self._family)
        rows = list(rows_of(self._connection, self._family, [each.id for each in decisions]))
        runs = runs_of(self._connection, sorted({row.crawl for row in rows}))
        self._add_runs(runs, rows)
        named = {row.name: row.line for row in rows if self._rows.get(row.name, "").startswith("manifests/")}
        captures = self._add_captures(named)
        self._note_decisions(decisions)
        texts = self._add_texts(named)
        shown = shown_texts(named)
        if self._trusted is not None:
            self._pack.add(AUTHORITY, self._trusted.read_bytes())
        observations = history(self._connection, self._view.id)
        page = evidence_page(
            self._view,
            texts,
            observations,
            captures,
            [(run, self._said_of_stamp(run)) for run in runs],
            decisions,
            self._sources.files,
        )
        self._pack.add("index.html", page.encode("utf-8", "backslashreplace"))
        text = readme(
            self._view.key,
            self._archive.uuid,
            runs,
            self._pack.digests,
            captures=len(captures),
            missing=len(captures) - self._done.captures,
            unproven=self._unproven,
            unbound=[f"{name.removesuffix('.txt')}.json" for text, name in texts if text.digest not in shown],
            sources=self._sources.files,
            left_out=self._left_out,
            damaged=self._done.damaged,
        )
        self._pack.add("README.txt", text)
        self._done.sums = self._pack.finish()
        return self._done

    def _add_runs(self, runs: Sequence[RunFacts], rows: Sequence[CoveredRow]) -> None:
        for run in runs:
            own = {row.name: row for row in rows if row.crawl == run.id}
            for name, row in own.items():
                if len(name.rpartition("/")[2]) > _NAME_LIMIT:
                    self._left_out.append(f"Row {name} of run {run.id}: its name is too long for a file's.")
                elif row.names_a_folder:
                    self._left_out.append(
                        f"Row {name} of run {run.id}: it names the folder in which a file of others lies on the "
                        "archive's machine."
                    )
                else:
                    self._rows[name] = f"{run.folder}/{name}"
                    self._pack.add(self._rows[name], row.line)
            self._done.runs += 1
            if not run.has_manifest:
                continue
            reader = _ManifestReader(kept_manifest(self._connection, run.id), own)
            digest = self._pack.add_pieces(f"{run.folder}/manifest.txt", reader)
            self._done.damaged += [f"{name} is not the row that run {run.id} added" for name in reader.differing()]
            if digest != run.manifest_digest:
                self._done.damaged.append(f"the manifest of run {run.id} is not the one that was kept")
            if run.stamp is not None:
                self._pack.add(f"{run.folder}/stamp.tsr", run.stamp)
                self._done.stamps += 1
        kept = "".join(f"{each.manifest_digest}  {each.folder}/manifest.txt\n" for each in runs if each.has_manifest)
        if kept:
            self._pack.add("manifests/DIGESTS", kept)

    def _add_captures(self, named: Container[str]) -> list[CaptureLine]:
        found: list[CaptureLine] = []
        for facts in captures_of(self._connection, self._family):
            try:
                captured = self._read(facts)
            except StorageError as error:
                self._tell_broken(facts, str(error))
                found.append(CaptureLine(facts, None, whole=False))
                continue
            for fault in captured.faults:
                self._tell_broken(facts, fault)
            for each in captured.files:
                self._pack.add(f"captures/{facts.id}/{each.name}", each.content)
            if f"capture/{facts.id}" not in named:
                self._unproven.append(f"captures/{facts.id}/*")
            self._done.captures += captured.answered
            found.append(CaptureLine(facts, captured.connected, whole=not captured.faults))
        if reduced := count_reduced(self._connection, self._family):
            self._left_out.append(
                "Captures that are kept as headers and digest alone, since they showed the text of the capture before: "
                f"{reduced}. Their rows are among the others."
            )
        if self._sources.files:
            self._pack.add(f"{FOLDER}/{DIGESTS}", self._sources.digests)
            self._pack.add(f"{FOLDER}/{COMPARE}", self._sources.commands)
        return found

    def _tell_broken(self, facts: CaptureFacts, said: str) -> None:
        """Say what is broken of a capture, but not in which folder of the archive's machine."""
        said = said.replace(f"{self._archive.folder}/", "")
        file, shown = (each.partition("#")[0] for each in (facts.warc, facts.shown_file))
        self._done.damaged.append(f"capture {facts.id}: {said.replace(file, shown)}")

    def _read(self, facts: CaptureFacts) -> Captured:
        if not is_foreign(facts.warc):
            return read_captured(self._archive.folder, facts)
        files, connected, stretches = read_imported(self._archive.folder, facts)
        self._sources.add(facts, stretches)
        return Captured(files, connected)

    def _note_decisions(self, decisions: Sequence[Decision]) -> None:
        self._done.decisions = len(decisions)
        merged = len(self._family) - 1
        if merged and not any(each.verb == MERGE for each in decisions):
            others = "Another article was" if merged == 1 else f"{merged} other articles were"
            self._left_out.append(f"{others} merged into this one, and no decision says by whom.")
        for each in decisions:
            if each.crawl is None:
                self._left_out.append(f"No run wrote decision {each.id} down, so that no manifest covers it.")

    def _add_texts(self, named: Container[str]) -> list[tuple[RevisionText, str]]:
        numbers = {line.digest: line.number for line in self._view.revisions if line.number is not None}
        found = []
        for line in self._view.revisions:
            text = view_revision(self._connection, line.id, numbers)
            name = f"revisions/{text.number or 0}-{text.digest[:12]}"
            self._pack.add(f"{name}.txt", "".join(_readable(text, self._view)).encode("utf-8", "backslashreplace"))
            digest = self._pack.add(f"{name}.json", digested(_content(text)))
            row = f"revision/{text.id}"
            if digest != text.digest:
                self._done.damaged.append(f"{row}: its text is not the one that its digest names")
            elif row not in named:
                self._unproven.append(f"{name}.json")
            self._done.revisions += 1
            found.append((text, f"{name}.txt"))
        return found

    def _said_of_stamp(self, run: RunFacts) -> str:
        if run.stamp is None or run.manifest_digest is None:
            return "" if run.stamp_authority is None else f"none yet from {run.stamp_authority}"
        try:
            at = check_stamp(run.stamp, run.manifest_digest)
        except StorageError:
            return f"from {run.stamp_authority}; README.txt says how to check it"
        return f"{at:%Y-%m-%d %H:%M:%S} by {run.stamp_authority}; README.txt says how to check it"


class _ManifestReader:
    """Gives a manifest on in portions, and compares its lines with rows by the way."""

    def __init__(self, portions: Iterator[str], rows: dict[str, CoveredRow]) -> None:
        self._portions, self._rows = portions, rows
        self._named: dict[str, str] = {}

    def __iter__(self) -> Iterator[str]:
        rest = ""
        for portion in self._portions:
            yield portion
            *lines, rest = (rest + portion).split("\n")
            for line in lines:
                digest, _, name = line.partition("  ")
                if name in self._rows:
                    self._named[name] = digest

    def differing(self) -> list[str]:
        """Rows that the manifest does not name as they stand."""
        return [
            name for name, row in self._rows.items() if self._named.get(name) != hashlib.sha256(row.line).hexdigest()
        ]


def _readable(text: RevisionText, view: ArticleView) -> Iterator[str]:
    yield f"{text.headline}\n\n"
    for name, value in (
        ("article", view.key),
        ("digest", text.digest),
        ("authors", "; ".join(text.authors)),
        ("published, as printed", text.published.printed if text.published else None),
        ("updated, as printed", text.updated.printed if text.updated else None),
        ("section", " > ".join(text.section)),
        ("language", text.language),
        ("extractor", text.extractor),
    ):
        if value:
            yield f"{name}: {value}\n"
    if text.lead:
        yield f"\n{text.lead}\n"
    yield f"\n{text.body}\n"
    for figure in text.figures:
        if figure.caption:
            yield f"\n[{figure.caption}]\n"


def _content(text: RevisionText) -> ArticleContent:
    """What a revision's digest is made of."""
    return ArticleContent(
        headline=text.headline, blocks=text.blocks, lead=text.lead, authors=text.authors, figures=text.figures
    )
