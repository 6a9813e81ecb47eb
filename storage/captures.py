"""Find captures: whose each one is, and where its records lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, select

from storage.errors import ArchiveDamaged
from storage.exchange import Exchange
from storage.models import capture, location, reduction, resource, warc_file
from storage.stored_paths import stored_path
from storage.warc_reading import read_exchange


@dataclass(frozen=True, slots=True)
class PendingCapture:
    """A capture to be read, or read again. `at` is UTC; `warc_path`, `offset`, `length` are for read_exchange.

    The path is absolute where its store is a folder elsewhere. Where the capture is a revisit, `payload_path`,
    `payload_offset` and `payload_length` say where the payload stands that it refers to.
    """

    capture: int
    resource: int
    key: str
    kind: str
    url: str
    at: datetime
    warc_path: str
    offset: int
    length: int
    payload_path: str | None = None
    payload_offset: int | None = None
    payload_length: int | None = None


_referred = capture.alias("referred")
_referred_file = warc_file.alias("referred_file")


def placed_captures() -> Select[Any]:
    """Selects the fields of PendingCapture, in their order, of captures whose responses are kept."""
    return (
        select(
            capture.c.id,
            resource.c.id,
            resource.c.key,
            resource.c.kind,
            location.c.url,
            capture.c.at,
            stored_path(warc_file),
            capture.c.offset,
            capture.c.length,
            stored_path(_referred_file),
            _referred.c.offset,
            _referred.c.length,
        )
        .join(location, location.c.id == capture.c.location)
        .join(resource, resource.c.id == location.c.resource)
        .join(warc_file, warc_file.c.id == capture.c.warc_file)
        .outerjoin(_referred, _referred.c.id == capture.c.refers_to)
        .outerjoin(_referred_file, _referred_file.c.id == _referred.c.warc_file)
        .where(~is_reduced(capture))
    )


def is_reduced(table: Any) -> ColumnElement[bool]:
    """Whether a capture is kept as headers and digest alone, so that there is no response to read. `table` is `capture`
    or an alias of it."""
    return select(reduction.c.capture).where(reduction.c.capture == table.c.id).exists()


_PLACE_OF = placed_captures().where(capture.c.id == bindparam("of_capture"))


def capture_at(connection: Connection, capture_id: int) -> PendingCapture:
    """The place of a capture. Raises ArchiveDamaged when there is none of that id, or no response is kept of it."""
    row = connection.execute(_PLACE_OF, {"of_capture": capture_id}).one_or_none()
    if row is None and connection.execute(select(capture.c.id).where(capture.c.id == capture_id)).first():
        raise ArchiveDamaged(
            "this capture is kept as headers and digest alone, so that it cannot be read", str(capture_id)
        )
    if row is None:
        raise ArchiveDamaged("the archive names a capture that it does not hold", str(capture_id))
    return PendingCapture(*row)


def read_capture(archive_folder: Path, place: PendingCapture) -> Exchange:
    """A capture's exchange, with the payload that it refers to. Raises ArchiveDamaged as read_exchange does."""
    exchange = read_exchange(archive_folder, place.warc_path, place.offset, place.length)
    if place.payload_path is None or place.payload_offset is None or place.payload_length is None:
        return exchange
    original = read_exchange(archive_folder, place.payload_path, place.payload_offset, place.payload_length)
    return with_payload_of(exchange, original)


def with_payload_of(revisit: Exchange, original: Exchange) -> Exchange:
    """A revisit with the payload of the exchange that it refers to, coded as it stands there.

    Where the revisit has no HTTP head of its own (WARC 1.1, 6.7.2 lets it be left out), status and headers are the
    original's.
    """
    if not revisit.status or not revisit.headers:
        return replace(
            revisit,
            payload=original.payload,
            headers=original.headers,
            status=revisit.status if revisit.status > 200 else original.status,
            reason=original.reason,
        )
    coding = tuple(pair for pair in original.headers if pair[0].lower() == b"content-encoding")
    named = {key.lower() for key, _ in revisit.headers}
    mime = tuple(pair for pair in original.headers if pair[0].lower() == b"content-type")
    headers = tuple(pair for pair in revisit.headers if pair[0].lower() != b"content-encoding")
    return replace(
        revisit,
        payload=original.payload,
        headers=headers + coding + (() if b"content-type" in named else mime),
        truncated=original.truncated,
    )
