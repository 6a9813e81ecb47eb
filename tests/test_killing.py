"""A crawl that is killed at any moment loses nothing, asks for little twice, and keeps every article once."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from scraper.demo.process import Replica, running_replica
from tests.crawling import NOON, Ran, crawl, look, missing_from
from tests.databases import Place
from tests.independent_walk import connected, walk
from tests.killing import POINTS, RENAMES
from tests.soundness import flipped, is_there, recovered, verified, walked

KILLS = int(os.environ.get("PRESSKEEP_KILLS", "8"))
"""Lives that end by a kill: 25 in .ci/run, 200 in `make soak`."""
pytestmark = [pytest.mark.long, pytest.mark.timeout(600 + 60 * KILLS)]
SCHEDULED_KILLS = max(8, KILLS * 2 // 5)
"""Scheduled runs that end by a kill: each costs two more, and two walks through the archive."""
CONCURRENCY, BATCH = 16, 64
SIGKILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)


def lives(kills: int, seed: int) -> list[tuple[str, int]]:
    """The moments at which lives end: each boundary as often as the others, at seeded counts, and at requests."""
    chance = random.Random(seed)
    moments = [POINTS[number % len(POINTS)] for number in range(kills - kills // 4)] + ["request"] * (kills // 4)
    chance.shuffle(moments)
    return [(moment, chance.randint(1, 12) if moment != "request" else chance.randint(3, 40)) for moment in moments]


def live(place: Place, replica: Replica, moment: str, n: int, now: str, *more: str) -> Ran:
    """One life of a crawl that is to end at a moment."""
    at_request = ("-m", "tests.killing_at_request", str(replica.control), str(n))
    program = at_request if moment == "request" else ("-m", "tests.killing", moment, str(n))
    return crawl(place, replica, *more, now=now, program=program)


FEW = ("--max-pages", "15")
MOST = {"write": 12, "fsync": 4, "commit": 12, "rename": 1}
"""Up to which count the steps of a scheduled run come that keeps few pages."""


def scheduled_lives(kills: int, seed: int) -> list[tuple[str, int]]:
    """The moments at which scheduled runs end, each boundary as often as the others."""
    chance, points = random.Random(seed), (*POINTS, *RENAMES)
    moments = [points[number % len(points)] for number in range(kills)]
    chance.shuffle(moments)
    return [(moment, chance.randint(1, MOST[moment.partition("-")[2]])) for moment in moments]


def since_noon(begun: float) -> str:
    """The replica's day at noon and what has passed since: a clock that went back between two lives would hide from the
    second what the first had found."""
    return (NOON + timedelta(seconds=time.monotonic() - begun)).isoformat()


def overdue(asked: Counter[tuple[str, str]], kills: int) -> int:
    """Requests sent again beyond what kills may cost."""
    again = sum(n - 1 for n in asked.values())
    return max(0, again - kills * (CONCURRENCY + BATCH))


def test_a_crawl_killed_at_seeded_moments_keeps_every_article_once(empty_place: Place, tmp_path: Path) -> None:
    seed = int(os.environ.get("PRESSKEEP_SEED", "20260601"))
    place, killed, begun = empty_place, 0, time.monotonic()
    with running_replica(articles=30 * KILLS, seed=5, folder=tmp_path / "replica") as replica:
        for moment, n in lives(KILLS, seed):
            ran = live(place, replica, moment, n, since_noon(begun))
            if ran.code not in SIGKILLED:
                assert ran.code in (0, 1), f"{moment} {n}: {ran.err}"
                continue
            killed += 1
            if not is_there(place):
                continue
            assert walked(place) + verified(place) == [], f"killed at {moment} {n}"
            if killed % 2:  # the others are recovered by the next life, which may be killed while it does
                recovered(place)
                assert walked(place, settled=True) + verified(place) == [], f"recovered after {moment} {n}"
        last = crawl(place, replica, now=since_noon(begun), timeout=280 + 10 * KILLS)
        assert last.code in (0, 1), last.err
        truth, asked = replica.articles(), replica.requests()
    held = look(place)
    assert killed >= KILLS // 2, "the kills must have happened for this test to tell anything"
    assert missing_from(held, truth) == []
    assert held.revisions == len(truth)
    assert walked(place, settled=True) + verified(place) == []
    assert overdue(Counter((each["host"], each["path"]) for each in asked), killed) == 0

    twin = flipped(place, tmp_path / "twin", seed)
    assert walked(twin)
    assert verified(twin)
    assert [what for what in BREAKINGS if not faults_of_broken(place, what)] == []


@pytest.mark.either
@pytest.mark.long
def test_scheduled_runs_that_are_killed_leave_a_sound_file_to_the_next(empty_place: Place, tmp_path: Path) -> None:
    """Runs that end in order and leave their file open come between those that are killed."""
    seed = int(os.environ.get("PRESSKEEP_SEED", "20260601"))
    place, killed, shared, begun = empty_place, Counter[str](), 0, time.monotonic()
    with running_replica(articles=30 * SCHEDULED_KILLS, seed=7, folder=tmp_path / "replica") as replica:
        for moment, n in scheduled_lives(SCHEDULED_KILLS, seed):
            ran = crawl(place, replica, "--due", *FEW, now=since_noon(begun))
            assert ran.code in (0, 1, 7), ran.err
            assert walked(place, settled=True, resting=True) + verified(place) == [], "at rest"
            shared = max(shared, runs_in_one_file(place))
            # A scheduled run closes no file of today: those that are to die by it are plain ones.
            ran = live(place, replica, moment, n, since_noon(begun), *FEW, *(() if moment in RENAMES else ("--due",)))
            if ran.code not in SIGKILLED:
                assert ran.code in (0, 1, 7), f"{moment} {n}: {ran.err}"
                continue
            killed[moment] += 1
            assert walked(place) + verified(place) == [], f"killed at {moment} {n}"
            if killed.total() % 2:
                recovered(place)
                assert walked(place, settled=True, resting=True) + verified(place) == [], (
                    f"recovered after {moment} {n}"
                )
        last = crawl(place, replica, now=since_noon(begun), timeout=280 + 10 * SCHEDULED_KILLS)
        assert last.code in (0, 1), last.err
        truth = replica.articles()
    assert killed.total() >= SCHEDULED_KILLS // 2, killed
    assert set(RENAMES) <= killed.keys()
    assert shared > 1, "files were gone on with"
    assert missing_from(look(place), truth) == []
    assert walked(place, settled=True) + verified(place) == []


def runs_in_one_file(place: Place) -> int:
    """The most runs that wrote to the same file."""
    with connected(place.folder, place.database) as connection:
        counts = connection.execute("SELECT count(DISTINCT crawl) FROM capture GROUP BY warc_file").fetchall()
        return max((number for (number,) in counts), default=0)


LAST = "WHERE id = (SELECT max(id) FROM capture)"
BREAKINGS = {
    "a pointer that is off by one": f'UPDATE capture SET "offset" = "offset" + 1 {LAST}',
    "a length that is too long": f"UPDATE capture SET length = length + 1 {LAST}",
    "a row that is gone": f"DELETE FROM capture {LAST}",
    "a span that begins too late": f"UPDATE capture SET span_offset = span_offset + 1 {LAST}",
    "another payload": f"UPDATE capture SET payload_sha256 = 'x' {LAST}",
    "another URL": "UPDATE location SET url = 'http://a.example/' WHERE id = (SELECT max(location) FROM capture)",
    "a revisit of nothing": f"UPDATE capture SET refers_to = id {LAST}",
    "more committed than written": "UPDATE warc_file SET committed_len = committed_len + 1",
    "another file's digest": "UPDATE warc_file SET sha256 = 'x'",
    "a text that is gone": "DELETE FROM revision WHERE id = (SELECT max(id) FROM revision)",
    "an article without a text": "UPDATE article SET current_revision = NULL",
}


def faults_of_broken(place: Place, what: str) -> list[str]:
    """What the independent walk says of an archive that is broken in a transaction, which is taken back."""
    with connected(place.folder, place.database) as connection:
        if place.database:
            connection.execute("SET LOCAL session_replication_role = replica")  # so that foreign keys let it happen
        connection.execute(BREAKINGS[what])
        return walk(connection, place.folder, settled=True)


@pytest.mark.parametrize("kills", [25, 200])
def test_the_moments_meet_each_boundary_at_least_twice(kills: int) -> None:
    met = Counter(moment for moment, _ in lives(kills, 1))
    assert set(met) == {*POINTS, "request"}
    assert min(met.values()) >= 2
