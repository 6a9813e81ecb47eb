"""The extraction workers: processes that read hostile pages within limits of time and memory."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import math
import multiprocessing
import pickle
import resource
import signal
import socket
import struct
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from scraper.crawling.kept import KeptTask, read_again
from scraper.crawling.reading import Reader, ReadListing, ReadResult, ReadTask
from scraper.deafness import deaf
from scraper.extraction.page import Limits
from storage.errors import ArchiveDamaged

if TYPE_CHECKING:
    from scraper.outlet import Outlet

log = logging.getLogger(__name__)

PRELOADED = ("scraper.extraction.extracting", "scraper.fetching.decoding", "spiders.ways")
"""Modules that the fork server loads once, so that the workers share their pages of memory."""

PAGES_A_WORKER = 2_000
"""A worker goes after so many pages: what leaks in parsers of others does not add up."""

START_SECONDS = 60.0
"""How long a worker may take until it is ready."""
STARTS = 5
"""So many starts in a row may fail before a page is given up for want of a worker."""
GRACE_SECONDS = 5
"""A worker outlives its limit by so many seconds, then it ends itself: its parent may be gone."""
DAMAGED = "failed:record-damaged"
"""The outcome of a kept capture whose record cannot be read."""
DIED = "failed:worker-died"

Task = ReadTask | KeptTask


@dataclass(frozen=True, slots=True)
class _Setup:
    """What makes a process a worker."""

    outlets: dict[str, Outlet]
    limits: Limits
    read_listing: ReadListing | None
    seconds: float
    memory: int


class Workers:
    """Processes that read captures, each with a thread here that hands it its tasks.

    One hostile page costs one worker's seconds and nothing else: beyond `seconds` or `memory` bytes (address space
    of a worker) its outcome is 'failed:timeout' or 'failed:memory', and another worker takes its place. Nothing is
    shared between workers, so that one may be killed at any moment; a page whose worker died is read once more by
    another. Start it before the reactor and before threads: the fork server must be forked from a quiet process.
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
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*PRELOADED, __name__])
        with deaf():
            forkserver.ensure_running()
        setup = _Setup(dict(outlets), limits, read_listing, seconds, memory)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._stopping = threading.Event()
        self._desks = [_Desk(context, setup, self._jobs, self._stopping) for _ in range(count)]

    async def read(self, task: ReadTask) -> ReadResult:
        """Read one capture. What kills or stops a worker is an outcome too."""
        (result,) = await asyncio.wrap_future(self.read_all([task]))
        return result

    def read_all(self, tasks: Sequence[Task]) -> Future[list[ReadResult]]:
        """Read some captures, one after the other, by one worker: it need not wait for the next between them.

        Each has its own limits, and what kills the worker costs none of the others.
        """
        job = _Job(tasks, Future())
        self._jobs.put(job)
        return job.future

    def stop(self) -> None:
        """End the workers at once; what they were reading stays pending."""
        self._stopping.set()
        for desk in self._desks:
            self._jobs.put(None)
            desk.kill()
        for desk in self._desks:
            desk.join()


@dataclass(frozen=True, slots=True)
class _Job:
    tasks: Sequence[Task]
    future: Future[list[ReadResult]]


class _WorkerGone(Exception):
    """The worker ended while it had a task, or before it took one."""


