"""Running crawls of outlets, one after the other, in one process."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scraper.crawling.budget import GO_ON, BudgetSpent
from scraper.crawling.following import follow_captures
from scraper.crawling.reading import ReadListing
from scraper.crawling.session import CrawlSession
from scraper.crawling.settings import crawl_settings
from scraper.crawling.stamping import stamp_runs
from scraper.crawling.state import CrawlOptions
from scraper.crawling.stopping import Stopper
from scraper.crawling.tally import Tally
from scraper.crawling.workers import Workers
from scraper.errors import ContactMissing, NothingReached, ScraperError, UsageError
from scraper.extraction import EXTRACTOR_VERSION, profile_digest
from scraper.extraction.page import Limits
from scraper.fetching.clock import clock_from
from storage.errors import StorageError
from storage.records import ExtractorName

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import CrawlerProcess
    from twisted.internet.defer import Deferred

    from scraper.config import Config
    from scraper.crawling.routing import Route
    from scraper.fetching.clock import Clock
    from scraper.outlet import Outlet

Observer = Callable[[str, Tally], None]
"""Is told an outlet's name and its counts whenever they change."""


_NOWHERE = frozenset(("example", "invalid", "localhost", "test"))
"""Top-level domains that are kept for tests and examples (RFC 2606, 2)."""

GARBAGE = (10_000, 5, 5)
"""After how many new objects Python looks for cycles (700 by default, which takes a tenth of a crawl's time)."""


@dataclass(frozen=True, slots=True)
class Job:
    """One outlet to crawl: its profile, its spider, and what is asked."""

    outlet: Outlet
    spider: type[Spider]
    options: CrawlOptions = field(default_factory=CrawlOptions)


@dataclass(frozen=True, slots=True)
class CrawlReport:
    """How a crawl ended. `error` is set where it could not begin or had to stop; `finished` is False then, and
    where it was interrupted."""

    outlet: str
    finished: bool
    counts: Mapping[str, Any]
    error: Exception | None = None

    @property
    def failures(self) -> int:
        return sum(self.counts["failures"].values())


def crawl_outlets(
    config: Config, jobs: Sequence[Job], read_listing: ReadListing, *, observe: Observer = lambda name, tally: None
) -> list[CrawlReport]:
    """Crawl each outlet in turn and report on each. Blocks until all have ended or the process is told to stop.

    Raises ContactMissing before anything is asked when a public host would be asked without a contact. What stops
    one crawl (a locked outlet, no host reached) stands in its report.
    """
    for job in jobs:
        demand_contact(config, job.outlet)
    workers = start_workers(config, {job.outlet.name: job.outlet for job in jobs}, read_listing)
    gc.set_threshold(*GARBAGE)
    try:
        reports = _Runner(config, jobs, workers, observe).run()
    finally:
        workers.stop()
    stamp_runs(config)
    if all(report.finished for report in reports):
        follow_captures(config)
    return reports


def demand_contact(config: Config, outlet: Outlet) -> None:
    """Raise ContactMissing where the outlet's hosts are public and no contact is given, UsageError where they are
    nobody's."""
    from scraper.fetching.settings import needs_contact

    hosts = [domain.host for domain in outlet.crawled_domains()]
    if not needs_contact(hosts, config):
        return
    if all(host.rpartition(".")[2] in _NOWHERE for host in hosts):
        raise UsageError(
            "its hosts have names that stand for nothing (RFC 2606)",
            outlet.name,
            "Lead them to a server by --connect-to; `presskeep demo` does it for the bundled outlet.",
        )
    raise ContactMissing(
        "a crawl of public hosts says who crawls, so that its operator can be reached",
        outlet.name,
        "Add --contact you@example.org",
    )


def start_workers(config: Config, outlets: Mapping[str, Outlet], read_listing: ReadListing | None) -> Workers:
    """Start the extraction workers; call it before the reactor is imported."""
    return Workers(
        outlets,
        Limits(page_bytes=config.max_page_bytes),
        read_listing,
        count=config.workers,
        seconds=config.page_seconds,
        memory=config.page_memory,
    )


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


class _Runner:
    def __init__(self, config: Config, jobs: Sequence[Job], workers: Workers, observe: Observer) -> None:
        self._config, self._jobs, self._workers, self._observe = config, jobs, workers, observe
        self._clock: Clock = clock_from(config.now)
        self._reports: list[CrawlReport] = []
        self._running: CrawlSession | None = None

    def run(self) -> list[CrawlReport]:
        from scrapy.crawler import CrawlerProcess

        process = CrawlerProcess({**crawl_settings(self._config, None), "LOG_INSTALL_ROOT_HANDLER": False})
        self._stopper = Stopper(process)
        self._stopper.run(lambda: self._crawl_next(process, iter(self._jobs)))
        if self._running is not None:
            self._running.abandon()
            self._report(None, self._running)
        return self._reports

    def _crawl_next(self, process: CrawlerProcess, jobs: Any) -> None:
        job: Job | None = next(jobs, None)
        if job is None:
            return
        session = self._running = self._session(job)
        # The spider's own settings go over the process's: they must know the flags too.
        job.spider.config = self._config  # type: ignore[attr-defined]
        crawl: Deferred[Any] = process.crawl(job.spider, session=session)
        crawl.addBoth(self._report, session)
        crawl.addCallback(lambda report: self._crawl_next(process, jobs) if self._goes_on(report) else None)

    def _goes_on(self, report: CrawlReport) -> bool:
        """An interrupted crawl ends the run; one that could not begin does not stop the others."""
        return not self._stopper.asked and (report.finished or report.error is not None)

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
        self._running = None
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
        report = CrawlReport(session.state.outlet.name, finished, tally.as_counts(), error)
        self._reports.append(report)
        return report
