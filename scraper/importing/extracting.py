"""Reading what was imported: in worker processes, each page as of the day when it was captured (T2)."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from scraper.crawling.kept import KeptTask, Place
from scraper.crawling.reading import ReadResult, ReadTask
from scraper.crawling.workers import DAMAGED, Task, Workers
from scraper.extraction import EXTRACTOR_VERSION, profile_digest
from scraper.importing.reporting import ImportTally
from storage.captures import PendingCapture, capture_at, with_payload_of
from storage.errors import ArchiveDamaged, StorageError
from storage.foreign import exchange_of, is_foreign, open_part
from storage.foreign.reading import read_record_of
from storage.importing import ask_again, call_articles, count_pending, outlet_ids, pending_imports
from storage.knowing import Knower
from storage.records import ExtractorName, Known, Reading
from storage.warc import read_exchange
from storage.warc_records import MEMBER_LIMIT

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from scraper.fetching.clock import Clock
    from scraper.outlet import Outlet
    from storage.archive import Archive
    from storage.exchange import Exchange

log = logging.getLogger(__name__)

CHUNK = 8
"""Captures that one worker reads one after the other."""
BATCH = 64
"""Readings that are written down in one transaction."""
PORTION = 512
_OPEN = 4
_KNOWERS = 64
_LOOK_UP = 0.5
_WITHOUT_PROFILE = ExtractorName(EXTRACTOR_VERSION, "")


@dataclass(frozen=True, slots=True)
class _Page:
    outlet: str
    place: PendingCapture


class Extraction:
    """Reads the imported captures that wait: those of this import, and what killed ones had left."""

    def __init__(
        self,
        archive: Archive,
        outlets: Mapping[str, Outlet],
        workers: Workers,
        clock: Clock,
        crawl: int,
        tally: ImportTally,
        observe: Callable[[int, int], None],
    ) -> None:
        self._archive, self._outlets, self._workers, self._clock = archive, outlets, workers, clock
        self._crawl, self._tally, self._observe = crawl, tally, observe
        self._under_way: dict[Future[list[ReadResult]], list[_Page]] = {}
        self._waiting: list[tuple[_Page, ReadResult]] = []
        self._knowers: OrderedDict[str, Knower] = OrderedDict()
        self._files = OpenParts(archive)
        self._extractors = {
            name: ExtractorName(EXTRACTOR_VERSION, profile_digest(outlet)) for name, outlet in outlets.items()
        }

    def run(self, at_once: int) -> None:
        """Read all; `at_once` chunks are under way at a time. Blocks."""
        with self._archive.read() as connection:
            total = count_pending(connection, self._crawl)
        self._observe(0, total)
        try:
            for pages in self._chunks():
                self._begin(pages)
                while len(self._under_way) >= at_once:
                    self._take(total)
            while self._under_way:
                self._take(total)
            if self._waiting:
                self._write(self._waiting)
            self._observe(total, total)
        finally:
            self._files.close()

    def _chunks(self) -> Iterator[list[_Page]]:
        after = 0
        while True:
            with self._archive.read() as connection:
                found = pending_imports(connection, self._crawl, PORTION, after=after)
            if not found:
                return
            pages = [_Page(name, place) for name, place in found]
            for start in range(0, len(pages), CHUNK):
                yield pages[start : start + CHUNK]
            after = found[-1][1].capture

    def _begin(self, pages: Sequence[_Page]) -> None:
        tasks: list[Task] = []
        taken: list[_Page] = []
        for page in pages:
            try:
                tasks.append(self._task(page))
                taken.append(page)
            except ArchiveDamaged as error:
                log.error("a capture cannot be read back: %s", error)
                self._waiting.append((page, ReadResult(outcome=DAMAGED)))
        if tasks:
            self._under_way[self._workers.read_all(tasks)] = taken

    def _task(self, page: _Page) -> Task:
        """Where a part must be unpacked from its beginning it is read here, in order; else the worker reads it."""
        place, known = page.place, page.outlet in self._outlets
        outlet, kind = (page.outlet, "article") if known else (None, "page")
        if "#" in place.warc_path:
            exchange = self._files.read(place)
            return ReadTask.of(
                exchange,
                outlet=outlet,
                kind=kind,
                key=place.key,
                at=place.at,
            )
        payload_at = None
        if place.payload_path is not None and place.payload_offset is not None and place.payload_length is not None:
            payload_at = Place(place.payload_path, place.payload_offset, place.payload_length)
        return KeptTask(
            archive=self._archive.folder,
            place=Place(place.warc_path, place.offset, place.length),
            payload_at=payload_at,
            outlet=outlet,
            kind=kind,
            key=place.key,
            url=place.url,
            at=place.at,
        )

    def _take(self, total: int) -> None:
        done, _ = wait(self._under_way, timeout=_LOOK_UP, return_when=FIRST_COMPLETED)
        for future in done:
            self._waiting += zip(self._under_way.pop(future), future.result(), strict=True)
        while len(self._waiting) >= BATCH:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            self._write(batch)
            self._observe(self._tally.read, total)

    def _write(self, batch: Sequence[tuple[_Page, ReadResult]]) -> None:
        """Write readings down in one transaction; one by one where one of them cannot be written."""
        groups: dict[str, list[Reading]] = {}
        for page, result in batch:
            groups.setdefault(page.outlet, []).append(self._reading(page.outlet, page.place, result))
        knowers = self._knowers_of(groups)
        try:
            with self._archive.begin() as connection:
                known = {name: self._know(connection, name, knowers[name], groups[name]) for name in knowers}
        except StorageError:
            raise
        except Exception as error:  # whatever it is, it is one page's outcome and no other's
            for knower in knowers.values():
                knower.forget()
            if len(batch) > 1:
                for one in batch:
                    self._write([one])
                return
            page, result = batch[0]
            if result.outcome == "failed:not-written":
                raise
            log.error("what %s says cannot be written down: %s: %s", page.place.url, type(error).__name__, error)
            self._write([(page, ReadResult(outcome="failed:not-written"))])
            return
        for name, knower in knowers.items():
            for reading, each in zip(groups[name], known[name], strict=True):
                self._count(name, knower, reading, each)

    def _know(self, connection: Connection, name: str, knower: Knower, readings: Sequence[Reading]) -> list[Known]:
        """Write readings of one outlet down."""
        known = knower.know_batch(connection, readings)
        if name in self._outlets:
            others = [reading.resource for reading in readings if reading.outcome != "article"]
            ask_again(connection, others, self._clock.now())
        else:
            call_articles(connection, [reading.resource for reading in readings if reading.outcome == "article"])
        return known

    def _count(self, name: str, knower: Knower, reading: Reading, known: Known) -> None:
        if known.reread is not None:
            self._reread(name, knower, known.reread)
            with self._archive.begin() as connection:
                (known,) = knower.know_batch(connection, [reading])
        self._tally.count(reading.outcome, known.novelty)

    def _reread(self, name: str, knower: Knower, capture: int) -> None:
        """Read the capture that the line showed before with today's extractor, so that its change is no edit."""
        with self._archive.read() as connection:
            place = capture_at(connection, capture)
        (result,) = self._workers.read_all([self._task(_Page(name, place))]).result()
        with self._archive.begin() as connection:
            knower.know_batch(connection, [self._reading(name, place, result)])

    def _reading(self, name: str, place: PendingCapture, result: ReadResult) -> Reading:
        return Reading(
            capture=place.capture,
            resource=place.resource,
            extractor=self._extractors.get(name, _WITHOUT_PROFILE),
            outcome=result.outcome,
            at=self._clock.now(),
            key=result.key,
            content=result.content,
            named=result.named,
            matched=result.matched,
            rights=result.rights,
            published_day=result.published_day,
        )

    def _knowers_of(self, names: Iterable[str]) -> dict[str, Knower]:
        """What writes the readings of each outlet down, by the outlets' ids: transactions that take hold of several
        outlets do so in one order, so that no two wait for each other."""
        with self._archive.read() as connection:
            numbers = outlet_ids(connection, list(names))
        knowers = {}
        for name, number in sorted(numbers.items(), key=lambda item: item[1]):
            known = name in self._knowers
            knowers[name] = self._knowers.pop(name) if known else Knower(crawl=self._crawl, outlet=number)
        self._knowers.update(knowers)
        while len(self._knowers) > _KNOWERS:
            self._knowers.popitem(last=False)
        return knowers


