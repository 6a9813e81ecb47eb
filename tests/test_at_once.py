"""Crawling, saving, searching and exporting go on at the same time on one SQLite archive, and none meets a lock."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from tests.breaking import broken, wait_for_no_lock
from tests.crawling import Ran, dangling, look, missing_from, place_options, presskeep, replica_options
from tests.databases import Place
from tests.lasting import lasting_run

pytestmark = [pytest.mark.long, pytest.mark.timeout(0)]

SECONDS = float(os.environ.get("PRESSKEEP_AT_ONCE_SECONDS", "10"))
ARTICLES = 60
FINE = ("-m", "scraper.cli")


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Replica]:
    with running_replica(articles=ARTICLES, seed=4, folder=tmp_path / "replica") as running:
        yield running


def commands(place: Place, replica: Replica, folder: Path, program: tuple[str, ...]) -> dict[str, Callable[[int], Ran]]:
    """What is run again and again, by name; each gets the number of its turn."""
    urls = [next(iter(each["locations"].values())) for each in replica.articles()]
    at, to = place_options(place), replica_options(replica)

    def run(*words: str) -> Ran:
        return presskeep(*words, now="2026-06-01T12:00:00Z", program=program)

    return {
        "fetch": lambda turn: run("fetch", urls[-1 - turn % 20], "--save", *at, *to),
        "search": lambda turn: run("search", "the", "--json", *at),
        "export": lambda turn: run("export", "warc", "demo", "--out", str(folder / f"{turn}.warc.gz"), *at),
        "status": lambda turn: run("status", "--json", *at),
    }


def go_on(command: Callable[[int], Ran], until: float) -> list[Ran]:
    """Run a command as often as there is time, once at least."""
    ran: list[Ran] = []
    while not ran or time.monotonic() < until:
        ran.append(command(len(ran)))
    return ran


def test_nothing_meets_a_lock_while_all_is_done_at_once(replica: Replica, tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    Archive.open(place.folder, create=True).close()
    with lasting_run(place, replica, folder=tmp_path / "said") as running:
        running.wait_for(lambda: bool(look(place).headlines), "an article")
        until = time.monotonic() + SECONDS
        each = commands(place, replica, tmp_path, FINE)
        with ThreadPoolExecutor(len(each)) as pool:
            running_commands = {name: pool.submit(go_on, command, until) for name, command in each.items()}
            done = {name: future.result() for name, future in running_commands.items()}
        rounds = len(running.rounds())
        running.wait_for(lambda: len(running.rounds()) > rounds, "the crawl's going on")
        running.wait_for(lambda: missing_from(look(place), replica.articles()) == [], "all articles")
        ran = running.end()
    assert {name: [(one.code, one.err) for one in runs if one.code] for name, runs in done.items()} == {
        name: [] for name in each
    }
    assert (ran.code, ran.err.count("\n")) == (0, 1), ran.err
    assert running.errors() == []
    assert dangling(place) == []
    assert look(place).revisions == ARTICLES
    assert presskeep("verify", *place_options(place)).code == 0


@pytest.mark.soak
def test_without_waiting_for_locks_an_error_would_be_seen(replica: Replica, tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    each = commands(place, replica, tmp_path, FINE)
    assert each["fetch"](0).code == 0
    impatient = commands(place, replica, tmp_path, broken(wait_for_no_lock))
    with sqlite3.connect(place.folder / "archive.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        ran = impatient["fetch"](1)
        other.execute("ROLLBACK")
    assert ran.code == 7
    assert "locked" in ran.err
    assert each["fetch"](1).code == 0
