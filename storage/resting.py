"""WARC files that rest between runs: one is gone on with by the next run, or closed when its time is over."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, ScalarSelect, bindparam, select, update

from storage.archive import Archive
from storage.closing import close_reduced
from storage.models import capture, crawl, warc_file
from storage.owners import is_local
from storage.warc_writing import OPEN, Unfinished, begun_on, explained, hold, sha256_of, sync_folder

log = logging.getLogger(__name__)

_OPEN_ROW = (warc_file.c.state == "open") & (warc_file.c.store == "warc")
LAST_CAPTURE = (
    select(capture.c.id)
    .where(capture.c.warc_file == warc_file.c.id)
    .order_by(capture.c.offset.desc())
    .limit(1)
    .correlate(warc_file)
    .scalar_subquery()
)
"""The last capture of a row of warc_file, which says whose file it is."""
_RESTING = (
    select(
        warc_file.c.id,
        warc_file.c.path,
        warc_file.c.writer,
        warc_file.c.committed_len,
        crawl.c.outlet,
        (capture.c.span_offset + capture.c.span_length).label("spanned"),
    )
    .join(capture, capture.c.id == LAST_CAPTURE)
    .join(crawl, crawl.c.id == capture.c.crawl)
    .where(_OPEN_ROW, crawl.c.ended_at.is_not(None))
    .order_by(warc_file.c.id)
)
_RESTING_ONE = _RESTING.where(warc_file.c.id == bindparam("of_file"))


@dataclass(frozen=True, slots=True)
class _Resting:
    """A file that rests, by its row: `spanned` is where the span of its last capture ends."""

    id: int
    path: str
    writer: str
    committed_len: int
    outlet: int | None
    spanned: int | None


def rests(connection: Connection, file_id: int) -> bool:
    """Whether the run that kept the last of an open file has ended, so that the file is none that a kill left."""
    return connection.execute(_RESTING_ONE, {"of_file": file_id}).first() is not None


def go_on_with(
    archive: Archive, *, outlet: int, crawl: int, roll_bytes: int, now: datetime
) -> tuple[int, Unfinished] | None:
    """The outlet's file that rests, held, with its row's id; None where there is none that this run may go on with.

    That is one of the day (UTC) that it is `now`, and of this machine, below `roll_bytes`, and as long as its row says.
    The outlet's others, and every outlet's whose day is over, are closed in this crawl. What another process holds is
    left alone.
    """
    taken: tuple[int, Unfinished] | None = None
    for row, place, descriptor in _held(archive):
        if taken is None and row.outlet == outlet and _may_grow(archive, row, place, roll_bytes, now):
            taken = row.id, Unfinished(row.path, os.dup(descriptor), row.committed_len)
        elif _is_over(row, now) or (row.outlet == outlet and _is_ours(archive, row)):
            _close(archive, row, place, descriptor, crawl, now)
    return taken


def close_overdue(archive: Archive, crawl: int, now: datetime) -> None:
    """Close the files whose day (UTC) is over `now`, in a crawl that is under way."""
    for row, place, descriptor in _held(archive):
        if _is_over(row, now):
            _close(archive, row, place, descriptor, crawl, now)


def set_closed(connection: Connection, file_id: int, digest: str, crawl: int | ScalarSelect[int | None]) -> bool:
    """Close a file's row, which belongs to a crawl from then on. False where another process has closed it."""
    statement = update(warc_file).where(warc_file.c.id == file_id, warc_file.c.state == "open")
    return connection.execute(statement.values(state="closed", sha256=digest, crawl=crawl)).rowcount == 1


def _held(archive: Archive) -> Iterator[tuple[_Resting, Path, int]]:
    """The files that rest and are as long as was committed, each held while it is looked at: its row, where it stands
    (a kill may have left it with its final name), and its descriptor."""
    with archive.read() as connection:
        rows = connection.execute(_RESTING).all()
    for known in rows:
        final = archive.warc_folder / known.path
        for place in (final.with_name(final.name + OPEN), final):
            with _holding(place) as descriptor:
                if descriptor is None:
                    continue
                with archive.read() as connection:  # it may have grown or been closed since
                    row = connection.execute(_RESTING_ONE, {"of_file": known.id}).first()
                if row is not None and os.fstat(descriptor).st_size == row.committed_len:
                    yield _Resting(*row), place, descriptor
                break


@contextmanager
def _holding(place: Path) -> Iterator[int | None]:
    try:
        descriptor = hold(place)
    except OSError as error:
        log.warning("a WARC file cannot be opened for writing, and waits: %s (%s)", place, error.strerror)
        yield None
        return
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _may_grow(archive: Archive, row: _Resting, place: Path, roll_bytes: int, now: datetime) -> bool:
    whole = row.spanned == row.committed_len and place.name.endswith(OPEN)
    return whole and row.committed_len < roll_bytes and not _is_over(row, now) and _is_ours(archive, row)


def _is_over(row: _Resting, now: datetime) -> bool:
    return begun_on(row.path) != now.date()


def _is_ours(archive: Archive, row: _Resting) -> bool:
    """Whether a machine that holds the file's lock may rely on it: on a folder that machines share, a lock may be worth
    nothing, and there an archive has its database on PostgreSQL. Containers have a new name at each start."""
    return archive.engine.dialect.name == "sqlite" or is_local(row.writer)


def _close(archive: Archive, row: _Resting, place: Path, descriptor: int, crawl: int, now: datetime) -> None:
    final = archive.warc_folder / row.path
    if place != final and close_reduced(archive, row.id, row.path, descriptor, crawl, now):
        return
    try:
        os.fsync(descriptor)
        digest = sha256_of(descriptor, row.committed_len)
        if place != final:
            place.rename(final)
        sync_folder(final.parent)
    except OSError as error:
        raise explained(error, str(place)) from error
    with archive.begin() as connection:
        set_closed(connection, row.id, digest, crawl)
