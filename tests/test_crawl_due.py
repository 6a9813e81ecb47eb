"""`crawl --due` asks for what is due by its own schedule, and for nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.models import capture, warc_file
from storage.models import crawl as crawl_table
from tests.crawling import NOON, Ran, crawl, look, place_options, presskeep, replica_options
from tests.databases import Place
from tests.living import open_files
from tests.sharing import copy_made
from tests.soundness import verified, walked

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    options = ("--volume", "6,0,0")
    folder = tmp_path_factory.mktemp("replica")
    with running_replica(articles=30, seed=6, days=2, folder=folder, site_options=options) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, replica: Replica) -> Place:
    """An archive of the replica's first day."""

    def crawl_first_day(folder: Path) -> None:
        assert crawl_at(Place(folder / "archive", None), replica, NOON).code in (0, 1)

    replica.set_rules([])
    replica.set_day(0)
    place = copy_made(tmp_path_factory, "first-day", crawl_first_day, tmp_path / "archive")
    replica.new_requests()
    return place


def crawl_at(place: Place, replica: Replica, at: datetime, *more: str) -> Ran:
    return crawl(place, replica, *more, now=at.isoformat())


def listings_asked(replica: Replica) -> list[str]:
    """What was asked for since the last look, but for robots.txt and articles."""
    articles = {url for each in replica.articles() for url in each["locations"].values()}
    articles |= {url for each in replica.changes(1) for url in each["article"]["locations"].values()}
    asked = [f"http://{each['host']}{each['path']}" for each in replica.new_requests()]
    return [url for url in asked if url not in articles and not url.endswith("/robots.txt")]


def crawls(place: Place) -> int:
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        return connection.execute(select(func.count()).select_from(crawl_table)).scalar_one()


def test_where_nothing_is_due_nothing_is_asked_and_no_crawl_begins(place: Place, replica: Replica) -> None:
    before = crawls(place)
    ran = crawl_at(place, replica, NOON + timedelta(minutes=2), "--due")
    assert (ran.code, ran.json["outlets"], ran.err) == (0, [], "")
    assert replica.new_requests() == []
    assert crawls(place) == before
    # Without --due the same crawl asks for the listings.
    assert crawl_at(place, replica, NOON + timedelta(minutes=3)).code in (0, 1)
    assert listings_asked(replica)


