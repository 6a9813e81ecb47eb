"""Crawls of one outlet by several processes: who takes part, and how lock and hosts pass between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from storage.clocks import TOLERANCE
from storage.inserting import insert_missing
from storage.models import capture, crawl, host_lease, outlet_lock, resource
from storage.owners import is_dead, is_local, runs_here

TAKE_OVER = timedelta(seconds=40)
"""A lock whose holder was silent for this long passes to another member: before a stranger may take it (60 s)."""


@dataclass(frozen=True, slots=True)
class Member:
    """A crawl of an outlet that has not ended, in another process. `lives`: it is not known to be dead."""

    crawl: int
    owner: str
    started_at: datetime
    lives: bool


def members(connection: Connection, outlet: int, owner: str, *, first: int = 0) -> list[Member]:
    """The other processes' crawls of the outlet that have not ended, from the crawl `first` on, in their order.

    None on SQLite, where nobody joins. A crawl that broke off in this process is no member.
    """
    if connection.dialect.name != "postgresql":
        return []
    rows = connection.execute(
        select(crawl.c.id, crawl.c.owner, crawl.c.started_at)
        .where(crawl.c.outlet == outlet, crawl.c.kind == "crawl", crawl.c.ended_at.is_(None), crawl.c.id >= first)
        .where(crawl.c.owner.is_not(None), crawl.c.owner != owner)
        .order_by(crawl.c.id)
    )
    return [Member(*row, lives=not is_dead(row.owner)) for row in rows if not runs_here(row.owner)]


def living(found: Sequence[Member]) -> list[Member]:
    """Those that are not known to be dead."""
    return [each for each in found if each.lives]


def keep_outlet(connection: Connection, outlet: int, owner: str, *, now: datetime | None = None) -> None:
    """Say that a member of a shared crawl lives, and take the lock over where its holder is dead or silent."""
    now = now or datetime.now(UTC)
    held = connection.execute(
        select(outlet_lock.c.owner, outlet_lock.c.heartbeat).where(outlet_lock.c.outlet == outlet).with_for_update()
    ).one_or_none()
    if held is None:
        insert_missing(connection, outlet_lock, [{"outlet": outlet, **_holder(owner), "heartbeat": now}])
    elif held.owner == owner or _is_gone(held.owner, held.heartbeat, now):
        _pass_to(connection, outlet, owner, now)


def leave_outlet(connection: Connection, outlet: int, owner: str, *, now: datetime | None = None) -> None:
    """Give back what a crawl holds: its lock goes to another member that lives, if there is one, as do the hosts that
    they share."""
    others = _heirs(connection, outlet, owner)
    connection.execute(_FREE_HOSTS, {"of": owner})
    if not others:
        connection.execute(_FREE_OUTLET, {"of": outlet, "by": owner})
        stop_sharing(connection, outlet)
        return
    mine = select(outlet_lock.c.outlet).where(outlet_lock.c.outlet == outlet, outlet_lock.c.owner == owner)
    if connection.execute(mine).first() is not None:
        _pass_to(connection, outlet, others[0].owner, now or datetime.now(UTC))


def is_dated_ahead(owner: str, heartbeat: datetime, now: datetime) -> bool:
    """Whether a sign of life is still to come by the clock of another machine, or of a container that is gone, which
    was wrong: it would be waited for."""
    return heartbeat - now > TOLERANCE and not is_local(owner)


def group_of(outlet: int) -> str:
    """The name under which the processes that crawl an outlet together hold its hosts; no process has such a name."""
    return f"outlet:{outlet}"


def share_hosts(connection: Connection, outlet: int, owner: str, until: datetime) -> None:
    """Let the other members ask the hosts that `owner` held alone, or one of them that is dead."""
    owners = [owner, *(each.owner for each in members(connection, outlet, owner) if not each.lives)]
    group = group_of(outlet)
    insert_missing(connection, host_lease, [{"host": group, "owner": group, "until": until}])
    connection.execute(
        update(host_lease).where(host_lease.c.owner.in_(owners), host_lease.c.host.not_like("%#%")).values(owner=group)
    )


def may_enter(connection: Connection, outlet: int, owner: str, *, now: datetime | None = None) -> bool:
    """Whether a member may ask the outlet's hosts: they are shared, or nobody lives who holds them alone, which is who
    has the outlet's lock."""
    group = group_of(outlet)
    if connection.execute(select(host_lease.c.host).where(host_lease.c.host == group)).first() is not None:
        return True
    held = connection.execute(
        select(outlet_lock.c.owner, outlet_lock.c.heartbeat).where(outlet_lock.c.outlet == outlet)
    ).one_or_none()
    return held is None or held.owner == owner or _is_gone(held.owner, held.heartbeat, now or datetime.now(UTC))


def stop_sharing(connection: Connection, outlet: int) -> None:
    """Free the hosts that the outlet's crawls shared, when the last of them has ended."""
    connection.execute(_FREE_HOSTS, {"of": group_of(outlet)})


def is_leased(connection: Connection, outlet: int, owner: str, now: datetime) -> bool:
    """Whether others hold leases of the outlet's resources, dead ones too."""
    leased = (
        select(resource.c.id)
        .where(resource.c.lease_owner.is_not(None), resource.c.lease_owner != owner, resource.c.outlet == outlet)
        .where(or_(resource.c.lease_until.is_(None), resource.c.lease_until > now))
    )
    return connection.execute(leased.limit(1)).first() is not None


def unread_crawls(connection: Connection, outlet: int, own: int) -> list[int]:
    """The other crawls of the outlet whose captures are not all read."""
    pending = select(capture.c.crawl).where(capture.c.outcome == "pending", capture.c.crawl != own).distinct()
    ours = select(crawl.c.id).where(crawl.c.id.in_(pending), crawl.c.outlet == outlet, crawl.c.kind == "crawl")
    return list(connection.execute(ours.order_by(crawl.c.id)).scalars())


_FREE_HOSTS = delete(host_lease).where(host_lease.c.owner == bindparam("of"))
_FREE_OUTLET = delete(outlet_lock).where(
    outlet_lock.c.outlet == bindparam("of"), outlet_lock.c.owner == bindparam("by")
)


def _heirs(connection: Connection, outlet: int, owner: str) -> list[Member]:
    """The members that live, or those who joined and were not let in yet. A run that broke off while its process goes
    on has not ended either, but joined nobody."""
    found = living(members(connection, outlet, owner))
    if not found:
        return []
    group = group_of(outlet)
    if connection.execute(select(host_lease.c.host).where(host_lease.c.host == group)).first() is not None:
        return found
    own = connection.execute(select(func.max(crawl.c.id)).where(crawl.c.owner == owner)).scalar() or 0
    return [each for each in found if each.crawl > own]


def _is_gone(owner: str, heartbeat: datetime, now: datetime) -> bool:
    return is_dead(owner) or now - heartbeat > TAKE_OVER or is_dated_ahead(owner, heartbeat, now)


def _pass_to(connection: Connection, outlet: int, owner: str, now: datetime) -> None:
    connection.execute(
        update(outlet_lock).where(outlet_lock.c.outlet == outlet).values(**_holder(owner), heartbeat=now)
    )


def _holder(owner: str) -> dict[str, str | int]:
    """The columns of a lock that its owner's name tells."""
    host, _, rest = owner.partition("/")
    pid = rest.partition("/")[0]
    return {"owner": owner, "host": host, "pid": int(pid) if pid.isdecimal() else 0}
