"""Copy an archive's database as it is at one moment, while others write to it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from storage import models
from storage.archive import DATABASE_NAME, Archive
from storage.engines import explain
from storage.errors import ArchiveDamaged
from storage.filesystems import network_type
from storage.moving import TRANSIENT, move

_PAGES = 2_000
"""Pages of SQLite copied between two tellings."""

Told = Callable[[int, int], None]
"""Is told how much of the database is copied, and of how much."""


@contextmanager
def snapshot(archive: Archive, folder: Path, told: Told) -> Iterator[Archive]:
    """A copy of the archive's database on SQLite, open, its file made in `folder`; only the file remains at the end.

    It holds one state of the archive: all that was committed when it began. What says who is at work just now (locks,
    leases, owners of runs) is left out, since nobody works on the copy. A database on PostgreSQL is copied row by row.
    Raises ArchiveDamaged where the database is damaged.
    """
    with _workshop(folder) as place:
        try:
            if archive.engine.dialect.name == "sqlite":
                _copy_sqlite(archive, place, told)
            else:
                with Archive.open(place, create=True) as target:
                    move(archive, target, beside_runs=True)
        except DBAPIError as error:
            raise explain(error, archive.engine) from None
        except sqlite3.DatabaseError as error:
            raise ArchiveDamaged(f"cannot be copied ({error})", str(archive.folder / DATABASE_NAME)) from error
        with Archive.open(place) as copied:
            _check(copied)
            _let_go(copied)
            yield copied
        if place != folder:
            shutil.copyfile(place / DATABASE_NAME, folder / DATABASE_NAME)
    shutil.rmtree(folder / "warc", ignore_errors=True)  # an archive's folder has one; here nothing is in it


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """Where SQLite can work: the folder itself, or a temporary one where it is on a network."""
    if not network_type(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="presskeep-") as other:
        yield Path(other)


def _copy_sqlite(archive: Archive, folder: Path, told: Told) -> None:
    with archive.read() as connection:
        connection.execute(select(models.archive.c.uuid)).one()  # from here on this connection sees one state
        source = connection.connection.dbapi_connection
        assert isinstance(source, sqlite3.Connection)
        target = sqlite3.connect(folder / DATABASE_NAME)
        try:
            source.backup(target, pages=_PAGES, progress=lambda _, left, total: told(total - left, total))
        finally:
            target.close()


def _check(copied: Archive) -> None:
    with copied.read() as connection:
        found = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    if found != "ok":
        raise ArchiveDamaged(f"is damaged ({found})", "the archive's database", "Restore the backup before.")


def _let_go(copied: Archive) -> None:
    resource, crawl = models.resource, models.crawl
    with copied.begin() as connection:
        for name in TRANSIENT:
            connection.execute(models.metadata.tables[name].delete())
        held = update(resource).where(resource.c.lease_owner.is_not(None))
        connection.execute(held.values(lease_owner=None, lease_until=None))
        connection.execute(update(crawl).where(crawl.c.ended_at.is_(None)).values(owner=None))
