"""What a crawl asks for last: the requisites of the article pages that it kept, within the budget."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scraper.crawling.media import LEFT_OUT, account_of
from scraper.crawling.state import HOST_LEASE, LEASE
from scraper.crawling.visits import FIRST_RETRY
from storage.crawls import hold_host
from storage.due import finish, put_back
from storage.frontier import COPY, MEDIA, Leased, count_due, lease

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scrapy import Request
    from sqlalchemy import Connection

    from scraper.crawling.state import CrawlState


class Requisites:
    """Leases requisites and lets their requests pass, from the outlet's own hosts and any that a page embeds from.

    `may_ask` says of a host whether it may be asked without a contact. How these hosts fare says nothing of the
    outlet's domains: many refuse images to whom they show pages.
    """

    def __init__(self, state: CrawlState, may_ask: Callable[[str], bool]) -> None:
        self._state, self._may_ask = state, may_ask
        self._held: dict[str, bool] = {}

    @property
    def wanted(self) -> bool:
        """Whether the run asks for any."""
        return self._state.media is not None and not self._state.media.exhausted

    async def take(self, limit: int) -> list[tuple[str, Leased]]:
        """Lease what is due and may be asked for, with the URL that each is asked at."""
        state, now = self._state, self._state.clock.now()
        opened = state.opened

        def take(connection: Connection) -> list[Leased]:
            return lease(
                connection, opened.outlet, opened.owner, now=now, until=now + LEASE, limit=limit, after_priority=COPY
            )

        while leased := await state.run(take):
            if taken := await self._that_may_be_asked(leased):
                return taken
        return []

    async def _that_may_be_asked(self, leased: Sequence[Leased]) -> list[tuple[str, Leased]]:
        """Those of what is leased whose hosts may be asked; the others are given back until later."""
        state, now = self._state, self._state.clock.now()
        taken = []
        for each in leased:
            if not each.locations:  # another outlet's crawl found the same address at the same moment: it is theirs
                await state.run(partial(finish, resource_id=each.resource, outcome=LEFT_OUT, due_at=None))
                continue
            place = each.locations[0]
            if await self._hold(place.url, place.host):
                state.sent(each.resource, 1)
                taken.append((state.route.asked_as(place.url), each))
            else:
                later = partial(put_back, resource_id=each.resource, due_at=now + FIRST_RETRY)
                await state.run(later)
        return taken

    def permitted(self, request: Request) -> Request | None:
        """A request as it may be sent now, None where it may not: then its lease ends.

        What the run's budget leaves out stays due; what the article's leaves out is never asked for again.
        """
        state, leased = self._state, request.meta["leased"]
        assert state.media is not None
        if state.media.is_left(request.url) or not state.route.is_alive(request.url):
            state.start(self._put_off(request, "domain-left"))
            return None
        if not self._may_ask(urlsplit(request.url).hostname or ""):
            state.start(self._put_off(request, "no-contact"))
            return None
        from scraper.fetching.handler import MAX_BYTES

        article = account_of(leased.found_by)
        if "admitted" not in request.meta:
            admission = state.media.admit(article)
            if admission != "admitted":
                state.start(self._leave_out(request, leased, for_good=admission == "article"))
                return None
            request.meta["admitted"] = True
        request.meta[MAX_BYTES] = max(1, state.media.rest(article))
        return request

    async def hold_hosts(self) -> None:
        """Hold on to the hosts that were asked."""
        for host, held in list(self._held.items()):
            if held:
                self._held[host] = await self._take_host(host)

    async def count_left_out(self) -> None:
        """Tell in the report what the run's budget left out, which is due."""
        state = self._state
        if state.media is not None and state.media.exhausted:
            state.tally.media_left_out += await state.run(
                lambda connection: count_due(connection, state.opened.outlet, MEDIA)
            )

    async def _put_off(self, request: Request, reason: str) -> None:
        """What is not asked in this run, for no fault of its own, is due in the next."""
        state, leased = self._state, request.meta["leased"]
        try:
            if state.settle(request):
                due_at = state.clock.now() + FIRST_RETRY
                await state.run(partial(put_back, resource_id=leased.resource, due_at=due_at))
            state.tally.media_missing[reason] += 1
        finally:
            state.done(request)

    async def _leave_out(self, request: Request, leased: Leased, *, for_good: bool) -> None:
        state = self._state
        try:
            if state.settle(request):
                job = (
                    partial(finish, resource_id=leased.resource, outcome=LEFT_OUT, due_at=None)
                    if for_good
                    else partial(put_back, resource_id=leased.resource, due_at=state.clock.now())
                )
                await state.run(job)
            state.tally.media_left_out += for_good
        finally:
            state.done(request)

    async def _hold(self, url: str, host: str) -> bool:
        """Whether a host may be asked in this crawl. One that is no domain of the outlet's is held from now on."""
        standing = self._state.route.standing(url)
        if standing is not None:
            return standing.asked
        if host not in self._held:
            self._held[host] = await self._take_host(host)
        return self._held[host]

    async def _take_host(self, host: str) -> bool:
        state, now = self._state, self._state.clock.now()
        return await state.run(partial(hold_host, host=host, owner=state.holder, now=now, until=now + HOST_LEASE))
