"""Read exchanges back from WARC files."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast, get_args

from storage.errors import ArchiveDamaged
from storage.exchange import Exchange, TlsFacts, Truncation
from storage.foreign import is_foreign, open_part, read_foreign
from storage.http_messages import head_length, parse_head, without_chunks
from storage.warc_exchanges import IDENTICAL
from storage.warc_names import is_rewritten
from storage.warc_records import MEMBER_LIMIT, MOVED_FIELD, Record, is_chunked, read_record
from storage.warc_writing import OPEN

ANSWERS = ("response", "revisit")
"""Records that begin an exchange."""
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class WholeExchange:
    """An exchange found while walking through a file: its records, and what was kept with it for recovery.

    `end` is where its last record ends.
    """

    response: Record
    request: Record
    facts: dict[str, Any]
    end: int


def read_exchange(archive_folder: Path, path: str, offset: int, length: int, *, limit: int = MEMBER_LIMIT) -> Exchange:
    """The exchange whose response record is the gzip member of `length` bytes at `offset`.

    `path` is relative to the archive's `warc` folder, and without `.open`. Raises ArchiveDamaged when the file or
    one of the two records is missing or not what was written; no record is read beyond `limit` decompressed bytes.
    A revisit is given without the payload that it refers to.
    """
    if is_foreign(path):
        return read_foreign(archive_folder / "warc", path, offset, length, limit=limit)
    with open_warc(archive_folder / "warc", path) as file:
        whole = read_whole(file, offset, limit=limit)
        if whole.response.end != offset + length:
            raise ArchiveDamaged("no response record of this length stands here", f"{path} at byte {offset}")
        return to_exchange(whole, file, limit=limit)


def read_whole(file: BinaryIO, offset: int, *, limit: int = MEMBER_LIMIT) -> WholeExchange:
    """The records of the exchange whose response begins at `offset`. Raises ArchiveDamaged when one is missing."""
    records = [read_record(file, offset, limit=limit)]
    try:
        while len(records) < 3 and (len(records) < 2 or not records[1].exchange_facts()):
            records.append(read_record(file, records[-1].end, limit=limit))
        return join_records(records)
    except ArchiveDamaged as error:
        raise ArchiveDamaged(error.what, f"{getattr(file, 'name', 'a WARC file')} at byte {offset}") from error


def join_records(records: Sequence[Record]) -> WholeExchange:
    """The exchange of a response and the records behind it: its request, and its notes (which archives of schema 1
    have on the request). Raises ArchiveDamaged when they do not belong together."""
    response = records[0]
    if response.kind not in ANSWERS:
        raise ArchiveDamaged("no response record stands here")
    if len(records) < 2 or not _belong_together(response, records[1]):
        raise ArchiveDamaged("the request record is missing")
    request = records[1]
    if facts := request.exchange_facts():
        return WholeExchange(response, request, facts, request.end)
    if len(records) < 3 or not _are_notes(response, records[2]):
        raise ArchiveDamaged("the notes are missing")
    return WholeExchange(response, request, records[2].exchange_facts(), records[2].end)


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

    It stops before the first record that is not whole, and before an exchange one of whose records does not follow.
    """
    while True:
        try:
            record = read_record(file, offset)
            found = read_whole(file, offset) if record.kind in ANSWERS else record
        except ArchiveDamaged:
            return
        yield found
        offset = found.end


def to_exchange(whole: WholeExchange, file: BinaryIO, *, limit: int = MEMBER_LIMIT) -> Exchange:
    """The exchange that two records hold; `file` is where they stand."""
    facts = whole.facts
    answer = to_answer(whole.response.fields, whole.response.block, facts)
    return replace(
        answer,
        request=whole.request.block,
        tls=_tls(facts, file, limit),
        addresses=_addresses(facts.get("dns"), file, limit),
    )


def to_answer(fields: Mapping[str, str], wire: bytes, facts: Mapping[str, Any]) -> Exchange:
    """What the record of an answer alone tells of its exchange, by its header fields (lower-case names) and its block:
    neither the request, nor what other records say of the connection. `facts` are the notes, as far as they are known.
    """
    kind = fields.get("warc-type")
    if kind == "revisit" and fields.get("warc-profile") == IDENTICAL:
        facts = {**facts, "head": len(wire)}
    end = _head_length(wire, facts.get("head"))
    status, reason, headers = parse_head(wire[:end])
    truncated = fields.get("warc-truncated") if kind == "response" else None
    exchange = Exchange(
        url=str(facts.get("url") or fields.get("warc-target-uri", "")),
        request=b"",
        response=wire,
        head_length=end,
        payload=wire[end:],
        status=status,
        reason=reason,
        headers=headers,
        started_at=_date(fields.get("warc-date", "")),
        elapsed=float(facts.get("elapsed", 0.0)),
        peer_address=fields.get("warc-ip-address", ""),
        peer_port=int(facts.get("port", 0)),
        truncated=cast(Truncation, truncated) if truncated in get_args(Truncation) else None,
    )
    return replace(exchange, payload=without_chunks(exchange.payload)) if is_chunked(exchange) else exchange


def payload_sha256(whole: WholeExchange, exchange: Exchange) -> str:
    """The SHA-256 (hex) of an exchange's payload: what it states where the payload stands in another record."""
    if whole.response.fields.get("warc-profile") == IDENTICAL:
        return whole.response.fields.get("warc-payload-digest", "").removeprefix("sha256:")
    return hashlib.sha256(exchange.payload).hexdigest()


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


def _are_notes(response: Record, notes: Record) -> bool:
    return notes.kind == "metadata" and notes.fields.get("warc-concurrent-to") == response.id


def read_shared(file: BinaryIO, pointer: object, *, limit: int = MEMBER_LIMIT) -> Record | None:
    """The record that the notes of an exchange point to, since several share it; None where there is none.

    In a file that was written anew it stands elsewhere than the notes say, and the first record tells where. Raises
    ArchiveDamaged where nothing whole stands there.
    """
    match pointer:
        case {"id": str(record_id), "at": int(offset)}:
            moved = _moved(file)
            if moved is not None and str(offset) not in moved:
                return None
            record = read_record(file, offset if moved is None else moved[str(offset)], limit=limit)
            return record if record.id == record_id else None
    return None


def _moved(file: BinaryIO) -> dict[str, int] | None:
    """Where records stand that captures share, by where they stood before the file was written anew; None where it was
    not."""
    name = getattr(file, "name", "")
    if not isinstance(name, str) or not is_rewritten(name):
        return None
    first = read_record(file, 0)
    return {key: first.end + at for key, at in first.told(MOVED_FIELD).items() if isinstance(at, int) and at >= 0}


def _addresses(pointer: object, file: BinaryIO, limit: int) -> tuple[str, ...]:
    """The addresses of a text/dns record."""
    record = read_shared(file, pointer, limit=limit)
    lines = record.block.decode("ascii", "replace").split("\r\n")[1:] if record is not None else []
    return tuple(line.split("\t")[4] for line in lines if line.count("\t") == 4)


def _chain(pointer: object, file: BinaryIO, limit: int) -> tuple[bytes, ...]:
    record = read_shared(file, pointer, limit=limit)
    found = _PEM.findall(record.block.decode("ascii", "replace")) if record is not None else []
    return tuple(map(ssl.PEM_cert_to_DER_cert, found))
