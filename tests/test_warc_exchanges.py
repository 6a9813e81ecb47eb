"""Whatever a server says, the WARC file holds what crossed the wire: generated exchanges through a plain Scrapy project
with our add-on, against a raw socket server that logs both directions."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest

from storage.warc_reading import without_chunks
from storage.warc_records import Record, read_records
from tests.wire import Answer, Channel, WireServer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

EXCHANGES = int(os.environ.get("PRESSKEEP_EXCHANGES", "400"))
"""Generated exchanges; 3,000 in `.ci/run`, 10,000 in `make soak`."""
SEED = int(os.environ.get("PRESSKEEP_TEST_SEED", "0")) or random.randrange(1 << 30)

CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
    "deflate": zlib.compress,
}
ODD_FIELDS = (
    b"X-Empty:",
    b"x-lower: a",
    b"X-LOWER: b",
    b"Set-Cookie: a=1; Path=/",
    b"Set-Cookie: b=2",
    b"X-Latin: caf\xe9 \xff",
    b"X-Folded: one\r\n two",
    b"X-Spaces:    many   \t",
    b"this line has no colon",
)


def generate(chance: random.Random, number: int) -> tuple[Answer, bool]:
    """An answer, and whether its connection ends with it."""
    body = chance.randbytes(chance.choice((0, 1, 50, 3000, 70_000))) if chance.random() < 0.5 else b"<p>text</p>" * 300
    coding = chance.choice(list(CODINGS))
    wire = CODINGS[coding](body)
    fields = chance.sample(ODD_FIELDS, chance.randrange(4))
    fields += [b"Content-Encoding: " + coding.encode()] if coding else []
    fields.append(chance.choice((b"Content-Type: text/html", b"content-type: text/plain; charset=utf-8", b"X-None: 1")))
    way = chance.choice(
        ("plain", "chunked", "trailers", "old", "early", "not-modified", "redirect", "no-content", "hints")
    )
    status, ends = b"HTTP/1.1 200 OK", False
    if way in ("chunked", "trailers"):
        fields.append(chance.choice((b"Transfer-Encoding: chunked", b"transfer-encoding: Chunked")))
        wire = _chunks(chance, wire) + (b"X-Sum: 1\r\nx-Sum: 2\r\n\r\n" if way == "trailers" else b"\r\n")
    elif way == "old":
        status, ends = b"HTTP/1.0 200", True
    elif way == "early":
        fields.append(b"Content-Length: %d" % (len(wire) + 100))
        ends = True
    elif way == "not-modified":
        status, wire = b'HTTP/1.1 304 Not Modified\r\nETag: "a"', b""
    elif way == "redirect":
        status = chance.choice((b"HTTP/1.1 301 Moved", b"HTTP/1.1 302 ", b"HTTP/1.1 307 X"))
        fields += [b"Location: /target/%d" % number, b"Content-Length: %d" % len(wire)]
    elif way == "no-content":
        status, wire = b"HTTP/1.1 204 No Content", b""
    else:
        fields.append(b"Content-Length: %d" % len(wire))
    chance.shuffle(fields)
    if fields[0].startswith(b"this line"):
        fields.append(fields.pop(0))
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" if way == "hints" else b""
    answer = status + b"\r\n" + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + wire

    def send(channel: Channel) -> None:
        channel.send(hints, log=False)
        cut = chance.randrange(len(answer) + 1) if len(answer) < 4000 else len(answer)
        channel.send(answer[:cut])
        channel.send(answer[cut:])
        if ends:
            channel.close()

    return send, ends


def _chunks(chance: random.Random, data: bytes) -> bytes:
    parts = []
    while data:
        size = chance.choice((1, 10, 1000, 50_000))
        head = b"%x" % len(data[:size]) if chance.random() < 0.5 else b"%X" % len(data[:size])
        extension = chance.choice((b"", b"", b';name="a b"'))
        parts.append(head + extension + b"\r\n" + data[:size] + b"\r\n")
        data = data[size:]
    return b"".join(parts) + b"0\r\n"


PROJECT = """
import sys
from scrapy import Request, Spider
from scrapy.crawler import CrawlerProcess

