"""Say when known resources are due, outside the fetch of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime

from sqlalchemy import Connection, ScalarSelect, bindparam, or_, select, update

from storage.clocks import TOLERANCE
from storage.inserting import among, in_portions
from storage.lately import last_before
from storage.models import article, capture, crawl, location, resource
from storage.priorities import NEW
from storage.urls import url_hash
from storage.ways import way_bit

NO_LISTINGS = ("article", "page", "media", "probe", "robots")
"""The kinds of resources that list nothing."""
UNASKED = "failed:no-domain"
"""The outcome of a resource for which none of its outlet's domains could be asked."""

RESTING = ("failed:retry-after", "failed:status-429", "failed:status-503")
"""The outcomes of a resource whose host asked for rest, or was busy."""


def make_due(connection: Connection, urls: Sequence[str], now: datetime, *, since: datetime) -> int:
    """Make the resources seen at these URLs due at `now` (UTC); returns how many.

    A URL that was fetched at `since` or later changes nothing, unless that is still to come since the clock was set
    back, nor does a resource that somebody is fetching.
    """
    changed = 0
    for portion in in_portions(urls):
        stale = (
            select(location.c.resource)
            .where(location.c.url_hash.in_([url_hash(url) for url in portion]))
            .where(
                or_(
                    location.c.fetched_at.is_(None),
                    location.c.fetched_at < since,
                    location.c.fetched_at > now + TOLERANCE,
                )
            )
        )
        changed += connection.execute(
            update(resource)
            .where(resource.c.id.in_(stale), resource.c.lease_owner.is_(None))
            .where(or_(resource.c.due_at.is_(None), resource.c.due_at > now))
            .values(due_at=now)
        ).rowcount
    return changed


def make_due_failed(connection: Connection, urls: Sequence[str], now: datetime) -> int:
    """Make the resources seen at these URLs due at `now` (UTC) of which the last fetch gave nothing; returns how many.

    A host that asked for rest, or was busy, is left alone until its time.
    """
    changed = 0
    for portion in in_portions(urls):
        seen = select(location.c.resource).where(location.c.url_hash.in_([url_hash(url) for url in portion]))
        changed += connection.execute(
            update(resource)
            .where(resource.c.id.in_(seen), resource.c.lease_owner.is_(None), resource.c.due_at > now)
            .where(resource.c.outcome.startswith("failed:"), resource.c.outcome.not_in(RESTING))
            .values(due_at=now)
        ).rowcount
    return changed


def make_due_elsewhere(connection: Connection, known: Mapping[int, Set[int]], now: datetime) -> int:
    """Make resources due at `now` (UTC) that were seen at another place while somebody was fetching them, since
    `make_due` could not; returns how many. `known` holds the locations that they were leased with, by resource.
    """
    gained: set[int] = set()
    for portion in in_portions(list(known)):
        places = connection.execute(_UNFETCHED, {"values": portion})
        gained.update(owner for owner, place in places if place not in known[owner])
    if not gained:
        return 0
    return connection.execute(
        update(resource)
        .where(resource.c.id.in_(sorted(gained)), resource.c.lease_owner.is_(None))
        .where(or_(resource.c.due_at.is_(None), resource.c.due_at > now))
        .values(due_at=now)
    ).rowcount


_UNFETCHED = select(location.c.resource, location.c.id).where(
    among(location.c.resource), location.c.fetched_at.is_(None)
)


def make_due_unread(connection: Connection, outlet: int, now: datetime) -> int:
    """Make an outlet's listings due at `now` (UTC) that have a place which was never fetched; returns how many.

    A run that was killed may have held such a listing when the place became known, so that nothing made it due.
    """
    unread = select(location.c.resource).where(location.c.fetched_at.is_(None), location.c.resource == resource.c.id)
    return connection.execute(
        update(resource)
        .where(resource.c.outlet == outlet, resource.c.kind.not_in(NO_LISTINGS), resource.c.lease_owner.is_(None))
        .where(or_(resource.c.due_at.is_(None), resource.c.due_at > now), unread.exists())
        .values(due_at=now)
    ).rowcount


