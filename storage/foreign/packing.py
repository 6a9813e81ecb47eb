"""How a file is packed: what it begins with says so, or where that is damaged the first record that is found."""

from __future__ import annotations

import re
from typing import BinaryIO, Literal

from storage.foreign.heads import ARC_LIKE, begins_record, looks_like_record
from storage.foreign.sources import PackedSource, Packing
from storage.foreign.stream import LINE_LIMIT

_PACKED: tuple[Literal["gunzip", "unzstd"], ...] = ("gunzip", "unzstd")
_RECORD_LINE = re.compile(rb"\n(?=WARC/\d\.\d|" + ARC_LIKE.pattern + rb")")
_GZIP, _ZSTD, _SKIPPABLE = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18"
_SEARCHED = 64 << 20
"""Bytes of a file that are searched for a record where its beginning says nothing."""
_PIECE = 1 << 20


def packing_of(file: BinaryIO) -> Packing:
    """How a file is packed: 'gunzip', 'unzstd', or '' for not at all.

    A zip file that could not be taken apart counts as gzip members with something else between: those of its WARC
    files stand in it as they are, unless they were compressed once more.
    """
    file.seek(0)
    start = file.read(LINE_LIMIT)
    packing = packing_of_bytes(start)
    if packing or looks_like_record(start.lstrip(b"\r\n"), arc=True):
        return packing
    return _packing_of_rest(file)


def packing_of_bytes(start: bytes) -> Packing:
    """How something is packed that begins with these bytes."""
    if start.startswith((_GZIP, b"PK\x03\x04")):
        return "gunzip"
    return "unzstd" if start.startswith(_ZSTD) or (start[1:4] == _SKIPPABLE and start[0] & 0xF0 == 0x50) else ""


def _packing_of_rest(file: BinaryIO) -> Packing:
    """How the first record is packed that stands in a file whose beginning is damaged or missing."""
    packing: Packing = ""
    before = _first_line(file)
    for each in _PACKED:
        source = PackedSource(file, each)
        if source.seek_member(0, begins_record, before=before):
            packing, before = each, source.position
    return packing


def _first_line(file: BinaryIO) -> int:
    """Where a line first stands that begins a record; behind all that is searched, where there is none."""
    file.seek(0)
    base, data = 0, b""
    while base < _SEARCHED and (more := file.read(_PIECE)):
        data += more
        if match := _RECORD_LINE.search(data):
            return base + match.end()
        rest = data[-LINE_LIMIT:]
        base, data = base + len(data) - len(rest), rest
    return _SEARCHED
