"""Write down what readings say of the resources that were read: outcome, due time and article."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, or_, select, update

from storage.dating import note_days_read
from storage.inserting import update_each
from storage.models import location, resource
from storage.rehoming import Shown, bind


@dataclass(frozen=True, slots=True)
class Told:
    """What one reading says. `key` and `article` are set for an article alone; `day` is that of publication;
    instants are UTC."""

    resource: int
    location: int
    outcome: str
    captured_at: datetime
    read_at: datetime
    due_at: datetime | None
    key: str | None
    article: int | None
    day: date | None = None


def settle_resources(
    connection: Connection, outlet: int, crawl: int, *, now: Sequence[Told], then: Sequence[Told], again: Sequence[Told]
) -> None:
    """Settle what was read: pages just fetched (`now`), imported ones of another time (`then`), and those that another
    extractor had read before, to another outcome (`again`).

    Only the first say when a resource is due. The others tell an outcome where nothing newer does; a capture read again
    binds a resource to its article only where nothing had bound it.
    """
    update_each(connection, resource, [{"id": each.resource, "outcome": each.outcome} for each in now])
    aged = [{"of": each.resource, "told": each.outcome, "seen": each.captured_at} for each in (*then, *again)]
    if aged:
        connection.execute(_TELL_UNLESS_NEWER, aged)
    due = [
        {"of": each.resource, "new_due": each.due_at, "now": each.read_at}
        for each in (*now, *then)
        if each.due_at is not None
    ]
    if due:
        connection.execute(_SET_DUE, due)
    shown = [
        Shown(each.resource, each.location, each.key, each.article, each.read_at)
        for each in (*now, *then)
        if each.key is not None and each.article is not None
    ]
    if shown:
        bind(connection, outlet, crawl, shown)
    note_days_read(connection, ((each.resource, each.day) for each in (*then, *now) if each.day is not None))
    found = [{"of": each.resource, "shows": each.article} for each in again if each.article is not None]
    if found:
        connection.execute(_BIND_UNBOUND, found)


_TELL_UNLESS_NEWER = (
    update(resource)
    .where(
        resource.c.id == bindparam("of"),
        ~select(location.c.id)
        .where(
            location.c.resource == bindparam("of"),
            location.c.fetched_at > bindparam("seen", type_=location.c.fetched_at.type),
        )
        .exists(),
    )
    .values(outcome=bindparam("told"))
)
_BIND_UNBOUND = (
    update(resource)
    .where(resource.c.id == bindparam("of"), resource.c.article.is_(None))
    .values(article=bindparam("shows"))
)
_SET_DUE = (
    update(resource)
    .where(resource.c.id == bindparam("of"))
    .where(
        or_(
            resource.c.lease_until.is_(None),
            resource.c.lease_until <= bindparam("now", type_=resource.c.lease_until.type),
        )
    )
    .values(due_at=bindparam("new_due", type_=resource.c.due_at.type))
)
