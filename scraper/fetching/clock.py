"""The one clock of a run: what time it is for schedule, leases, due times and manners.

`PRESSKEEP_NOW` sets it. An instant starts the clock there, and it runs on in real time from then; `leap:INSTANT`
does the same and lets waiting jump, so that months of crawls pass in seconds. Socket time-outs and WARC-Date never
ask this clock: they stay real.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Any

from scraper.errors import UsageError

LEAP = "leap:"
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


def clock_from(setting: str | None) -> Clock:
    """The clock that PRESSKEEP_NOW asks for; None is the real one. A time without zone is UTC.

    Raises UsageError for what is no instant.
    """
    if not setting:
        return Clock()
    leaps = setting.startswith(LEAP)
    text = setting.removeprefix(LEAP).strip()
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no instant", "PRESSKEEP_NOW", _EXAMPLE) from None
    if start.tzinfo is None:
        start = start.replace(tzinfo=UTC)
    return Clock(start, leaps=leaps)


def clock_of(crawler: Any) -> Clock:
    """The clock of a Scrapy crawler: the one it was given as `crawler.clock`, else made once from its settings."""
    clock = getattr(crawler, "clock", None)
    if not isinstance(clock, Clock):
        clock = clock_from(crawler.settings.get("PRESSKEEP_NOW"))
        crawler.clock = clock
    return clock
