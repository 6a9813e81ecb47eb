"""When a resource is due again."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from scraper.crawling.media import KIND as MEDIA_KIND
from scraper.crawling.media import TRIES as MEDIA_TRIES

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

BY_AGE: tuple[tuple[timedelta, timedelta], ...] = (
    (_HOUR, timedelta(minutes=15)),
    (6 * _HOUR, _HOUR),
    (_DAY, 6 * _HOUR),
    (7 * _DAY, _DAY),
    (60 * _DAY, 7 * _DAY),
)
"""Up to which age an article is visited at which interval: news is edited most in its first hours."""

YOUNG = 60 * _DAY
MONTH, YEAR = 30 * _DAY, 365 * _DAY
WEEK = UNDATED = 7 * _DAY
"""The age of an article without a date, and of one that says it is of another day than ours or later."""
FIRST_RETRY = timedelta(minutes=15)
LONGEST_RETRY = 90 * _DAY
"""How long a page that failed waits at most. One that is gone is probed ever less, down to once a year."""
FIRST_DOUBT = 36 * _HOUR
"""When a page that showed no article is looked at for the second time."""
TRUSTED_FOR = 45 * _DAY
"""How long after its last whole answer a page is asked for by conditions alone."""


def next_visit(at: datetime, published: datetime | None, first_at: datetime | None = None) -> datetime:
    """When an article read at `at` (UTC) is due again.

    After two months it is visited monthly, and after each visit as long again as it has been known so, up to a year;
    `first_at` is when it was first seen, so that an old article begins with a month too.
    """
    age = at - published if published is not None and published <= at + _DAY else UNDATED
    for limit, interval in BY_AGE:
        if age <= limit:
            return at + interval
    known = at - first_at if first_at is not None else timedelta(0)
    return at + min(max(MONTH, min(known, age - YOUNG)), YEAR)


def next_doubt(at: datetime, day: date | None, first_at: datetime | None = None) -> datetime:
    """When a page read at `at` (UTC) is due again that stands where articles do and showed none.

    It may be filled yet while the day that its address names is young; else it is looked at again after a day and a
    half, and after each look as long again as it has been known, up to 90 days.
    """
    age = at.date() - day if day is not None else WEEK
    if timedelta(0) <= age + _DAY and age < WEEK:
        return at + (_HOUR if age <= _DAY else _DAY)
    known = at - first_at if first_at is not None else timedelta(0)
    return at + min(max(FIRST_DOUBT, known), LONGEST_RETRY)


def next_look(at: datetime) -> datetime:
    """When a former domain is looked at again."""
    return at + _DAY


def after_failure(
    kind: str,
    at: datetime,
    attempts: int,
    *,
    until: datetime | None = None,
    gone: bool = False,
    passing: bool = True,
    polled: bool = False,
) -> datetime | None:
    """When a resource is due again whose fetch gave nothing; None for a listing that is read with another.

    `until`: its host asked for rest till then. `gone`: the answer was that there is no such page. `polled`: it is a
    listing that is polled by itself. `passing`: what kept it away may pass by itself; what pages need to look as they
    did is asked for again then alone.
    """
    if kind == MEDIA_KIND:
        return (until or next_try(at, attempts)) if passing and attempts + 1 < MEDIA_TRIES else None
    if kind == "article":
        return until or next_try(at, attempts, gone=gone)
    if polled:
        return until or min(next_try(at, attempts), at + _DAY)
    return next_look(at) if kind == "probe" else None


def next_try(at: datetime, attempts: int, *, gone: bool = False) -> datetime:
    """When a resource is tried again after `attempts` fetches in a row gave nothing: doubling from 15 minutes up to 90
    days, or for a page that is gone from a day up to a year."""
    first, longest = (_DAY, YEAR) if gone else (FIRST_RETRY, LONGEST_RETRY)
    doubled: timedelta = first * 2 ** min(attempts, 20)
    return at + min(doubled, longest)
