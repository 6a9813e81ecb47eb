"""A power cut at any moment of a crawl loses nothing that was committed, on a disk that drops what was not synced.

The disk is a folder (tests/power_loss.py); the server of PostgreSQL keeps its power, so that there the WARC files alone
are cut: what T1 has promised is durable at once, and must be found in them.
"""

from __future__ import annotations

import math
import os
import random
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scraper.demo.process import Replica, running_replica
from storage.errors import ArchiveDamaged
from tests.crawling import Ran, crawl, look, missing_from
from tests.databases import Place
from tests.independent_walk import connected
from tests.living import living_crawl, wait_until
from tests.power_loss import Disk, NoCompiler, compile_library
from tests.soundness import is_there, recovered, verified, walked
from tests.test_killing import since_noon

CUTS = int(os.environ.get("PRESSKEEP_CUTS", "8"))
"""Cuts of a crawl on SQLite: 6 in .ci/run, 100 in `make soak`; a quarter on PostgreSQL."""
pytestmark = [pytest.mark.long, pytest.mark.timeout(600 + 60 * CUTS)]
POINTS = {"sync:before": 150, "sync:after": 150, "write:before": 3000, "write:half": 3000, "write:after": 3000}
"""Moments of cuts, and the syncs or writes among which a life's last is drawn; early ones as often as late ones."""
POINTS_OF_FILES = {"sync:before": 40, "write:half": 60, "write:after": 60}
"""The same for WARC files alone, at moments when something is not synced."""
SIGKILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return compile_library(tmp_path_factory.mktemp("library"))
    except NoCompiler as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(reason))


@dataclass(frozen=True)
class World:
    """An archive on a disk whose power can be cut, and the log of what its crawls have promised."""

    disk: Disk
    place: Place
    log: Path
    folder: Path

    @classmethod
    def make(cls, folder: Path, library: Path, database: str | None) -> World:
        folder.mkdir()
        disk = Disk(folder / "disk", folder / "store", library)
        return cls(disk, Place(disk.root / "archive", database), folder / "promised", folder)

    def live(self, replica: Replica, at: str | None, now: str, ignore: str | None = None) -> Ran:
        """One life of a crawl, which ends by a cut at a moment."""
        variables = self.disk.power_on(at, ignore)
        program = ("-m", "tests.telling", str(self.log))
        patience = 280 + 10 * CUTS
        return crawl(self.place, replica, now=now, program=program, environment=variables, timeout=patience)

    def has_promised_much(self) -> bool:
        """Whether the crawl has told more than ten times that it kept something, and that it read something."""
        told = self.log.read_text() if self.log.exists() else ""
        return min(told.count("kept"), told.count("known")) > 10

    @property
    def looked_at(self) -> Place:
        """What is checked: on SQLite a copy, so that the next crawl finds what the cut left."""
        return self.place if self.place.database else Place(self.folder / "copy", None)

    def faults(self, *, recover: bool) -> list[str]:
        """What is wrong after a cut, and after recovery."""
        if self.looked_at != self.place:
            shutil.rmtree(self.looked_at.folder, ignore_errors=True)
            if self.place.folder.exists():
                shutil.copytree(self.place.folder, self.looked_at.folder)
        try:
            if not is_there(self.looked_at):
                return broken_promises(None, self.log)
        except ArchiveDamaged as error:
            return [str(error)]
        found = self._faults(settled=False)
        if recover and not found:
            recovered(self.looked_at)
            found = self._faults(settled=True)
        return found

    def _faults(self, *, settled: bool) -> list[str]:
        place = self.looked_at
        return broken_promises(place, self.log) + walked(place, settled=settled) + verified(place)

    def held_articles(self) -> set[tuple[str, str]]:
        """Hosts and paths of the articles that are kept, by what was looked at last."""
        if not is_there(self.looked_at):
            return set()
        with connected(self.looked_at.folder, self.place.database) as connection:
            rows = connection.execute(
                "SELECT url FROM capture JOIN location ON location.id = capture.location"
                " JOIN resource ON resource.id = location.resource WHERE kind = 'article' AND status = 200"
            ).fetchall()
        return {(urlsplit(url).netloc, urlsplit(url).path) for (url,) in rows}


