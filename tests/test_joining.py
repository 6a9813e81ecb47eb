"""Several processes that crawl an outlet together ask for each page once and a host no oftener than one would."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from subprocess import Popen
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Connection, select

from scraper.crawling.robots_kept import AGAIN, ArchivedRobots
from scraper.crawling.state import CrawlState
from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.models import crawl as crawl_table
from storage.models import host_lease, outlet_lock
from storage.owners import new_owner
from tests.crawling import Served, crawl, dangling, look, missing_from, presskeep
from tests.databases import Place
from tests.killing import POINTS
from tests.living import asked_for, end_of, living_crawl, wait_until
from tests.small_site import HOST, PROFILE, Answer, SmallSite, article_page, article_path, section, small_site
from tests.soundness import is_there, verified, walked
from tests.test_killing import overdue, since_noon

PROCESSES = 3
KILLS = int(os.environ.get("PRESSKEEP_JOINED_KILLS", "5"))
SIGKILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)


@pytest.fixture
def shared_place(postgres_url: str, tmp_path: Path) -> Place:
    return Place(tmp_path / "place", postgres_url)


@contextmanager
def joined_crawls(place: Place, site: Served, *more: str, number: int = PROCESSES) -> Iterator[list[Popen[str]]]:
    """So many processes that crawl together, begun at the same moment."""
    with ExitStack() as stack:
        yield [stack.enter_context(living_crawl(place, site, "--join", *more)) for _ in range(number)]


def left_behind(place: Place) -> list[object]:
    """Locks and leases that somebody still holds."""
    with Archive.open(place.folder, place.database, write=False) as archive:
        return left_in(archive)


def left_in(archive: Archive) -> list[object]:
    with archive.read() as connection:
        locks = list(connection.execute(select(outlet_lock.c.owner)).scalars())
        hosts = connection.execute(select(host_lease.c.host)).scalars()
        return locks + [each for each in hosts if not each.endswith("#turn")]


def test_joining_is_refused_on_sqlite(tmp_path: Path) -> None:
    ran = presskeep("crawl", "demo", "--join", "--archive", str(tmp_path / "place"))
    assert ran.code == 2
    assert "PostgreSQL" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert not (tmp_path / "place").exists()


def test_one_of_them_at_a_time_asks_a_host_for_its_robots_txt(postgres_archive: Archive) -> None:
    held: list[str] = []

    async def ask(owner: str, begun: asyncio.Event, end: asyncio.Event) -> None:
        async with ArchivedRobots(crawl_state(postgres_archive, owner)).alone("https://www.small.example"):
            held.append(owner)
            begun.set()
            await end.wait()

    async def ask_together() -> None:
        begun, end, alone = asyncio.Event(), asyncio.Event(), new_owner()
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(ask(alone, begun, end))
            await begun.wait()
            others = [tasks.create_task(ask(new_owner(), asyncio.Event(), end)) for _ in range(2)]
            await asyncio.wait(others, timeout=4 * AGAIN)
            assert held == [alone], "the others wait"
            async with ArchivedRobots(crawl_state(postgres_archive, new_owner())).alone("https://mirror.example"):
                end.set()

    asyncio.run(ask_together())
    assert len(held) == 3
    assert left_in(postgres_archive) == []


def crawl_state(archive: Archive, owner: str) -> CrawlState:
    """As much of a crawl's state as its robots.txt need."""

    async def run(job: Callable[[Connection], Any]) -> Any:
        with archive.begin() as connection:
            return job(connection)

    return cast("CrawlState", SimpleNamespace(opened=SimpleNamespace(archive=archive, owner=owner), run=run))


