"""Running crawls of outlets, one after the other, in one process."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from scraper.crawling.following import follow_captures
from scraper.crawling.launching import Job, Launcher, Observer
from scraper.crawling.reading import ReadListing
from scraper.crawling.reports import CrawlReport
from scraper.crawling.settings import crawl_settings
from scraper.crawling.stamping import stamp_runs
from scraper.crawling.stopping import Stopper
from scraper.crawling.workers import Workers
from scraper.errors import ContactMissing, UsageError
from scraper.extraction.page import Limits
from scraper.fetching.clock import clock_from

if TYPE_CHECKING:
    from scraper.config import Config
    from scraper.outlet import Outlet

_NOWHERE = frozenset(("example", "invalid", "localhost", "test"))
"""Top-level domains that are kept for tests and examples (RFC 2606, 2)."""

GARBAGE = (10_000, 5, 5)
"""After how many new objects Python looks for cycles (700 by default, which takes a tenth of a crawl's time)."""


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
        runner = _Runner(config, jobs, workers, observe)
        reports = runner.run()
    finally:
        workers.stop()
    if not runner.stopped:  # else the next run asks for them: a signal is obeyed within seconds
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


class _Runner:
    def __init__(self, config: Config, jobs: Sequence[Job], workers: Workers, observe: Observer) -> None:
        self._config, self._jobs, self._workers, self._observe = config, jobs, workers, observe
        self._reports: list[CrawlReport] = []

    def run(self) -> list[CrawlReport]:
        from scrapy.crawler import CrawlerProcess

        process = CrawlerProcess({**crawl_settings(self._config, None), "LOG_INSTALL_ROOT_HANDLER": False})
        self._stopper = Stopper(process)
        clock = clock_from(self._config.now)
        launcher = Launcher(self._config, process, self._workers, clock, self._observe, self._stopper)
        self._stopper.run(lambda: self._crawl_next(launcher, iter(self._jobs)))
        return self._reports + launcher.abandon()

    @property
    def stopped(self) -> bool:
        """Whether a signal ended the run."""
        return self._stopper.asked

    def _crawl_next(self, launcher: Launcher, jobs: Iterator[Job]) -> None:
        job = next(jobs, None)
        if job is not None:
            launcher.begin(job).addCallback(self._ended, launcher, jobs)

    def _ended(self, report: CrawlReport, launcher: Launcher, jobs: Iterator[Job]) -> None:
        """An interrupted crawl ends the run; one that could not begin does not stop the others."""
        self._reports.append(report)
        if not self._stopper.asked and (report.finished or report.error is not None):
            self._crawl_next(launcher, jobs)
