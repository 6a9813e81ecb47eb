"""Further listings of a host one after the other: what polls lead to keeps within what a host is asked for an hour.

A row of `host_lease` beside those of storage.turns, `HOST#listings`, says until when times are given out; nobody holds
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import Connection, bindparam, or_, select

from storage.inserting import among, in_portions, insert_into, update_each
from storage.models import host_lease, location, resource
from storage.records import Found
from storage.urls import url_hash

PACED = frozenset(("sections", "feed", "sitemap"))
"""The kinds of listings that are polled."""
TRUSTED = timedelta(days=1)
"""For so long a listing is believed that states of another that it has not changed."""
LONGEST = timedelta(days=7)
"""No time is given out further ahead, however many wait, but by a clock that was wrong."""
_LISTINGS = "listings"


def spread_out(
    connection: Connection, listings: Iterable[Found], now: datetime, apart: timedelta, *, since: datetime
) -> None:
    """Make listings due that were fetched before, one after the other on their hosts, `apart` from each other and from
    those that were given a time earlier. `now` and `since` are UTC.

    What was fetched at `since` or later, has a time already or is being fetched keeps to that; what by its `lastmod`
    has not changed since it was fetched is left alone for a day.
    """
    by_host: dict[str, list[Found]] = {}
    for each in listings:
        by_host.setdefault(urlsplit(each.url).netloc, []).append(each)
    for host, found in by_host.items():
        wanted = _without_time(connection, found, now, since)
        if wanted:
            times = _take_times(connection, host, now, apart, len(wanted))
            update_each(
                connection, resource, [{"id": each, "due_at": at} for each, at in zip(wanted, times, strict=True)]
            )


def _without_time(connection: Connection, found: Sequence[Found], now: datetime, since: datetime) -> list[int]:
    lastmods = {url_hash(each.url): each.lastmod for each in found}
    numbers: dict[int, None] = {}
    for hashes in in_portions(list(lastmods)):
        for number, digest, fetched_at in connection.execute(_IDLE, {"values": hashes, "since": since, "now": now}):
            lastmod = lastmods[digest]
            if lastmod is None or lastmod > fetched_at or fetched_at <= now - TRUSTED:
                numbers[number] = None
    return list(numbers)


def _take_times(connection: Connection, host: str, now: datetime, apart: timedelta, n: int) -> list[datetime]:
    """`n` times of a host that nothing else was given; closer together where the last would be too far ahead."""
    name = f"{host}#{_LISTINGS}"
    until = connection.execute(_UNTIL, {"of_host": name}).scalar()
    first: datetime = until if until is not None and now < until <= now + LONGEST else now
    step = min(apart, (now + LONGEST - first) / n)
    values = {"owner": _LISTINGS, "until": first + n * step}
    statement = insert_into(connection, host_lease).values(host=name, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["host"], set_=values))
    return [first + at * step for at in range(n)]


_UNTIL = select(host_lease.c.until).where(host_lease.c.host == bindparam("of_host", type_=host_lease.c.host.type))
_IDLE = (
    select(resource.c.id, location.c.url_hash, location.c.fetched_at)
    .join(location, location.c.resource == resource.c.id)
    .where(among(location.c.url_hash), resource.c.due_at.is_(None), resource.c.lease_owner.is_(None))
    .where(
        or_(
            location.c.fetched_at < bindparam("since", type_=location.c.fetched_at.type),
            location.c.fetched_at > bindparam("now", type_=location.c.fetched_at.type),
        )
    )
    .order_by(location.c.id)
)
