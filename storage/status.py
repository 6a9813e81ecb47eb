"""Count what an archive holds, and list what it refused and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, exists, func, not_, or_, select, true

from storage.models import article as article_table
from storage.models import capture, crawl, domain, fetch_failure, location, resource, revision
from storage.models import outlet as _outlet

MAX_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class DomainCount:
    """A domain of an outlet, by rank. `articles` have a location there; `captures` were fetched from there."""

    outlet: str
    host: str
    path: str
    role: str
    source: str
    approval: str
    state: str
    state_at: datetime | None
    articles: int
    locations: int
    captures: int


@dataclass(frozen=True, slots=True)
class OutletCount:
    """What the archive holds of an outlet. Days are of the outlet's zone.

    Of the pages whose newest capture is no article, `refused` counts those that are none, `notices` those in whose
    place a notice stands, and `failed` those that could not be read, with the fetches that gave no exchange: the words
    of the counts of a run. `media` is what article pages need to look as they did, `media_missing` what of it was asked
    for in vain or left out.
    """

    name: str
    kind: str
    articles: int
    revisions: int
    captures: int
    locations: int
    refused: int
    notices: int
    failed: int
    media: int
    media_missing: int
    first_day: date | None
    last_day: date | None


@dataclass(frozen=True, slots=True)
class CrawlLine:
    """One run. Times are UTC; `ended_at` and `outcome` are None while it goes on, or where it was killed. `manifest`
    is the digest of its manifest, which fixes the whole history up to it."""

    id: int
    outlet: str | None
    kind: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    counts: Mapping[str, Any]
    manifest: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A page that was kept but is no article. `reason` follows `refused:`, `failed:`, or is `notice`."""

    capture: int
    outlet: str
    url: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """A fetch that gave no exchange at all, by the stable vocabulary of reasons; `at` is UTC."""

    outlet: str
    url: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """The archive at a glance. `articles` leaves out those merged into others; `locations` counts listings' too.

    `candidates` are addresses that the outlets announced and nobody approved yet; they are not crawled.
    """

    articles: int
    revisions: int
    captures: int
    locations: int
    outlets: tuple[OutletCount, ...]
    domains: tuple[DomainCount, ...]
    candidates: tuple[DomainCount, ...]
    media: int
    crawls: tuple[CrawlLine, ...]
    reasons: Mapping[str, int]


def status(connection: Connection, outlet: str | None = None, *, limit: int = 20) -> Status:
    """Count everything, or one outlet's by its name; the newest `limit` crawls. An unknown outlet counts nothing."""
    counts = _outlet_counts(connection, outlet)
    domains = _domain_counts(connection, outlet)
    return Status(
        articles=sum(each.articles for each in counts),
        revisions=sum(each.revisions for each in counts),
        captures=sum(each.captures for each in counts),
        locations=sum(each.locations for each in counts),
        outlets=counts,
        domains=tuple(each for each in domains if each.approval != "candidate"),
        candidates=tuple(each for each in domains if each.approval == "candidate"),
        media=sum(each.media for each in counts),
        crawls=crawls(connection, outlet, limit=limit),
        reasons=_reasons(connection, outlet),
    )


def outlet_names(connection: Connection) -> tuple[str, ...]:
    """The names of the archive's outlets, by code point."""
    return tuple(sorted(connection.execute(select(_outlet.c.name)).scalars()))


def article_count(connection: Connection, outlet: str) -> int:
    """How many articles the archive holds of an outlet, those merged into others left out."""
    statement = (
        select(func.count())
        .select_from(article_table.join(_outlet, _outlet.c.id == article_table.c.outlet))
        .where(article_table.c.merged_into.is_(None), _is(outlet))
    )
    number: int = connection.execute(statement).scalar_one()
    return number


def refused(
    connection: Connection, outlet: str | None = None, *, reason: str | None = None, limit: int = 100
) -> tuple[Refused, ...]:
    """The pages whose newest capture is no article though it was read as one, newest first.

    `reason` takes those whose reason begins so, with the verdict or without: 'refused', 'failed:timeout', 'timeout'.
    """
    statement = _refused(
        select(capture.c.id, _name(), location.c.url, capture.c.outcome, capture.c.at), outlet, reason
    ).order_by(capture.c.at.desc(), capture.c.id.desc())
    rows = connection.execute(statement.limit(_bounded(limit)))
    return tuple(Refused(*row) for row in rows)


