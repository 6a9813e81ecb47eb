"""Find what a fetch shows again: the last whole response of its location, if the payload is still the same."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from storage.errors import ArchiveDamaged
from storage.finding import hashed
from storage.inserting import among, in_portions
from storage.models import capture, location, warc_file
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
    (WARC 1.1, 6.7.2 and 6.7.3). A response that cannot be read back is referred to by nothing.
    """
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
