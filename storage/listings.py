"""Remember of listings that can list whole days which days they list, and how many articles of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from storage.inserting import in_portions, insert_missing
from storage.models import covered, listed
from storage.records import Coverage


def note_listings(connection: Connection, read: Sequence[tuple[int, datetime, Coverage]]) -> None:
    """Write down what listings (resources) listed when they were read at an instant (UTC); the last reading counts."""
    for resource, at, coverage in read:
        values = {"first": coverage.first, "last": coverage.last, "at": at, "n": coverage.n}
        if not connection.execute(update(covered).where(covered.c.resource == resource).values(**values)).rowcount:
            insert_missing(connection, covered, [{"resource": resource, **values}])
        _note_days(connection, resource, dict(coverage.days))


def _note_days(connection: Connection, resource: int, days: dict[date, int]) -> None:
    """Write only what differs: a sitemap of thousands of days is read again and again."""
    rows: Sequence[Any] = connection.execute(
        select(listed.c.day, listed.c.n).where(listed.c.resource == resource)
    ).all()
    known: dict[date, int] = {row.day: row.n for row in rows}
    stale = [day for day, n in known.items() if days.get(day) != n]
    for portion in in_portions(stale):
        connection.execute(delete(listed).where(listed.c.resource == resource, listed.c.day.in_(portion)))
    fresh = [{"resource": resource, "day": day, "n": n} for day, n in days.items() if known.get(day) != n]
    insert_missing(connection, listed, fresh)
