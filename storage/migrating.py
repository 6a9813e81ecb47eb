"""Bring the database's schema to today's, by Alembic, without a configuration file."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, insert, inspect, select, text, update

from storage.models import HEAD, MIN_READER, SCHEMA, archive

if TYPE_CHECKING:
    from alembic.config import Config

_ADVISORY_LOCK = 0x7072_6573_736B_6565
"""One number for all of us: PostgreSQL's advisory lock that lets one process migrate at a time ('presskee')."""


def upgrade(engine: Engine) -> None:
    """Migrate to today's schema in one transaction, creating it where there is none; twice is the same as once.

    Processes that come at the same time wait for each other. A kill leaves the old schema or the new.
    """
    from alembic import command

    with _migrating(engine) as connection:
        command.upgrade(_config(connection), "head")
        _name_archive(connection)


def stamp(engine: Engine, revision: str) -> None:
    """Write down that the schema is at `revision`, changing nothing else.

    Raises alembic.util.CommandError where there is no such migration.
    """
    from alembic import command

    with _migrating(engine) as connection:
        command.stamp(_config(connection), revision)


def head() -> str:
    """The newest migration that this version of Presskeep knows."""
    return HEAD


def current(engine: Engine) -> str | None:
    """The migration that the database is at, None where none has run."""
    with engine.connect() as connection:
        return current_of(connection)


def current_of(connection: Connection) -> str | None:
    """The migration that a connection's database is at, None where none has run; needs no Alembic."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """A write transaction that no second migration can enter."""
    with engine.connect() as connection:
        connection = connection.execution_options(presskeep_begin="BEGIN IMMEDIATE")
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
            yield connection


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _name_archive(connection: Connection) -> None:
    """Give a new archive its UUID; note the schema of an old one."""
    known = connection.execute(select(archive.c.uuid)).scalar()
    if known is None:
        row = {"uuid": str(uuid.uuid4()), "schema": SCHEMA, "min_reader": MIN_READER, "created_at": datetime.now(UTC)}
        connection.execute(insert(archive).values(row))
    else:
        connection.execute(update(archive).values(schema=SCHEMA, min_reader=MIN_READER))
