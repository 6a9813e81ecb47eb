"""How quick an import indexes, beside FastWARC's bare reading: `python -m benchmarks.importing [RECORDS] [BYTES]`.

Two WARC files of article pages (gzip, one member a record, SHA-1 of block and payload), each read by one process.
FastWARC reads every record with digests on, and does nothing else. Ours finds, checks and hashes every record, and
writes each down as a capture of the outlet, in SQLite; extraction is left out. Files are in the page cache. Rounds take
turns, the best of each counts; the ratio is FastWARC's time over ours (wanted: 0.5 at least).
"""

from __future__ import annotations

import base64
import hashlib
import random
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from scraper.config import Config
from scraper.importing.run import import_sources
from scraper.profiles import SHIPPED, load_outlet

ROUNDS = 3
CLASSES = ("item", "item-body clearfix", "news-list", "row", "col-md-4", "related", "menu-entry", "share")


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 150_000
    with tempfile.TemporaryDirectory() as folder:
        files = [make(Path(folder) / f"{number}.warc.gz", records // 2, size, number) for number in range(2)]
        megabytes = sum(file.stat().st_size for file in files) / 1e6
        print(f"{records} records of {size} bytes, {megabytes:.0f} MB packed, {ROUNDS} rounds")
        rounds: dict[str, list[float]] = {}
        for number in range(ROUNDS):
            for name, work in works(files, Path(folder) / f"archive-{number}"):
                rounds.setdefault(name, []).append(work())
    best = {name: min(times) for name, times in rounds.items()}
    for name, seconds in best.items():
        print(f"{name:24} {seconds:7.2f} s  {records / seconds:7.0f} records/s")
    reading = best["FastWARC, digests on"]
    for name in ("import --link", "import"):
        print(f"ratio of {name}: {reading / best[name]:.2f}")


def works(files: list[Path], archive: Path) -> list[tuple[str, Callable[[], float]]]:
    return [
        ("FastWARC, digests on", lambda: read_both(files)),
        ("import --link", lambda: index(files, archive / "linked", link=True)),
        ("import", lambda: index(files, archive / "copied", link=False)),
    ]


def index(files: list[Path], archive: Path, *, link: bool) -> float:
    """Our seconds, from the first line to the last: processes are started, the archive is made, the run is ended."""
    began = perf_counter()
    config = Config(archive=archive, workers=len(files))
    outlets = {"presstv": load_outlet(SHIPPED / "presstv.toml")}
    report = import_sources(config, files, outlets, lambda file: [], link=link, read=False)
    assert report.finished, report.error
    assert not report.failed
    return perf_counter() - began


READ = """
import sys
from fastwarc.warc import ArchiveIterator
print("ready", flush=True)
sys.stdin.readline()
with open(sys.argv[1], "rb") as file:
    for record in ArchiveIterator(file, verify_digests=True, parse_http=False):
        record.reader.consume()
"""


def read_both(files: list[Path]) -> float:
    """FastWARC's seconds, from when both processes have started."""
    command = [sys.executable, "-c", READ]
    readers = [
        subprocess.Popen([*command, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for file in files
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    began = perf_counter()
    for reader in readers:
        reader.communicate("\n")
        assert reader.returncode == 0
    return perf_counter() - began


def make(place: Path, records: int, size: int, seed: int) -> Path:
    chance = random.Random(seed)
    words = ["".join(chance.choices("etaoinshrdlucmfwyp", k=chance.randrange(2, 11))) for _ in range(4000)]
    pages = [page(chance, words, size) for _ in range(50)]
    with place.open("wb") as file:
        for number in range(records):
            key = 600_000 + number * 2 + seed
            body = b"<!-- %d -->" % key + pages[number % len(pages)]
            file.write(record(f"https://www.presstv.ir/Detail/2019/05/06/{key}/x", body))
    return place


def page(chance: random.Random, words: list[str], size: int) -> bytes:
    parts, length = ["<html><head><title>A page</title></head><body>"], 0
    while length < size:
        text = " ".join(chance.choices(words, k=12))
        parts.append(
            f'<div class="{chance.choice(CLASSES)}"><a href="/Detail/{chance.randrange(10**6)}">{text}</a></div>\n'
        )
        length += len(parts[-1])
    return "".join(parts).encode()


def record(url: str, body: bytes) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
    head = (
        f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{hashlib.md5(url.encode()).hexdigest()}>\r\n"
        f"WARC-Date: 2019-05-06T10:00:00Z\r\nWARC-Target-URI: {url}\r\nWARC-Block-Digest: {sha1(block)}\r\n"
        f"WARC-Payload-Digest: {sha1(body)}\r\nContent-Type: application/http;msgtype=response\r\n"
        f"Content-Length: {len(block)}\r\n\r\n"
    )
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(head.encode() + block + b"\r\n\r\n") + packer.flush()


def sha1(content: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(content).digest()).decode()


if __name__ == "__main__":
    main()
