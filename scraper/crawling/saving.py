"""Keeping what one-off fetches bring: exchanges, articles, and ad-hoc outlets for sites without a profile."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scraper.crawling.describing import describe_run
from scraper.crawling.media import media_found, names_of
from scraper.crawling.opening import facts_of
from scraper.crawling.reading import ReadTask
from scraper.crawling.stamping import stamp_runs
from scraper.crawling.tally import Tally
from scraper.extraction import EXTRACTOR_VERSION, profile_digest
from storage.archive import Archive
from storage.captures import PendingCapture, capture_at, read_capture
from storage.crawls import begin_crawl, end_crawl
from storage.finding import add_found, resources_by_key
from storage.frontier import MEDIA, NEW, due_for
from storage.outlets import sync_outlet
from storage.owners import new_owner
from storage.records import DomainFacts, ExtractorName, Failure, Fetch, Found, Reading
from storage.urls import canonical_url
from storage.writer import Writer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from scraper.config import Config
    from scraper.crawling.reading import ReadResult
    from scraper.outlet import Outlet
    from storage.content import ArticleContent
    from storage.exchange import Exchange

WRITERS = 4
"""Outlets written to at once; each has a WARC file of its own."""


@dataclass(slots=True)
class _Run:
    outlet: int
    crawl: int
    writer: Writer
    saved: int = 0


@dataclass(frozen=True, slots=True)
class Saved:
    """An article that was saved, by its KEY; with its resource, and what its outlet is opened by again."""

    key: str
    resource: int
    name: str
    outlet: Outlet | None
    url: str


@dataclass(frozen=True, slots=True)
class Stale:
    """A kept page whose text is not saved yet: its address showed another text, as another extractor read it.

    `task` is to read the former capture again; `finish` takes what that gave, and saves the page's own text.
    """

    task: ReadTask
    former: PendingCapture
    reading: Reading
    saved: Saved


@dataclass(frozen=True, slots=True)
class DueMedia:
    """A requisite of a saved page that nobody has asked for; `attempts` gave nothing."""

    resource: int
    url: str
    found_by: str
    attempts: int


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
        self.tally = Tally()

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def save(
        self, exchange: Exchange, outlet: Outlet | None, outcome: str, result: ReadResult, at: datetime
    ) -> Future[Saved | Stale | None]:
        """Keep an exchange, and its article where there is one; gives the article once it is committed.

        Gives Stale where an earlier capture must be read again first, so that a better extractor makes no edit.
        """
        return self._thread.submit(self._save, exchange, outlet, outcome, result, at)

    def finish(self, stale: Stale, again: ReadResult, at: datetime) -> Future[Saved | None]:
        """Save a page whose former capture has been read again."""
        return self._thread.submit(self._finish, stale, again, at)

    def due_media(self, saved: Saved) -> Future[list[DueMedia]]:
        """What a saved page and its stylesheets need and nobody has asked for yet."""
        return self._thread.submit(self._due_media, saved)

    def save_media(
        self,
        saved: Saved,
        due: DueMedia,
        exchange: Exchange,
        outcome: str,
        result: ReadResult,
        at: datetime,
        due_at: datetime | None,
    ) -> Future[None]:
        """Keep a requisite, and what it leads to where it was read ('pending')."""
        return self._thread.submit(self._save_media, saved, due, exchange, outcome, result, at, due_at)

    def fail_media(
        self, saved: Saved, due: DueMedia, reason: str, at: datetime, due_at: datetime | None
    ) -> Future[None]:
        """Write down that a requisite gave no exchange."""
        failure = Failure(due.resource, due.url, reason, at, final=True, due_at=due_at)
        return self._thread.submit(lambda: self._run_of(saved, at).writer.fail(failure).result())

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
    ) -> Saved | Stale | None:
        self._last = at
        name = outlet.name if outlet else registrable_domain(exchange.url)
        run = self._run(name, outlet, exchange.url, at)
        content, verdict = self._verdict(result)
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
            extractor=_extractor_for(outlet),
            outcome=verdict,
            at=at,
            key=key if content else None,
            content=content,
            matched=result.matched,
            published_day=result.published_day,
            found=media_found(result.media, resource, at) if content else (),
        )
        saved = Saved(f"{name}:{key}", resource, name, outlet, exchange.url)
        known = run.writer.know(reading).result()
        if known.reread is not None:
            return self._stale(known.reread, reading, saved)
        return saved if content else None

    def _stale(self, former: int, reading: Reading, saved: Saved) -> Stale:
        with self._archive.read() as connection:
            place = capture_at(connection, former)
        exchange = read_capture(self._archive.folder, place)
        task = ReadTask(
            outlet=saved.outlet.name if saved.outlet else None,
            kind="page",
            key=None,
            url=exchange.url,
            payload=exchange.payload,
            content_encoding=exchange.header("content-encoding"),
            content_type=exchange.header("content-type"),
            at=place.at,
        )
        return Stale(task, place, reading, saved)

    def _finish(self, stale: Stale, again: ReadResult, at: datetime) -> Saved | None:
        run = self._run_of(stale.saved, at)
        content, verdict = self._verdict(again)
        reread = replace(
            stale.reading,
            capture=stale.former.capture,
            resource=stale.former.resource,
            outcome=verdict,
            at=at,
            key=stale.reading.key if content else None,
            content=content,
            matched=again.matched,
            published_day=again.published_day,
            found=(),
        )
        run.writer.know(reread).result()
        run.writer.know(stale.reading).result()
        return stale.saved if stale.reading.content else None

    def _verdict(self, result: ReadResult) -> tuple[ArticleContent | None, str]:
        """The content to save, and the outcome to write down with it."""
        if result.content is None and self._take_any and result.candidate is not None:
            return result.candidate, "article"
        return result.content, result.outcome

    def _due_media(self, saved: Saved) -> list[DueMedia]:
        assert self._last is not None
        run = self._run_of(saved, self._last)
        due = run.writer.run(lambda each: due_for(each, run.outlet, MEDIA, names_of(saved.resource))).result()
        placed = [each for each in due if each.locations]
        return [DueMedia(each.resource, each.locations[0].url, each.found_by, each.attempts) for each in placed]

    def _save_media(
        self,
        saved: Saved,
        due: DueMedia,
        exchange: Exchange,
        outcome: str,
        result: ReadResult,
        at: datetime,
        due_at: datetime | None,
    ) -> None:
        run = self._run_of(saved, at)
        fetch = Fetch(exchange, due.resource, due.url, outcome, at, final=True, due_at=due_at, once=True)
        kept = run.writer.keep(fetch).result()
        if outcome != "pending":
            return
        reading = Reading(
            capture=kept.capture,
            resource=due.resource,
            extractor=_extractor_for(saved.outlet),
            outcome=result.outcome,
            at=at,
            found=media_found(result.media, saved.resource, at, by_style=True),
        )
        run.writer.know(reading).result()

    def _run_of(self, saved: Saved, at: datetime) -> _Run:
        self._last = at
        return self._run(saved.name, saved.outlet, saved.url, at)

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


def _extractor_for(outlet: Outlet | None) -> ExtractorName:
    return ExtractorName(EXTRACTOR_VERSION, profile_digest(outlet) if outlet else "")


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
