"""Re-extraction beside bare extraction, on one process and on two: `python -m benchmarks.reextract [--times N]`.

Bare extraction reads pages that lie in memory and keeps nothing. Re-extraction reads the same pages out of an archive's
WARC files and writes down a new text for each. The ratio says how much of the speed that the machine gains by a second
process is left to re-extraction: 1.0 is all of it. Runs alternate, and the best of each kind counts, since whatever
else the machine does only takes away. The pages are public test data that are no part of the project; without them
there is nothing to measure.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

from scraper.config import Config
from scraper.crawling.reading import Reader, ReadTask
from scraper.extraction.page import Limits
from scraper.reextracting import reextract
from storage import crawls, outlets
from storage.archive import Archive
from storage.content import ArticleContent
from storage.exchange import Exchange
from storage.finding import add_found, resources_by_key
from storage.priorities import NEW
from storage.records import DomainFacts, ExtractorName, Fetch, Found, Reading
from storage.writer import Writer

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
SETS = ("aeb", "fundus", "fundus-evaluation", "wcxb")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
OUTLET = "pages.example"
WANTED = 0.85


@dataclass(frozen=True)
class Page:
    """A page of the test data, at an address of its own."""

    url: str
    html: bytes

    @property
    def task(self) -> ReadTask:
        return ReadTask(None, "page", self.url, self.url, self.html, None, "text/html", NOW)


def load_pages(folder: Path, sets: Sequence[str], times: int) -> list[Page]:
    """The pages of the sets, so many times over, mixed so that any stretch of them costs about the same."""
    files = [file for name in sets for file in sorted((folder / name).glob("*.html.gz"))]
    files.sort(key=lambda file: file.name)  # by digest
    pages = [gzip.decompress(file.read_bytes()) for file in files]
    return [
        Page(f"https://{OUTLET}/{number}/{file.name[:-8]}", html)
        for number in range(times)
        for file, html in zip(files, pages, strict=True)
    ]


def fill(folder: Path, pages: Sequence[Page]) -> None:
    """An archive with the pages as captures, each read before by an extractor that missed its last paragraph."""
    reader = Reader({}, Limits(), None)
    with Archive.open(folder, create=True) as archive:
        with archive.begin() as connection:
            facts = DomainFacts(OUTLET, "", "primary", None, None, None, 0)
            outlet = outlets.sync_outlet(connection, OUTLET, "adhoc", [facts], NOW)
            crawl = crawls.begin_crawl(connection, outlet, "fetch", operator=None, robots_policy="obey", now=NOW)
            founds = [Found(page.url, "page", page.url, NEW, None, "fetch", "fetched") for page in pages]
            add_found(connection, outlet, founds, now=NOW, crawl=crawl)
            resources = resources_by_key(connection, outlet, [page.url for page in pages])
        writer = Writer(archive, crawl=crawl, outlet=outlet, owner="benchmark", warcinfo={"software": "benchmark"})
        writer.start()
        known: dict[str, ArticleContent | None] = {}
        for page in pages:
            number = resources[page.url]
            kept = writer.keep(Fetch(exchange(page), number, page.url, "pending", NOW, False, None)).result()
            name = page.url.rpartition("/")[2]
            if name not in known:
                known[name] = reader.read(page.task).content
            content = known[name]
            former = replace(content, blocks=content.blocks[:-1]) if content is not None else None
            outcome = "article" if former is not None else "refused:before"
            reading = Reading(kept.capture, number, ExtractorName("before"), outcome, NOW, page.url, former)
            writer.know(reading)
        writer.close()
        with archive.begin() as connection:
            crawls.end_crawl(connection, crawl, "finished", {}, NOW)


def exchange(page: Page) -> Exchange:
    headers = ((b"Content-Type", b"text/html"), (b"Content-Length", b"%d" % len(page.html)))
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(b"%b: %b\r\n" % each for each in headers) + b"\r\n"
    request = b"GET / HTTP/1.1\r\nHost: pages.example\r\nUser-Agent: benchmark\r\n\r\n"
    wire = head + page.html
    return Exchange(page.url, request, wire, len(head), page.html, 200, "OK", headers, NOW, 0.1, "127.0.0.1", 443)


def bare(pages: Sequence[Page], processes: int) -> float:
    """Seconds that bare extraction takes on so many processes, each of which has its share before time begins."""
    context = multiprocessing.get_context("fork")
    ready, go = context.Barrier(processes + 1), context.Barrier(processes + 1)
    workers = [
        context.Process(target=_extract_all, args=(pages[number::processes], ready, go)) for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    ready.wait()
    began = perf_counter()
    go.wait()
    for worker in workers:
        worker.join()
    return perf_counter() - began


def _extract_all(pages: Sequence[Page], ready: object, go: object) -> None:
    reader = Reader({}, Limits(), None)
    reader.read(pages[0].task)  # what is imported late is imported
    ready.wait()  # type: ignore[attr-defined]
    go.wait()  # type: ignore[attr-defined]
    for page in pages:
        reader.read(page.task)


def reread(archive: Path, jobs: int) -> float:
    """Seconds that re-extraction takes with so many jobs, from when it knows what to read.

    Prints the CPU of this process, which is what one page more costs beside its extraction.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "archive"
        shutil.copytree(archive, copy)
        begun: list[float] = []

        def note(name: str, tally: object) -> None:
            if not begun:
                begun.append(perf_counter())

        cpu = process_time()
        (report,) = reextract(Config(archive=copy, workers=jobs), OUTLET, observe=note)
        seconds = perf_counter() - begun[0]
        cpu = process_time() - cpu
    print(f"{'':30} {1000 * cpu / report.counts['captures']:7.2f} ms CPU a page in the process that writes")
    if not report.finished or report.error is not None or report.counts["read"] != report.counts["captures"]:
        raise RuntimeError(f"re-extraction did not end as it should: {report}")
    return seconds


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.reextract", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=Path, default=DATA / "pages", help="folder of the page sets")
    parser.add_argument("--sets", default=",".join(SETS), help="sets to measure, divided by commas")
    parser.add_argument("--copies", type=int, default=2, help="how many times each page is read in a run")
    parser.add_argument("--times", type=int, default=3, help="runs of each kind; the best counts")
    options = parser.parse_args(arguments)
    pages = load_pages(options.pages, options.sets.split(","), options.copies)
    if not pages:
        print(f"no test data at {options.pages}: nothing to measure", file=sys.stderr)
        return 2
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "archive"
        fill(archive, pages)
        kinds: dict[str, Callable[[], float]] = {
            "bare extraction, 1 process": lambda: bare(pages, 1),
            "re-extraction, --jobs 1": lambda: reread(archive, 1),
            "bare extraction, 2 processes": lambda: bare(pages, 2),
            "re-extraction, --jobs 2": lambda: reread(archive, 2),
        }
        best = dict.fromkeys(kinds, float("inf"))
        for name in _often(kinds, options.times):
            seconds = kinds[name]()
            best[name] = min(best[name], seconds)
            load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
            print(f"{name:30} {len(pages) / seconds:7.1f} pages/s (load {load})", flush=True)
    speeds = [len(pages) / seconds for seconds in best.values()]
    bare_one, reread_one, bare_two, reread_two = speeds
    figures = {
        "pages": len(pages),
        "bytes_a_page": sum(len(page.html) for page in pages) // len(pages),
        "bare_1": round(bare_one, 1),
        "bare_2": round(bare_two, 1),
        "reextract_1": round(reread_one, 1),
        "reextract_2": round(reread_two, 1),
        "scaling_bare": round(bare_two / bare_one, 3),
        "scaling_reextract": round(reread_two / reread_one, 3),
        "ratio": round((reread_two / reread_one) / (bare_two / bare_one), 3),
        "of_bare_on_two": round(reread_two / bare_two, 3),
    }
    print(json.dumps(figures, indent=2))
    return 0 if figures["ratio"] >= WANTED else 1


def _often(kinds: dict[str, Callable[[], float]], times: int) -> Iterator[str]:
    return itertools.chain.from_iterable(itertools.repeat(list(kinds), times))


if __name__ == "__main__":
    sys.exit(main())
