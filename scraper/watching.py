"""Asking an archive what needs a person, and telling a command of it once a day."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from scraper.errors import ScraperError, UsageError
from scraper.replacing import replace_text
from storage.archive import Archive
from storage.health import Concern, OutletFacts, find_concerns, gather_facts
from storage.status import outlet_names

if TYPE_CHECKING:
    from scraper.config import Config

HOOK_SECONDS, LOOK_SECONDS = 60.0, 0.2
STANDARD_ERROR = 2
TELL_AGAIN = timedelta(days=1)
"""After how long a finding that is still there is told again."""
TOLD = "told.json"
"""The file in the archive's folder that remembers what was told when."""
_MOST_TOLD = 10_000


class NotifyFailed(ScraperError):
    """The command that should be told of findings could not be run, or failed."""


def check_health(config: Config, now: datetime, outlet: str | None = None) -> tuple[list[OutletFacts], list[Concern]]:
    """What is known of the outlets that are crawled, and what of it needs a person at `now` (UTC).

    Raises UsageError for an outlet that the archive does not hold.
    """
    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        known = outlet_names(connection) if outlet is not None else ()
        if outlet is not None and outlet not in known:
            raise UsageError("is no outlet of this archive", outlet, f"It holds: {', '.join(known) or 'none'}.")
        facts = gather_facts(connection, now, outlet)
    return facts, find_concerns(facts, now, _free(config), config.min_free_bytes)


def notify(
    command: str,
    concerns: Sequence[Concern],
    looked_at: Collection[str],
    folder: Path,
    now: datetime,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> bool:
    """Run the operator's command, without a shell, with one JSON object a line for each finding that it was not told
    of within a day; gives whether there was any. `looked_at` names the outlets that the findings may be of. `folder` is
    the archive's, where what was told is remembered.

    Raises NotifyFailed where the command cannot be run, fails, takes longer than a minute, or is not done when
    `stopped` says so; then all is told again next time.
    """
    told = _read_told(folder / TOLD)
    mark = sha256(command.encode()).hexdigest()[:8]
    names = {each: f"{mark}:{each.outlet or ''}:{each.kind}" for each in concerns}
    # What was told at a time to come was told by a clock that was set back since.
    news = [each for each in concerns if not timedelta(0) <= now - told.get(names[each], _LONG_AGO) < TELL_AGAIN]
    if not news:
        return False
    _run_hook(command, "".join(json.dumps(asdict(each)) + "\n" for each in news), stopped)
    # A finding that has gone is forgotten: when it comes back, it is news. Other commands are told of other outlets.
    ours, still = {f"{mark}:{name}" for name in ("", *looked_at)}, set(names.values())
    kept = {name: at for name, at in told.items() if name in still or name.rpartition(":")[0] not in ours}
    _write_told(folder / TOLD, kept | {names[each]: now for each in news})
    return True


def _run_hook(command: str, text: str, stopped: Callable[[], bool]) -> None:
    try:
        words = shlex.split(command)
        if not words:
            raise NotifyFailed(
                "names no command", "--notify", "For example: --notify 'mail -s presskeep me@example.org'"
            )
        with tempfile.TemporaryFile() as findings:
            findings.write(text.encode())
            findings.seek(0)
            # What it prints is no output of ours (--json); and it may start others, which are to end with it.
            own = subprocess.DEVNULL if sys.stderr is None else STANDARD_ERROR
            process = subprocess.Popen(words, stdin=findings, stdout=own, start_new_session=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NotifyFailed(f"{command!r} cannot be run ({reason})", "--notify") from error
    until = monotonic() + HOOK_SECONDS
    try:
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_SECONDS)
            if process.returncode is None and (stopped() or monotonic() > until):
                late = "when the run was told to stop" if stopped() else "within a minute"
                raise NotifyFailed(f"the command was not done {late}", "--notify")
    finally:
        if process.returncode is None:
            _kill_group(process)
    if process.returncode:
        raise NotifyFailed(f"the command ended with {process.returncode}", "--notify")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a command that has not ended, and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _read_told(path: Path) -> dict[str, datetime]:
    """What was told when; nothing where that is not known, so that rather too much is told than too little."""
    try:
        found: Any = json.loads(path.read_text("utf-8"))
        times = {str(name): datetime.fromisoformat(at) for name, at in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
    return {name: at for name, at in times.items() if at.tzinfo is not None}


def _write_told(path: Path, told: dict[str, datetime]) -> None:
    kept = {name: at.isoformat() for name, at in list(told.items())[:_MOST_TOLD]}
    with suppress(OSError):  # an archive that can only be read remembers nothing
        replace_text(path, json.dumps(kept, indent=1) + "\n")


def _free(config: Config) -> int | None:
    try:
        return shutil.disk_usage(config.archive).free
    except OSError:
        return None
