"""One crawl of one outlet, from the opening of its archive to its report."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from math import inf
from typing import TYPE_CHECKING

from scraper.crawling.budget import Account
from scraper.crawling.dispatch import Dispatch
from scraper.crawling.intake import Intake
from scraper.crawling.joining import Joining
from scraper.crawling.learning import Learner
from scraper.crawling.media import KIND as MEDIA_KIND
from scraper.crawling.media import MediaAccount, budget_of
from scraper.crawling.opening import open_archive
from scraper.crawling.polling import Polling
from scraper.crawling.requisites import Requisites
from scraper.crawling.robots_kept import ArchivedRobots
from scraper.crawling.routing import Route, scheme_of
from scraper.crawling.state import LEASE, CrawlOptions, CrawlState
from scraper.crawling.tally import Tally
from scraper.crawls_under_way import UNDER_WAY
from scraper.fetching.handler import SENT_AT
from scraper.fetching.reasons import reason_of
from scraper.fetching.slots import slots_of
from storage.due import make_due, make_due_failed, make_due_unasked, make_due_unread
from storage.errors import StorageError
from storage.finding import add_found
from storage.frontier import LISTING, extend, release
from storage.host_rests import rests_of
from storage.joining import leave_outlet
from storage.polls import begin_polling, polled_listings
from storage.records import ExtractorName, Found

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from sqlalchemy import Connection

    from scraper.config import Config
    from scraper.crawling.workers import Workers
    from scraper.fetching.clock import Clock
    from scraper.outlet import Outlet

log = logging.getLogger(__name__)

AFTER_END = 0.5
"""Seconds between two looks at what waits in line when the crawl's time is used up."""
HEARTBEAT = 15.0
"""Seconds between two signs of life; storage gives up a holder after 60."""


