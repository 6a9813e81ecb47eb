"""Open an archive: a folder with WARC files, and its database in the folder or on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError

from storage.engines import (
    DATABASE_NAME,
    FAILED,
    connect_postgresql,
    connect_sqlite,
    demand_unchanged,
    explain,
    explain_loss,
    name_of,
    tables_of,
)
from storage.errors import ArchiveDamaged, ArchiveMissing, ArchiveNewer, ArchiveUnusable
from storage.models import HEAD, SCHEMA, metadata
from storage.models import archive as archive_table

_UPGRADE = "Upgrade Presskeep to the version that wrote it, or a later one."
_KNOWN_MIGRATIONS = frozenset({"0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008"})


class Archive:
    """An open archive. A context manager: leaving it closes the database.

    `folder` is the archive's folder, `warc_folder` the one that paths of WARC files are relative to,
    `engine` SQLAlchemy's engine, `uuid` the archive's name for good. Safe to share between threads.
    """

    def __init__(self, folder: Path, engine: Engine, uuid: str, *, write: bool = True) -> None:
        self.folder = folder
        self.engine = engine
        self.uuid = uuid
        self._write = write

    @classmethod
    def open(
        cls,
        folder: Path,
        database: str | None = None,
        *,
        create: bool = False,
        write: bool = True,
        refill: bool = False,
    ) -> Self:
        """Open the archive in `folder`, its database on PostgreSQL where `database` is a URL.

        `create` makes folder and schema where there are none. `write` brings an older schema up to date and
        allows `begin()`; without it nothing is changed, and a folder that cannot be written can be read. With
        `refill` the new database is about to be filled with what is known of the WARC files that lie there.

        Raises ArchiveMissing, ArchiveNewer, NetworkFilesystem, ArchiveDamaged where WARC files lie there and the
        database is gone, and ArchiveUnusable for anything else that is no archive or cannot be used. Messages never
        hold a password.
        """
        folder = folder.absolute()
        write = write or create
        if database is not None:
            engine = connect_postgresql(database, write=write)
        else:
            try:
                engine = connect_sqlite(folder, create=create, write=write)
            except ArchiveMissing:
                if file := _kept_file(folder):
                    raise _lost_database("the database is not there", folder, file, str(folder)) from None
                raise
        try:
            if create:
                _make_folder(folder)
            found = _look(engine)
            if not refill and not found.tables:
                _demand_database(engine, folder)
            uuid = _admit(engine, found, create=create, write=write)
        except DBAPIError as error:
            engine.dispose()
            raise explain(error, engine) from None
        except BaseException:
            engine.dispose()
            raise
        return cls(folder, engine, uuid, write=write)

    @property
    def warc_folder(self) -> Path:
        """The folder that holds the WARC files."""
        return self.folder / "warc"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in a transaction that sees one state of the archive throughout, and cannot write.

        Raises ArchiveUnusable at its end where the archive cannot be written and a run of another user began to write
        in the meantime: what was read may be of two states then. Raises ArchiveDamaged where the database is, and
        DatabaseLost where it goes meanwhile.
        """
        try:
            with self.engine.connect() as connection:
                if connection.dialect.name == "postgresql":
                    connection = connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                with connection.begin() as transaction:
                    try:
                        yield connection
                    except DBAPIError:
                        demand_unchanged(connection)
                        raise
                    demand_unchanged(connection)
                    with suppress(DBAPIError):  # nothing was written; SQLite refuses to commit on a damaged database
                        transaction.commit()
        except FAILED as error:
            raise explain_loss(error, self.engine) from error
        except DBAPIError as error:
            told = explain(error, self.engine)
            if isinstance(told, ArchiveDamaged):
                raise told from error
            raise

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection in a write transaction: committed at the end, rolled back on an exception.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE), and waits for it up to 30 seconds. Raises
        StorageFull or DatabaseLost where the database itself fails.
        """
        try:
            with self.engine.connect() as connection:
                connection = connection.execution_options(presskeep_begin="BEGIN IMMEDIATE")
                with connection.begin():
                    yield connection
        except FAILED as error:
            if not self._write:
                raise  # no failure, but a fault of whoever opened it for reading alone
            raise explain_loss(error, self.engine) from error

    def close(self) -> None:
        """Close every connection. Closing twice is no error."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _make_folder(folder: Path) -> None:
    from storage.warc_writing import make_folder  # brings what writes WARC, which readers do without

    try:
        make_folder(folder)
        make_folder(folder / "warc")
    except OSError as error:
        raise ArchiveUnusable(
            f"the archive's folder cannot be made ({error.strerror})",
            str(error.filename or folder),
            "Name another folder by --archive.",
        ) from error


