"""`presskeep run` that a test talks to while it lives; it prints to files, since nobody reads it meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crawling import ROOT, Ran, Served, place_options, replica_options
from tests.databases import Place
from tests.living import heed_hangups, wait_until

LEAPING = "leap:2026-06-01T12:00:00Z"
"""A clock by which rests take no time: what is tried again is tried again at once."""
SOON = 25.0
"""Seconds in which a signal must have ended it: far more than the few that it takes, and less than it rests."""


@dataclass(frozen=True)
class LastingRun:
    """A living `presskeep run`."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def rounds(self) -> list[dict[str, Any]]:
        """The reports of the rounds so far."""
        whole, _, _ = self.out.read_text("utf-8").rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def errors(self) -> list[str]:
        """What the rounds so far said against what they found."""
        return [each["error"] for each in self.rounds() if each["error"] is not None]

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that comes while it lives."""

        def come() -> bool:
            assert self.process.poll() is None, f"it ended: {self.err.read_text('utf-8')}"
            return condition()

        wait_until(come, what)

    def wait_for_error(self, *words: str) -> None:
        """Wait for a round that ends with an error of these words."""
        self.wait_for(lambda: any(all(word in each for word in words) for each in self.errors()), f"{words}")

    def end(self, *signals: signal.Signals) -> Ran:
        """Send it signals, SIGTERM if none is named, and see it end soon."""
        for each in signals or (signal.SIGTERM,):
            os.kill(self.process.pid, each)
        code = self.process.wait(SOON)
        return Ran(code, self.out.read_text("utf-8"), self.err.read_text("utf-8"))


@contextmanager
def lasting_run(
    place: Place,
    site: Served,
    *more: str,
    folder: Path,
    outlet: str = "demo",
    now: str | None = LEAPING,
    program: Sequence[str] = ("-m", "scraper.cli"),
    before: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[LastingRun]:
    """Let it look after an outlet until the block ends; `before` is a program that starts it."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PRESSKEEP_")}
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    variables |= {"PRESSKEEP_LOG_LEVEL": "WARNING"} | ({"PRESSKEEP_NOW": now} if now else {}) | dict(environment or {})
    words = [
        *before, sys.executable, *program, "run", outlet, "--json",
        *place_options(place), *replica_options(site), *more,
    ]  # fmt: skip
    folder.mkdir(exist_ok=True)
    files = folder / "out", folder / "err"
    with files[0].open("wb") as out, files[1].open("wb") as err:
        process = subprocess.Popen(
            words, stdout=out, stderr=err, env=variables, start_new_session=True, preexec_fn=heed_hangups
        )
    try:
        yield LastingRun(process, *files)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
