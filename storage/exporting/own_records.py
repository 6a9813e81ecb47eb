"""The records that we wrote for one capture, those that are whole where others of them are broken.

What is given is proven: by the digest of the whole stretch; where that does not hold, the response by its row's digest,
and what stands beside a broken record by each record's own. Behind a broken one, reading goes on where the next gzip
member holds such a record, but never within the response, whose bytes a server chose: they may look like a record.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from storage.errors import ArchiveDamaged
from storage.exporting.selection import Placed
from storage.warc_reading import ANSWERS
from storage.warc_records import Record, read_record

_MAGIC = b"\x1f\x8b\x08"
"""How a gzip member begins (RFC 1952, 2.3.1)."""
_PIECE = 1 << 20
_SEARCHED = 16 << 20
"""At most so many bytes are searched for the next record; those of requests, notes and certificates are far fewer."""
_TRIALS = 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """Records of a capture that are whole, in the order of the file. `faults` names each that is not, as one line with
    file and offset; without any, the records are all that was written."""

    records: tuple[Record, ...]
    faults: tuple[str, ...]


def own_records(file: BinaryIO, placed: Placed) -> Standing:
    """The response, the records that were written for it, and its request; no warcinfo."""
    return _Reading(file, placed).run()


class _Reading:
    def __init__(self, file: BinaryIO, placed: Placed) -> None:
        self._file, self._placed = file, placed
        self._faults: list[str] = []

    def run(self) -> Standing:
        placed = self._placed
        response = self._response()
        behind = placed.offset + placed.length
        if placed.span_offset is None or placed.span_length is None:
            before, after = [], list(self._concurrent(behind, response))
        else:
            before = list(self._whole(placed.span_offset, placed.offset))
            after = list(self._whole(behind, placed.span_offset + placed.span_length))
            if not self._faults and not self._is_proven():
                self._blame(placed.span_offset, "what stands beside the response is not what was kept")
                before, after = [], []
        if self._faults:
            before, after = [list(filter(_proves_itself, each)) for each in (before, after)]
        records = [*before, *([response] if response else []), *after]
        return Standing(tuple(each for each in records if each.kind != "warcinfo"), tuple(self._faults))

    def _blame(self, offset: int, what: str) -> None:
        self._faults.append(f"{self._placed.path} at byte {offset}: {what}")

    def _response(self) -> Record | None:
        placed = self._placed
        try:
            response = read_record(self._file, placed.offset)
        except ArchiveDamaged as error:
            self._blame(placed.offset, f"the response cannot be read: {error.what}")
            return None
        if response.end != placed.offset + placed.length or response.member_sha256 != placed.member_sha256:
            self._blame(placed.offset, "another record stands where the response was")
            return None
        return response

    def _is_proven(self) -> bool:
        """Whether the whole stretch is the one that was written, as far as its row says what that was."""
        placed = self._placed
        if placed.span_sha256 is None or placed.span_offset is None or placed.span_length is None:
            return True
        self._file.seek(placed.span_offset)
        digest, left = hashlib.sha256(), placed.span_length
        while left > 0 and (piece := self._file.read(min(left, _PIECE))):
            digest.update(piece)
            left -= len(piece)
        return digest.hexdigest() == placed.span_sha256

    def _whole(self, offset: int, until: int) -> Iterator[Record]:
        """The whole records from one place to another, none of which is a response."""
        while offset < until:
            try:
                record = read_record(self._file, offset)
            except ArchiveDamaged as error:
                self._blame(offset, error.what)
                found = self._search(offset + 1, until)
                if found is None:
                    return
                offset = found
                continue
            if record.end > until or record.kind in ANSWERS:
                self._blame(offset, "another record stands here than was written beside the response")
                return
            yield record
            offset = record.end

    def _concurrent(self, offset: int, response: Record | None) -> Iterator[Record]:
        """The records behind a response that name it, of what an early version kept: nothing says where they end.

        Behind a broken one only those are taken that name a response which is known: others may be anybody's.
        """
        named = response.id if response else None
        complete = False
        end = os.fstat(self._file.fileno()).st_size
        while offset < end:
            try:
                record = read_record(self._file, offset)
            except ArchiveDamaged as error:
                if complete:
                    return
                self._blame(offset, error.what)
                found = self._search(offset + 1, end) if named else None
                if found is None:
                    return
                offset, complete = found, True
                continue
            names = record.fields.get("warc-concurrent-to")
            if record.kind in ANSWERS or not names or names != (named or names):
                return
            yield record
            named, complete = names, complete or bool(record.exchange_facts())
            offset = record.end

    def _search(self, start: int, until: int) -> int | None:
        """Where the next gzip member begins that holds a whole record with a digest of its own that holds."""
        self._file.seek(start)
        data = self._file.read(min(until - start, _SEARCHED))
        at = data.find(_MAGIC)
        for _ in range(_TRIALS):
            if at < 0:
                return None
            if self._stands(start + at, until):
                return start + at
            at = data.find(_MAGIC, at + 1)
        return None

    def _stands(self, offset: int, until: int) -> bool:
        try:
            record = read_record(self._file, offset)
        except ArchiveDamaged:
            return False
        return record.end <= until and _proves_itself(record)


def _proves_itself(record: Record) -> bool:
    """Whether a record that was read states the digest by which it was checked."""
    return record.fields.get("warc-block-digest", "").startswith("sha256:")
