"""Say when known resources are due, outside the fetch of a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from storage.inserting import in_portions
from storage.models import crawl, location, resource


def make_due(
    connection: Connection, outlet: int, keys: Sequence[str], now: datetime, *, unless_since: datetime | None = None
) -> int:
    """Make the resources with these keys due at `now` (UTC) unless somebody is fetching them; returns how many.

    With `unless_since`, those that were fetched since then keep their time.
    """
    changed = 0
    for portion in in_portions(keys):
        statement = (
            update(resource)
            .where(resource.c.outlet == outlet, resource.c.key.in_(portion), resource.c.lease_owner.is_(None))
            .where(or_(resource.c.due_at.is_(None), resource.c.due_at > now))
            .values(due_at=now)
        )
        if unless_since is not None:
            fetched = select(location.c.id).where(
                location.c.resource == resource.c.id, location.c.fetched_at >= unless_since
            )
            statement = statement.where(~fetched.exists())
        changed += connection.execute(statement).rowcount
    return changed


def unfinished_since(connection: Connection, outlet: int, *, not_before: datetime) -> datetime | None:
    """When the crawls began that ended early one after the other, up to now; None where the last one finished.

    Only crawls that began at `not_before` (UTC) or later count.
    """
    runs = connection.execute(
        select(crawl.c.started_at, crawl.c.outcome)
        .where(crawl.c.outlet == outlet, crawl.c.kind == "crawl", crawl.c.started_at >= not_before)
        .order_by(crawl.c.id.desc())
    )
    since = None
    for started_at, outcome in runs:
        if outcome == "finished":
            break
        since = started_at
    return since


def finish(connection: Connection, resource_id: int, outcome: str, due_at: datetime | None) -> None:
    """End the lease of a resource whose fetch gave nothing to read: a status, a redirect that led nowhere."""
    connection.execute(
        update(resource)
        .where(resource.c.id == resource_id)
        .values(outcome=outcome, due_at=due_at, lease_owner=None, lease_until=None, attempts=resource.c.attempts + 1)
    )