def failures(
    connection: Connection, outlet: str | None = None, *, reason: str | None = None, limit: int = 100
) -> tuple[Failed, ...]:
    """The fetches of pages that gave no exchange, newest first; `reason` as in `refused`."""
    wanted = true() if reason is None else _begins(fetch_failure.c.reason, reason.removeprefix("failed:"))
    statement = (
        select(_name(), location.c.url, fetch_failure.c.reason, fetch_failure.c.at)
        .select_from(_placed(fetch_failure))
        .where(wanted, resource.c.kind != "media", _is(outlet))
        .order_by(fetch_failure.c.at.desc(), fetch_failure.c.id.desc())
        .limit(_bounded(limit))
    )
    return tuple(Failed(*row) for row in connection.execute(statement))


def crawls(connection: Connection, outlet: str | None = None, *, limit: int = 20) -> tuple[CrawlLine, ...]:
    """The runs over the archive, newest first."""
    statement = (
        select(crawl, _name())
        .select_from(crawl.outerjoin(_outlet, _outlet.c.id == crawl.c.outlet))
        .where(_is(outlet))
        .order_by(crawl.c.started_at.desc(), crawl.c.id.desc())
        .limit(_bounded(limit))
    )
    return tuple(
        CrawlLine(
            row.id,
            row.name,
            row.kind,
            row.started_at,
            row.ended_at,
            row.outcome,
            row.counts or {},
            row.manifest_digest,
        )
        for row in connection.execute(statement)
    )


def _name() -> ColumnElement[str]:
    return _outlet.c.name


def _is(name: str | None) -> ColumnElement[bool]:
    return true() if name is None else _outlet.c.name == name


def _bounded(limit: int) -> int:
    return max(0, min(limit, MAX_LIMIT))


def _placed(facts: FromClause) -> FromClause:
    """Captures or failures with their location, resource and outlet."""
    return (
        facts.join(location, location.c.id == facts.c.location)
        .join(resource, resource.c.id == location.c.resource)
        .join(_outlet, _outlet.c.id == resource.c.outlet)
    )


def _refused(statement: Select[Any], outlet_name: str | None, reason: str | None = None) -> Select[Any]:
    """Of captures that are no articles, those that no newer capture of their location replaced; robots.txt, media and
    redirects that led to an article or a listing are none."""
    newer = capture.alias("newer")
    replaced = exists().where(
        newer.c.location == capture.c.location,
        or_(newer.c.at > capture.c.at, and_(newer.c.at == capture.c.at, newer.c.id > capture.c.id)),
    )
    no_article = or_(
        capture.c.outcome == "notice", capture.c.outcome.like("refused:%"), capture.c.outcome.like("failed:%")
    )
    led_to = func.coalesce(resource.c.outcome, "")  # one-off fetches settle no resource but an article's
    followed = and_(capture.c.outcome == "refused:redirect", led_to.in_(("article", "listing")))
    wanted = true() if reason is None else _has_reason(capture.c.outcome, reason)
    pages = resource.c.kind.not_in(("robots", "media"))
    return statement.select_from(_placed(capture)).where(
        no_article, not_(followed), pages, wanted, not_(replaced), _is(outlet_name)
    )


def _has_reason(outcome: ColumnElement[str], reason: str) -> ColumnElement[bool]:
    return or_(*(_begins(outcome, before + reason) for before in ("", "refused:", "failed:")))


def _begins(text: ColumnElement[str], beginning: str) -> ColumnElement[bool]:
    return text.startswith(beginning, autoescape=True)


def _reasons(connection: Connection, outlet_name: str | None) -> dict[str, int]:
    """How many pages are no articles for which reason, the most frequent first."""
    statement = _refused(select(capture.c.outcome, func.count()), outlet_name).group_by(capture.c.outcome)
    rows = connection.execute(statement).all()
    return dict(sorted(rows, key=lambda row: (-row[1], row[0]))[:MAX_LIMIT])


