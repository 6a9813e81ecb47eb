"""How processes that crawl an outlet together share its hosts: seats for the requests under way, and turns in time.

Rows of `host_lease`: `HOST#1`, `HOST#2` ... are seats, each held by the process whose request is under way, and
`HOST#turn` says when the host may be asked next. Seats are held in the database's real time, so that all machines mean
the same; turns are too, unless the clock leaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, text, update

from storage.inserting import insert_into, insert_missing
from storage.models import host_lease
from storage.owners import is_dead

SEAT = timedelta(seconds=60)
"""How long a seat stays taken whose holder, on another machine, says nothing."""
LONGEST_LINE = timedelta(hours=1)
"""Nobody's turn is further ahead, but for one that a clock gave out which was wrong: turns are a minute apart at most,
and each process waits for one at a time."""
_TURN = "turn"
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7354, hashtext(:host))")
_UNSYNCED = text("SET LOCAL synchronous_commit = off")  # who waits for a turn need not wait for the disk


def take_seat(connection: Connection, host: str, owner: str, seats: int) -> str | None:
    """A free seat of a host for `owner`; None while all are taken. A seat whose holder is dead is free, and so is one
    that is held for longer than anybody holds it: the clock was set back since."""
    _begin(connection, host)
    now = _database_time(connection)
    names = [f"{host}#{number}" for number in range(1, seats + 1)]
    rows = connection.execute(select(host_lease).where(host_lease.c.host.in_(names))).all()
    taken = {row.host for row in rows if now < row.until <= now + 2 * SEAT and not is_dead(row.owner)}
    free = next((name for name in names if name not in taken), None)
    if free is not None:
        values = {"owner": owner, "until": now + SEAT}
        statement = insert_into(connection, host_lease).values(host=free, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["host"], set_=values))
    return free


def give_seats(connection: Connection, owner: str, seats: Sequence[str]) -> None:
    """Give seats back."""
    connection.execute(_UNSYNCED)
    connection.execute(delete(host_lease).where(host_lease.c.host.in_(seats), host_lease.c.owner == owner))


def keep_seats(connection: Connection, owner: str, seats: Sequence[str]) -> None:
    """Hold on to seats."""
    until = _database_time(connection) + SEAT
    held = update(host_lease).where(host_lease.c.host.in_(seats), host_lease.c.owner == owner)
    connection.execute(held.values(until=until))


def take_turn(connection: Connection, host: str, apart: timedelta, *, now: datetime | None = None) -> timedelta:
    """How long to wait for one's turn to ask a host; the next one's comes `apart` later.

    `now` is the clock's instant where it leaps; without it the database's time counts.
    """
    _begin(connection, host)
    now = now or _database_time(connection)
    name = f"{host}#{_TURN}"
    insert_missing(connection, host_lease, [{"host": name, "owner": _TURN, "until": now}])
    next_at = connection.execute(select(host_lease.c.until).where(host_lease.c.host == name)).scalar_one()
    at: datetime = next_at if now < next_at <= now + LONGEST_LINE else now
    connection.execute(update(host_lease).where(host_lease.c.host == name).values(until=at + apart))
    return at - now


def _begin(connection: Connection, host: str) -> None:
    connection.execute(_UNSYNCED)
    connection.execute(_ONE_AT_A_TIME, {"host": host})


def _database_time(connection: Connection) -> datetime:
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now
