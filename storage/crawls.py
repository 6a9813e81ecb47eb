"""Crawls: their beginning and end, and the locks under which they run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, delete, or_, select, update
from sqlalchemy.sql.dml import ReturningInsert

from storage.errors import OutletLocked, StorageError
from storage.inserting import Insert, among, insert_for, update_each
from storage.joining import is_dated_ahead, living, members
from storage.manifest import FORM, draw_manifest, newest_digest
from storage.models import archive, crawl, host_lease, outlet, outlet_lock
from storage.owners import is_dead, is_local, machine, new_owner, process_lives
from storage.serial import write_alone

CrawlKind = Literal["crawl", "fetch", "import", "reextract", "recover", "decision"]
HEARTBEAT_LIMIT = timedelta(seconds=60)
"""A lock whose holder was silent for this long, in real time, is given up."""


def begin_crawl(
    connection: Connection,
    outlet: int | None,
    kind: CrawlKind,
    *,
    operator: str | None,
    robots_policy: str,
    now: datetime,
    owner: str | None = None,
    stamp_authority: str | None = None,
) -> int:
    """Write down that a run begins, and give its id. `now` is the mapped clock's UTC instant.

    `owner` (default: this process) tells recovery whether the run still lives. `stamp_authority` is the URL of the
    server whose time stamp the manifest shall get, so that a missing one shows.
    """
    facts = {
        "outlet": outlet,
        "kind": kind,
        "operator": operator,
        "owner": owner or new_owner(),
        "robots_policy": robots_policy,
        "started_at": now,
        "stamp_authority": stamp_authority,
        "manifest_form": FORM,
    }
    crawl_id: int = connection.execute(_BEGIN, facts).scalar_one()
    return crawl_id


def end_crawl(connection: Connection, crawl_id: int, outcome: str, counts: Mapping[str, Any], now: datetime) -> str:
    """Write down how a run ended, with the digest of its manifest, which is returned.

    The manifest names every row that the run added, each with its digest (docs/verify.md lists the columns), and the
    manifest of the run that ended before it. Close the run's writer first. Raises StorageError when the run has ended
    already: a manifest is never drawn twice.
    """
    connection.execute(_CHAIN)  # one end at a time, or the chain would fork
    ended = connection.execute(_ENDED_AT, {"of": crawl_id}).one_or_none()
    if ended is None:
        raise StorageError("no such crawl", str(crawl_id))
    if ended[0] is not None:
        raise StorageError("this crawl has ended already", str(crawl_id))
    previous = newest_digest(connection)
    ending = {"id": crawl_id, "ended_at": now, "outcome": outcome, "counts": dict(counts)}
    update_each(connection, crawl, [ending | {"previous_digest": previous, "manifest_form": FORM}])
    digest = draw_manifest(connection, crawl_id)
    update_each(connection, crawl, [{"id": crawl_id, "manifest_digest": digest}])
    return digest


def hold_outlet(connection: Connection, outlet_id: int, owner: str, *, now: datetime | None = None) -> None:
    """Take the outlet for this run. Raises OutletLocked, naming the holder, while another run has it.

    A holder that died on this machine, or that was silent for 60 seconds, loses it; so does another machine's whose
    last sign of life is still to come, as its clock was wrong. `now` is real time in UTC
    (default: the system's), since a mapped clock that leaps would make every holder look dead.
    """
    now = now or datetime.now(UTC)
    mine = {"owner": owner, "host": machine(), "pid": os.getpid(), "heartbeat": now}
    while True:
        if connection.execute(_take(connection.dialect.name), {"outlet": outlet_id, **mine}).first() is not None:
            return
        held = connection.execute(
            select(outlet_lock).where(outlet_lock.c.outlet == outlet_id).with_for_update()
        ).one_or_none()
        if held is None:
            continue  # freed since
        if held.owner != owner and not _is_free(connection, held, owner, now):
            raise _locked(connection, held, now)
        connection.execute(update(outlet_lock).where(outlet_lock.c.outlet == outlet_id).values(**mine))
        return


def join_outlet(
    connection: Connection, outlet_id: int, owner: str, *, now: datetime | None = None
) -> tuple[int, datetime] | None:
    """The crawl that holds the outlet and since when, which `owner` joins by beginning its own in the same transaction;
    None where nobody holds the outlet. Raises OutletLocked where a run has it that nobody can join, or not yet."""
    write_alone(connection, outlet_id)
    now = now or datetime.now(UTC)
    held = connection.execute(select(outlet_lock).where(outlet_lock.c.outlet == outlet_id)).one_or_none()
    if held is None or (held.owner != owner and _is_free(connection, held, owner, now)):
        return None
    row = connection.execute(
        select(crawl.c.id, crawl.c.started_at)
        .where(crawl.c.outlet == outlet_id, crawl.c.owner == held.owner)
        .where(crawl.c.kind == "crawl", crawl.c.ended_at.is_(None))
    ).first()
    if row is None:
        raise _locked(connection, held, now)
    return row.id, row.started_at


def beat(connection: Connection, outlet_id: int, owner: str, *, now: datetime | None = None) -> bool:
    """Say that the holder lives; at least every 20 seconds. False when the lock is not the owner's any more."""
    statement = update(outlet_lock).where(outlet_lock.c.outlet == outlet_id, outlet_lock.c.owner == owner)
    return connection.execute(statement.values(heartbeat=now or datetime.now(UTC))).rowcount == 1


def free_outlet(connection: Connection, outlet_id: int, owner: str) -> None:
    """Give the outlet back, if the owner still has it."""
    connection.execute(delete(outlet_lock).where(outlet_lock.c.outlet == outlet_id, outlet_lock.c.owner == owner))


def demand_idle(connection: Connection, *, now: datetime | None = None) -> None:
    """Raise OutletLocked, naming the holder, where a living run holds any outlet."""
    now = now or datetime.now(UTC)
    for row in connection.execute(select(outlet_lock, outlet.c.name).join(outlet, outlet.c.id == outlet_lock.c.outlet)):
        if not _is_free(connection, row, "", now):
            raise OutletLocked(f"process {row.pid} on {row.host} is working on it", row.name, "Wait for it to end.")


def abandoned_crawls(connection: Connection, owner: str, *, now: datetime | None = None) -> list[int]:
    """Runs that never ended and never will: `owner`'s own earlier ones, those of dead processes, and crawls by other
    machines whose outlet nobody holds any more. What a living process fetches by itself is left alone."""
    now = now or datetime.now(UTC)
    abandoned = []
    for row in connection.execute(_UNENDED):
        if row.run_by in (None, owner) or is_dead(row.run_by):
            abandoned.append(row.id)
        elif row.kind == "crawl" and not is_local(row.run_by):
            unheld = row.holder in (None, owner) or _abandoned(row.holder, row.host, row.pid, row.heartbeat, now)
            abandoned += [row.id] if unheld else []
    return abandoned


def hold_host(connection: Connection, host: str, owner: str, now: datetime, until: datetime) -> bool:
    """Take the right to ask a host until `until`. False while another owner holds it beyond `now`; both are UTC of
    the mapped clock. The holder may take it again, which prolongs it. Processes that crawl an outlet together hold it
    under one name (storage.joining)."""
    return hold_hosts(connection, [host], owner, now, until) == {host}


def hold_hosts(
    connection: Connection, hosts: Sequence[str], owner: str, now: datetime, until: datetime
) -> frozenset[str]:
    """Take the right to ask hosts, as `hold_host` does; gives those that the owner holds."""
    if not hosts:
        return frozenset()
    # In order, so that two processes cannot block each other.
    rows = [{"host": host, "owner": owner, "until": until, "since": now} for host in sorted(hosts)]
    connection.execute(_hold(connection.dialect.name), rows)
    return frozenset(connection.execute(_HELD, {"values": list(hosts), "of": owner}).scalars())


def free_hosts(connection: Connection, owner: str) -> None:
    """Give back every host that the owner holds."""
    connection.execute(delete(host_lease).where(host_lease.c.owner == owner))


# Statements are built once: `run` begins and ends hundreds of crawls a day.

_BEGIN = crawl.insert().returning(crawl.c.id)
_CHAIN = select(archive.c.uuid).with_for_update()
_ENDED_AT = select(crawl.c.ended_at).where(crawl.c.id == bindparam("of"))
_HELD = select(host_lease.c.host).where(among(host_lease.c.host), host_lease.c.owner == bindparam("of"))
_UNENDED = (
    select(
        crawl.c.id,
        crawl.c.kind,
        crawl.c.owner.label("run_by"),
        outlet_lock.c.owner.label("holder"),
        outlet_lock.c.host,
        outlet_lock.c.pid,
        outlet_lock.c.heartbeat,
    )
    .outerjoin(outlet_lock, outlet_lock.c.outlet == crawl.c.outlet)
    .where(crawl.c.ended_at.is_(None))
    .order_by(crawl.c.id)
)


@cache
def _hold(dialect: str) -> Insert:
    statement = insert_for(dialect, host_lease)
    new = statement.excluded
    free = or_(host_lease.c.owner == new.owner, host_lease.c.until <= bindparam("since", type_=host_lease.c.until.type))
    return statement.on_conflict_do_update(
        index_elements=["host"], set_={"owner": new.owner, "until": new.until}, where=free
    )


@cache
def _take(dialect: str) -> ReturningInsert[Any]:
    statement = insert_for(dialect, outlet_lock).on_conflict_do_nothing(index_elements=["outlet"])
    return statement.returning(outlet_lock.c.outlet)


def _locked(connection: Connection, held: Any, now: datetime) -> OutletLocked:
    name = connection.execute(select(outlet.c.name).where(outlet.c.id == held.outlet)).scalar_one()
    age = max(0, round((now - held.heartbeat).total_seconds()))
    return OutletLocked(
        f"another run holds it: process {held.pid} on {held.host}, last heard of {age} s ago ({held.owner})",
        name,
        "Wait for it to end, or stop that process.",
    )


def _is_free(connection: Connection, held: Any, owner: str, now: datetime) -> bool:
    """Whether a lock's holder has given it up, and nobody who joined its crawl lives to take it over."""
    if not _abandoned(held.owner, held.host, held.pid, held.heartbeat, now):
        return False
    return now - held.heartbeat > HEARTBEAT_LIMIT or not living(members(connection, held.outlet, owner))


def _abandoned(owner: str, host: str, pid: int, heartbeat: datetime, now: datetime) -> bool:
    here = host == machine()
    silent = now - heartbeat > HEARTBEAT_LIMIT or is_dated_ahead(owner, heartbeat, now)
    return is_dead(owner) or (here and not process_lives(pid)) or silent
