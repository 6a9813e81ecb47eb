"""Show how far work of known size has come: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from scraper.cli.printing import one_line, write_error

if TYPE_CHECKING:
    from rich.progress import TaskID

PLAIN_SECONDS = 10.0
"""Seconds between two plain lines."""
BYTES = "bytes"
"""What is counted where numbers are told in MB."""


def show_estimate(what: str) -> BarEstimate | PlainEstimate:
    """The display that suits standard error; a context manager. `what` names the things that are counted."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return BarEstimate(what)
    return PlainEstimate(what)


def time_left(done: int, total: int, seconds: float) -> str:
    """How long it goes on at the speed so far, in words; '' where nothing tells it yet."""
    if not done or seconds <= 0:
        return ""
    left = round((total - done) * seconds / done)
    if left < 60:
        return f"about {left} s left"
    if left < 3600:
        return f"about {left // 60} min left"
    return f"about {left // 3600} h {left % 3600 // 60} min left"


class PlainEstimate(AbstractContextManager["PlainEstimate"]):
    """A line every ten seconds."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._name = ""
        self._begun = self._last = monotonic()

    def __call__(self, name: str, done: int, total: int) -> None:
        """Say how far the work that goes by `name` has come."""
        now = monotonic()
        if name != self._name:
            self._name, self._begun, self._last = name, now, now
        if now - self._last < PLAIN_SECONDS:
            return
        self._last = now
        seconds = now - self._begun
        parts = [self._told(name, done, total, seconds), time_left(done, total, seconds)]
        self.say(", ".join(part for part in parts if part))

    def _told(self, name: str, done: int, total: int, seconds: float) -> str:
        if self._what == BYTES:
            return f"{name}: {done / 1e6:,.1f} of {total / 1e6:,.1f} MB, {done / 1e6 / seconds:,.1f} MB/s"
        return f"{name}: {done} of {total} {self._what}, {done / seconds:.1f}/s"

    def say(self, line: str) -> None:
        """Print a line on standard error."""
        write_error(one_line(line))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class BarEstimate(AbstractContextManager["BarEstimate"]):
    """A bar for each name, with the speed and the time that is left."""

    def __init__(self, what: str) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._console = Console(stderr=True, highlight=False, markup=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            *((DownloadColumn(),) if what == BYTES else (MofNCompleteColumn(), TextColumn(what, markup=False))),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, name: str, done: int, total: int) -> None:
        """Say how far the work that goes by `name` has come."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(one_line(name), total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._console.print(one_line(line), soft_wrap=True)
