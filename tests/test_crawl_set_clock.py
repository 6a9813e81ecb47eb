"""The clock was set back since the last crawl: that is said once, nothing is lost, little is asked, and it goes on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.breaking import broken, trust_the_clock
from tests.crawling import Ran, dangling, look, place_options, presskeep
from tests.databases import Place
from tests.small_site import HOST, SmallSite, article_page, article_path, crawl_small, pages, section, small_site

pytestmark = pytest.mark.long

NOON, FUTURE, BACK, RIGHT = (
    "2026-06-01T12:00:00Z",
    "2031-06-04T12:00:00Z",
    "2026-06-02T13:00:00Z",
    "2026-06-02T15:00:00Z",
)
BOOT = "2020-01-01T00:00:00Z"
KNOWN = range(1, 13)


@pytest.fixture
def place(empty_place: Place) -> Place:
    return empty_place


def shelf(numbers: range) -> dict[str, object]:
    return {"/": section(*map(article_path, numbers))} | {article_path(each): article_page(each) for each in numbers}


def crawl(place: Place, site: SmallSite, now: str, *more: str, program: tuple[str, ...] = ()) -> Ran:
    return crawl_small(place, site, "--domain", HOST, *more, now=now, program=program)


def said(ran: Ran) -> list[str]:
    """The lines that tell of the clock."""
    return re.findall(r".*the clock stands at .*", ran.err)


def asked(site: SmallSite) -> list[int]:
    """The articles asked for since the last look."""
    return sorted(int(path.rpartition("/")[2]) for _, path in site.new_requests() if path.startswith("/news/"))


@pytest.mark.soak
@pytest.mark.either
def test_a_clock_that_was_years_ahead_and_is_set_right_silences_nothing(place: Place, tmp_path: Path) -> None:
    with small_site(tmp_path, pages(shelf(KNOWN))) as site:
        assert said(crawl(place, site, NOON)) == []
        assert said(crawl(place, site, FUTURE)) == []
        assert asked(site) == sorted([*KNOWN, *KNOWN]), "found, and visited when they are years old"
        site.answering = pages(shelf(range(1, 14)))
        ran = crawl(place, site, BACK)
        assert ran.code == 0, ran.err
        assert len(said(ran)) == 1
        assert "2031-06-04 12:00" in said(ran)[0]
        assert asked(site) == [13], "what is new, and nothing again"
        site.answering = pages(shelf(range(1, 15)))
        again = crawl(place, site, RIGHT)
        assert (again.code, said(again)) == (0, []), "it is said once"
        assert asked(site) == [14]
        later = crawl(place, site, "2026-08-01T12:00:00Z")
        assert later.code == 0, later.err
        assert asked(site) == list(range(1, 15)), "visits do not wait for 2031"
        assert (look(place).revisions, dangling(place)) == (14, [])
    assert presskeep("verify", *place_options(place)).code == 0


@pytest.mark.soak
def test_without_the_rule_a_clock_that_was_ahead_silences_an_outlet(place: Place, tmp_path: Path) -> None:
    with small_site(tmp_path, pages(shelf(KNOWN))) as site:
        for now in (NOON, FUTURE):
            crawl(place, site, now)
        asked(site)
        ran = crawl(place, site, "2026-08-01T12:00:00Z", program=broken(trust_the_clock))
        assert (said(ran), asked(site)) == ([], []), "the checks above would see it"


@pytest.mark.soak
def test_a_machine_that_starts_with_an_old_clock_asks_little_and_spoils_no_schedule(
    place: Place, tmp_path: Path
) -> None:
    """Before its first crawl, so that it is today's clock that is wrong: nothing is put forward."""
    with small_site(tmp_path, pages(shelf(KNOWN))) as site:
        crawl(place, site, NOON)
        asked(site)
        site.answering = pages(shelf(range(1, 14)))
        ran = crawl(place, site, BOOT)
        assert (ran.code, len(said(ran)), asked(site)) == (0, 1, [13])
        soon = crawl(place, site, "2026-06-01T13:00:00Z")
        assert (soon.code, said(soon)) == (0, [])
        assert set(asked(site)) <= {13}, "none is visited before its time"
        assert crawl(place, site, "2026-06-04T12:00:00Z").code == 0
        assert set(asked(site)) >= set(KNOWN), "in their time they are"
        assert look(place).revisions == 13


@pytest.mark.soak
def test_what_is_due_by_schedule_goes_on_too(place: Place, tmp_path: Path) -> None:
    with small_site(tmp_path, pages(shelf(KNOWN))) as site:
        for now in (NOON, FUTURE):
            crawl(place, site, now, "--due")
        asked(site)
        site.answering = pages(shelf(range(1, 14)))
        ran = crawl(place, site, BACK, "--due")
        assert (ran.code, len(said(ran))) == (0, 1)
        assert asked(site) == []
        day = crawl(place, site, "2026-06-03T14:00:00Z", "--due")
        assert (day.code, said(day)) == (0, [])
        assert asked(site) == [13], "listings are read again within a day"


@pytest.mark.either
def test_a_clock_that_is_corrected_by_minutes_is_no_news(place: Place, tmp_path: Path) -> None:
    with small_site(tmp_path, pages(shelf(KNOWN))) as site:
        crawl(place, site, "2026-06-01T12:05:00Z")
        asked(site)
        ran = crawl(place, site, NOON)
        assert (ran.code, said(ran), asked(site)) == (0, [], [])
