"""What a second crawl asks for, ten minutes after the first: `python -m benchmarks.again [--articles N]`.

The replica stays as it is between the two. Requests are counted at the server: those for listings apart, by role of the
host, since a crawl reads the primary's to see what is new.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from scraper.demo.process import Replica, running_replica

FIRST, SECOND = "2026-06-01T12:00:00Z", "2026-06-01T12:10:00Z"
LISTINGS = ("", "Section", "rss", "sitemap", "default", "topics", "feed", "map", "archive")


def crawl(folder: Path, replica: Replica, now: str, database: str | None) -> float:
    """Crawl by the command line in a process of its own; gives the seconds."""
    command = [sys.executable, "-m", "scraper.cli", "crawl", "demo", "--json", "--archive", str(folder)]
    command += [part for each in replica.connect_to for part in ("--connect-to", each)]
    command += ["--database", database] if database else []
    began = time.monotonic()
    done = subprocess.run(
        command,
        env=os.environ | {"PRESSKEEP_NOW": now, "PRESSKEEP_LOG_LEVEL": "ERROR"},
        capture_output=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        sys.exit(done.stderr.decode())
    counts = json.loads(done.stdout)["outlets"][0]["counts"]
    print(
        f"  {counts['pages']} pages kept, {counts['new']} new, {counts['unchanged']} said to be unchanged", flush=True
    )
    return time.monotonic() - began


def kind_of(path: str) -> str:
    """What a request is for: a listing, robots.txt, or a page."""
    start = path.partition("?")[0].split("/")[1].partition("-")[0].partition(".")[0]
    return "robots.txt" if path == "/robots.txt" else "listings" if start in LISTINGS else "pages"


def main() -> None:
    """Print what was asked for, first and then."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.again", description=__doc__)
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--database", help="a database in place of SQLite")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        running_replica(articles=options.articles, seed=3, truth=False) as replica,
    ):
        for name, now in (("first", FIRST), ("second", SECOND)):
            seconds = crawl(Path(folder), replica, now, options.database)
            asked = replica.new_requests()
            kinds = Counter(kind_of(each["path"]) for each in asked)
            hosts = Counter(each["host"] for each in asked if kind_of(each["path"]) == "listings")
            print(f"{name}: {seconds:.1f} s, {len(asked)} requests: {dict(kinds)}; listings by host: {dict(hosts)}")


if __name__ == "__main__":
    main()
