"""Show how far work of known size is: a bar with an estimate on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from scraper.cli.printing import one_line, write_error

Told = Callable[[float, float], None]
"""Is told how much is done, and of how much, in the unit of the work."""

PLAIN_SECONDS = 10.0
"""Seconds between two plain lines."""


@contextmanager
def show_measure(label: str, *, unit: str = "bytes") -> Iterator[Told]:
    """Show on standard error how far the work is. `unit` is 'bytes', or the name of what is counted."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _bar(label, unit) as told:
            yield told
    else:
        yield _Lines(label, unit)


@contextmanager
def _bar(label: str, unit: str) -> Iterator[Told]:
    from rich import progress
    from rich.console import Console

    amount = progress.DownloadColumn() if unit == "bytes" else progress.MofNCompleteColumn()
    columns = ("{task.description}", progress.BarColumn(), amount, progress.TimeRemainingColumn())
    console = Console(stderr=True, highlight=False, markup=False)
    with progress.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(one_line(label), total=None)

        def told(done: float, total: float) -> None:
            bar.update(task, completed=done, total=total)

        yield told


class _Lines:
    """A line every ten seconds, with an estimate of what is left."""

    def __init__(self, label: str, unit: str) -> None:
        self._label, self._unit = label, unit
        self._begun = self._last = monotonic()

    def __call__(self, done: float, total: float) -> None:
        now = monotonic()
        if now - self._last < PLAIN_SECONDS or done <= 0:
            return
        self._last = now
        left = (now - self._begun) * max(0.0, total - done) / done
        write_error(one_line(f"{self._label}: {self._amount(done)} of {self._amount(total)}, about {left:.0f} s left"))

    def _amount(self, number: float) -> str:
        return f"{number / 1e6:,.1f} MB" if self._unit == "bytes" else f"{number:,.0f} {self._unit}"