def _demand_database(engine: Engine, folder: Path) -> None:
    """Raise ArchiveDamaged where a database that holds nothing stands beside WARC files: their own has been lost."""
    file = _kept_file(folder)
    if file is not None and not _look(engine).tables:  # asked again: a run may just have made it, and begun to write
        raise _lost_database("the database is empty", folder, file, name_of(engine))


def _kept_file(folder: Path) -> Path | None:
    return next((each for each in (folder / "warc").rglob("*.warc*") if each.is_file()), None)


def _lost_database(what: str, folder: Path, file: Path, which: str) -> ArchiveDamaged:
    return ArchiveDamaged(
        f"{what}, though {file.relative_to(folder)} was kept",
        which,
        "`presskeep restore` a backup into an empty folder, or `presskeep import` the WARC files into one.",
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What a database holds: its tables, and of an archive its migration and what its row says of itself."""

    tables: frozenset[str]
    migration: str | None = None
    schema: int | None = None
    min_reader: int = 0
    uuid: str = ""

    @property
    def is_archive(self) -> bool:
        return "archive" in self.tables and "alembic_version" in self.tables


def _look(engine: Engine) -> _Found:
    with engine.connect() as connection:
        found = _Found(tables_of(connection))
        if not found.is_archive:
            return found
        migration = connection.execute(_MIGRATION).scalar()
        row = connection.execute(_SELF).first()
    return _Found(found.tables, migration, *(row or ()))


def _admit(engine: Engine, found: _Found, *, create: bool, write: bool) -> str:
    """Check that this version can use the database, migrating it where asked. Gives the archive's UUID."""
    which = name_of(engine)
    if not found.is_archive:
        if found.tables & set(metadata.tables) or (found.tables and engine.dialect.name == "sqlite"):
            raise ArchiveUnusable("is a database, but no archive of Presskeep", which, "Name another place.")
        if not create:
            named_by = "--archive" if engine.dialect.name == "sqlite" else "--database"
            raise ArchiveMissing("there is no archive", which, f"A crawl makes one; or name another by {named_by}.")
    elif not _is_older(found, which, write=write):
        return found.uuid
    elif not write:
        raise ArchiveUnusable(
            "was written by an older version of Presskeep", which, "Run `presskeep db upgrade` first."
        )
    _upgrade(engine)
    return _look(engine).uuid


def _is_older(found: _Found, which: str, *, write: bool) -> bool:
    """Whether the schema must be upgraded first; raises ArchiveNewer where it is beyond us.

    A newer archive may be read, never written, as long as it says so (`min_reader`).
    """
    if found.schema is None:
        return True
    if found.schema > SCHEMA and (write or found.min_reader > SCHEMA):
        raise ArchiveNewer(
            f"was written by a newer version of Presskeep (schema {found.schema}, this one knows {SCHEMA})",
            which,
            _UPGRADE,
        )
    if found.migration not in _KNOWN_MIGRATIONS and found.schema <= SCHEMA:
        raise ArchiveNewer(
            f"is at migration {found.migration}, which this version of Presskeep does not know", which, _UPGRADE
        )
    return found.schema < SCHEMA or (found.migration != HEAD and found.schema <= SCHEMA)


_MIGRATION = text("SELECT version_num FROM alembic_version")
_SELF = select(archive_table.c.schema, archive_table.c.min_reader, archive_table.c.uuid)


def _upgrade(engine: Engine) -> None:
    from storage import migrating  # brings Alembic, which readers do without

    migrating.upgrade(engine)


__all__ = ["DATABASE_NAME", "Archive"]
