"""Run the long tests with their full counts, and write what came of it to docs/soak.md: `python -m tests.soak`."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "soak.md"
SEED = 20260601


@dataclass(frozen=True)
class Trial:
    """One kind of long test: the variable that says how often, how often that is, and where it stands. `dist` is how
    pytest-xdist shares the tests out: by file where they share what takes long to make."""

    name: str
    what: str
    variable: str
    count: int
    files: tuple[str, ...]
    dist: str = "worksteal"


TRIALS = (
    Trial("kills", "crawls killed by SIGKILL, on each database", "PRESSKEEP_KILLS", 200, ("tests/test_killing.py",)),
    Trial(
        "cuts",
        "power cuts of a crawl on SQLite, and a quarter as many on PostgreSQL",
        "PRESSKEEP_CUTS",
        100,
        ("tests/test_power_loss.py", "tests/test_sync_order.py"),
    ),
    Trial("backups", "backups of a running crawl, each restored", "PRESSKEEP_BACKUPS", 50, ("tests/test_backup.py",)),
    Trial(
        "exchanges",
        "generated exchanges held against the wire",
        "PRESSKEEP_EXCHANGES",
        10_000,
        ("tests/test_warc_exchanges.py",),
    ),
    Trial(
        "estimates",
        "samples of an archive with holes of known size: is the truth in the interval?",
        "PRESSKEEP_ESTIMATES",
        100,
        ("tests/test_crawl_estimate.py",),
    ),
    Trial(
        "days",
        "simulated days of `presskeep run`",
        "PRESSKEEP_DAYS",
        90,
        ("tests/test_simulated_days.py",),
        dist="loadfile",
    ),
    Trial(
        "outages",
        "seconds for which the database or the network is gone in mid-crawl",
        "PRESSKEEP_OUTAGE",
        30,
        ("tests/test_running_on.py", "tests/test_crawl_network.py"),
    ),
    Trial(
        "at-once",
        "seconds of crawling, saving, searching and exporting at once on SQLite",
        "PRESSKEEP_AT_ONCE_SECONDS",
        60,
        ("tests/test_at_once.py",),
    ),
    Trial("damages", "damaged copies of 50 flips each", "PRESSKEEP_DAMAGED_COPIES", 20, ("tests/test_verify.py",)),
    Trial(
        "joined",
        "kills of processes that crawl an outlet together",
        "PRESSKEEP_JOINED_KILLS",
        30,
        ("tests/test_joining.py",),
    ),
)
OTHERS = Trial(
    "others",
    "all other tests that are left to `make soak`",
    "PRESSKEEP_SOAK",
    1,
    (
        "tests",
        "-m",
        "soak or either",
        *(f"--ignore={file}" for file in sorted({file for each in TRIALS for file in each.files})),
    ),
)


@dataclass(frozen=True)
class Result:
    """What a trial came to. `outcome` is pytest's in words."""

    trial: Trial
    count: int
    seconds: float
    passed: bool
    outcome: str


def run(trial: Trial, count: int, seed: int, jobs: int) -> Result:
    """Run a trial's tests; they print as pytest does."""
    variables = {**os.environ, "PRESSKEEP_SOAK": "1", trial.variable: str(count)}
    variables |= {"PRESSKEEP_SEED": str(seed), "PRESSKEEP_TEST_SEED": str(seed)}
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-n", str(jobs), "--dist", trial.dist, "-q", "--timeout", "0"]
        command += [f"--junit-xml={report}", *trial.files]
        code = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
        outcome = _outcome(report)
    return Result(trial, count, time.monotonic() - begun, code == 0, outcome)


def page(results: Sequence[Result], seed: int, at: datetime) -> str:
    """The page that tells of a run."""
    lines = [
        "# What the long tests came to",
        "",
        "`make soak` writes this page anew. It runs the tests below with their full counts (hours); `make test` and",
        "`.ci/run` run them with smaller ones. A failed test prints the moment at which it failed, and the same seed",
        "brings the same moments: `python -m tests.soak --only kills --seed 1`.",
        "",
        f"- Date: {at:%Y-%m-%d %H:%M} UTC",
        f"- Seed: {seed}",
        f"- Machine: {_machine()}",
        "",
        "| trial | count | what | seconds | tests | result |",
        "|---|---:|---|---:|---|---|",
    ]
    for each in results:
        result = "passed" if each.passed else "**failed**"
        count, seconds = f"{each.count:,}", f"{each.seconds:,.0f}"
        lines.append(f"| {each.trial.name} | {count} | {each.trial.what} | {seconds} | {each.outcome} | {result} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trials, write the page, and end with 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    trials = (*TRIALS, OTHERS)
    names = [each.name for each in trials]
    parser.add_argument("--only", action="append", choices=names, help="run these alone; may be repeated")
    parser.add_argument("--count", type=int, help="as often, instead of the full count")
    parser.add_argument("--seed", type=int, default=SEED, help=f"default: {SEED}")
    parser.add_argument("--jobs", type=int, default=2, help="tests at once; default: 2")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page to write; default: docs/soak.md")
    chosen = parser.parse_args(arguments)
    results = []
    for trial in trials:
        if chosen.only and trial.name not in chosen.only:
            continue
        print(f"==== {trial.name}: {trial.what}", flush=True)
        results.append(run(trial, chosen.count or trial.count, chosen.seed, chosen.jobs))
        chosen.out.write_text(page(results, chosen.seed, datetime.now(UTC)), "utf-8")
    return 0 if all(each.passed for each in results) else 1


def _outcome(report: Path) -> str:
    """pytest's counts; a skipped test is told, since nothing was tried then."""
    if not report.exists():
        return "pytest did not run"
    suite = ElementTree.parse(report).getroot().find("testsuite")
    if suite is None:
        return "no test ran"
    counts = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
    bad = counts["failures"] + counts["errors"]
    parts = [f"{counts['tests'] - bad - counts['skipped']} passed"]
    parts += [f"{bad} failed"] if bad else []
    parts += [f"{counts['skipped']} skipped"] if counts["skipped"] else []
    return ", ".join(parts)


def _machine() -> str:
    """What the tests ran on, without names and paths."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    system = f"{platform.system()} {platform.release().split('-')[0]} on {platform.machine()}"
    return f"{cores} cores, {memory:.0f} GB of memory, {system}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
