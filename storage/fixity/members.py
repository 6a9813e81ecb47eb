"""Check the bytes of WARC files against rows: every byte under a span, every member, every payload.

Worker processes import this, so that it needs no database.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from storage.errors import ArchiveDamaged
from storage.fixity.findings import Finding, FindingKind
from storage.foreign import exchange_of, open_part, record_in
from storage.warc_reading import ANSWERS, join_records, open_warc, payload_sha256, to_exchange
from storage.warc_records import MEMBER_LIMIT, REDUCED_FIELD, Record, read_proven, read_record

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class CaptureDigests:
    """Where a capture's records stand by its row, in bytes of the file, and the digests (hex) that it gives.

    `payload_sha256` is None where the payload stands in another capture's record. `gap` is where the bytes begin that
    stand before its span and belong to no capture; it is the span's own beginning where there are none. Where it is
    kept as headers and digest alone, its span is the record that tells of it.
    """

    id: int
    offset: int
    length: int
    member_sha256: str
    payload_sha256: str | None
    span_offset: int
    span_length: int
    span_sha256: str | None
    gap: int
    is_reduced: bool = False


@dataclass(frozen=True, slots=True)
class Portion:
    """Some captures of one file that lie behind each other, for one worker."""

    warc_folder: Path
    path: str
    captures: tuple[CaptureDigests, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a worker found in a portion, and how many bytes of the file it read."""

    findings: tuple[Finding, ...]
    size: int


def check_portion(portion: Portion) -> Checked:
    """Check the captures of a portion. A file that is missing is somebody else's finding; one that cannot be read
    (any more) is told with the first portion that cannot."""
    findings: list[Finding] = []
    size = 0
    try:
        with open_warc(portion.warc_folder, portion.path) as file:
            reduced = _Reduced(file, portion.path)
            for each in portion.captures:
                if each.gap < each.span_offset:
                    findings += check_unclaimed(file, portion.path, each.gap, each.span_offset)
                check = reduced.check(each) if each.is_reduced else _CaptureCheck(file, portion.path, each).run()
                findings += check
                size += each.span_offset + each.span_length - each.gap
    except ArchiveDamaged:
        pass
    except OSError as error:
        findings.append(_unreadable(portion.path, error))
    return Checked(tuple(findings), size)


class _Reduced:
    """Checks captures that are kept as headers and digest alone: that the record which tells of them is what was
    written, and tells of the payload that the row names. Many stand in one record, which is read once."""

    def __init__(self, file: BinaryIO, path: str) -> None:
        self._file, self._path = file, path
        self._place: tuple[int, int, str | None] | None = None
        self._told: list[dict[str, Any]] = []
        self._fault = ""

    def check(self, row: CaptureDigests) -> Iterator[Finding]:
        place = row.span_offset, row.span_length, row.span_sha256
        if place != self._place:
            self._place = place
            self._told, self._fault = self._read(*place)
        number = row.offset - row.span_offset
        told = self._told[number] if 0 <= number < len(self._told) else {}
        same = (told.get("capture"), told.get("payload_sha256")) == (row.id, row.payload_sha256)
        if what := self._fault or ("" if same else "the record in the response's place tells of another one"):
            yield Finding("record-altered", f"{_at(self._path, row.span_offset)} (capture/{row.id})", what)

    def _read(self, offset: int, length: int, sha256: str | None) -> tuple[list[dict[str, Any]], str]:
        if offset < 0 or not 0 < length <= MEMBER_LIMIT:
            return [], "offset and length of its row make no sense, so that nothing confirms the bytes"
        self._file.seek(offset)
        if hashlib.sha256(self._file.read(length)).hexdigest() != sha256:
            return [], f"these {length} bytes are not those that were put in the response's place"
        try:
            return read_record(self._file, offset).told_all(REDUCED_FIELD), ""
        except ArchiveDamaged as error:
            return [], error.what


def check_foreign_portion(portion: Portion) -> Checked:
    """Check captures in a file that others wrote: the stretch of each record, and its payload if it has one itself."""
    findings: list[Finding] = []
    size = 0
    try:
        with open_part(portion.warc_folder, portion.path) as file:
            for each in portion.captures:
                what = _foreign_fault(file, portion, each)
                if what:
                    place = f"{_at(portion.path, each.offset)} (capture/{each.id})"
                    findings.append(Finding("record-altered", place, what))
                size += each.length
    except ArchiveDamaged:
        pass  # the file's own finding says so
    return Checked(tuple(findings), size)