class Plain(Spider):
    name = "plain"
    handle_httpstatus_all = True

    async def start(self):
        for number in range({count}):
            yield Request("http://127.0.0.1:{port}/%d" % number, dont_filter=True, errback=self.failed)

    def parse(self, response):
        pass

    def failed(self, failure):
        pass

process = CrawlerProcess({{
    "ADDONS": {{"scraper.fetching.warc_addon.WarcAddon": 500}},
    "WARC_FOLDER": {folder!r},
    "LOG_LEVEL": "ERROR",
    "RETRY_TIMES": 1,
    "TELNETCONSOLE_ENABLED": False,
    **{more!r},
}})
process.crawl(Plain)
process.start()
"""


def run_project(port: int, folder: Path, count: int, **more: Any) -> subprocess.CompletedProcess[str]:
    """A Scrapy project that knows of us by the two lines alone."""
    program = textwrap.dedent(PROJECT).format(port=port, folder=str(folder), count=count, more=more)
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WireServer, Path]]:
    """All generated exchanges, fetched; the server with its log, and the folder of WARC files."""
    chance = random.Random(SEED)
    answers: dict[str, Answer] = {f"/{number}": generate(chance, number)[0] for number in range(EXCHANGES)}
    folder = tmp_path_factory.mktemp("warc")
    with WireServer(answers) as server:
        done = run_project(server.port, folder, EXCHANGES)
        assert (done.returncode, done.stderr) == (0, ""), f"seed {SEED}"
        yield server, folder


def records_in(folder: Path) -> list[Record]:
    found = []
    for place in sorted(folder.glob("*.warc.gz")):
        with place.open("rb") as file:
            found += list(read_records(file, 0))
            assert found[-1].end == place.stat().st_size
    return found


def unkept(server: WireServer, records: list[Record]) -> list[str]:
    """Exchanges of the server's log that have no request and response records with the bytes of the wire."""
    requests = {each.id: each for each in records if each.kind == "request"}
    pairs: dict[tuple[bytes, bytes], int] = {}
    for each in records:
        if each.kind == "response":
            pair = requests[each.fields["warc-concurrent-to"]].block, each.block
            pairs[pair] = pairs.get(pair, 0) + 1
    missing = []
    for logged in server.log:
        pair = logged.request, bytes(logged.response)
        if pairs.get(pair, 0) == 0:
            missing.append(logged.path)
        else:
            pairs[pair] -= 1
    assert not any(pairs.values()) or missing, "records of exchanges that never were"
    return missing


def test_every_exchange_is_kept_to_the_byte(served: tuple[WireServer, Path]) -> None:
    server, folder = served
    records = records_in(folder)
    assert len(server.log) >= EXCHANGES
    assert unkept(server, records) == [], f"seed {SEED}"
    dropped = next(each for each in records if each.kind == "response")
    assert len(unkept(server, [each for each in records if each is not dropped])) == 1


def test_payloads_are_the_bodies_without_their_chunks(served: tuple[WireServer, Path]) -> None:
    import hashlib

    checked = 0
    for each in records_in(served[1]):
        digest = each.fields.get("warc-payload-digest")
        if each.kind == "response":
            head, _, body = each.block.partition(b"\r\n\r\n")
            if b"transfer-encoding" in head.lower():
                assert digest is None
                assert without_chunks(body) is not None
            else:
                assert digest == f"sha256:{hashlib.sha256(body).hexdigest()}"
                checked += 1
    assert checked > EXCHANGES // 10


def test_a_full_disk_ends_the_crawl_of_a_project(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("no folder")
    with WireServer(
        {f"/{number}": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" for number in range(50)}
    ) as server:
        done = run_project(server.port, folder, 50)
        assert len(server.log) < 50
    assert "nothing more can be kept" in done.stderr
    assert "Traceback" not in done.stderr
