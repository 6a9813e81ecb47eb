"""The frontier: which resources are due, and who is fetching them."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, distinct, func, or_, select, update

from storage.finding import Added, add_found
from storage.inserting import among, in_portions
from storage.lately import last_before
from storage.models import article_key, capture, location, resource
from storage.models import crawl as crawl_table
from storage.priorities import ALL, COPY, LISTING, MEDIA, NEW, REVISIT
from storage.urls import host_of

__all__ = [
    "COPY",
    "LISTING",
    "MEDIA",
    "NEW",
    "REVISIT",
    "Added",
    "Leased",
    "LeasedLocation",
    "add_found",
    "count_due",
    "due_for",
    "extend",
    "found_by_of",
    "lease",
    "next_due",
    "read_leased",
    "release",
    "sample_copies",
]


@dataclass(frozen=True, slots=True)
class LeasedLocation:
    """A URL of a leased resource. `domain` is None for a host that is no domain of the outlet; times are UTC.

    `known_at` is when its last whole answer came, whose validators `etag` and `last_modified` are; None where there
    is none that was read as an article or a listing.
    """

    id: int
    url: str
    domain: int | None
    fetched_at: datetime | None
    etag: str | None
    last_modified: str | None
    known_at: datetime | None
    first_at: datetime

    @property
    def host(self) -> str:
        return host_of(self.url)


@dataclass(frozen=True, slots=True)
class Leased:
    """A resource to fetch. `attempts` counts fetches in a row that gave nothing; `fetched` says whether one ever did
    give an answer; `found_by` names what led to it first; `locations` stand in the order in which they were seen."""

    resource: int
    key: str
    kind: str
    priority: int
    attempts: int
    fetched: bool
    found_by: str
    locations: tuple[LeasedLocation, ...]

    @property
    def first_at(self) -> datetime | None:
        """When the first of its URLs was seen first (UTC)."""
        return min((place.first_at for place in self.locations), default=None)


def lease(
    connection: Connection,
    outlet: int,
    owner: str,
    *,
    now: datetime,
    until: datetime,
    limit: int,
    max_priority: int | None = None,
    after_priority: int | None = None,
) -> list[Leased]:
    """Take up to `limit` due resources for `owner` until `until`: lowest priority number first, then longest due.

    What `owner` holds already is passed over, also where its clock has leapt past the lease's end; so is what another
    owner holds beyond `now`, and on PostgreSQL what another process is taking at this moment. `max_priority` leaves
    out resources of a greater number, `after_priority` those of up to this one. Call it in a write transaction.
    """
    taken: list[int] = []
    for priority, first in _first_due(connection, _FIRST, outlet, max_priority, after_priority):
        if first <= now:
            facts = {"outlet": outlet, "priority": priority, "owner": owner, "now": now, "most": limit - len(taken)}
            taken.extend(connection.execute(_FREE, facts).scalars())
        if len(taken) >= limit:
            break
    for portion in in_portions(taken):
        connection.execute(_TAKE, {"values": portion, "by": owner, "until": until})
    return read_leased(connection, taken)


def release(connection: Connection, owner: str) -> int:
    """Give back all that `owner` holds; their due times stay. Returns how many there were."""
    return connection.execute(_RELEASE, {"by": owner}).rowcount


def extend(connection: Connection, owner: str, until: datetime) -> int:
    """Hold all that `owner` holds until `until`. Returns how many there are."""
    return connection.execute(
        update(resource).where(resource.c.lease_owner == owner).values(lease_until=until)
    ).rowcount


def next_due(
    connection: Connection, outlet: int, after_priority: int | None = None, *, max_priority: int | None = None
) -> datetime | None:
    """When the next resource that nobody holds is due, None when none ever is; it may be in the past.

    With `after_priority`, only resources of a greater number count, with `max_priority` those up to this one.
    """
    found = _first_due(connection, _FIRST_FREE, outlet, max_priority, after_priority)
    return min((first for _, first in found), default=None)


def count_due(connection: Connection, outlet: int, priority: int) -> int:
    """How many resources of a priority wait to be fetched, at whatever time."""
    facts = {"outlet": outlet, "priority": priority}
    number: int = connection.execute(_COUNT, facts).scalar_one()
    return number


def due_for(connection: Connection, outlet: int, priority: int, found_by: Sequence[str]) -> list[Leased]:
    """The resources of a priority that wait, whenever, and were found by one of these first. Nothing is leased."""
    facts = {"outlet": outlet, "priority": priority, "values": list(found_by)}
    return read_leased(connection, connection.execute(_FOUND_BY, facts).scalars().all())


def found_by_of(connection: Connection, resource_id: int) -> str:
    """What led to a resource first."""
    return connection.execute(select(resource.c.found_by).where(resource.c.id == resource_id)).scalar_one() or ""


def sample_copies(
    connection: Connection,
    outlet: int,
    crawl: int,
    *,
    per_mille: int = 10,
    least: int = 5,
    seed: int = 0,
    since: datetime | None = None,
) -> list[Leased]:
    """A sample of the articles that this crawl saw first, to be compared on the outlet's other domains.

    Of n such articles `per_mille` thousandths are drawn, rounded up, but at least `least` where there are that many.
    The draw depends on seed and keys alone. Nothing is leased: the caller fetches a location on a domain that has
    not shown the article yet. Memory grows with the sample, not with n. `since` is for crawls of which there are many a
    day: then n counts the articles that crawls begun since then saw first, and those of them that were compared already
    count for the sample.
    """
    facts = {"outlet": outlet, "crawl": crawl}
    count = connection.execute(_NEW_COUNT, facts).scalar_one()
    if not count:
        return []
    compared = 0
    if since is not None:
        count, compared = _lately_seen(connection, outlet, since)
    wanted = max(0, min(count, max(least, -(-count * per_mille // 1000))) - compared)
    rows = connection.execute(_NEW, facts, execution_options={"yield_per": 1000})
    drawn = heapq.nsmallest(wanted, rows, key=lambda row: _lot(seed, row[1]))
    return read_leased(connection, [row[0] for row in drawn])


def _lately_seen(connection: Connection, outlet: int, since: datetime) -> tuple[int, int]:
    """How many articles the outlet's crawls since then saw first, and how many of them several domains showed."""
    facts = {"outlet": outlet, "since": since, "behind": last_before(connection, outlet, since)}
    row = connection.execute(_LATELY, facts).one()
    return row[0], row[1]


