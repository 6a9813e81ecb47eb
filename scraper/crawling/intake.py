"""What comes back in a crawl: exchanges are kept, read, and known, in this order."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from scraper.crawling.depth import Depths
from scraper.crawling.media import KEPT as MEDIA_KEPT
from scraper.crawling.media import KIND as MEDIA_KIND
from scraper.crawling.media import count_answer, may_pass, requisites_of
from scraper.crawling.reading import READABLE, ReadResult, ReadTask
from scraper.crawling.visits import after_failure, next_look, next_visit
from scraper.crawling.workers import DAMAGED
from scraper.fetching.conditions import CONDITIONAL
from scraper.fetching.reasons import Declined, outcome_of, reason_of
from storage.captures import PendingCapture, capture_at
from storage.due import finish, forget_whole, has_shown, make_due, restore, withdraw
from storage.errors import ArchiveDamaged, StorageError
from storage.frontier import LISTING, found_by_of
from storage.records import ExtractorName, Failure, Fetch, Found, Kept, Known, Reading
from storage.recovery import pending

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response
    from twisted.python.failure import Failure as TwistedFailure

    from scraper.crawling.state import CrawlState
    from scraper.crawling.workers import Workers
    from storage.exchange import Exchange
    from storage.frontier import Leased

log = logging.getLogger(__name__)

PENDING_AT_ONCE = 64
GONE = frozenset(("refused:status-404", "refused:status-410"))
REFUSALS = frozenset(f"refused:status-{status}" for status in (401, 403, 407, 451))
"""Answers by which a domain refuses us, not a page; 5xx and 429 are others."""
MISLED = frozenset(("private-address", "redirect-loop", "redirect-limit"))
"""Failures of a way that the domain's own answer pointed to."""
OF_THE_PAGE = frozenset(("refused:not-html", "refused:empty", "refused:not-modified"))
"""Answers that another domain would give too."""
PAGE_ALONE = frozenset(("robots", "retry-after", "cancelled", "bad-url", "too-large"))
"""Failures for which an article is not asked of another domain."""


