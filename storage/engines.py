"""Connect to the archive's database: SQLite in a local folder, or PostgreSQL by URL."""

from __future__ import annotations

import json
import os
import sqlite3
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    PendingRollbackError,
)
from sqlalchemy.pool import NullPool

from storage.errors import ArchiveDamaged, ArchiveMissing, ArchiveUnusable, DatabaseLost, NetworkFilesystem, StorageFull
from storage.filesystems import network_type

DATABASE_NAME = "archive.db"
LEAST_SQLITE = (3, 35, 0)
"""RETURNING came with 3.35; FTS5, partial indexes and upserts are older. Debian 12 has 3.40.1."""
FAILED = (OperationalError, InterfaceError, InternalError, PendingRollbackError)
"""Errors that say that the database itself failed (gone, full, locked), not what was asked of it."""
KEPT = 8
"""How many engines a process keeps: each compiles a statement once, and `run` opens an archive again and again. An
archive that is closed leaves its engine without connections."""
_WAIT_SECONDS = 30
_GO_ON = "All that was kept is safe; once it answers, run the same command again."
_EXAMPLE = "postgresql://user@host/database"


def connect_sqlite(folder: Path, *, create: bool, write: bool) -> Engine:
    """An engine for the archive.db of a folder. Only `create` lets SQLite make the file.

    Raises NetworkFilesystem, ArchiveMissing, or ArchiveUnusable where the file cannot be used as asked.
    """
    path = folder / DATABASE_NAME
    if sqlite3.sqlite_version_info < LEAST_SQLITE:
        needed = ".".join(map(str, LEAST_SQLITE))
        raise ArchiveUnusable(
            f"SQLite {sqlite3.sqlite_version} is too old", "Python", f"Use one with {needed} or later."
        )
    if kind := network_type(folder):
        raise NetworkFilesystem(
            f"stands on a network file system ({kind}), where SQLite's locks cannot be trusted",
            str(folder),
            "Use a local folder, or PostgreSQL by --database.",
        )
    if folder.exists() and not folder.is_dir():
        raise ArchiveUnusable("is no folder", str(folder), "Name one by --archive.")
    if not create and not _is_there(path):
        raise ArchiveMissing("there is no archive", str(folder), "A crawl makes one; or name another by --archive.")
    writable = _is_writable(path)
    if write and not writable:
        raise ArchiveUnusable("cannot be written", str(folder), "Change its permissions, or name another by --archive.")
    if not writable:
        _mode_of_reading(path)  # said now, where there is none
        return _with_pragmas(path, None, write=write)
    return _with_pragmas(path, "rwc" if create else "rw", write=write)


def connect_postgresql(database: str, *, write: bool) -> Engine:
    """An engine for a PostgreSQL URL; `postgresql://` and `postgres://` mean the driver psycopg 3.

    Raises ArchiveUnusable for another URL, and where the driver is not installed.
    """
    try:
        url = make_url(
            database.replace("postgres://", "postgresql://", 1) if database[:11] == "postgres://" else database
        )
    except (ArgumentError, ValueError):
        raise ArchiveUnusable("is no database URL", "--database", f"It looks like {_EXAMPLE}.") from None
    if url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise ArchiveUnusable(f"{url.drivername} is not supported", "--database", f"Give a URL like {_EXAMPLE}.")
    try:
        return _with_psycopg(url, write=write)
    except ImportError:
        raise ArchiveUnusable(
            "the driver for PostgreSQL is not installed",
            name_of(url),
            "Run: pip install 'presskeep[postgres]' (in a checkout: pip install '.[postgres]')",
        ) from None


def demand_unchanged(connection: Connection) -> None:
    """Raise ArchiveUnusable where a database that was read as one that never changes has changed since.

    In a folder that cannot be written SQLite can neither lock nor see locks, so this is seen behind what was read.
    """
    driver = connection.connection.dbapi_connection
    if isinstance(driver, _Unchanging) and driver.seen != _look_at(driver.path):
        raise ArchiveUnusable("a run began to write while it was read", str(driver.path), "Do the same again.")


def name_of(place: Engine | URL) -> str:
    """The database in words for messages: a file's path, or a URL without user, password and options."""
    url = place if isinstance(place, URL) else place.url
    if url.get_backend_name() == "sqlite":
        return (url.database or "").removeprefix("file:").partition("?")[0]
    host = url.host or url.query.get("host") or "localhost"
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{host if isinstance(host, str) else ','.join(host)}{port}/{url.database or ''}"


def tables_of(connection: Connection) -> frozenset[str]:
    """The names of all tables that a connection sees by default."""
    return frozenset(inspect(connection).get_table_names())


