"""The demo from the command line: whole, again, interrupted, and beside another run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from storage.archive import Archive
from storage.crawls import hold_outlet
from storage.outlets import sync_outlet
from storage.owners import new_owner
from tests.living import heed_hangups
from tests.tiers import in_soak

ROOT = Path(__file__).parents[1]


def command(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "scraper.cli", "demo", "--archive", str(folder), *options]


def run_demo(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, *options), capture_output=True, text=True, timeout=100, cwd=ROOT)


def report(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.soak
@pytest.mark.long
def test_the_demo_tells_the_mission_and_three_commands_that_work_and_a_second_run_only_looks(tmp_path: Path) -> None:
    done = run_demo(tmp_path / "an archive", "--articles", "20")
    assert done.returncode == 0, done.stderr
    for said in ("20 new articles", "seized", "was refused", "An article as archived", "announced", "seen at"):
        assert said in done.stdout
    for line in done.stdout.splitlines()[-3:]:
        assert line.startswith("  presskeep ")
        pasted = f"{sys.executable} -m scraper.cli {line.strip().removeprefix('presskeep ')}"
        result = subprocess.run(pasted, shell=True, capture_output=True, text=True, timeout=60, cwd=ROOT)
        assert (result.returncode, bool(result.stdout)) == (0, True), result.stderr
    second = report(run_demo(tmp_path / "an archive", "--articles", "20", "--json"))
    of_crawl = {"crawl", "outlet", "began_at", "ended_at", "seconds", "finished", "error", "counts"}
    assert set(second) == {"archive", "exit_code", "status"} | of_crawl
    assert (second["counts"]["new"], second["counts"]["edits"], second["counts"]["articles"]) == (0, 0, 0)
    assert second["counts"]["pages"] > 0
    assert second["status"]["articles"] == second["status"]["revisions"] == 20


@pytest.mark.soak
@pytest.mark.long
def test_the_demo_keeps_what_its_articles_look_like_when_asked_to(tmp_path: Path) -> None:
    done = run_demo(tmp_path / "with", "--articles", "10", "--media")
    assert done.returncode == 0, done.stderr
    assert "styles, images, fonts and icons of article pages kept" in done.stdout
    without = report(run_demo(tmp_path / "without", "--articles", "10", "--json"))
    assert without["counts"]["media"] == {"kept": 0, "bytes": 0, "left_out": 0, "missing": {}}
    again = report(run_demo(tmp_path / "with", "--articles", "10", "--media", "--json"))
    assert again["counts"]["media"]["kept"] == 0, "nothing is asked for twice"
    assert again["status"]["media"] >= 10


@pytest.mark.long
@pytest.mark.parametrize("stop", [signal.SIGINT, in_soak(signal.SIGHUP)])
def test_a_run_that_is_stopped_ends_with_7_and_the_same_command_goes_on(tmp_path: Path, stop: signal.Signals) -> None:
    run = subprocess.Popen(
        command(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        preexec_fn=heed_hangups,
    )
    deadline = time.monotonic() + 60
    while not any(file.stat().st_size > 20_000 for file in (tmp_path / "warc").glob("*")):
        assert run.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(run.pid, stop)
    printed, errors = run.communicate(timeout=60)
    assert run.returncode == 7, errors
    assert "demo: not finished" in printed
    assert "the same command goes on" in errors
    assert "Traceback" not in errors
    if stop == signal.SIGINT:
        assert report(run_demo(tmp_path, "--json"))["status"]["articles"] == 60


def test_an_outlet_that_another_run_holds_ends_with_4(tmp_path: Path) -> None:
    with Archive.open(tmp_path, create=True) as archive, archive.begin() as connection:
        outlet = sync_outlet(connection, "demo", "profile", (), datetime.now(UTC))
        hold_outlet(connection, outlet, new_owner())
    done = run_demo(tmp_path, "--articles", "10")
    assert done.returncode == 4
    assert "demo" in done.stderr
    assert "Traceback" not in done.stderr
