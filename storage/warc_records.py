"""WARC 1.1 records as gzip members: framing them, and taking them apart."""

from __future__ import annotations

import hashlib
import json
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast
from urllib.parse import quote

from isal import isal_zlib

from storage.errors import ArchiveDamaged
from storage.exchange import Exchange

MEMBER_LIMIT = 256 * 1024 * 1024
"""The largest record that is read back, in decompressed bytes; a writer takes exchanges far below it."""
FACTS_FIELD = "Presskeep-Exchange"
"""The line of an exchange's notes that holds what recovery needs; archives of schema 1 have it on request records."""
REDUCED_FIELD = "Presskeep-Reduced"
"""The line of a metadata record that stands in a response's place: its headers, its payload's digest, and why."""
MOVED_FIELD = "Presskeep-Moved"
"""The line of a rewritten file's first record that says where records that captures share stood and stand now."""

_PIECE = 64 * 1024
_LEVEL = 1  # isal's: four times as quick as zlib's level 1, and smaller (docs/decisions.md has the figures)
_GZIP = 16 + zlib.MAX_WBITS
_BROKEN = cast("type[Exception]", isal_zlib.error)  # declared there as an instance
_LEGAL = "%:/?#[]@!$&'()*+,;="


@dataclass(frozen=True, slots=True)
class Record:
    """A record read back. `offset` and `end` bound its gzip member; field names are lower-case."""

    offset: int
    end: int
    member_sha256: str
    fields: dict[str, str]
    block: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        return self.fields.get("warc-type", "")

    @property
    def id(self) -> str:
        return self.fields.get("warc-record-id", "")

    def exchange_facts(self) -> dict[str, Any]:
        """What recovery needs of an exchange, from its notes; empty where it is missing or no JSON object."""
        if self.kind == "metadata":
            return self.told(FACTS_FIELD)
        return _json_object(self.fields.get(FACTS_FIELD.lower(), "{}"))

    def told(self, name: str) -> dict[str, Any]:
        """The JSON object in a line of the block (warc-fields); empty where it is missing or none."""
        return next(iter(self.told_all(name)), {})

    def told_all(self, name: str) -> list[dict[str, Any]]:
        """The JSON objects in all lines of that name; empty ones where a line holds none."""
        lines = (line.partition(":") for line in self.block.decode("utf-8", "replace").split("\r\n"))
        return [_json_object(value) for key, _, value in lines if key.strip().lower() == name.lower()]


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def new_record_id() -> str:
    return f"<urn:uuid:{uuid.uuid4()}>"


def frame(
    kind: str, record_id: str, at: datetime, fields: Mapping[str, str], block: bytes, *, tight: bool = False
) -> bytes:
    """One record as one gzip member, by zlib's best compression where it shall be `tight`. `at` is real time in UTC; a
    field whose value is empty is left out."""
    lines = [
        "WARC/1.1",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: {record_id}",
        f"WARC-Date: {at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z",
        *(f"{name}: {value}" for name, value in fields.items() if value),
        f"WARC-Block-Digest: sha256:{hashlib.sha256(block).hexdigest()}",
        f"Content-Length: {len(block)}",
        "\r\n",
    ]
    head = "\r\n".join(lines).encode()
    member: Any = (
        zlib.compressobj(9, zlib.DEFLATED, _GZIP) if tight else isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
    )
    return b"".join((member.compress(head), member.compress(block), member.compress(b"\r\n\r\n"), member.flush()))


def target_uri(url: str) -> str:
    """The URL as a field's value, all escaped that RFC 3986, section 2 does not let stand in one."""
    return quote(url, safe=_LEGAL)


def is_chunked(exchange: Exchange) -> bool:
    """Whether the last transfer coding is 'chunked' (RFC 9112, 6.1)."""
    coding = exchange.header("transfer-encoding") or ""
    return coding.rpartition(",")[2].strip().lower() == "chunked"


def read_records(file: BinaryIO, offset: int, *, limit: int = MEMBER_LIMIT) -> Iterator[Record]:
    """The records from `offset` on. It stops without a word before the first member that is not whole and right:
    who needs to know compares the last `end` with the file's length."""
    while True:
        try:
            record = read_record(file, offset, limit=limit)
        except ArchiveDamaged:
            return
        yield record
        offset = record.end


def read_record(file: BinaryIO, offset: int, *, limit: int = MEMBER_LIMIT) -> Record:
    """The record whose gzip member begins at `offset`.

    Raises ArchiveDamaged when there is no whole member, it holds no whole record, its block digest does not hold, or
    it would decompress to more than `limit` bytes.
    """
    data, end, digest = _read_member(file, offset, limit)
    record = parse_record(data, offset, end, digest)
    stated = record.fields.get("warc-block-digest", "")
    if stated.startswith("sha256:") and stated[7:] != hashlib.sha256(record.block).hexdigest():
        raise _damaged(file, offset, "this record's block digest does not hold")
    return record


def read_proven(data: memoryview, offset: int) -> Record:
    """The record whose gzip member begins at `offset` of bytes that a digest has proven already: by the quicker
    library, and without a look at the digests of member (left empty) and block. Raises ArchiveDamaged for no record."""
    member = isal_zlib.decompressobj(_GZIP)
    try:
        content = member.decompress(data[offset:], MEMBER_LIMIT + 1)
    except _BROKEN as error:
        raise ArchiveDamaged("this gzip member is broken") from error
    if not member.eof:
        raise ArchiveDamaged("this gzip member is cut off, or too large")
    return parse_record(content, offset, len(data) - len(member.unused_data), "")


def parse_record(data: bytes, offset: int, end: int, digest: str) -> Record:
    """The record that a gzip member holds: `data` is what it unpacks to, `offset` and `end` bound it. Raises
    ArchiveDamaged where that is no whole record."""
    start = data.find(b"\r\n\r\n") + 4
    lines = data[: start - 4].decode("utf-8", "replace").split("\r\n")
    if start < 4 or not lines[0].startswith("WARC/1."):
        raise ArchiveDamaged("this gzip member holds no WARC record", f"byte {offset}")
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    length = fields.get("content-length", "")
    if not length.isdecimal() or start + int(length) + 4 != len(data) or not data.endswith(b"\r\n\r\n"):
        raise ArchiveDamaged("this record is not as long as it says", f"byte {offset}")
    return Record(offset, end, digest, fields, data[start : len(data) - 4])


def _read_member(file: BinaryIO, offset: int, limit: int) -> tuple[bytes, int, str]:
    """Decompressed bytes, where the member ends, and the SHA-256 (hex) of the member itself."""
    file.seek(offset)
    member = zlib.decompressobj(_GZIP)
    digest = hashlib.sha256()
    parts: list[bytes] = []
    size, end = 0, offset
    while not member.eof:
        piece = member.unconsumed_tail or file.read(_PIECE)
        if not piece:
            raise _damaged(file, offset, "this gzip member is cut off")
        try:
            part = member.decompress(piece, limit - size + 1)
        except zlib.error as error:
            raise _damaged(file, offset, "this gzip member is broken") from error
        used = len(piece) - len(member.unconsumed_tail) - len(member.unused_data)
        digest.update(memoryview(piece)[:used])
        end += used
        size += len(part)
        if size > limit:
            raise _damaged(file, offset, f"this record is larger than {limit} bytes")
        parts.append(part)
    return b"".join(parts), end, digest.hexdigest()


def _damaged(file: BinaryIO, offset: int, what: str) -> ArchiveDamaged:
    return ArchiveDamaged(what, f"{getattr(file, 'name', 'a WARC file')} at byte {offset}")