def asked_by(replica: Replica) -> set[tuple[str, str]]:
    """Hosts and paths of what was asked for since the last call."""
    return {(each["host"], each["path"]) for each in replica.new_requests()}


def broken_promises(place: Place | None, log: Path) -> list[str]:
    """What was told as committed and is not in the database; no place is no database."""
    promised = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    kept: set[int] = set()
    known: set[tuple[int, int]] = set()
    if place is not None:
        with connected(place.folder, place.database) as connection:
            kept = {number for (number,) in connection.execute("SELECT id FROM capture")}
            known = set(connection.execute("SELECT capture, coalesce(revision, 0) FROM extraction").fetchall())
    faults = [f"capture {rest[0]} was kept" for word, *rest in promised if word == "kept" and int(rest[0]) not in kept]
    readings = [(int(rest[0]), int(rest[1])) for word, *rest in promised if word == "known"]
    return faults + [f"capture {each[0]} was read as text {each[1]}" for each in readings if each not in known]


def moments(points: Mapping[str, int], cuts: int, seed: int) -> list[str]:
    """The moments of cuts: each point as often as the others, at seeded counts."""
    chance = random.Random(seed)
    drawn = [list(points)[number % len(points)] for number in range(cuts)]
    chance.shuffle(drawn)
    return [f"{each}:{round(math.exp(chance.uniform(0, math.log(points[each]))))}" for each in drawn]


def test_a_power_cut_loses_nothing_that_was_committed(empty_place: Place, library: Path, tmp_path: Path) -> None:
    seed = int(os.environ.get("PRESSKEEP_SEED", "20260601"))
    points, cuts = (POINTS_OF_FILES, max(3, CUTS // 4)) if empty_place.database else (POINTS, CUTS)
    world, chance = World.make(tmp_path / "world", library, empty_place.database), random.Random(seed)
    cut, lost, begun = 0, 0, time.monotonic()
    held_before: set[tuple[str, str]] = set()
    ever_asked: set[tuple[str, str]] = set()
    with running_replica(articles=60 + 30 * cuts, seed=5, folder=tmp_path / "replica") as replica:
        for number, at in enumerate(moments(points, cuts, seed)):
            ran = world.live(replica, at, since_noon(begun))
            asked = asked_by(replica)
            ever_asked |= asked
            assert asked & held_before == set(), f"{at}: what was kept was asked for again"
            if ran.code not in SIGKILLED:
                assert ran.code in (0, 1), f"{at}: {ran.err}"
                continue
            cut += 1
            lost += max(0, world.disk.power_off(chance if number % 2 else None))
            assert world.faults(recover=world.place.database is None or number % 4 < 2) == [], f"cut at {at}"
            held_before = world.held_articles()
        last = world.live(replica, None, since_noon(begun))
        assert last.code in (0, 1), last.err
        again = asked_by(replica)
        assert ever_asked, "the control"
        assert again & held_before == set()
        world.disk.power_off()
        truth = replica.articles()
        assert world.faults(recover=False) == []
    held = look(world.place)
    assert (cut, lost) >= (cuts // 2, 1), "the cuts must have happened, and lost bytes, for this test to tell anything"
    assert missing_from(held, truth) == []
    assert held.revisions == len(truth)


LOST = {"a WARC file": ".warc.gz.open", "the folder of WARC files": "/warc", "the database's log": "archive.db-wal"}


def test_the_check_sees_what_a_missing_sync_loses(library: Path, tmp_path: Path) -> None:
    with running_replica(articles=40, seed=6, folder=tmp_path / "replica", truth=False) as replica:
        for name, ignore in {"nothing": None, **LOST}.items():
            world = World.make(tmp_path / name, library, None)
            variables, program = world.disk.power_on(ignore=ignore), ("-m", "tests.telling", str(world.log))
            with living_crawl(world.place, replica, environment=variables, program=program) as process:
                wait_until(world.has_promised_much, "promises")
                process.kill()
                process.wait()
                world.disk.power_off()
            assert bool(world.faults(recover=True)) == (ignore is not None), name
