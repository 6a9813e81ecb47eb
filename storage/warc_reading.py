"""Read exchanges back from WARC files."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast, get_args

from storage.errors import ArchiveDamaged
from storage.exchange import Exchange, TlsFacts, Truncation
from storage.foreign import is_foreign, open_part, read_foreign
from storage.http_messages import head_length, parse_head, without_chunks
from storage.warc_records import MEMBER_LIMIT, Record, is_chunked, read_record, read_records
from storage.warc_writing import OPEN

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class WholeExchange:
    """An exchange found while walking through a file: its two records, and what was kept with it for recovery."""

    response: Record
    request: Record
    facts: dict[str, Any]


def read_exchange(archive_folder: Path, path: str, offset: int, length: int, *, limit: int = MEMBER_LIMIT) -> Exchange:
    """The exchange whose response record is the gzip member of `length` bytes at `offset`.

    `path` is relative to the archive's `warc` folder, and without `.open`. Raises ArchiveDamaged when the file or
    one of the two records is missing or not what was written; no record is read beyond `limit` decompressed bytes.
    Of files that others wrote (storage.foreign), a revisit is given without the payload that it refers to.
    """
    if is_foreign(path):
        return read_foreign(archive_folder / "warc", path, offset, length, limit=limit)
    with open_warc(archive_folder / "warc", path) as file:
        response = read_record(file, offset, limit=limit)
        if response.kind != "response" or response.end != offset + length:
            raise ArchiveDamaged("no response record of this length stands here", f"{path} at byte {offset}")
        request = read_record(file, response.end, limit=limit)
        if not _belong_together(response, request):
            raise ArchiveDamaged("the request record is missing", f"{path} at byte {response.end}")
        return to_exchange(WholeExchange(response, request, request.exchange_facts()), file, limit=limit)


def open_warc(warc_folder: Path, path: str) -> BinaryIO:
    """Open a WARC file for reading, whether it is closed or still being written, or a part of one that others wrote
    (storage.foreign.views tells how such paths read). Raises ArchiveDamaged without it."""
    if is_foreign(path):
        return open_part(warc_folder, path)
    for name in (path, path + OPEN, path):  # the last again, for a file that was closed between the first two
        try:
            return (warc_folder / name).open("rb")
        except FileNotFoundError:
            continue
    raise ArchiveDamaged("this file is missing", str(warc_folder / path))


def walk(file: BinaryIO, offset: int) -> Iterator[WholeExchange | Record]:
    """What stands whole in a file from `offset` on: exchanges, and records that are no part of one.

    It stops before the first record that is not whole, and before a response whose request does not follow.
    """
    response: Record | None = None
    for record in read_records(file, offset):
        if response is not None:
            if not _belong_together(response, record):
                return
            yield WholeExchange(response, record, record.exchange_facts())
            response = None
        elif record.kind == "response":
            response = record
        else:
            yield record


def to_exchange(whole: WholeExchange, file: BinaryIO, *, limit: int = MEMBER_LIMIT) -> Exchange:
    """The exchange that two records hold; `file` is where they stand."""
    response, facts = whole.response, whole.facts
    wire = response.block
    end = _head_length(wire, facts.get("head"))
    status, reason, headers = parse_head(wire[:end])
    truncated = response.fields.get("warc-truncated")
    exchange = Exchange(
        url=response.fields.get("warc-target-uri", ""),
        request=whole.request.block,
        response=wire,
        head_length=end,
        payload=wire[end:],
        status=status,
        reason=reason,
        headers=headers,
        started_at=_date(response.fields.get("warc-date", "")),
        elapsed=float(facts.get("elapsed", 0.0)),
        peer_address=response.fields.get("warc-ip-address", ""),
        peer_port=int(facts.get("port", 0)),
        tls=_tls(facts, file, limit),
        truncated=cast(Truncation, truncated) if truncated in get_args(Truncation) else None,
    )
    return replace(exchange, payload=without_chunks(exchange.payload)) if is_chunked(exchange) else exchange


def _belong_together(response: Record, request: Record) -> bool:
    return request.kind == "request" and request.fields.get("warc-concurrent-to") == response.id


def _head_length(wire: bytes, stated: object) -> int:
    if isinstance(stated, int) and 0 <= stated <= len(wire):
        return stated
    return head_length(wire)


def _date(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise ArchiveDamaged("this record's WARC-Date cannot be read", text) from None


def _tls(facts: dict[str, Any], file: BinaryIO, limit: int) -> TlsFacts | None:
    match facts.get("tls"):
        case [str(version), str(cipher)]:
            return TlsFacts(version, cipher, _chain(facts.get("chain"), file, limit))
    return None


def _chain(pointer: object, file: BinaryIO, limit: int) -> tuple[bytes, ...]:
    match pointer:
        case {"id": str(record_id), "at": int(offset)}:
            record = read_record(file, offset, limit=limit)
            if record.id == record_id:
                return tuple(map(ssl.PEM_cert_to_DER_cert, _PEM.findall(record.block.decode("ascii", "replace"))))
    return ()
