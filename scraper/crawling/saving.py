"""Keeping what one-off fetches bring: exchanges, articles, and ad-hoc outlets for sites without a profile."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scraper.crawling.describing import describe_run
from scraper.crawling.opening import facts_of
from scraper.crawling.stamping import stamp_runs
from scraper.extraction import EXTRACTOR_VERSION, profile_digest
from storage.archive import Archive
from storage.crawls import begin_crawl, end_crawl
from storage.finding import add_found, resources_by_key
from storage.frontier import NEW
from storage.outlets import sync_outlet
from storage.owners import new_owner
from storage.records import DomainFacts, ExtractorName, Fetch, Found, Reading
from storage.urls import canonical_url
from storage.writer import Writer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from scraper.config import Config
    from scraper.crawling.reading import ReadResult
    from scraper.outlet import Outlet
    from storage.exchange import Exchange

WRITERS = 4
"""Outlets written to at once; each has a WARC file of its own."""


@dataclass(slots=True)
class _Run:
    outlet: int
    crawl: int
    writer: Writer
    saved: int = 0


class Saver:
    """Saves fetched pages, one after the other, on a thread of its own. Use as a context manager.

    A site without a profile becomes an ad-hoc outlet named by its registrable domain (from the bundled list of
    public suffixes). With `take_any`, what extraction refused but could read is saved as an article too.
    """

    def __init__(self, config: Config, *, take_any: bool = False) -> None:
        self._config, self._take_any = config, take_any
        self._archive = Archive.open(config.archive, config.database, create=True)
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="saver")
        self._last: datetime | None = None

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def save(
        self, exchange: Exchange, outlet: Outlet | None, outcome: str, result: ReadResult, at: datetime
    ) -> Future[str | None]:
        """Keep an exchange, and its article where there is one; gives the article's KEY once it is committed."""
        return self._thread.submit(self._save, exchange, outlet, outcome, result, at)

    def close(self) -> None:
        """Finish what was given, end the runs, close the archive, and have the runs stamped where that is asked."""
        self._thread.shutdown(wait=True)
        try:
            while self._runs:
                self._end_oldest()
        finally:
            self._archive.close()
        stamp_runs(self._config)

    def _save(
        self, exchange: Exchange, outlet: Outlet | None, outcome: str, result: ReadResult, at: datetime
    ) -> str | None:
        self._last = at
        name = outlet.name if outlet else registrable_domain(exchange.url)
        run = self._run(name, outlet, exchange.url, at)
        content, verdict = result.content, result.outcome
        if content is None and self._take_any and result.candidate is not None:
            content, verdict = result.candidate, "article"
        key = result.key or page_key(exchange.url, name)
        found = Found(key, "article" if content else "page", exchange.url, NEW, None, found_by="fetch", how="fetched")
        resource = run.writer.run(lambda connection: _resource(connection, run, found, at)).result()
        kept = run.writer.keep(Fetch(exchange, resource, exchange.url, outcome, at, final=False, due_at=None)).result()
        run.saved += 1
        if outcome != "pending":
            return None
        reading = Reading(
            capture=kept.capture,
            resource=resource,
            extractor=ExtractorName(EXTRACTOR_VERSION, profile_digest(outlet) if outlet else ""),
            outcome=verdict,
            at=at,
            key=key if content else None,
            content=content,
            matched=result.matched,
            published_day=result.published_day,
        )
        run.writer.know(reading).result()
        return f"{name}:{key}" if content else None

    def _run(self, name: str, outlet: Outlet | None, url: str, at: datetime) -> _Run:
        run = self._runs.get(name)
        if run is not None:
            self._runs.move_to_end(name)
            return run
        while len(self._runs) >= WRITERS:
            self._end_oldest()
        host = urlsplit(url).hostname or ""
        domains = facts_of(outlet) if outlet else [DomainFacts(host, "", "primary", None, None, None, 0, "page")]
        policy = "ignore" if self._config.ignore_robots else "obey"
        with self._archive.begin() as connection:
            outlet_id = sync_outlet(connection, name, "profile" if outlet else "adhoc", domains, at)
            crawl = begin_crawl(
                connection,
                outlet_id,
                "fetch",
                operator=self._config.contact,
                robots_policy=policy,
                now=at,
                stamp_authority=self._config.time_stamp_authority,
            )
        writer = Writer(
            self._archive, crawl=crawl, outlet=outlet_id, owner=new_owner(), warcinfo=describe_run(self._config, outlet)
        )
        writer.start()
        self._runs[name] = run = _Run(outlet_id, crawl, writer)
        return run

    def _end_oldest(self) -> None:
        _, run = self._runs.popitem(last=False)
        run.writer.close()
        assert self._last is not None
        with self._archive.begin() as connection:
            end_crawl(connection, run.crawl, "finished", {"pages": run.saved}, self._last)


def _resource(connection: Connection, run: _Run, found: Found, at: datetime) -> int:
    add_found(connection, run.outlet, (found,), now=at, crawl=run.crawl)
    return resources_by_key(connection, run.outlet, [found.key])[found.key]


def registrable_domain(url: str) -> str:
    """The registrable domain of a URL's host, by the public suffix list that is bundled; an address as it stands."""
    from tldextract import TLDExtract

    host = urlsplit(url).hostname or ""
    found = TLDExtract(suffix_list_urls=(), cache_dir=None)(host)
    return found.top_domain_under_public_suffix or host


def page_key(url: str, outlet: str) -> str:
    """The identity of a page of an ad-hoc outlet: its canonical URL without scheme and the outlet's own host."""
    parts = urlsplit(canonical_url(url))
    host = (parts.netloc or "").removeprefix("www.")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return path if host == outlet else host + path