class _Desk:
    """The thread that serves one worker, and puts another in its place when it ends."""

    def __init__(self, context: Any, setup: _Setup, jobs: SimpleQueue[_Job | None], stopping: threading.Event) -> None:
        self._context, self._setup, self._jobs, self._stopping = context, setup, jobs, stopping
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._serve, name="worker-desk", daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """End the worker, whatever it does."""
        process = self._process
        if process is not None:
            process.kill()

    def join(self) -> None:
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        with contextlib.suppress(_WorkerGone):
            self._worker()  # the first page need not wait for it
        while (job := self._jobs.get()) is not None:
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                results = self._read(job.tasks)
            except Exception as error:  # noqa: BLE001 - whoever waits for the page is told
                job.future.set_exception(error)
                continue
            if self._stopping.is_set():
                job.future.set_exception(CancelledError())
            else:
                job.future.set_result(results)
        self._dismiss()

    def _read(self, tasks: Sequence[Task]) -> list[ReadResult]:
        """Read tasks; one once more where the worker died of it, which may have had nothing to do with the page."""
        results: list[ReadResult] = []
        deaths = 0
        while len(results) < len(tasks) and not self._stopping.is_set():
            done = len(results)
            try:
                self._ask(tasks[done:], results)
            except _WorkerGone:
                self._dismiss()
                deaths = deaths + 1 if len(results) == done else 1
                if deaths == 2:
                    results.append(ReadResult(outcome=DIED))
                    deaths = 0
            except TimeoutError:
                self._dismiss()
                results.append(ReadResult(outcome="failed:timeout"))
                deaths = 0
        return results

    def _ask(self, tasks: Sequence[Task], results: list[ReadResult]) -> None:
        """Let the worker read tasks, adding what each came to; fewer where the worker goes in between.

        Raises _WorkerGone, and TimeoutError where the worker does not answer within its limit.
        """
        connection = self._worker()
        try:
            connection.send(tasks)
            for task in tasks:
                if not connection.poll(self._setup.seconds):
                    raise TimeoutError
                result, fault, is_last = connection.recv()
                if fault:
                    log.error("reading %s failed: %s", task.url, fault.rstrip().rpartition("\n")[2])
                    log.debug("%s", fault)
                assert isinstance(result, ReadResult)
                results.append(result)
                if is_last:
                    self._dismiss()
                    return
        except (BlockingIOError, TimeoutError) as error:
            raise TimeoutError from error
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise _WorkerGone from error

    def _worker(self) -> Connection:
        """The worker's connection; a new worker's where there is none that lives. Raises _WorkerGone."""
        if self._process is not None and self._connection is not None and self._process.is_alive():
            return self._connection
        for attempt in range(STARTS):
            self._dismiss()
            if self._stopping.is_set():
                break
            try:
                return self._hire()
            except (OSError, EOFError) as error:
                if self._stopping.is_set():
                    break
                # One that a signal to all processes of the run has ended is none to warn of: the next is started.
                level = logging.WARNING if attempt == STARTS - 1 else logging.INFO
                log.log(level, "a worker did not start: %s", str(error) or type(error).__name__)
                self._stopping.wait(0.1 * 2**attempt)
        raise _WorkerGone

    def _hire(self) -> Connection:
        ours, theirs = self._context.Pipe()
        self._connection = ours
        with theirs:
            process = self._context.Process(target=_work, args=(theirs, self._setup), name="reader", daemon=True)
            process.start()
        self._process = process
        if self._stopping.is_set():
            raise EOFError("the run ends")
        if not ours.poll(START_SECONDS):
            raise TimeoutError("it was not ready in time")
        ours.recv()
        _bound(ours, self._setup.seconds)
        return self._connection

    def _dismiss(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.join(timeout=1)
        self._process = self._connection = None


def _bound(connection: Connection, seconds: float) -> None:
    """Let no send or receive over a connection take longer: a worker may be stopped in the middle of either."""
    limit = struct.pack("ll", math.ceil(seconds), 0)
    with socket.fromfd(connection.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def _work(connection: Connection, setup: _Setup) -> None:
    """A worker's life: bounded memory, deaf to the terminal's signals (the parent ends it), one task at a time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    gc.freeze()  # the fork server's memory stays shared: a search for cycles would write to each object
    resource.setrlimit(resource.RLIMIT_AS, (setup.memory, setup.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    reader = Reader(setup.outlets, setup.limits, setup.read_listing)
    with contextlib.suppress(OSError):  # where the parent is gone no task comes either
        connection.send(None)
    for left, task in zip(reversed(range(PAGES_A_WORKER)), _tasks(connection), strict=False):
        signal.alarm(math.ceil(setup.seconds) + GRACE_SECONDS)
        result, fault = _read(reader, task)
        signal.alarm(0)
        # What ran out of memory left its pieces behind: such a worker goes.
        is_last = left == 0 or result.outcome == "failed:memory"
        try:
            connection.send((result, fault, is_last))
        except MemoryError:
            connection.send((ReadResult(outcome="failed:memory"), "", True))
        except OSError:
            return  # the parent is gone
        if is_last:
            return


def _tasks(connection: Connection) -> Iterator[Task]:
    """The tasks that come, until the parent is gone."""
    while True:
        try:
            tasks = connection.recv()
        except (EOFError, OSError):
            return
        yield from tasks


def _read(reader: Reader, task: Task) -> tuple[ReadResult, str]:
    """What a capture is, and what broke where reading it broke."""
    try:
        return (read_again(reader, task) if isinstance(task, KeptTask) else reader.read(task)), ""
    except ArchiveDamaged as error:
        return ReadResult(outcome=DAMAGED), str(error)
    except MemoryError:
        return ReadResult(outcome="failed:memory"), ""
    except RecursionError:
        return ReadResult(outcome="failed:too-deep"), ""
    except Exception:  # noqa: BLE001 - whatever a page does to a parser is that page's outcome
        return ReadResult(outcome="failed:reader-broke"), traceback.format_exc(limit=-8)
