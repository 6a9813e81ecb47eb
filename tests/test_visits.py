"""When articles are visited again: often while they are young, ever less when they are old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.crawling.visits import after_failure, next_doubt, next_visit

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AGES = st.timedeltas(min_value=-10 * DAY, max_value=10_000 * DAY)


def visits(published: datetime, first_at: datetime, until: datetime) -> list[datetime]:
    """The visits of an article from when it is first seen."""
    found = [first_at]
    while found[-1] <= until:
        found.append(next_visit(found[-1], published, first_at))
    return found


@pytest.mark.parametrize(
    ("age", "interval"),
    [
        (timedelta(minutes=20), timedelta(minutes=15)),
        (3 * HOUR, HOUR),
        (20 * HOUR, 6 * HOUR),
        (5 * DAY, DAY),
        (40 * DAY, 7 * DAY),
        (70 * DAY, 30 * DAY),
    ],
)
def test_intervals_grow_with_age(age: timedelta, interval: timedelta) -> None:
    assert next_visit(NOW, NOW - age, NOW - age) - NOW == interval


def test_an_old_article_begins_with_a_month_and_comes_to_a_year() -> None:
    published = NOW - 4000 * DAY
    gaps = [later - earlier for earlier, later in pairwise(visits(published, NOW, NOW + 2000 * DAY))]
    assert gaps[:6] == [30 * DAY, 30 * DAY, 60 * DAY, 120 * DAY, 240 * DAY, 365 * DAY]
    assert set(gaps[6:]) == {365 * DAY}


def test_a_year_of_a_new_article_takes_few_visits_and_sees_each_day_of_its_first_week() -> None:
    seen = visits(NOW, NOW, NOW + 365 * DAY)
    assert len(seen) < 45
    days = {(each - NOW).days for each in seen}
    assert set(range(7)) <= days
    gaps = [later - earlier for earlier, later in pairwise(seen) if later - NOW <= 60 * DAY]
    assert max(gaps) <= 7 * DAY


@given(AGES, AGES)
def test_no_visit_is_sooner_than_a_quarter_of_an_hour_or_later_than_a_year(age: timedelta, known: timedelta) -> None:
    gap = next_visit(NOW, NOW - age, NOW - known) - NOW
    assert timedelta(minutes=15) <= gap <= 365 * DAY


@given(st.timedeltas(min_value=2 * DAY, max_value=30_000 * DAY))
def test_a_date_to_come_is_not_believed(ahead: timedelta) -> None:
    assert next_visit(NOW, NOW + ahead) == next_visit(NOW, None) == NOW + DAY


def probes(*, gone: bool, until: datetime) -> list[timedelta]:
    """The times between two fetches of an article that gives nothing ever again."""
    at, gaps = NOW, []
    while at <= until:
        due = after_failure("article", at, len(gaps), gone=gone)
        assert due is not None
        gaps.append(due - at)
        at = due
    return gaps


def test_a_dead_address_is_probed_ever_less() -> None:
    gaps = probes(gone=True, until=NOW + 3000 * DAY)
    assert gaps[:10] == [
        1 * DAY,
        2 * DAY,
        4 * DAY,
        8 * DAY,
        16 * DAY,
        32 * DAY,
        64 * DAY,
        128 * DAY,
        256 * DAY,
        365 * DAY,
    ]
    assert set(gaps[9:]) == {365 * DAY}
    assert len(probes(gone=True, until=NOW + 365 * DAY)) == 9, "in its first year"
    # What only failed is tried again sooner, and more often.
    assert probes(gone=False, until=NOW)[0] == timedelta(minutes=15)
    assert len(probes(gone=False, until=NOW + 365 * DAY)) > 15


def test_a_page_without_an_article_is_looked_at_ever_less() -> None:
    first, at, waits = NOW, NOW, []
    for _ in range(12):
        due = next_doubt(at, NOW.date() - timedelta(days=400), first)
        waits.append(due - at)
        at = due
    assert waits[0] == 36 * HOUR
    assert waits == sorted(waits)
    assert waits[-1] == 90 * DAY


@pytest.mark.parametrize(
    ("age", "wait"), [(0, HOUR), (1, HOUR), (3, DAY), (8, 36 * HOUR), (None, 36 * HOUR), (-1, HOUR), (-30, 36 * HOUR)]
)
def test_a_young_page_may_be_filled_yet(age: int | None, wait: timedelta) -> None:
    day = NOW.date() - timedelta(days=age) if age is not None else None
    assert next_doubt(NOW, day, NOW) - NOW == wait
