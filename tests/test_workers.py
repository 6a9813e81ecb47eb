"""The extraction workers: whatever a page does, it costs one worker's seconds and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime
from multiprocessing import forkserver
from typing import Any, TypeVar

import pytest

from scraper.crawling.reading import ReadResult, ReadTask
from scraper.crawling.workers import Workers
from scraper.extraction.page import Limits
from scraper.outlet import Outlet
from tests.reading_badly import read_badly

T = TypeVar("T")

OUTLET = Outlet.model_validate(
    {
        "name": "daily",
        "title": "The Daily",
        "language": "en",
        "zone": "UTC",
        "country": "IR",
        "domains": [{"host": "www.daily.example", "role": "primary"}],
        "articles": [{"name": "n", "pattern": r"/news/(?P<key>\d+)", "example": "/news/1"}],
        "discovery": [{"way": "feed", "start": ["/feed"]}],
    }
)


@pytest.fixture
def workers() -> Iterator[Workers]:
    """Two workers with two seconds and 600 MB of addresses a page."""
    started = Workers({"daily": OUTLET}, Limits(), read_badly, count=2, seconds=2, memory=600_000_000)
    yield started
    started.stop()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def task(order: str, payload: bytes = b"x") -> ReadTask:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    return ReadTask("daily", "feed", "feed", f"https://www.daily.example/{order}", payload, None, None, at)


async def read_all(workers: Workers, *orders: str) -> list[ReadResult]:
    return await asyncio.gather(*(workers.read(task(order)) for order in orders))


def pid_of(result: ReadResult) -> int:
    """Which process read a page: it stands in what it found."""
    return int(result.found[0].key)


def test_what_a_page_does_to_its_worker_is_its_outcome_and_no_other_page_notices(workers: Workers) -> None:
    hostile = {
        "loop": "failed:timeout",
        "stop": "failed:timeout",
        "memory": "failed:memory",
        "deep": "failed:too-deep",
        "raise": "failed:reader-broke",
        "die": "failed:worker-died",
        "sleep/0.1": "listing",
    }
    orders = [order for bad in hostile for order in (bad, "good", "good")]
    results = run(read_all(workers, *orders))
    told = {order: result.outcome for order, result in zip(orders, results, strict=True) if order != "good"}
    assert told == hostile
    assert {result.outcome for order, result in zip(orders, results, strict=True) if order == "good"} == {"listing"}


def test_workers_killed_from_outside_cost_no_page(workers: Workers) -> None:
    async def kill_and_read() -> None:
        readers = {pid_of(each) for each in await read_all(workers, *["sleep/0.2"] * 4)}
        assert len(readers) == 2
        for pid in readers:
            os.kill(pid, signal.SIGKILL)  # while idle
        reading = asyncio.gather(*(workers.read(task("sleep/0.5")) for _ in range(4)))
        await asyncio.sleep(0.2)
        results = await reading
        others = {pid_of(each) for each in results}
        assert others.isdisjoint(readers)
        assert [each.outcome for each in results] == ["listing"] * 4
        slow = asyncio.gather(*(workers.read(task("sleep/1")) for _ in range(2)))
        await asyncio.sleep(0.5)
        for pid in others:
            os.kill(pid, signal.SIGKILL)  # while reading
        assert [each.outcome for each in await slow] == ["listing"] * 2

    run(kill_and_read())


def test_a_killed_fork_server_is_replaced(workers: Workers) -> None:
    async def kill_and_read() -> None:
        readers = {pid_of(each) for each in await read_all(workers, *["sleep/0.2"] * 4)}
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)  # type: ignore[attr-defined]
        for pid in readers:
            os.kill(pid, signal.SIGKILL)
        results = await read_all(workers, *["sleep/0.1"] * 6)
        assert [each.outcome for each in results] == ["listing"] * 6

    run(kill_and_read())


def test_a_stopped_worker_is_not_waited_for_however_large_the_page(workers: Workers) -> None:
    async def stop_and_read() -> None:
        readers = {pid_of(each) for each in await read_all(workers, *["sleep/0.2"] * 4)}
        for pid in readers:
            os.kill(pid, signal.SIGSTOP)
        large = [workers.read(task("good", b"x" * 8_000_000)) for _ in readers]
        assert {each.outcome for each in await asyncio.gather(*large)} == {"failed:timeout"}
        assert (await workers.read(task("good"))).outcome == "listing"

    run(stop_and_read())


def test_stopping_ends_every_worker_at_once_though_it_reads(workers: Workers) -> None:
    async def stop_while_reading() -> set[int]:
        readers = {pid_of(each) for each in await read_all(workers, *["sleep/0.2"] * 4)}
        reading = [asyncio.ensure_future(workers.read(task("sleep/1.9"))) for _ in range(6)]
        await asyncio.sleep(0.2)
        workers.stop()
        ended = await asyncio.gather(*reading, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended)
        return readers

    assert [pid for pid in run(stop_while_reading()) if is_running(pid)] == []


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
