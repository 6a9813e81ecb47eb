"""Show how a crawl goes: a live table on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from scraper.cli.printing import counted, one_line, write_error
from scraper.cli.stopping import output_may_be_gone

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

    from scraper.crawling.tally import Tally

PLAIN_SECONDS = 10.0
"""Seconds between two plain lines."""
HOSTS_SHOWN = 15


class Progress(Protocol):
    """Watches a crawl: is called with the outlet's name and its counts whenever they change."""

    def __call__(self, outlet: str, tally: Tally) -> None: ...
    def say(self, line: str) -> None:
        """Print a line beside the progress."""


def show_progress(*, quiet: bool = False) -> LiveProgress | PlainProgress:
    """The progress that suits standard error; a context manager. `quiet` shows none but still says lines."""
    if not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return LiveProgress()
    return PlainProgress(quiet=quiet)


def counts_of(tally: Tally) -> dict[str, int]:
    """The counts that progress shows, by name."""
    counts = {
        "pages": tally.pages,
        "articles": tally.articles,
        "new": tally.new,
        "edited": tally.edits,
        "duplicates": tally.duplicates,
        "refused": sum(tally.refused.values()),
        "failures": sum(tally.failed.values()),
    }
    return counts | ({"media": tally.media} if tally.media else {})


def _in_words(tally: Tally) -> list[str]:
    """The counts with their names, as nouns where they are some."""
    nouns = ("pages", "articles", "duplicates", "failures")
    return [
        counted(number, name.removesuffix("s")) if name in nouns else f"{number} {name}"
        for name, number in counts_of(tally).items()
    ]


def say_now_and_then() -> Callable[[str], None]:
    """Says a line on standard error where the last one, or the beginning, is ten seconds ago; else nothing."""
    last = monotonic()

    def say(line: str) -> None:
        nonlocal last
        now = monotonic()
        if now - last >= PLAIN_SECONDS:
            last = now
            write_error(line)

    return say


class PlainProgress(AbstractContextManager["PlainProgress"]):
    """A line for each outlet every ten seconds."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._begun = self._last = monotonic()

    def __call__(self, outlet: str, tally: Tally) -> None:
        now = monotonic()
        if self._quiet or now - self._last < PLAIN_SECONDS:
            return
        self._last = now
        counts = ", ".join(_in_words(tally))
        self.say(f"{outlet}: {counts}, {_rate(tally.pages, now - self._begun)}")

    def say(self, line: str) -> None:
        """Print a line on standard error."""
        write_error(one_line(line))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class LiveProgress(AbstractContextManager["LiveProgress"]):
    """A table that is drawn anew four times a second: what was done in all, and by domain."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True, highlight=False, markup=False)
        self._begun = monotonic()
        self._outlet = ""
        self._tally: Tally | None = None
        self._live: Live = Live(console=self._console, get_renderable=self._draw, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with output_may_be_gone():
            self._live.stop()

    def __call__(self, outlet: str, tally: Tally) -> None:
        if outlet != self._outlet:
            self._outlet, self._begun = outlet, monotonic()
        self._tally = tally

    def say(self, line: str) -> None:
        """Print a line above the table."""
        with output_may_be_gone():
            self._console.print(one_line(line), soft_wrap=True)

    def _draw(self) -> Group:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        tally = self._tally
        if tally is None:
            return Group(Text("Starting ..."))
        seconds = monotonic() - self._begun
        counts = "  ".join(_in_words(tally))
        hosts = Table(box=None, padding=(0, 1, 0, 0), show_header=False)
        hosts.add_column(justify="right", no_wrap=True, min_width=5)
        hosts.add_column(no_wrap=True, overflow="ellipsis")
        for host, pages in list(tally.domains.items())[:HOSTS_SHOWN]:
            hosts.add_row(str(pages), one_line(host))
        title = f"{one_line(self._outlet)}  {_rate(tally.pages, seconds)}  {seconds:.0f} s"
        return Group(Text(title, style="bold"), Text(counts), hosts)


def _rate(pages: int, seconds: float) -> str:
    return f"{pages / seconds:.1f}/s" if seconds > 0 else "0/s"
