"""Each WARC file is synced before the commit that points at it: a crawl on SQLite, its system calls seen by strace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scraper.demo.process import running_replica
from tests.crawling import crawl
from tests.databases import Place
from tests.tracing import COMMAND, Step, judge, steps


@pytest.fixture
def strace() -> None:
    """Skips where nothing can be traced; in CI that is a failure."""
    reason = "strace is not installed"
    if shutil.which("strace"):
        done = subprocess.run([*COMMAND, os.devnull, "true"], capture_output=True, text=True, check=False)
        reason = f"strace may not trace here: {done.stderr.strip()}" if done.returncode else ""
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def without(trace: list[Step], number: int) -> list[Step]:
    """A trace in which one call was never made."""
    step = trace[number]
    ends = next(n for n in range(number + 1, len(trace)) if trace[n].ends and trace[n].path == step.path)
    return [each for n, each in enumerate(trace) if n not in (number, ends)]


@pytest.mark.long
def test_each_warc_file_is_synced_before_the_commit_that_points_at_it(strace: None, tmp_path: Path) -> None:
    place, log = Place(tmp_path / "archive", None), tmp_path / "trace"
    program = ("-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])", *COMMAND, str(log))
    with running_replica(articles=12, seed=5, folder=tmp_path / "replica", truth=False) as replica:
        ran = crawl(place, replica, program=(*program, sys.executable, "-m", "scraper.cli"))
    assert ran.code in (0, 1), ran.err
    folder = str(place.folder)
    trace = [each for each in steps(log.read_text()) if each.path.startswith(folder)]
    order = judge(trace)
    assert order.faults == []
    files = {str(each): each.stat().st_size for each in (place.folder / "warc").glob("*.warc.gz")}
    assert {path.removesuffix(".open"): size for path, size in order.written.items()} == files, "what was not traced"
    assert order.commits >= 3

    syncs = [n for n, each in enumerate(trace) if each.what == "sync" and not each.ends]
    of_files = [n for n in syncs if trace[n].path.endswith(".warc.gz.open")]
    of_folder = [n for n in syncs if trace[n].path.endswith("/warc")]
    assert len(of_files) >= order.commits
    assert len(of_folder) >= 2, "one for the name of the open file, one for that of the closed one"
    # The last sync of a file stands before its closing, when nothing more was written.
    for number in [*of_files[:-1], *of_folder]:
        assert judge(without(trace, number)).faults, f"{trace[number]} was taken out, and nothing was found"
    never = [each for each in trace if not (each.what == "sync" and each.path.endswith("-wal"))]
    assert judge(never).faults, "no commit was synced, and nothing was found"