@pytest.mark.soak
def test_new_articles_are_found_within_a_quarter_of_an_hour(place: Place, replica: Replica) -> None:
    replica.set_day(1)
    new = {each["article"]["key"] for each in replica.changes(1) if each["change"] == "new"}
    assert len(new) == 6
    polled = []
    for minutes in (5, 10, 15):
        ran = crawl_at(place, replica, NOON + timedelta(minutes=minutes), "--due")
        assert ran.code in (0, 1), ran.err
        polled += listings_asked(replica)
    assert new <= look(place).headlines.keys()
    full = Counter(polled)
    crawl_at(place, replica, NOON + timedelta(minutes=16))
    assert len(full) < len(set(listings_asked(replica))), "fewer listings than a whole crawl reads"


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_polls_stay_within_what_a_host_is_asked_for(place: Place, replica: Replica) -> None:
    asked: Counter[tuple[str, int]] = Counter()
    for step in range(1, 9):
        at = NOON + timedelta(minutes=15 * step)
        assert crawl_at(place, replica, at, "--due").code in (0, 1)
        for url in listings_asked(replica):
            asked[url.split("/")[2], step // 4] += 1
    assert asked
    assert max(asked.values()) <= 12
    # A crawl without --due each time would ask for more than that.
    replica.new_requests()
    crawl_at(place, replica, NOON + timedelta(hours=3))
    once = Counter(url.split("/")[2] for url in listings_asked(replica))
    assert 4 * max(once.values()) > 12


@pytest.mark.soak
def test_a_listing_that_fails_is_tried_again_soon_and_not_at_once(place: Place, replica: Replica) -> None:
    replica.set_rules([{"path": "rss|feed|sitemap", "status": 503}])
    assert crawl_at(place, replica, NOON + timedelta(minutes=30), "--due").code in (0, 1)
    assert listings_asked(replica)
    assert crawl_at(place, replica, NOON + timedelta(minutes=31), "--due").code in (0, 1)
    assert [url for url in listings_asked(replica) if "rss" in url] == []
    replica.set_rules([])
    assert crawl_at(place, replica, NOON + timedelta(minutes=50), "--due").code in (0, 1)
    assert [url for url in listings_asked(replica) if "rss" in url] != []


@pytest.mark.soak
def test_scheduled_runs_of_a_day_share_a_file_that_all_can_read(place: Place, replica: Replica, tmp_path: Path) -> None:
    before, at = files(place), place_options(place)
    for minutes in (15, 30):
        assert crawl_at(place, replica, NOON + timedelta(minutes=minutes), "--due").code in (0, 1)
        (resting,) = open_files(place)
        assert walked(place, settled=True, resting=True) + verified(place) == []
    assert runs_of(place, resting) == 2
    exported, restored = tmp_path / "all.warc.gz", Place(tmp_path / "restored", None)
    assert presskeep("export", "warc", "demo", "--out", str(exported), *at).code == 0
    assert exported.stat().st_size > 0
    assert presskeep("backup", str(tmp_path / "backup"), *at).code == 0
    assert presskeep("restore", str(tmp_path / "backup"), "--archive", str(restored.folder)).code == 0
    assert walked(restored, settled=True, resting=True) + verified(restored) == []
    for each in (place, restored):
        assert crawl_at(each, replica, NOON + timedelta(minutes=45)).code in (0, 1)
        assert open_files(each) == []
        assert files(each) - before == {resting.name.removesuffix(".open")}
        assert walked(each, settled=True) + verified(each) == []


def files(place: Place) -> set[str]:
    return {each.name for each in (place.folder / "warc").glob("*.gz*")}


def runs_of(place: Place, file: Path) -> int:
    """How many runs wrote to a file."""
    path = file.name.removesuffix(".open")
    of_file = select(func.count(capture.c.crawl.distinct())).join(warc_file, warc_file.c.id == capture.c.warc_file)
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        return connection.execute(of_file.where(warc_file.c.path == path)).scalar_one()


def test_an_outlet_without_an_archive_is_due(tmp_path: Path, replica: Replica) -> None:
    replica.set_rules([])
    place = Place(tmp_path / "new", None)
    ran = crawl_at(place, replica, NOON, "--due")
    assert ran.code in (0, 1), ran.err
    assert len(look(place).headlines) >= 30
    told = presskeep("status", "--json", *place_options(place)).json
    assert told["articles"] >= 30


@pytest.mark.soak
def test_what_makes_no_archive_makes_none_where_its_disk_is_not_mounted(
    place: Place, replica: Replica, tmp_path: Path
) -> None:
    place.folder.rename(tmp_path / "unmounted")
    for mount_point in (False, True):
        if mount_point:
            place.folder.mkdir()
        for options in (("--due", "--no-create"), ("--no-create",)):
            ran = crawl_at(place, replica, NOON + timedelta(minutes=30), *options)
            assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
            assert "there is no archive" in ran.err
            assert "Is its disk mounted?" in ran.err
        ran = presskeep("run", "demo", "--no-create", *place_options(place), *replica_options(replica))
        assert (ran.code, "there is no archive" in ran.err) == (2, True), ran.err
    assert replica.new_requests() == []
    assert list(place.folder.iterdir()) == []
    # The control: mounted again, it goes on, and a plain crawl would have made one.
    place.folder.rmdir()
    assert crawl_at(place, replica, NOON + timedelta(minutes=30), "--limit", "1").code in (0, 1)
    assert len(look(place).headlines) == 1
    (tmp_path / "unmounted").rename(tmp_path / "mounted")
    mounted = Place(tmp_path / "mounted", None)
    assert crawl_at(mounted, replica, NOON + timedelta(minutes=30), "--due", "--no-create").code in (0, 1)
    assert len(look(mounted).headlines) >= 30


def test_a_database_on_a_server_whose_warc_folder_is_not_mounted_gets_nothing(
    postgres_url: str, replica: Replica, tmp_path: Path
) -> None:
    replica.set_rules([])
    replica.set_day(0)
    place = Place(tmp_path / "archive", postgres_url)
    assert crawl_at(place, replica, NOON, "--limit", "1").code in (0, 1)
    place.folder.rename(tmp_path / "unmounted")
    replica.new_requests()
    later = NOON + timedelta(days=1)
    ran = crawl_at(place, replica, later, "--due", "--no-create")
    assert (ran.code, "WARC files is not there" in ran.err, "mounted?" in ran.err) == (2, True, True), ran.err
    assert (replica.new_requests(), place.folder.exists()) == ([], False)
    # The control: where its folder is there, it goes on.
    (tmp_path / "unmounted").rename(place.folder)
    assert crawl_at(place, replica, later, "--due", "--no-create").code in (0, 1)
    assert replica.new_requests()
