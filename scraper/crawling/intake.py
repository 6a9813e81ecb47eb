"""What comes back in a crawl: exchanges are kept, read, and known, in this order."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from scraper.crawling.media import KEPT as MEDIA_KEPT
from scraper.crawling.media import KIND as MEDIA_KIND
from scraper.crawling.media import count_answer, may_pass
from scraper.crawling.polling import UNREAD
from scraper.crawling.reading import READABLE, ReadTask
from scraper.crawling.visits import after_failure, next_look, next_visit
from scraper.fetching.conditions import CONDITIONAL
from scraper.fetching.manners import RESTS_UNTIL
from scraper.fetching.outcomes import outcome_of
from scraper.fetching.reasons import Declined, reason_of
from storage.due import finish, has_shown, restore, withdraw
from storage.errors import StorageError
from storage.frontier import LISTING
from storage.host_rests import note_rest
from storage.records import Failure, Fetch, Found, Kept

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response
    from twisted.python.failure import Failure as TwistedFailure

    from scraper.crawling.learning import Learner
    from scraper.crawling.state import CrawlState
    from storage.exchange import Exchange
    from storage.frontier import Leased

log = logging.getLogger(__name__)

GONE = frozenset(("refused:status-404", "refused:status-410"))
REFUSALS = frozenset(f"refused:status-{status}" for status in (401, 403, 407, 451))
"""Answers by which a domain refuses us, not a page; 5xx and 429 are others."""
MISLED = frozenset(("private-address", "redirect-loop", "redirect-limit"))
"""Failures of a way that the domain's own answer pointed to."""
OF_THE_PAGE = frozenset(("refused:not-html", "refused:empty", "refused:not-modified"))
"""Answers that another domain would give too."""
RESTED = "failed:retry-after"
"""The outcome of what a host answered with a wish for rest."""
PAGE_ALONE = frozenset(("robots", "retry-after", "cancelled", "bad-url", "too-large"))
"""Failures for which an article is not asked of another domain."""


class Intake:
    """Takes what the network gives: to the writer (T1), to the workers, to the writer again (T2)."""

    def __init__(self, state: CrawlState, learner: Learner) -> None:
        self._state, self._learner = state, learner

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
        if RESTS_UNTIL in request.meta:
            state.start(self._note_rest(request))
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
            due_at=self._due_when_kept(leased, now),
            redirected_from=next(iter(request.meta.get("redirect_urls", ())[-1:]), None),
            once=media,
        )
        request.meta["kept"] = state.opened.writer.keep(fetch)
        request.meta["outcome"] = outcome
        request.meta["task"] = ReadTask.of(
            exchange,
            outlet=state.outlet.name,
            kind=leased.kind,
            key=leased.key,
            at=now,
            media=state.media is not None,
        )

    def _due_when_kept(self, leased: Leased, now: datetime) -> datetime | None:
        """When a resource is due again, until its reading says better."""
        if leased.kind == "article":
            return next_visit(now, None)
        if leased.resource in self._state.polling:
            return now + UNREAD
        return next_look(now) if leased.kind == "probe" else None

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
                outcome = await self._learner.read_kept(
                    meta["leased"],
                    kept.capture,
                    task,
                    asked=_asked(request),
                    copy=meta["copy"],
                    conditional=meta.pop(CONDITIONAL, False),
                )
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
                self._state.tally.count_outcome(outcome, kind=meta["leased"].kind)
                if not meta["leased"].fetched:
                    self._state.traps.note(meta["leased"].found_by, None)
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
        if reason == "cancelled" and self._state.account.is_over(self._state.clock.now()):
            self._state.done(request)  # it was not sent any more, and its lease is given back with all others
            return []
        if reason in MISLED:
            self._refused(request)
        failed = f"failed:{reason}" if may_pass(reason) else None
        other = None if reason in PAGE_ALONE else self._state.elsewhere(request, failed=failed)
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
            polled = leased.resource in state.polling
            due = after_failure(leased.kind, now, leased.attempts, until=until, passing=may_pass(reason), polled=polled)
            failure = Failure(leased.resource, request.url, reason, now, state.settle(request), due)
            await asyncio.wrap_future(state.opened.writer.fail(failure))
            (state.tally.media_missing if leased.kind == MEDIA_KIND else state.tally.failed)[reason] += 1
        except StorageError as error:
            state.break_off(error)
        finally:
            state.done(request)

    async def _refuse(self, request: Request, outcome: str) -> list[Request]:
        """An exchange with nothing of the outlet's in it: a status, a redirect that led nowhere, another type.

        Such an article is asked of another domain; one that is gone only where this domain had never shown it. It is
        not gone while a domain fails that may have it still.
        """
        state = self._state
        leased: Leased = request.meta["leased"]
        if outcome in REFUSALS or outcome.startswith("failed:status-"):
            self._refused(request)
        absent, before = outcome in GONE, request.meta["failed"]
        gone = absent and before is None
        withdrawn = gone and leased.kind == "article" and await self._has_shown(request)
        failed = outcome if may_pass(outcome) else None
        other = (
            None if withdrawn or outcome in OF_THE_PAGE else state.elsewhere(request, guess=not absent, failed=failed)
        )
        if other is not None:
            return [other]
        outcome = before if absent and before is not None else outcome
        if state.settle(request):
            now = state.clock.now()
            polled = leased.resource in state.polling
            until: datetime | None = request.meta.get(RESTS_UNTIL)
            outcome = RESTED if until is not None else outcome
            passing = may_pass(outcome)
            due = after_failure(
                leased.kind, now, leased.attempts, until=until, gone=gone, passing=passing, polled=polled
            )
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

    async def _note_rest(self, request: Request) -> None:
        """Let later runs leave a host of the outlet alone too that asked for rest."""
        standing = self._state.route.standing(request.url)
        if standing is not None:
            host, until = standing.domain.host, request.meta[RESTS_UNTIL]
            await self._state.run(partial(note_rest, host=host, until=until))

    def _answered(self, url: str) -> None:
        standing = self._state.route.answered(url)
        if standing is not None and standing.domain.role != "former":
            self._state.start(self._state.set_state(standing.row.id, "serving"))


def _asked(request: Request) -> str:
    """The URL that was asked first, before redirects."""
    first: str = next(iter(request.meta.get("redirect_urls", ())), request.url)
    return first
