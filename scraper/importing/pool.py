"""Several processes that index files, and one place where all that they find is written down."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from scraper.crawling.workers import PRELOADED
from scraper.deafness import deaf
from scraper.importing.indexing import Batch, Bring, Brought, Refused, Setup, Walk, index

Order = Bring | Walk | None
Answer = Brought | Refused | Batch
Work = Generator[Order, Answer, None]
"""The work on one file: yields what its process shall do (None: go on), and is sent what that came to."""


class ReaderDied(Exception):
    """The process that read a file ended; raised where its work waits for an answer."""


@dataclass(slots=True)
class _Desk:
    process: BaseProcess
    connection: Connection
    work: Work


class Pool:
    """At most `count` processes. Their number is that of the files where those are fewer."""

    def __init__(self, setup: Setup, count: int) -> None:
        self._setup, self._count = setup, count
        self._context = multiprocessing.get_context("forkserver")
        # There is one fork server for all: the workers that read pages come from it, too.
        self._context.set_forkserver_preload([*PRELOADED, "scraper.crawling.workers", index.__module__])
        with deaf():
            forkserver.ensure_running()
        self._idle: deque[tuple[BaseProcess, Connection]] = deque()
        self._desks: list[_Desk] = []

    def run(self, works: Iterator[Work], between: Callable[[], None] = lambda: None) -> None:
        """Do all the work, as many files at once as there are processes. What a work raises ends it all."""
        for work in works:
            self._begin(work)
            while len(self._desks) >= self._count:
                self._serve()
                between()
        while self._desks:
            self._serve()
            between()

    def stop(self) -> None:
        """End the processes at once. What they had found and not sent is found again."""
        for process, connection in [*self._idle, *((desk.process, desk.connection) for desk in self._desks)]:
            process.kill()
            process.join(5)
            connection.close()
        self._idle.clear()
        self._desks.clear()

    def _begin(self, work: Work) -> None:
        order = next(work, None)
        if order is None:
            return
        process, connection = self._idle.popleft() if self._idle else self._hire()
        desk = _Desk(process, connection, work)
        self._desks.append(desk)
        self._send(desk, order)

    def _hire(self) -> tuple[BaseProcess, Connection]:
        ours, theirs = self._context.Pipe()
        with theirs:
            process = self._context.Process(target=index, args=(theirs, self._setup), name="indexer", daemon=True)
            process.start()
        return process, ours

    def _serve(self) -> None:
        """Wait for answers, and go on with the works that got one."""
        by_connection = {desk.connection: desk for desk in self._desks}
        for ready in wait(list(by_connection)):
            desk = by_connection[ready]  # type: ignore[index]
            try:
                answer: Answer = desk.connection.recv()
            except (EOFError, OSError):
                self._lose(desk)
                continue
            try:
                order = desk.work.send(answer)
            except StopIteration:
                self._desks.remove(desk)
                self._idle.append((desk.process, desk.connection))
                continue
            if order is not None:
                self._send(desk, order)

    def _send(self, desk: _Desk, order: Bring | Walk) -> None:
        try:
            desk.connection.send(order)
        except OSError:
            self._lose(desk)

    def _lose(self, desk: _Desk) -> None:
        self._desks.remove(desk)
        desk.connection.close()
        desk.process.join(5)
        try:
            desk.work.throw(ReaderDied())
        except StopIteration:
            return
        raise AssertionError("work went on after its process had died")
