"""Write the search rows: one for each revision, its text already folded.

SQLite keeps them in `revision_fts`, an FTS5 table without content of its own; PostgreSQL in `revision_search`, with a
tsvector of our own words. No database tokenizes, folds or stems: the words are those of `storage.folding.tokens`, the
limits are ours, so both find the same. Rows are only ever added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, ForeignKeyConstraint, Index, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import TSVECTOR

from storage.content import ArticleContent
from storage.models import Id, metadata
from storage.words import LETTER_OF, SearchRow, search_row

search_metadata = MetaData(naming_convention=metadata.naming_convention)

revision_search = Table(
    "revision_search",
    search_metadata,
    Column("revision", Id, primary_key=True, autoincrement=False),
    Column("headline", Text, nullable=False),
    Column("authors", Text, nullable=False),
    Column("section", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("lexemes", TSVECTOR, nullable=False),
    ForeignKeyConstraint(["revision"], [metadata.tables["revision"].c.id]),
)
Index("ix_revision_search_lexemes", revision_search.c.lexemes, postgresql_using="gin")

_INSERT_FTS = text(
    # Two rows of one id would both be found: FTS5 does not refuse the second by itself.
    "INSERT INTO revision_fts (rowid, headline, authors, section, body) "
    "SELECT :revision, :headline, :authors, :section, :body "
    "WHERE NOT EXISTS (SELECT 1 FROM revision_fts WHERE rowid = :revision)"
)
_INSERT_SEARCH = text(
    "INSERT INTO revision_search (revision, headline, authors, section, body, lexemes) "
    "VALUES (:revision, :headline, :authors, :section, :body, array_to_tsvector(CAST(:lexemes AS text[]))) "
    "ON CONFLICT DO NOTHING"
)


def index_revisions(connection: Connection, revisions: Sequence[tuple[int, ArticleContent]]) -> None:
    """Write the search rows of several revisions, each (id, content). A second time changes nothing."""
    write_rows(connection, [(revision, search_row(content)) for revision, content in revisions])


def write_rows(connection: Connection, made: Sequence[tuple[int, SearchRow]]) -> None:
    """Write search rows, each with its revision's id, in the transaction that inserts it."""
    on_postgresql = connection.dialect.name == "postgresql"
    rows: list[dict[str, Any]] = []
    for revision, words in made:
        row = {"revision": revision, **{field: getattr(words, field) for field in LETTER_OF}}
        rows.append({**row, "lexemes": words.lexemes()} if on_postgresql else row)
    if rows:
        connection.execute(_INSERT_SEARCH if on_postgresql else _INSERT_FTS, rows)