def _lot(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()


def _first_due(
    connection: Connection, statement: Select[Any], outlet: int, most: int | None, after: int | None
) -> Iterator[tuple[int, datetime]]:
    """The priorities that anything is due of, ascending, and since when the first."""
    row = connection.execute(statement, {"outlet": outlet}).one()
    for priority, first in zip(ALL, row, strict=True):
        if first is not None and (after is None or priority > after) and (most is None or priority <= most):
            yield priority, first


# Statements are built once: a crawl asks the frontier after each page.

_OUTLET = bindparam("outlet", type_=resource.c.outlet.type)
_PRIORITY = bindparam("priority", type_=resource.c.priority.type)
_DUE = resource.c.outlet == _OUTLET, resource.c.priority == _PRIORITY, resource.c.due_at.is_not(None)


def _first_of_each(*conditions: ColumnElement[bool]) -> Select[Any]:
    """When the first resource of each priority is due, by one seek each: a scan would read all that is not due."""
    firsts = (
        select(resource.c.due_at)
        .where(resource.c.outlet == _OUTLET, resource.c.priority == priority, resource.c.due_at.is_not(None))
        .where(*conditions)
        .order_by(resource.c.due_at)
        .limit(1)
        .scalar_subquery()
        .label(f"first_of_{priority}")
        for priority in ALL
    )
    return select(*firsts)


_FIRST = _first_of_each()
_FIRST_FREE = _first_of_each(resource.c.lease_owner.is_(None))
_NOW = bindparam("now", type_=resource.c.due_at.type)
_LOST_BY_ANOTHER = and_(resource.c.lease_owner != bindparam("owner"), resource.c.lease_until <= _NOW)
_FREE = (
    select(resource.c.id)
    .where(*_DUE, resource.c.due_at <= _NOW)
    .where(or_(resource.c.lease_owner.is_(None), _LOST_BY_ANOTHER))
    .order_by(resource.c.due_at, resource.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_BY = bindparam("by", type_=resource.c.lease_owner.type)
_UNTIL = bindparam("until", type_=resource.c.lease_until.type)
_TAKE = update(resource).where(among(resource.c.id)).values(lease_owner=_BY, lease_until=_UNTIL)
_RELEASE = update(resource).where(resource.c.lease_owner == _BY).values(lease_owner=None, lease_until=None)
_COUNT = select(func.count()).select_from(resource).where(*_DUE)
_FOUND_BY = select(resource.c.id).where(*_DUE, among(resource.c.found_by)).order_by(resource.c.id)
_NEW = (
    select(resource.c.id, article_key.c.key)
    .join(resource, resource.c.article == article_key.c.article)
    .where(article_key.c.crawl == bindparam("crawl"), article_key.c.outlet == _OUTLET)
    .where(resource.c.key == article_key.c.key, resource.c.outlet == _OUTLET)
)
_NEW_COUNT = select(func.count()).select_from(_NEW.subquery())
_DOMAINS_SEEN = (
    select(func.count(distinct(location.c.domain)))
    .where(location.c.resource == resource.c.id, location.c.fetched_at.is_not(None))
    .scalar_subquery()
)
_CRAWLS_SINCE = select(crawl_table.c.id).where(
    crawl_table.c.id > bindparam("behind", type_=crawl_table.c.id.type),
    crawl_table.c.outlet == _OUTLET,
    crawl_table.c.started_at >= bindparam("since", type_=crawl_table.c.started_at.type),
)
_SEEN = (
    select(_DOMAINS_SEEN.label("domains"))
    .select_from(article_key)
    .join(resource, and_(resource.c.outlet == article_key.c.outlet, resource.c.key == article_key.c.key))
    .where(resource.c.article == article_key.c.article, article_key.c.crawl.in_(_CRAWLS_SINCE))
    .where(article_key.c.outlet + 0 == _OUTLET)  # the sum keeps SQLite from beginning with all keys of the outlet
    .subquery()
)
_LATELY = select(func.count(), func.count(case((_SEEN.c.domains > 1, 1)))).select_from(_SEEN)
_RESOURCES = select(
    resource.c.id,
    resource.c.key,
    resource.c.kind,
    resource.c.priority,
    resource.c.attempts,
    resource.c.found_by,
).where(among(resource.c.id))
_LOCATIONS = (
    select(
        location.c.resource,
        location.c.id,
        location.c.url,
        location.c.domain,
        location.c.fetched_at,
        location.c.etag,
        location.c.last_modified,
        capture.c.at,
        location.c.first_at,
    )
    .outerjoin(capture, and_(capture.c.id == location.c.whole_capture, capture.c.outcome.in_(("article", "listing"))))
    .where(among(location.c.resource))
    .order_by(location.c.id)
)


def read_leased(connection: Connection, resources: Sequence[int]) -> list[Leased]:
    """The resources of these ids with their locations, in the same order."""
    places: dict[int, list[LeasedLocation]] = {each: [] for each in resources}
    facts: dict[int, tuple[tuple[str, str, int, int], str]] = {}
    for portion in in_portions(resources):
        for row in connection.execute(_RESOURCES, {"values": portion}):
            facts[row.id] = (row.key, row.kind, row.priority, row.attempts), row.found_by or ""
        for owner, *facts_of_place in connection.execute(_LOCATIONS, {"values": portion}):
            places[owner].append(LeasedLocation(*facts_of_place))
    leased = []
    for each in resources:
        own, found_by = facts[each]
        at = tuple(places[each])
        leased.append(Leased(each, *own, any(place.fetched_at for place in at), found_by, at))
    return leased
