"""Read from the daily samples how complete an outlet's archive is, and what became of its old articles."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, select, true

from storage.gaps import DENIED
from storage.intervals import Cluster, Share, estimate, student, wilson
from storage.models import article, capture, covered, draw, drawn, location, resource, revision
from storage.models import outlet as outlet_table

WINDOW = timedelta(days=30)
"""How far back samples tell of today."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """What the listings of days drawn by chance tell: the share of what they list that was kept already when they were
    drawn. `unread` listings were drawn and could not be read, or not yet. Times are UTC."""

    kept: Share
    first_at: datetime
    last_at: datetime
    unread: int


@dataclass(frozen=True, slots=True)
class OldSampled:
    """What became of old articles drawn by chance: how many were fetched again, edited and withdrawn, and the interval
    of 95 % of the share of those that changed; `waiting` were drawn and not fetched yet."""

    drawn: int
    fetched: int
    edited: int
    withdrawn: int
    low: float
    high: float
    waiting: int


def sampled_days(
    connection: Connection, outlet: str, *, now: datetime, since: date | None = None, until: date | None = None
) -> Sampled | None:
    """The estimate from the last month's samples, of days between `since` and `until`; None where there is none."""
    within = _covered_within(since, until)
    statement = (
        select(draw.c.at, draw.c.listed, draw.c.kept, func.coalesce(_no_articles(), 0))
        .select_from(
            draw.join(outlet_table, outlet_table.c.id == draw.c.outlet).outerjoin(
                covered, covered.c.resource == draw.c.resource
            )
        )
        .where(outlet_table.c.name == outlet, draw.c.kind == "day", draw.c.at > now - WINDOW, within)
        .order_by(draw.c.at)
    )
    rows = connection.execute(statement).all()
    read = [row for row in rows if row.listed is not None]
    share = estimate([Cluster(listed - none, kept) for _, listed, kept, none in read])
    if share is None:
        return None
    return Sampled(share, read[0].at, read[-1].at, len(rows) - len(read))


def sampled_old(connection: Connection, outlet: str, *, now: datetime) -> OldSampled | None:
    """What became of the old articles drawn in the last month; None where none were."""
    seen = exists().where(
        location.c.resource == resource.c.id, capture.c.location == location.c.id, capture.c.at >= draw.c.at
    )
    edited = exists().where(revision.c.article == article.c.id, revision.c.first_at >= draw.c.at)
    fate = case((article.c.withdrawn_at >= draw.c.at, "withdrawn"), (edited, "edited"), (seen, "same"), else_="waiting")
    statement = (
        select(fate, func.count())
        .select_from(
            draw.join(outlet_table, outlet_table.c.id == draw.c.outlet)
            .join(drawn, drawn.c.draw == draw.c.id)
            .join(resource, resource.c.id == drawn.c.resource)
            .join(article, article.c.id == resource.c.article)
        )
        .where(outlet_table.c.name == outlet, draw.c.kind == "old", draw.c.at > now - WINDOW)
        .group_by(fate)
    )
    fates: Counter[str] = Counter({row[0]: row[1] for row in connection.execute(statement)})
    number = fates.total()
    if not number:
        return None
    fetched = number - fates["waiting"]
    changed = fates["edited"] + fates["withdrawn"]
    low, high = wilson(changed / fetched, fetched, student(max(fetched - 1, 1), 0.95)) if fetched else (0.0, 1.0)
    return OldSampled(number, fetched, fates["edited"], fates["withdrawn"], low, high, fates["waiting"])


def _covered_within(since: date | None, until: date | None) -> ColumnElement[bool]:
    return and_(true(), *([covered.c.first >= since] if since else []), *([covered.c.last <= until] if until else []))


def _no_articles() -> ColumnElement[int]:
    """How many of a draw turned out to be no articles, or are gone: they are none that could be kept."""
    missing = resource.alias("missing")
    return (
        select(func.count())
        .select_from(drawn.join(missing, missing.c.id == drawn.c.resource))
        .where(drawn.c.draw == draw.c.id, missing.c.article.is_(None))
        .where(missing.c.outcome.startswith("refused:") | (missing.c.outcome == "notice"))
        .where(missing.c.outcome.not_in(DENIED))
        .scalar_subquery()
    )
