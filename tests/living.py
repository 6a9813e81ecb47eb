"""Crawls that a test talks to while they run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from scraper.demo.process import Replica
from tests.crawling import DAY, ROOT, Ran, Served, place_options, replica_options
from tests.databases import Place

PATIENCE = 60.0


@contextmanager
def living_crawl(
    place: Place,
    replica: Served,
    *more: str,
    environment: Mapping[str, str] | None = None,
    program: Sequence[str] = ("-m", "scraper.cli"),
    outlet: str = "demo",
    before: Sequence[str] = (),
) -> Iterator[subprocess.Popen[str]]:
    """A crawl in a process group of its own, as a shell starts it; killed at the end where it still runs. `before` is a
    program that starts it."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PRESSKEEP_")}
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    variables |= {"PRESSKEEP_LOG_LEVEL": "WARNING", "PRESSKEEP_NOW": DAY.format(day=1, hour=12), **(environment or {})}
    command = [
        *before, sys.executable, *program, "crawl", outlet, "--json",
        *place_options(place), *replica_options(replica), *more,
    ]  # fmt: skip
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=variables, start_new_session=True, preexec_fn=heed_hangups
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def heed_hangups() -> None:
    """What a terminal's shell starts heeds SIGHUP, whatever started the tests (nohup makes its children ignore it)."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def ignore_interrupts() -> None:
    """What a script's shell starts in the background ignores SIGINT."""
    heed_hangups()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end_of(process: subprocess.Popen[str]) -> Ran:
    """What a crawl came to."""
    out, err = process.communicate(timeout=PATIENCE)
    return Ran(process.returncode, out, err)


def wait_until(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Wait for something that comes, at most `patience` seconds."""
    until = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < until, f"never came: {what}"
        time.sleep(0.05)


def asked_for(replica: Replica, requests: int) -> Callable[[], bool]:
    """Whether the replica has had so many requests more than now."""
    before = len(replica.requests())
    return lambda: len(replica.requests()) >= before + requests


def open_files(place: Place) -> list[Path]:
    """WARC files that nobody has closed."""
    return list((place.folder / "warc").glob("*.open"))
