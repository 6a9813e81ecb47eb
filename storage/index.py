"""Write the search rows: one for each revision, its text already folded.

SQLite keeps them in `revision_fts`, an FTS5 table without content of its own; PostgreSQL in `revision_search`, with a
tsvector of our own words. No database tokenizes, folds or stems: the words are those of `storage.folding.tokens`, the
limits are ours, so both find the same. Rows are only ever added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, ForeignKeyConstraint, Index, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import TSVECTOR

from storage.content import ArticleContent
from storage.folding import tokens
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

LETTER_OF = {"headline": "h", "authors": "a", "section": "s", "body": "b"}
"""Each lexeme of a tsvector begins with its field's letter and has no position; PostgreSQL keeps only 255 of a word."""
MAX_WORDS = 200_000
"""Words of one field that are indexed."""
MAX_LEXEMES = 900_000
"""Bytes of the different words of one revision that are indexed; PostgreSQL's tsvector holds a megabyte."""

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


@dataclass(frozen=True, slots=True)
class SearchRow:
    """The words of a revision by field, each followed by one space and the first led by one."""

    headline: str
    authors: str
    section: str
    body: str

    def lexemes(self) -> list[str]:
        """The different words, each led by its field's letter."""
        words = ((letter, word) for field, letter in LETTER_OF.items() for word in getattr(self, field).split())
        return sorted({letter + word for letter, word in words})


def index_revision(connection: Connection, revision: int, content: ArticleContent) -> None:
    """Write the search row of a revision, in the transaction that inserts it. A second time changes nothing."""
    index_revisions(connection, [(revision, content)])


def index_revisions(connection: Connection, revisions: Sequence[tuple[int, ArticleContent]]) -> None:
    """Write the search rows of several revisions, each (id, content)."""
    on_postgresql = connection.dialect.name == "postgresql"
    rows: list[dict[str, Any]] = []
    for revision, content in revisions:
        made = search_row(content)
        row = {"revision": revision, **{field: getattr(made, field) for field in LETTER_OF}}
        rows.append({**row, "lexemes": made.lexemes()} if on_postgresql else row)
    if rows:
        connection.execute(_INSERT_SEARCH if on_postgresql else _INSERT_FTS, rows)


def search_row(content: ArticleContent) -> SearchRow:
    """What of a content is found by search: headline, authors, section, and as its body lead, text, captions, tags."""
    texts = {
        "headline": (content.headline,),
        "authors": content.authors,
        "section": content.section,
        "body": _body_texts(content),
    }
    words = {field: _words(texts[field]) for field in LETTER_OF}
    if sum(_size(each) for each in words.values()) > MAX_LEXEMES:
        _cut(words)
    return SearchRow(**{field: f" {' '.join(each)} " if each else "" for field, each in words.items()})


def _size(words: Sequence[str]) -> int:
    """What lexemes of these words would take if all were different."""
    return len("".join(words).encode()) + len(words)


def _cut(words: dict[str, list[str]]) -> None:
    """Leave out the words of each field from that on whose lexeme has no room left."""
    room, lexemes = MAX_LEXEMES, set[str]()
    for field, letter in LETTER_OF.items():
        for position, word in enumerate(words[field]):
            lexeme = letter + word
            if lexeme not in lexemes:
                room -= len(lexeme.encode())
                if room < 0:
                    del words[field][position:]
                    break
                lexemes.add(lexeme)


def _body_texts(content: ArticleContent) -> Iterable[str]:
    yield content.lead or ""
    for block in content.blocks:
        yield block.text
        yield from block.items
    for figure in content.figures:
        yield figure.caption or ""
        yield figure.credit or ""
    yield from content.tags


def _words(texts: Iterable[str]) -> list[str]:
    words: list[str] = []
    for each in texts:
        words += tokens(each)
        if len(words) >= MAX_WORDS:
            del words[MAX_WORDS:]
            break
    return words
