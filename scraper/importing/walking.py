"""Walking through the parts of a file that was brought in: from where each is read, and what is read a second time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scraper.importing.indexing import Batch, Brought, Walk
from scraper.importing.keeping import Keeper
from scraper.importing.pool import ReaderDied, Work
from scraper.importing.reporting import FileReport, ImportTally
from storage.archive import Archive
from storage.foreign import BadRecord
from storage.imported_files import (
    ImportedFile,
    add_parts,
    clear_position,
    failures_of,
    positions_of,
    read_up_to,
    set_position,
    set_positions,
)


@dataclass(slots=True)
class _Part:
    """A part of a file that is being read: its row, and what was noted of it. `bad_from` is where its first bad record
    stands, or its end where it has none; `chosen` stands for what it was read for, `revisits_from` is where its first
    revisit stands that waits for its payload. `origin` is the file as it was named; its captures name it by `name`,
    without the folder, which is the archivist's own affair."""

    file: ImportedFile
    steps: str
    size: int
    origin: str
    report: FileReport
    bad_from: int
    chosen: int | None = None
    revisits_from: int | None = None

    @property
    def name(self) -> str:
        return Path(self.origin.removesuffix(self.steps)).name + self.steps

    @property
    def choice_job(self) -> str:
        return f"chosen:{self.file.sha256}{self.steps}"

    @property
    def revisits_job(self) -> str:
        return f"revisits:{self.file.sha256}{self.steps}"

    @property
    def bad_job(self) -> str:
        return f"bad:{self.file.sha256}{self.steps}"


class Walker:
    """Walks through files, each a piece of work for the pool. `choice` stands for what the import takes; `show` is told
    how far a file, by its origin, has been read (bytes)."""

    def __init__(
        self,
        archive: Archive,
        keeper: Keeper,
        tally: ImportTally,
        crawl: int,
        choice: int,
        show: Callable[[str, int], None],
    ) -> None:
        self._archive, self._keeper, self._tally = archive, keeper, tally
        self._crawl, self._choice, self._show = crawl, choice, show
        self._second: list[_Part] = []

    def waits(self, report: FileReport) -> bool:
        """Whether a revisit in a file waits for what it refers to."""
        return any(part.report is report for part in self._second)

    def walk_again(self) -> Iterator[Work]:
        """The work on the parts with revisits whose payload had not been found: it may stand in a file that was read
        after them."""
        second, self._second = self._second, []
        return (self._walk_again(part) for part in second)

    def walk_parts(
        self, file: ImportedFile, brought: Brought, origin: str, report: FileReport, *, was_known: bool
    ) -> Work:
        """Walk through all parts of a file that are not read yet, those that were read for another choice, and those
        with bad records, from the first of these on: whoever asks again is told of them again."""
        if was_known:
            report.failed_before = self._failed_before(file)
        parts = self._parts(file, brought, origin, report)
        any_unread = any(part.file.read_to < part.size for part in parts)
        for part in parts:
            if part.file.read_to and part.chosen != self._choice:
                # What was passed over may be asked for now.
                yield from self._walk(part, 0)
                self._note_choice(part)
            elif part.file.read_to < part.size:
                yield from self._walk(part, min(part.file.read_to, part.bad_from))
            elif part.bad_from < part.size:
                yield from self._walk(part, part.bad_from)
            if part.revisits_from is not None:
                self._second.append(part)
        if file.read_to < brought.size and parts[0].steps:
            with self._archive.begin() as connection:
                read_up_to(connection, file, brought.size)
        anew = bool(any_unread and report.records) or bool(report.captures)
        report.outcome = "imported" if anew or not was_known else "known"

    def _parts(self, file: ImportedFile, brought: Brought, origin: str, report: FileReport) -> list[_Part]:
        """All parts with their rows, which are written down where they are new, and what was noted of each."""
        sizes = {part.steps: part.size for part in brought.parts}
        with self._archive.begin() as connection:
            rows = {"": file} if "" in sizes else add_parts(connection, file, sizes, self._crawl)
            parts = [_Part(rows[steps], steps, size, origin + steps, report, size) for steps, size in sizes.items()]
            set_positions(connection, {part.choice_job: self._choice for part in parts if not part.file.read_to})
            jobs = [job for part in parts for job in (part.choice_job, part.revisits_job, part.bad_job)]
            noted = positions_of(connection, jobs)
        for part in parts:
            part.chosen = noted.get(part.choice_job)
            part.revisits_from = noted.get(part.revisits_job)
            part.bad_from = noted.get(part.bad_job, part.size)
        return parts

    def _walk(self, part: _Part, start: int) -> Work:
        """Walk through a part from a place on, writing down each batch."""
        order: Walk | None = self._order(part, start, revisits_only=False)
        records, any_bad = 0, False
        while True:
            batch = yield order
            assert isinstance(batch, Batch)
            order = None
            position = part.size if batch.last and not batch.error else batch.position
            further = position if position > part.file.read_to else None
            if batch.bad:
                any_bad = True
                self._note_bad(part, batch.bad)
            kept = self._keeper.keep(part.file, part.name, batch.selected, further, part.revisits_job)
            if kept.unresolved:
                first = min(each.raw for each in kept.unresolved)
                part.revisits_from = first if part.revisits_from is None else min(part.revisits_from, first)
            part.report.captures += kept.captures.total()
            part.report.held += kept.held
            self._tally.count_kept(kept.captures)
            part.report.records += max(0, batch.records - records)
            records = max(records, batch.records)
            part.report.add_bad(part.steps, batch.bad, batch.bad_count)
            self._show(part.origin, batch.position)
            if batch.error:
                part.report.add_bad(part.steps, [BadRecord(batch.position, 0, "", batch.error)])
            if batch.last:
                break
        if not any_bad and not batch.error and start <= part.bad_from < part.size:
            with self._archive.begin() as connection:
                clear_position(connection, part.bad_job)

    def _walk_again(self, part: _Part) -> Work:
        """Walk through a part once more, for the revisits whose payload had not been found."""
        assert part.revisits_from is not None
        order: Walk | None = self._order(part, part.revisits_from, revisits_only=True)
        first: int | None = None
        try:
            while True:
                batch = yield order
                assert isinstance(batch, Batch)
                order = None
                kept = self._keeper.keep(part.file, part.name, batch.selected, None)
                for each in kept.unresolved:
                    first = each.raw if first is None else min(first, each.raw)
                part.report.unresolved += len(kept.unresolved)
                part.report.captures += kept.captures.total()
                self._tally.count_kept(kept.captures)
                if batch.last:
                    break
        except ReaderDied:
            part.report.reason = "the process that read it died"
            return
        with self._archive.begin() as connection:
            if first is None:
                clear_position(connection, part.revisits_job)
            else:
                set_position(connection, part.revisits_job, first)

    def _order(self, part: _Part, start: int, *, revisits_only: bool) -> Walk:
        root = self._archive.warc_folder if part.file.store == "warc" else Path(part.file.store)
        return Walk(root, part.file.path, start, revisits_only)

    def _note_bad(self, part: _Part, records: Sequence[BadRecord]) -> None:
        """Note where the first bad record of a part stands, before it is noted that the part was read up to there."""
        first = min(each.offset for each in records)
        if first < part.bad_from:
            part.bad_from = first
            with self._archive.begin() as connection:
                set_position(connection, part.bad_job, first)

    def _failed_before(self, file: ImportedFile) -> Counter[str]:
        with self._archive.read() as connection:
            return failures_of(connection, file)

    def _note_choice(self, part: _Part) -> None:
        with self._archive.begin() as connection:
            set_position(connection, part.choice_job, self._choice)
