"""What the parts of one crawl share: its archive, its route, its counts, and what is under way."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from scraper.crawling.budget import Account, Budget
from scraper.crawling.media import KIND as MEDIA_KIND
from scraper.crawling.media import MediaAccount
from scraper.crawling.reading import READABLE
from scraper.crawling.tally import Tally
from scraper.crawling.traps import TrapWatch
from scraper.crawling.turns import HostTurns
from storage.errors import StorageError
from storage.joining import group_of
from storage.outlets import set_domain_state

if TYPE_CHECKING:
    from scrapy import Request
    from sqlalchemy import Connection

    from scraper.crawling.forecasting import Forecast
    from scraper.crawling.frames import DayFrame
    from scraper.crawling.opening import Opened
    from scraper.crawling.polling import Polling
    from scraper.crawling.routing import Route
    from scraper.fetching.clock import Clock
    from scraper.outlet import Outlet
    from storage.frontier import Leased
    from storage.outlets import DomainState

log = logging.getLogger(__name__)
T = TypeVar("T")

LEASE = timedelta(minutes=10)
HOST_LEASE = timedelta(seconds=60)
END_SECONDS = 5.0
"""How long the end of a crawl waits for what is being written down beside."""


@dataclass(frozen=True, slots=True)
class CrawlOptions:
    """What a crawl is asked to do. `limit` bounds the articles fetched; `since` and `until` are days of publication;
    `domains` limits it to some hosts; `full` reads listings to their end though all on them is known; `due` reads those
    alone that are due; `fill` goes after what is missing too; `join` takes part in a crawl of another process.
    `forecast` reads the listings and a few articles, to tell what the rest would take. `budget` bounds what it may
    cost. Without `create` there must be an archive."""

    limit: int | None = None
    since: date | None = None
    until: date | None = None
    domains: tuple[str, ...] = ()
    full: bool = False
    due: bool = False
    fill: bool = False
    forecast: bool = False
    join: bool = False
    budget: Budget = Budget()  # noqa: RUF009 - a value that nobody can change
    create: bool = True


class CrawlState:
    """The state of one crawl; used in the reactor's thread alone. Opening it sets `opened`, `route` and `polling`.

    `working` counts requests and readings under way, `outstanding` the requests of each leased resource whose fate is
    not decided yet. `media` is None where no requisites of pages are wanted. `settled_listings` holds the listings
    settled since the frontier was last asked, with the locations that they were leased with. `frames` are the outlet's
    archives by date; `whole` holds, by key, the listings that are read for their own days alone, to their last page,
    with the sample that they are drawn for, if any. `account` is what the crawl has spent of its budget, `spent` says
    in words what of it is used up.
    """

    def __init__(
        self,
        outlet: Outlet,
        options: CrawlOptions,
        clock: Clock,
        observe: Callable[[Tally], None],
        account: Account,
        media: MediaAccount | None = None,
    ) -> None:
        self.account = account
        self.spent: str | None = None
        self.forecast: Forecast | None = None
        self.traps = TrapWatch()
        self.outlet, self.options, self.clock, self.media = outlet, options, clock, media
        self.tally = Tally()
        self.working = 0
        self.outstanding: Counter[int] = Counter()
        self.settled_listings: dict[int, frozenset[int]] = {}
        self.frames: tuple[DayFrame, ...] = ()
        self.whole: dict[str, int | None] = {}
        self.broken: Exception | None = None
        self.on_change: Callable[[], None] = lambda: None
        self.stop: Callable[[], Coroutine[Any, Any, None]]
        self.elsewhere: Callable[..., Request | None]
        self.turns = HostTurns(clock, self.break_off)
        self.others_at_work: Callable[[], Coroutine[Any, Any, bool]] = _nobody
        self.opened: Opened
        self.polling: Polling
        self.route: Route
        self._observe = observe
        self._tasks: set[asyncio.Task[Any]] = set()
        self._lasting: set[asyncio.Task[Any]] = set()
        self._end: asyncio.Future[None] | None = None

    @property
    def holder(self) -> str:
        """The name that hosts are held under: this run's, or that of all who crawl the outlet together."""
        return group_of(self.opened.outlet) if self.turns.shared else self.opened.owner

    async def run(self, job: Callable[[Connection], T]) -> T:
        """Run a job on the writer's thread, in a transaction of its own."""
        return await asyncio.wrap_future(self.opened.writer.run(job))

    def start(self, coroutine: Coroutine[Any, Any, Any], *, lasting: bool = False) -> None:
        """Let a part of the crawl run beside the others; what breaks it is not lost. A `lasting` one goes on until the
        crawl ends."""
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        if lasting:
            self._lasting.add(task)
        task.add_done_callback(self._ended)

    async def end_parts(self) -> None:
        """End all that runs beside: what lasts at once, the rest when it is done."""
        for task in self._lasting:
            task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=END_SECONDS)
            for task in late:
                task.cancel()

    def break_off(self, error: Exception) -> None:
        """Nothing more can be kept, so nothing more is fetched. What broke stands in the report."""
        if self.broken is None:
            self.broken = error
            log.info("the crawl stops: %s", error)
            # No part of the crawl: its end cancels and awaits those, and this is its end.
            self._end = asyncio.ensure_future(self.stop())

    def sent(self, resource: int, requests: int) -> None:
        """Requests for a leased resource begin."""
        self.outstanding[resource] = requests
        self.working += requests

    def settle(self, request: Request) -> bool:
        """Say that a request's fate is decided; True for the last of its resource, whose lease ends with it.

        It is decided when an exchange to be read is handed to the writer, not when it has been read: else of two
        requests that are read at the same time neither would be the last.
        """
        if request.meta["copy"] or request.meta.get("settled"):
            return False
        request.meta["settled"] = True
        leased: Leased = request.meta["leased"]
        self.outstanding[leased.resource] -= 1
        if self.outstanding[leased.resource] > 0:
            return False
        del self.outstanding[leased.resource]
        if leased.kind not in (*READABLE, MEDIA_KIND):
            self.settled_listings[leased.resource] = frozenset(place.id for place in leased.locations)
        return True

    def done(self, request: Request) -> None:
        """A request has ended, whatever came of it."""
        self.settle(request)
        self.working -= 1
        self.observe()
        self.on_change()

    def observe(self) -> None:
        """Show the counts to whoever watches."""
        self._observe(self.tally)

    async def set_state(self, domain: int, state: DomainState, capture: int | None = None) -> None:
        """Write down how a domain answers."""
        now = self.clock.now()
        await self.run(lambda connection: set_domain_state(connection, domain, state, now, capture))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._lasting.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StorageError):
            self.break_off(error)
        elif error is not None:
            log.error("a part of the crawl failed", exc_info=error)


async def _nobody() -> bool:
    """Whether other processes work on the outlet, in a crawl that nobody joined."""
    return False