class Intake:
    """Takes what the network gives: to the writer (T1), to the workers, to the writer again (T2)."""

    def __init__(self, state: CrawlState, workers: Workers, extractor: ExtractorName) -> None:
        self._state, self._workers, self._extractor = state, workers, extractor
        self._depths = Depths(state.outlet)

    def keep(self, request: Request) -> None:
        """Hand a request's exchange to the writer; what became of it is awaited by whoever needs it."""
        state = self._state
        exchange: Exchange | None = request.meta.pop("exchange", None)
        if exchange is None:
            return
        leased: Leased | None = request.meta.get("leased")
        media = leased is not None and leased.kind == MEDIA_KIND
        if not media:
            state.tally.pages += 1
            state.tally.bytes += len(exchange.response)
            state.tally.domains[request.url.split("/", 3)[2].partition(":")[0]] += 1
            if exchange.status < 500:
                self._answered(request.url)
        if leased is None:
            state.start(self._keep_robots(request.url, exchange))
            return
        if media:
            outcome = count_answer(self._state, leased, exchange)
        else:
            outcome = outcome_of(exchange, listing=leased.kind not in READABLE)
        if exchange.status == 304 and request.meta.get(CONDITIONAL):
            outcome = "pending"
        now = state.clock.now()
        # Redirects led to no article: it may stand on another domain, so its lease goes on.
        strayed = "redirect_urls" in request.meta and state.outlet.identify(exchange.url) is None
        decided = outcome in ("pending", MEDIA_KEPT) and not (leased.kind == "article" and strayed)
        fetch = Fetch(
            exchange=exchange,
            resource=leased.resource,
            url=exchange.url,
            outcome=outcome,
            at=now,
            final=decided and state.settle(request),
            due_at=_due_when_kept(leased.kind, now),
            redirected_from=next(iter(request.meta.get("redirect_urls", ())[-1:]), None),
            once=media,
        )
        request.meta["kept"] = state.opened.writer.keep(fetch)
        request.meta["outcome"] = outcome
        task = _task(state.outlet.name, leased.kind, leased.key, exchange, now)
        request.meta["task"] = replace(task, media=state.media is not None)

    async def received(self, response: Response) -> list[Request]:
        """A response came through the middlewares: read it, or note that there is nothing to read.

        Gives the request by which it is asked of another domain, where there is one.
        """
        request = response.request
        assert request is not None
        meta = request.meta
        try:
            outcome: str = meta.pop("outcome")
            task: ReadTask = meta.pop("task")
            kept: Kept = await asyncio.wrap_future(meta.pop("kept"))
            if outcome == "pending":
                outcome = await self._read_kept(request, kept.capture, task)
                if outcome == "article" and meta["leased"].attempts:
                    await self._state.run(partial(restore, resource_id=meta["leased"].resource))
                if "settled" in meta or meta["copy"]:
                    self._served(request, outcome)
                    return []
                self._refused(request)
            elif outcome == MEDIA_KEPT:
                self._state.tally.media += 1
                return []
            else:
                self._count_outcome(outcome, kind=meta["leased"].kind)
            return await self._refuse(request, outcome)
        except StorageError as error:
            self._state.break_off(error)
            return []
        finally:
            self._state.done(request)

    async def failed(self, failure: TwistedFailure) -> list[Request]:
        """No response came: ask another domain, or note why, and when to try again."""
        assert failure.value is not None
        request: Request = failure.request  # type: ignore[attr-defined]
        reason = reason_of(failure.value)
        if reason in MISLED:
            self._refused(request)
        other = None if reason in PAGE_ALONE else self._state.elsewhere(request)
        until = failure.value.until if isinstance(failure.value, Declined) else None
        await self.give_up(request, reason, until=until)
        return [other] if other is not None else []

    def led_astray(self, request: Request, reason: str) -> Request | None:
        """End a request whose redirect leads where nothing is asked; gives the one by which another domain is asked."""
        self._refused(request)
        other = self._state.elsewhere(request)
        self._state.start(self.give_up(request, reason))
        return other

    async def give_up(self, request: Request, reason: str, *, until: datetime | None = None) -> None:
        """End a request that gave no exchange, or one that broke off. `until`: its host asked for rest till then."""
        state = self._state
        leased: Leased = request.meta["leased"]
        try:
            if "kept" in request.meta:
                await asyncio.wrap_future(request.meta.pop("kept"))
            now = state.clock.now()
            due = after_failure(leased.kind, now, leased.attempts, until=until, passing=may_pass(reason))
            failure = Failure(leased.resource, request.url, reason, now, state.settle(request), due)
            await asyncio.wrap_future(state.opened.writer.fail(failure))
            (state.tally.media_missing if leased.kind == MEDIA_KIND else state.tally.failed)[reason] += 1
        except StorageError as error:
            state.break_off(error)
        finally:
            state.done(request)

    async def read_pending(self) -> None:
        """Read what an earlier run kept and did not come to read."""
        state, opened = self._state, self._state.opened
        state.working += 1
        try:
            after = 0
            ask = partial(pending, outlet=opened.outlet, limit=PENDING_AT_ONCE)
            while waiting := await state.run(partial(ask, after=after)):
                for each in waiting:
                    if each.capture >= opened.first_capture:
                        return
                    former = await self._former(each.capture)
                    if former is None:
                        await self._call_damaged(each)
                        continue
                    task = replace(_task_again(state.outlet.name, *former), media=state.media is not None)
                    led = await state.run(partial(found_by_of, resource_id=each.resource))
                    await self._read(each.capture, each.resource, task, asked=each.url, found_by=led)
                after = waiting[-1].capture
        except StorageError as error:
            state.break_off(error)
        finally:
            state.working -= 1
            state.on_change()

    async def _read_kept(self, request: Request, capture: int, task: ReadTask) -> str:
        """Read what a request brought, or what it had brought before where its server says that nothing changed."""
        leased: Leased = request.meta["leased"]
        if request.meta.pop(CONDITIONAL, False) and not task.payload:
            former = await self._former(capture)
            if former is None or not former[1].payload:
                return await self._miss_original(leased, capture, task)
            task = replace(_task_again(self._state.outlet.name, *former), media=task.media)
            self._state.tally.unchanged += 1
        return await self._read(
            capture,
            leased.resource,
            task,
            asked=_asked(request),
            copy=request.meta["copy"],
            found_by=leased.found_by,
            first_at=leased.first_at,
        )

    async def _miss_original(self, leased: Leased, capture: int, task: ReadTask) -> str:
        """What the server says has not changed cannot be read back: the page is asked for soon, without conditions."""
        outcome = "refused:not-modified"
        await self._know(self._reading(capture, leased.resource, task, ReadResult(outcome=outcome), copy=False))
        await self._state.run(partial(forget_whole, capture_id=capture, due_at=task.at))
        self._count_outcome(outcome, kind=leased.kind)
        return outcome

    async def _read(
        self,
        capture: int,
        resource: int,
        task: ReadTask,
        *,
        asked: str,
        copy: bool = False,
        found_by: str = "",
        first_at: datetime | None = None,
    ) -> str:
        """Read a capture and write down what it is; gives the outcome. `asked` is the URL that redirects began at.

        `found_by` is what led to its resource, which says of a stylesheet on whose account it is; `first_at` is when
        the resource was first seen.
        """
        result = await self._workers.read(task)
        reading = self._reading(capture, resource, task, result, copy=copy, first_at=first_at)
        reading = replace(reading, found=reading.found + requisites_of(self._state, reading, task, result, found_by))
        try:
            known = await self._know(reading)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this page's outcome and no other's
            log.error("what %s says cannot be written down: %s: %s", task.url, type(error).__name__, error)
            result = ReadResult(outcome="failed:not-written")
            known = await self._know(self._reading(capture, resource, task, result, copy=copy))
        self._count(result, known, copy=copy, kind=task.kind)
        if result.outcome == "notice":
            await self._leave_seized(asked, task, capture)
        return result.outcome

    async def _know(self, reading: Reading) -> Known:
        writer = self._state.opened.writer
        known: Known = await asyncio.wrap_future(writer.know(reading))
        if known.reread is not None:
            await self._reread(known.reread)
            known = await asyncio.wrap_future(writer.know(reading))
        return known

    async def _reread(self, capture: int) -> None:
        """Read the capture that the line showed last with today's extractor, so that its change is no edit."""
        former = await self._former(capture)
        if former is None:
            place = await self._state.run(partial(capture_at, capture_id=capture))
            await self._call_damaged(place)
            return
        again = former[0]
        task = _task_again(self._state.outlet.name, *former)
        result = await self._workers.read(task)
        reading = self._reading(again.capture, again.resource, task, result, copy=True)
        await asyncio.wrap_future(self._state.opened.writer.know(replace(reading, at=self._state.clock.now())))

    async def _former(self, capture: int) -> tuple[PendingCapture, Exchange] | None:
        """A capture read back, with the payload that it refers to; None where its record is damaged."""
        try:
            return await self._state.run(partial(self._state.opened.read_capture, capture_id=capture))
        except ArchiveDamaged as error:
            log.error("a kept page cannot be read back: %s", error)
            return None

    async def _call_damaged(self, place: PendingCapture) -> None:
        """Note that a kept page cannot be read; the crawl goes on without it, and tells it among its failures."""
        reading = Reading(place.capture, place.resource, self._extractor, DAMAGED, self._state.clock.now())
        await asyncio.wrap_future(self._state.opened.writer.know(reading))
        self._count_outcome(DAMAGED, kind=place.kind)

    def _reading(
        self,
        capture: int,
        resource: int,
        task: ReadTask,
        result: ReadResult,
        *,
        copy: bool,
        first_at: datetime | None = None,
    ) -> Reading:
        found = tuple(filter(self._is_wanted, result.found))
        more = self._depths.within(task.kind, task.key, result.more)
        # A section's parts are its menu's sections, each of which begins anew; they lead to no menus.
        parts = result.parts if task.kind == "sections" else self._depths.within(task.kind, task.key, result.parts)
        if self._state.options.full:
            more, parts = (), parts + more
        published = result.content.published.at if result.content and result.content.published else None
        due = next_visit(task.at, published, first_at) if result.outcome == "article" and not copy else None
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
            parts=parts,
            due_at=due,
        )

    def _is_wanted(self, found: Found) -> bool:
        since, until = self._state.options.since, self._state.options.until
        if since is None and until is None:
            return True
        article = self._state.outlet.identify(found.url)
        day = article.day if article else None
        return day is None or ((since is None or day >= since) and (until is None or day <= until))

    async def _refuse(self, request: Request, outcome: str) -> list[Request]:
        """An exchange with nothing of the outlet's in it: a status, a redirect that led nowhere, another type.

        Such an article is asked of another domain; one that is gone only where this domain had never shown it.
        """
        state = self._state
        leased: Leased = request.meta["leased"]
        if outcome in REFUSALS or outcome.startswith("failed:status-"):
            self._refused(request)
        gone = outcome in GONE
        withdrawn = gone and leased.kind == "article" and await self._has_shown(request)
        other = None if withdrawn or outcome in OF_THE_PAGE else state.elsewhere(request, guess=not gone)
        if other is not None:
            return [other]
        if state.settle(request):
            now = state.clock.now()
            due = after_failure(leased.kind, now, leased.attempts, gone=gone, passing=may_pass(outcome))
            if withdrawn:
                await state.run(partial(withdraw, resource_id=leased.resource, at=now))
            await state.run(lambda connection: finish(connection, leased.resource, outcome, due))
        return []

    async def _has_shown(self, request: Request) -> bool:
        """Whether the domain that was asked has shown this article before."""
        standing = self._state.route.standing(_asked(request))
        if standing is None:
            return False
        resource, domain = request.meta["leased"].resource, standing.row.id
        return await self._state.run(partial(has_shown, resource_id=resource, domain_id=domain))

    def _served(self, request: Request, outcome: str) -> None:
        if outcome not in ("notice", MEDIA_KEPT):
            self._state.route.served(_asked(request))

    def _refused(self, request: Request) -> None:
        """A domain that refuses again and again is left for this crawl. Many refuse images where they show pages."""
        state = self._state
        if request.meta["leased"].kind == MEDIA_KIND:
            return
        left = state.route.refused(_asked(request))
        if left is not None:
            log.warning("%s refuses; the crawl goes on without it", left.domain.host)
            state.start(state.set_state(left.row.id, "refusing"))

    async def _keep_robots(self, url: str, exchange: Exchange) -> None:
        opened, now = self._state.opened, self._state.clock.now()
        key = "robots:" + url.split("/", 3)[2]
        found = Found(key=key, kind="robots", url=url, priority=LISTING, due_at=None, found_by="robots")
        resource = await self._state.run(lambda connection: opened.add_one(connection, found, now))
        fetch = Fetch(exchange, resource, exchange.url, "refused:robots-txt", now, final=False, due_at=None)
        await asyncio.wrap_future(opened.writer.keep(fetch))

    async def _leave_seized(self, asked: str, task: ReadTask, capture: int) -> None:
        """A notice stands in the outlet's place: its domain is seized, and its articles are asked elsewhere.

        That ends, though notices stand on every domain: none is asked again once it has been left.
        """
        state = self._state
        state.tally.notices += 1
        standing = state.route.leave(asked)
        if standing is not None:
            await state.set_state(standing.row.id, "seized", capture)
        if task.kind == "article" and not state.route.is_alive(asked):
            now = state.clock.now()
            since = now + timedelta(milliseconds=1)  # this fetch was a fetch too
            await state.run(lambda connection: make_due(connection, [asked], now, since=since))

    def _answered(self, url: str) -> None:
        standing = self._state.route.answered(url)
        if standing is not None and standing.domain.role != "former":
            self._state.start(self._state.set_state(standing.row.id, "serving"))

    def _count(self, result: ReadResult, known: Known, *, copy: bool, kind: str) -> None:
        tally = self._state.tally
        if result.outcome == "article":
            tally.articles += 1
            tally.copies += copy
            tally.new += known.novelty == "new"
            tally.edits += known.novelty == "edit"
            tally.duplicates += known.novelty in ("same", "duplicate")
        elif result.outcome == "listing":
            tally.listings += 1
        elif result.outcome == MEDIA_KEPT:
            tally.media += 1
        else:
            self._count_outcome(result.outcome, kind=kind)

    def _count_outcome(self, outcome: str, *, kind: str) -> None:
        tally = self._state.tally
        verdict, _, reason = outcome.partition(":")
        if verdict in ("refused", "failed"):
            of_pages = tally.refused if verdict == "refused" else tally.failed
            (tally.media_missing if kind == MEDIA_KIND else of_pages)[reason] += 1


def _due_when_kept(kind: str, now: datetime) -> datetime | None:
    """When a resource is due again, until its reading says better."""
    if kind == "article":
        return next_visit(now, None)
    return next_look(now) if kind == "probe" else None


def _asked(request: Request) -> str:
    """The URL that was asked first, before redirects."""
    first: str = next(iter(request.meta.get("redirect_urls", ())), request.url)
    return first


def _task(outlet: str, kind: str, key: str, exchange: Exchange, at: datetime) -> ReadTask:
    return ReadTask(
        outlet=outlet,
        kind=kind,
        key=key,
        url=exchange.url,
        payload=exchange.payload,
        content_encoding=exchange.header("content-encoding"),
        content_type=exchange.header("content-type"),
        at=at,
    )


def _task_again(outlet: str, capture: PendingCapture, exchange: Exchange) -> ReadTask:
    return _task(outlet, capture.kind, capture.key, exchange, capture.at)
