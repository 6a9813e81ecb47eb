"""Close a WARC file by its outlet's policies: as it is, or written anew without what shows nothing new."""

from __future__ import annotations

import logging
import os
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, bindparam, delete, select

from storage.archive import Archive
from storage.errors import StorageError
from storage.inserting import update_each
from storage.models import capture, warc_file
from storage.reducing import Reduction, plan_reductions, still_reducible, write_reductions
from storage.rewriting import Rewritten, StandingCapture, part_of, rewriting
from storage.stored_paths import span_start
from storage.warc_names import rewritten_path
from storage.warc_writing import OPEN, hold, sync_folder

log = logging.getLogger(__name__)

GRACE = 3600.0
"""Seconds that a file stays which was written anew: who began to read the archive before that still looks for it."""


def close_reduced(archive: Archive, file_id: int, path: str, descriptor: int, crawl: int, now: datetime) -> bool:
    """Write an open file anew and closed, if its outlet's policies leave something out, all captures moved to it.

    The file is whole, held by `descriptor`, and stays for a while after `now`. False where it is to be closed as it is:
    nothing is left out, or the new one could not be written. A kill leaves the old file's row or the new one's. Raises
    DatabaseLost where the database went before it could say which; both files stay then.
    """
    with archive.read() as connection:
        plan = plan_reductions(connection, file_id)
        captures = _standing(connection, file_id) if plan else []
    if not captures:
        return False
    reasons = {number: {"reason": each.reason, "shows": each.shows} for number, each in plan.items()}
    try:
        with (
            os.fdopen(os.dup(descriptor), "rb") as file,
            rewriting(archive.warc_folder, path, file, captures, reasons) as rewritten,
            archive.begin() as connection,
        ):
            if not still_reducible(connection, plan):
                raise StorageError("something refers by now to what was to be left out", path)
            _move(connection, file_id, rewritten, plan, crawl)
    except StorageError as error:
        if not is_replaced(archive, path):  # else it was committed, and only the answer was lost
            log.warning("a WARC file is closed as it is: %s", error)
            _remove(archive.warc_folder / rewritten_path(path))
            return False
    os.utime(archive.warc_folder / (path + OPEN), (now.timestamp(), now.timestamp()))
    return True


def is_replaced(archive: Archive, path: str) -> bool:
    """Whether a file was written anew, so that its own captures and row are the new one's."""
    with archive.read() as connection:
        return connection.execute(_AT_PATH, {"of_path": rewritten_path(path)}).first() is not None


_AT_PATH = select(warc_file.c.id).where(warc_file.c.path == bindparam("of_path"), warc_file.c.store == "warc")


def remove_replaced(archive: Archive, path: str, now: datetime) -> None:
    """Remove a file that was written anew, once nobody can look for it any more."""
    place = archive.warc_folder / (path + OPEN)
    descriptor = hold(place)
    if descriptor is None:
        return
    try:
        if abs(now.timestamp() - os.fstat(descriptor).st_mtime) > GRACE:
            _remove(place)
    finally:
        os.close(descriptor)


def remove_unfinished(archive: Archive, path: str) -> None:
    """Remove what a kill left of a file that was being written anew, whose old one is held by the caller."""
    new = archive.warc_folder / rewritten_path(path)
    for place in (part_of(new), new):
        if place.exists():
            _remove(place)


def _standing(connection: Connection, file_id: int) -> list[StandingCapture]:
    """The captures of a file in their order, where they cover it without gap; none otherwise."""
    start = span_start(capture)
    rows = connection.execute(
        select(capture.c.id, start, capture.c.offset, capture.c.length, (start + capture.c.span_length).label("end"))
        .where(capture.c.warc_file == file_id)
        .order_by(capture.c.offset)
    )
    found = [StandingCapture(*row) for row in rows]
    length = connection.execute(select(warc_file.c.committed_len).where(warc_file.c.id == file_id)).scalar_one()
    ends = [0, *(each.end for each in found)]
    return found if [each.start for each in found] == ends[:-1] and ends[-1] == length else []


def _move(connection: Connection, file_id: int, rewritten: Rewritten, plan: dict[int, Reduction], crawl: int) -> None:
    old = connection.execute(select(warc_file).where(warc_file.c.id == file_id)).one()
    values = {
        "store": old.store,
        "path": rewritten.path,
        "writer": old.writer,
        "state": "closed",
        "committed_len": rewritten.length,
        "sha256": rewritten.sha256,
        "crawl": crawl,
    }
    new = connection.execute(warc_file.insert().values(values).returning(warc_file.c.id)).scalar_one()
    update_each(
        connection,
        capture,
        [
            {"id": each.id, "warc_file": new, "offset": each.offset, "length": each.length, "moved_to": each.start}
            for each in rewritten.captures
        ],
    )
    sha256 = {each.id: each.sha256 for each in rewritten.captures if each.sha256 is not None}
    write_reductions(connection, plan, sha256, crawl)
    connection.execute(delete(warc_file).where(warc_file.c.id == file_id))


def _remove(place: Path) -> None:
    place.unlink(missing_ok=True)
    sync_folder(place.parent)
