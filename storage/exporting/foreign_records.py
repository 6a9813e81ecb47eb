"""The records of captures in files that others wrote: whole gzip members as they are, all else as new members."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from storage.errors import ArchiveDamaged
from storage.exporting.selection import Placed
from storage.foreign import FoundRecord, RecordHead, Scan, record_in
from storage.warc_records import MEMBER_LIMIT, frame, new_record_id, target_uri

_GZIP = b"\x1f\x8b"
_BESIDE_LIMIT = 16 * 1024 * 1024
_LEVEL = 6


def foreign_records(file: BinaryIO, placed: Placed) -> Iterator[tuple[bytes, FoundRecord]]:
    """The record of a capture, and its request where that follows at once, each with its gzip member.

    A record of a WARC file that is not packed, or not one by one, becomes a member as it is, byte for byte; one of an
    ARC file, in another packing or in segments becomes a WARC record. Raises ArchiveDamaged where the record is not
    what it was.
    """
    stretch, found = standing_record(file, placed)
    yield _member(stretch, found), found
    beside = request_beside(file, placed.path, found, placed.offset + placed.length)
    if beside is not None:
        yield _member(*beside), beside[1]


def standing_record(file: BinaryIO, placed: Placed) -> tuple[bytes, FoundRecord]:
    """The record of a capture, and the bytes that it is in its file, the first segment's where it is cut into several.
    Raises ArchiveDamaged where they are not what they were."""
    return _record(file, placed.path, placed.offset, placed.length, placed.member_sha256)


def request_beside(file: BinaryIO, path: str, response: FoundRecord, end: int) -> tuple[bytes, FoundRecord] | None:
    """The request of a response, with the bytes that it is in the file, where it is the next record behind its end."""
    found = None if response.further else _beside(file, response, end)
    if found is None or found.place.part:
        return None
    place = found.place
    return _record(file, path, place.offset, place.length, place.sha256)[0], found


def _record(file: BinaryIO, path: str, offset: int, length: int, sha256: str) -> tuple[bytes, FoundRecord]:
    where = f"{path} at byte {offset}"
    if length > MEMBER_LIMIT:
        raise ArchiveDamaged(f"this record is larger than {MEMBER_LIMIT} bytes", where)
    file.seek(offset)
    stretch = file.read(length)
    if len(stretch) < length or hashlib.sha256(stretch).hexdigest() != sha256:
        raise ArchiveDamaged("another record stands here", where)
    return stretch, record_in(stretch, file, path, offset, limit=MEMBER_LIMIT)


def _member(stretch: bytes, found: FoundRecord) -> bytes:
    if found.further:
        return _framed(found)
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
    (
        "warc-type",
        "warc-record-id",
        "warc-date",
        "warc-target-uri",
        "warc-block-digest",
        "content-length",
        "warc-segment-number",
    )
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
