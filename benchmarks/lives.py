"""How soon a crawl with a long queue sends its first request, and whether lives of two seconds after it keep a page.

`python -m benchmarks.lives [ARTICLES] [LIVES]` on SQLite; `--database URL` on PostgreSQL.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import func, select

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.models import capture, resource
from tests.crawling import crawl
from tests.databases import Place
from tests.living import living_crawl

LIFE = 2.0
"""Seconds after a life's first request at which it is killed."""


def main(arguments: list[str]) -> int:
    """Print the figures; 1 where one is not what it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("articles", type=int, nargs="?", default=10_000)
    parser.add_argument("lives", type=int, nargs="?", default=5)
    parser.add_argument("--database")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder) / "archive", asked.database)
        with running_replica(articles=asked.articles, seed=1, truth=False, folder=Path(folder)) as replica:
            crawl(place, replica, "--forecast", "--full", timeout=1200)
            waiting = count(place, queue=True)
            print(f"{waiting} articles wait")
            return max([live(place, replica, number) for number in range(asked.lives)])


def live(place: Place, replica: Replica, number: int) -> int:
    """One life: from its start to its first request, and two seconds more."""
    requests, kept, begun = replica.stats()["requests"], count(place), time.monotonic()
    with living_crawl(place, replica) as process:
        while replica.stats()["requests"] <= requests:
            time.sleep(0.02)
        first = time.monotonic() - begun
        time.sleep(LIFE)
        process.send_signal(signal.SIGKILL)
        process.wait()
    more = count(place) - kept
    print(f"life {number + 1}: first request after {first:.2f} s, {more} pages committed {LIFE:.0f} s later")
    return int(not more or first > 3)


def count(place: Place, *, queue: bool = False) -> int:
    """How many pages are kept, or how many articles wait."""
    statement = select(func.count()).select_from(capture)
    if queue:
        statement = select(func.count()).where(resource.c.kind == "article", resource.c.due_at.is_not(None))
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        number: int = connection.execute(statement).scalar_one()
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
