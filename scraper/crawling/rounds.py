"""Crawling outlets whenever something of theirs is due, in one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from scraper.crawling.budget import BudgetSpent
from scraper.crawling.following import follow_captures
from scraper.crawling.launching import Job, Launcher, Observer
from scraper.crawling.planning import when_due
from scraper.crawling.reading import ReadListing
from scraper.crawling.reports import CrawlReport
from scraper.crawling.run import GARBAGE, demand_contact, start_workers
from scraper.crawling.settings import crawl_settings
from scraper.crawling.stamping import stamp_runs
from scraper.crawling.stopping import Stopper
from scraper.fetching.clock import clock_from
from storage.errors import StorageError

if TYPE_CHECKING:
    from scraper.config import Config
    from scraper.crawling.workers import Workers

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=5)
"""Rounds of an outlet begin at multiples of this, counted from midnight UTC, where nothing else is asked."""
REST_AFTER_ERROR = timedelta(minutes=10)
SET_BACK = timedelta(minutes=1)
"""A clock that is further back than it was has been set; less is a clock that is kept right."""
AT_ONCE = 8
"""How many outlets are crawled at the same time; where the clock leaps, one."""
CARE_EVERY = timedelta(hours=1)
"""How often what follows the captures is brought up to date, and time stamps are asked for."""
LOOK_AGAIN_SECONDS = 60.0
"""The longest sleep: a machine that was suspended, or whose clock was set, is noticed after it."""


Care = Callable[[datetime, Callable[[], bool]], None]
"""What is done beside the crawls at an instant (UTC), until the second says that the process was told to stop."""


@dataclass(frozen=True, slots=True)
class Watched:
    """An outlet that is crawled again and again; its rounds begin at multiples of `every` from midnight UTC on, so that
    what comes due between them is done at once."""

    job: Job
    every: timedelta = EVERY

    @property
    def name(self) -> str:
        return self.job.outlet.name


def keep_crawling(
    config: Config,
    watched: Sequence[Watched],
    read_listing: ReadListing,
    *,
    tell: Callable[[CrawlReport], None],
    care: Care = lambda now, stopped: None,
    observe: Observer = lambda name, tally: None,
    lasting: timedelta | None = None,
) -> bool:
    """Crawl each outlet whenever something of it is due, several at the same time, until a signal or for `lasting`.

    `tell` gets the report of every round; `care` is called each hour, in a thread beside the
    crawls. Blocks; gives whether all that was fetched at the end is kept. Raises ContactMissing before anything is
    asked. An archive that was there once is not made anew when it is gone: its disk may come back.
    """
    for each in watched:
        demand_contact(config, each.job.outlet)
    workers = start_workers(config, {each.name: each.job.outlet for each in watched}, read_listing)
    gc.set_threshold(*GARBAGE)
    try:
        rounds = _Rounds(config, watched, workers, tell, care, observe, lasting)
        whole = rounds.run()
    finally:
        workers.stop()
    _follow(config, rounds.stopped.is_set)
    return whole


def _follow(config: Config, stopped: Callable[[], bool]) -> None:
    """Bring up to date what follows the captures, and get the time stamps."""
    stamp_runs(config, stopped=stopped)
    follow_captures(config, stopped=stopped)


def _look_after(config: Config, care: Care, now: datetime, stopped: Callable[[], bool]) -> None:
    """What is done each hour beside the crawls. Nothing of it stops them."""
    _follow(config, stopped)
    try:
        care(now, stopped)
    except (StorageError, OSError) as error:
        log.warning("the look after the archive failed: %s", error)


def next_time(every: timedelta, after: datetime) -> datetime:
    """The first multiple of `every`, counted from midnight UTC, that comes after an instant."""
    midnight = after.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + every * ((after - midnight) // every + 1)


class _Rounds:
    def __init__(
        self,
        config: Config,
        watched: Sequence[Watched],
        workers: Workers,
        tell: Callable[[CrawlReport], None],
        care: Care,
        observe: Observer,
        lasting: timedelta | None,
    ) -> None:
        self._config, self._watched, self._workers = config, watched, workers
        self._tell, self._care, self._observe = tell, care, observe
        self._clock = clock_from(config.now)
        begun = self._clock.now()
        self._until = begun + lasting if lasting is not None else None
        self._care_at = begun + CARE_EVERY
        self._due = {each.name: begun for each in watched}
        self._seen = begun
        self._has_archive = False
        self._busy: dict[asyncio.Future[None], str] = {}
        self._woken: asyncio.Future[None] | None = None
        self._launcher: Launcher
        self._failed: BaseException | None = None
        self.stopped = threading.Event()

    def run(self) -> bool:
        from scrapy.crawler import CrawlerProcess

        process = CrawlerProcess({**crawl_settings(self._config, None), "LOG_INSTALL_ROOT_HANDLER": False})
        self._stopper = Stopper(process, on_stop=self._leave)
        self._launcher = Launcher(self._config, process, self._workers, self._clock, self._observe, self._stopper)
        self._stopper.run(self._begin, until_ended=True)
        abandoned = self._launcher.abandon()
        for report in abandoned:
            self._tell(report)
        if self._failed is not None:
            raise self._failed
        return all(report.error is None for report in abandoned)

    def _begin(self) -> None:
        from scrapy.utils.reactor import install_reactor

        install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
        from twisted.internet import reactor

        reactor.callWhenRunning(lambda: asyncio.ensure_future(self._go_round()))

    async def _go_round(self) -> None:
        try:
            while not self._is_over():
                self._begin_due()
                await self._wait()
            await asyncio.gather(*self._busy)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the reactor has stopped
            self._failed = error
        finally:
            self._stopper.end()

    def _is_over(self) -> bool:
        return self._stopper.asked or (self._until is not None and self._clock.now() >= self._until)

    def _begin_due(self) -> None:
        """Begin the rounds that are due, those that wait longest first."""
        now, running = self._clock.now(), set(self._busy.values())
        self._heed_set_clock(now)
        most = 1 if self._clock.leaps else AT_ONCE
        if self._care_at <= now and "" not in running and not (self._clock.leaps and running):
            self._care_at = now + CARE_EVERY
            self._start("", self._look_after())
        for each in sorted(self._watched, key=lambda each: self._due[each.name]):
            if self._due[each.name] <= now and each.name not in running and len(self._busy) < most:
                self._start(each.name, self._round(each))

    def _heed_set_clock(self, now: datetime) -> None:
        """Let nothing wait for a time to come again, where the clock was set back meanwhile."""
        if self._seen - now > SET_BACK:
            self._care_at = now
            self._due = dict.fromkeys(self._due, now)
        self._seen = now

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._busy[task] = name

    async def _round(self, watched: Watched) -> None:
        from scrapy.utils.defer import maybe_deferred_to_future

        job = watched.job
        if self._has_archive:
            job = replace(job, options=replace(job.options, create=False))
        report = await maybe_deferred_to_future(self._launcher.begin(job))
        self._has_archive |= report.crawl is not None
        self._tell(report)
        rest = timedelta(0) if report.error is None or isinstance(report.error, BudgetSpent) else REST_AFTER_ERROR
        due = max(self._clock.now() + rest, await self._next_due(watched))
        self._due[watched.name] = next_time(watched.every, due)

    async def _next_due(self, watched: Watched) -> datetime:
        """When there is something to do again; soon where the archive cannot be asked."""
        now = self._clock.now()
        try:
            when = await asyncio.to_thread(when_due, self._config, [watched.job.outlet], now)
        except StorageError as error:
            log.warning("what is due cannot be asked for, which is tried again: %s", error)
            return now + REST_AFTER_ERROR
        return when[watched.name]

    async def _look_after(self) -> None:
        await asyncio.to_thread(_look_after, self._config, self._care, self._clock.now(), self.stopped.is_set)

    async def _wait(self) -> None:
        """Wait until a round ends, the next one is due, or the process is told to stop."""
        now = self._clock.now()
        running = set(self._busy.values())
        resting = [at for name, at in self._due.items() if name not in running]
        soonest = min([*resting, self._care_at, *([self._until] if self._until else [])])
        if self._clock.leaps and not self._busy:
            self._clock.leap(soonest)
            await asyncio.sleep(0)
            return
        if len(self._busy) >= AT_ONCE or self._clock.leaps:
            seconds = LOOK_AGAIN_SECONDS
        else:
            seconds = min(max(0.0, (soonest - now).total_seconds()), LOOK_AGAIN_SECONDS)
        self._woken = asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait([*self._busy, self._woken], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {self._woken}:
            del self._busy[task]
            task.result()

    def _leave(self) -> None:
        self.stopped.set()
        self._wake()

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)
