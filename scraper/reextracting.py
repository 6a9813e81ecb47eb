"""Read kept captures again with today's extractor, on all cores, and write down what it makes of them."""

from __future__ import annotations

import itertools
import logging
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from scraper.crawling.kept import KeptTask, Place
from scraper.crawling.reading import READABLE, ReadResult
from scraper.crawling.repeating import Repeats, learn_again
from scraper.crawling.stamping import stamp_runs
from scraper.crawling.workers import DAMAGED, DIED, Workers
from scraper.errors import ScraperError
from scraper.extraction import EXTRACTOR_VERSION, profile_digest
from scraper.extraction.page import Limits
from scraper.fetching.clock import clock_from
from scraper.kept_outlets import KeptOutlet, kept_outlets_of
from storage.archive import Archive
from storage.crawls import beat, begin_crawl, end_crawl, free_outlet, hold_outlet
from storage.errors import ArchiveDamaged, StorageError
from storage.knowing import Knower
from storage.owners import new_owner
from storage.records import ExtractorName, Known, Reading
from storage.recovery import recover
from storage.rereading import ReadCapture, Unread
from storage.resting import close_overdue

if TYPE_CHECKING:
    from scraper.config import Config
    from scraper.fetching.clock import Clock

log = logging.getLogger(__name__)

CHUNK = 8
"""Captures that lie one behind the other and are read by one worker, one after the other."""
BATCH = 64
"""Readings that are written down in one transaction."""
PORTION = 512
"""Captures that are looked up at once."""
HEARTBEAT = 15.0
"""Seconds between two signs of life; storage gives up a holder after 60."""
_LOOK_UP = 0.25
"""Seconds after which the run looks whether it is to stop."""


@dataclass(slots=True)
class RereadTally:
    """What a re-extraction has done so far. `captures` are those to be read, `read` those that were.

    `same` gave the text that was known of them, `changed` another one, `gained` are articles now and were none before,
    `lost` the other way round (their text is kept). `refused` and `failed` count by reason.
    """

    captures: int = 0
    read: int = 0
    same: int = 0
    changed: int = 0
    gained: int = 0
    lost: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def as_counts(self) -> dict[str, Any]:
        """The counts with stable keys, for the crawl's row and for JSON."""
        names = ("captures", "read", "same", "changed", "gained", "lost")
        return {name: getattr(self, name) for name in names} | {
            "refused": dict(self.refused),
            "failures": dict(self.failed),
        }


@dataclass(frozen=True, slots=True)
class RereadReport:
    """How the re-extraction of an outlet ended. `error` is set where it could not begin or had to stop, and where the
    archive is damaged; `finished` is False where it was stopped."""

    outlet: str
    finished: bool
    counts: Mapping[str, Any]
    error: Exception | None = None

    @property
    def failures(self) -> int:
        return sum(self.counts["failures"].values())


Observer = Callable[[str, RereadTally], None]
"""Is told an outlet's name and its counts whenever they change."""


