"""`run` looks after an outlet for days on end: what is new, edited or gone is seen in time, and asked for sparingly."""

from __future__ import annotations

import itertools
import json
import os
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from scraper.demo.timeline import FIRST_DAY
from storage.archive import Archive
from storage.models import article
from tests.breaking import broken, poll_hourly, visit_weekly
from tests.simulating import QUIET, TWO_MONTHS, WEEK, Asked, Lived, live, share_within

pytestmark = [pytest.mark.long, pytest.mark.timeout(0)]

DAYS = int(os.environ.get("PRESSKEEP_DAYS", "3"))
SEED = int(os.environ.get("PRESSKEEP_TEST_SEED", "5"))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUARTER = timedelta(minutes=15)
GONE = (404, 410)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    lived = live(tmp_path_factory.mktemp("days"), DAYS, seed=SEED, timeout=DAYS * 600 + 600)
    assert lived.ran.code == 0, lived.ran.err
    return lived


@pytest.fixture(scope="module")
def lived_badly(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Lived]:
    """A day with one rule or the other taken out."""
    return {
        rule.__name__: live(tmp_path_factory.mktemp("bad"), 1, seed=SEED, program=broken(rule), timeout=1200)
        for rule in (poll_hourly, visit_weekly)
    }


def new_in_time(lived: Lived) -> float:
    new = [each for each in lived.plan.new if each.at <= lived.plan.until - QUARTER]
    return share_within(new, lived, QUARTER, (200,))


def edits_in_time(lived: Lived, span: timedelta = DAY) -> float:
    edits = [each for each in lived.plan.edited if each.age < WEEK and each.at <= lived.plan.until - span]
    return share_within(edits, lived, span, (200,))


def test_nearly_all_that_is_new_is_seen_within_a_quarter_of_an_hour(lived: Lived) -> None:
    assert len(lived.plan.new) == 50 * DAYS
    assert new_in_time(lived) >= 0.95
    # The check tells: hardly any is seen within a minute.
    assert share_within(lived.plan.new, lived, timedelta(minutes=1), (200,)) < 0.95


def test_most_edits_to_young_articles_are_seen_within_a_day(lived: Lived) -> None:
    assert edits_in_time(lived) >= 0.9
    assert edits_in_time(lived, timedelta(minutes=1)) < 0.9


@pytest.mark.soak
def test_without_polls_and_visits_in_time_it_shows(lived_badly: dict[str, Lived]) -> None:
    assert new_in_time(lived_badly["poll_hourly"]) < 0.95
    assert edits_in_time(lived_badly["visit_weekly"], 12 * HOUR) < 0.9


def test_what_is_withdrawn_is_seen_to_be_gone(lived: Lived) -> None:
    """Within eight days up to the age of two months; in a shorter run, what is under a week old within a day."""
    for most, span in ((TWO_MONTHS, 8 * DAY), (WEEK, DAY + HOUR)):
        gone = [each for each in lived.plan.withdrawn if each.age < most and each.at <= lived.plan.until - span]
        if gone and most == TWO_MONTHS:
            assert share_within(gone, lived, span, GONE) == 1
        elif gone:
            # The day is the time between two visits; the oldest of them may just have been visited.
            assert share_within(gone, lived, span, GONE) >= 0.9
    assert lived.plan.withdrawn


def test_a_new_article_costs_hardly_more_than_one_request(lived: Lived) -> None:
    requests = 0
    for each in lived.plan.new:
        answers = [asked.status for asked in lived.by_key[each.key]]
        requests += answers.index(200) + 1 if 200 in answers else len(answers)
    others = [asked for asked in lived.asked if asked.at > FIRST_DAY + QUIET and not is_known(asked)]
    assert 0 < requests + len(others) <= 1.1 * len(lived.plan.new)


def test_mirrors_are_asked_for_few_copies_a_day(lived: Lived) -> None:
    copies: Counter[date] = Counter()
    for each in lived.plan.new:
        asked = lived.by_key[each.key]
        copies[each.at.date()] += any(other.host != asked[0].host for other in asked[:2])
    assert 0 < max(copies.values()) <= 10, "five in any day and night"


def test_listings_are_polled_at_most_twelve_times_an_hour(lived: Lived) -> None:
    polls = Counter((each.host, each.at.replace(minute=0, second=0, microsecond=0)) for each in polls_of(lived))
    assert max(polls.values()) <= 12
    assert len(polls) > 24


def test_a_host_is_asked_at_most_once_in_ten_seconds(lived: Lived) -> None:
    by_host: dict[str, list[Asked]] = {}
    for each in lived.asked:
        by_host.setdefault(each.host, []).append(each)
    gaps = [later.at - each.at for asked in by_host.values() for each, later in itertools.pairwise(asked)]
    assert min(gaps) >= timedelta(seconds=10)


def test_every_article_is_kept_once_and_each_round_is_reported(lived: Lived) -> None:
    with Archive.open(lived.folder / "archive", write=False) as archive, archive.read() as connection:
        kept = connection.execute(select(func.count()).select_from(article)).scalar_one()
    born = [key for key, at in lived.plan.born.items() if at <= lived.plan.until]
    assert kept == len(born)
    rounds = [json.loads(line) for line in lived.ran.out.splitlines()]
    assert sum(each["counts"]["new"] for each in rounds) == kept
    assert all(each["finished"] for each in rounds)


def test_files_are_as_many_as_days(lived: Lived) -> None:
    files = [path.name for path in Path(lived.folder, "archive", "warc").glob("*.warc.gz*")]
    days = {name.split("-")[2][:8] for name in files}
    assert len(files) == len(days) == (lived.plan.until.date() - FIRST_DAY.date()).days + 1


def is_known(asked: Asked) -> bool:
    """Whether it is an article, a listing (archives by date too), robots.txt, or a look at the former domain."""
    by_date = first_part(asked) in ("default", "archive")
    return asked.key is not None or is_poll(asked) or by_date or asked.path == "/robots.txt" or "daily" in asked.host


def first_part(asked: Asked) -> str:
    return asked.path.split("?")[0].split("/")[1].partition("-")[0].partition(".")[0]


def is_poll(asked: Asked) -> bool:
    """Whether a feed, a sitemap or a section was asked for."""
    return first_part(asked) in ("", "Section", "rss", "sitemap", "topics", "feed", "map")


def polls_of(lived: Lived) -> list[Asked]:
    return [each for each in lived.asked if is_poll(each) and each.at > FIRST_DAY + QUIET]
