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
from tests.crawling import NOON, Ran, crawl, dangling, look, missing_from
from tests.databases import Place
from tests.killing import POINTS

KILLS = int(os.environ.get("PRESSKEEP_KILLS", "8"))
"""Lives that end by a kill: 8 in `make test`, 25 in .ci/run, 200 in `make soak`."""
CONCURRENCY, BATCH = 16, 64
SIGKILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)


def lives(kills: int, seed: int) -> list[tuple[str, int]]:
    """The moments at which lives end: each boundary as often as the others, at seeded counts, and at requests."""
    chance = random.Random(seed)
    moments = [POINTS[number % len(POINTS)] for number in range(kills - kills // 4)] + ["request"] * (kills // 4)
    chance.shuffle(moments)
    return [(moment, chance.randint(1, 12) if moment != "request" else chance.randint(3, 40)) for moment in moments]


def live(place: Place, replica: Replica, moment: str, n: int, now: str) -> Ran:
    """One life of a crawl that is to end at a moment."""
    if moment == "request":
        return crawl(place, replica, now=now, program=("-m", "tests.killing_at_request", str(replica.control), str(n)))
    return crawl(place, replica, now=now, program=("-m", "tests.killing", moment, str(n)))


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
    killed, begun = 0, time.monotonic()
    with running_replica(articles=30 * KILLS, seed=5, folder=tmp_path / "replica") as replica:
        for moment, n in lives(KILLS, seed):
            ran = live(empty_place, replica, moment, n, since_noon(begun))
            if ran.code not in SIGKILLED:
                assert ran.code in (0, 1), f"{moment} {n}: {ran.err}"
                continue
            killed += 1
            if (empty_place.folder / "warc").exists():
                assert dangling(empty_place) == [], f"{moment} {n}"
        last = crawl(empty_place, replica, now=since_noon(begun))
        assert last.code in (0, 1), last.err
        truth, asked = replica.articles(), replica.requests()
    held = look(empty_place)
    assert killed >= KILLS // 2, "the kills must have happened for this test to tell anything"
    assert missing_from(held, truth) == []
    assert held.revisions == len(truth)
    assert dangling(empty_place) == []
    assert overdue(Counter((each["host"], each["path"]) for each in asked), killed) == 0


def test_the_check_sees_a_record_that_is_gone(tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with running_replica(articles=10, seed=6, folder=tmp_path / "replica") as replica:
        crawl(place, replica)
    assert dangling(place) == []
    for file in (place.folder / "warc").rglob("*.warc.gz"):
        os.truncate(file, file.stat().st_size // 2)
    assert dangling(place)


@pytest.mark.parametrize("kills", [25, 200])
def test_the_moments_meet_each_boundary_at_least_twice(kills: int) -> None:
    met = Counter(moment for moment, _ in lives(kills, 1))
    assert set(met) == {*POINTS, "request"}
    assert min(met.values()) >= 2
