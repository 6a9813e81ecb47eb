"""What Alembic runs for each command: our tables, on the connection that storage.migrating hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, MetaData

from storage.index import search_metadata
from storage.models import metadata
from storage.partial_indexes import PARTIAL_INDEXES


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out what SQLite's FTS5 keeps by itself; the migration makes it in plain SQL."""
    return not (kind == "table" and name is not None and name.startswith("revision_fts"))


def _targets(connection: Connection) -> list[MetaData]:
    """All that the schema should hold; the partial indexes belong to their tables once they are imported."""
    assert PARTIAL_INDEXES
    return [metadata, search_metadata] if connection.dialect.name == "postgresql" else [metadata]


def _run(connection: Connection) -> None:
    on_postgresql = connection.dialect.name == "postgresql"
    context.configure(
        connection=connection,
        target_metadata=_targets(connection),
        include_name=_is_ours,
        compare_type=True,
        render_as_batch=not on_postgresql,
        # SQLite's DDL is transactional too once we send BEGIN ourselves: a killed migration leaves nothing.
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


_run(context.config.attributes["connection"])
