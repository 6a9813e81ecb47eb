"""A crawl asks known pages by their validators, and takes 'not modified' for the page that it had kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.models import capture
from tests.breaking import ask_without_conditions, broken
from tests.crawling import Ran, crawl, place_options, presskeep
from tests.databases import Place
from tests.sharing import copy_made

pytestmark = pytest.mark.long

A_MONTH_LATER, TWO_MONTHS_LATER = "2026-07-06T12:00:00Z", "2026-09-09T12:00:00Z"
"""When every article of the first day is due again."""


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    folder = tmp_path_factory.mktemp("replica")
    options = ("--volume", "0,3,0", "--no-lastmod")
    with running_replica(articles=24, seed=5, days=2, folder=folder, site_options=options) as one:
        yield one


@pytest.fixture
def place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, replica: Replica) -> Place:
    """An archive of the replica's first day."""

    def crawl_first_day(folder: Path) -> None:
        replica.set_day(0)
        ran = crawl(Place(folder / "archive", None), replica)
        assert ran.code in (0, 1), ran.err
        assert ran.json["outlets"][0]["counts"]["unchanged"] == 0

    replica.set_rules([])
    place = copy_made(tmp_path_factory, "first-day-without-lastmod", crawl_first_day, tmp_path / "archive")
    replica.new_requests()
    replica.set_day(1)
    return place


def answered(replica: Replica) -> Counter[int]:
    """How often each status was answered to requests for articles since the last look."""
    paths = {f"http://{each['host']}{each['path']}": each["status"] for each in replica.new_requests()}
    known = {url for each in replica.articles() for url in each["locations"].values()}
    return Counter(status for url, status in paths.items() if url in known)


def counts_of(ran: Ran) -> dict[str, Any]:
    assert ran.code in (0, 1), ran.err
    counts: dict[str, Any] = ran.json["outlets"][0]["counts"]
    return counts


def verified(place: Place) -> list[Any]:
    found: list[Any] = presskeep("verify", "--json", *place_options(place)).json["findings"]
    return found


def edited(replica: Replica) -> set[str]:
    return {each["article"]["key"] for each in replica.changes(1) if each["change"] == "edited"}


def told_kinds(place: Place, key: str) -> list[str]:
    observations = presskeep("history", f"demo:{key}", "--json", *place_options(place)).json["observations"]
    return [each["kind"] for each in observations]


def test_what_has_not_changed_is_not_sent_again_and_counts_as_seen(place: Place, replica: Replica) -> None:
    counts = counts_of(crawl(place, replica, now=A_MONTH_LATER))
    statuses = answered(replica)
    changed = edited(replica)
    assert statuses[304] > 10
    assert statuses[200] == len(changed) == counts["edits"] == 3
    assert counts["unchanged"] >= statuses[304]
    same = next(each["key"] for each in replica.articles() if each["key"] not in changed)
    assert set(told_kinds(place, same)) == {"first", "same"}
    assert told_kinds(place, same).count("same") >= 1
    assert "edit" in told_kinds(place, min(changed))
    assert verified(place) == []
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        kept = connection.execute(select(capture.c.outcome, capture.c.refers_to).where(capture.c.status == 304)).all()
    assert len(kept) == counts["unchanged"]
    assert {row.outcome for row in kept} <= {"article", "listing"}
    assert all(row.refers_to is not None for row in kept)
    again = presskeep("reextract", "--json", *place_options(place)).json["outlets"]
    assert {each["counts"]["captures"] for each in again} == {0}, "all has been read by today's extractor"
    listed = presskeep("status", "--refused", "--json", *place_options(place)).json["refused"]
    assert [each for each in listed if "not-modified" in each["reason"]] == []


@pytest.mark.soak
def test_without_validators_in_the_request_everything_is_sent_again(place: Place, replica: Replica) -> None:
    """The control of the test above."""
    counts = counts_of(crawl(place, replica, now=A_MONTH_LATER, program=broken(ask_without_conditions)))
    statuses = answered(replica)
    assert (statuses[304], counts["unchanged"]) == (0, 0)
    assert statuses[200] > 10


@pytest.mark.soak
def test_a_server_that_calls_every_answer_unchanged_is_not_trusted_for_ever(place: Place, replica: Replica) -> None:
    replica.set_rules([{"status": 304, "path": "^/(?!robots)"}])
    lied_to = counts_of(crawl(place, replica, now=A_MONTH_LATER))
    assert lied_to["unchanged"] > 0
    assert lied_to["edits"] == 0
    replica.set_rules([])
    later = counts_of(crawl(place, replica, now=TWO_MONTHS_LATER))
    assert later["edits"] == len(edited(replica)) == 3
    assert verified(place) == []


@pytest.mark.soak
def test_not_modified_without_having_been_asked_is_no_page(tmp_path: Path, replica: Replica) -> None:
    place = Place(tmp_path / "other", None)
    replica.set_day(0)
    replica.set_rules([{"status": 304, "path": "^/Detail"}])
    counts = counts_of(crawl(place, replica))
    replica.set_rules([])
    assert counts["refused"]["not-modified"] > 0
    assert counts["unchanged"] == 0
    assert counts_of(crawl(place, replica, now=A_MONTH_LATER))["articles"] > 0, "they are asked for again"


@pytest.mark.soak
def test_what_cannot_be_read_back_is_asked_for_whole(place: Place, replica: Replica) -> None:
    for file in (place.folder / "warc").glob("*.warc.gz"):
        content = bytearray(file.read_bytes())
        content[len(content) // 3 : -1] = bytes(len(content) - 1 - len(content) // 3)
        file.write_bytes(content)
    ran = crawl(place, replica, now=A_MONTH_LATER)
    counts, statuses = counts_of(ran), answered(replica)
    assert counts["refused"]["not-modified"] > 0
    assert "cannot be referred to" in ran.err
    assert statuses[200] > 10
    assert counts["articles"] == len(replica.articles())
    assert told_kinds(place, replica.articles()[0]["key"])[-1] in ("same", "edit")
