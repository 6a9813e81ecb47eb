"""CPU of the writing side per page: `python -m benchmarks.writer [PAGES] [BYTES]`, on SQLite in a temporary folder.

Pages of an article each, with 20 links of which one in four is new: T0 is making the exchanges (not counted), T1
appends, syncs and accounts for them, T2 writes article, revision, search row and links down.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

from storage import crawls, outlets
from storage.archive import Archive
from storage.content import ArticleContent, Block, Figure, PrintedDate
from storage.exchange import Exchange
from storage.frontier import NEW, add_found, lease
from storage.records import DomainFacts, ExtractorName, Fetch, Found, Reading
from storage.writer import Writer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WORDS = "the of and a in that it was for on are with as at by this had not from but what some we can out".split()  # noqa: SIM905


def text(chance: random.Random, size: int) -> str:
    words = []
    while size > 0:
        word = chance.choice(WORDS) + chance.choice("abcdefghijklmnopqrstuvwxyz") * chance.randrange(3)
        words.append(word)
        size -= len(word) + 1
    return " ".join(words)


def exchange(url: str, body: bytes) -> Exchange:
    headers = ((b"Content-Type", b"text/html"), (b"Content-Length", b"%d" % len(body)), (b"ETag", b'"abc"'))
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(b"%b: %b\r\n" % each for each in headers) + b"\r\n"
    request = b"GET / HTTP/1.1\r\nHost: news.example\r\nUser-Agent: benchmark\r\nAccept: text/html\r\n\r\n"
    return Exchange(url, request, head + body, len(head), body, 200, "OK", headers, NOW, 0.1, "127.0.0.1", 443)


def content(chance: random.Random, number: int) -> ArticleContent:
    return ArticleContent(
        headline=f"Headline {number}",
        lead=text(chance, 200),
        blocks=tuple(Block("paragraph", text(chance, 300)) for _ in range(10)),
        authors=("Ada Writer",),
        section=("News", "Politics"),
        figures=(Figure("https://news.example/a.jpg", "A caption"),),
        published=PrintedDate(NOW, "1 March 2026", "day", "UTC"),
    )


def measure(name: str, pages: int, work: Callable[[], list[Future[Any]]]) -> list[Any]:
    began = process_time()
    futures = work()
    wait(futures)
    print(f"{name:28} {(process_time() - began) * 1000 / pages:7.3f} ms CPU a page")
    return [each.result() for each in futures]


def main(pages: int, size: int) -> None:
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, Archive.open(Path(folder), create=True) as archive:
        with archive.begin() as connection:
            facts = DomainFacts("news.example", "", "primary", None, None, None, 0)
            outlet = outlets.sync_outlet(connection, "bench", "profile", [facts], NOW)
            crawl = crawls.begin_crawl(connection, outlet, "crawl", operator=None, robots_policy="obey", now=NOW)
            founds = [link(number) for number in range(pages)]
            add_found(connection, outlet, founds, now=NOW, crawl=crawl)
        with archive.begin() as connection:
            began = process_time()
            leased = lease(connection, outlet, "bench", now=NOW, until=NOW + timedelta(hours=1), limit=pages)
            print(f"{'lease':28} {(process_time() - began) * 1000 / pages:7.3f} ms CPU a page")
        writer = Writer(archive, crawl=crawl, outlet=outlet, owner="bench", warcinfo={"software": "benchmark"})
        writer.start()
        fetches = [
            Fetch(exchange(each.locations[0].url, text(chance, size).encode()), each.resource, each.locations[0].url,
                  "pending", NOW, True, NOW + timedelta(days=1))
            for each in leased
        ]  # fmt: skip
        kept = measure("T1 (append, sync, commit)", pages, lambda: [writer.keep(each) for each in fetches])
        readings = [
            Reading(each.capture, taken.resource, ExtractorName("1"), "article", NOW, taken.key,
                    content(chance, number), found=tuple(links(number, pages)))
            for number, (each, taken) in enumerate(zip(kept, leased, strict=True))
        ]  # fmt: skip
        measure("T2 (know, search row, links)", pages, lambda: [writer.know(each) for each in readings])
        writer.close()
        listing = [link(number) for number in range(60)]
        with archive.begin() as connection:
            began = process_time()
            for _ in range(50):
                add_found(connection, outlet, listing, now=NOW, crawl=crawl)
            print(f"{'a listing of 60 known links':28} {(process_time() - began) * 1000 / 50:7.3f} ms CPU a listing")


def link(number: int) -> Found:
    return Found(str(number), "article", f"https://news.example/detail/{number}/a-headline", NEW, NOW, "home")


def links(number: int, pages: int) -> list[Found]:
    return [link((number * 15 + each) % pages) for each in range(15)] + [
        link(pages + number * 5 + each) for each in range(5)
    ]


if __name__ == "__main__":
    arguments = [int(each) for each in sys.argv[1:]]
    main(*(arguments + [1000, 40_000][len(arguments) :]))
