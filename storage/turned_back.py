"""Notice that the clock was set back since an outlet's last crawl, and let nothing wait for it to come round again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select, update

from storage.clocks import TOLERANCE
from storage.models import crawl, location, resource

LONGEST = timedelta(days=30)
"""An interval that was chosen by a wrong clock, which made articles look old, is at most a month."""
_PORTION = 1000


@dataclass(frozen=True, slots=True)
class TurnedBack:
    """The last crawl of an outlet went on until `last` (UTC), which is still to come. `is_wrong` says that the present
    is before the outlet's first crawl, so that it must be today's clock that is wrong; else it may have been that
    one's."""

    last: datetime
    is_wrong: bool


def turned_back(connection: Connection, outlet: int, now: datetime) -> TurnedBack | None:
    """How the last crawl of an outlet stands to `now` (UTC), where that is before it; None else."""
    newest = connection.execute(_NEWEST, {"of_outlet": outlet}).one_or_none()
    if newest is None:
        return None
    last = max(each for each in newest if each is not None)
    if last <= now + TOLERANCE:
        return None
    first: datetime = connection.execute(_FIRST, {"of_outlet": outlet}).scalar_one()
    return TurnedBack(last, now < first)


_CRAWLS = crawl.c.outlet == bindparam("of_outlet"), crawl.c.kind == "crawl"
_NEWEST = select(crawl.c.started_at, crawl.c.ended_at).where(*_CRAWLS).order_by(crawl.c.id.desc()).limit(1)
_FIRST = select(func.min(crawl.c.started_at)).where(*_CRAWLS)


def count_from_now(connection: Connection, outlet: int, now: datetime) -> int:
    """Let all that was fetched in what is now the future be due as long after `now` (UTC) as it was after that, LONGEST
    at most; returns how many resources.

    A clock that was years ahead for a day would else silence the outlet for years.
    """
    fetched = func.max(location.c.fetched_at)
    statement = (
        select(resource.c.id, resource.c.due_at, fetched)
        .join(location, location.c.resource == resource.c.id)
        .where(resource.c.outlet == outlet, resource.c.lease_owner.is_(None), resource.c.due_at > now)
        .where(location.c.fetched_at > now)
        .group_by(resource.c.id, resource.c.due_at)
        .order_by(resource.c.id)
        .limit(_PORTION)
    )
    change = update(resource).where(resource.c.id == bindparam("which")).values(due_at=bindparam("due"))
    changed = last = 0
    while rows := connection.execute(statement.where(resource.c.id > last)).all():
        values = [{"which": which, "due": now + min(max(due - at, timedelta(0)), LONGEST)} for which, due, at in rows]
        connection.execute(change, values)
        changed, last = changed + len(rows), rows[-1][0]
    return changed
