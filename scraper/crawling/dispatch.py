"""What a crawl sends out: requests for what is due, each to the domain that serves."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from scrapy import Request

from scraper.crawling.filling import fill
from scraper.crawling.forecasting import Forecaster
from scraper.crawling.media import KIND as MEDIA_KIND
from scraper.crawling.routing import MIRROR_LISTINGS
from scraper.crawling.sampling import Sampler
from scraper.crawling.state import HOST_LEASE, LEASE
from scraper.crawling.traps import FROM_ARTICLES, PUT_OFF
from scraper.crawling.visits import TRUSTED_FOR, after_failure, next_look
from scraper.fetching.conditions import CONDITIONAL, conditions, drop_conditions
from storage.due import finish, make_due_elsewhere, put_back, put_off_unread
from storage.frontier import COPY, LISTING, MEDIA, NEW, REVISIT, Leased, lease, sample_copies
from storage.records import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from scraper.crawling.intake import Intake
    from scraper.crawling.requisites import Requisites
    from scraper.crawling.state import CrawlState


HORIZON = timedelta(days=7)
"""A crawl asks for no more articles than fit into this at the pace of the outlet's manners, the newest first; the next
one goes on."""


class Dispatch:
    """Leases what is due and makes its requests.

    New articles go out beside the listings; visits of known ones wait until the listings have been read, since a
    listing's word on their last change decides; then copies on mirrors, and last what pages need to look as they did.
    """

    def __init__(self, state: CrawlState, intake: Intake, requisites: Requisites) -> None:
        self._state, self._intake, self._requisites = state, intake, requisites
        self._sampler = Sampler(state)
        self._begun = False
        self._forecaster = Forecaster(state)
        self._phase = LISTING if state.options.forecast else NEW
        self._most = _most_articles(state)
        self._articles_asked = 0

    async def next_batch(self, limit: int) -> list[Request] | None:
        """Requests for what is due; empty when more may come from what is under way; None at the crawl's end."""
        if not self._begun:
            self._begun = True
            if self._state.options.fill:
                await fill(self._state)
        while True:
            if self._is_spent():
                return [] if self._state.working else None
            requests = await self._leased_requests(limit)
            if requests or self._state.working:
                return requests
            if await self._state.others_at_work():
                return []
            if self._phase == LISTING:
                if sample := await self._sample_requests(limit):
                    return sample
                self._state.forecast = await self._forecaster.make()
                return None
            if self._phase == NEW:
                self._phase = REVISIT
                await self._sampler.draw()
            elif self._phase == REVISIT:
                self._phase = COPY
                if copies := await self._copy_requests():
                    return copies
            elif self._phase == COPY and self._requisites.wanted:
                self._phase = MEDIA
            else:
                await self._requisites.count_left_out()
                return None

    def _is_spent(self) -> bool:
        """Whether the budget is used up; once it is, it stays so."""
        state = self._state
        if state.spent is None:
            state.spent = state.account.spent(state.clock.now(), state.opened.writer.written)
        return state.spent is not None

    def rerouted(self, request: Request) -> Request | None:
        """The request as its domain is asked now, or to another domain where its own was left; None: given up, or left
        to the next crawl."""
        if "leased" not in request.meta:
            return request
        if self._state.account.is_over(self._state.clock.now()):
            self._state.done(request)  # its lease is given back with all others
            return None
        if request.meta["leased"].kind == MEDIA_KIND:
            return self._requisites.permitted(request)
        if self._state.route.is_alive(request.url) or request.meta["copy"]:
            url = self._state.route.asked_as(request.url)
            if url == request.url:
                return request
            moved = request.replace(url=url)
            drop_conditions(moved)
            return moved
        if "redirect_urls" in request.meta:
            return self._intake.led_astray(request, "domain-left")
        other = self._on_living_domain(request)
        if other is None:
            self._state.start(self._intake.give_up(request, "domain-left"))
        return other

    def other_way(self, request: Request) -> Request | None:
        """Another way for a request whose attempt failed, by another scheme or on another domain, if there is one."""
        if "leased" not in request.meta or request.meta["copy"] or self._is_spent():
            return None
        if self._state.route.is_alive(request.url):
            url = self._state.route.asked_as(request.url)
            return (
                self._request(url, request.meta["leased"], tried=request.meta["tried"], failed=request.meta["failed"])
                if url != request.url
                else None
            )
        return self._on_living_domain(request)

    def elsewhere(self, request: Request, *, guess: bool = True, failed: str | None = None) -> Request | None:
        """A request for the same article of a domain that was not asked for it yet, if there is one.

        It goes on with the lease of the one that is given. Without `guess`, only a domain that showed the article
        is asked. `failed`: the outcome where the domain that was asked failed, and may show it another time.
        """
        leased: Leased = request.meta["leased"]
        if leased.kind != "article" or request.meta["copy"] or "settled" in request.meta or self._is_spent():
            return None
        first = next(iter(request.meta.get("redirect_urls", ())), request.url)
        standing = self._state.route.standing(first)
        tried: frozenset[int] = request.meta.get("tried", frozenset())
        tried |= {standing.row.id} if standing is not None else set()
        urls = [place.url for place in leased.locations]
        url = self._state.route.article_url(urls, besides=tried, guess=guess)
        if url is None:
            return None
        request.meta["settled"] = True
        self._state.working += 1
        return self._request(url, leased, tried=tried, failed=failed or request.meta["failed"])

    async def _leased_requests(self, limit: int) -> list[Request]:
        """Requests for what is due; empty where nothing is due that could be asked for."""
        if self._phase == MEDIA:
            taken = await self._requisites.take(self._bounded(limit)) if self._requisites.wanted else []
            return [self._request(url, each) for url, each in taken]
        while not self._is_spent() and (leased := await self._lease(limit)):
            if requests := await self._requests_for(leased):
                return requests
        return []

    def _bounded(self, limit: int) -> int:
        pages = self._state.account.pages_left
        return limit if pages is None else min(limit, pages)

    async def _lease(self, limit: int) -> list[Leased]:
        state, now = self._state, self._state.clock.now()
        phase, limit = self._phase, self._bounded(limit)
        if self._most is not None:
            left = self._most - self._articles_asked
            phase, limit = (phase, min(limit, left)) if left > 0 else (LISTING, limit)
        opened, settled = state.opened, state.settled_listings
        state.settled_listings = {}

        def take(connection: Connection) -> list[Leased]:
            if settled:
                make_due_elsewhere(connection, settled, now)
            if state.traps.sprung:
                put_off_unread(connection, opened.outlet, FROM_ARTICLES, now, now + PUT_OFF)
            return lease(
                connection, opened.outlet, opened.owner, now=now, until=now + LEASE, limit=limit, max_priority=phase
            )

        return await state.run(take)

    async def _requests_for(self, leased: Sequence[Leased]) -> list[Request]:
        """The requests for what is leased; what no domain can be asked for is given back until later."""
        state, now = self._state, self._state.clock.now()
        requests: list[Request] = []
        unasked: list[Leased] = []
        for each in leased:
            targets = state.route.targets(each, state.opened.begun_at, now=now, full=state.options.full)
            if targets and (pages := state.account.pages_left) is not None:
                targets = targets[:pages]
                if not targets:
                    await state.run(partial(put_back, resource_id=each.resource, due_at=now))
                    continue
            if targets:
                self._articles_asked += each.kind == "article"
                state.sent(each.resource, len(targets))
                requests.extend(self._request(url, each) for url in targets)
            elif each.kind == "probe":
                await state.run(partial(finish, resource_id=each.resource, outcome="not-asked", due_at=next_look(now)))
            elif each.kind != "article" and each.fetched:
                await state.run(
                    partial(finish, resource_id=each.resource, outcome="listing", due_at=self._next_poll(each, now))
                )
            elif state.route.waits(each):
                await state.run(partial(put_back, resource_id=each.resource, due_at=now + HOST_LEASE))
            else:
                unasked.append(each)
        await asyncio.gather(*map(self._put_off, unasked))
        return requests

    def _next_poll(self, leased: Leased, now: datetime) -> datetime | None:
        """When a listing is polled again that was not asked for, since it was read not long ago; None where it is read
        with another."""
        if not self._is_polled(leased):
            return None
        route = self._state.route
        rests = [
            timedelta(0) if route.leads(place.url) else min(place.fetched_at + MIRROR_LISTINGS - now, MIRROR_LISTINGS)
            for place in leased.locations
            if place.fetched_at is not None
        ]
        return self._state.polling.next_poll(leased.resource, leased.locations[0].host, now, rest=min(rests))

    def _is_polled(self, leased: Leased) -> bool:
        return leased.resource in self._state.polling

    async def _put_off(self, leased: Leased) -> None:
        """No domain that serves has it: a failure, tried again later."""
        now = self._state.clock.now()
        due = after_failure(leased.kind, now, leased.attempts, polled=self._is_polled(leased))
        failure = Failure(leased.resource, leased.locations[0].url, "no-domain", now, final=True, due_at=due)
        self._state.tally.failed["no-domain"] += 1
        await asyncio.wrap_future(self._state.opened.writer.fail(failure))

    async def _sample_requests(self, limit: int) -> list[Request]:
        state = self._state
        requests: list[Request] = []
        for each in await self._forecaster.draw(limit):
            urls = state.route.targets(each, state.opened.begun_at, now=state.clock.now())
            if urls:
                state.sent(each.resource, len(urls))
                requests.extend(self._request(url, each) for url in urls)
            else:
                await self._put_off(each)
        return requests

    async def _copy_requests(self) -> list[Request]:
        state, opened = self._state, self._state.opened
        requests = []
        since = state.clock.now() - timedelta(days=1) if state.options.due else None
        draw = partial(sample_copies, outlet=opened.outlet, crawl=opened.crawl, since=since)
        for each in await state.run(draw):
            shown = frozenset(place.domain for place in each.locations if place.fetched_at and place.domain is not None)
            url = state.route.article_url([place.url for place in each.locations], besides=shown)
            if url is not None and state.account.pages_left != 0:
                state.working += 1
                requests.append(self._request(url, each, copy=True))
        return requests

    def _on_living_domain(self, request: Request) -> Request | None:
        leased: Leased = request.meta["leased"]
        if leased.kind != "article":
            return None
        tried = request.meta["tried"]
        url = self._state.route.article_url([place.url for place in leased.locations], besides=tried)
        return self._request(url, leased, tried=tried) if url is not None else None

    def _request(
        self,
        url: str,
        leased: Leased,
        *,
        copy: bool = False,
        tried: frozenset[int] = frozenset(),
        failed: str | None = None,
    ) -> Request:
        self._state.account.asked += 1
        headers = {} if copy else self._conditions(url, leased)
        return Request(
            url,
            callback=self._intake.received,
            errback=self._intake.failed,
            headers=headers,
            dont_filter=True,
            meta={"leased": leased, "copy": copy, "tried": tried, "failed": failed, CONDITIONAL: bool(headers)},
        )

    def _conditions(self, url: str, leased: Leased) -> dict[str, str]:
        """What to ask a known address by. Servers are trusted for a time: some call every answer unchanged."""
        place = next((each for each in leased.locations if each.url == url), None)
        if place is None or place.known_at is None or self._state.clock.now() - place.known_at > TRUSTED_FOR:
            return {}
        return conditions(place.etag, place.last_modified)


def _most_articles(state: CrawlState) -> int | None:
    """How many articles a crawl asks for at most; None: as many as there are."""
    options, delay = state.options, state.outlet.manners.delay
    if options.limit is not None or options.full or not delay:
        return options.limit
    return round(HORIZON / timedelta(seconds=delay))
