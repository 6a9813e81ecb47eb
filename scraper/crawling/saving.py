"""Keeping what one-off fetches bring: exchanges, articles, and ad-hoc outlets for sites without a profile."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scraper.crawling.adhoc import page_key, registrable_domain
from scraper.crawling.describing import describe_run
from scraper.crawling.media import media_found, names_of
from scraper.crawling.opening import facts_of
from scraper.crawling.passing import Passed, hop_found, keep_last, keep_passed
from scraper.crawling.reading import ReadTask
from scraper.crawling.stamping import stamp_runs
from scraper.crawling.tally import Tally
from scraper.extraction import EXTRACTOR_VERSION, profile_digest
from storage.archive import Archive
from storage.captures import PendingCapture, capture_at, read_capture
from storage.crawls import begin_crawl, end_crawl
from storage.finding import owner_of, resource_at
from storage.frontier import MEDIA, NEW, due_for
from storage.keys import current_text
from storage.outlets import kind_of, sync_outlet
from storage.owners import new_owner
from storage.records import DomainFacts, ExtractorName, Failure, Fetch, Found, Reading
from storage.rehoming import bind_redirects
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
TEASER = "refused:paywall"
"""The outcome of a page that holds no more than the beginning of its article."""


@dataclass(slots=True)
class _Run:
    name: str
    outlet: int
    crawl: int
    writer: Writer
    saved: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: the exchange, the redirects on the way to it, its outcome ('pending' where it was read),
    what was read, and when it came (UTC)."""

    exchange: Exchange
    hops: tuple[Exchange, ...]
    outcome: str
    result: ReadResult
    at: datetime


