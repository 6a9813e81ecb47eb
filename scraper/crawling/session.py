"""One crawl of one outlet: what is due goes out, what comes back is kept, read and known."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from scrapy import Request

from scraper.crawling.opening import Opened, open_archive
from scraper.crawling.reading import READABLE, ReadResult, ReadTask
from scraper.crawling.routing import Route, scheme_of
from scraper.crawling.tally import Tally
from scraper.crawling.visits import next_try, next_visit
from scraper.fetching.reasons import outcome_of, reason_of
from scraper.fetching.robots import StoredRobots
from storage.crawls import beat, free_hosts, free_outlet
from storage.due import finish, make_due
from storage.errors import StorageError
from storage.exchange import Exchange
from storage.finding import add_found
from storage.frontier import COPY, LISTING, NEW, REVISIT, Leased, extend, lease, release, sample_copies
from storage.outlets import set_domain_state
from storage.records import ExtractorName, Failure, Fetch, Found, Kept, Known, Reading
from storage.recovery import PendingCapture, pending
from storage.robots import KeptRobots, load_robots, save_robots

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from sqlalchemy import Connection
    from twisted.python.failure import Failure as TwistedFailure

    from scraper.config import Config
    from scraper.crawling.workers import Workers
    from scraper.fetching.clock import Clock
    from scraper.outlet import Outlet
    from storage.outlets import DomainState

log = logging.getLogger(__name__)
T = TypeVar("T")

LEASE = timedelta(minutes=10)
HEARTBEAT = 15.0
"""Seconds between two signs of life; storage gives up a holder after 60."""
PENDING_AT_ONCE = 64
GONE = frozenset(("refused:status-404", "refused:status-410"))


@dataclass(frozen=True, slots=True)
class CrawlOptions:
    """What a crawl is asked to do. `limit` bounds the articles fetched; `since` and `until` are days of publication;
    `domains` limits it to some hosts; `full` reads listings to their end though all on them is known."""

    limit: int | None = None
    since: date | None = None
    until: date | None = None
    domains: tuple[str, ...] = ()
    full: bool = False


class CrawlSession:
    """The state of one crawl in this process; its methods run in the reactor's thread and never touch the database.

    All writing goes through the archive's writer thread, all reading of pages through the workers.
    """

    def __init__(
        self,
        config: Config,
        outlet: Outlet,
        seeds: Sequence[Found],
        options: CrawlOptions,
        *,
        workers: Workers,
        clock: Clock,
        extractor: ExtractorName,
        observe: Callable[[Tally], None] = lambda tally: None,
    ) -> None:
        self._config, self.outlet, self._seeds, self._options = config, outlet, seeds, options
        self._workers, self.clock, self._extractor, self._observe = workers, clock, extractor, observe
        self.tally = Tally()
        self.working = 0
        self.broken: Exception | None = None
        self.finished = False
        self.on_change: Callable[[], None] = lambda: None
        self._outstanding: Counter[int] = Counter()
        self._phase = NEW
        self._copied = False
        self._articles_asked = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._opened: Opened
        self._route: Route
        self._crawler: Crawler

    async def load(self, host: str) -> StoredRobots | None:
        """The robots.txt kept for an origin (fetching's RobotsStore)."""
        kept = await self._run(lambda connection: load_robots(connection, host))
        return StoredRobots(kept.host, kept.at, kept.status, kept.body) if kept else None

    async def save(self, stored: StoredRobots) -> None:
        """Keep a robots.txt for the runs to come (fetching's RobotsStore)."""
        kept = KeptRobots(stored.host, stored.at, stored.status, stored.body)
        await self._run(lambda connection: save_robots(connection, kept))

    # the crawl's beginning and end

    async def open(self, crawler: Crawler) -> None:
        """Open the archive, recover what an earlier run left, and make the listings due."""
        self._crawler = crawler
        loop = asyncio.get_running_loop()
        self._opened = await loop.run_in_executor(None, open_archive, self._config, self.outlet, self.clock)
        self._route = Route(self.outlet, self._opened.domains, self._options.domains, self._opened.plain)
        await self._run(self._add_seeds)
        self._start(self._stay_alive())
        self._start(self._read_pending())

    async def close(self, reason: str) -> None:
        """End the crawl: all that was taken is kept and known, or stays pending; leases and locks are given back."""
        if not hasattr(self, "_opened"):
            return
        self.finished = reason == "finished"
        for task in list(self._tasks):
            task.cancel()
        opened, outcome = self._opened, "finished" if self.finished else f"stopped: {reason}"
        counts = self.tally.as_counts()
        loop = asyncio.get_running_loop()
        try:
            if self.broken is None:
                await self._run(lambda connection: self._give_back(connection))
        finally:
            await loop.run_in_executor(None, opened.close, outcome, counts, self.clock.now(), self.broken is None)

    def _add_seeds(self, connection: Connection) -> None:
        now = self.clock.now()
        add_found(connection, self._opened.outlet, self._seeds, now=now, crawl=self._opened.crawl)
        listings = [seed.key for seed in self._seeds if seed.kind != "probe"]
        since = None if self._options.full else self._opened.begun_at
        make_due(connection, self._opened.outlet, listings, now, unless_since=since)

    def _give_back(self, connection: Connection) -> None:
        release(connection, self._opened.owner)
        free_hosts(connection, self._opened.owner)
        free_outlet(connection, self._opened.outlet, self._opened.owner)

    async def _stay_alive(self) -> None:
        owner, outlet = self._opened.owner, self._opened.outlet
        while True:
            await asyncio.sleep(HEARTBEAT)
            await self._run(partial(beat, outlet_id=outlet, owner=owner))
            await self._run(partial(extend, owner=owner, until=self.clock.now() + LEASE))

    # what goes out

    async def next_batch(self, limit: int) -> list[Request] | None:
        """Requests for what is due; empty when more may come from what is under way; None at the crawl's end.

        New articles go out beside the listings; visits of known ones wait for the listings to have been read, since
        a listing's word on their last change decides; copies on mirrors come last.
        """
        while True:
            requests = await self._leased_requests(limit)
            if requests or self.working:
                return requests
            if self._phase == NEW:
                self._phase = REVISIT
            elif not self._copied:
                self._copied = True
                self._phase = COPY
                copies = await self._copy_requests()
                if copies:
                    return copies
            else:
                return None

    async def _leased_requests(self, limit: int) -> list[Request]:
        now, options = self.clock.now(), self._options
        phase = self._phase
        if options.limit is not None:
            left = options.limit - self._articles_asked
            phase = phase if left > 0 else LISTING
            limit = min(limit, left) if left > 0 else limit
        opened = self._opened
        leased = await self._run(
            lambda connection: lease(
                connection, opened.outlet, opened.owner, now=now, until=now + LEASE, limit=limit, max_priority=phase
            )
        )
        requests = []
        for each in leased:
            targets = self._route.targets(each)
            if each.kind == "article":
                self._articles_asked += 1
            if not targets:
                self._start(self._give_up(each.resource, each.locations[0].url, "no-domain", each.attempts))
                continue
            self._outstanding[each.resource] = len(targets)
            self.working += len(targets)
            requests.extend(self._request(url, each) for url in targets)
        return requests

    async def _copy_requests(self) -> list[Request]:
        opened = self._opened
        sample = await self._run(lambda connection: sample_copies(connection, opened.outlet, opened.crawl))
        requests = []
        for each in sample:
            shown = frozenset(place.domain for place in each.locations if place.fetched_at and place.domain is not None)
            url = self._route.article_url([place.url for place in each.locations], besides=shown)
            if url is not None:
                self.working += 1
                requests.append(self._request(url, each, copy=True))
        return requests

    def _request(self, url: str, leased: Leased, *, copy: bool = False) -> Request:
        return Request(
            url,
            callback=self.received,
            errback=self.failed,
            dont_filter=True,
            meta={
                "leased": leased,
                "copy": copy,
                "handle_httpstatus_all": True,
                "attempts": leased.attempts,
            },
        )

    def rerouted(self, request: Request) -> Request | None:
        """The request, or one to another domain where its own has been left; None when it was given up."""
        leased: Leased | None = request.meta.get("leased")
        if leased is None:
            return request
        if self._route.is_alive(request.url):
            url = self._route.asked_as(request.url)
            return request if url == request.url else request.replace(url=url)
        if leased.kind == "article" and not request.meta["copy"]:
            url = self._route.article_url([place.url for place in leased.locations])
            if url is not None:
                return self._request(url, leased)
        self._start(self._ended(request, "domain-left"))
        return None

    # what comes back

    async def keep(self, request: Request) -> None:
        """Hand a request's exchange to the writer; what became of it is awaited by whoever needs it."""
        exchange: Exchange | None = request.meta.pop("exchange", None)
        if exchange is None:
            return
        self.tally.pages += 1
        self.tally.bytes += len(exchange.response)
        host = request.url.split("/", 3)[2].partition(":")[0]
        self.tally.domains[host] += 1
        if exchange.status < 500:
            self._answered(request.url)
        if "leased" not in request.meta:
            self._start(self._keep_robots(request.url, exchange))
            return
        leased: Leased = request.meta["leased"]
        outcome = outcome_of(exchange, listing=leased.kind not in READABLE)
        now = self.clock.now()
        final = outcome == "pending" and not request.meta["copy"] and self._outstanding[leased.resource] == 1
        fetch = Fetch(
            exchange=exchange,
            resource=leased.resource,
            url=exchange.url,
            outcome=outcome,
            at=now,
            final=final,
            due_at=next_visit(now, None) if final and leased.kind == "article" else _probe_due(leased.kind, now),
        )
        request.meta["kept"] = self._opened.writer.keep(fetch)
        request.meta["outcome"], request.meta["task"] = outcome, _task(self.outlet.name, leased, exchange, now)

    async def received(self, response: Response) -> None:
        """A response came through the middlewares: read it, or note that there is nothing to read."""
        request = response.request
        assert request is not None
        leased: Leased = request.meta["leased"]
        outcome: str = request.meta.pop("outcome")
        task: ReadTask = request.meta.pop("task")
        try:
            kept: Kept = await asyncio.wrap_future(request.meta.pop("kept"))
            if outcome != "pending":
                await self._refuse(request, outcome)
                return
            await self._read(kept.capture, leased.resource, task, copy=request.meta["copy"])
        except StorageError as error:
            await self._break(error)
        finally:
            self._done(request)

    async def failed(self, failure: TwistedFailure) -> None:
        """No response came: note why, and when to try again."""
        request: Request = failure.request  # type: ignore[attr-defined]
        reason = reason_of(failure.value)
        if request.meta.get("kept") is not None:
            await asyncio.wrap_future(request.meta.pop("kept"))
        try:
            await self._note_failure(request, reason)
        except StorageError as error:
            await self._break(error)
        finally:
            self._done(request)

    def attempt_failed(self, request: Request, exception: Exception) -> Request | None:
        """An attempt failed, before Scrapy decides on a retry: a domain that fails too often is left at once."""
        reason = reason_of(exception)
        left = self._route.failed(request.url, reason)
        if left is not None:
            log.warning("%s stopped answering (%s); the crawl goes on without it", left.domain.host, reason)
            self._start(self._set_state(left.row.id, "unreachable"))
        if "leased" not in request.meta or request.meta["copy"]:
            return None
        leased: Leased = request.meta["leased"]
        if self._route.is_alive(request.url):
            url = self._route.asked_as(request.url)
            return self._request(url, leased) if url != request.url else None
        if leased.kind != "article":
            return None
        other = self._route.article_url([place.url for place in leased.locations])
        return self._request(other, leased) if other is not None else None

    # reading

    async def _read(self, capture: int, resource: int, task: ReadTask, *, copy: bool = False) -> None:
        result = await self._workers.read(task)
        reading = self._reading(capture, resource, task, result, copy=copy)
        known: Known = await asyncio.wrap_future(self._opened.writer.know(reading))
        if known.reread is not None:
            await self._reread(known.reread)
            known = await asyncio.wrap_future(self._opened.writer.know(reading))
        self._count(result, known, copy=copy)
        if result.outcome == "notice":
            await self._saw_notice(task, resource, capture)

    def _reading(self, capture: int, resource: int, task: ReadTask, result: ReadResult, *, copy: bool) -> Reading:
        found, more = result.found, result.more
        if self._options.since or self._options.until:
            found = tuple(each for each in found if self._in_days(each))
        if self._options.full:
            found, more = found + more, ()
        published = result.content.published.at if result.content and result.content.published else None
        due = next_visit(task.at, published) if result.outcome == "article" and not copy else None
        return Reading(
            capture=capture,
            resource=resource,
            extractor=self._extractor,
            outcome=result.outcome,
            at=task.at,
            key=result.key,
            content=result.content,
            matched=result.matched,
            found=found,
            announced=result.announced,
            published_day=result.published_day,
            more=more,
            due_at=due,
        )

    def _in_days(self, found: Found) -> bool:
        article = self.outlet.identify(found.url)
        day = article.day if article else None
        since, until = self._options.since, self._options.until
        return day is None or ((since is None or day >= since) and (until is None or day <= until))

    async def _reread(self, capture: int) -> None:
        """Read the capture that the line showed last with today's extractor, so that its change is no edit."""
        opened = self._opened
        again, exchange = await self._run(lambda connection: opened.read_capture(connection, capture))
        task = _task_of(self.outlet.name, again, exchange)
        result = await self._workers.read(task)
        await asyncio.wrap_future(
            opened.writer.know(self._reading(again.capture, again.resource, task, result, copy=True))
        )

    async def _read_pending(self) -> None:
        """Read what an earlier run kept and did not come to read."""
        opened = self._opened
        self.working += 1
        try:
            after = 0
            ask = partial(pending, outlet=opened.outlet, limit=PENDING_AT_ONCE)
            while waiting := await self._run(partial(ask, after=after)):
                for each in waiting:
                    if each.capture >= opened.first_capture:
                        return
                    _, exchange = await self._run(partial(opened.read_capture, capture_id=each.capture))
                    await self._read(each.capture, each.resource, _task_of(self.outlet.name, each, exchange))
                after = waiting[-1].capture
        except StorageError as error:
            await self._break(error)
        finally:
            self.working -= 1
            self.on_change()

    # outcomes

    async def _refuse(self, request: Request, outcome: str) -> None:
        leased: Leased = request.meta["leased"]
        kind, _, reason = outcome.partition(":")
        (self.tally.failed if kind == "failed" else self.tally.refused)[reason] += 1
        if not request.meta["copy"] and self._outstanding[leased.resource] == 1:
            gone = outcome in GONE
            due = next_try(self.clock.now(), leased.attempts, gone=gone) if leased.kind == "article" else None
            await self._run(lambda connection: finish(connection, leased.resource, outcome, due))

    async def _note_failure(self, request: Request, reason: str) -> None:
        leased: Leased = request.meta["leased"]
        self.tally.failed[reason] += 1
        final = not request.meta["copy"] and self._outstanding[leased.resource] == 1
        now = self.clock.now()
        due = next_try(now, leased.attempts) if leased.kind == "article" else None
        failure = Failure(leased.resource, request.url, reason, now, final, due)
        await asyncio.wrap_future(self._opened.writer.fail(failure))

    async def _give_up(self, resource: int, url: str, reason: str, attempts: int) -> None:
        now = self.clock.now()
        self.tally.failed[reason] += 1
        await asyncio.wrap_future(
            self._opened.writer.fail(Failure(resource, url, reason, now, True, next_try(now, attempts)))
        )

    async def _ended(self, request: Request, reason: str) -> None:
        try:
            await self._note_failure(request, reason)
        except StorageError as error:
            await self._break(error)
        finally:
            self._done(request)

    async def _keep_robots(self, url: str, exchange: Exchange) -> None:
        opened, now = self._opened, self.clock.now()
        key = "robots:" + url.split("/", 3)[2]
        found = Found(key=key, kind="robots", url=url, priority=LISTING, due_at=None, found_by="robots")
        resource = await self._run(lambda connection: opened.add_one(connection, found, now))
        await asyncio.wrap_future(
            opened.writer.keep(Fetch(exchange, resource, exchange.url, "refused:robots-txt", now, False, None))
        )

    async def _saw_notice(self, task: ReadTask, resource: int, capture: int) -> None:
        """A notice stands in the outlet's place: its domain is seized, and its articles are asked elsewhere."""
        self.tally.notices += 1
        standing = self._route.leave(task.url)
        if standing is not None:
            await self._set_state(standing.row.id, "seized", capture)
        if task.kind == "article" and task.key is not None:
            key = task.key
            await self._run(lambda connection: make_due(connection, self._opened.outlet, [key], self.clock.now()))

    def _answered(self, url: str) -> None:
        standing = self._route.answered(url)
        if standing is not None and standing.domain.role != "former":
            self._start(self._set_state(standing.row.id, "serving"))

    async def _set_state(self, domain: int, state: DomainState, capture: int | None = None) -> None:
        now = self.clock.now()
        await self._run(lambda connection: set_domain_state(connection, domain, state, now, capture))

    def _count(self, result: ReadResult, known: Known, *, copy: bool) -> None:
        kind, _, reason = result.outcome.partition(":")
        if kind == "article":
            self.tally.articles += 1
            self.tally.copies += copy
            self.tally.new += known.novelty == "new"
            self.tally.edits += known.novelty == "edit"
            self.tally.duplicates += known.novelty in ("same", "duplicate")
        elif kind == "listing":
            self.tally.listings += 1
        elif kind == "refused":
            self.tally.refused[reason] += 1
        elif kind == "failed":
            self.tally.failed[reason] += 1
        self._observe(self.tally)

    def _done(self, request: Request) -> None:
        leased: Leased = request.meta["leased"]
        if not request.meta["copy"]:
            self._outstanding[leased.resource] -= 1
            if self._outstanding[leased.resource] <= 0:
                del self._outstanding[leased.resource]
        self.working -= 1
        self._observe(self.tally)
        self.on_change()

    async def _break(self, error: StorageError) -> None:
        """Storage failed: nothing more can be kept, so nothing more is fetched."""
        if self.broken is None:
            self.broken = error
            log.error("the crawl stops: %s", error)
            self._start(self._crawler.engine.close_spider_async(reason="storage"))

    async def _run(self, job: Callable[[Connection], T]) -> T:
        future: Future[T] = self._opened.writer.run(job)
        return await asyncio.wrap_future(future)

    def _start(self, coroutine: Any) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended_task)

    def _ended_task(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            if isinstance(error, StorageError):
                self._start(self._break(error))
            else:
                log.error("a part of the crawl failed", exc_info=error)


def probes(outlet: Outlet, now: datetime) -> tuple[Found, ...]:
    """Former domains are looked at once a day: a notice, or a change of it, is evidence."""
    return tuple(
        Found(f"probe:{domain.host}", "probe", f"{scheme_of(domain)}://{domain.host}/", LISTING, now, "profile")
        for domain in outlet.crawled_domains()
        if domain.role == "former"
    )


def _probe_due(kind: str, now: datetime) -> datetime | None:
    return now + timedelta(days=1) if kind == "probe" else None


def _task(outlet: str, leased: Leased, exchange: Exchange, at: datetime) -> ReadTask:
    return ReadTask(
        outlet=outlet,
        kind=leased.kind,
        key=leased.key,
        url=exchange.url,
        payload=exchange.payload,
        content_encoding=exchange.header("content-encoding"),
        content_type=exchange.header("content-type"),
        at=at,
    )


def _task_of(outlet: str, capture: PendingCapture, exchange: Exchange) -> ReadTask:
    return ReadTask(
        outlet=outlet,
        kind=capture.kind,
        key=capture.key,
        url=exchange.url,
        payload=exchange.payload,
        content_encoding=exchange.header("content-encoding"),
        content_type=exchange.header("content-type"),
        at=capture.at,
    )
