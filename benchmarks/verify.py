"""Checking WARC files beside FastWARC's bare reading: `python -m benchmarks.verify [CAPTURES] [BYTES]`.

Both read the same records (pages of random words, 150 kB each by default) on two processes, whole files dealt out
between them. FastWARC, which needs to be installed, verifies the digests of blocks. Ours is all that `presskeep verify`
does: it checks the bytes of every span, each response's member, every record's block, and each payload, compares them
with the rows, and checks the rows themselves and the manifests that cover them. The ratio is that
of records a second; 0.5 is wanted. Runs alternate, and the best of each kind counts.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from benchmarks.writer import NOW, exchange, link, text
from storage import crawls, outlets
from storage.archive import Archive
from storage.fixity.checking import check
from storage.frontier import add_found, lease
from storage.records import DomainFacts, Fetch
from storage.writer import Writer

PROCESSES = 2
ROUNDS = 5
ROLL_BYTES = 2_000_000
AT_ONCE = 64


def fill(archive: Archive, captures: int, size: int) -> None:
    """Keep pages of random words; the writer rolls files early, so that there are several to deal out."""
    chance = random.Random(1)
    with archive.begin() as connection:
        facts = DomainFacts("news.example", "", "primary", None, None, None, 0)
        outlet = outlets.sync_outlet(connection, "bench", "profile", [facts], NOW)
        crawl = crawls.begin_crawl(connection, outlet, "crawl", operator=None, robots_policy="obey", now=NOW)
        add_found(connection, outlet, [link(number) for number in range(captures)], now=NOW, crawl=crawl)
    with archive.begin() as connection:
        until = NOW + timedelta(hours=1)
        leased = lease(connection, outlet, "bench", now=NOW, until=until, limit=captures)
    writer = Writer(
        archive,
        crawl=crawl,
        outlet=outlet,
        owner="bench",
        warcinfo={"software": "benchmark"},
        roll_bytes=ROLL_BYTES,
    )
    writer.start()
    body = text(chance, 2_000_000)
    for first in range(0, captures, AT_ONCE):
        waiting = []
        for each in leased[first : first + AT_ONCE]:
            url = each.locations[0].url
            start = chance.randrange(len(body) - size)
            page = exchange(url, body[start : start + size].encode())
            waiting.append(writer.keep(Fetch(page, each.resource, url, "pending", NOW, True, NOW + timedelta(days=1))))
        for kept in waiting:
            kept.result()
    writer.close()
    with archive.begin() as connection:
        crawls.end_crawl(connection, crawl, "finished", {}, NOW)


def read_barely(place: str) -> int:
    """Read a file by FastWARC with digests on; gives the number of records."""
    from fastwarc.warc import ArchiveIterator

    return sum(1 for _ in ArchiveIterator(place, parse_http=False, verify_digests=True))


def time_reading(pool: ProcessPoolExecutor, places: list[str]) -> tuple[float, int]:
    """Seconds and records of the bare reading."""
    began = perf_counter()
    records = sum(pool.map(read_barely, places))
    return perf_counter() - began, records


def time_checking(archive: Archive) -> float:
    """Seconds that `verify` takes: files, rows, manifests, texts and state, its processes' start included."""
    began = perf_counter()
    findings = list(check(archive, jobs=PROCESSES))
    if findings:
        raise AssertionError(str(findings[0]))
    return perf_counter() - began


def main(captures: int, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Archive.open(Path(folder), create=True) as archive:
        fill(archive, captures, size)
        places = [str(each) for each in sorted(archive.warc_folder.glob("*.warc.gz"))]
        packed = sum(Path(each).stat().st_size for each in places)
        print(f"{captures} captures of {size:,} bytes, {packed / 1e6:.1f} MB in {len(places)} files")
        print(f"load average {os.getloadavg()[0]:.1f}, {PROCESSES} processes, the best of {ROUNDS} rounds")
        with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("forkserver")) as pool:
            _, records = time_reading(pool, places)
            if records < 3 * captures:
                raise AssertionError(f"FastWARC read {records} records of {3 * captures}")
            bare = ours = float("inf")
            for _ in range(ROUNDS):
                bare = min(bare, time_reading(pool, places)[0])
                ours = min(ours, time_checking(archive))
        for name, seconds in (("FastWARC, bare reading", bare), ("verify", ours)):
            print(f"{name:24} {records / seconds:9.0f} records/s  {captures * size / seconds / 1e6:7.1f} MB/s of pages")
        print(f"ratio {bare / ours:.2f} (wanted: at least 0.5)")


if __name__ == "__main__":
    arguments = [int(each) for each in sys.argv[1:]]
    main(*(arguments + [6000, 150_000][len(arguments) :]))
