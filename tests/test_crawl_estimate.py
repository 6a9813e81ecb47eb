"""The estimate of a daily sample covers the truth, where holes of known size stand behind what a crawl reads again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.crawling import NOON, Ran, look, place_options, presskeep
from tests.databases import Place
from tests.dated_site import DATED, FIRST, DatedSite, asked, at
from tests.small_site import SmallSite, crawl_small, small_site

pytestmark = pytest.mark.long

RUNS = int(os.environ.get("PRESSKEEP_ESTIMATES", "3"))
DAYS = (NOON.date() - FIRST).days + 1
A_DAY = 2
KEPT = DAYS * A_DAY
DRAWN = -(-KEPT // 20)
QUIET = 20
"""Days before the crawl that have no holes: a crawl reads back until nothing is new, and would find them by itself."""


@dataclass
class Kept:
    """An archive that holds all that a site had published, and the site."""

    place: Place
    gazette: DatedSite
    site: SmallSite


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("kept")
    gazette = DatedSite({A_DAY * n + k + 1: FIRST + timedelta(days=n) for n in range(DAYS) for k in range(A_DAY)})
    with small_site(folder, gazette.answer, DATED) as site:
        place = Place(folder / "archive", None)
        assert crawl_small(place, site, "--full").code == 0
        assert len(look(place).headlines) == KEPT
        yield Kept(place, gazette, site)


def holes(seed: int) -> dict[int, date]:
    """Articles that the archive has not, by key: some here and there, some on days of their own, between 2 and 40 % of
    all that is published."""
    chance = Random(f"holes {seed}")
    wanted = round(KEPT * chance.uniform(0.02, 0.6))
    together = chance.choice((1, 1, 4, 12))
    days: list[date] = []
    while len(days) < wanted:
        days += [FIRST + timedelta(days=chance.randrange(DAYS - QUIET))] * together
    return {10_000 + n: day for n, day in enumerate(days[:wanted])}


def gaps_of(place: Place, site: SmallSite, now: str) -> dict[str, Any]:
    ran = presskeep("status", "--gaps", "small", "--json", *place_options(place), now=now, environment=site.environment)
    (told,) = ran.json["gaps"]
    return dict(told)


def run(kept: Kept, seed: int, folder: Path) -> tuple[float, dict[str, Any], Ran, Place]:
    """A crawl on the next day of the site with holes, over a copy of the archive: the truth, and what is told of it."""
    place = Place(folder / f"run-{seed}", None)
    shutil.copytree(kept.place.folder, place.folder)
    missing = holes(seed)
    days = dict(kept.gazette.days)
    kept.gazette.days |= missing
    try:
        now = at(1 + seed / 1440)  # every minute draws other days
        ran = crawl_small(place, kept.site, now=now)
        told = gaps_of(place, kept.site, now)
    finally:
        kept.gazette.days = days
    settled = [day for day in days.values() if day <= NOON.date() - timedelta(days=1)]
    return len(settled) / (len(settled) + len(missing)), told, ran, place


def covers(estimate: dict[str, Any], truth: float, narrowed: float = 1.0) -> bool:
    middle, half = (estimate["low"] + estimate["high"]) / 2, narrowed * (estimate["high"] - estimate["low"]) / 2
    return bool(middle - half <= truth <= middle + half)


@pytest.mark.soak
@pytest.mark.timeout(60 + 60 * RUNS)
def test_the_interval_covers_the_truth_in_93_of_100_runs(kept: Kept, tmp_path: Path) -> None:
    hits = narrow = 0
    for seed in range(RUNS):
        truth, told, ran, place = run(kept, seed, tmp_path)
        assert ran.code == 0, ran.err
        estimate = told["estimate"]
        assert estimate["unread"] == 0
        hits += covers(estimate, truth)
        narrow += covers(estimate, truth, narrowed=0.5)
        shutil.rmtree(place.folder)
    print(f"{hits} of {RUNS} intervals cover the truth, {narrow} where they are half as wide")
    if RUNS >= 100:
        assert hits >= 0.93 * RUNS
        assert narrow < 0.93 * RUNS, "an interval half as wide must be seen to fail"
    else:
        assert hits >= RUNS - 1


@pytest.mark.soak
def test_a_sample_costs_its_listings_and_fills_what_it_finds(kept: Kept, tmp_path: Path) -> None:
    asked(kept.site)
    truth, told, _, place = run(kept, 7, tmp_path)
    articles, listings = asked(kept.site)
    first_pages = [each for each in listings if each.endswith(" 1") and each < f"{NOON.date() - timedelta(days=3)}"]
    assert len(first_pages) <= DRAWN + 4, "the drawn days, and a few that every crawl reads"
    assert set(articles) - kept.gazette.days.keys(), "what the drawn days list and the archive had not"
    assert truth < 1
    assert told["estimate"]["clusters"] == DRAWN
    # No second sample on the same day, none by a crawl that is asked for less; the next one draws on the next day.
    later = at(1.2)
    assert crawl_small(place, kept.site, now=later).code == 0
    assert not [each for each in asked(kept.site)[1] if each < f"{NOON.date() - timedelta(days=3)}"]
    assert crawl_small(place, kept.site, "--limit", "100", now=at(2)).code == 0
    assert not [each for each in asked(kept.site)[1] if each < f"{NOON.date() - timedelta(days=3)}"]
    assert crawl_small(place, kept.site, now=at(2.1)).code == 0
    assert len([each for each in asked(kept.site)[1] if each < f"{NOON.date() - timedelta(days=3)}"]) >= DRAWN - 1


@pytest.mark.soak
def test_a_scheduled_crawl_spreads_its_sample_over_hours(kept: Kept, tmp_path: Path) -> None:
    place = Place(tmp_path / "scheduled", None)
    shutil.copytree(kept.place.folder, place.folder)
    asked(kept.site)
    counts = []
    for hour in range(DRAWN + 1):
        assert crawl_small(place, kept.site, "--due", now=at(0.51 + hour / 24)).code == 0
        counts.append(len([each for each in asked(kept.site)[1] if each < f"{NOON.date() - timedelta(days=3)}"]))
    assert sum(counts) >= DRAWN
    assert max(counts) <= 4, "one listing of two pages, or two where a crawl took its time"
    told = gaps_of(place, kept.site, at(1.4))
    assert (told["estimate"]["clusters"], told["estimate"]["share"], told["estimate"]["unread"]) == (DRAWN, 1.0, 0)
