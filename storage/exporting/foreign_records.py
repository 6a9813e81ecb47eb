"""The records of captures in files that others wrote: whole gzip members as they are, all else as new members."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from storage.errors import ArchiveDamaged
from storage.exporting.selection import Placed
from storage.foreign import BadRecord, FoundRecord, RecordHead, Scan
from storage.warc_records import MEMBER_LIMIT, frame, new_record_id, target_uri

_GZIP = b"\x1f\x8b"
_BESIDE_LIMIT = 16 * 1024 * 1024
_LEVEL = 6


def foreign_records(file: BinaryIO, placed: Placed) -> Iterator[tuple[bytes, FoundRecord]]:
    """The record of a capture, and its request where that follows at once, each with its gzip member.

    A record of a WARC file that is not packed, or not one by one, becomes a member as it is, byte for byte; one of an
    ARC file or in another packing becomes a WARC record. Raises ArchiveDamaged where the record is not what it was.
    """
    member, found = _record(file, placed.path, placed.offset, placed.length, placed.member_sha256)
    yield member, found
    beside = _beside(file, found, placed.offset + placed.length)
    if beside is not None:
        place = beside.place
        yield _record(file, placed.path, place.offset, place.length, place.sha256)


def _record(file: BinaryIO, path: str, offset: int, length: int, sha256: str) -> tuple[bytes, FoundRecord]:
    where = f"{path} at byte {offset}"
    if length > MEMBER_LIMIT:
        raise ArchiveDamaged(f"this record is larger than {MEMBER_LIMIT} bytes", where)
    file.seek(offset)
    stretch = file.read(length)
    if len(stretch) < length or hashlib.sha256(stretch).hexdigest() != sha256:
        raise ArchiveDamaged("another record stands here", where)
    for found in Scan(io.BytesIO(stretch), lambda head: True, limit=MEMBER_LIMIT):
        if isinstance(found, BadRecord):
            raise ArchiveDamaged(found.reason, where)
        return _member(stretch, found), found
    raise ArchiveDamaged("no record stands here", where)


def _member(stretch: bytes, found: FoundRecord) -> bytes:
    if stretch.startswith(_GZIP) and "warc-type" in found.head.fields:
        return stretch
    if stretch.startswith(b"WARC/"):
        whole = stretch.index(found.block, stretch.index(b"\n\r\n") if b"\n\r\n" in stretch else 0) + len(found.block)
        return gzip.compress(stretch[:whole] + b"\r\n\r\n", _LEVEL)
    return _framed(found)


def _framed(found: FoundRecord) -> bytes:
    head = found.head
    fields = {name: value for name, value in head.fields.items() if name not in _REPLACED}
    if "warc-type" not in head.fields:
        fields = {"WARC-IP-Address": head.fields.get("warc-ip-address", "")}
        fields["Content-Type"] = "application/http;msgtype=response"
    fields["WARC-Target-URI"] = target_uri(head.uri)
    return frame(head.kind, head.id or new_record_id(), head.at, fields, found.block)


_REPLACED = frozenset(
    ("warc-type", "warc-record-id", "warc-date", "warc-target-uri", "warc-block-digest", "content-length")
)


class _Enough(Exception):
    """The next record was met."""


def _beside(file: BinaryIO, response: FoundRecord, offset: int) -> FoundRecord | None:
    """The request of a response, where it is the next record."""
    heads = 0

    def is_request(head: RecordHead) -> bool:
        nonlocal heads
        heads += 1
        if heads > 1:
            raise _Enough
        named = {head.fields.get("warc-concurrent-to"), response.head.fields.get("warc-concurrent-to")}
        return head.kind == "request" and bool(named & {head.id, response.head.id} - {""})

    with suppress(_Enough):
        for found in Scan(file, is_request, start=offset, limit=_BESIDE_LIMIT):
            return found if isinstance(found, FoundRecord) else None
    return None
