"""Read what the records of WARC files say of captures whose rows are wrong or missing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Row, case, select

from storage.archive import Archive
from storage.captures import is_reduced
from storage.errors import ArchiveDamaged
from storage.exchange import Exchange
from storage.fixity.findings import Finding
from storage.foreign import is_foreign
from storage.keeping import facts_of_exchange, fetch_from, origin_of, to_millisecond
from storage.models import capture, warc_file
from storage.records import Fetch
from storage.stored_paths import span_start, stored_path
from storage.warc_reading import WholeExchange, open_warc, payload_sha256, read_whole, to_exchange, walk

_PLACE = re.compile(r"warc/(.+) at byte (\d+)")
_NUMBER = re.compile(r"capture/(\d+)")
_PIECE = 1 << 20
_COMPARED = 200
"""So many altered captures are held against each other."""
UNREADABLE = (ArchiveDamaged, OSError, KeyError, TypeError, ValueError)
"""What reading records raises that are not what a row says."""


@dataclass(frozen=True, slots=True)
class FoundExchange:
    """An exchange that stands in a file of the archive; `start` is where its span begins."""

    file: int
    start: int
    span_sha256: str
    whole: WholeExchange
    payload_sha256: str
    exchange: Exchange
    fetch: Fetch

    def values(self) -> dict[str, Any]:
        """The columns of its capture that its records and its place tell."""
        response = self.whole.response
        return {
            "warc_file": self.file,
            "offset": response.offset,
            "length": response.end - response.offset,
            "member_sha256": response.member_sha256,
            "payload_sha256": self.payload_sha256,
            "at": to_millisecond(self.fetch.at),
            "span_offset": self.start,
            "span_length": self.whole.end - self.start,
            "span_sha256": self.span_sha256,
            "origin": origin_of(self.fetch),
            **facts_of_exchange(self.exchange),
        }


class Records:
    """The records that may tell what rows held, in a write transaction of a repair.

    `strange` are the files that no row names, `strays` the exchanges that no capture points to, and `altered` those to
    which captures point whose rows were altered, by what a check found.
    """

    def __init__(self, archive: Archive, connection: Connection, findings: Sequence[Finding]) -> None:
        self.archive, self.connection = archive, connection
        self.strange = [each.place.removeprefix("warc/") for each in findings if each.kind == "file-strange"]
        self._places = [each.place for each in findings if each.kind == "record-strange"]
        self._altered = [each.place for each in findings if each.kind == "row-altered"]

    @property
    def folder(self) -> Path:
        return self.archive.warc_folder

    def path_of(self, file: int) -> str | None:
        """The path of a file by its row's id, as `open_warc` takes it."""
        return self.connection.execute(select(stored_path(warc_file)).where(warc_file.c.id == file)).scalar()

    def at_row(self, row: Row[Any]) -> Iterator[FoundExchange]:
        """The exchanges that a capture's row may mean: that to which it points, and that which ends its span."""
        path = self.path_of(row.warc_file)
        if path is None or is_foreign(path):
            return
        before = self._end_before(row.warc_file, row.offset)
        try:
            with open_warc(self.folder, path) as file:
                yield from _found(file, row.warc_file, before, row.offset)
                for start in dict.fromkeys((before, row.span_offset if row.moved_to is None else row.moved_to)):
                    if start is not None and start >= 0 and (first := _first(file, start)) is not None:
                        yield from _found(file, row.warc_file, start, first)
        except UNREADABLE:
            return

    @cached_property
    def strays(self) -> list[FoundExchange]:
        """The exchanges that no capture points to, in the order in which they stand."""
        found: list[FoundExchange] = []
        for path, offset in sorted(_places(self._places)):
            number = self.connection.execute(select(warc_file.c.id).filter_by(store="warc", path=path)).scalar()
            if number is None:
                continue
            start = self._end_before(number, offset)
            if found and found[-1].file == number:
                start = max(start, found[-1].whole.end)
            try:
                with open_warc(self.folder, path) as file:
                    found += _found(file, number, start, offset)
            except UNREADABLE:
                continue
        return found

    @cached_property
    def altered(self) -> list[FoundExchange]:
        """The exchanges to which altered captures point, as far as it is worth while to hold them against each other:
        rows may have been exchanged."""
        matches = [_NUMBER.fullmatch(each) for each in self._altered]
        numbers = sorted({int(match[1]) for match in matches if match is not None})[:_COMPARED]
        rows = self.connection.execute(select(capture).where(capture.c.id.in_(numbers)).order_by(capture.c.id))
        return [found for row in rows.all() for found in self.at_row(row)]

    def _end_before(self, file: int, offset: int) -> int:
        """Where the last span of a file ends that begins before a place."""
        end_of_record = capture.c.moved_to + capture.c.length
        statement = (
            select(case((is_reduced(capture), end_of_record), else_=span_start(capture) + capture.c.span_length))
            .where(capture.c.warc_file == file, capture.c.offset < offset, capture.c.span_sha256.is_not(None))
            .order_by(capture.c.offset.desc())
        )
        return self.connection.execute(statement.limit(1)).scalar() or 0


def sha256_between(file: BinaryIO, start: int, end: int) -> str:
    """The SHA-256 (hex) of a stretch of a file, as far as the file goes."""
    digest = hashlib.sha256()
    file.seek(start)
    while start < end and (piece := file.read(min(end - start, _PIECE))):
        digest.update(piece)
        start += len(piece)
    return digest.hexdigest()


def _places(names: Sequence[str]) -> Iterator[tuple[str, int]]:
    for name in names:
        match = _PLACE.fullmatch(name)
        if match is not None:
            yield match[1], int(match[2])


def _found(file: BinaryIO, number: int, start: int, offset: int) -> Iterator[FoundExchange]:
    """The exchange at a place, if there is one."""
    try:
        whole = read_whole(file, offset)
        exchange = to_exchange(whole, file)
        fetch = fetch_from(whole.facts, exchange)
        span = sha256_between(file, start, whole.end)
        yield FoundExchange(number, start, span, whole, payload_sha256(whole, exchange), exchange, fetch)
    except UNREADABLE:
        return


def _first(file: BinaryIO, start: int) -> int | None:
    """Where the response of the first exchange stands from a place on."""
    for found in walk(file, start):
        if isinstance(found, WholeExchange):
            return found.response.offset
    return None