def explain(error: DBAPIError, engine: Engine) -> ArchiveUnusable | ArchiveDamaged | StorageFull:
    """A driver's error as ours, in one line that names the database and holds no password."""
    reason = " ".join(str(error.orig).split("\n", 1)[0].split())
    password = engine.url.password
    if password:
        reason = reason.replace(str(password), "***")
    if "database or disk is full" in reason or getattr(error.orig, "sqlstate", None) == "53100":
        return StorageFull("no space is left", name_of(engine), "Free some, and run the same command again.")
    if engine.dialect.name == "sqlite":
        if "malformed" in reason:
            return ArchiveDamaged(
                "the database is damaged", name_of(engine), "`presskeep restore` a backup into an empty folder."
            )
        if "not a database" in reason:
            return ArchiveUnusable(
                "is no archive of Presskeep, or was damaged",
                name_of(engine),
                "Name another place, or `presskeep restore` a backup into an empty folder.",
            )
        if "Could not decode to UTF-8" in reason:
            return ArchiveDamaged(
                "holds a text that cannot be read", name_of(engine), "`presskeep verify` says in which row."
            )
        return ArchiveUnusable(f"cannot be used ({reason})", name_of(engine), "Check the folder and its permissions.")
    return ArchiveUnusable(f"cannot be used ({reason})", name_of(engine), "Check that it runs, and --database.")


def explain_loss(
    error: DBAPIError | PendingRollbackError, engine: Engine
) -> StorageFull | ArchiveDamaged | DatabaseLost:
    """A driver's error in the middle of a run as ours; SQLAlchemy's own comes where the connection had gone before."""
    if isinstance(error, PendingRollbackError):
        return DatabaseLost("the connection was lost", name_of(engine), _GO_ON)
    told = explain(error, engine)
    return told if isinstance(told, StorageFull | ArchiveDamaged) else DatabaseLost(told.what, told.which, _GO_ON)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise ArchiveUnusable(
            f"cannot be read ({error.strerror})",
            str(path.parent),
            "Change its permissions, or name another by --archive.",
        ) from error


def _is_writable(path: Path) -> bool:
    """Whether SQLite can write there: the file, and its folder for the write-ahead log."""
    if not path.exists():
        ancestor = next(parent for parent in path.parents if parent.exists())
        return ancestor.is_dir() and os.access(ancestor, os.W_OK | os.X_OK)
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)


_UNCHANGING = "ro&immutable=1"


class _Unchanging(sqlite3.Connection):
    """A connection to a database of which nobody is seen to write; `seen` is how its files stood when it was opened."""

    path: Path
    seen: tuple[object, ...]


def _mode_of_reading(path: Path) -> str:
    """How to read where nothing can be written: beside the log of a living or a killed writer, or as a file that
    never changes."""
    log, index = path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")
    if not log.exists() or (log.stat().st_size == 0 and not index.exists()):
        return _UNCHANGING
    if not index.exists():
        raise ArchiveUnusable(
            "has a log of SQLite beside it that was not merged, and cannot be written",
            str(path),
            "Open it once where it can be written, or copy the folder.",
        )
    return "ro"


def _look_at(path: Path) -> tuple[object, ...]:
    log = path.with_name(path.name + "-wal")
    facts = path.stat()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns, log.exists() and log.stat().st_size > 0


@lru_cache(maxsize=KEPT)
def _with_psycopg(url: URL, *, write: bool) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        json_serializer=_to_json,
        pool_pre_ping=True,
        connect_args={"connect_timeout": _WAIT_SECONDS},
    )
    if not write:
        _refuse_writing(engine)
    return engine


@lru_cache(maxsize=KEPT)
def _with_pragmas(path: Path, mode: str | None, *, write: bool) -> Engine:
    """An engine whose connections are opened in a mode; with None, each as the file can be read just then."""
    escaped = str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")

    def connect() -> sqlite3.Connection:
        chosen = mode or _mode_of_reading(path)
        connection = sqlite3.connect(
            f"file:{escaped}?mode={chosen}",
            uri=True,
            timeout=_WAIT_SECONDS,
            check_same_thread=False,  # the pool lends a connection to one thread at a time
            isolation_level=None,  # we send BEGIN ourselves, see _begin
            factory=_Unchanging if chosen == _UNCHANGING else sqlite3.Connection,
        )
        if isinstance(connection, _Unchanging):
            connection.path, connection.seen = path, _look_at(path)
        for pragma in _pragmas(write=write):
            connection.execute(pragma)
        return connection

    url = URL.create("sqlite", database=str(path))
    if mode is None:  # no pool: a long-lived reader must see when somebody begins to write
        engine = create_engine(url, creator=connect, json_serializer=_to_json, poolclass=NullPool)
    else:
        engine = create_engine(url, creator=connect, json_serializer=_to_json)
    event.listen(engine, "begin", _begin)
    return engine


def _pragmas(*, write: bool) -> tuple[str, ...]:
    if not write:
        return ("PRAGMA query_only = ON", "PRAGMA trusted_schema = OFF")
    return (
        "PRAGMA journal_mode = WAL",
        # FULL syncs the log at each commit: what T1 reported as done outlives a power cut, not a kill alone.
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        "PRAGMA trusted_schema = OFF",
        "PRAGMA journal_size_limit = 67108864",
    )


def _begin(connection: Connection) -> None:
    """Begin as Archive.begin() asks. A deferred BEGIN that writes later can fail at once with 'locked'."""
    connection.exec_driver_sql(connection.get_execution_options().get("presskeep_begin", "BEGIN"))


def _refuse_writing(engine: Engine) -> None:
    def make_read_only(connection: Any, _record: object) -> None:
        connection.read_only = True

    event.listen(engine, "connect", make_read_only)


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
