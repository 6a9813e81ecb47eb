"""Listings are polled by what they bring, within what their host is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.crawling.polling import LONGEST, SHORTEST, Polling
from storage.polls import MEMORY, Polled

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOST = "www.news.example"


def listing(number: int, found: int, days: float, *, feed: bool = False, hosts: tuple[str, ...] = (HOST,)) -> Polled:
    return Polled(number, feed, frozenset(hosts), NOW, found, round(days * 86_400))


@given(st.lists(st.tuples(st.integers(0, 5000), st.booleans()), min_size=1, max_size=60))
def test_a_host_is_polled_no_more_often_than_twelve_times_an_hour(known: list[tuple[int, bool]]) -> None:
    listings = {number: listing(number, found, 7, feed=feed) for number, (found, feed) in enumerate(known)}
    polling = Polling(listings)
    hours = [polling.interval(number, HOST) / timedelta(hours=1) for number in listings]
    assert all(SHORTEST <= timedelta(hours=each) <= LONGEST for each in hours)
    daily = len(listings) / 24  # each is polled once a day whatever it brings
    assert sum(1 / each for each in hours) <= 10 + daily + 1e-6


@given(st.lists(st.tuples(st.integers(0, 5000), st.booleans()), min_size=1, max_size=60))
def test_polls_are_spread_over_the_hours(known: list[tuple[int, bool]]) -> None:
    listings = {number: listing(number, found, 7, feed=feed) for number, (found, feed) in enumerate(known)}

    def most_in_an_hour(polls: Callable[[Polling, int, datetime], datetime]) -> int:
        polling, asked = Polling(listings), []
        # A first crawl reads all of them within minutes.
        due = {number: polls(polling, number, NOW) for number in listings}
        while len(asked) < 300:
            number = min(due, key=lambda each: (due[each], each))
            asked.append(due[number])
            due[number] = polls(polling, number, due[number])
        hour = timedelta(hours=1)
        return max(sum(at <= other < at + hour for other in asked[i:]) for i, at in enumerate(asked[:200]))

    assert most_in_an_hour(lambda polling, number, at: polling.next_poll(number, HOST, at)) <= 12
    if len(listings) > 24:
        # By their intervals alone many come at once.
        assert most_in_an_hour(lambda polling, number, at: at + polling.interval(number, HOST)) > 12


def test_what_brings_more_is_polled_sooner_and_what_brings_nothing_once_a_day() -> None:
    listings = {1: listing(1, 300, 7), 2: listing(2, 30, 7), 3: listing(3, 0, 3000)}
    polling = Polling(listings)
    first, second, third = (polling.interval(number, HOST) for number in listings)
    assert first < second < third == LONGEST
    # The square root of ten, as rates are ten times apart.
    assert second / first == pytest.approx(10**0.5, rel=0.05)


def test_feeds_go_before_sections_that_bring_as_much() -> None:
    listings = {1: listing(1, 50, 7, feed=True)} | {number: listing(number, 50, 7) for number in range(2, 12)}
    polling = Polling(listings)
    assert polling.interval(1, HOST) == timedelta(minutes=10)
    assert polling.interval(2, HOST) > timedelta(hours=1)


def test_other_hosts_listings_take_nothing_away() -> None:
    alone = Polling({1: listing(1, 50, 7)})
    beside = Polling({1: listing(1, 50, 7), 2: listing(2, 500, 7, hosts=("other.news.example",))})
    sharing = Polling({1: listing(1, 50, 7), 2: listing(2, 500, 7)})
    assert alone.interval(1, HOST) == beside.interval(1, HOST) < sharing.interval(1, HOST)


def test_a_listing_that_answers_on_a_strange_host_is_polled_no_more_often_for_it() -> None:
    listings = {number: listing(number, 50, 7) for number in range(1, 12)}
    assert Polling(listings).interval(1, "elsewhere.example") >= timedelta(minutes=6)


def test_what_stood_there_at_first_sight_says_nothing_of_how_often_something_comes() -> None:
    fresh = Polled(1, False, frozenset((HOST,)), None, 0, 0)
    seen = fresh.read(NOW, 5000)
    assert (seen.found, seen.seconds, seen.polled_at) == (0, 0, NOW)
    again = seen.read(NOW + timedelta(hours=1), 3)
    assert (again.found, again.seconds) == (3, 3600)
    assert again.rate > seen.rate


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 100_000)), max_size=200))
def test_habits_are_forgotten_in_weeks(polls: list[tuple[int, int]]) -> None:
    known, at = Polled(1, False, frozenset((HOST,)), NOW, 0, 0), NOW
    for found, seconds in polls:
        at += timedelta(seconds=seconds)
        known = known.read(at, found)
        assert known.seconds <= MEMORY.total_seconds()
    once = known.found
    for _ in range(60):
        at += timedelta(days=1)
        known = known.read(at, 0)
    # It counts half for the first time on the fifteenth day at the latest, and then each week.
    assert known.found <= once // 2**7, "after two months without anything new"


def test_what_polls_lead_to_is_spread_out_but_for_the_first_crawl_and_after_a_pause() -> None:
    polling = Polling({1: listing(1, 5, 7), 2: replace(listing(2, 5, 7), polled_at=NOW - timedelta(days=3))})
    assert polling.further_apart(NOW + timedelta(minutes=10)) > timedelta(0)
    polling.read(1, NOW + timedelta(days=2), 0)
    assert polling.further_apart(NOW + timedelta(days=2)) == timedelta(0), "what this run itself polled says nothing"
    unknown = Polling({1: replace(listing(1, 0, 0), polled_at=None)})
    assert unknown.further_apart(NOW) == timedelta(0)
