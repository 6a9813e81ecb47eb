"""Outlets and the domains that they serve from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Connection, Row, bindparam, select, update

from storage.errors import StorageError
from storage.inserting import insert_into
from storage.models import domain as domain_table
from storage.models import domain_event, outlet
from storage.records import DomainFacts

DomainState = Literal["serving", "refusing", "seized", "unreachable", "unknown"]
ANNOUNCED_RANK = 1000
"""Where an announced domain stands: after all that a profile names."""


@dataclass(frozen=True, slots=True)
class DomainRow:
    """A domain as the archive knows it; `rank` 0 is asked first. `state_at` is UTC."""

    id: int
    host: str
    path: str
    role: str
    edition: str | None
    since: date | None
    until: date | None
    source: str
    approval: str
    rank: int
    score: int | None
    state: str
    state_at: datetime | None

    @property
    def out_of_service(self) -> bool:
        """Whether what it shows now cannot be what the outlet publishes now."""
        return self.state in ("refusing", "seized", "unreachable") or self.role == "former"


class DomainMap:
    """Finds the domain that a URL belongs to, within one outlet."""

    def __init__(self, rows: Sequence[DomainRow]) -> None:
        self.by_id = {row.id: row for row in rows}
        self._by_host: dict[str, list[DomainRow]] = {}
        for row in sorted(rows, key=lambda each: len(each.path), reverse=True):
            self._by_host.setdefault(row.host, []).append(row)

    def find(self, url: str) -> DomainRow | None:
        """The domain with the longest path prefix that holds the (canonical) URL, None when no domain does."""
        place, slash, rest = url.partition("://")[2].partition("/")
        host = place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]
        path = slash + rest.partition("?")[0]
        for row in self._by_host.get(host, ()):
            prefix = row.path.rstrip("/")
            if not prefix or path == prefix or path.startswith(prefix + "/"):
                return row
        return None


def sync_outlet(connection: Connection, name: str, kind: str, domains: Sequence[DomainFacts], now: datetime) -> int:
    """Write down an outlet with its domains as its profile states them, and give its id.

    What a profile says replaces what the profile said before; state, approval by a person and events stay. A domain
    that was announced and now stands in the profile becomes the profile's, approved. `now` is UTC.
    """
    outlet_id = _sync_name(connection, name, kind)
    known = (_domain_row(row) for row in connection.execute(_DOMAINS, {"of_outlet": outlet_id}))
    stated = {(row.host, row.path): _stated(row) for row in known}
    for facts in domains:
        values = {
            "role": facts.role,
            "edition": facts.edition,
            "since": facts.since,
            "until": facts.until,
            "source": facts.source,
            "rank": facts.rank,
            "approval": "approved",
        }
        if stated.get((facts.host, facts.path)) == values:
            continue  # a row that is written as it stands is a new one on PostgreSQL, hundreds of times a day
        row = insert_into(connection, domain_table).values(
            outlet=outlet_id, host=facts.host, path=facts.path, state="unknown", state_at=now, **values
        )
        connection.execute(row.on_conflict_do_update(index_elements=["outlet", "host", "path"], set_=values))
    return outlet_id


def _sync_name(connection: Connection, name: str, kind: str) -> int:
    known = connection.execute(_NAMED, {"of_name": name}).one_or_none()
    if known is None or known.kind != kind:
        statement = insert_into(connection, outlet).values(name=name, kind=kind)
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"kind": kind}))
        known = connection.execute(_NAMED, {"of_name": name}).one()
    number: int = known.id
    return number


def _stated(row: DomainRow) -> dict[str, object]:
    """What a profile states of a domain, as its row has it."""
    return {name: getattr(row, name) for name in ("role", "edition", "since", "until", "source", "rank", "approval")}


def kind_of(connection: Connection, name: str) -> str | None:
    """The kind of an outlet, 'profile' or 'adhoc'; None where there is none of that name."""
    return connection.execute(select(outlet.c.kind).where(outlet.c.name == name)).scalar_one_or_none()


def domains(connection: Connection, outlet: int) -> list[DomainRow]:
    """The outlet's domains by rank."""
    return [_domain_row(row) for row in connection.execute(_DOMAINS, {"of_outlet": outlet})]


def set_domain_state(
    connection: Connection, domain: int, state: DomainState, at: datetime, capture: int | None = None
) -> bool:
    """Say how a domain answers since `at` (UTC), with the capture that shows it. True when that is a change.

    Every change is an event; the same state again changes nothing. Raises StorageError for an unknown domain.
    """
    known = connection.execute(_STATE_OF, {"of_domain": domain}).scalar_one_or_none()
    if known is None:
        raise StorageError("no such domain", str(domain))
    if known == state:
        return False
    connection.execute(update(domain_table).where(domain_table.c.id == domain).values(state=state, state_at=at))
    connection.execute(domain_event.insert().values(domain=domain, at=at, state=state, capture=capture))
    return True


def announce(connection: Connection, outlet: int, host: str, at: datetime) -> bool:
    """Keep a host that the outlet's own pages announce as a candidate. True when it was not known before.

    A candidate is never crawled: a person approves it, or a profile names it.
    """
    statement = insert_into(connection, domain_table).values(
        outlet=outlet,
        host=host,
        path="",
        role="mirror",
        source="announced",
        approval="candidate",
        rank=ANNOUNCED_RANK,
        state="unknown",
        state_at=at,
    )
    statement = statement.on_conflict_do_nothing(index_elements=["outlet", "host", "path"])
    return connection.execute(statement.returning(domain_table.c.id)).first() is not None


_STATE_OF = select(domain_table.c.state).where(domain_table.c.id == bindparam("of_domain"))
_NAMED = select(outlet.c.id, outlet.c.kind).where(outlet.c.name == bindparam("of_name"))
_DOMAINS = (
    select(*(domain_table.c[name] for name in DomainRow.__dataclass_fields__))
    .where(domain_table.c.outlet == bindparam("of_outlet"))
    .order_by(domain_table.c.rank, domain_table.c.id)
)


def _domain_row(row: Row[tuple[object, ...]]) -> DomainRow:
    return DomainRow(**dict(row._mapping))
