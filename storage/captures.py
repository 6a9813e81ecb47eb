"""Find captures: whose each one is, and where its records lie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from storage.errors import ArchiveDamaged
from storage.models import capture, location, resource, warc_file


@dataclass(frozen=True, slots=True)
class PendingCapture:
    """A capture to be read, or read again. `at` is UTC; `warc_path`, `offset`, `length` are for read_exchange."""

    capture: int
    resource: int
    key: str
    kind: str
    url: str
    at: datetime
    warc_path: str
    offset: int
    length: int


def placed_captures() -> Select[Any]:
    """Selects the fields of PendingCapture, in their order."""
    return (
        select(
            capture.c.id,
            resource.c.id,
            resource.c.key,
            resource.c.kind,
            location.c.url,
            capture.c.at,
            warc_file.c.path,
            capture.c.offset,
            capture.c.length,
        )
        .join(location, location.c.id == capture.c.location)
        .join(resource, resource.c.id == location.c.resource)
        .join(warc_file, warc_file.c.id == capture.c.warc_file)
    )


def capture_at(connection: Connection, capture_id: int) -> PendingCapture:
    """The place of a capture. Raises ArchiveDamaged when there is none of that id."""
    row = connection.execute(placed_captures().where(capture.c.id == capture_id)).one_or_none()
    if row is None:
        raise ArchiveDamaged("the archive names a capture that it does not hold", str(capture_id))
    return PendingCapture(*row)
