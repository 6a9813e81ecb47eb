"""Taking an outlet for a crawl, alone or beside the processes that crawl it already; it blocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from storage.crawls import hold_outlet, join_outlet
from storage.errors import OutletLocked
from storage.joining import stop_sharing
from storage.models import outlet as outlet_table
from storage.outlets import sync_outlet
from storage.reducing import set_policies

if TYPE_CHECKING:
    from scraper.outlet import Outlet
    from storage.archive import Archive
    from storage.records import DomainFacts

LOOKS, PAUSE = 120, 0.25
"""How often who joins looks whether a run that holds the outlet has begun its crawl, and the seconds between."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An outlet that a run has taken. Where it joins others, its crawl has begun beside `joined`, that of `since`."""

    outlet: int
    crawl: int | None = None
    joined: int | None = None
    since: datetime | None = None


def take_outlet(archive: Archive, outlet: Outlet, facts: Sequence[DomainFacts], owner: str, now: datetime) -> Taken:
    """Take an outlet for this run alone. Raises OutletLocked while another run has it."""
    with archive.begin() as connection:
        outlet_id = sync_outlet(connection, outlet.name, "profile", facts, now)
        set_policies(connection, outlet_id, outlet.manners.unchanged, outlet.manners.listings)
        hold_outlet(connection, outlet_id, owner)
        stop_sharing(connection, outlet_id)
    return Taken(outlet_id)


def join_or_take(
    archive: Archive,
    outlet: Outlet,
    facts: Sequence[DomainFacts],
    owner: str,
    now: datetime,
    begin: Callable[[Connection, int], int],
) -> Taken:
    """Begin a crawl beside those of the outlet that run, or take it where none does.

    Raises OutletLocked where a run of another kind has it, and has it still after half a minute: it may be about to
    begin what can be joined.
    """
    look = 0
    while True:
        try:
            with archive.begin() as connection:
                taken = _join(connection, outlet.name, owner, begin)
            return taken or take_outlet(archive, outlet, facts, owner, now)
        except OutletLocked:
            look += 1
            if look > LOOKS:
                raise
        time.sleep(PAUSE)


def _join(connection: Connection, name: str, owner: str, begin: Callable[[Connection, int], int]) -> Taken | None:
    known = connection.execute(select(outlet_table.c.id).where(outlet_table.c.name == name)).scalar()
    running = join_outlet(connection, known, owner) if known is not None else None
    if known is None or running is None:
        return None
    return Taken(known, begin(connection, known), *running)
