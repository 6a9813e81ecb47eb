"""The WARC records of captures as they stand in the archive, to be copied byte for byte."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from storage.errors import ArchiveDamaged
from storage.exporting.foreign_records import foreign_records
from storage.exporting.selection import Placed
from storage.foreign import is_foreign
from storage.warc_reading import open_warc, read_shared
from storage.warc_records import Record, read_record


@dataclass(frozen=True, slots=True)
class Copied:
    """A record to give out: its gzip member as it is, its header fields by lower-case name, and its block."""

    member: bytes = field(repr=False)
    fields: Mapping[str, str]
    block: bytes = field(repr=False)


class RecordReader:
    """Reads the records of captures, file after file. A context manager: leaving it closes the file.

    Records that several captures share, such as certificates, are given once, before the first that needs them.
    """

    def __init__(self, warc_folder: Path) -> None:
        self._folder = warc_folder
        self._stack = ExitStack()
        self._path: str | None = None
        self._file: BinaryIO | None = None
        self._shared: set[tuple[str, int]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def read(self, placed: Placed) -> list[Copied]:
        """The records of a capture. Raises ArchiveDamaged where one is missing or not what was written."""
        file = self._open(placed.path)
        if is_foreign(placed.path):
            return [Copied(member, each.head.fields, each.block) for member, each in foreign_records(file, placed)]
        found = list(_own_records(file, placed))
        shared = list(self._pointed_at(file, placed, found))
        for record in found:
            if record.kind == "metadata":
                self._shared.add((placed.path, record.offset))
        return [_copy(file, record) for record in (*shared, *found)]

    def _open(self, path: str) -> BinaryIO:
        if self._file is None or self._path != path:
            self._file = None
            self._stack.close()
            self._file = self._stack.enter_context(open_warc(self._folder, path))
            self._path = path
        return self._file

    def _pointed_at(self, file: BinaryIO, placed: Placed, found: list[Record]) -> Iterator[Record]:
        """The certificates and addresses that were noted of the fetch and stand elsewhere in the file."""
        here = {record.offset for record in found}
        noted = [each.exchange_facts() for each in found if each.kind in ("request", "metadata")]
        for pointer in (facts.get(name) for facts in noted for name in ("chain", "dns")):
            if pointer is None:
                continue
            record = read_shared(file, pointer)
            if record is None:
                raise ArchiveDamaged("another record stands where its notes point to", f"{placed.path}: {pointer}")
            if record.offset not in here and (placed.path, record.offset) not in self._shared:
                self._shared.add((placed.path, record.offset))
                yield record


def _own_records(file: BinaryIO, placed: Placed) -> Iterator[Record]:
    """The response, the records that were written for it, and its request; no warcinfo."""
    response = read_record(file, placed.offset)
    if response.end != placed.offset + placed.length or response.member_sha256 != placed.member_sha256:
        raise ArchiveDamaged("another record stands here", f"{placed.path} at byte {placed.offset}")
    if placed.span_offset is None or placed.span_length is None:
        yield response
        yield from _concurrent(file, response)
        return
    offset, end = placed.span_offset, placed.span_offset + placed.span_length
    while offset < end:
        record = response if offset == response.offset else read_record(file, offset)
        if record.kind != "warcinfo":
            yield record
        offset = record.end
    if offset != end:
        raise ArchiveDamaged("records do not end where they should", f"{placed.path} at byte {end}")


def _concurrent(file: BinaryIO, response: Record) -> Iterator[Record]:
    """The records behind a response that name it."""
    offset, end = response.end, os.fstat(file.fileno()).st_size
    while offset < end:
        record = read_record(file, offset)
        if record.fields.get("warc-concurrent-to") != response.id:
            return
        yield record
        offset = record.end


def _copy(file: BinaryIO, record: Record) -> Copied:
    file.seek(record.offset)
    return Copied(file.read(record.end - record.offset), record.fields, record.block)
