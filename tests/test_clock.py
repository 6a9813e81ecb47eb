"""One clock, that PRESSKEEP_NOW sets."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scraper.errors import UsageError
from scraper.fetching.clock import Clock, SharedClock, clock_from

START = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)


def test_without_a_setting_it_is_the_real_time() -> None:
    for setting in (None, ""):
        assert abs(clock_from(setting).now() - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    "setting", ["2026-03-01T06:00:00Z", "2026-03-01T09:30:00+03:30", "2026-03-01T06:00", "leap:2026-03-01T06:00:00Z"]
)
def test_an_instant_starts_the_clock_there_and_it_runs_on(setting: str) -> None:
    clock = clock_from(setting)
    first = clock.now()
    time.sleep(0.01)
    assert timedelta(0) <= first - START < timedelta(seconds=5)
    assert first < clock.now() < first + timedelta(seconds=5)
    assert clock.leaps is setting.startswith("leap:")


@pytest.mark.parametrize(
    "setting",
    [
        "soon",
        "leap:",
        "leap",
        "1772344800",
        "2026-13-01",
        "9999-12-31T23:59:59Z",
        "leap:3000-01-01",
        "1969-12-31T23:59:59Z",
        "0001-01-01",
    ],
)
def test_what_is_no_instant_is_refused_with_an_example(setting: str) -> None:
    with pytest.raises(UsageError, match="2026-03-01T06:00:00Z"):
        clock_from(setting)


@pytest.mark.parametrize("setting", ["1970-01-01T00:00:00Z", "2999-12-31T23:59:59-12:00"])
def test_an_instant_at_either_end_of_what_is_allowed_is_taken(setting: str) -> None:
    assert clock_from(setting).now() - datetime.fromisoformat(setting) < timedelta(seconds=5)


def test_a_leaping_clock_waits_by_jumping_and_never_back() -> None:
    clock = Clock(START, leaps=True)
    asyncio.run(clock.wait(86_400))
    assert clock.now() - START >= timedelta(days=1)
    clock.leap(START + timedelta(days=30))
    clock.leap(START)
    assert timedelta(days=30) <= clock.now() - START < timedelta(days=30, seconds=5)


def test_a_clock_that_does_not_leap_waits_in_real_time() -> None:
    clock = Clock(START)
    begun = time.monotonic()
    asyncio.run(clock.wait(0.05))
    assert time.monotonic() - begun >= 0.05
    with pytest.raises(RuntimeError):
        clock.leap(START + timedelta(days=1))


def test_processes_that_name_the_same_file_share_a_leaping_clock(tmp_path: Path) -> None:
    setting = f"leap:2026-03-01T06:00:00Z@{tmp_path / 'clock'}"
    clock = clock_from(setting)
    leap = "from scraper.fetching.clock import clock_from; import sys, datetime; c = clock_from(sys.argv[1]);"
    leap += "c.leap(c.now() + datetime.timedelta(days=int(sys.argv[2])))"
    subprocess.run([sys.executable, "-c", leap, setting, "3"], check=True)
    assert timedelta(days=3) <= clock.now() - START < timedelta(days=3, minutes=1)
    # Another file is another clock.
    subprocess.run([sys.executable, "-c", leap, setting.replace("clock", "other"), "9"], check=True)
    assert clock.now() - START < timedelta(days=4)
    with pytest.raises(UsageError, match="does not leap"):
        clock_from(f"2026-03-01T06:00:00Z@{tmp_path / 'clock'}")
    with pytest.raises(UsageError, match="clock"):
        clock_from(f"leap:2026-03-01T06:00:00Z@{tmp_path}")


def test_a_start_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Clock(datetime(2026, 3, 1))


def test_a_shared_clock_is_opened_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    """`run` asks for it at each round, some three hundred times a day."""
    setting = f"leap:2026-03-01T06:00:00Z@{tmp_path / 'clock'}"
    first = clock_from(setting)
    before = _descriptors()
    clocks = [clock_from(setting) for _ in range(50)]
    assert _descriptors() == before
    twins = [SharedClock(datetime(2026, 3, 1, 6, tzinfo=UTC), tmp_path / "clock") for _ in range(5)]
    assert _descriptors() >= before + 5
    twins[0].leap(twins[0].now() + timedelta(days=9))
    assert all(clock.now() >= datetime(2026, 3, 10, 6, tzinfo=UTC) for clock in (first, *clocks))


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
