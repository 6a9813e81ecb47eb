"""Run checks in several processes, and give their answers in order; the processes end when this one does."""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import Any

from storage.errors import CheckStopped
from storage.fixity.findings import Finding
from storage.fixity.members import Checked

_AHEAD = 4
"""Tasks for each process that are on their way at once."""
_TERMINALS = (signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Task:
    """A check to run: the file that it is about, a function of a module, and what it is called with."""

    about: str
    function: Callable[..., Checked]
    arguments: tuple[Any, ...]


class Pool:
    """Runs tasks in `jobs` processes; with one job, here. A context manager: leaving it ends the processes.

    They are deaf to a terminal's signals, and each has a pipe of its own: it ends when this process is gone, however
    that ended.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._workers: list[_Worker] = []
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Pool:
        if self._jobs > 1:
            resource_tracker.ensure_running()  # what starts it lets SIGINT through again, and the next may get it
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINALS)  # the fork server and its children inherit it
            try:
                self._workers = [_Worker() for _ in range(self._jobs)]
            except (OSError, EOFError) as error:
                raise CheckStopped(f"the processes that check files cannot be started ({error})") from error
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            for each in self._workers:
                self._idle.put(each)
            self._threads = ThreadPoolExecutor(self._jobs)
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._workers:
            each.kill()  # so that the threads that wait for them wait no more
        if self._threads:
            self._threads.shutdown(cancel_futures=True)
        for each in self._workers:
            each.close()

    def run(self, tasks: Iterator[Task | Finding]) -> Iterator[Checked | Finding]:
        """The answers to the tasks, and the findings among them, in order. Raises CheckStopped where a process died."""
        waiting: deque[Future[Checked] | Finding] = deque()
        for task in tasks:
            if isinstance(task, Finding):
                waiting.append(task)
            elif self._threads is None:
                yield from self._all(waiting)
                yield task.function(*task.arguments)
            else:
                waiting.append(self._threads.submit(self._ask, task))
            while len(waiting) > self._jobs * _AHEAD:
                yield _answer(waiting.popleft())
        yield from self._all(waiting)

    def _all(self, waiting: deque[Future[Checked] | Finding]) -> Iterator[Checked | Finding]:
        while waiting:
            yield _answer(waiting.popleft())

    def _ask(self, task: Task) -> Checked:
        worker = self._idle.get()
        try:
            return worker.ask(task)
        finally:
            self._idle.put(worker)


class _Worker:
    """A process that does one task after the other."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._connection, theirs = context.Pipe()
        with theirs:
            self._process: BaseProcess = context.Process(target=_work, args=(theirs,), name="checker", daemon=True)
            self._process.start()

    def ask(self, task: Task) -> Checked:
        """What a task comes to; blocks. Raises CheckStopped where the process died of it, or had died before."""
        try:
            self._connection.send((task.function, task.arguments))
            answer = self._connection.recv()
        except (EOFError, OSError):
            self._process.join(5)
            code = self._process.exitcode or 0
            how = f"was killed by signal {-code}" if code < 0 else "ended"
            raise _stopped(task.about, how) from None
        if isinstance(answer, MemoryError):
            raise _stopped(task.about, "ran out of memory")
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Checked)
        return answer

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.join(5)
        self._connection.close()


def _work(connection: Connection) -> None:
    """A process's life: one task after the other, until the parent is gone."""
    for each in _TERMINALS:
        signal.signal(each, signal.SIG_IGN)
    answer: Checked | Exception
    while True:
        try:
            function, arguments = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer = function(*arguments)
        except Exception as error:  # noqa: BLE001 - whoever waits for the answer is told
            error.add_note(traceback.format_exc())
            answer = error
        try:
            connection.send(answer)
        except OSError:
            return


def _stopped(path: str, how: str) -> CheckStopped:
    what = f"the process that checked this file {how}"
    return CheckStopped(what, path, "Run the same command again, with --jobs 1 where memory is short.")


def _answer(given: Future[Checked] | Finding) -> Checked | Finding:
    return given if isinstance(given, Finding) else given.result()
