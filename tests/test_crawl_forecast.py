"""What a crawl will take is foretold, and no crawl of a large outlet takes more than a week."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.demo.process import Replica, running_replica
from tests.crawling import crawl, look
from tests.databases import Place
from tests.small_site import PROFILE, SmallSite, article_page, article_path, crawl_small, pages, section, small_site

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=[(200, 3), pytest.param((500, 8), marks=pytest.mark.soak)], ids=str)
def replica(request: pytest.FixtureRequest) -> Iterator[Replica]:
    articles, seed = request.param
    with running_replica(articles=articles, seed=seed) as running:
        yield running


def size(place: Place) -> int:
    """Bytes of the archive's database and WARC files."""
    files = [*place.folder.glob("archive.db*"), *place.folder.glob("warc/*")]
    return sum(each.stat().st_size for each in files if each.is_file())


def test_a_forecast_is_right_within_a_quarter(tmp_path: Path, replica: Replica) -> None:
    place = Place(tmp_path / "archive", None)
    ran = crawl(place, replica, "--forecast", now="2026-06-01T12:00:00Z")
    assert ran.code in (0, 1), ran.err
    (told,) = ran.json["outlets"]
    read, before = told["counts"]["articles"], size(place)
    assert 0 < read <= 40
    replica.new_requests()

    ran = crawl(place, replica, now="2026-06-01T12:10:00Z")
    assert ran.code in (0, 1), ran.err
    counts = ran.json["outlets"][0]["counts"]
    assert 0.75 <= told["forecast"]["pages"] / counts["new"] <= 1.25
    assert 0.75 <= told["forecast"]["disk"] / (size(place) - before) <= 1.25
    assert counts["new"] + read == len(replica.articles())
    assert counts["listings"] <= 5, "what was read for the forecast is not read again"


@pytest.mark.soak
def test_a_week_of_articles_is_the_most_that_one_crawl_asks_for(tmp_path: Path) -> None:
    days = [f"2026/05/{day:02}" for day in range(1, 21)]
    paths = [article_path(key, day) for key, day in enumerate(days)]
    answers = pages({"/": section(*paths), **{path: article_page(key) for key, path in enumerate(paths)}})
    slow = PROFILE.replace("delay = 0", "delay = 86400")
    with small_site(tmp_path, answers, slow) as site:

        def crawled(place: Place, *more: str) -> list[int]:
            ran = crawl_small(place, site, *more, now="leap:2026-06-01T12:00:00Z")
            assert ran.code in (0, 1), ran.err
            return sorted(map(int, look(place).headlines))

        place = Place(tmp_path / "archive", None)
        newest = list(range(20))[-7:]
        assert crawled(place) == newest
        assert len(crawled(place)) > len(newest), "the next one goes on"
        assert crawled(Place(tmp_path / "full", None), "--full") == list(range(20))


def test_the_newest_articles_come_first(tmp_path: Path) -> None:
    days = ["2026/05/03", "2026/05/30", "2019/01/01", "2026/05/29", "2024/12/31"]
    paths = [article_path(key, day) for key, day in enumerate(days)]
    answers = pages({"/": section(*paths), **{path: article_page(key) for key, path in enumerate(paths)}})
    with small_site(tmp_path, answers, PROFILE.replace("concurrency = 4", "concurrency = 1")) as site:
        assert crawl_small(Place(tmp_path / "archive", None), site).code in (0, 1)
        assert asked_first(site)[:5] == [1, 3, 0, 4, 2]


def asked_first(site: SmallSite) -> list[int]:
    """The articles by number, in the order in which they were asked for."""
    return [int(path.rpartition("/")[2]) for _, path in site.asked if path.startswith("/news/")]