def _foreign_fault(file: BinaryIO, portion: Portion, row: CaptureDigests) -> str:
    if not 0 < row.length <= MEMBER_LIMIT or row.offset < 0:
        return "its row's offset and length make no sense, so that nothing confirms the bytes"
    try:
        file.seek(row.offset)
        stretch = file.read(row.length)
        if hashlib.sha256(stretch).hexdigest() != row.member_sha256:
            return "the record is not the one that was imported"
        if row.payload_sha256 is None:
            return ""
        exchange = exchange_of(record_in(stretch, file, portion.path, row.offset, limit=MEMBER_LIMIT))
    except zlib.error:
        return "the record cannot be read: its packing is broken"
    except (ArchiveDamaged, OSError) as error:
        return f"the record cannot be read: {error}"
    same = hashlib.sha256(exchange.payload).hexdigest() == row.payload_sha256
    return "" if same else "the payload is another"


def check_tail(warc_folder: Path, path: str, start: int, end: int) -> Checked:
    """Check what stands behind the last capture of a file."""
    try:
        with open_warc(warc_folder, path) as file:
            return Checked(tuple(check_unclaimed(file, path, start, end)), end - start)
    except ArchiveDamaged:
        return Checked((), 0)
    except OSError as error:
        return Checked((_unreadable(path, error),), 0)


def check_file(warc_folder: Path, path: str, length: int, sha256: str | None, *, imported: bool = False) -> Checked:
    """Check a file as a whole against its row. Of an imported one, `length` is how far it has been read."""
    try:
        measured = measure(warc_folder, path, length)
    except ArchiveDamaged as error:
        return Checked((Finding("file-missing", place_of(path), error.what),), 0)
    except OSError as error:
        return Checked((_unreadable(path, error),), 0)
    what = measured.fault(length, sha256, imported=imported)
    return Checked((Finding("file-altered", place_of(path), what),) if what else (), 0)


@dataclass(frozen=True, slots=True)
class Measured:
    """A file as it lies there: its size, its SHA-256 (hex), and that of the bytes up to a length of interest."""

    size: int
    sha256: str
    kept_sha256: str

    def fault(self, length: int, sha256: str | None, *, imported: bool = False) -> str:
        """How it differs from a row with this length and digest; '' where it does not."""
        if self.sha256 == sha256 and (imported or self.size == length):
            return ""
        if self.size > length and self.kept_sha256 == sha256:
            return f"it has {self.size} bytes, and {length} were kept; these are whole, and the others follow them"
        if imported:
            return f"it is not the file that was imported (its SHA-256 is {self.sha256})"
        if self.size < length:
            return f"it has {self.size} of the {length} bytes kept"
        if self.size > length:
            return f"it has {self.size} bytes, and {length} were kept; these are not what they were"
        return f"it is not the file that was closed (its SHA-256 is {self.sha256})"


def measure(warc_folder: Path, path: str, length: int = 0) -> Measured:
    """Read a whole file, with a look at its first `length` bytes. Raises ArchiveDamaged when it is missing, and
    OSError when it cannot be read."""
    whole, kept = hashlib.sha256(), hashlib.sha256()
    size = 0
    with open_warc(warc_folder, path) as file:
        while piece := file.read(_PIECE):
            whole.update(piece)
            if size < length:
                kept.update(piece[: length - size])
            size += len(piece)
    return Measured(size, whole.hexdigest(), kept.hexdigest())


def check_unclaimed(file: BinaryIO, path: str, start: int, end: int) -> Iterator[Finding]:
    """Check bytes that no capture claims: whole records other than responses may stand there, and nothing else."""
    offset = start
    while offset < end:
        try:
            record = read_record(file, offset)
        except ArchiveDamaged as error:
            yield Finding("record-altered", _at(path, offset), error.what)
            return
        if record.kind in ANSWERS:
            url = record.fields.get("warc-target-uri", "")
            yield Finding("record-strange", _at(path, offset), f"no capture points to this response of {url}")
        offset = record.end


