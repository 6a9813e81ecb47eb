"""The frontier as Scrapy's scheduler: a batch of leased resources ahead, the rest in the database."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

from scrapy.core.scheduler import BaseScheduler
from scrapy.utils.defer import deferred_from_coro

from storage.errors import StorageError

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from twisted.internet.defer import Deferred

    from scraper.crawling.session import CrawlSession

log = logging.getLogger(__name__)

BATCH = 64
"""Resources leased at once: at most so many are fetched again after a kill, besides those in flight."""
LOW = 16
PAUSE, LONG_PAUSE = 0.05, 0.25
"""Seconds after which the frontier is asked again when it gave all that was due, the latter while enough is under way:
each page that is read may lead to more, but asking after each would cost as much as writing it down."""
SOON = 0.005
"""Seconds after which it is asked again when little is under way and some of that has ended."""


class FrontierScheduler(BaseScheduler):
    """Hands out requests for what is due.

    Scrapy asks synchronously, so the database is asked ahead, on the writer's thread, and the engine is nudged when
    a batch arrives. Redirects and retries come back through `enqueue_request` and go first: their lease runs.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._ready: deque[Request] = deque()
        self._filling: asyncio.Task[None] | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._exhausted = False
        self._session: CrawlSession

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> FrontierScheduler:
        return cls(crawler)

    def open(self, spider: Spider) -> Deferred[None]:
        self._session = spider.session  # type: ignore[attr-defined]
        self._session.state.on_change = self._advance
        return deferred_from_coro(self._open())

    async def _open(self) -> None:
        await self._session.open(self._crawler)
        self._exhausted = self._session.state.broken is not None

    def close(self, reason: str) -> Deferred[None]:
        if self._filling is not None:
            self._filling.cancel()
        if self._pause is not None:
            self._pause.cancel()
        return deferred_from_coro(self._session.close(reason))

    def has_pending_requests(self) -> bool:
        return bool(self._ready) or self._filling is not None or self._session.state.working > 0 or not self._exhausted

    def enqueue_request(self, request: Request) -> bool:
        self._ready.appendleft(request)
        return True

    def next_request(self) -> Request | None:
        if len(self._ready) < LOW and not self._exhausted:
            self._fill_soon()
        while self._ready:
            request = self._session.dispatch.rerouted(self._ready.popleft())
            if request is not None:
                return request
        return None

    def _fill_soon(self) -> None:
        if self._filling is None and self._pause is None:
            self._filling = asyncio.ensure_future(self._fill())

    async def _fill(self) -> None:
        requests: list[Request] | None = None
        wanted = BATCH - len(self._ready)
        try:
            requests = await self._session.dispatch.next_batch(wanted)
        except StorageError as error:
            self._session.state.break_off(error)
        except Exception as error:
            log.exception("the crawl stops: what is due cannot be asked for")
            self._session.state.break_off(error)
        finally:
            self._filling = None
        if requests is None:
            self._exhausted = True
        else:
            self._ready.extend(requests)
        if requests is not None and len(requests) < wanted:
            pause = LONG_PAUSE if self._session.state.working > LOW else PAUSE
            self._pause = asyncio.get_running_loop().call_later(pause, self._ask_again)
        if requests is None or requests:
            self._nudge()

    def _ask_again(self) -> None:
        self._pause = None
        self._nudge()

    def _advance(self) -> None:
        """Something that was under way has ended, and may have led to more."""
        if self._pause is not None and self._session.state.working <= LOW:
            loop = asyncio.get_running_loop()
            if self._pause.when() > loop.time() + SOON:
                self._pause.cancel()
                self._pause = loop.call_later(SOON, self._ask_again)
        self._nudge()

    def _nudge(self) -> None:
        """Let the engine ask again now rather than at its next heartbeat (5 s)."""
        slot = self._crawler.engine._slot
        if slot is not None and slot.closing is None:
            slot.nextcall.schedule()