class OpenParts:
    """Parts of files that stay open between two captures, so that what must be unpacked is unpacked once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._open: OrderedDict[str, BinaryIO] = OrderedDict()

    def read(self, place: PendingCapture) -> Exchange:
        """The exchange of a capture, with its payload. Raises ArchiveDamaged."""
        exchange = self._exchange(place.warc_path, place.offset, place.length)
        if place.payload_path is None or place.payload_offset is None or place.payload_length is None:
            return exchange
        return with_payload_of(exchange, self._exchange(place.payload_path, place.payload_offset, place.payload_length))

    def close(self) -> None:
        """Close all of them."""
        while self._open:
            self._open.popitem()[1].close()

    def _exchange(self, path: str, offset: int, length: int) -> Exchange:
        if not is_foreign(path):
            return read_exchange(self._archive.folder, path, offset, length)
        file = self._open.get(path)
        if file is None:
            while len(self._open) >= _OPEN:
                self._open.popitem(last=False)[1].close()
            file = self._open[path] = open_part(self._archive.warc_folder, path)
        self._open.move_to_end(path)
        try:
            return exchange_of(read_record_of(file, path, offset, length, limit=MEMBER_LIMIT))
        except (OSError, ValueError) as error:
            with suppress(OSError):
                self._open.pop(path).close()
            raise ArchiveDamaged(f"cannot be read ({error})", path) from error
