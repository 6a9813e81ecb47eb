"""A crawl stays within its budget, and the next one goes on where it ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.models import crawl as crawl_table
from storage.models import resource
from tests.crawling import crawl, look, missing_from, place_options, presskeep
from tests.databases import Place
from tests.small_site import HOST, NOON, PROFILE, article_page, article_path, crawl_small, pages, section, small_site

pytestmark = pytest.mark.long
ONE_A_SECOND = PROFILE.replace("delay = 0\nconcurrency = 4", "delay = 1\nconcurrency = 1")


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    with running_replica(articles=60, seed=8, folder=tmp_path_factory.mktemp("replica")) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, replica: Replica) -> Place:
    replica.new_requests()
    return Place(tmp_path / "archive", None)


def last_outcome(place: Place) -> tuple[str | None, int]:
    """How the last crawl ended, and how many leases it left."""
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        outcome = connection.execute(
            select(crawl_table.c.outcome).order_by(crawl_table.c.id.desc()).limit(1)
        ).scalar_one()
        held = select(func.count()).select_from(resource).where(resource.c.lease_owner.is_not(None))
        return outcome, connection.execute(held).scalar_one()


def pages_asked(replica: Replica) -> int:
    return sum(each["path"] != "/robots.txt" for each in replica.new_requests())


@pytest.mark.soak
def test_no_more_pages_are_asked_for_than_the_budget_allows_until_all_is_there(place: Place, replica: Replica) -> None:
    asked, hour = [], 12
    while True:
        ran = crawl(place, replica, "--max-pages", "40", hour=hour)
        asked.append(pages_asked(replica))
        if ran.code != 7:
            break
        assert "its budget of 40 pages is used up" in ran.err
        assert "the same command goes on" in ran.err
        assert last_outcome(place) == ("stopped: budget", 0)
        assert len(asked) < 20
        hour += 1 if hour < 20 else 0
    assert ran.code in (0, 1), ran.err
    assert len(asked) > 2
    assert max(asked) <= 40
    assert missing_from(look(place), replica.articles()) == []

    # Without a budget the same crawl asks for more than one of these did.
    twin = Place(place.folder.with_name("twin"), None)
    assert crawl(twin, replica).code in (0, 1)
    assert pages_asked(replica) > 40


@pytest.mark.parametrize(
    ("options", "variables", "said"),
    [
        pytest.param(("--max-disk", "60K"), {}, "bytes on disk is used up", id="disk"),
        pytest.param(
            (), {"PRESSKEEP_MIN_FREE_BYTES": str(10**15)}, "min_free_bytes asks for 1,000,000,000,000,000",
            id="free-space", marks=pytest.mark.soak,
        ),
        pytest.param(("--max-time", "0.001s"), {}, "seconds is used up", id="time", marks=pytest.mark.soak),
    ],
)  # fmt: skip
def test_disk_and_time_end_a_crawl_in_order(
    place: Place, replica: Replica, options: tuple[str, ...], variables: dict[str, str], said: str
) -> None:
    ran = crawl(place, replica, *options, environment=variables)
    assert (ran.code, said in ran.err, ran.err.count("\n")) == (7, True, 1), ran.err
    assert last_outcome(place) == ("stopped: budget", 0)
    assert presskeep("verify", *place_options(place)).code == 0
    assert missing_from(look(place), replica.articles()) != []
    last = crawl(place, replica, hour=13)
    assert last.code in (0, 1), last.err
    assert missing_from(look(place), replica.articles()) == []


def test_when_its_time_is_over_a_crawl_sends_nothing_that_waits_in_line(tmp_path: Path) -> None:
    paths = [article_path(number) for number in range(1, 31)]
    table = {"/": section(*paths)} | {path: article_page(number) for number, path in enumerate(paths, 1)}
    place = Place(tmp_path / "archive", None)
    with small_site(tmp_path, pages(table), ONE_A_SECOND) as site:
        ran = crawl_small(place, site, "--domain", HOST, "--max-time", "4s")
        asked = [path for _, path in site.new_requests()]
        assert (ran.code, "its budget of 4 seconds is used up" in ran.err) == (7, True), ran.err
        assert len(asked) < 10, "as many as one a second allow, of 33"
        assert ran.json["outlets"][0]["counts"]["failures"] == {}
        assert last_outcome(place) == ("stopped: budget", 0)
        ran = crawl_small(place, site, "--domain", HOST, now=f"leap:{NOON.replace('12', '13', 1)}")
        assert ran.code == 0, ran.err
        rest = [path for _, path in site.new_requests()]
    assert {*asked, *rest} >= {*paths}
    assert not set(asked) & set(rest) & set(paths)


@pytest.mark.parametrize(
    "wrong", [("--max-time", "soon"), ("--max-time", "0h"), ("--max-disk", "much"), ("--max-disk", "0")]
)
def test_a_wrong_amount_is_told_with_a_right_one(tmp_path: Path, wrong: tuple[str, str]) -> None:
    ran = presskeep("crawl", "demo", *wrong, "--archive", str(tmp_path / "archive"))
    assert ran.code == 2
    assert "For example:" in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "archive").exists()