class CrawlSession:
    """The one object that Scrapy's parts (scheduler, middleware, spider) know of a crawl.

    Its methods run in the reactor's thread and never touch the database: all writing goes through the archive's
    writer thread, all reading of pages through the workers.
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
        self._config, self._seeds = config, seeds
        budget = budget_of(config)
        account = Account(replace(options.budget, free=config.min_free_bytes), config.archive)
        self.state = CrawlState(outlet, options, clock, observe, account, MediaAccount(budget) if budget else None)
        self.robots = ArchivedRobots(self.state)
        self._learner = Learner(self.state, workers, extractor)
        self._joining = Joining(self.state, self._learner.read_pending)
        self.intake = Intake(self.state, self._learner)
        self.requisites = Requisites(self.state, lru_cache(maxsize=1024)(self._may_ask))
        self.dispatch = Dispatch(self.state, self.intake, self.requisites)
        self.state.elsewhere = self.dispatch.elsewhere
        self.clock = clock
        self.finished = False
        self.crawl: int | None = None
        self._is_open = False

    async def open(self, crawler: Crawler) -> None:
        """Open the archive, recover what an earlier run left, and make the listings due.

        What storage says against it stands in `state.broken` then: Scrapy knows no way to fail here in order.
        """
        state = self.state
        state.stop = lambda: crawler.engine.close_spider_async(reason="storage")
        loop = asyncio.get_running_loop()
        try:
            options = state.options
            opening = partial(
                open_archive,
                self._config,
                state.outlet,
                self.clock,
                keep_open=options.due,
                create=options.create,
                join=options.join,
            )
            state.opened = await loop.run_in_executor(None, opening)
        except StorageError as error:
            state.broken = error
            return
        self._is_open, self.crawl = True, state.opened.crawl
        UNDER_WAY.add(self.crawl)
        state.account.begin(self.clock.now())
        if state.options.full:
            state.opened.begun_at = self.clock.now()
        state.route = Route(state.outlet, state.opened.domains, state.options.domains, state.opened.plain)
        try:
            await state.run(self._add_seeds)
            keys = [seed.key for seed in self._seeds]
            state.polling = Polling(await state.run(partial(polled_listings, outlet=state.opened.outlet, keys=keys)))
            await self._heed_rests(crawler)
            await self._learner.learn_repeats()
            await self._joining.begin()
        except StorageError as error:
            state.broken = error
            return
        state.start(self._stay_alive(), lasting=True)
        state.start(self._joining.watch(), lasting=True)
        state.start(self._end_in_time(crawler), lasting=True)
        if state.opened.joined is None:
            state.start(self._learner.read_pending(), lasting=True)

    async def close(self, reason: str) -> None:
        """End the crawl: all that was taken is kept and known, or stays pending; leases and locks are given back."""
        if not self._is_open:
            return
        state = self.state
        self.finished = reason == "finished" and state.spent is None
        await state.end_parts()
        state.turns.end()
        if state.broken is None:
            try:
                await state.run(self._give_back)
            except StorageError as error:
                state.broken = error
        self._is_open = False
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._close_archive, self._outcome(reason))

    def _outcome(self, reason: str) -> str:
        if self.state.forecast is not None:
            return "stopped: forecast"  # the next crawl goes on with what was read for it
        if self.finished:
            return "finished"
        return "stopped: budget" if self.state.spent is not None else f"stopped: {reason}"

    def abandon(self) -> None:
        """End the crawl when the reactor has stopped under it; blocks. Does nothing after `close`."""
        if not self._is_open:
            return
        self._is_open = False
        state = self.state
        if state.broken is None:
            try:
                state.opened.writer.run(self._give_back).result()
            except StorageError as error:
                state.broken = error
        self._close_archive("stopped: shutdown")

    def _close_archive(self, outcome: str) -> None:
        state = self.state
        UNDER_WAY.discard(state.opened.crawl)
        try:
            state.opened.close(outcome, state.tally, self.clock.now(), state.broken is None)
        except StorageError as error:
            state.broken = state.broken or error

    def attempt_failed(self, request: Request, exception: Exception) -> Request | None:
        """An attempt failed, before Scrapy decides on a retry: a domain that fails too often is left at once."""
        self.intake.keep(request)
        if self.state.broken is not None:
            return None
        reason = reason_of(exception)
        if "leased" in request.meta and request.meta["leased"].kind == MEDIA_KIND:
            assert self.state.media is not None
            self.state.media.failed(request.url, reason)
            return None
        left = self.state.route.failed(request.url, reason, sent_at=request.meta.get(SENT_AT, inf))
        if left is not None:
            log.warning("%s stopped answering (%s); the crawl goes on without it", left.domain.host, reason)
            self.state.start(self.state.set_state(left.row.id, "unreachable"))
        return self.dispatch.other_way(request)

    def _may_ask(self, host: str) -> bool:
        from scraper.fetching.settings import needs_contact

        return not needs_contact([host], self._config)

    async def _heed_rests(self, crawler: Crawler) -> None:
        """Leave alone the hosts that asked an earlier run for rest until later than now."""
        hosts = sorted({each.domain.host for each in self.state.route.standings})
        slots = slots_of(crawler)
        for host, until in (await self.state.run(partial(rests_of, hosts=hosts, now=self.clock.now()))).items():
            if not slots.may_leap(host):
                slots.rest(host, until)
                log.info("%s is left alone until %s UTC, as it asked an earlier run", host, f"{until:%Y-%m-%d %H:%M}")

    async def _end_in_time(self, crawler: Crawler) -> None:
        """Let nothing wait in line once the crawl's time is used up: at a host's pace that could take many minutes."""
        account = self.state.account
        while (left := account.time_left(self.clock.now())) is not None:
            if account.is_over(self.clock.now()):
                slots_of(crawler).drop_waiting()
            await asyncio.sleep(max(AFTER_END, left.total_seconds()))

    def _add_seeds(self, connection: Connection) -> None:
        opened, now = self.state.opened, self.clock.now()
        add_found(connection, opened.outlet, self._seeds, now=now, crawl=opened.crawl)
        listings = [seed.url for seed in self._seeds if seed.kind != "probe"]
        if opened.goes_on:
            make_due_unread(connection, opened.outlet, now)
        if self.state.options.due:
            begin_polling(connection, opened.outlet, [seed.key for seed in self._seeds], now)
        else:
            make_due(connection, listings, now, since=opened.begun_at)
            make_due_failed(connection, listings, now)  # a crawl that is gone on with may have failed at all of them
            make_due_unasked(connection, opened.outlet, now)

    def _give_back(self, connection: Connection) -> None:
        opened = self.state.opened
        release(connection, opened.owner)
        leave_outlet(connection, opened.outlet, opened.owner)

    async def _stay_alive(self) -> None:
        opened = self.state.opened
        while True:
            await asyncio.sleep(HEARTBEAT)
            await self._joining.hold_hosts()
            await self.requisites.hold_hosts()
            await self._joining.stay()
            await self.state.run(partial(extend, owner=opened.owner, until=self.clock.now() + LEASE))


def probes(outlet: Outlet, now: datetime) -> tuple[Found, ...]:
    """Former domains are looked at once a day: a notice, or a change of it, is evidence."""
    return tuple(
        Found(f"probe:{domain.host}", "probe", f"{scheme_of(domain)}://{domain.host}/", LISTING, now, "profile")
        for domain in outlet.crawled_domains()
        if domain.role == "former"
    )
