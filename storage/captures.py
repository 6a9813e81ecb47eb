"""Find one capture: whose it is, and where its records lie."""

from __future__ import annotations

from sqlalchemy import Connection, select

from storage.errors import ArchiveDamaged
from storage.models import capture, location, resource, warc_file
from storage.recovery import PendingCapture


def capture_at(connection: Connection, capture_id: int) -> PendingCapture:
    """The place of a capture. Raises ArchiveDamaged when there is none of that id."""
    statement = (
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
        .where(capture.c.id == capture_id)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise ArchiveDamaged("the archive names a capture that it does not hold", str(capture_id))
    return PendingCapture(*row)