class _CaptureCheck:
    """The check of one capture; all that is wrong with its bytes makes one finding."""

    def __init__(self, file: BinaryIO, path: str, row: CaptureDigests) -> None:
        self._file, self._path, self._row = file, path, row
        self._faults: list[tuple[FindingKind, int, str]] = []
        self._stray: Finding | None = None

    def run(self) -> Iterator[Finding]:
        self._check()
        if self._stray is not None:
            yield self._stray
        if self._faults:
            kind, offset, _ = self._faults[0]
            what = "; ".join(dict.fromkeys(what for _, _, what in self._faults))
            yield Finding(kind, f"{_at(self._path, offset)} (capture/{self._row.id})", what)

    def _check(self) -> None:
        row = self._row
        span = b""
        if row.span_offset >= 0 and 0 < row.span_length <= 2 * MEMBER_LIMIT:
            self._file.seek(row.span_offset)
            span = self._file.read(row.span_length)
        proven = row.span_sha256 is not None and hashlib.sha256(span).hexdigest() == row.span_sha256
        pointed = self._points_to_member(span)
        if proven and not pointed:
            pointed = self._find_member(span)
            row = self._row
        inside = row.span_offset <= row.offset and row.offset + row.length <= row.span_offset + row.span_length
        if not inside or not 0 < row.length <= MEMBER_LIMIT or row.span_length > 2 * MEMBER_LIMIT:
            what = "offset, length and span of its row contradict each other, so that nothing confirms the bytes"
            self._tell("record-altered", row.offset, what)
            return
        if len(span) < row.span_length:
            self._tell("record-missing", row.offset, "the file ends before the capture's records do")
        elif row.span_sha256 is not None and not proven:
            what = f"these {row.span_length} bytes are not those that were kept"
            self._tell("record-altered", row.span_offset, what)
            if pointed:
                self._tell("record-altered", row.offset, "the response is whole, what stands beside it is not")
        if not pointed:
            self._tell("record-altered", row.offset, "the response is not the one that was kept")
        self._check_records(span, row.offset - row.span_offset, proven=proven)

    def _points_to_member(self, span: bytes) -> bool:
        start = self._row.offset - self._row.span_offset
        member = memoryview(span)[start : start + self._row.length] if start >= 0 else b""
        return hashlib.sha256(member).hexdigest() == self._row.member_sha256

    def _find_member(self, span: bytes) -> bool:
        """Find the response in a span that is as it was kept, and go on as if the row pointed to it."""
        view = memoryview(span)
        offset = 0
        while offset < len(span):
            try:
                end = read_proven(view, offset).end
            except ArchiveDamaged:
                return False
            if hashlib.sha256(view[offset:end]).hexdigest() == self._row.member_sha256:
                stands, length = self._row.span_offset + offset, end - offset
                what = (
                    f"it points to {self._row.length} bytes at byte {self._row.offset} of {place_of(self._path)}, and "
                    f"its response stands there at byte {stands}, {length} bytes long"
                )
                self._stray = Finding("row-altered", f"capture/{self._row.id}", what)
                self._row = replace(self._row, offset=stands, length=length)
                return True
            offset = end
        return False

    def _check_records(self, span: bytes, start: int, *, proven: bool) -> None:
        """Read every record of the span. Behind a broken one, reading goes on where the row says a record begins."""
        file, view = BytesIO(span), memoryview(span)
        offset = 0
        entries = [start, start + self._row.length]
        records: list[Record] = []
        while offset < len(span):
            at = self._row.span_offset + offset
            try:
                record = read_proven(view, offset) if proven else read_record(file, offset)
            except ArchiveDamaged as error:
                self._tell("record-altered", at, f"at byte {at} {error.what}")
                later = [each for each in entries if each > offset]
                if not later:
                    break
                offset = later[0]
                continue
            if record.kind in ANSWERS and offset != start:
                self._tell("record-strange", at, f"no capture points to the response at byte {at}")
            records.append(record)
            offset = record.end
        self._check_exchange(file, [each for each in records if each.offset >= start])

    def _check_exchange(self, file: BinaryIO, records: Sequence[Record]) -> None:
        """Check the capture's own records: that they belong together, and their payload."""
        row = self._row
        if not records or records[0].kind not in ANSWERS or records[0].offset != row.offset - row.span_offset:
            self._tell("record-missing", row.offset, "no response can be read where the capture points to")
            return
        if records[0].end - records[0].offset != row.length:
            self._tell("record-altered", row.offset, "the response is not as long as its row says")
        try:
            whole = join_records(records)
        except ArchiveDamaged as error:
            self._tell("record-missing", row.offset, error.what)
            return
        whole = replace(whole, facts={**whole.facts, "chain": None, "dns": None})
        if payload_sha256(whole, to_exchange(whole, file)) != row.payload_sha256:
            self._tell("record-altered", row.offset, "the payload is another")

    def _tell(self, kind: FindingKind, offset: int, what: str) -> None:
        self._faults.append((kind, offset, what))


def _unreadable(path: str, error: OSError) -> Finding:
    return Finding("file-altered", place_of(path), f"it cannot be read ({error.strerror or error})")


def place_of(path: str) -> str:
    """How a finding names a file; `path` is relative to the WARC folder, or absolute where it lies elsewhere."""
    return path if path.startswith("/") else f"warc/{path}"


def _at(path: str, offset: int) -> str:
    return f"{place_of(path)} at byte {offset}"
