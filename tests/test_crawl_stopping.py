"""A crawl that is stopped ends soon, in order, and the next one goes on; two never crawl one outlet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.models import capture, crawl, host_lease, outlet_lock, resource
from tests.crawling import Ran, dangling, look, missing_from
from tests.databases import Place
from tests.living import asked_for, end_of, living_crawl, open_files, wait_until
from tests.soundness import verified, walked
from tests.tiers import in_soak

LATER = {"PRESSKEEP_NOW": "2026-06-01T12:20:00Z"}


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    with running_replica(articles=16, seed=3, folder=tmp_path_factory.mktemp("replica")) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, replica: Replica) -> Place:
    replica.set_rules([])
    replica.new_requests()
    return Place(tmp_path / "archive", None)


def held_by_runs(place: Place) -> dict[str, int]:
    """What the archive says that runs hold."""
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        counts = {
            "leases": select(func.count()).select_from(resource).where(resource.c.lease_owner.is_not(None)),
            "hosts": select(func.count()).select_from(host_lease),
            "locks": select(func.count()).select_from(outlet_lock),
            "running": select(func.count()).select_from(crawl).where(crawl.c.ended_at.is_(None)),
        }
        return {name: connection.execute(statement).scalar_one() for name, statement in counts.items()}


def go_on(place: Place, replica: Replica) -> Ran:
    with living_crawl(place, replica, environment=LATER) as process:
        return end_of(process)


@pytest.mark.long
@pytest.mark.parametrize(
    ("signals", "slow"),
    [
        pytest.param(["SIGHUP"], False, id="hangup", marks=pytest.mark.soak),
        pytest.param(["SIGTERM"], True, id="terminate-slow"),
        pytest.param(["SIGINT", "SIGINT"], True, id="interrupt-twice-slow", marks=pytest.mark.soak),
    ],
)
def test_a_signal_ends_a_crawl_in_order_and_the_next_one_goes_on(
    place: Place, replica: Replica, signals: list[str], slow: bool
) -> None:
    replica.set_rules([{"first": 65, "delay": 25}] if slow else [])
    with living_crawl(place, replica) as process:
        wait_until(asked_for(replica, 66 if slow else 72), "the crawl's requests")
        sent = time.monotonic()
        for name in signals:
            os.killpg(process.pid, getattr(signal, name))
            time.sleep(0.2)
        ran = end_of(process)
        took = time.monotonic() - sent
    assert ran.code == 7, ran.err
    assert took < 20, "a slow host was waited for"  # 25 s; a bound of 10 would time the machine
    assert ran.err == "presskeep: demo: stopped. All that was fetched is kept; the same command goes on.\n"
    assert held_by_runs(place) == {"leases": 0, "hosts": 0, "locks": 0, "running": 0}
    assert open_files(place) == []
    assert dangling(place) == []
    answered = {(each["host"], each["path"]) for each in replica.new_requests()}
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        kept = connection.execute(select(func.count()).select_from(capture)).scalar_one()
    assert kept > 40

    replica.set_rules([])
    last = go_on(place, replica)
    assert last.code in (0, 1), last.err
    again = Counter((each["host"], each["path"]) for each in replica.new_requests())
    assert again
    assert sum(again[each] for each in answered) <= len(answered) - kept, "what was kept is not asked again"
    assert missing_from(look(place), replica.articles()) == []


@pytest.fixture(scope="module")
def until_python_runs() -> float:
    """Seconds in which the interpreter starts three times, so that once it surely has: before that an interrupt is its
    own to tell of."""
    begun = time.monotonic()
    for _ in range(3):
        subprocess.run([sys.executable, "-c", "import encodings, site, runpy"], check=True)
    return time.monotonic() - begun


@pytest.mark.long
@pytest.mark.parametrize("after", [0.05, 0.2, in_soak(0.4), 0.6, in_soak(0.8), 1.0, in_soak(1.3), in_soak(1.7)])
def test_an_interrupt_while_a_crawl_starts_ends_it_with_one_line(
    place: Place, replica: Replica, until_python_runs: float, after: float
) -> None:
    with living_crawl(place, replica) as process:
        time.sleep(until_python_runs + after)
        os.killpg(process.pid, signal.SIGINT)
        ran = end_of(process)
    assert ran.code == 7, ran.err
    assert ran.err.count("\n") == 1, ran.err
    assert ": stopped" in ran.err


@pytest.mark.long
def test_a_second_crawl_of_an_outlet_is_refused_until_the_first_is_dead(place: Place, replica: Replica) -> None:
    replica.set_rules([{"first": 30, "delay": 20}])
    with living_crawl(place, replica) as first:
        wait_until(asked_for(replica, 31), "the first crawl's requests")
        with living_crawl(place, replica) as second:
            ran = end_of(second)
        assert ran.code == 4, ran.err
        assert ran.err.count("\n") == 1
        assert "another run holds it" in ran.err
        assert str(first.pid) in ran.err
        assert ran.json["outlets"][0]["counts"]["pages"] == 0
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    assert held_by_runs(place)["locks"] == 1
    replica.set_rules([])
    last = go_on(place, replica)
    assert last.code in (0, 1), last.err
    assert missing_from(look(place), replica.articles()) == []
    assert held_by_runs(place) == {"leases": 0, "hosts": 0, "locks": 0, "running": 0}


@pytest.mark.soak
@pytest.mark.long
def test_a_crawl_that_lost_its_outlet_ends_and_keeps_what_it_has(place: Place, replica: Replica) -> None:
    """As when its process stood still for a minute, and another run took the outlet over."""
    replica.set_rules([{"first": 12, "delay": 1.5}])
    with living_crawl(place, replica) as process:
        wait_until(asked_for(replica, 14), "the crawl's requests")
        with Archive.open(place.folder) as archive, archive.begin() as connection:
            connection.execute(update(outlet_lock).values(owner="elsewhere/1/2/3", host="elsewhere", pid=1))
        ran = end_of(process)
    assert ran.code == 4
    assert "another run took it over" in ran.err
    with Archive.open(place.folder) as archive, archive.begin() as connection:
        connection.execute(delete(outlet_lock))
    replica.set_rules([])
    assert go_on(place, replica).code in (0, 1)
    assert missing_from(look(place), replica.articles()) + dangling(place) == []
    assert verified(place) + walked(place, settled=True) == []
