"""Starting crawls in a crawler process, and reporting on each when it has ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scraper.crawling.budget import GO_ON, BudgetSpent
from scraper.crawling.reports import CrawlReport, write_report
from scraper.crawling.session import CrawlSession
from scraper.crawling.state import CrawlOptions
from scraper.crawling.tally import Tally
from scraper.errors import NothingReached, ScraperError
from scraper.extraction import EXTRACTOR_VERSION, profile_digest
from storage.errors import StorageError
from storage.records import ExtractorName

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import CrawlerProcess
    from twisted.internet.defer import Deferred

    from scraper.config import Config
    from scraper.crawling.routing import Route
    from scraper.crawling.stopping import Stopper
    from scraper.crawling.workers import Workers
    from scraper.fetching.clock import Clock
    from scraper.outlet import Outlet

Observer = Callable[[str, Tally], None]
"""Is told an outlet's name and its counts whenever they change."""


@dataclass(frozen=True, slots=True)
class Job:
    """One outlet to crawl: its profile, its spider, and what is asked."""

    outlet: Outlet
    spider: type[Spider]
    options: CrawlOptions = field(default_factory=CrawlOptions)


class Launcher:
    """Starts crawls in one process, with the same workers and the same clock for all."""

    def __init__(
        self,
        config: Config,
        process: CrawlerProcess,
        workers: Workers,
        clock: Clock,
        observe: Observer,
        stopper: Stopper,
    ) -> None:
        self._config, self._process, self._workers = config, process, workers
        self._clock, self._observe, self._stopper = clock, observe, stopper
        self._running: list[CrawlSession] = []

    def begin(self, job: Job) -> Deferred[CrawlReport]:
        """Start a crawl; its report comes when it has ended."""
        session = self._session(job)
        self._running.append(session)
        # The spider's own settings go over the process's: they must know the flags too.
        job.spider.config = self._config  # type: ignore[attr-defined]
        crawl: Deferred[Any] = self._process.crawl(job.spider, session=session)
        return crawl.addBoth(self._report, session)

    def abandon(self) -> list[CrawlReport]:
        """End all that is still running after the reactor has stopped; blocks."""
        reports = []
        for session in list(self._running):
            session.abandon()
            reports.append(self._report(None, session))
        return reports

    def _session(self, job: Job) -> CrawlSession:
        return CrawlSession(
            self._config,
            job.outlet,
            job.spider.seeds(job.outlet, self._clock.now(), job.options),  # type: ignore[attr-defined]
            job.options,
            workers=self._workers,
            clock=self._clock,
            extractor=ExtractorName(EXTRACTOR_VERSION, profile_digest(job.outlet)),
            observe=lambda tally: self._observe(job.outlet.name, tally),
        )

    def _report(self, result: Any, session: CrawlSession) -> CrawlReport:
        self._running.remove(session)
        tally = session.state.tally
        error = session.state.broken or getattr(result, "value", None)
        # A signal while the engine starts ends the crawl before it asked for anything: that is no end of its own.
        ended = session.finished and not self._stopper.asked
        if self._stopper.asked and not isinstance(error, ScraperError | StorageError):
            error = None  # an engine that is ended before it has started says so by an error of its own
        if error is None and session.state.spent is not None:
            error = BudgetSpent(session.state.spent, session.state.outlet.name, GO_ON)
        if error is None and ended:
            error = nothing_reached(session.state.outlet.name, tally, session.state.route)
        finished = ended and error is None
        report = CrawlReport(
            outlet=session.state.outlet.name,
            finished=finished,
            counts=tally.as_counts(),
            error=error,
            forecast=session.state.forecast,
            crawl=session.crawl,
            began_at=session.state.account.began_at,
            ended_at=self._clock.now(),
        )
        write_report(self._config.archive, report)
        return report


def nothing_reached(outlet: str, tally: Tally, route: Route) -> NothingReached | None:
    """The error of a crawl whose hosts all failed or refused; None where one served, if only to say 'unchanged'.

    A notice in the outlet's place is nothing that it serves.
    """
    reasons = tally.failed + tally.refused
    if tally.articles or tally.listings or route.serves or not reasons:
        return None
    if not tally.pages:
        return NothingReached("none of its hosts could be reached", outlet, "Check the network, or try --domain")
    named = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
    return NothingReached(f"none of its hosts served it ({named})", outlet, "Try again later, or another network")
