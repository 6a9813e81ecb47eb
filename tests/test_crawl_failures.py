"""A crawl whose archive fails under it: one line, an exit code, nothing lost, and the same command goes on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import update

from scraper.demo.process import Replica, running_replica
from storage import models
from storage.archive import Archive
from tests.breaking import broken, wait_briefly_for_locks
from tests.crawling import Ran, crawl, dangling, look, missing_from, place_options, presskeep
from tests.databases import Place
from tests.disks import TO_THE_LAST_BYTE, Disk, disk
from tests.living import end_of, living_crawl, wait_until
from tests.postgres import NoServer, OwnServer, own_server

__all__ = ["disk"]
IN_THE_MIDDLE = 60
"""The request at which a crawl is halted: some listings and articles are kept by then, and others are not."""
LOCKED = 5.0
"""Seconds for which another program holds the database's lock; a crawl waits for 30."""


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    with running_replica(articles=16, seed=3, folder=tmp_path_factory.mktemp("replica")) as running:
        yield running


@pytest.fixture(autouse=True)
def well_behaved(replica: Replica) -> None:
    replica.set_rules([])
    replica.new_requests()


@pytest.fixture
def server() -> Iterator[OwnServer]:
    try:
        with own_server(durable=True) as running:
            yield running
    except NoServer as reason:
        pytest.skip(str(reason))


@contextmanager
def halted(replica: Replica, process: subprocess.Popen[str], bell: Path) -> Iterator[None]:
    """Halt a crawl in its middle for as long as the block takes."""
    at = replica.stats()["requests"] + IN_THE_MIDDLE
    replica.ring_at(at, pid=process.pid, signal="STOP", file=bell)
    wait_until(bell.exists, "the middle of the crawl")
    yield
    os.kill(process.pid, signal.SIGCONT)


