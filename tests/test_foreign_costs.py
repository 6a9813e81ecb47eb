"""Reading what others wrote costs time and memory in proportion to its size, however it was made to cost more."""

from __future__ import annotations

import gzip
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.foreign import http, record, wacz

SECONDS = 4
"""Of CPU, that a child may use; it needs half a second, and a way that goes over its input again and again minutes."""
MEMORY = 1 << 30
READ_ALL = """
import sys
from storage.foreign import FoundRecord, Scan, exchange_of
with open(sys.argv[1], "rb") as file:
    for found in Scan(file, lambda head: True):
        if isinstance(found, FoundRecord):
            exchange_of(found)
"""
READ_PARTS = """
import sys
from pathlib import Path
from storage.foreign import Scan, open_part, parts_of
place = Path(sys.argv[1])
with place.open("rb") as file:
    parts = parts_of(file)
for part in parts:
    with open_part(place.parent, place.name + part.steps) as view:
        assert list(Scan(view, lambda head: True))
"""
FORGETFUL = """
from storage.foreign import views, zips
views.identity_of = lambda file: None
"""
"""Reads a zip file's directory anew for each of its entries."""
TWIN = """
import re
from storage.foreign import heads
heads.ARC_LINE = re.compile(heads.ARC_LINE.pattern.replace(b"(?>", b"(?:"))
"""
"""Looks for an ARC line's date again and again."""
DATES = b"http://a " + b"b 123456789012 1 " * 950 + b"x\n"
HOSTILE = {
    "line feeds that never come": record().replace(b"\r\nWARC-Date", b"\r\nX: " + b"\r" * 900_000 + b"y\r\nWARC-Date"),
    "a folded field": record().replace(b"\r\nWARC-Date", b"\r\nX: y" + b"\r\n z" * 250_000 + b"\r\nWARC-Date"),
    "heads without end": b"WARC/1.0\n" * 100_000,
    "a folded header": record(block=http(b"<p>text", "X: y" + "\n z" * 2_000_000)),
    "headers without end": record(block=b"HTTP/1.1 200 OK\r\n" + b"a:\n" * 10_000_000),
    "dates": DATES * 40,
    "dates in members": b"".join(gzip.compress(DATES) for _ in range(40)),
    "small chunks": record(block=http(b"2\nab\n" * 500_000, "Transfer-Encoding: chunked")),
}


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def read(place: Path, code: str = READ_ALL) -> int:
    """Read all records of a file in a child of limited means; gives its exit code."""
    return subprocess.run([sys.executable, "-c", code, str(place)], preexec_fn=limited, check=False).returncode


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=[pytest.mark.long] if each == "headers without end" else []) for each in HOSTILE]
)
def test_a_hostile_file_costs_no_more_than_its_size(tmp_path: Path, name: str) -> None:
    place = tmp_path / "x.warc"
    place.write_bytes(HOSTILE[name])
    assert read(place) == 0


@pytest.mark.parametrize("code", [READ_PARTS, pytest.param(FORGETFUL + READ_PARTS, marks=pytest.mark.long)])
def test_a_zip_file_of_thousands_costs_no_more_than_its_size(tmp_path: Path, code: str) -> None:
    place = tmp_path / "x.wacz"
    place.write_bytes(wacz({f"archive/{number}.warc": record() for number in range(2_000)}))
    assert read(place, code) == (0 if code == READ_PARTS else -signal.SIGXCPU)


@pytest.mark.long
def test_a_way_that_costs_more_is_noticed(tmp_path: Path) -> None:
    place = tmp_path / "x.arc"
    place.write_bytes(HOSTILE["dates"])
    assert read(place, TWIN + READ_ALL) == -signal.SIGXCPU
