"""The extraction workers: processes that read hostile pages within limits of time and memory."""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import signal
from collections.abc import Mapping
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TYPE_CHECKING

from scraper.crawling.reading import Reader, ReadListing, ReadResult, ReadTask
from scraper.extraction.page import Limits

if TYPE_CHECKING:
    from pebble import ProcessPool

    from scraper.outlet import Outlet

PRELOADED = ("scraper.extraction.extracting", "scraper.fetching.decoding", "spiders.ways")
"""Modules that the fork server loads once, so that the workers share their pages of memory."""

PAGES_A_WORKER = 2_000
"""A worker goes after so many pages: what leaks in parsers of others does not add up."""

_reader: Reader | None = None


class Workers:
    """A pool of processes that read captures.

    One hostile page costs one worker's seconds and nothing else: beyond `seconds` or `memory` bytes (address space
    of a worker) its outcome is 'failed:timeout' or 'failed:memory', and another worker takes its place. Start it
    before the reactor and before threads: the fork server must be forked from a quiet process.
    """

    def __init__(
        self,
        outlets: Mapping[str, Outlet],
        limits: Limits,
        read_listing: ReadListing | None,
        *,
        count: int,
        seconds: float,
        memory: int,
    ) -> None:
        self._seconds = seconds
        self._pool: ProcessPool = _start_pool(dict(outlets), limits, read_listing, count, memory)

    async def read(self, task: ReadTask) -> ReadResult:
        """Read one capture. What kills or stops a worker is an outcome too."""
        from pebble import ProcessExpired

        future = self._pool.schedule(_read, args=(task,), timeout=self._seconds)
        try:
            return await asyncio.wrap_future(future)
        except (TimeoutError, FutureTimeout):
            return ReadResult(outcome="failed:timeout")
        except MemoryError:
            return ReadResult(outcome="failed:memory")
        except ProcessExpired:
            return ReadResult(outcome="failed:worker-died")
        except RecursionError:
            return ReadResult(outcome="failed:too-deep")

    def stop(self) -> None:
        """End the workers at once; what they were reading stays pending."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join(timeout=10)


def _start_pool(
    outlets: dict[str, Outlet], limits: Limits, read_listing: ReadListing | None, count: int, memory: int
) -> ProcessPool:
    from pebble import ProcessPool

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, __name__])
    return ProcessPool(
        max_workers=count,
        max_tasks=PAGES_A_WORKER,
        initializer=_prepare,
        initargs=(outlets, limits, read_listing, memory),
        context=context,
    )


def _prepare(outlets: dict[str, Outlet], limits: Limits, read_listing: ReadListing | None, memory: int) -> None:
    """Make this process a worker: bounded memory, deaf to the terminal's Ctrl-C (the parent ends it)."""
    global _reader
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    _reader = Reader(outlets, limits, read_listing)


def _read(task: ReadTask) -> ReadResult:
    assert _reader is not None, "the worker was not prepared"
    return _reader.read(task)
