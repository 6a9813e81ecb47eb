"""Keep robots.txt of hosts between runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from storage.inserting import among, insert_into
from storage.models import robots


@dataclass(frozen=True, slots=True)
class KeptRobots:
    """A robots.txt as it was had at `at` (UTC); `host` is an origin, `status` 0 where no answer came."""

    host: str
    at: datetime
    status: int
    body: bytes


def load_robots(connection: Connection, host: str) -> KeptRobots | None:
    """The robots.txt kept for an origin, however old."""
    row = connection.execute(_OF_HOST, {"of_host": host}).one_or_none()
    return KeptRobots(row.host, row.at, row.status, bytes(row.body or b"")) if row is not None else None


def plain_hosts(connection: Connection, hosts: Iterable[str], since: datetime) -> set[str]:
    """Those of `hosts` that gave no answer by https since `since` (UTC), and did by http."""
    origins = {f"{scheme}://{host}": (scheme, host) for host in hosts for scheme in ("https", "http")}
    rows = connection.execute(_SINCE, {"values": list(origins), "since": since})
    answered: dict[tuple[str, str], bool] = {origins[row.host]: row.status != 0 for row in rows}
    return {host for _, host in origins.values() if answered.get(("http", host)) and not answered.get(("https", host))}


_OF_HOST = select(robots).where(robots.c.host == bindparam("of_host"))
_SINCE = select(robots.c.host, robots.c.status).where(
    among(robots.c.host), robots.c.at >= bindparam("since", type_=robots.c.at.type)
)


def save_robots(connection: Connection, kept: KeptRobots) -> None:
    """Keep a robots.txt in place of the one before."""
    values = {"at": kept.at, "status": kept.status, "body": kept.body}
    statement = insert_into(connection, robots).values(host=kept.host, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["host"], set_=values))
