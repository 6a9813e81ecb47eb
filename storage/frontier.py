"""The frontier: which resources are due, and who is fetching them."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, case, distinct, func, or_, select, update

from storage.finding import Added, add_found
from storage.inserting import among, in_portions
from storage.models import article_key, capture, location, resource
from storage.models import crawl as crawl_table
from storage.priorities import COPY, LISTING, MEDIA, NEW, REVISIT
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
    for priority in _priorities(connection, outlet, max_priority, after_priority):
        statement = (
            select(resource.c.id)
            .where(*_due(outlet, priority), resource.c.due_at <= now)
            .where(or_(resource.c.lease_owner.is_(None), _lost_by_another(owner, now)))
            .order_by(resource.c.due_at, resource.c.id)
            .limit(limit - len(taken))
            .with_for_update(skip_locked=True)
        )
        taken.extend(connection.execute(statement).scalars())
        if len(taken) >= limit:
            break
    for portion in in_portions(taken):
        connection.execute(
            update(resource).where(resource.c.id.in_(portion)).values(lease_owner=owner, lease_until=until)
        )
    return read_leased(connection, taken)


def release(connection: Connection, owner: str) -> int:
    """Give back all that `owner` holds; their due times stay. Returns how many there were."""
    result = connection.execute(
        update(resource).where(resource.c.lease_owner == owner).values(lease_owner=None, lease_until=None)
    )
    return result.rowcount


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
    times: list[datetime] = []
    for priority in _priorities(connection, outlet, max_priority, after_priority):
        statement = (
            select(resource.c.due_at)
            .where(*_due(outlet, priority), resource.c.lease_owner.is_(None))
            .order_by(resource.c.due_at)
            .limit(1)
        )
        times.extend(connection.execute(statement).scalars())
    return min(times, default=None)


def count_due(connection: Connection, outlet: int, priority: int) -> int:
    """How many resources of a priority wait to be fetched, at whatever time."""
    statement = select(func.count()).select_from(resource).where(*_due(outlet, priority))
    number: int = connection.execute(statement).scalar_one()
    return number


def due_for(connection: Connection, outlet: int, priority: int, found_by: Sequence[str]) -> list[Leased]:
    """The resources of a priority that wait, whenever, and were found by one of these first. Nothing is leased."""
    statement = select(resource.c.id).where(*_due(outlet, priority), resource.c.found_by.in_(found_by))
    return read_leased(connection, connection.execute(statement.order_by(resource.c.id)).scalars().all())


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
    new = (
        select(resource.c.id, article_key.c.key)
        .join(resource, resource.c.article == article_key.c.article)
        .where(article_key.c.crawl == crawl, article_key.c.outlet == outlet)
        .where(resource.c.key == article_key.c.key, resource.c.outlet == outlet)
    )
    count = connection.execute(select(func.count()).select_from(new.subquery())).scalar_one()
    compared = 0
    if since is not None:
        count, compared = _lately_seen(connection, outlet, since)
    wanted = max(0, min(count, max(least, -(-count * per_mille // 1000))) - compared)
    drawn = heapq.nsmallest(wanted, _rows(connection, new), key=lambda row: _lot(seed, row[1]))
    return read_leased(connection, [row[0] for row in drawn])


def _lately_seen(connection: Connection, outlet: int, since: datetime) -> tuple[int, int]:
    """How many articles the outlet's crawls since then saw first, and how many of them several domains showed."""
    crawls = select(crawl_table.c.id).where(crawl_table.c.outlet == outlet, crawl_table.c.started_at >= since)
    domains = (
        select(func.count(distinct(location.c.domain)))
        .where(location.c.resource == resource.c.id, location.c.fetched_at.is_not(None))
        .scalar_subquery()
    )
    seen = (
        select(domains.label("domains"))
        .select_from(article_key)
        .join(resource, and_(resource.c.article == article_key.c.article, resource.c.key == article_key.c.key))
        .where(article_key.c.outlet == outlet, article_key.c.crawl.in_(crawls), resource.c.outlet == outlet)
        .subquery()
    )
    row = connection.execute(select(func.count(), func.count(case((seen.c.domains > 1, 1)))).select_from(seen)).one()
    return row[0], row[1]


def _lot(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()


def _rows(connection: Connection, statement: Select[int, str]) -> Iterator[tuple[int, str]]:
    for row in connection.execute(statement, execution_options={"yield_per": 1000}):
        yield row[0], row[1]


def _lost_by_another(owner: str, now: datetime) -> ColumnElement[bool]:
    return and_(resource.c.lease_owner != owner, resource.c.lease_until <= now)


def _due(outlet: int, priority: int) -> tuple[ColumnElement[bool], ...]:
    return resource.c.outlet == outlet, resource.c.priority == priority, resource.c.due_at.is_not(None)


def _priorities(connection: Connection, outlet: int, most: int | None, after: int | None = None) -> Iterator[int]:
    """The priorities in use, ascending, by one seek each: a scan over priorities would read all that is not due."""
    while True:
        statement = select(func.min(resource.c.priority)).where(
            resource.c.outlet == outlet, resource.c.due_at.is_not(None)
        )
        if after is not None:
            statement = statement.where(resource.c.priority > after)
        after = connection.execute(statement).scalar_one()
        if after is None or (most is not None and after > most):
            return
        yield after


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
