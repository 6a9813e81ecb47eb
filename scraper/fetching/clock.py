"""The one clock of a run: what time it is for schedule, leases, due times and manners.

`PRESSKEEP_NOW` sets it. An instant starts the clock there, and it runs on in real time from then; `leap:INSTANT`
does the same and lets waiting jump, so that months of crawls pass in seconds; `leap:INSTANT@FILE` shares the clock with
every process that names the file, a test server for instance. Socket time-outs and WARC-Date never ask this clock: they
stay real.
"""

from __future__ import annotations

import asyncio
import fcntl
import mmap
import os
import struct
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Lock
from time import monotonic, time
from typing import Any

from scraper.errors import UsageError

LEAP = "leap:"
YEARS = range(1970, 3000)
"""The years in which a clock may start: what lies years before and after an instant must be an instant too."""
_SHARED = struct.Struct("=dd")
"""What a shared clock's file holds: the real time (seconds since 1970) at which it began, and how far it has leapt."""
_EXAMPLE = "Give an ISO 8601 instant such as 2026-03-01T06:00:00Z, or leap:2026-03-01T06:00:00Z."


class Clock:
    """A clock that starts at `start` (default: the real time) and runs on in real time. Safe to share by threads.

    `leaps` says whether waiting may jump. It may for loopback and mapped hosts alone: who waits on behalf of
    another host must wait in real time.
    """

    def __init__(self, start: datetime | None = None, *, leaps: bool = False) -> None:
        if start is not None and start.tzinfo is None:
            raise ValueError("the clock's start needs a zone")
        self.leaps = leaps
        self._lock = Lock()
        self._offset = timedelta(0)
        self._begin: tuple[datetime, float] | None = None
        if start is not None:
            self._begin = (start.astimezone(UTC), monotonic())

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        with self._lock:
            if self._begin is None:
                return datetime.now(UTC) + self._offset
            start, at = self._begin
            return start + timedelta(seconds=monotonic() - at) + self._offset

    def leap(self, until: datetime) -> None:
        """Jump forward to `until`, if that is ahead. Raises RuntimeError where the clock may not leap."""
        if not self.leaps:
            raise RuntimeError("this clock does not leap")
        ahead = until - self.now()
        if ahead > timedelta(0):
            with self._lock:
                self._offset += ahead

    async def wait(self, seconds: float) -> None:
        """Wait so many seconds of this clock: by jumping where it leaps, else in real time."""
        if seconds <= 0:
            return
        if self.leaps:
            self.leap(self.now() + timedelta(seconds=seconds))
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(seconds)


class SharedClock(Clock):
    """A leaping clock that several processes on this machine share by a file, which the first of them makes.

    Whoever waits moves it for all. Raises UsageError where the file cannot be used.
    """

    def __init__(self, start: datetime, file: Path) -> None:
        super().__init__(start, leaps=True)
        self._start = start.astimezone(UTC)
        try:
            self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if os.fstat(self._descriptor).st_size < _SHARED.size:
                os.pwrite(self._descriptor, _SHARED.pack(time(), 0.0), 0)
            self._shared = mmap.mmap(self._descriptor, _SHARED.size)
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        except OSError as error:
            raise UsageError(f"cannot be used as a clock ({error.strerror})", str(file), _EXAMPLE) from error

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        began, offset = _SHARED.unpack(self._shared[:])
        return self._start + timedelta(seconds=time() - began + offset)

    def leap(self, until: datetime) -> None:
        """Jump forward to `until`, if that is ahead, with all who share the clock."""
        with self._lock:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                began, offset = _SHARED.unpack(self._shared[:])
                ahead = (until - self.now()).total_seconds()
                if ahead > 0:
                    self._shared[:] = _SHARED.pack(began, offset + ahead)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)


def clock_from(setting: str | None) -> Clock:
    """The clock that PRESSKEEP_NOW asks for; None is the real one. A time without zone is UTC.

    Raises UsageError for what is no instant, and for one that is outside YEARS.
    """
    if not setting:
        return Clock()
    leaps = setting.startswith(LEAP)
    text, _, shared = setting.removeprefix(LEAP).strip().partition("@")
    if shared and not leaps:
        raise UsageError(f"{setting!r} shares a clock that does not leap", "PRESSKEEP_NOW", _EXAMPLE)
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no instant", "PRESSKEEP_NOW", _EXAMPLE) from None
    if start.year not in YEARS:
        said = f"{text!r} is not within the years {YEARS.start} to {YEARS.stop - 1}"
        raise UsageError(said, "PRESSKEEP_NOW", _EXAMPLE)
    if start.tzinfo is None:
        start = start.replace(tzinfo=UTC)
    return _shared_clock(start, Path(shared).absolute()) if shared else Clock(start, leaps=leaps)


@cache
def _shared_clock(start: datetime, file: Path) -> SharedClock:
    """One for each file: a process that crawls for months asks for its clock at each round, and holds the file open."""
    return SharedClock(start, file)


def clock_of(crawler: Any) -> Clock:
    """The clock of a Scrapy crawler: the one it was given as `crawler.clock`, else made once from its settings."""
    clock = getattr(crawler, "clock", None)
    if not isinstance(clock, Clock):
        clock = clock_from(crawler.settings.get("PRESSKEEP_NOW"))
        crawler.clock = clock
    return clock
