"""Links without end are recognised and bounded, and what is true is found among them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.breaking import broken, follow_without_end
from tests.crawling import look
from tests.databases import Place
from tests.small_site import NO_PAGE, PROFILE, Answer, article_page, crawl_small, section, small_site

pytestmark = pytest.mark.long

TRUE = 100
BUDGET = "2500"
WITH_QUERIES = PROFILE.replace("(?P<key>\\d+)$'", "(?P<key>\\d+)(?:[?;]|$)'")
"""The profile, with articles' addresses that may go on: whoever wrote it knew the site's ids of sessions."""


def trap() -> Callable[[str, str], Answer | None]:
    """A hundred articles on ten pages of a section, and without end: further pages with made-up articles, pages of a
    calendar that link to each other as articles do, ids of sessions in every link, and queries in every order."""
    visitor = itertools.count()

    def listed(page: int) -> Answer:
        if page < 10:
            paths = [f"/news/2026/05/30/{key}?sid={next(visitor)}" for key in range(page * 10, page * 10 + 10)]
        else:
            paths = [f"/news/2026/06/01/{10_000 + page * 10 + n}" for n in range(10)]
        paths += [f"/news/2026/05/30/{key}?b={next(visitor)}&a={key}" for key in range(5)]
        return section(*paths, following=f"/page/{page + 1}?sid={next(visitor)}")

    def answering(host: str, path: str) -> Answer | None:
        bare = path.partition("?")[0].partition(";")[0]
        if match := re.fullmatch(r"/(?:page/(\d+))?", bare):
            return listed(int(match[1] or 0))
        match = re.fullmatch(r"/news/\d{4}/\d{2}/\d{2}/(\d+)", bare)
        if match is None:
            return NO_PAGE
        key = int(match[1])
        calendar = "".join(f'<a href="/news/2026/06/01/{20_000 + key * 3 + n}">{n}</a>' for n in range(10))
        session = f'<a href="/news/2026/05/30/{key % TRUE};jsessionid={next(visitor)}">more</a>'
        if key < TRUE:
            return article_page(key, links=calendar + session)
        empty = '<h1 class="headline">Calendar</h1><div class="text"></div>'
        return Answer(f"<html><body>{empty}{calendar}{session}</body></html>".encode())

    return answering


def found(place: Place) -> set[int]:
    return {int(key) for key in look(place).headlines}


@pytest.mark.soak
def test_a_site_without_end_is_left_with_all_that_is_true(tmp_path: Path) -> None:
    with small_site(tmp_path, trap(), WITH_QUERIES) as site:
        place = Place(tmp_path / "archive", None)
        ran = crawl_small(place, site, "--max-pages", BUDGET)
        assert ran.code == 0, ran.err
        assert found(place) == set(range(TRUE))
        assert "the rest is put off for a week" in ran.err
        assert max(map(len, look(place).locations.values())) <= 50

        asked_first = len(site.new_requests())
        again = crawl_small(place, site, "--max-pages", BUDGET, now="2026-06-01T15:00:00Z")
        assert again.code == 0, again.err
        assert len(site.new_requests()) < asked_first
        assert found(place) == set(range(TRUE))

        endless = Place(tmp_path / "endless", None)
        twin = crawl_small(endless, site, "--max-pages", BUDGET, program=broken(follow_without_end))
        assert twin.code == 7
        assert "is used up" in twin.err


@pytest.mark.soak
def test_articles_that_lead_to_articles_are_followed(tmp_path: Path) -> None:
    """Five hundred that no listing lists, each found through the one before, with some that are gone."""

    def answering(host: str, path: str) -> Answer | None:
        if path == "/":
            return section("/news/2026/05/30/1")
        match = re.fullmatch(r"/news/2026/05/30/(\d+)", path)
        if match is None or int(match[1]) > 500 or int(match[1]) % 3 == 2:
            return NO_PAGE
        key = int(match[1])
        return article_page(key, links="".join(f'<a href="/news/2026/05/30/{key + n}">x</a>' for n in (1, 2, 3)))

    with small_site(tmp_path, answering) as site:
        place = Place(tmp_path / "archive", None)
        ran = crawl_small(place, site)
        assert "put off" not in ran.err
        assert found(place) == {key for key in range(1, 501) if key % 3 != 2}
