"""The migrations make what the models say, on both databases."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, MetaData, Text, inspect

from storage import migrating, models
from storage.archive import Archive
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
