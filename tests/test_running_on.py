"""`presskeep run` goes on by itself whatever fails under it for a time, and ends at a signal with all kept."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.models import crawl, outlet_lock, resource
from tests.breaking import broken, wait_briefly_for_locks
from tests.crawling import dangling, look, missing_from, place_options, presskeep
from tests.databases import Place
from tests.disks import TO_THE_LAST_BYTE, Disk, disk
from tests.lasting import LastingRun, lasting_run
from tests.living import asked_for
from tests.postgres import NoServer, OwnServer, own_server
from tests.small_site import article_page, article_path, pages, section, small_site
from tests.tiers import in_soak

__all__ = ["disk"]
pytestmark = [pytest.mark.long, pytest.mark.timeout(0)]

OUTAGE = float(os.environ.get("PRESSKEEP_OUTAGE", "3"))
"""Seconds for which the database is gone."""
IN_THE_MIDDLE = 60
"""The request at which something fails: some listings and articles are kept by then, and others are not."""


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    with running_replica(articles=16, seed=3, folder=tmp_path_factory.mktemp("replica")) as running:
        yield running


@pytest.fixture(autouse=True)
def well_behaved(replica: Replica) -> None:
    replica.set_rules([])
    replica.new_requests()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "archive", None)


@pytest.fixture
def server() -> Iterator[OwnServer]:
    try:
        with own_server(durable=True) as running:
            yield running
    except NoServer as reason:
        pytest.skip(str(reason))


def is_whole(place: Place, replica: Replica) -> Callable[[], bool]:
    """Whether the archive holds all that the replica has."""

    def compare() -> bool:
        if place.database is None and not (place.folder / "archive.db").exists():
            return False
        return missing_from(look(place), replica.articles()) == []

    return compare


def left_behind(place: Place) -> dict[str, int]:
    """What runs hold, or never ended."""
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        counts = {
            "leases": select(func.count()).select_from(resource).where(resource.c.lease_owner.is_not(None)),
            "locks": select(func.count()).select_from(outlet_lock),
            "running": select(func.count()).select_from(crawl).where(crawl.c.ended_at.is_(None)),
        }
        return {name: connection.execute(statement).scalar_one() for name, statement in counts.items()}


NOTHING = {"leases": 0, "locks": 0, "running": 0}


def assert_ended_in_order(running: LastingRun, place: Place, *signals: signal.Signals) -> None:
    ran = running.end(*signals)
    assert ran.code == 0, ran.err
    assert "Traceback" not in ran.err
    assert left_behind(place) == NOTHING
    assert dangling(place) == []


def assert_went_on(running: LastingRun, place: Place, replica: Replica) -> None:
    """After what failed has come back, all is there in time, each article once."""
    running.wait_for(is_whole(place, replica), "all articles")
    assert_ended_in_order(running, place)
    assert look(place).revisions == len(replica.articles())
    assert presskeep("verify", *place_options(place)).code == 0


def in_the_middle(running: LastingRun, place: Place, replica: Replica, folder: Path) -> None:
    """Halt it in the middle of its first round; SIGCONT lets it go on."""
    bell = folder / "bell"
    replica.ring_at(replica.stats()["requests"] + IN_THE_MIDDLE, pid=running.process.pid, signal="STOP", file=bell)
    running.wait_for(bell.exists, "the middle of the crawl")
    assert min(left_behind(place).values()) > 0, "the check sees what a run holds"


def test_it_goes_on_when_a_full_disk_has_room_again(disk: Disk, replica: Replica, tmp_path: Path) -> None:
    place = Place(disk.folder / "archive", None)
    with lasting_run(place, replica, folder=tmp_path / "said", environment=TO_THE_LAST_BYTE) as running:
        in_the_middle(running, place, replica, tmp_path)
        disk.fill()
        os.kill(running.process.pid, signal.SIGCONT)
        running.wait_for_error("no space is left")
        assert not is_whole(place, replica)(), "the check sees what is missing"
        disk.give_space()
        assert_went_on(running, place, replica)


@pytest.mark.parametrize("how", ["stopped", in_soak("restarted")])
def test_it_goes_on_when_a_database_that_was_stopped_answers(
    server: OwnServer, replica: Replica, tmp_path: Path, how: str
) -> None:
    place = Place(tmp_path / "archive", server.create().render_as_string(hide_password=False))
    with lasting_run(place, replica, folder=tmp_path / "said") as running:
        in_the_middle(running, place, replica, tmp_path)
        server.crash()
        if how == "restarted":
            server.start()
        os.kill(running.process.pid, signal.SIGCONT)
        running.wait_for_error("postgresql://", "All that was kept is safe")
        if how == "stopped":
            time.sleep(OUTAGE)
            running.wait_for_error("postgresql://", "Check that it runs")
            server.start()
            assert not is_whole(place, replica)(), "the check sees what is missing"
        assert_went_on(running, place, replica)


@pytest.mark.soak
def test_it_goes_on_when_a_lock_on_the_database_is_free_again(place: Place, replica: Replica, tmp_path: Path) -> None:
    """Another program holds the write lock for longer than is waited for."""
    with lasting_run(place, replica, folder=tmp_path / "said", program=broken(wait_briefly_for_locks)) as running:
        in_the_middle(running, place, replica, tmp_path)
        os.kill(running.process.pid, signal.SIGCONT)  # it may hold the lock itself
        with sqlite3.connect(place.folder / "archive.db", isolation_level=None, timeout=30) as other:
            other.execute("BEGIN IMMEDIATE")
            running.wait_for_error("locked", "All that was kept is safe")
            other.execute("ROLLBACK")
        assert_went_on(running, place, replica)


@pytest.mark.soak
def test_it_goes_on_when_its_hosts_can_be_reached_again(place: Place, replica: Replica, tmp_path: Path) -> None:
    replica.set_rules([{"host": "*", "drop": True}])
    with lasting_run(place, replica, folder=tmp_path / "said") as running:
        running.wait_for_error("none of its hosts could be reached")
        replica.set_rules([])
        assert_went_on(running, place, replica)


@pytest.mark.soak
def test_an_archive_that_is_gone_is_not_made_anew_and_gone_on_with_when_it_is_back(
    place: Place, replica: Replica, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    with lasting_run(place, replica, folder=tmp_path / "said") as running:
        in_the_middle(running, place, replica, tmp_path)
        place.folder.rename(away)
        os.kill(running.process.pid, signal.SIGCONT)
        running.wait_for_error("there is no archive", str(place.folder))
        assert not (place.folder / "archive.db").exists()
        if place.folder.exists():
            shutil.rmtree(place.folder)
        away.rename(place.folder)
        assert_went_on(running, place, replica)


@pytest.mark.parametrize(
    "signals",
    [
        pytest.param([signal.SIGTERM], id="terminate"),
        in_soak([signal.SIGINT], id="interrupt"),
        in_soak([signal.SIGTERM, signal.SIGTERM], id="terminate-twice"),
    ],
)
@pytest.mark.parametrize("while_it", [in_soak("rests"), "fetches"])
def test_a_signal_ends_it_in_order(
    place: Place, replica: Replica, tmp_path: Path, signals: list[signal.Signals], while_it: str
) -> None:
    now = "2026-06-01T12:00:10Z"
    if while_it == "fetches":
        replica.set_rules([{"first": IN_THE_MIDDLE, "delay": 60}])
    with lasting_run(place, replica, folder=tmp_path / "said", now=now) as running:
        if while_it == "fetches":
            running.wait_for(asked_for(replica, IN_THE_MIDDLE + 1), "a slow host's request")
        else:
            running.wait_for(lambda: bool(running.rounds()), "the end of the first round")
        assert_ended_in_order(running, place, *signals)
    assert len(running.rounds()) == 1
    assert running.rounds()[0]["finished"] is (while_it == "rests")
    assert is_whole(place, replica)() is (while_it == "rests")


@pytest.mark.soak
def test_of_two_at_once_the_second_says_who_holds_the_outlet_and_takes_over(
    place: Place, replica: Replica, tmp_path: Path
) -> None:
    replica.set_rules([{"first": IN_THE_MIDDLE, "delay": 60}])
    with lasting_run(place, replica, folder=tmp_path / "first") as first:
        first.wait_for(asked_for(replica, IN_THE_MIDDLE + 1), "a slow host's request")
        with lasting_run(place, replica, folder=tmp_path / "second") as second:
            second.wait_for_error("demo: another run holds it", str(first.process.pid))
            tries = len(second.errors())
            second.wait_for(lambda: len(second.errors()) > tries, "another try")
            assert first.end().code == 0
            replica.set_rules([])
            assert_went_on(second, place, replica)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("jobs = 1\n", ["no table of jobs"]),
        ("[jobs.demo\n", ["config.toml"]),
        ('[jobs.demo]\nmax_time = "soon"\n', ["For example"]),
        ('[jobs.a]\noutlets = ["demo"]\n[jobs.b]\noutlets = ["demo"]\n', ["both have the outlet demo"]),
        ('[jobs.dmeo]\nevery = "1h"\n', ["dmeo"]),
        ("archvie = 1\n", ["archvie"]),
    ],
)
def test_a_wrong_configuration_is_refused_in_one_line_before_anything_is_asked(
    place: Place, replica: Replica, tmp_path: Path, text: str, words: list[str]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    ran = presskeep("run", *place_options(place), environment={"PRESSKEEP_CONFIG": str(file)})
    assert ran.code == 2, ran.err
    assert ran.err.count("\n") == 1, ran.err
    assert [word for word in words if word not in ran.err] == [], ran.err
    assert not place.folder.exists()


def test_what_ails_an_outlet_that_stands_in_no_job_is_said(tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"
    table = {"/": section(article_path(1)), article_path(1): article_page(1)}
    said = {}
    with small_site(tmp_path, pages(table)) as site:
        for name, job in {"in none": "demo", "in one": "small"}.items():
            settings.write_text(f'[jobs.{job}]\nnotify = "true"\n')
            variables = {"PRESSKEEP_CONFIG": str(settings), "PRESSKEEP_MIN_FREE_BYTES": str(10**15)}
            ran = presskeep(
                "run", "small", "--for", "70m", *place_options(Place(tmp_path / name, None)), *site.options,
                now="leap:2026-06-01T12:00:00Z", environment=site.environment | variables,
            )  # fmt: skip
            assert ran.code == 0, ran.err
            said[name] = "the archive: disk: the disk is full" in ran.err
    assert said == {"in none": True, "in one": False}, "the command of its job is told of it"
