"""Until when hosts asked to be left alone, remembered from run to run.

Rows of `host_lease` beside those of storage.turns: `HOST#rest` says until when; nobody holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from storage.inserting import among, insert_into
from storage.models import host_lease

LONGEST = timedelta(days=1)
"""No rest is longer: what ends later was written down by a clock that was wrong."""
_REST = "rest"


def note_rest(connection: Connection, host: str, until: datetime) -> None:
    """Write down that a host asked for rest until an instant (UTC)."""
    values = {"owner": _REST, "until": until}
    statement = insert_into(connection, host_lease).values(host=f"{host}#{_REST}", **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["host"], set_=values))


def rests_of(connection: Connection, hosts: Sequence[str], now: datetime) -> dict[str, datetime]:
    """Those of the hosts that are to be left alone `now` (UTC), and until when."""
    names = {f"{host}#{_REST}": host for host in hosts}
    rows = connection.execute(_RESTING, {"values": list(names), "now": now, "latest": now + LONGEST})
    return {names[row.host]: row.until for row in rows}


_UNTIL = host_lease.c.until
_RESTING = select(host_lease.c.host, _UNTIL).where(
    among(host_lease.c.host),
    bindparam("now", type_=_UNTIL.type) < _UNTIL,
    bindparam("latest", type_=_UNTIL.type) >= _UNTIL,
)
