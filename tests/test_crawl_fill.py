"""`crawl --fill` goes after what is missing, and says what is missing still."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.crawling import look, place_options, presskeep
from tests.databases import Place
from tests.dated_site import DATED, DatedSite, asked, at
from tests.small_site import SmallSite, crawl_small, small_site

pytestmark = pytest.mark.long

DAYS = [date(2026, 5, 10) + timedelta(days=n) for n in range(10)]


def site_of_days(each: int = 2) -> DatedSite:
    return DatedSite({each * n + k + 1: day for n, day in enumerate(DAYS) for k in range(each)})


def missing(place: Place, site: SmallSite) -> dict[str, Any]:
    ran = presskeep("status", "--gaps", "small", "--json", *place_options(place), environment=site.environment)
    (told,) = ran.json["gaps"]
    return dict(told)


@pytest.mark.soak
def test_what_is_missing_is_filled_and_the_rest_is_told(tmp_path: Path) -> None:
    place, gazette = Place(tmp_path / "archive", None), site_of_days()
    gazette.broken = {3, 4, 5}
    with small_site(tmp_path, gazette.answer, DATED) as site:
        assert crawl_small(place, site, "--full").code == 1
        assert missing(place, site)["total"]["failed"] == 3
        asked(site)
        gazette.broken = {5}
        # They are not due yet, so that a crawl leaves them alone.
        crawl_small(place, site, now=at(0.001))
        assert not asked(site)[0]
        ran = crawl_small(place, site, "--fill", now=at(0.002))
        articles, listings = asked(site)
        assert set(articles) == {3, 4, 5}
        assert {"2026-05-11 1", "2026-05-12 1"} <= set(listings)
        assert not any(each.startswith("2026-05-15") for each in listings), "that day has no gap"
        (told,) = ran.json["gaps"]
        assert told == missing(place, site)
        assert (told["total"]["missing"], told["total"]["reasons"]) == (1, {"failed:status-500": 1})
        assert [day["day"] for day in told["days"]] == ["2026-05-12"]
        assert look(place).headlines.keys() == {str(key) for key in gazette.days if key != 5}
        # Once more: the same is asked for, and nothing else changes.
        again = crawl_small(place, site, "--fill", now=at(0.003))
        assert set(asked(site)[0]) == {5}
        assert again.json["gaps"] == [told]
        told_people = presskeep(
            "crawl", "small", "--fill", *place_options(place), *site.options,
            now=at(0.004), environment=site.environment,
        )  # fmt: skip
        assert "1 missing" in told_people.out


@pytest.mark.soak
def test_days_that_were_never_read_are_read_to_their_last_page(tmp_path: Path) -> None:
    place, gazette = Place(tmp_path / "archive", None), site_of_days(each=12)
    gazette.closed = {DAYS[3], DAYS[4]}
    with small_site(tmp_path, gazette.answer, DATED) as site:
        assert crawl_small(place, site, "--full").code == 1
        gazette.closed = set()
        held = look(place).headlines
        assert not {str(key) for key, day in gazette.days.items() if day == DAYS[3]} & held.keys()
        assert any(each["why"] == "unread" for each in missing(place, site)["stretches"])
        asked(site)
        assert crawl_small(place, site, "--fill", "--since", "2026-05-01", now=at(0.1)).code == 0
        listings = asked(site)[1]
        assert {f"{DAYS[3]} {page}" for page in (1, 2, 3)} <= set(listings)
        assert look(place).headlines.keys() == {str(key) for key in gazette.days}
        told = missing(place, site)
        assert (told["total"]["missing"], told["days"]) == (0, [])
        assert not any(each["why"] == "unread" and each["last"] >= "2026-05-01" for each in told["stretches"])


@pytest.mark.soak
def test_a_fill_keeps_to_its_budget_and_to_robots(tmp_path: Path) -> None:
    place, gazette = Place(tmp_path / "archive", None), site_of_days()
    gazette.broken = set(gazette.days)
    with small_site(tmp_path, gazette.answer, DATED) as site:
        crawl_small(place, site, "--full")
        gazette.broken = set()
        asked(site)
        ran = crawl_small(place, site, "--fill", "--max-pages", "4", now=at(0.1))
        assert ran.code == 7
        articles, listings = asked(site)
        assert articles.total() + listings.total() <= 4
        ran = crawl_small(place, site, "--fill", "--since", "2026-05-15", now=at(0.2))
        assert ran.json["gaps"][0]["total"]["missing"] == 0
        late = {key for key, day in gazette.days.items() if day >= date(2026, 5, 15)}
        assert {str(key) for key in late} <= look(place).headlines.keys()
        assert crawl_small(place, site, "--fill", "--due").code == 2


@pytest.mark.soak
def test_a_first_crawl_goes_back_to_the_first_day_and_a_second_does_not(tmp_path: Path) -> None:
    """Though the home page listed what is newest already, and days are without anything."""
    place, gazette = Place(tmp_path / "archive", None), site_of_days()
    gazette.days |= {100: date(2026, 1, 3)}
    with small_site(tmp_path, gazette.answer, DATED) as site:
        assert crawl_small(place, site).code == 0
        assert look(place).headlines.keys() == {str(key) for key in gazette.days}
        assert len(asked(site)[1]) > 40
        assert crawl_small(place, site, now=at(0.2)).code == 0
        assert len(asked(site)[1]) < 20
