"""Draw the daily samples: old articles to be fetched again, days whose listings are read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random

from sqlalchemy import Connection, bindparam, func, literal_column, select, update

from storage.filling import make_listings_due
from storage.finding import resources_by_key
from storage.inserting import in_portions, insert_missing
from storage.models import counter, crawl, draw, drawn, location, resource
from storage.records import Found

SHARE = 100
"""Of so many kept articles one is drawn a day, up to a bound, and none of fewer: their own times bring them soon."""
RESTED = timedelta(days=1)
"""An article that was fetched within this time is not drawn."""
_TRIES, _AT_ONCE = 40, 500


def is_drawn(connection: Connection, outlet: int, kind: str, since: datetime) -> bool:
    """Whether a sample was drawn at `since` (UTC) or later."""
    facts = {"of_outlet": outlet, "since": since, "of_kind": kind}
    return connection.execute(_DRAWN_SINCE, facts).first() is not None


def was_crawled(connection: Connection, outlet: int, before: datetime) -> bool:
    """Whether a crawl of an outlet began before an instant (UTC)."""
    return connection.execute(_CRAWLED_BEFORE, {"of_outlet": outlet, "before": before}).first() is not None


def draw_old(
    connection: Connection, outlet: int, run: int, *, now: datetime, published_by: date, most: int, chance: Random
) -> int:
    """Make a random sample of kept articles due at `now` (UTC) whatever their own time, and write it down; returns how
    many they are: a hundredth of all, at most `most`. They are of `published_by` or earlier, are not due and were not
    fetched for a day; each of them is as likely to be drawn."""
    wanted = min(most, _kept(connection, outlet) // SHARE)
    found = _old(connection, outlet, now, published_by, wanted, chance) if wanted else []
    if not found:
        return 0
    row = {"outlet": outlet, "crawl": run, "at": now, "kind": "old", "listed": len(found)}
    number = connection.execute(draw.insert().values(**row).returning(draw.c.id)).scalar_one()
    connection.execute(drawn.insert(), [{"draw": number, "resource": each} for each in found])
    connection.execute(update(resource).where(resource.c.id.in_(found)).values(due_at=now))
    return len(found)


def draw_days(
    connection: Connection, outlet: int, run: int, listings: Sequence[Found], *, now: datetime, apart: timedelta
) -> None:
    """Write down that these listings were drawn at `now` (UTC), and make them due, each some time after another."""
    for number, listing in enumerate(listings):
        due_at = now + number * apart
        make_listings_due(connection, outlet, [replace(listing, due_at=due_at)], due_at, crawl=run)
        (resource_id,) = resources_by_key(connection, outlet, [listing.key]).values()
        row = {"outlet": outlet, "crawl": run, "at": now, "kind": "day", "resource": resource_id}
        connection.execute(draw.insert().values(**row))


def how_many(connection: Connection, outlet: int, share: int, most: int) -> int:
    """How large a sample of an outlet is: one of `share` kept articles, at most `most`."""
    return min(most, -(-_kept(connection, outlet) // share))


def _kept(connection: Connection, outlet: int) -> int:
    kept = select(counter.c.n).where(counter.c.outlet == outlet, counter.c.name == "articles")
    return connection.execute(kept).scalar() or 0


def open_draws(connection: Connection, outlet: int, since: datetime) -> dict[str, int]:
    """The draws of days at `since` (UTC) or later whose listings were not read yet, by the listings' keys."""
    return {row[0]: row[1] for row in connection.execute(_OPEN, {"of_outlet": outlet, "since": since})}


_OF_OUTLET = bindparam("of_outlet", type_=draw.c.outlet.type)
_SINCE = draw.c.at >= bindparam("since", type_=draw.c.at.type)
_DRAWN_SINCE = (
    select(draw.c.id).where(draw.c.outlet == _OF_OUTLET, _SINCE, draw.c.kind == bindparam("of_kind")).limit(1)
)
_CRAWLED_BEFORE = (
    select(crawl.c.id)
    .where(crawl.c.outlet == _OF_OUTLET, crawl.c.kind == "crawl")
    .where(crawl.c.started_at < bindparam("before", type_=crawl.c.started_at.type))
    .order_by(crawl.c.id.desc())  # the newest is found at once, the first may lie behind all of other outlets
    .limit(1)
)
_OPEN = (
    select(resource.c.key, draw.c.id)
    .join(resource, resource.c.id == draw.c.resource)
    .where(draw.c.outlet == _OF_OUTLET, _SINCE, draw.c.kind == "day", draw.c.listed.is_(None))
)


def measure(connection: Connection, outlet: int, number: int, keys: Sequence[str]) -> None:
    """Write down how much of what a drawn listing lists is kept; what is not is remembered, as it may turn out to be
    no article. A further page of the same listing adds to it."""
    kept, missing = 0, []
    for portion in in_portions(sorted(set(keys))):
        rows = connection.execute(
            select(resource.c.id, resource.c.article).where(resource.c.outlet == outlet, resource.c.key.in_(portion))
        )
        for each, article in rows:
            kept += article is not None
            if article is None:
                missing.append({"draw": number, "resource": each})
    connection.execute(
        update(draw)
        .where(draw.c.id == number)
        .values(listed=func.coalesce(draw.c.listed, 0) + len(set(keys)), kept=func.coalesce(draw.c.kept, 0) + kept)
    )
    insert_missing(connection, drawn, missing)


def _old(
    connection: Connection, outlet: int, now: datetime, published_by: date, wanted: int, chance: Random
) -> list[int]:
    """Old articles by random numbers: each number is as likely, and those of anything else are thrown away."""
    lowest, highest = connection.execute(select(func.min(resource.c.id), func.max(resource.c.id))).one()
    found: list[int] = []
    for numbers in _numbers(lowest, highest, chance):
        eligible = _eligible(connection, outlet, now, published_by, numbers)
        found += [each for each in numbers if each in eligible]  # in the order in which they were drawn
        if len(found) >= wanted:
            break
    return sorted(found[:wanted])


def _numbers(lowest: int, highest: int, chance: Random) -> list[list[int]]:
    """Different numbers in random order, some thousand where there are so many."""
    span = range(lowest, highest + 1)
    numbers = chance.sample(span, min(len(span), _TRIES * _AT_ONCE))
    return [list(portion) for portion in in_portions(numbers)]


def _eligible(
    connection: Connection, outlet: int, now: datetime, published_by: date, numbers: Sequence[int]
) -> set[int]:
    fetched = select(location.c.id).where(location.c.resource == resource.c.id, location.c.fetched_at > now - RESTED)
    statement = select(resource.c.id).where(
        resource.c.id.in_(numbers),
        resource.c.outlet == outlet,
        resource.c.kind == literal_column("'article'"),
        resource.c.outcome == "article",
        resource.c.article.is_not(None),
        resource.c.day <= published_by,
        resource.c.due_at > now,
        resource.c.lease_owner.is_(None),
        ~fetched.exists(),
    )
    return set(connection.execute(statement).scalars())
