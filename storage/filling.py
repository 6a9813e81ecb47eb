"""Make due what is missing: articles that failed or were never tried, and the listings of days with gaps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, and_, literal_column, or_, select, true, update

from storage.finding import add_found, resources_by_key
from storage.gaps import DENIED
from storage.inserting import in_portions
from storage.models import covered, resource
from storage.priorities import FILL
from storage.records import Found
from storage.spans import Span


def make_missing_due(
    connection: Connection, outlet: int, now: datetime, since: date | None = None, until: date | None = None
) -> int:
    """Make articles due at `now` (UTC) that are known and missing; returns how many were not.

    A page that is no article or gone is not missing, and a host that asked for rest is left alone.
    """
    rested = "failed:retry-after"
    missing = or_(
        resource.c.outcome.is_(None),
        and_(resource.c.outcome.startswith("failed:"), resource.c.outcome != rested),
        resource.c.outcome.in_(DENIED),
    )
    within = and_(true(), *([resource.c.day >= since] if since else []), *([resource.c.day <= until] if until else []))
    return connection.execute(
        update(resource)
        .where(resource.c.outlet == outlet, resource.c.kind == literal_column("'article'"), within, missing)
        .where(resource.c.article.is_(None), resource.c.lease_owner.is_(None))
        .where(or_(resource.c.due_at.is_(None), resource.c.due_at > now))
        .values(due_at=now)
    ).rowcount


def make_listings_due(
    connection: Connection,
    outlet: int,
    founds: Sequence[Found],
    now: datetime,
    *,
    crawl: int,
    besides: Collection[int] = (),
) -> int:
    """Make listings due at `now` (UTC), behind new articles, so that what one leads to is fetched before the next is
    read; those of `besides` keep their own time. Returns how many became due."""
    add_found(connection, outlet, founds, now=now, crawl=crawl)
    numbers = resources_by_key(connection, outlet, [found.key for found in founds])
    return _make_due(connection, set(numbers.values()) - set(besides), now)


def make_files_due(
    connection: Connection, outlet: int, spans: Sequence[Span], now: datetime, *, besides: Collection[int] = ()
) -> int:
    """Make the files of sitemaps and the lists due at `now` (UTC) that list days within joined spans."""
    statement = (
        select(resource.c.id, covered.c.first, covered.c.last)
        .join(covered, covered.c.resource == resource.c.id)
        .where(resource.c.outlet == outlet, resource.c.kind.in_(("sitemap", "urls")), covered.c.first.is_not(None))
    )
    wanted = {
        row.id
        for row in connection.execute(statement)
        if any(row.first <= last and row.last >= first for first, last in spans)
    }
    return _make_due(connection, wanted - set(besides), now)


def _make_due(connection: Connection, numbers: Iterable[int], now: datetime) -> int:
    changed = 0
    for portion in in_portions(sorted(numbers)):
        changed += connection.execute(
            update(resource)
            .where(resource.c.id.in_(portion), resource.c.lease_owner.is_(None))
            .values(due_at=now, priority=FILL)
        ).rowcount
    return changed
