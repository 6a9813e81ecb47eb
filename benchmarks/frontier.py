"""The frontier's cost by its size: `python -m benchmarks.frontier [--sizes 10000 2000000] [--database URL]`.

The frontier grows to each size by listings of 500 links; then the CPU of 10,000 more URLs is taken: inserted as links
of listings are, leased 64 at a time and given back. Half of the URLs are due, as in a crawl that is under way. On
SQLite the database works in this process, so that all of its CPU is counted; on PostgreSQL the server's is not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

from sqlalchemy import Connection, update

from storage import crawls, outlets
from storage.archive import Archive
from storage.frontier import NEW, add_found, lease, release
from storage.inserting import in_portions
from storage.models import resource
from storage.records import DomainFacts, Found

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LINKS, BATCH, MEASURED = 500, 64, 10_000


def founds(first: int, number: int) -> list[Found]:
    """The links of a listing; a URL's place in the index is by its hash, as everywhere."""
    return [
        Found(
            f"article:{n}", "article", f"https://news.example/Detail/2026/06/01/{n}/Some-words-of-a-headline", NEW,
            NOW if n % 2 else NOW + timedelta(days=1), "https://news.example/Section/1",
        )
        for n in range(first, first + number)
    ]  # fmt: skip


def grow(archive: Archive, outlet: int, crawl: int, first: int, to: int) -> None:
    """Add URLs up to a number, in transactions of some listings each."""
    for start in range(first, to, 20 * LINKS):
        with archive.begin() as connection:
            for at in range(start, min(start + 20 * LINKS, to), LINKS):
                add_found(connection, outlet, founds(at, min(LINKS, to - at)), now=NOW, crawl=crawl)
        print(f"\r{min(start + 20 * LINKS, to):>9,} URLs", end="", file=sys.stderr, flush=True)
    print("\r" + " " * 30 + "\r", end="", file=sys.stderr)


def measure(archive: Archive, outlet: int, crawl: int, first: int) -> dict[str, float]:
    """Milliseconds of CPU a URL for each step, over MEASURED new ones."""
    spent = {"insert": 0.0, "lease": 0.0, "release": 0.0}

    @contextmanager
    def timed(step: str) -> Iterator[Connection]:
        began = process_time()
        with archive.begin() as connection:
            yield connection
        spent[step] += process_time() - began

    listings = [founds(at, LINKS) for at in range(first, first + MEASURED, LINKS)]
    for each in listings:
        with timed("insert") as connection:
            add_found(connection, outlet, each, now=NOW, crawl=crawl)
    leased = 0
    while leased < MEASURED:
        with timed("lease") as connection:
            taken = lease(connection, outlet, "bench", now=NOW, until=NOW + timedelta(minutes=10), limit=BATCH)
        if not taken:
            break
        leased += len(taken)
        with timed("release") as connection:
            release(connection, "bench")
            for portion in in_portions([each.resource for each in taken]):
                later = update(resource).where(resource.c.id.in_(portion))
                connection.execute(later.values(due_at=NOW + timedelta(days=1)))
    return {
        "insert": 1000 * spent["insert"] / MEASURED,
        **{step: 1000 * spent[step] / max(leased, 1) for step in ("lease", "release")},
    }


def peak_megabytes() -> float:
    """The most memory that this process ever had (resident)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frontier", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 2_000_000])
    parser.add_argument("--database", help="a database in place of SQLite")
    parser.add_argument("--folder", type=Path, help="where the archive is made (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        archive = Archive.open(Path(folder, "archive"), options.database, create=True)
        with archive.begin() as connection:
            facts = DomainFacts("news.example", "", "primary", None, None, None, 0)
            outlet = outlets.sync_outlet(connection, "bench", "profile", [facts], NOW)
            crawl = crawls.begin_crawl(connection, outlet, "crawl", operator=None, robots_policy="obey", now=NOW)
        print(
            f"{'URLs':>9}  {'insert':>7}  {'lease':>7}  {'release':>7}  {'all':>7}  ms of CPU a URL; peak memory; disk"
        )
        first, whole = 0, []
        for size in options.sizes:
            began = perf_counter()
            grow(archive, outlet, crawl, first, size)
            grown = perf_counter() - began
            spent = measure(archive, outlet, crawl, size)
            first = size + MEASURED
            whole.append(sum(spent.values()))
            steps = "  ".join(f"{each:7.3f}" for each in (*spent.values(), whole[-1]))
            disk = sum(path.stat().st_size for path in Path(folder, "archive").glob("archive.db*")) / 1e6
            print(
                f"{size:>9,}  {steps}  {peak_megabytes():.0f} MB; {disk:,.0f} MB (grown in {grown:.0f} s)", flush=True
            )
        print(f"the last size costs {whole[-1] / whole[0]:.2f} times what the first does")
        archive.close()


if __name__ == "__main__":
    main()
