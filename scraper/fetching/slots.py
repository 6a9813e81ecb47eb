"""How fast each host is asked: the delays of Scrapy's download slots, lengthened where a host wishes, up to a rest."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, cast

from scraper.fetching.addresses import is_private_name, is_public, literal_address
from scraper.fetching.clock import clock_of
from scraper.fetching.mapping import Mapping
from scraper.fetching.reasons import Declined

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

FOR_ROBOTS = "presskeep_robots"
"""The key of the meta of a request for a robots.txt."""
MAX_DELAY = 60.0
"""Seconds between two requests to a host beyond which a Crawl-delay is not followed."""
MAX_HOSTS = 1000
"""Hosts of which it is remembered what they asked for; beyond, the oldest are forgotten."""
_LEAST = 0.001


@dataclass(frozen=True, slots=True)
class Pace:
    """How a host is asked: seconds between two requests, requests at once, and whether its delay passes on a clock that
    leaps."""

    delay: float
    bound: int
    leaps: bool


class HostTurns(Protocol):
    """What requests wait for where others ask the same hosts. Given as the crawler's attribute `host_turns`."""

    def turn(self, host: str, pace: Pace) -> AbstractAsyncContextManager[None]:
        """The turn of one request, which begins when it may be sent and ends with its download."""


class Slots:
    """The slots of a crawler's downloader, by host name; a crawler has one of these (`slots_of`).

    Where the clock leaps, waiting for a loopback or mapped host moves the clock instead: its delay passes on the clock
    with each request, and no two such requests are under way at once, so that the hosts see them as far apart as they
    would in real time.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._clock = clock_of(crawler)
        settings = crawler.settings
        self._delay = settings.getfloat("PRESSKEEP_LEAPING_DELAY")
        self._delays: dict[str, float] = {}
        self._bound = settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
        self._resting: OrderedDict[str, datetime] = OrderedDict()
        self._turn = asyncio.Lock()
        self._asked: dict[str, datetime] = {}
        self._mapping = Mapping.parse(settings.getlist("PRESSKEEP_RESOLVE"), settings.getlist("PRESSKEEP_CONNECT_TO"))

    def slow(self, host: str, delay: float) -> None:
        """Keep at least so many seconds between requests to a host, from now on."""
        delay = min(delay, MAX_DELAY)
        if delay <= 0:
            return
        if self.may_leap(host):
            self._delays[host] = max(delay, self._delay)
            return
        downloader = self._downloader()
        known = downloader.per_slot_settings.setdefault(host, {})
        known["delay"] = max(delay, known.get("delay", downloader._delay))
        # Jitter would shorten the half of the waits.
        known["jitter"] = 0.0
        slot = downloader.slots.get(host)
        if slot is not None:
            slot.delay, slot.jitter = known["delay"], 0.0

    def hold(self, host: str, seconds: float) -> None:
        """Send nothing to a host for so many seconds."""
        if self.may_leap(host):
            self._clock.leap(self._clock.now() + timedelta(seconds=seconds))
            return
        slot = self._downloader().slots.get(host)
        if slot is not None:
            # Scrapy counts the delay from here, and lets a slot go that was not seen for a minute.
            slot.lastseen = max(slot.lastseen, monotonic() + seconds)
            slot.delay = max(slot.delay, _LEAST)

    def drop_waiting(self) -> None:
        """End the requests that wait in line to be sent, with the reason `cancelled`; those for robots.txt go on, since
        others wait for them."""
        for slot in self._downloader().slots.values():
            for request, waiting in list(slot.queue):
                if not request.meta.get(FOR_ROBOTS):
                    slot.queue.remove((request, waiting))
                    waiting.errback(Declined("cancelled", "was not sent before the end", request.url))

    def rest(self, host: str, until: datetime) -> None:
        """Ask nothing of a host until an instant."""
        self._resting[host] = until
        self._resting.move_to_end(host)
        if len(self._resting) > MAX_HOSTS:
            self._resting.popitem(last=False)

    def check_rest(self, host: str) -> None:
        """Raise Declined while a host rests."""
        until = self._resting.get(host)
        if until is None:
            return
        if self._clock.now() < until:
            raise Declined("retry-after", f"asked to be left alone until {until:%Y-%m-%d %H:%M} UTC", host, until=until)
        del self._resting[host]

    def is_paced(self, host: str) -> bool:
        """Whether requests to a host take turns, since its delay passes on a clock that leaps."""
        return self._clock.leaps and self._delays.get(host, self._delay) > 0 and self.may_leap(host)

    def pace(self, host: str) -> Pace:
        """How a host is asked now."""
        if self.may_leap(host):
            delay = self._delays.get(host, self._delay)
        else:
            downloader = self._downloader()
            delay = downloader.per_slot_settings.get(host, {}).get("delay", downloader._delay)
        return Pace(delay, 1 if self.is_paced(host) else self._bound, self.may_leap(host))

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """The turn of one request to a paced host: the clock moves to when it may be sent."""
        async with self._turn:
            if host in self._asked:
                self._clock.leap(self._asked[host] + timedelta(seconds=self._delays.get(host, self._delay)))
            try:
                yield
            finally:
                self._asked[host] = self._clock.now()

    def may_leap(self, host: str) -> bool:
        """Whether waiting for a host may jump: the clock leaps, and the host is on this machine or mapped."""
        return self._clock.leaps and is_own(host, self._mapping)

    def _downloader(self) -> Any:
        return cast("Any", self._crawler.engine).downloader


def slots_of(crawler: Crawler) -> Slots:
    """The slots of a Scrapy crawler, made once."""
    slots = getattr(crawler, "presskeep_slots", None)
    if not isinstance(slots, Slots):
        slots = Slots(crawler)
        crawler.presskeep_slots = slots  # type: ignore[attr-defined]
    return slots


def is_own(host: str, mapping: Mapping) -> bool:
    """Whether a host is one that the operator mapped, or private by its name or literal address."""
    if mapping.names(host):
        return True
    literal = literal_address(host)
    return is_private_name(host) if literal is None else not is_public(str(literal))