@pytest.mark.soak
@pytest.mark.long
def test_processes_that_join_ask_for_every_page_once(shared_place: Place, tmp_path: Path) -> None:
    with running_replica(articles=300, seed=5, folder=tmp_path / "replica") as replica:
        replica.set_rules([{"delay": 1.0}])
        with joined_crawls(shared_place, replica) as processes:
            wait_until(asked_for(replica, 1), "the archive")
            wait_until(lambda: has_runs(shared_place, PROCESSES), "all of them, lest the last find nothing to do")
            replica.set_rules([])
            ran = [end_of(each) for each in processes]
        asked, truth = replica.requests(), replica.articles()
    assert [each.code for each in ran] == [0] * PROCESSES, [each.err for each in ran]
    counts = [each.json["outlets"][0]["counts"] for each in ran]
    assert all(each["pages"] and not each["failures"] for each in counts)
    assert sum(each["new"] for each in counts) == len(truth)
    assert [page for page, n in Counter((each["host"], each["path"]) for each in asked).items() if n > 1] == []
    assert missing_from(look(shared_place), truth) + dangling(shared_place) == []
    assert verified(shared_place) + walked(shared_place, settled=True) == []
    with Archive.open(shared_place.folder, shared_place.database, write=False) as archive, archive.read() as connection:
        runs = connection.execute(select(crawl_table.c.outcome, crawl_table.c.manifest_digest)).all()
    assert [run.outcome for run in runs] == ["finished"] * PROCESSES
    assert len({run.manifest_digest for run in runs}) == PROCESSES
    assert left_behind(shared_place) == []


@pytest.mark.soak
@pytest.mark.long
def test_when_the_first_is_killed_the_others_go_on_and_keep_the_outlet(shared_place: Place, tmp_path: Path) -> None:
    slow = [{"delay": 1.0}]
    with running_replica(articles=200, seed=6, folder=tmp_path / "replica") as replica:
        with living_crawl(shared_place, replica) as first:
            wait_until(asked_for(replica, 10), "the first's requests")
            replica.set_rules(slow)
            with joined_crawls(shared_place, replica, number=2) as joined:
                wait_until(lambda: has_runs(shared_place, 3), "those that join")
                wait_until(asked_for(replica, 20), "requests of all")
                first.send_signal(signal.SIGKILL)
                first.wait()
                assert crawl(shared_place, replica).code == 4, "it is crawled still"
                replica.set_rules([])
                ran = [end_of(each) for each in joined]
                assert [each.code for each in ran] == [0, 0], [each.err for each in ran]
        asked, truth = replica.requests(), replica.articles()
        assert crawl(shared_place, replica).code == 0, "nobody holds it"
    assert missing_from(look(shared_place), truth) == []
    assert verified(shared_place) + walked(shared_place, settled=True) == []
    assert overdue(Counter((each["host"], each["path"]) for each in asked), 1) == 0
    assert left_behind(shared_place) == []


def has_runs(place: Place, number: int) -> bool:
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        return len(list(connection.execute(select(crawl_table.c.id)).scalars())) >= number


DELAY, BOUND, ARTICLES = 1.0, 2, 16
SLACK = 0.2
"""Seconds by which this machine may note a request late."""
SLOW = PROFILE.replace("delay = 0\nconcurrency = 4", f"delay = {DELAY}\nconcurrency = {BOUND}")
CROWDED = PROFILE.replace("concurrency = 4", f"concurrency = {BOUND}")


class Noted:
    """A small site that notes when its first host was asked; its articles take their time."""

    def __init__(self, wait: float) -> None:
        self.times: list[float] = []
        self._wait = wait

    def answer(self, host: str, path: str) -> Answer | None:
        if host != HOST:
            return None
        self.times.append(time.monotonic())
        if path == "/":
            return section(*(article_path(key) for key in range(ARTICLES)))
        if path.startswith("/news/"):
            page = article_page(int(path.rsplit("/", 1)[1]))
            return Answer(page.body, wait=self._wait)
        return None

    @property
    def closest(self) -> float:
        """The least time between two requests."""
        return min(after - before for before, after in pairwise(sorted(self.times)))


