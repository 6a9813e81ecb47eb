"""The robots.txt that an archive keeps from run to run (fetching's RobotsStore)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from scraper.fetching.robots import StoredRobots
from storage.errors import StorageError
from storage.robots import KeptRobots, load_robots, save_robots
from storage.turns import give_seats, take_seat

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from scraper.crawling.state import CrawlState

T = TypeVar("T")

AGAIN = 0.25
"""Seconds between two looks at whether another process still asks an origin."""


class ArchivedRobots:
    """What a crawl's archive keeps of robots.txt. Of the processes that crawl together, one at a time asks an origin
    for its own; nobody crawls together on SQLite."""

    def __init__(self, state: CrawlState) -> None:
        self._state = state

    @asynccontextmanager
    async def alone(self, host: str) -> AsyncIterator[None]:
        """Wait until no other process asks an origin, and let none until the end."""
        if self._state.opened.archive.engine.dialect.name != "postgresql":
            yield
            return
        owner = self._state.opened.owner
        seat = await self._seat(f"{host}/robots.txt", owner)
        try:
            yield
        finally:
            with suppress(StorageError):  # a crawl that breaks off gives back whatever it holds
                await self._state.run(partial(give_seats, owner=owner, seats=[seat]))

    async def load(self, host: str) -> StoredRobots | None:
        """The robots.txt kept for an origin, however old."""
        kept = await self._run(lambda connection: load_robots(connection, host))
        return StoredRobots(kept.host, kept.at, kept.status, kept.body) if kept else None

    async def save(self, stored: StoredRobots) -> None:
        """Keep a robots.txt for the runs to come."""
        kept = KeptRobots(stored.host, stored.at, stored.status, stored.body)
        await self._run(lambda connection: save_robots(connection, kept))

    async def _seat(self, name: str, owner: str) -> str:
        while True:
            seat = await self._run(partial(take_seat, host=name, owner=owner, seats=1))
            if seat is not None:
                return seat
            await asyncio.sleep(AGAIN)

    async def _run(self, job: Callable[[Connection], T]) -> T:
        """Run a job for fetching, which would take its failure for the host's."""
        try:
            return await self._state.run(job)
        except StorageError as error:
            self._state.break_off(error)
            raise
