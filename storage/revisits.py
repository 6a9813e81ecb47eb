"""Find what a fetch shows again: the last whole response of its location, or a payload that is kept once for all."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, literal_column, select

from storage.errors import ArchiveDamaged
from storage.finding import hashed
from storage.inserting import among, in_portions
from storage.models import capture, location, resource, warc_file
from storage.records import Fetch
from storage.warc_exchanges import Original
from storage.warc_reading import open_warc
from storage.warc_records import read_record

log = logging.getLogger(__name__)

SMALLEST = 1024
"""Bytes of a payload below which a revisit would save next to nothing."""


def find_originals(connection: Connection, warc_folder: Path, fetches: Sequence[Fetch]) -> list[Original | None]:
    """For each fetch the response that it shows again, None where it shows something new.

    That is a payload of 1 kB or more that the location's last whole response had too, byte for byte, or a status 304
    (WARC 1.1, 6.7.2 and 6.7.3). Of a fetch with `once` it is also the first that media showed under whatever URL, of
    any size. A response that cannot be read back is referred to by nothing.
    """
    originals = _of_locations(connection, warc_folder, fetches)
    digests = {
        at: _digest(each)
        for at, (each, known) in enumerate(zip(fetches, originals, strict=True))
        if known is None and _is_kept_once(each)
    }
    kept = _kept_media(connection, list(digests.values()))
    for at, digest in digests.items():
        if digest in kept:
            originals[at] = _original(warc_folder, *kept[digest])
    return originals


def part(fetches: Sequence[Fetch]) -> list[bool]:
    """For each fetch of a batch whether it must wait until the others are written down: an earlier one of them has the
    same payload, which is to be kept once."""
    seen: set[str] = set()
    waits = []
    for each in fetches:
        digest = _digest(each) if _is_kept_once(each) else None
        waits.append(digest in seen)
        if digest is not None:
            seen.add(digest)
    return waits


def _is_kept_once(fetch: Fetch) -> bool:
    exchange = fetch.exchange
    return fetch.once and exchange.status == 200 and exchange.truncated is None and bool(exchange.payload)


def _kept_media(connection: Connection, digests: Sequence[str]) -> dict[str, tuple[int, str, int]]:
    """The first capture of each payload that was kept whole: id, path of its file, and offset."""
    kept: dict[str, tuple[int, str, int]] = {}
    for portion in in_portions(digests):
        for statement in (_KEPT, _UNREAD):
            for row in connection.execute(statement, {"values": portion}):
                kept.setdefault(row.payload_sha256, (row.id, row.path, row.offset))
    return kept


def _of_locations(connection: Connection, warc_folder: Path, fetches: Sequence[Fetch]) -> list[Original | None]:
    hashes = [_hash(each) if _may_repeat(each) else None for each in fetches]
    known: dict[bytes, Any] = {}
    for portion in in_portions([each for each in hashes if each is not None]):
        for row in connection.execute(_LAST_WHOLE, {"values": portion}):
            known[bytes(row.url_hash)] = row
    originals: list[Original | None] = []
    for fetch, key in zip(fetches, hashes, strict=True):
        last = known.get(key) if key is not None else None
        if last is not None and (fetch.exchange.status == 304 or last.payload_sha256 == _digest(fetch)):
            originals.append(_original(warc_folder, last.id, last.path, last.offset))
        else:
            originals.append(None)
    return originals


def _may_repeat(fetch: Fetch) -> bool:
    exchange = fetch.exchange
    if exchange.truncated is not None:
        return False
    return exchange.status == 304 or (exchange.status == 200 and len(exchange.payload) >= SMALLEST)


def _hash(fetch: Fetch) -> bytes | None:
    try:
        return hashed(fetch.exchange.url)[1]
    except ValueError:
        return None


def _digest(fetch: Fetch) -> str:
    return hashlib.sha256(fetch.exchange.payload).hexdigest()


def _original(warc_folder: Path, number: int, path: str, offset: int) -> Original | None:
    try:
        with open_warc(warc_folder, path) as file:
            fields = read_record(file, offset).fields
        return Original(number, fields["warc-record-id"], fields["warc-target-uri"], fields["warc-date"])
    except (ArchiveDamaged, KeyError, OSError) as error:
        log.warning("what was fetched before cannot be referred to, so it is kept anew: %s", error)
        return None


_LAST_WHOLE = (
    select(location.c.url_hash, capture.c.id, capture.c.payload_sha256, warc_file.c.path, capture.c.offset)
    .join(capture, capture.c.id == location.c.whole_capture)
    .join(warc_file, warc_file.c.id == capture.c.warc_file)
    .where(among(location.c.url_hash), warc_file.c.store == "warc")
)


def _whole(outcome: str) -> ColumnElement[bool]:
    """What was kept whole, with an outcome. It is no parameter: else SQLite would not see that a partial index fits."""
    of_ours = capture.c.refers_to.is_(None) & capture.c.truncated.is_(None) & (warc_file.c.store == "warc")
    return of_ours & (capture.c.outcome == literal_column(f"'{outcome}'")) & among(capture.c.payload_sha256)


_HELD: Select[Any] = select(capture.c.payload_sha256, capture.c.id, warc_file.c.path, capture.c.offset).join(
    warc_file, warc_file.c.id == capture.c.warc_file
)
_KEPT = _HELD.where(_whole("media")).order_by(capture.c.id)
_UNREAD = (
    _HELD.join(location, location.c.id == capture.c.location)
    .join(resource, resource.c.id == location.c.resource)
    .where(_whole("pending"), resource.c.kind == "media")
    .order_by(capture.c.id)
)
