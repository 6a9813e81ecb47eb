"""Reading what was imported: in worker processes, each page as of the day when it was captured (T2)."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
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
        by_outlet: dict[str, list[tuple[_Page, ReadResult]]] = {}
        for page, result in batch:
            by_outlet.setdefault(page.outlet, []).append((page, result))
        for name, group in by_outlet.items():
            self._know(name, group)

    def _know(self, name: str, group: Sequence[tuple[_Page, ReadResult]]) -> None:
        """Write readings of one outlet down in one transaction; one by one where one of them cannot be written."""
        knower = self._knower(name)
        readings = [self._reading(name, page.place, result) for page, result in group]
        try:
            with self._archive.begin() as connection:
                known = knower.know_batch(connection, readings)
                of = [reading.resource for reading in readings if reading.outcome == "article"]
                others = [reading.resource for reading in readings if reading.outcome != "article"]
                if name in self._outlets:
                    ask_again(connection, others, self._clock.now())
                else:
                    call_articles(connection, of)
        except StorageError:
            raise
        except Exception as error:  # whatever it is, it is one page's outcome and no other's
            knower.forget()
            if len(group) > 1:
                for one in group:
                    self._know(name, [one])
                return
            page, result = group[0]
            if result.outcome == "failed:not-written":
                raise
            log.error("what %s says cannot be written down: %s: %s", page.place.url, type(error).__name__, error)
            self._know(name, [(page, ReadResult(outcome="failed:not-written"))])
            return
        for reading, each in zip(readings, known, strict=True):
            self._count(name, knower, reading, each)

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
        profile = self._outlets.get(name)
        return Reading(
            capture=place.capture,
            resource=place.resource,
            extractor=ExtractorName(EXTRACTOR_VERSION, profile_digest(profile) if profile else ""),
            outcome=result.outcome,
            at=self._clock.now(),
            key=result.key,
            content=result.content,
            named=result.named,
            matched=result.matched,
            rights=result.rights,
            published_day=result.published_day,
        )

    def _knower(self, name: str) -> Knower:
        knower = self._knowers.get(name)
        if knower is None:
            with self._archive.read() as connection:
                number = outlet_ids(connection, [name])[name]
            if len(self._knowers) >= _KNOWERS:
                self._knowers.popitem(last=False)
            knower = self._knowers[name] = Knower(crawl=self._crawl, outlet=number)
        return knower


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
