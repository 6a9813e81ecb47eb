"""The processes that read foreign files: each brings one in, walks through it, and sends on what is to be kept."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, BinaryIO

from scraper.importing.reporting import BAD_NAMED
from scraper.importing.selecting import FromTheFuture, Selected, Selector
from storage.errors import StorageError
from storage.foreign import BadRecord, FoundRecord, Scan, open_part, parts_of
from storage.foreign.scanning import URI_NAMED
from storage.foreign.views import IMPORTED, Part, take_apart
from storage.foreign.zips import NotReadable
from storage.foreign_files import Incoming, sha256_of

if TYPE_CHECKING:
    from scraper.outlet import Outlet

BATCH = 128
"""Records that are sent on, and written down, at once."""
PAUSE = 1.0
"""Seconds after which what was found so far is sent on, so that a kill costs little."""
_OVERHEAD = 256 * 1024


@dataclass(frozen=True, slots=True)
class Setup:
    """What a process is given at its start. `limit` is the longest payload that is read, in bytes."""

    outlets: Mapping[str, Outlet]
    any_host: bool
    limit: int
    warc_folder: Path


@dataclass(frozen=True, slots=True)
class Bring:
    """Look at a file, and take its digest; with `copy` into the archive's folder."""

    source: Path
    copy: bool


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that holds records: its digest and size, the copy made of it, its parts, and what is wrong with it."""

    sha256: str
    size: int
    copy: Path | None
    parts: tuple[Part, ...]
    problems: tuple[BadRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class BadOf:
    """What is wrong with a part of a file (its steps): how many records are bad, and as many as are named."""

    part: str
    named: tuple[BadRecord, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that holds no record, or cannot be read."""

    reason: str
    bad: tuple[BadOf, ...] = ()
    error: StorageError | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """Walk through a part (`path` is relative to `root`) from a place on; of a second walk, for revisits alone."""

    root: Path
    path: str
    start: int
    revisits_only: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """What a walk came to since the last batch. All before `position`, a byte of the part, has been sent.
    `records` counts the whole records of the walk so far; `last`: the walk is over."""

    selected: tuple[Selected, ...]
    bad: tuple[BadRecord, ...]
    bad_count: int
    records: int
    position: int
    last: bool = False
    error: str = ""


@dataclass(slots=True)
class _Collected:
    """What came up since it was last sent on. Of bad records those are named for which there is `room`."""

    room: int = BAD_NAMED
    selected: list[Selected] = field(default_factory=list)
    bad: list[BadRecord] = field(default_factory=list)
    bad_count: int = 0

    def add_bad(self, record: BadRecord) -> None:
        self.bad_count += 1
        if len(self.bad) < self.room:
            self.bad.append(record)

    def batch(self, scan: Scan, *, last: bool = False) -> Batch:
        made = Batch(tuple(self.selected), tuple(self.bad), self.bad_count, scan.records, scan.position, last=last)
        self.selected, self.bad, self.bad_count = [], [], 0
        return made


def index(connection: Connection, setup: Setup) -> None:
    """A process's life: one order after the other, until None comes or the parent is gone.

    A copy stays locked until the next order, when it has its name and its row, or was removed: meanwhile neither
    another import takes it for a leftover, nor a check for a file that nobody knows.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    held = contextlib.ExitStack()
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while (order := connection.recv()) is not None:
            held.close()
            if isinstance(order, Bring):
                connection.send(_bring(order, setup, held))
            else:
                for batch in walk(order, setup):
                    connection.send(batch)


def walk(order: Walk, setup: Setup) -> Iterator[Batch]:
    """Walk through a part, in batches; the last one says so."""
    selector = Selector(setup.outlets, any_host=setup.any_host, limit=setup.limit, revisits_only=order.revisits_only)
    collected = _Collected()
    try:
        with open_part(order.root, order.path) as file:
            scan = Scan(file, selector.wants, start=order.start, limit=setup.limit + _OVERHEAD)
            sent = monotonic()
            for step in scan.steps():
                for found in step:
                    _collect(found, selector, collected)
                if len(collected.selected) >= BATCH or monotonic() - sent > PAUSE:
                    yield collected.batch(scan)
                    sent = monotonic()
            yield collected.batch(scan, last=True)
    except (StorageError, OSError) as error:
        selected, bad = tuple(collected.selected), tuple(collected.bad)
        yield Batch(selected, bad, collected.bad_count, 0, order.start, last=True, error=str(error))


def _collect(found: FoundRecord | BadRecord, selector: Selector, collected: _Collected) -> None:
    if isinstance(found, BadRecord):
        collected.add_bad(found)
        return
    try:
        selected = selector.select(found)
    except FromTheFuture:
        raw = int(found.place.part.rpartition("@")[2]) if found.place.part else found.place.offset
        inside = found.place.offset if found.place.part else 0
        reason = f"its date, {found.head.at.isoformat()}, is yet to come"
        collected.add_bad(BadRecord(raw, inside, found.head.uri[:URI_NAMED], reason))
        return
    if selected is not None:
        collected.selected.append(selected)


def _bring(order: Bring, setup: Setup, held: contextlib.ExitStack) -> Brought | Refused:
    """Bring a file in; what holds its copy's lock is closed by `held`."""
    try:
        with order.source.open("rb") as file:
            parts, problems = _parts(file, order.source)
            bad = _without_records(file, parts)
            if bad is not None:
                told = [BadOf("", problems, len(problems)), *bad]
                reasons = [each.reason for of_part in told for each in of_part.named]
                return Refused(reasons[0] if reasons else "no WARC or ARC record stands in it", tuple(told))
            if not order.copy:
                return Brought(sha256_of(file), file.seek(0, 2), None, parts, problems)
            incoming = Incoming(setup.warc_folder / IMPORTED)
            try:
                sha256, size = incoming.copy(file)
            except BaseException:
                incoming.discard()
                raise
            held.callback(incoming.close)
            return Brought(sha256, size, incoming.path, parts, problems)
    except StorageError as error:
        return Refused(str(error), error=error)
    except OSError as error:
        return Refused(f"it cannot be read ({error.strerror or error})")


def _parts(file: BinaryIO, source: Path) -> tuple[tuple[Part, ...], tuple[BadRecord, ...]]:
    """A file's parts; a zip file that cannot be taken apart is one part, of which whatever can be is read."""
    try:
        return tuple(parts_of(file)), ()
    except NotReadable as error:
        return (Part("", source.stat().st_size),), (BadRecord(0, 0, "", str(error)),)


def _without_records(file: BinaryIO, parts: tuple[Part, ...]) -> list[BadOf] | None:
    """What is wrong with each part of a file that holds no whole record; None where one stands in it."""
    bad: list[BadOf] = []
    room = BAD_NAMED
    for part in parts:
        collected = _Collected(room)
        try:
            scan = Scan(take_apart(file, part.steps.split("#")[1:]), lambda head: False, limit=_OVERHEAD)
            for step in scan.steps():
                for found in step:
                    if isinstance(found, BadRecord):
                        collected.add_bad(found)
                if scan.records:
                    return None
        except (NotReadable, OSError) as error:
            collected.add_bad(BadRecord(0, 0, "", str(error)))
        room -= len(collected.bad)
        bad.append(BadOf(part.steps, tuple(collected.bad), collected.bad_count))
    return bad