def _outlet_counts(connection: Connection, outlet_name: str | None) -> tuple[OutletCount, ...]:
    stands = article_table.c.merged_into.is_(None)
    owned = article_table.join(revision, revision.c.article == article_table.c.id)
    articles = _counts(connection, select(article_table.c.outlet, func.count()).where(stands))
    revisions = _counts(connection, select(article_table.c.outlet, func.count()).select_from(owned))
    locations = _counts(connection, select(resource.c.outlet, func.count()).select_from(resource.join(location)))
    captures = _counts(connection, select(_outlet.c.id, func.count()).select_from(_placed(capture)))
    of_pages = resource.c.kind != "media"
    failed = _counts(connection, select(_outlet.c.id, func.count()).select_from(_placed(fetch_failure)).where(of_pages))
    asked = select(resource.c.outlet, func.count()).where(resource.c.kind == "media", resource.c.outcome.is_not(None))
    media = _counts(connection, asked.where(resource.c.outcome == "media"))
    missing = _counts(connection, asked.where(resource.c.outcome.not_in(("media", "pending"))))
    no_articles = _refused(select(_outlet.c.id, func.count()), outlet_name)
    refusals = _counts(connection, no_articles.where(capture.c.outcome.like("refused:%")))
    notices = _counts(connection, no_articles.where(capture.c.outcome == "notice"))
    unreadable = _counts(connection, no_articles.where(capture.c.outcome.like("failed:%")))
    days = {
        row[0]: (row[1], row[2])
        for row in connection.execute(
            select(
                article_table.c.outlet, func.min(article_table.c.published_day), func.max(article_table.c.published_day)
            )
            .where(stands)
            .group_by(article_table.c.outlet)
        )
    }
    rows = connection.execute(select(_outlet.c.id, _outlet.c.name, _outlet.c.kind).where(_is(outlet_name))).all()
    return tuple(
        OutletCount(
            name=row.name,
            kind=row.kind,
            articles=articles.get(row.id, 0),
            revisions=revisions.get(row.id, 0),
            captures=captures.get(row.id, 0),
            locations=locations.get(row.id, 0),
            refused=refusals.get(row.id, 0),
            notices=notices.get(row.id, 0),
            failed=failed.get(row.id, 0) + unreadable.get(row.id, 0),
            media=media.get(row.id, 0),
            media_missing=missing.get(row.id, 0),
            first_day=days.get(row.id, (None, None))[0],
            last_day=days.get(row.id, (None, None))[1],
        )
        for row in sorted(rows, key=lambda row: row.name)
    )


def _counts(connection: Connection, statement: Select[int, int]) -> dict[int, int]:
    """Run a count by the statement's first column, which it is grouped by."""
    owner = statement.selected_columns[0]
    return dict(connection.execute(statement.group_by(owner)).all())


def _domain_counts(connection: Connection, outlet_name: str | None) -> tuple[DomainCount, ...]:
    places = _counts(connection, select(location.c.domain, func.count()).select_from(location))
    fetched = location.join(capture, capture.c.location == location.c.id)
    captures = _counts(connection, select(location.c.domain, func.count()).select_from(fetched))
    seen = location.join(resource, resource.c.id == location.c.resource)
    articles = _counts(
        connection, select(location.c.domain, func.count(resource.c.article.distinct())).select_from(seen)
    )
    statement = select(domain, _outlet.c.name).join(_outlet, _outlet.c.id == domain.c.outlet).where(_is(outlet_name))
    rows = sorted(connection.execute(statement).all(), key=lambda row: (row.name, row.rank, row.host, row.path))
    return tuple(
        DomainCount(
            outlet=row.name,
            host=row.host,
            path=row.path,
            role=row.role,
            source=row.source,
            approval=row.approval,
            state=row.state,
            state_at=row.state_at,
            articles=articles.get(row.id, 0),
            locations=places.get(row.id, 0),
            captures=captures.get(row.id, 0),
        )
        for row in rows
    )
