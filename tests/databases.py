"""Fixtures that give a fresh archive on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, insert

from storage import models
from storage.archive import DATABASE_NAME, Archive
from tests.postgres import NoServer, Server, empty, running_server


@dataclass(frozen=True)
class Place:
    """Where an archive is: what Archive.open and the command line's --archive and --database take."""

    folder: Path
    database: str | None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One PostgreSQL for each worker of the suite; skips, saying why, where there is none."""
    try:
        with running_server() as server:
            yield server
    except NoServer as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def postgres_database(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of one migrated database, which `postgres_archive` empties for each test.

    Making a database takes half a second, emptying one a twentieth. A test that changes the schema takes
    `postgres_url` instead.
    """
    url = postgres_server.create()
    text = url.render_as_string(hide_password=False)
    Archive.open(tmp_path_factory.mktemp("migrated"), text, create=True).close()
    yield text
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty archive's database file, to copy."""
    folder = tmp_path_factory.mktemp("template")
    Archive.open(folder, create=True).close()
    return folder / DATABASE_NAME


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """The URL of a fresh and wholly empty PostgreSQL database, e.g. for `--database`."""
    url = postgres_server.create()
    yield url.render_as_string(hide_password=False)
    postgres_server.drop(url)


@pytest.fixture
def sqlite_archive(sqlite_template: Path, tmp_path: Path) -> Iterator[Archive]:
    """A fresh, empty archive on SQLite, open for writing."""
    with _open_sqlite(sqlite_template, tmp_path / "archive-on-sqlite") as opened:
        yield opened


@pytest.fixture
def postgres_archive(postgres_database: str, tmp_path: Path) -> Iterator[Archive]:
    """A fresh, empty archive on PostgreSQL, open for writing. One at a time: it is always the same database."""
    empty(postgres_database)
    with _open_postgres(postgres_database, tmp_path / "archive-on-postgresql") as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def archive(request: pytest.FixtureRequest) -> Archive:
    """A fresh, empty archive open for writing; the test runs twice, once on each database."""
    name = "sqlite_archive" if request.param == "sqlite" else "postgres_archive"
    opened: Archive = request.getfixturevalue(name)
    return opened


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where an archive can be made but none is yet; the test runs twice, once for each database."""
    database = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    return Place(tmp_path / "place", database)


def place_of(archive: Archive) -> Place:
    """Where an open archive is, to open it once more or to name it on a command line."""
    if archive.engine.dialect.name == "sqlite":
        return Place(archive.folder, None)
    url = archive.engine.url.set(drivername="postgresql")
    return Place(archive.folder, url.render_as_string(hide_password=False))


def _open_sqlite(template: Path, folder: Path) -> Archive:
    (folder / "warc").mkdir(parents=True)
    shutil.copyfile(template, folder / DATABASE_NAME)
    return _renamed(Archive.open(folder))


def _open_postgres(url: str, folder: Path) -> Archive:
    (folder / "warc").mkdir(parents=True)
    return _renamed(Archive.open(folder, url))


def _renamed(archive: Archive) -> Archive:
    """A copy as a new archive: with a UUID of its own, and at today's schema whatever a test before said."""
    archive.uuid = str(uuid.uuid4())
    with archive.begin() as connection:
        connection.execute(delete(models.archive))
        row = {"uuid": archive.uuid, "schema": models.SCHEMA, "min_reader": models.MIN_READER}
        connection.execute(insert(models.archive).values(**row, created_at=datetime.now(UTC)))
    return archive
