"""Whole crawls of the replica by the command line, on both databases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scraper.demo.process import Replica, running_replica
from scraper.profiles import SHIPPED, load_outlet
from tests.crawling import crawl, dangling, look, missing_from, place_options, presskeep
from tests.databases import Place


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Replica]:
    volume = ("--volume", "5,3,0")
    with running_replica(articles=40, seed=11, folder=tmp_path / "replica", site_options=volume) as running:
        yield running


def hosts_behind() -> set[str]:
    """The hosts that show the same pages as one that stands before them."""
    outlet = load_outlet(SHIPPED / "demo.toml")
    return {each.host for each in outlet.crawled_domains() if each.role in ("mirror", "cdn") and each.paths == "same"}


def article_paths(replica: Replica, key: str, changes: list[dict[str, Any]] | None = None) -> set[str]:
    rows = replica.articles() if changes is None else [each["article"] for each in changes]
    return {url for each in rows if each["key"] == key for url in each["locations"].values()}


def test_every_article_once_with_all_its_locations_and_nothing_else(empty_place: Place, replica: Replica) -> None:
    first = crawl(empty_place, replica)
    assert first.code in (0, 1), first.err
    asked = replica.new_requests()
    held = look(empty_place)
    assert missing_from(held, replica.articles()) == []
    assert held.revisions == len(replica.articles())
    assert dangling(empty_place) == []

    repeated = [place for place, n in Counter((each["host"], each["path"]) for each in asked).items() if n > 1]
    assert repeated == []

    notices = [url for url, outcomes in held.outcomes.items() if "notice" in outcomes]
    assert notices, "the former domain's notice is kept"
    former = [host for host, (state, _) in held.domains.items() if state == "seized"]
    assert len(former) == 1
    candidates = [host for host, (_, approval) in held.domains.items() if approval == "candidate"]
    assert candidates
    assert not [each for each in asked if each["host"] in candidates], "an announced address is never asked"

    second = crawl(empty_place, replica, hour=13)
    assert second.code in (0, 1), second.err
    article_urls = {url for each in replica.articles() for url in each["locations"].values()}
    again = replica.new_requests()
    assert again
    assert [each for each in again if f"http://{each['host']}{each['path']}" in article_urls] == []
    assert look(empty_place).revisions == held.revisions
    assert hosts_behind() & {each["host"] for each in asked} == hosts_behind()
    assert hosts_behind() & {each["host"] for each in again} == set(), "a mirror's listings are read once a day"
    crawl(empty_place, replica, day=1, hour=13)
    assert hosts_behind() & {each["host"] for each in replica.new_requests()} == hosts_behind()

    # The check itself must see a fault: an article too few, and one location too few.
    broken = dict(held.locations)
    gone, shortened = sorted(broken)[:2]
    del broken[gone]
    broken[shortened] = set(sorted(broken[shortened])[1:])
    twin = held.__class__(broken, held.headlines, held.bodies, held.revisions, held.outcomes, held.domains)
    assert len(missing_from(twin, replica.articles())) == 2


@pytest.mark.either
@pytest.mark.long
def test_after_a_day_exactly_the_changes_are_fetched(empty_place: Place, replica: Replica) -> None:
    crawl(empty_place, replica)
    assert no_listings(replica), "the first crawl looks at what stands where articles do"
    replica.set_day(1)
    before = len(replica.requests())
    ran = crawl(empty_place, replica, day=1)
    assert no_listings(replica, after=before) == set()
    assert ran.code in (0, 1), ran.err
    counts = ran.json["outlets"][0]["counts"]
    assert (counts["new"], counts["edits"]) == (5, 3)
    known = {url: each["key"] for each in replica.articles() for url in each["locations"].values()}
    for change in replica.changes(1):
        for url in change["article"]["locations"].values():
            known[url] = change["article"]["key"]
    fetched = Counter(
        known[url] for each in replica.requests()[before:] if (url := f"http://{each['host']}{each['path']}") in known
    )
    changed = {each["article"]["key"] for each in replica.changes(1)}
    assert set(fetched) == changed
    assert sum(fetched.values()) <= len(changed) + 5


def no_listings(replica: Replica, after: int = 0) -> set[str]:
    """What was asked for that is neither an article nor a listing, a notice, an asset or robots.txt."""
    lines = (replica.truth / "others.jsonl").read_text("utf-8").splitlines()
    others = {each["url"] for each in map(json.loads, lines) if each["why"] not in ("listing", "notice")}
    return others & {f"http://{each['host']}{each['path']}" for each in replica.requests()[after:]}


@pytest.mark.long
def test_a_crawl_goes_on_through_the_next_domain_when_one_stops_answering(
    sqlite_archive_place: Place, tmp_path: Path
) -> None:
    with running_replica(articles=40, seed=12, folder=tmp_path / "replica") as replica:
        primary = json.loads((replica.truth / "site.json").read_text())["hosts"][0]["name"]
        replica.set_rules([{"host": primary, "first": 30, "drop": True}])
        ran = crawl(sqlite_archive_place, replica)
        held = look(sqlite_archive_place)
        truth = replica.articles()
    assert ran.code in (0, 1), ran.err
    assert held.domains[primary][0] == "unreachable"
    english = [each["key"] for each in truth if primary in each["locations"]]
    assert english
    assert [key for key in english if key not in held.headlines] == []


@pytest.fixture
def sqlite_archive_place(tmp_path: Path) -> Place:
    return Place(tmp_path / "archive", None)


@pytest.mark.long
def test_what_a_crawl_declined_and_kept_can_be_listed(sqlite_archive_place: Place, replica: Replica) -> None:
    crawl(sqlite_archive_place, replica)
    status = presskeep("status", "--json", *place_options(sqlite_archive_place)).json
    assert status["articles"] == len(replica.articles())
    assert status["captures"] > status["articles"]
    refused = presskeep("status", "--refused", *place_options(sqlite_archive_place))
    assert refused.code == 0
    assert "http" in refused.out
