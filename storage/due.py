"""Say when known resources are due, outside the fetch of a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, or_, update

from storage.inserting import in_portions
from storage.models import resource


def make_due(connection: Connection, outlet: int, keys: Sequence[str], now: datetime) -> int:
    """Make the resources with these keys due at `now` (UTC) unless somebody is fetching them; returns how many."""
    changed = 0
    for portion in in_portions(keys):
        result = connection.execute(
            update(resource)
            .where(resource.c.outlet == outlet, resource.c.key.in_(portion), resource.c.lease_owner.is_(None))
            .where(or_(resource.c.due_at.is_(None), resource.c.due_at > now))
            .values(due_at=now)
        )
        changed += result.rowcount
    return changed


def finish(connection: Connection, resource_id: int, outcome: str, due_at: datetime | None) -> None:
    """End the lease of a resource whose fetch gave nothing to read: a status, a redirect that led nowhere."""
    connection.execute(
        update(resource)
        .where(resource.c.id == resource_id)
        .values(
            outcome=outcome, due_at=due_at, lease_owner=None, lease_until=None, attempts=resource.c.attempts + 1
        )
    )