def reextract(
    config: Config,
    name: str | None = None,
    *,
    since: datetime | None = None,
    observe: Observer = lambda name, tally: None,
) -> list[RereadReport]:
    """Read every capture again that today's extractor has not read: of one outlet, or of all. Blocks.

    `since`: only what was captured then or later (UTC). A capture that was read is never read again by the same
    extractor, so that a run that was stopped or killed is gone on with by the next. SIGINT and SIGTERM stop it, all
    that was read being kept. Raises UsageError for a name that is no outlet of the archive, and ArchiveUnusable; what
    stops one outlet stands in its report.
    """
    with Archive.open(config.archive, config.database, write=True) as archive:
        targets, unusable = kept_outlets_of(config, archive, name)
        reports = [RereadReport(each, False, RereadTally().as_counts(), error) for each, error in unusable]
        profiles = {target.name: target.profile for target in targets if target.profile is not None}
        workers = Workers(
            profiles,
            Limits(page_bytes=config.max_page_bytes),
            None,
            count=config.workers,
            seconds=config.page_seconds,
            memory=config.page_memory,
        )
        clock = clock_from(config.now)
        try:
            with _stoppable() as is_stopped:
                for target in targets:
                    run = _Run(config, archive, target, workers, clock, is_stopped, observe)
                    reports.append(run.report(since))
                    if is_stopped():
                        break
        finally:
            workers.stop()
    stamp_runs(config)
    return reports


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Within it, SIGINT and SIGTERM only ask to stop; gives whether one has."""
    asked: list[int] = []
    before = {number: signal.signal(number, lambda n, _: asked.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Run:
    """The re-extraction of one outlet. All writing is done here, by the thread that runs it."""

    def __init__(
        self,
        config: Config,
        archive: Archive,
        target: KeptOutlet,
        workers: Workers,
        clock: Clock,
        is_stopped: Callable[[], bool],
        observe: Observer,
    ) -> None:
        self._config, self._archive, self._target = config, archive, target
        self._workers, self._clock, self._is_stopped, self._observe = workers, clock, is_stopped, observe
        self._owner = new_owner()
        self._extractor = ExtractorName(EXTRACTOR_VERSION, profile_digest(target.profile))
        self._learnt: bytes | None = None
        self._tally = RereadTally()
        self._under_way: dict[Future[list[ReadResult]], Sequence[ReadCapture]] = {}
        self._waiting: list[tuple[ReadCapture, ReadResult]] = []
        self._damaged: list[str] = []
        self._beaten = monotonic()

    def report(self, since: datetime | None) -> RereadReport:
        """Read all of the outlet that is to be read, and say how it ended."""
        error: Exception | None = None
        finished = False
        try:
            with self._held():
                self._learn_repeats()
                finished = self._read_outlet(Unread(self._target.id, self._extractor, READABLE, since))
        except (ScraperError, StorageError) as broken:
            error = broken
        if error is None and self._damaged:
            error = ArchiveDamaged(
                f"{len(self._damaged)} captures of {self._target.name} cannot be read back",
                self._damaged[0],
                "Run a check; all others were read.",
            )
        return RereadReport(self._target.name, finished, self._tally.as_counts(), error)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the outlet, in an archive in which no kill is to be seen."""
        with self._archive.begin() as connection:
            hold_outlet(connection, self._target.id, self._owner)
        try:
            recover(self._archive, self._owner, self._clock.now())
            yield
        finally:
            with suppress(StorageError), self._archive.begin() as connection:
                free_outlet(connection, self._target.id, self._owner)

    def _learn_repeats(self) -> None:
        """Take what is known now to repeat on the outlet's pages."""
        profile = self._target.profile
        if profile is not None and profile.states_boilerplate:
            return
        repeats = Repeats(self._archive.folder, self._target.id, profile.name if profile else None)
        learnt = learn_again(self._archive, repeats, self._workers, self._clock.now(), self._is_stopped)
        if learnt is not None:
            self._learnt = learnt.pack()
            self._extractor = replace(self._extractor, learnt_digest=learnt.digest)

    def _read_outlet(self, unread: Unread) -> bool:
        """Read what is unread; False where it was stopped. Where there is nothing, no crawl is written down."""
        with self._archive.read() as connection:
            self._tally.captures = unread.count(connection)
        self._observe(self._target.name, self._tally)
        if not self._tally.captures:
            return True
        with self._archive.begin() as connection:
            crawl = begin_crawl(
                connection,
                self._target.id,
                "reextract",
                operator=self._config.contact,
                robots_policy="obey",
                now=self._clock.now(),
                owner=self._owner,
                stamp_authority=self._config.time_stamp_authority,
            )
        close_overdue(self._archive, crawl, self._clock.now())
        self._knower = Knower(crawl=crawl, outlet=self._target.id)
        for chunk in self._chunks(unread):
            self._under_way[self._workers.read_all([self._task(each) for each in chunk])] = chunk
            while len(self._under_way) >= 2 * self._config.workers and not self._is_stopped():
                self._take()
            if self._is_stopped():
                break
        while self._under_way and not self._is_stopped():
            self._take()
        self._take_done()
        self._write_waiting()
        stopped = self._is_stopped() and self._tally.read < self._tally.captures
        with self._archive.begin() as connection:
            outcome = "stopped: interrupted" if stopped else "finished"
            end_crawl(connection, crawl, outcome, self._tally.as_counts(), self._clock.now())
        return not stopped

    def _chunks(self, unread: Unread) -> Iterator[Sequence[ReadCapture]]:
        """What is to be read, in the order in which it lies on the disk, cut where a file ends."""
        after = (0, -1)
        while True:
            with self._archive.read() as connection:
                portion = unread.portion(connection, after, PORTION)
            if not portion:
                return
            for _, of_file in itertools.groupby(portion, key=lambda each: each.path):
                yield from _cut(list(of_file))
            after = portion[-1].position

    def _task(self, capture: ReadCapture) -> KeptTask:
        position, length = capture.position, capture.length
        return KeptTask(
            archive=self._archive.folder,
            place=Place(capture.path, position[1], length),
            payload_at=Place(*capture.payload_of) if capture.payload_of is not None else None,
            outlet=self._target.name if self._target.profile is not None else None,
            kind="page" if capture.asked_for else capture.kind,
            key=capture.key,
            url=capture.url,
            at=capture.at,
            learnt=self._learnt,
        )

    def _take(self) -> None:
        """Wait a while for readings, and write down what came if it is enough for a batch."""
        wait(self._under_way, timeout=_LOOK_UP, return_when=FIRST_COMPLETED)
        self._take_done()
        while len(self._waiting) >= BATCH:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            self._write(batch)
        self._stay_alive()

    def _take_done(self) -> None:
        for future in [future for future in self._under_way if future.done()]:
            captures = self._under_way.pop(future)
            with suppress(CancelledError):
                self._waiting += zip(captures, future.result(), strict=True)

    def _write_waiting(self) -> None:
        batch, self._waiting = self._waiting, []
        self._write(batch)

    def _write(self, batch: Sequence[tuple[ReadCapture, ReadResult]]) -> None:
        readable = []
        for capture, result in batch:
            if result.outcome in (DAMAGED, DIED):  # says nothing of the page: the next run tries again
                self._tally.read += 1
                self._tally.failed[result.outcome.partition(":")[2]] += 1
                if result.outcome == DAMAGED:
                    self._damaged.append(f"{capture.path} at byte {capture.position[1]}")
            else:
                readable.append((capture, result))
        for (capture, result), known in self._know(readable):
            self._count(capture, result, known)
        self._observe(self._target.name, self._tally)

    def _know(
        self, batch: Sequence[tuple[ReadCapture, ReadResult]]
    ) -> list[tuple[tuple[ReadCapture, ReadResult], Known]]:
        """Write readings down in one transaction; one by one where one of them cannot be written."""
        if not batch:
            return []
        now = self._clock.now()
        readings = [self._reading(capture, result, now) for capture, result in batch]
        try:
            with self._archive.begin() as connection:
                known = self._knower.know_batch(connection, readings)
        except StorageError:
            raise
        except Exception as error:  # whatever it is, it is one page's outcome and no other's
            self._knower.forget()
            if len(batch) > 1:
                return [each for one in batch for each in self._know([one])]
            capture, result = batch[0]
            if result.outcome == "failed:not-written":
                raise
            log.error("what %s says cannot be written down: %s: %s", capture.url, type(error).__name__, error)
            return self._know([(capture, ReadResult(outcome="failed:not-written"))])
        return list(zip(batch, known, strict=True))

    def _reading(self, capture: ReadCapture, result: ReadResult, now: datetime) -> Reading:
        return Reading(
            capture=capture.capture,
            resource=capture.resource,
            extractor=self._extractor,
            outcome=result.outcome,
            at=now,
            key=result.key,
            content=result.content,
            named=result.named,
            matched=result.matched,
            rights=result.rights,
            published_day=result.published_day,
        )

    def _count(self, capture: ReadCapture, result: ReadResult, known: Known) -> None:
        tally = self._tally
        tally.read += 1
        kind, _, reason = result.outcome.partition(":")
        if kind == "article":
            if known.former is None:
                tally.gained += 1
            elif known.revision == known.former:
                tally.same += 1
            else:
                tally.changed += 1
            return
        tally.lost += capture.outcome == "article"
        if kind == "failed":
            tally.failed[reason] += 1
        else:
            tally.refused[reason or kind] += 1

    def _stay_alive(self) -> None:
        if monotonic() - self._beaten < HEARTBEAT:
            return
        self._beaten = monotonic()
        with self._archive.begin() as connection:
            if not beat(connection, self._target.id, self._owner):
                raise StorageError(
                    "another run has taken it, since this one was silent too long", self._target.name, "Run it again."
                )


def _cut(captures: Sequence[ReadCapture]) -> Iterator[Sequence[ReadCapture]]:
    for start in range(0, len(captures), CHUNK):
        yield captures[start : start + CHUNK]