def unfinished_since(connection: Connection, outlet: int, *, not_before: datetime) -> datetime | None:
    """When the crawls began that ended early one after the other, up to now; None where the last one finished.

    Only crawls that began at `not_before` (UTC) or later count.
    """
    facts = {"of_outlet": outlet, "not_before": not_before, "behind": last_before(connection, outlet, not_before)}
    runs = connection.execute(_RUNS_SINCE, facts)
    since = None
    for started_at, outcome in runs:
        if outcome == "finished":
            break
        since = started_at
    return since


_RUNS_SINCE = (
    select(crawl.c.started_at, crawl.c.outcome)
    .where(crawl.c.id > bindparam("behind"), crawl.c.outlet == bindparam("of_outlet"), crawl.c.kind == "crawl")
    .where(crawl.c.started_at >= bindparam("not_before", type_=crawl.c.started_at.type))
    .order_by(crawl.c.id.desc())
)


def finish(connection: Connection, resource_id: int, outcome: str, due_at: datetime | None) -> None:
    """End the lease of a resource whose fetch gave nothing to read: a status, a redirect that led nowhere."""
    connection.execute(
        update(resource)
        .where(resource.c.id == resource_id)
        .values(outcome=outcome, due_at=due_at, lease_owner=None, lease_until=None, attempts=resource.c.attempts + 1)
    )


def make_due_unasked(connection: Connection, outlet: int, now: datetime) -> int:
    """Make an outlet's resources due at `now` (UTC) that failed since no domain could be asked; returns how many."""
    return connection.execute(
        update(resource)
        .where(resource.c.outlet == outlet, resource.c.outcome == UNASKED, resource.c.lease_owner.is_(None))
        .where(resource.c.due_at > now)
        .values(due_at=now)
    ).rowcount


def put_off_unread(connection: Connection, outlet: int, found_by: str, now: datetime, due_at: datetime) -> int:
    """Put the new articles off that are due at `now` (UTC), were found so and by no other way, and never fetched, but
    for those that somebody is fetching; returns how many."""
    return connection.execute(
        update(resource)
        .where(resource.c.outlet == outlet, resource.c.priority == NEW, resource.c.ways == way_bit(found_by))
        .where(resource.c.due_at <= now, resource.c.lease_owner.is_(None), resource.c.article.is_(None))
        .values(due_at=due_at)
    ).rowcount


def put_back(connection: Connection, resource_id: int, due_at: datetime) -> None:
    """End the lease of a resource that was not asked for."""
    connection.execute(
        update(resource).where(resource.c.id == resource_id).values(due_at=due_at, lease_owner=None, lease_until=None)
    )


def forget_whole(connection: Connection, capture_id: int, due_at: datetime) -> None:
    """Forget the last whole answer of a capture's location, which cannot be read back, and make its resource due."""
    place = select(capture.c.location).where(capture.c.id == capture_id).scalar_subquery()
    connection.execute(
        update(location).where(location.c.id == place).values(whole_capture=None, etag=None, last_modified=None)
    )
    owner = select(location.c.resource).where(location.c.id == place).scalar_subquery()
    connection.execute(
        update(resource).where(resource.c.id == owner, resource.c.lease_owner.is_(None)).values(due_at=due_at)
    )


def has_shown(connection: Connection, resource_id: int, domain_id: int) -> bool:
    """Whether a domain ever showed the article of a resource. To have been asked for it is not enough."""
    shown = (
        select(capture.c.id)
        .join(location, location.c.id == capture.c.location)
        .where(location.c.resource == resource_id, location.c.domain == domain_id, capture.c.outcome == "article")
    )
    return connection.execute(shown.limit(1)).first() is not None


def withdraw(connection: Connection, resource_id: int, at: datetime) -> None:
    """Note that the outlet answered at `at` (UTC) that an article is gone. What is kept of it stays as it is."""
    connection.execute(
        update(article).where(article.c.id == _article_of(resource_id), article.c.withdrawn_at.is_(None)),
        {"withdrawn_at": at},
    )


def restore(connection: Connection, resource_id: int) -> None:
    """Note that an article that was gone is shown again."""
    connection.execute(
        update(article).where(article.c.id == _article_of(resource_id), article.c.withdrawn_at.is_not(None)),
        {"withdrawn_at": None},
    )


def _article_of(resource_id: int) -> ScalarSelect[int | None]:
    return select(resource.c.article).where(resource.c.id == resource_id).scalar_subquery()
