"""A crawl's daily samples, and how often what is gone is asked for."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.archive import Archive
from storage.models import draw, drawn
from tests.crawling import NOON, look
from tests.databases import Place
from tests.small_site import HOST, Answer, SmallSite, article_page, article_path, crawl_small, section, small_site

pytestmark = pytest.mark.long

OLD_DAY = "2026/01/05"
KEYS = range(1, 121)


class Gazette:
    """A site of old articles, whose texts all change when `text` does; those in `gone` are no longer there."""

    def __init__(self) -> None:
        self.text = ""
        self.gone: set[int] = set()
        self.pages = {article_path(key, OLD_DAY): key for key in KEYS}

    def answer(self, host: str, path: str) -> Answer | None:
        if host != HOST:
            return None
        if path == "/":
            return section(*self.pages)
        key = self.pages.get(path)
        if key is None or key in self.gone:
            return None
        page = article_page(key, self.text)
        return Answer(page.body.replace(b"2026-05-30T", b"2026-01-05T"))


@pytest.fixture
def gazette() -> Gazette:
    return Gazette()


def articles_asked(site: SmallSite) -> Counter[int]:
    """How often each article was asked for since the last look."""
    return Counter(int(path.rpartition("/")[2]) for _, path in site.new_requests() if path.startswith("/news/"))


def at(days: float) -> str:
    return f"{NOON + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def draws(place: Place) -> list[tuple[datetime, int]]:
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        rows = connection.execute(
            select(draw.c.at, drawn.c.resource).join(drawn, drawn.c.draw == draw.c.id).where(draw.c.kind == "old")
        )
        return [(row.at, row.resource) for row in rows]


@pytest.mark.soak
def test_each_day_a_few_old_articles_are_fetched_whatever_their_own_time(gazette: Gazette, tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with small_site(tmp_path, gazette.answer) as site:
        assert crawl_small(place, site).code == 0
        assert set(articles_asked(site)) == set(KEYS)
        assert crawl_small(place, site, now=at(0.1)).code == 0
        assert not articles_asked(site), "on the day of the first crawl"
        gazette.text = "Corrected."
        seen: Counter[int] = Counter()
        for day in (1, 2, 3):
            # Without a sample nothing would be asked for: all are due in a month.
            assert crawl_small(place, site, "--limit", "200", now=at(day)).code == 0
            assert not articles_asked(site)
            assert crawl_small(place, site, "--due", now=at(day + 0.1)).code == 0
            sampled = articles_asked(site)
            assert sampled.total() == 1, "a hundredth of 120"
            assert crawl_small(place, site, now=at(day + 0.2)).code == 0
            assert not articles_asked(site), "once a day"
            seen += sampled
        assert look(place).revisions == len(KEYS) + len(seen), "the edits of those that were drawn are seen"
        assert sorted(f"{moment:%d}" for moment, _ in draws(place)) == ["02", "03", "04"]


@pytest.mark.soak
def test_what_is_gone_is_asked_for_ever_less_and_found_when_it_comes_back(gazette: Gazette, tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with small_site(tmp_path, gazette.answer) as site:
        gazette.gone = {7}
        asked: Counter[int] = Counter()
        for day in range(17):
            # A little later each day, as pages are due a day after they were asked for.
            assert crawl_small(place, site, now=at(1.02 * day)).code in (0, 1)
            asked += articles_asked(site)
        assert asked[7] == 5, "on days 0, 1, 3, 7 and 15"
        gazette.gone = set()
        for day in range(31, 34):  # it is found at its next probe
            assert crawl_small(place, site, now=at(day)).code == 0
        assert look(place).headlines.keys() == {str(key) for key in KEYS}
