"""Write the search rows: one for each revision, its text already folded."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, Index, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import TSVECTOR

from storage.models import Id, metadata

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
