"""How much a crawl costs: articles a second end to end, CPU per page by part, peak memory by process.

`python -m benchmarks.crawl [--articles N ...] [--database URL] [--workers N]` crawls a replica (the server's cost is
told apart) into a fresh archive for each size, by the command line in a process of its own, and prints a table.
Memory is the sum of PSS over our processes, sampled; parts of CPU are the crawl process (Scrapy, writer), its workers
(extraction) and the server. After two sizes it prints what a page more costs, without the start: the difference of
their CPU over the difference of their pages. The yardstick is the CPU of a fixed piece of work, measured during the
crawl: the same crawl on a machine that others use too takes more CPU, as the yardstick does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scraper.demo.process import Replica, running_replica

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.25


@dataclass
class Sample:
    """What was seen of a family of processes: CPU seconds by process, peak of the summed PSS in bytes."""

    cpu: dict[int, float] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    peak: int = 0
    peak_by_process: dict[int, int] = field(default_factory=dict)
    yardstick: list[float] = field(default_factory=list)


def watch(root: int, sample: Sample, ended: threading.Event) -> None:
    """Sample a process and all below it until it has ended."""
    while not ended.wait(SAMPLE_SECONDS):
        together = 0
        for pid in family(root):
            try:
                sample.cpu[pid] = cpu_seconds(pid)
                pss = proportional_bytes(pid)
            except (OSError, ValueError, IndexError):
                continue  # it ended between two looks
            sample.names.setdefault(pid, "crawl" if pid == root else "worker")
            sample.peak_by_process[pid] = max(sample.peak_by_process.get(pid, 0), pss)
            together += pss
        sample.peak = max(sample.peak, together)
        sample.yardstick.append(measure_yardstick())


def measure_yardstick() -> float:
    """CPU seconds of a fixed piece of work, on caches and cores that others may be using."""
    began = time.thread_time()
    json.loads(json.dumps({str(number): [number] * 10 for number in range(300)}))
    return time.thread_time() - began


def family(root: int) -> list[int]:
    """A process and its descendants (proc(5))."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, open_ends = [], [root]
    while open_ends:
        pid = open_ends.pop()
        found.append(pid)
        open_ends += parents.get(pid, [])
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def proportional_bytes(pid: int) -> int:
    """The proportional set size of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def measure(articles: int, database: str | None, workers: int) -> dict[str, Any]:
    """Crawl a replica of one size and give the figures."""
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        running_replica(articles=articles, seed=3, truth=False) as replica,
    ):
        return _crawl(Path(folder), replica, articles, database, workers)


def _crawl(folder: Path, replica: Replica, articles: int, database: str | None, workers: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "scraper.cli", "crawl", "demo", "--json", "--archive", str(folder)]
    command += [part for each in replica.connect_to for part in ("--connect-to", each)]
    command += ["--database", database] if database else []
    environment = os.environ | {"PRESSKEEP_WORKERS": str(workers), "PRESSKEEP_LOG_LEVEL": "ERROR"}
    before = replica.stats()
    begun = time.monotonic()
    sample, ended = Sample(), threading.Event()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        watcher = threading.Thread(target=watch, args=(process.pid, sample, ended))
        watcher.start()
        output = process.communicate()[0]
        ended.set()
        watcher.join()
    seconds = time.monotonic() - begun
    counts = json.loads(output)["outlets"][0]["counts"]
    pages = max(1, counts["pages"])
    crawl = sum(cpu for pid, cpu in sample.cpu.items() if sample.names[pid] == "crawl")
    work = sum(cpu for pid, cpu in sample.cpu.items() if sample.names[pid] == "worker")
    return {
        "articles": articles,
        "kept": counts["new"],
        "pages": pages,
        "seconds": round(seconds, 1),
        "articles/s": round(counts["new"] / seconds, 1),
        "crawl CPU s": round(crawl, 2),
        "ms crawl/page": round(1000 * crawl / pages, 2),
        "ms workers/page": round(1000 * work / pages, 2),
        "ms server/page": round(1000 * (replica.stats()["cpu_seconds"] - before["cpu_seconds"]) / pages, 2),
        "yardstick ms": round(1000 * statistics.mean(sample.yardstick), 2),
        "peak MB": round(sample.peak / 1e6),
        "peak MB by process": sorted((round(each / 1e6) for each in sample.peak_by_process.values()), reverse=True)[:5],
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, nargs="+", default=[1000])
    parser.add_argument("--database")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    for articles in options.articles:
        results.append(measure(articles, options.database, options.workers))
        for name, value in results[-1].items():
            print(f"{name:>20}  {value}")
        print(flush=True)
    small, large = results[0], results[-1]
    if large["pages"] > small["pages"]:
        more = 1000 * (large["crawl CPU s"] - small["crawl CPU s"]) / (large["pages"] - small["pages"])
        print(f"{'ms crawl/page more':>20}  {more:.2f}")
        print(f"{'peak by size':>20}  {large['peak MB'] / small['peak MB']:.2f}")


if __name__ == "__main__":
    main()