@dataclass(frozen=True, slots=True)
class Saved:
    """An article that was saved, by its KEY; with its resource, those whose redirects led to it, and what its outlet
    is opened by again."""

    key: str
    resource: int
    led_by: tuple[int, ...]
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

    def save(self, answer: Answer, outlet: Outlet | None) -> Future[Saved | Stale | None]:
        """Keep an answer with its redirects, and its article where there is one; gives that once it is committed.

        Gives Stale where an earlier capture must be read again first, so that a better extractor makes no edit.
        """
        return self._thread.submit(self._save, answer, outlet)

    def fail(
        self, url: str, hops: tuple[Exchange, ...], outlet: Outlet | None, reason: str, at: datetime
    ) -> Future[None]:
        """Keep redirects that led to no page, and write down why the URL where they ended gave none.

        `outlet` is that of the URL where they began.
        """
        return self._thread.submit(self._fail, url, hops, outlet, reason, at)

    def finish(self, stale: Stale, again: ReadResult, at: datetime) -> Future[Saved | None]:
        """Save a page whose former capture has been read again."""
        return self._thread.submit(self._finish, stale, again, at)

    def due_media(self, saved: Saved) -> Future[list[DueMedia]]:
        """What a saved page and its stylesheets need and nobody has asked for yet."""
        return self._thread.submit(self._due_media, saved)

    def save_media(self, saved: Saved, due: DueMedia, answer: Answer, due_at: datetime | None) -> Future[None]:
        """Keep a requisite, and what it leads to where it was read ('pending')."""
        return self._thread.submit(self._save_media, saved, due, answer, due_at)

    def fail_media(
        self,
        saved: Saved,
        due: DueMedia,
        hops: tuple[Exchange, ...],
        reason: str,
        at: datetime,
        due_at: datetime | None,
    ) -> Future[None]:
        """Write down that a requisite gave no exchange but the redirects on the way."""
        failure = Failure(due.resource, due.url, reason, at, final=True, due_at=due_at)
        return self._thread.submit(self._fail_media, saved, hops, failure)

    def close(self) -> None:
        """Finish what was given, end the runs, close the archive, and have the runs stamped where that is asked."""
        self._thread.shutdown(wait=True)
        try:
            while self._runs:
                self._end_oldest()
        finally:
            self._archive.close()
        stamp_runs(self._config)

    def _save(self, answer: Answer, outlet: Outlet | None) -> Saved | Stale | None:
        exchange, result, at = answer.exchange, answer.result, answer.at
        name, key = self._place(exchange.url, outlet, result.key)
        run = self._run(name, outlet, exchange.url, at)
        content, verdict = self._verdict(result)
        if content is not None and result.outcome == TEASER and self._has_more(name, key, content):
            content, verdict = None, result.outcome
        found = Found(key, "article" if content else "page", exchange.url, NEW, None, found_by="fetch", how="fetched")
        resource, passed = self._resources(run, found, answer.hops, outlet, at)
        last = Fetch(exchange, resource, exchange.url, answer.outcome, at, final=False, due_at=None)
        kept = keep_last(run.writer, passed, last)
        run.saved += 1
        if answer.outcome != "pending":
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
            rights=result.rights,
            published_day=result.published_day,
            found=media_found(result.media, resource, at) if content else (),
        )
        saved = Saved(f"{name}:{key}", resource, passed.resources, name, outlet, exchange.url)
        known = run.writer.know(reading).result()
        if known.reread is not None:
            return self._stale(known.reread, reading, saved)
        return _bound(run, saved) if content else None

    def _fail(self, url: str, hops: tuple[Exchange, ...], outlet: Outlet | None, reason: str, at: datetime) -> None:
        asked = hops[0].url
        name, _ = self._place(asked, outlet, None)
        run = self._run(name, outlet, asked, at)
        ended = hop_found(url, _hop_key(url, name, outlet))
        resource, passed = self._resources(run, ended, hops, outlet, at)
        keep_passed(run.writer, passed, at)
        run.writer.fail(Failure(resource, url, reason, at, final=False, due_at=None)).result()
        run.saved += 1

    def _place(self, url: str, outlet: Outlet | None, key: str | None) -> tuple[str, str]:
        """The outlet (by name) that a page is saved in, and its key there: a URL that is known stays where it is."""
        name = outlet.name if outlet else registrable_domain(url)
        with self._archive.read() as connection:
            owner = owner_of(connection, url)
        if owner is not None and owner.outlet != name:
            return owner.outlet, owner.key
        return name, key or page_key(url, name)

    def _has_more(self, outlet: str, key: str, teaser: ArticleContent) -> bool:
        """Whether a longer text is current: whoever asks for a teaser does not ask to have it in its place."""
        with self._archive.read() as connection:
            text = current_text(connection, outlet, key)
        return text is not None and len(text) > len(teaser.body)

    def _resources(
        self, run: _Run, found: Found, hops: tuple[Exchange, ...], outlet: Outlet | None, at: datetime
    ) -> tuple[int, Passed]:
        """The resource of a page, and the redirects to it with theirs; what is not known yet is added."""
        founds = [found, *(hop_found(hop.url, _hop_key(hop.url, run.name, outlet)) for hop in hops)]

        def add(connection: Connection) -> list[int]:
            return [resource_at(connection, run.outlet, each, now=at, crawl=run.crawl) for each in founds]

        resource, *others = run.writer.run(add).result()
        return resource, Passed(hops, tuple(others))

    def _stale(self, former: int, reading: Reading, saved: Saved) -> Stale:
        with self._archive.read() as connection:
            place = capture_at(connection, former)
        exchange = read_capture(self._archive.folder, place)
        task = ReadTask.of(
            exchange,
            outlet=saved.outlet.name if saved.outlet else None,
            kind="page",
            key=None,
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
            rights=again.rights,
            published_day=again.published_day,
            found=(),
        )
        run.writer.know(reread).result()
        run.writer.know(stale.reading).result()
        return _bound(run, stale.saved) if stale.reading.content else None

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

    def _save_media(self, saved: Saved, due: DueMedia, answer: Answer, due_at: datetime | None) -> None:
        at, result = answer.at, answer.result
        run = self._run_of(saved, at)
        last = Fetch(answer.exchange, due.resource, due.url, answer.outcome, at, final=True, due_at=due_at, once=True)
        kept = keep_last(run.writer, _to_requisite(due.resource, answer.hops), last)
        if answer.outcome != "pending":
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

    def _fail_media(self, saved: Saved, hops: tuple[Exchange, ...], failure: Failure) -> None:
        run = self._run_of(saved, failure.at)
        keep_passed(run.writer, _to_requisite(failure.resource, hops), failure.at, once=True)
        run.writer.fail(failure).result()

    def _run_of(self, saved: Saved, at: datetime) -> _Run:
        return self._run(saved.name, saved.outlet, saved.url, at)

    def _run(self, name: str, profile: Outlet | None, url: str, at: datetime) -> _Run:
        """The run over an outlet, begun where there is none. The profile's outlet may be another than the page's."""
        self._last = at
        run = self._runs.get(name)
        if run is not None:
            self._runs.move_to_end(name)
            return run
        while len(self._runs) >= WRITERS:
            self._end_oldest()
        outlet = profile if profile is not None and profile.name == name else None
        policy = "ignore" if self._config.ignore_robots else "obey"
        with self._archive.begin() as connection:
            outlet_id = sync_outlet(connection, name, *_outlet_facts(connection, name, outlet, url), at)
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
            self._archive,
            crawl=crawl,
            outlet=outlet_id,
            owner=new_owner(),
            warcinfo=describe_run(self._config, outlet),
            now=lambda: self._last or at,
        )
        writer.start()
        self._runs[name] = run = _Run(name, outlet_id, crawl, writer)
        return run

    def _end_oldest(self) -> None:
        _, run = self._runs.popitem(last=False)
        run.writer.close()
        assert self._last is not None
        with self._archive.begin() as connection:
            end_crawl(connection, run.crawl, "finished", {"pages": run.saved}, self._last)


def _extractor_for(outlet: Outlet | None) -> ExtractorName:
    return ExtractorName(EXTRACTOR_VERSION, profile_digest(outlet) if outlet else "")


def _outlet_facts(
    connection: Connection, name: str, outlet: Outlet | None, url: str
) -> tuple[str, Sequence[DomainFacts]]:
    """An outlet's kind and domains: its profile's, or the host of the page that made an ad-hoc outlet of its site."""
    if outlet is not None:
        return "profile", facts_of(outlet)
    if registrable_domain(url) != name:
        return kind_of(connection, name) or "adhoc", []
    host = urlsplit(url).hostname or ""
    return "adhoc", [DomainFacts(host, "", "primary", None, None, None, 0, "page")]


def _bound(run: _Run, saved: Saved) -> Saved:
    """An article that was saved; the pages whose redirects led to it show it too from now on."""
    if saved.led_by:
        run.writer.run(lambda connection: bind_redirects(connection, saved.led_by, saved.resource)).result()
    return saved


def _hop_key(url: str, name: str, outlet: Outlet | None) -> str:
    identified = outlet.identify(url) if outlet else None
    return identified.key if identified else page_key(url, name)


def _to_requisite(resource: int, hops: tuple[Exchange, ...]) -> Passed:
    """Redirects to a requisite are its own, as in a crawl."""
    return Passed(hops, (resource,) * len(hops))
