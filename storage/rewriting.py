"""Write a WARC file anew, with some of its responses as headers and digest alone."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from storage.errors import ArchiveDamaged
from storage.warc_names import rewritten_path
from storage.warc_reading import WholeExchange, payload_sha256, read_whole, to_exchange
from storage.warc_records import MOVED_FIELD, REDUCED_FIELD, frame, new_record_id, read_record
from storage.warc_writing import explained, lock, sync_folder

GROUP = 200
"""At most so many reduced captures are told of in one record."""
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class StandingCapture:
    """Where a capture's records stand in a file: its span from `start` to `end`, in it the response at `offset`."""

    id: int
    start: int
    offset: int
    length: int
    end: int


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a capture stands in the new file.

    Where it was reduced, `start` is where the record begins that tells of it, `offset` lies as many bytes behind that
    as entries stand before its own, `length` is that of the record, and `sha256` (hex) is over it.
    """

    id: int
    start: int
    offset: int
    length: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new file: its path, its length, its SHA-256 (hex), and where the captures stand in it."""

    path: str
    length: int
    sha256: str
    captures: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class _Copy:
    """A stretch of the old file, from `start` to `end`; `capture` is the one whose span it is."""

    start: int
    end: int
    capture: StandingCapture | None = None

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class _Group:
    """A record that tells of reduced captures (ids), in their order."""

    member: bytes
    captures: tuple[int, ...]

    @property
    def length(self) -> int:
        return len(self.member)


_Piece = _Copy | _Group


def part_of(place: Path) -> Path:
    """Where a file is written that is to lie at a place."""
    return place.with_name(f".{place.name}.part")


@contextmanager
def rewriting(
    folder: Path,
    path: str,
    file: BinaryIO,
    captures: Sequence[StandingCapture],
    reasons: Mapping[int, Mapping[str, Any]],
) -> Iterator[Rewritten]:
    """Write a file anew beside it: within it, the new file lies there under its final name, on the disk for good, held
    so that nobody takes it for a stranger.

    `captures` cover the file without gap, in their order; of those with `reasons`, metadata records tell in the place
    of response, request and notes. All else is copied byte for byte, behind a warcinfo record that says where the
    records that captures share (certificates, addresses) stand now. Raises ArchiveDamaged where a record is not what
    was written, StorageFull and StorageError where the new file cannot be.
    """
    new = rewritten_path(path)
    pieces = list(_plan(file, captures, reasons))
    head = _introduction(path, new, file, pieces)
    place = folder / new
    part = part_of(place)
    try:
        with part.open("w+b") as out:
            if not lock(out.fileno()):
                raise ArchiveDamaged("another process writes it", str(part))
            rewritten = _write(out, new, file, head, pieces)
            out.flush()
            os.fsync(out.fileno())
            part.rename(place)
            sync_folder(folder)
            yield rewritten
    except OSError as error:
        raise explained(error, str(place)) from error


def _plan(
    file: BinaryIO, captures: Sequence[StandingCapture], reasons: Mapping[int, Mapping[str, Any]]
) -> Iterator[_Piece]:
    """The new file from front to end. What is told of reduced captures stands together: it is much alike."""
    waiting: list[tuple[int, str]] = []
    for each in captures:
        reason = reasons.get(each.id)
        if reason is None:
            yield _Copy(each.start, each.end, each)
            continue
        if each.start < each.offset:  # records that other captures may share
            yield _Copy(each.start, each.offset)
        waiting.append((each.id, _tell(read_whole(file, each.offset), file, {"capture": each.id, **reason})))
        if len(waiting) == GROUP:
            yield _group(waiting)
            waiting = []
    if waiting:
        yield _group(waiting)


def _tell(whole: WholeExchange, file: BinaryIO, reason: Mapping[str, Any]) -> str:
    """A line about a response: its headers, the digest of its payload, and why no more of it is kept."""
    bare = replace(whole, facts={**whole.facts, "chain": None, "dns": None})
    exchange = to_exchange(bare, file)
    told = {
        **reason,
        "id": whole.response.id,
        "date": whole.response.fields.get("warc-date", ""),
        "url": exchange.url,
        "head": exchange.response[: exchange.head_length].decode("latin-1"),
        "payload_sha256": payload_sha256(whole, exchange),
        "ip": exchange.peer_address,
        "port": exchange.peer_port,
        "elapsed": round(exchange.elapsed, 3),
    }
    return f"{REDUCED_FIELD}: {json.dumps(told, separators=(',', ':'))}\r\n"


def _group(entries: Sequence[tuple[int, str]]) -> _Group:
    """The metadata record of some entries. It has no WARC-Target-URI, or an index would take it for a page."""
    block = "".join(line for _, line in entries).encode()
    fields = {"Content-Type": "application/warc-fields"}
    record = frame("metadata", new_record_id(), datetime.now(UTC), fields, block, tight=True)
    return _Group(record, tuple(number for number, _ in entries))


def _introduction(path: str, new: str, file: BinaryIO, pieces: Sequence[_Piece]) -> bytes:
    """The first record: of which file it was made, and where records that captures share stood and stand, counted from
    this record's end."""
    moved, at = {}, 0
    for piece in pieces:
        if isinstance(piece, _Copy):
            offset = piece.start
            until = piece.end if piece.capture is None else piece.capture.offset
            while offset < until:
                moved[str(offset)] = at + offset - piece.start
                offset = read_record(file, offset).end
        at += piece.length
    lines = {
        "format": "WARC File Format 1.1",
        "description": f"{path} without responses that its outlet's policies keep as headers and digest",
        MOVED_FIELD: json.dumps(moved, separators=(",", ":")),
    }
    block = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    fields = {"Content-Type": "application/warc-fields", "WARC-Filename": new}
    return frame("warcinfo", new_record_id(), datetime.now(UTC), fields, block.encode())


def _write(out: BinaryIO, new: str, file: BinaryIO, head: bytes, pieces: Sequence[_Piece]) -> Rewritten:
    whole = hashlib.sha256(head)
    out.write(head)
    at = len(head)
    placed: list[Placed] = []
    for piece in pieces:
        if isinstance(piece, _Group):
            digest, length = hashlib.sha256(piece.member).hexdigest(), len(piece.member)
            placed += [Placed(each, at, at + n, length, digest) for n, each in enumerate(piece.captures)]
        elif piece.capture is not None:
            each = piece.capture
            placed.append(Placed(each.id, at, at + each.offset - each.start, each.length))
        for data in (piece.member,) if isinstance(piece, _Group) else _read(file, piece.start, piece.end):
            out.write(data)
            whole.update(data)
        at += piece.length
    return Rewritten(new, at, whole.hexdigest(), tuple(placed))


def _read(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        data = os.pread(file.fileno(), min(_PIECE, end - start), start)
        if not data:
            raise ArchiveDamaged(f"ends {end - start} bytes before it should", str(getattr(file, "name", "")))
        yield data
        start += len(data)
