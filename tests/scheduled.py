"""Runs over an outlet one after the other, as a schedule starts them, by storage's own doors."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from storage import outlets
from storage.archive import Archive
from storage.crawls import begin_crawl, end_crawl
from storage.exchange import TlsFacts
from storage.finding import resource_at
from storage.fixity.checking import check
from storage.models import warc_file
from storage.owners import new_owner
from storage.priorities import NEW
from storage.records import DomainFacts, Fetch, Found, Kept
from storage.writer import Writer
from tests.databases import place_of
from tests.independent_walk import connected, walk
from tests.keeping import HOUR, T0, exchange

CHAIN = TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", (b"\x30\x03\x02\x01\x01",))
ADDRESSES = ("192.0.2.1", "2001:db8::1")


@pytest.fixture
def one_day() -> None:
    """A test that begins just before midnight (UTC) waits for it: its files are of one day."""
    now = datetime.now(UTC)
    if (now.hour, now.minute) == (23, 59):
        time.sleep(61 - now.second)


class Run:
    """A run over an outlet, with its writer."""

    def __init__(self, archive: Archive, name: str = "demo", **options: Any) -> None:
        self.archive, self.host, self.owner = archive, f"{name}.example", new_owner()
        with archive.begin() as connection:
            facts = [DomainFacts(self.host, "", "primary", "en", None, None, 0)]
            self.outlet = outlets.sync_outlet(connection, name, "profile", facts, T0)
            self.crawl = self.begin(connection)
        self.writer = Writer(
            archive, crawl=self.crawl, outlet=self.outlet, owner=self.owner, warcinfo={"software": "test"}, **options
        )
        self.writer.start()

    def begin(self, connection: Any) -> int:
        return begin_crawl(
            connection, self.outlet, "crawl", operator=None, robots_policy="obey", now=T0, owner=self.owner
        )

    def fetch(self, key: str) -> Fetch:
        url = f"https://{self.host}/detail/{key}"
        with self.archive.begin() as connection:
            found = Found(key, "article", url, NEW, T0, "home")
            resource = resource_at(connection, self.outlet, found, now=T0, crawl=self.crawl)
        sent = replace(exchange(url, os.urandom(2000), tls=CHAIN), addresses=ADDRESSES)
        return Fetch(sent, resource, url, "pending", T0, True, T0 + HOUR)

    def keep(self, key: str) -> Kept:
        return self.writer.keep(self.fetch(key)).result(20)

    def end(self) -> None:
        self.writer.close()
        with self.archive.begin() as connection:
            end_crawl(connection, self.crawl, "finished", {}, T0)


@contextmanager
def running(archive: Archive, name: str = "demo", **options: Any) -> Iterator[Run]:
    """A run that ends in order."""
    run = Run(archive, name, **options)
    yield run
    run.end()


def leave(archive: Archive, name: str = "demo", pages: int = 2) -> str:
    """A scheduled run that leaves its file open; the file's path."""
    with running(archive, name, keep_open=True) as run:
        (path,) = {run.keep(f"{number}-{time.monotonic_ns()}").warc_path for number in range(pages)}
    return path


def rows(archive: Archive) -> list[tuple[str, str]]:
    """The files' paths and states."""
    with archive.read() as connection:
        return [
            tuple(row)
            for row in connection.execute(select(warc_file.c.path, warc_file.c.state).order_by(warc_file.c.id))
        ]


def states(archive: Archive) -> list[str]:
    return [state for _, state in rows(archive)]


def faults(archive: Archive) -> list[str]:
    """What `verify` and the independent walk find."""
    place = place_of(archive)
    with connected(place.folder, place.database) as connection:
        walked = walk(connection, place.folder, settled=True, resting=True)
    return [f"{each.kind} {each.place}: {each.what}" for each in check(archive)] + walked


def make_yesterdays(archive: Archive, path: str) -> str:
    """Give a file the name that it would have if it had been begun on another day."""
    stamp = path.rsplit("-", 3)[1]
    older = path.replace(stamp, "20200101000000")
    for ending in ("", ".open"):
        place = archive.warc_folder / (path + ending)
        if place.exists():
            place.rename(archive.warc_folder / (older + ending))
    with archive.begin() as connection:
        connection.execute(update(warc_file).where(warc_file.c.path == path).values(path=older))
    return older