def assert_one_line(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, ran.err
    assert ran.err.count("\n") == 1, ran.err
    assert ran.err.startswith("presskeep: ")
    assert "Traceback" not in ran.err
    assert [word for word in words if word not in ran.err] == [], ran.err


def assert_whole(place: Place, replica: Replica) -> None:
    held = look(place)
    assert missing_from(held, replica.articles()) == []
    assert held.revisions == len(replica.articles())
    assert dangling(place) == []


def later(place: Place, replica: Replica) -> Ran:
    return crawl(place, replica, now="2026-06-01T12:20:00Z", environment=TO_THE_LAST_BYTE)


@pytest.mark.long
def test_a_disk_that_fills_in_mid_crawl_loses_nothing(disk: Disk, replica: Replica, tmp_path: Path) -> None:
    place = Place(disk.folder / "archive", None)
    with living_crawl(place, replica, environment=TO_THE_LAST_BYTE) as process:
        with halted(replica, process, tmp_path / "bell"):
            disk.fill()
        ran = end_of(process)
    assert_one_line(ran, 7, "no space is left", str(place.folder), "run the same command again")
    assert ran.json["outlets"][0]["finished"] is False
    status = presskeep("status", "--json", *place_options(place))
    assert status.code == 0, "what was kept can be read, though the disk is full"
    assert status.json["captures"] > 0
    assert dangling(place) == []
    assert missing_from(look(place), replica.articles()), "the check sees a crawl that was broken off"
    assert_one_line(later(place, replica), 7, "no space is left", "run the same command again")

    disk.give_space()
    assert later(place, replica).code in (0, 1)
    assert_whole(place, replica)
    for file in (place.folder / "warc").glob("*.warc.gz"):
        os.truncate(file, file.stat().st_size // 2)
    assert dangling(place), "the check sees a record that is gone"


@pytest.mark.soak
@pytest.mark.long
def test_on_a_full_disk_no_archive_is_begun_and_the_same_command_begins_it_later(disk: Disk, replica: Replica) -> None:
    place = Place(disk.folder / "archive", None)
    disk.fill()
    ran = crawl(place, replica, environment=TO_THE_LAST_BYTE)
    assert_one_line(ran, 7, "no space is left", str(disk.folder))
    assert replica.new_requests() == [], "nothing is asked whose answer could not be kept"
    disk.give_space()
    assert crawl(place, replica, environment=TO_THE_LAST_BYTE).code in (0, 1)
    assert replica.new_requests()
    assert_whole(place, replica)


@pytest.mark.long
def test_a_database_that_stops_in_mid_crawl_loses_nothing(server: OwnServer, replica: Replica, tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", server.create().render_as_string(hide_password=False))
    with living_crawl(place, replica) as process:
        with halted(replica, process, tmp_path / "bell"):
            server.crash()
        ran = end_of(process)
    assert_one_line(ran, 7, "postgresql://", "run the same command again")
    assert_one_line(later(place, replica), 2, "postgresql://", "Check that it runs")

    server.start()
    assert missing_from(look(place), replica.articles()), "the check sees a crawl that was broken off"
    assert later(place, replica).code in (0, 1)
    assert_whole(place, replica)


@pytest.mark.soak
@pytest.mark.long
def test_a_database_that_is_restarted_in_mid_crawl_loses_nothing(
    server: OwnServer, replica: Replica, tmp_path: Path
) -> None:
    place = Place(tmp_path / "archive", server.create().render_as_string(hide_password=False))
    with living_crawl(place, replica) as process:
        with halted(replica, process, tmp_path / "bell"):
            server.crash()
            server.start()
        ran = end_of(process)
    assert_one_line(ran, 7, "postgresql://", "run the same command again")
    assert missing_from(look(place), replica.articles()), "the check sees a crawl that was broken off"
    assert later(place, replica).code in (0, 1)
    assert_whole(place, replica)


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Another program holds SQLite's write lock."""
    with closing(sqlite3.connect(place.folder / "archive.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.soak
@pytest.mark.long
def test_a_crawl_waits_for_another_programs_lock_on_the_database(replica: Replica, tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with living_crawl(place, replica) as process:
        with halted(replica, process, tmp_path / "bell"):
            pass  # it may hold the lock itself
        with locked(place):
            time.sleep(LOCKED)
            assert process.poll() is None
            assert missing_from(look(place), replica.articles()), "nothing is written meanwhile"
        ran = end_of(process)
    assert ran.code in (0, 1)
    assert "locked" not in ran.err
    assert_whole(place, replica)


@pytest.mark.soak
@pytest.mark.long
def test_a_lock_that_never_comes_free_stops_a_crawl_with_all_kept(replica: Replica, tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with living_crawl(place, replica, program=broken(wait_briefly_for_locks)) as process:
        with halted(replica, process, tmp_path / "bell"):
            pass  # it may hold the lock itself
        with locked(place):
            ran = end_of(process)
            again = crawl(place, replica, now="2026-06-01T12:10:00Z", program=broken(wait_briefly_for_locks))
    assert_one_line(ran, 7, "locked", str(place.folder), "run the same command again")
    assert_one_line(again, 7, "locked", str(place.folder), "run the same command again")
    assert missing_from(look(place), replica.articles()), "the check sees a crawl that was broken off"
    assert later(place, replica).code in (0, 1)
    assert_whole(place, replica)


def a_file(place: Place) -> None:
    place.folder.write_text("no folder")


def a_file_within(place: Place) -> None:
    place.folder.mkdir()
    (place.folder / "warc").write_text("no folder")


def another_database(place: Place) -> None:
    place.folder.mkdir()
    (place.folder / "archive.db").write_bytes(b"no database\n" * 1000)


def newer(place: Place) -> None:
    with Archive.open(place.folder, create=True) as archive, archive.begin() as connection:
        connection.execute(update(models.archive).values(schema=models.SCHEMA + 1, min_reader=models.SCHEMA + 1))


def usable(place: Place) -> None:
    Archive.open(place.folder, create=True).close()


@pytest.mark.long
@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (a_file, ["is no folder", "--archive"]),
        (a_file_within, ["warc", "--archive"]),
        (another_database, ["no archive of Presskeep"]),
        (newer, ["newer version", "Upgrade Presskeep"]),
    ],
)
def test_a_place_that_is_no_archive_is_refused_before_anything_is_asked(
    tmp_path: Path, replica: Replica, prepare: object, words: list[str]
) -> None:
    assert callable(prepare)
    place = Place(tmp_path / "place", None)
    prepare(place)
    assert_one_line(crawl(place, replica), 2, str(place.folder), *words)
    assert replica.new_requests() == []


@pytest.mark.soak
@pytest.mark.long
def test_a_place_that_can_be_used_is_asked_for(tmp_path: Path, replica: Replica) -> None:
    """The control of the tests before and after: nothing but the place's fault stops those crawls."""
    place = Place(tmp_path / "place", None)
    usable(place)
    assert crawl(place, replica, "--limit", "1").code in (0, 1)
    assert replica.new_requests()


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_asked(disk: Disk, replica: Replica) -> None:
    place = Place(disk.folder / "archive", None)
    disk.forbid_writing()
    assert_one_line(crawl(place, replica), 2, "cannot be written", str(place.folder), "--archive")
    assert replica.new_requests() == []
