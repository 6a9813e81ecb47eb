"""The gate before a host: open to a process that crawls alone, by seats and turns where several crawl together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from storage.turns import give_seats, keep_seats, take_seat, take_turn

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from scraper.fetching.clock import Clock
    from scraper.fetching.slots import Pace
    from storage.archive import Archive

T = TypeVar("T")

AGAIN = 0.1
"""Seconds after which a seat is asked for again while all are taken."""
LEAST_WINDOW, MOST_WINDOW, SHARE_OF_DELAY = 0.05, 0.25, 10
"""How late a request may be sent in its turn, in seconds: a tenth of the delay, within bounds. Turns are further apart
by as much, so that none comes too close to the next; one that would be later takes another turn."""


@dataclass(slots=True)
class _Host:
    """The seats that this process has at a host."""

    bound: int = 1
    idle: list[str] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    returned: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def held(self) -> int:
        return len(self.idle) + len(self.busy)


class HostTurns:
    """Lets the requests of one crawl pass, each of them just before it is sent (fetching's HostTurns).

    Alone, it counts them. From `share` on they need a seat at their host, of which there are as many as the host may be
    asked at once, and a turn in time. Seats are kept from one request to the next up to this process's part of them;
    where there are fewer than processes, each is given back after every request. The database is used in a thread of
    its own, since a turn cannot wait for the writer's batches. `fail` is told what the database says against it.
    """

    def __init__(self, clock: Clock, fail: Callable[[Exception], None]) -> None:
        self._clock, self._fail = clock, fail
        self._archive: Archive | None = None
        self._owner = ""
        self._members, self._rank = 1, 0
        self._hosts: dict[str, _Host] = {}
        self._under_way: Counter[str] = Counter()
        self._asked: dict[str, Pace] = {}
        self._open = asyncio.Event()
        self._open.set()
        self._idle = asyncio.Event()
        self._thread: Executor | None = None
        self._ended = False

    @property
    def shared(self) -> bool:
        """Whether others ask the same hosts."""
        return self._archive is not None

    @asynccontextmanager
    async def turn(self, host: str, pace: Pace) -> AsyncIterator[None]:
        """The turn of one request to a host."""
        await self._open.wait()
        if self._archive is None:
            self._under_way[host] += 1
            self._asked[host] = pace
            try:
                yield
            finally:
                self._under_way[host] -= 1
                if not +self._under_way:
                    self._idle.set()
            return
        place = self._hosts.setdefault(host, _Host())
        place.bound = pace.bound
        try:
            seat = await self._seat(host, place, pace)
        except Exception as error:
            self._fail(error)
            raise
        try:
            yield
        finally:
            await asyncio.shield(self._return(place, seat))

    async def close(self) -> None:
        """Let no further request pass, and wait until those under way have ended."""
        self._open.clear()
        while +self._under_way:
            self._idle.clear()
            await self._idle.wait()

    async def share(self, archive: Archive, owner: str) -> None:
        """Ask for seats and turns from now on; the last requests count as this process's turns."""
        self._owner = owner
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="host-turns")
        self._archive = archive
        for host, pace in self._asked.items():
            if pace.delay:
                await self._take_turn(host, pace)
        self._open.set()

    async def set_members(self, number: int, rank: int) -> None:
        """Say how many processes crawl together, and which of them this is; what is beyond its part is given back."""
        self._members, self._rank = number, rank
        beyond = []
        for place in self._hosts.values():
            while (
                place.idle
                and not place.asking.locked()
                and (place.held > self._part(place.bound) or self._is_crowded(place.bound))
            ):
                beyond.append(place.idle.pop())
        if beyond:
            await self._call(partial(give_seats, owner=self._owner, seats=beyond))

    async def stay(self) -> None:
        """Hold on to the seats."""
        seats = [seat for place in self._hosts.values() for seat in (*place.idle, *place.busy)]
        if seats:
            await self._call(partial(keep_seats, owner=self._owner, seats=seats))

    def end(self) -> None:
        """Use the database no more; the seats are given back with all that the crawl holds."""
        self._ended = True
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)

    async def _seat(self, host: str, place: _Host, pace: Pace) -> str:
        """A seat, in whose turn it is."""
        async with place.asking:
            latest = 0.0
            if self._is_crowded(place.bound):
                # Turns come before seats then, or whoever gives a seat back would take it again at once.
                latest = await self._wait_for_turn(host, pace) if pace.delay else await self._step_back()
            await self._find_seat(host, place)
            if pace.delay and monotonic() > latest:
                await self._wait_for_turn(host, pace)
            seat = place.idle.pop()
            place.busy.add(seat)
            return seat

    async def _find_seat(self, host: str, place: _Host) -> None:
        while not place.idle:
            if place.held < self._part(place.bound):
                seat = await self._call(partial(take_seat, host=host, owner=self._owner, seats=place.bound))
                if seat is not None:
                    place.idle.append(seat)
                    return
            place.returned.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(place.returned.wait(), AGAIN)

    async def _step_back(self) -> float:
        await asyncio.sleep(2 * AGAIN)
        return 0.0

    async def _return(self, place: _Host, seat: str) -> None:
        place.busy.discard(seat)
        if self._ended:
            return
        if place.held >= self._part(place.bound) or self._is_crowded(place.bound):
            await self._call(partial(give_seats, owner=self._owner, seats=[seat]))
        else:
            place.idle.append(seat)
        place.returned.set()

    async def _wait_for_turn(self, host: str, pace: Pace) -> float:
        """Wait until a request may be sent; gives until when, by the monotonic clock."""
        while True:
            before = monotonic()
            wait = (await self._take_turn(host, pace)).total_seconds()
            if pace.leaps:
                await self._clock.wait(wait)
                return inf
            await asyncio.sleep(max(0.0, wait))
            latest = before + wait + _window(pace.delay)
            if monotonic() <= latest:
                return latest

    async def _take_turn(self, host: str, pace: Pace) -> timedelta:
        now = self._clock.now() if pace.leaps else None
        apart = timedelta(seconds=pace.delay + (0 if pace.leaps else _window(pace.delay)))
        return await self._call(partial(take_turn, host=host, apart=apart, now=now))

    def _part(self, bound: int) -> int:
        """How many of a host's seats are for this process."""
        return max(1, bound // self._members + (self._rank < bound % self._members))

    def _is_crowded(self, bound: int) -> bool:
        return bound < self._members

    async def _call(self, job: Callable[[Connection], T]) -> T:
        assert self._archive is not None
        return await asyncio.get_running_loop().run_in_executor(self._thread, _in_transaction, self._archive, job)


def _window(delay: float) -> float:
    return min(MOST_WINDOW, max(LEAST_WINDOW, delay / SHARE_OF_DELAY))


def _in_transaction(archive: Archive, job: Callable[[Connection], T]) -> T:
    with archive.begin() as connection:
        return job(connection)
