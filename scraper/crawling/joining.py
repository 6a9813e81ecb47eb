"""A crawl's part in crawling an outlet with other processes: how they share hosts, and take over from the dead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from scraper.crawling.state import HOST_LEASE
from storage.crawls import beat, hold_hosts
from storage.due import make_due_unread
from storage.errors import OutletLocked
from storage.frontier import NEW, next_due, release
from storage.joining import is_leased, keep_outlet, living, may_enter, members, share_hosts, unread_crawls
from storage.owners import new_owner
from storage.recovery import recover

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from scraper.crawling.state import CrawlState
    from storage.joining import Member

log = logging.getLogger(__name__)

WATCH = 2.0
"""Seconds between two looks at who takes part."""
ADMISSION = 0.25
"""Seconds between two looks at whether the hosts are shared yet."""
PATIENCE = timedelta(minutes=10)
"""How long to wait to be let in; requests that are under way when somebody joins come to their end first."""
SKEW = timedelta(seconds=5)
"""How far the clocks of those who take part may be apart: what one finds is due by its own."""
IDLE = 0.25
"""Seconds after which somebody who has nothing to do looks again, while others may find more."""


class Joining:
    """Watches who takes part. A process that crawls alone holds its hosts for itself; as soon as somebody joins, it
    lets its requests end and shares them, for good. Does nothing on SQLite.

    `read_of` reads what the crawls of these ids have kept and not read.
    """

    def __init__(self, state: CrawlState, read_of: Callable[[Sequence[int]], Coroutine[Any, Any, None]]) -> None:
        self._state, self._read_of = state, read_of
        self._first = 0
        self._sharing = asyncio.Lock()

    async def begin(self) -> None:
        """Take the hosts, alone or with those who crawl the outlet already. Raises OutletLocked when they do not let us
        in."""
        state, opened = self._state, self._state.opened
        self._first = opened.joined or opened.crawl
        state.others_at_work = self._others_at_work
        if opened.joined is not None:
            await self._wait_for_admission()
            await self._share()
        await self.hold_hosts()

    async def hold_hosts(self) -> None:
        """Hold the hosts, so that no other outlet's crawl asks them at the same time; what another holds is left
        alone."""
        state = self._state
        held = await state.run(self._hold)
        if held is None:
            await self._share()
            held = await state.run(self._hold)
        chosen = state.options.domains
        for each in state.route.standings:
            host = each.domain.host
            wanted, got = not chosen or host in chosen, held is not None and held[host]
            if not got and each.asked:
                log.warning("%s is being asked by another process; this crawl leaves it alone", host)
            each.asked, each.held = wanted and got, wanted and not got

    async def stay(self) -> None:
        """Say that this process lives and goes on to hold what it holds."""
        state, opened = self._state, self._state.opened
        if state.turns.shared:
            await state.run(partial(keep_outlet, outlet=opened.outlet, owner=opened.owner))
            await state.turns.stay()
        else:
            if not await state.run(partial(beat, outlet_id=opened.outlet, owner=opened.owner)):
                state.break_off(
                    OutletLocked(
                        "another run took it over, since this one was not heard of for a minute",
                        state.outlet.name,
                        "All that was fetched is kept. Run the same command again when that run has ended",
                    )
                )

    async def watch(self) -> None:
        """Look again and again who takes part."""
        while self._state.opened.archive.engine.dialect.name == "postgresql":
            await asyncio.sleep(WATCH)
            await self._look()

    async def _look(self) -> None:
        state, opened = self._state, self._state.opened
        found = await self._members()
        alive = living(found)
        if alive and not state.turns.shared:
            await self._share()
        if state.turns.shared:
            rank = sum(each.crawl < opened.crawl for each in alive)
            await state.turns.set_members(len(alive) + 1, rank)
        if dead := [each.crawl for each in found if not each.lives]:
            await self._recover(dead)

    async def _recover(self, dead: Sequence[int]) -> None:
        """Take in what a process left that was killed; one of those that live does."""
        state, opened = self._state, self._state.opened
        await self.stay()  # recovery frees the locks of the dead, so the outlet's is ours before
        job = partial(recover, opened.archive, new_owner(), state.clock.now())
        state.working += 1
        try:
            recovered = await asyncio.get_running_loop().run_in_executor(None, job)
        finally:
            state.working -= 1
        if recovered.ended:
            log.warning("a process that crawled the outlet too has died; what it left is gone on with")
            await state.run(partial(make_due_unread, outlet=opened.outlet, now=state.clock.now()))
            await self._read_of(dead)

    async def _wait_for_admission(self) -> None:
        state, opened = self._state, self._state.opened
        for _ in range(int(PATIENCE.total_seconds() / ADMISSION)):
            if await state.run(partial(may_enter, outlet=opened.outlet, owner=opened.owner)):
                return
            await asyncio.sleep(ADMISSION)
        raise OutletLocked(
            "the crawl that runs lets nobody join", state.outlet.name, "Wait for its end, or stop that process"
        )

    async def _share(self) -> None:
        """Let the requests under way end, and give the hosts to all who take part."""
        async with self._sharing:
            if not self._state.turns.shared:
                await self._share_now()

    async def _share_now(self) -> None:
        state, opened = self._state, self._state.opened
        await state.turns.close()
        until = state.clock.now() + HOST_LEASE
        await state.run(partial(share_hosts, outlet=opened.outlet, owner=opened.owner, until=until))
        await state.run(partial(keep_outlet, outlet=opened.outlet, owner=opened.owner))
        await state.turns.share(opened.archive, opened.owner)
        alive = living(await self._members())
        await state.turns.set_members(len(alive) + 1, sum(each.crawl < opened.crawl for each in alive))

    async def _members(self) -> list[Member]:
        opened = self._state.opened
        return await self._state.run(partial(members, outlet=opened.outlet, owner=opened.owner, first=self._first))

    def _hold(self, connection: Connection) -> dict[str, bool] | None:
        """Which hosts this crawl holds; None where somebody has joined since, so that they must be shared first."""
        state, opened, now = self._state, self._state.opened, self._state.clock.now()
        if not state.turns.shared and living(members(connection, opened.outlet, opened.owner, first=opened.crawl)):
            return None
        hosts = sorted({each.domain.host for each in state.route.standings})
        held = hold_hosts(connection, hosts, state.holder, now, now + HOST_LEASE)
        return {host: host in held for host in hosts}

    async def _others_at_work(self) -> bool:
        """Whether others may yet find something, or have left something; then it waits a little."""
        state = self._state
        if not state.turns.shared:
            return False
        found = await self._members()
        if len(living(found)) < len(found):
            await self._look()
            return True
        alive = {each.crawl for each in living(found)}
        left = await state.run(self._left)
        if dead := [each for each in left.unread if each not in alive]:
            await self._read_of(dead)
            return True
        busy = bool(left.unread) or left.leased or left.due
        if busy:
            await asyncio.sleep(IDLE)
        return busy

    def _left(self, connection: Connection) -> _Left:
        """What is left when we have nothing to do. What is left of our own leases is given back, or two who wait for
        each other would wait for good."""
        opened, now = self._state.opened, self._state.clock.now()
        release(connection, opened.owner)
        at = next_due(connection, opened.outlet, max_priority=NEW)
        return _Left(
            leased=is_leased(connection, opened.outlet, opened.owner, now),
            unread=unread_crawls(connection, opened.outlet, opened.crawl),
            due=at is not None and at <= now + SKEW,
        )


@dataclass(frozen=True, slots=True)
class _Left:
    """What others hold or have left: leases, crawls with unread pages, what is due by a clock that is before ours."""

    leased: bool
    unread: list[int]
    due: bool
