"""The migrations make what the models say, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Engine, MetaData, Text, inspect, select

from storage import migrating, models
from storage.archive import Archive
from storage.engines import connect_postgresql, connect_sqlite
from storage.index import search_metadata
from storage.partial_indexes import PARTIAL_INDEXES
from tests.databases import Place


def _differences(connection: Connection, *tables: MetaData) -> list[Any]:
    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        return not (kind == "table" and str(name).startswith(("revision_fts", "alembic_version")))

    # Alembic takes SQLite's reflected DEFAULT '' for another than ours; the migration is the same one, so
    # PostgreSQL answers for both.
    defaults = connection.dialect.name == "postgresql"
    options = {"target_metadata": tables, "include_name": is_ours, "compare_server_default": defaults}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, tables))


def _models(archive: Archive) -> list[MetaData]:
    return [models.metadata, *([search_metadata] if archive.engine.dialect.name == "postgresql" else [])]


def test_the_migrations_end_at_the_schema_of_the_models(archive: Archive) -> None:
    with archive.read() as connection:
        assert _differences(connection, *_models(archive)) == []


def test_a_column_that_no_migration_makes_is_noticed(archive: Archive) -> None:
    twin = MetaData(naming_convention=models.metadata.naming_convention)
    for table in models.metadata.tables.values():
        table.to_metadata(twin)
    twin.tables["article"].append_column(Column("forgotten", Text))
    with archive.read() as connection:
        found = _differences(connection, twin, *_models(archive)[1:])
    assert [(change[0], change[2], change[3].name) for change in found] == [("add_column", "article", "forgotten")]


def test_the_partial_indexes_hold_their_part(archive: Archive) -> None:
    with archive.read() as connection:
        inspector = inspect(connection)
        for index in PARTIAL_INDEXES:
            assert index.table is not None
            (found,) = [each for each in inspector.get_indexes(index.table.name) if each["name"] == index.name]
            assert found["dialect_options"][f"{connection.dialect.name}_where"] is not None


def test_every_foreign_key_of_the_models_stands_in_the_database(archive: Archive) -> None:
    with archive.read() as connection:
        inspector = inspect(connection)
        for table in models.metadata.tables.values():
            wanted = {(key.parent.name, key.column.table.name) for key in table.foreign_keys}
            found = {
                (key["constrained_columns"][0], key["referred_table"]) for key in inspector.get_foreign_keys(table.name)
            }
            assert found == wanted, table.name


def test_upgrading_twice_is_the_same_as_once(empty_place: Place) -> None:
    with Archive.open(empty_place.folder, empty_place.database, create=True) as first:
        assert migrating.current(first.engine) == migrating.head()
        migrating.upgrade(first.engine)
        assert migrating.current(first.engine) == migrating.head()
        name = first.uuid
    with Archive.open(empty_place.folder, empty_place.database) as second:
        assert second.uuid == name


def test_a_stamp_changes_the_written_revision_alone(archive: Archive) -> None:
    migrating.stamp(archive.engine, "base")
    assert migrating.current(archive.engine) is None
    migrating.stamp(archive.engine, migrating.head())
    assert migrating.current(archive.engine) == migrating.head()
    with archive.read() as connection:
        assert _differences(connection, *_models(archive)) == []


def test_the_head_that_readers_know_is_alembics(archive: Archive) -> None:
    with archive.read() as connection:
        script = ScriptDirectory.from_config(migrating._config(connection))
    assert script.get_heads() == [migrating.head()]
    assert len(list(script.walk_revisions())) == models.SCHEMA


@pytest.mark.parametrize("earlier", range(1, models.SCHEMA))
def test_an_archive_of_an_earlier_schema_is_brought_up_with_its_rows(empty_place: Place, earlier: int) -> None:
    revision = f"{earlier:04}"
    rows = _make_earlier(empty_place, revision)
    today = {"schema": models.SCHEMA, "min_reader": models.MIN_READER}
    with Archive.open(empty_place.folder, empty_place.database) as archive, archive.read() as connection:
        assert migrating.current_of(connection) == migrating.head()
        assert _differences(connection, *_models(archive)) == []
        assert connection.execute(select(models.archive.c.schema)).scalar_one() == models.SCHEMA
        old = MetaData()
        old.reflect(connection, only=sorted(rows))
        assert len(rows) > 20
        for name, row in rows.items():
            columns = [old.tables[name].c[column] for column in row]
            (found,) = connection.execute(select(*columns)).all()
            expected = {**row, **today} if name == "archive" else row
            assert found._asdict() == expected, name


def _make_earlier(place: Place, revision: str) -> dict[str, dict[str, Any]]:
    """A database at an earlier migration with one row in each table; gives the rows."""
    from alembic import command

    engine = _connect(place)
    (place.folder / "warc").mkdir(parents=True, exist_ok=True)
    with engine.begin() as connection:
        command.upgrade(migrating._config(connection), revision)
        schema = MetaData()
        schema.reflect(connection)
        rows = {}
        for name, table in schema.tables.items():
            if not name.startswith(("revision_fts", "revision_search", "alembic_version")):
                rows[name] = {column.name: _value(column) for column in table.columns}
        rows["archive"] |= {"schema": int(revision), "min_reader": 1}
        _defer(connection)
        for name, row in rows.items():
            connection.execute(schema.tables[name].insert().values(**row))
    engine.dispose()
    return rows


def _connect(place: Place) -> Engine:
    if place.database is None:
        return connect_sqlite(place.folder, create=True, write=True)
    return connect_postgresql(place.database, write=True)


def _defer(connection: Connection) -> None:
    """Let rows point at rows that come later in the same transaction."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    else:
        connection.exec_driver_sql("SET session_replication_role = replica")


def _value(column: Column[Any]) -> Any:
    """A value of a column's type, 1 for every number, so that each foreign key holds."""
    kind = column.type.python_type
    if kind is datetime:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)
    if kind is date:
        return date(2026, 3, 1)
    if kind is dict:
        return ["value"]
    return {int: 1, bytes: b"value"}.get(kind, "value")
