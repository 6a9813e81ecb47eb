"""Walking through the parts of a file that was brought in: from where each is read, and what is read a second time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scraper.importing.indexing import Batch, Brought, Walk
from scraper.importing.keeping import Keeper
from scraper.importing.pool import ReaderDied, Work
from scraper.importing.reporting import FileReport, ImportTally
from storage.archive import Archive
from storage.foreign import BadRecord
from storage.foreign.views import Part
from storage.importing import (
    ImportedFile,
    add_file,
    clear_position,
    failures_of,
    position_of,
    read_up_to,
    set_position,
)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a file that is being read: its row, and where a second walk for its revisits is noted."""

    file: ImportedFile
    steps: str
    size: int
    origin: str
    report: FileReport

    @property
    def revisits(self) -> str:
        return f"revisits:{self.file.sha256}{self.steps}"

    @property
    def bad(self) -> str:
        return f"bad:{self.file.sha256}{self.steps}"

    @property
    def chosen(self) -> str:
        return f"chosen:{self.file.sha256}{self.steps}"


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
        parts = [self._part(file, part, origin, report) for part in brought.parts]
        unread = [part for part in parts if part.file.read_to < part.size]
        # What was passed over may be asked for now: by another choice a file is walked through from its beginning.
        other = [part for part in parts if part.file.read_to and self._choice_of(part) != self._choice]
        for part in parts:
            if part not in unread and part not in other and self._revisits_from(part) is not None:
                self._second.append(part)
        for part in parts:
            if part in other:
                yield from self._walk(part, 0)
                self._note_choice(part)
            elif part in unread:
                if not part.file.read_to:
                    self._note_choice(part)
                yield from self._walk(part, min(part.file.read_to, self._bad_from(part)))
            elif self._bad_from(part) < part.size:
                yield from self._walk(part, self._bad_from(part))
            else:
                continue
            if self._revisits_from(part) is not None:
                self._second.append(part)
        if file.read_to < brought.size and parts[0].steps:
            with self._archive.begin() as connection:
                read_up_to(connection, file, brought.size)
        anew = bool(unread and report.records) or bool(report.captures)
        report.outcome = "imported" if anew or not was_known else "known"

    def _part(self, file: ImportedFile, part: Part, origin: str, report: FileReport) -> _Part:
        row = file
        if part.steps:
            with self._archive.begin() as connection:
                row = add_file(connection, file.store, file.path + part.steps, file.sha256, part.size, self._crawl)
        return _Part(row, part.steps, part.size, origin + part.steps, report)

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
                self._note_bad(part, min(each.offset for each in batch.bad))
            kept = self._keeper.keep(part.file, part.origin, batch.selected, further, part.revisits)
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
        if not any_bad and not batch.error and start <= self._bad_from(part):
            with self._archive.begin() as connection:
                clear_position(connection, part.bad)

    def _walk_again(self, part: _Part) -> Work:
        """Walk through a part once more, for the revisits whose payload had not been found."""
        start = self._revisits_from(part)
        if start is None:
            return
        order: Walk | None = self._order(part, start, revisits_only=True)
        first: int | None = None
        try:
            while True:
                batch = yield order
                assert isinstance(batch, Batch)
                order = None
                kept = self._keeper.keep(part.file, part.origin, batch.selected, None)
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
                clear_position(connection, part.revisits)
            else:
                set_position(connection, part.revisits, first)

    def _order(self, part: _Part, start: int, *, revisits_only: bool) -> Walk:
        root = self._archive.warc_folder if part.file.store == "warc" else Path(part.file.store)
        return Walk(root, part.file.path, start, revisits_only)

    def _note_bad(self, part: _Part, place: int) -> None:
        """Note where the first bad record of a part stands, before it is noted that the part was read up to there."""
        if place < self._bad_from(part):
            with self._archive.begin() as connection:
                set_position(connection, part.bad, place)

    def _bad_from(self, part: _Part) -> int:
        """Where the first bad record of a part stands; behind the part's end where none is known."""
        with self._archive.read() as connection:
            noted = position_of(connection, part.bad)
        return part.size if noted is None else noted

    def _failed_before(self, file: ImportedFile) -> Counter[str]:
        with self._archive.read() as connection:
            return failures_of(connection, file)

    def _note_choice(self, part: _Part) -> None:
        with self._archive.begin() as connection:
            set_position(connection, part.chosen, self._choice)

    def _choice_of(self, part: _Part) -> int | None:
        with self._archive.read() as connection:
            return position_of(connection, part.chosen)

    def _revisits_from(self, part: _Part) -> int | None:
        with self._archive.read() as connection:
            return position_of(connection, part.revisits)