def crawl_together(places: list[Place], site: SmallSite) -> list[int]:
    """Crawl in one process for each place given, which may be one and the same; gives their exit codes."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                living_crawl(place, site, *(("--join",) if place.database else ()),
                             outlet="small", environment=site.environment)
            )
            for place in places
        ]  # fmt: skip
        return [end_of(each).code for each in started]


@pytest.mark.soak
@pytest.mark.long
def test_the_delay_of_a_host_holds_over_all_processes(shared_place: Place, tmp_path: Path) -> None:
    noted, apart = Noted(0.0), Noted(0.0)
    with small_site(tmp_path, noted.answer, SLOW) as site:
        assert crawl_together([shared_place] * PROCESSES, site) == [0] * PROCESSES
        assert len(site.asked) == len(set(site.asked))
        assert noted.closest > DELAY - SLACK

        site.answering = apart.answer
        crawl_together([Place(tmp_path / f"apart-{n}", None) for n in range(PROCESSES)], site)
        assert apart.closest < DELAY - SLACK, "processes that do not join know nothing of each other"


@pytest.mark.soak
@pytest.mark.long
def test_no_more_requests_are_under_way_at_a_host_than_one_process_may_send(
    shared_place: Place, tmp_path: Path
) -> None:
    noted = Noted(0.5)
    with small_site(tmp_path, noted.answer, CROWDED) as site:
        assert crawl_together([shared_place] * PROCESSES, site) == [0] * PROCESSES
        assert len(site.asked) == len(set(site.asked))
        assert site.most[HOST] <= BOUND

        crawl_together([Place(tmp_path / f"apart-{n}", None) for n in range(PROCESSES)], site)
        assert site.most[HOST] > BOUND, "processes that do not join know nothing of each other"


def moments(kills: int, seed: int) -> list[list[tuple[str, int]]]:
    """When the processes of each round end; the replica kills one at most, at a request."""
    chance = random.Random(seed)
    rounds = []
    for number in range(-(-kills // PROCESSES)):
        points = [(chance.choice(POINTS), chance.randint(2, 25)) for _ in range(PROCESSES - number % 2)]
        rounds.append(points + [("request", chance.randint(10, 60))] * (number % 2))
    return rounds


@pytest.mark.long
def test_joined_crawls_killed_at_seeded_moments_keep_every_article_once(shared_place: Place, tmp_path: Path) -> None:
    seed = int(os.environ.get("PRESSKEEP_SEED", "20260601"))
    place, killed, begun = shared_place, 0, time.monotonic()
    with running_replica(articles=60 * KILLS, seed=5, folder=tmp_path / "replica") as replica:
        for each in moments(KILLS, seed):
            codes = die(place, replica, each, since_noon(begun))
            assert all(code in (0, 1, *SIGKILLED) for code in codes), (each, codes)
            killed += sum(code in SIGKILLED for code in codes)
            if is_there(place):
                assert walked(place) + verified(place) == [], each
        last = crawl(place, replica, now=since_noon(begun), timeout=280 + 10 * KILLS)
        assert last.code in (0, 1), last.err
        truth, asked = replica.articles(), replica.requests()
    held = look(place)
    assert killed >= KILLS // 2, "the kills must have happened for this test to tell anything"
    assert missing_from(held, truth) == []
    assert held.revisions == len(truth)
    assert walked(place, settled=True) + verified(place) == []
    assert left_behind(place) == []
    assert overdue(Counter((each["host"], each["path"]) for each in asked), killed) == 0


def die(place: Place, replica: Replica, ends: list[tuple[str, int]], now: str) -> list[int]:
    """Crawl together in processes that are to end at these moments; gives their exit codes."""
    with ExitStack() as stack:
        started = []
        for moment, n in ends:
            at_request = ("-m", "tests.killing_at_request", str(replica.control), str(n))
            program = at_request if moment == "request" else ("-m", "tests.killing", moment, str(n))
            environment = {"PRESSKEEP_NOW": now}
            started.append(
                stack.enter_context(living_crawl(place, replica, "--join", environment=environment, program=program))
            )
        return [end_of(each).code for each in started]
