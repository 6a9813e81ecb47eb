"""Exchanges out of the records that others wrote, when they are found and when they are read back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast, get_args

from storage.errors import ArchiveDamaged
from storage.exchange import Exchange, Truncation
from storage.foreign.heads import HEAD_LIMIT, RecordHead, is_http_message
from storage.foreign.packing import packing_of_bytes
from storage.foreign.scanning import BadRecord, FoundRecord, Scan, Wants
from storage.foreign.sources import load_dictionary
from storage.foreign.views import open_part
from storage.http_messages import Headers, has_chunks, head_length, parse_head, without_chunks
from storage.warc_records import target_uri

_MAGIC = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
_REQUEST_LIMIT = 1 << 20


def exchange_of(record: FoundRecord) -> Exchange:
    """The exchange that a record holds: a response with its payload, a revisit without one, or a resource, which has
    neither status line nor headers and counts as answered with 200.

    `headers` say what `payload` is: a Transfer-Encoding or a Content-Encoding that the writer of the file had undone
    already is not among them; `response` keeps the block as it stands.
    """
    head, block = record.head, record.block
    if not is_http_message(block):
        mime = head.fields.get("content-type") or head.fields.get("arc-content-type") or ""
        given = ((b"Content-Type", mime.encode("latin-1", "replace")),) if mime else ()
        return _exchange(record, 0, block, 200, "", given)
    end = head_length(block)
    status, reason, headers = parse_head(block[:end])
    payload = block[end:]
    if _value(headers, b"transfer-encoding").rpartition(b",")[2].strip().lower() == b"chunked":
        if has_chunks(payload):
            payload = without_chunks(payload)
        else:
            headers = _without(headers, b"transfer-encoding")
    if not _is_encoded(payload, _value(headers, b"content-encoding")):
        headers = _without(headers, b"content-encoding")
    return _exchange(record, end, payload, status, reason, headers)


def read_foreign(root: Path, path: str, offset: int, length: int, *, limit: int) -> Exchange:
    """The exchange whose record is the stretch of `length` bytes at `offset` of what `path` names.

    The request is given where its record follows at once; else it is empty. Raises ArchiveDamaged where there is no
    such record, or it is larger than `limit` bytes.
    """
    with open_part(root, path) as file:
        record = read_record_of(file, path, offset, length, limit=limit)
        exchange = exchange_of(record)
        if not record.further:
            exchange = _with_request(exchange, file, record, offset + length)
        return exchange


def read_record_of(file: BinaryIO, path: str, offset: int, length: int, *, limit: int) -> FoundRecord:
    """The record at a place of an open part, with its further segments. Raises ArchiveDamaged as read_foreign does."""
    if not 0 < length <= limit + HEAD_LIMIT:
        raise ArchiveDamaged("no record of this length stands here", f"{path} at byte {offset}")
    file.seek(offset)
    return record_in(file.read(length), file, path, offset, limit=limit)


def record_in(stretch: bytes, file: BinaryIO, path: str, offset: int, *, limit: int) -> FoundRecord:
    """The record that a stretch of an open part is, which was read from `offset` on: of a part that must be unpacked,
    reading it again would mean to unpack all before it again. Raises ArchiveDamaged as read_foreign does."""
    dictionary = load_dictionary(file) if packing_of_bytes(stretch) == "unzstd" else None
    for found in Scan(BytesIO(stretch), lambda head: True, limit=limit, dictionary=dictionary):
        if isinstance(found, BadRecord):
            raise ArchiveDamaged(found.reason, f"{path} at byte {offset}")
        return _whole(file, found, offset, limit) if found.head.segment == 1 else found
    raise ArchiveDamaged("no record of this length stands here", f"{path} at byte {offset}")


def _whole(file: BinaryIO, first: FoundRecord, offset: int, limit: int) -> FoundRecord:
    """A record with the segments that follow somewhere behind it; as it is where they do not."""
    for found in Scan(file, lambda head: head.id == first.head.id, start=offset, limit=limit):
        if isinstance(found, FoundRecord) and found.place.offset == offset:
            return found
    return first


def _with_request(exchange: Exchange, file: BinaryIO, record: FoundRecord, offset: int) -> Exchange:
    with suppress(_Enough):
        for found in Scan(file, _Few(1, lambda head: head.kind == "request"), start=offset, limit=_REQUEST_LIMIT):
            if isinstance(found, BadRecord):
                break
            pair = {found.head.fields.get("warc-concurrent-to"), record.head.fields.get("warc-concurrent-to")}
            if pair & {found.head.id, record.head.id} - {""}:
                return replace(exchange, request=found.block)
            break
    return exchange


class _Enough(Exception):
    """More records were met than are looked at."""


class _Few:
    """Asks a question of so many heads, and ends the scan at the next."""

    def __init__(self, heads: int, wants: Wants) -> None:
        self._left, self._wants = heads, wants

    def __call__(self, head: RecordHead) -> bool:
        if not self._left:
            raise _Enough
        self._left -= 1
        return self._wants(head)


def _exchange(record: FoundRecord, end: int, payload: bytes, status: int, reason: str, headers: Headers) -> Exchange:
    fields = record.head.fields
    stated = fields.get("warc-truncated", "").lower()
    truncated = cast(Truncation, stated) if stated in get_args(Truncation) else None
    return Exchange(
        url=url_of(record.head),
        request=b"",
        response=record.block,
        head_length=end,
        payload=payload,
        status=status,
        reason=reason,
        headers=headers,
        started_at=record.head.at,
        elapsed=0.0,
        peer_address=fields.get("warc-ip-address", "")[:100],
        peer_port=0,
        truncated=truncated if record.whole else truncated or "unspecified",
    )


def url_of(head: RecordHead) -> str:
    """The URL of a record, without what no URL can hold."""
    return target_uri(head.uri)


def refers_to(head: RecordHead) -> tuple[str, datetime | None, str]:
    """What a revisit refers to: the URL (its own, unless it names another), the date, and the payload's digest."""
    from storage.foreign.heads import HeadBroken, read_date

    fields = head.fields
    url = fields.get("warc-refers-to-target-uri", "").strip("<>") or head.uri
    try:
        at = read_date(fields["warc-refers-to-date"])
    except (KeyError, HeadBroken):
        at = None
    return target_uri(url), at, fields.get("warc-payload-digest", "")


def _value(headers: Headers, name: bytes) -> bytes:
    return next((value for key, value in headers if key.lower() == name), b"")


def _without(headers: Headers, name: bytes) -> Headers:
    return tuple((key, value) for key, value in headers if key.lower() != name)


def _is_encoded(payload: bytes, stated: bytes) -> bool:
    """Whether a payload is coded as its header says. Browsers undo the coding before they hand a page on, and tools
    that ask them keep the header all the same. Brotli and deflate have no signature: what reads as text is text."""
    coding = stated.rpartition(b",")[2].strip().lower().decode("latin-1")
    magic = _MAGIC.get(coding)
    if magic is not None:
        return payload.startswith(magic) or not payload
    if coding not in ("br", "deflate"):
        return True
    start = payload[:1024]
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:
            return True
        text = start[: error.start].decode("utf-8")
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        return False
    return any(character < " " and character not in "\t\r\n\f" for character in text) or len(text) < 8
