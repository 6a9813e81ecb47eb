"""Check that each revision's text has the digests that name it, and that what is drawn from it fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select

from storage.blocks import from_json
from storage.content import ArticleContent, Figure, Precision, PrintedDate
from storage.errors import ArchiveDamaged
from storage.fixity.findings import Finding
from storage.identity import content_digest, text_sha256
from storage.index import index_revisions, revision_search
from storage.inserting import among, in_portions, insert_missing
from storage.models import extraction, figure, revision, revision_author
from storage.words import SearchRow, search_row

_PORTION = 200


def check_texts(connection: Connection) -> Iterator[Finding]:
    """Check every revision: its digest, its exact form, its plain text, and authors as they are listed apart."""
    last = 0
    while rows := connection.execute(_REVISIONS, {"after": last}).all():
        yield from _check_portion(connection, rows)
        last = rows[-1].id


def mend_drawn(connection: Connection, authors: Sequence[int], search: Sequence[int]) -> None:
    """Draw anew, for revisions by id, the authors listed apart and the search rows, in the write transaction given."""
    for portion in in_portions(sorted({*authors, *search})):
        rows = connection.execute(select(revision).where(among(revision.c.id)), {"values": portion}).all()
        figures = figures_of(connection, portion)
        for row in rows:
            if row.id in authors:
                connection.execute(delete(revision_author).where(revision_author.c.revision == row.id))
                listed = [{"revision": row.id, "position": n, "name": name} for n, name in enumerate(row.authors)]
                insert_missing(connection, revision_author, listed)
            if row.id in search and connection.dialect.name == "postgresql":
                connection.execute(delete(revision_search).where(revision_search.c.revision == row.id))
                index_revisions(connection, [(row.id, content_of(row, figures.get(row.id, ())))])


def figures_of(connection: Connection, revisions: Sequence[int]) -> dict[int, list[Figure]]:
    """The figures of revisions, in their order, by revision."""
    figures: dict[int, list[Figure]] = {}
    for owner, url, caption, credit in connection.execute(_FIGURES, {"values": revisions}):
        figures.setdefault(owner, []).append(Figure(url, caption, credit))
    return figures


def content_of(row: Row[Any], figures: Sequence[Figure]) -> ArticleContent:
    """The content that a revision's row holds."""
    return ArticleContent(
        headline=row.headline,
        lead=row.lead,
        blocks=from_json(row.blocks),
        authors=tuple(row.authors),
        section=tuple(row.section),
        tags=tuple(row.tags),
        figures=tuple(figures),
        language=row.language,
        published=_date(row.published_at, row.published_printed, row.published_precision, row.zone),
        updated=_date(row.updated_at, row.updated_printed, row.published_precision, row.zone),
    )


def _check_portion(connection: Connection, rows: Sequence[Row[Any]]) -> Iterator[Finding]:
    numbers = [row.id for row in rows]
    figures = figures_of(connection, numbers)
    authors: dict[int, list[str]] = {}
    for owner, name in connection.execute(_AUTHORS, {"values": numbers}):
        authors.setdefault(owner, []).append(name)
    forms: dict[int, set[str | None]] = {}
    for owner, form in connection.execute(_FORMS, {"values": numbers}):
        forms.setdefault(owner, set()).add(form)
    indexed = _search_rows(connection, numbers)
    for row in rows:
        name = f"revision/{row.id}"
        try:
            content = content_of(row, figures.get(row.id, ()))
            digest, form = content_digest(content), text_sha256(content)
        except (ArchiveDamaged, AttributeError, KeyError, TypeError, ValueError) as error:
            yield Finding("row-altered", name, f"its text cannot be read ({type(error).__name__}: {error})")
            continue
        if digest != row.digest:
            yield Finding("row-altered", name, "its text is not the one that its digest names")
        elif form not in forms.get(row.id, ()):
            yield Finding("row-altered", name, "no reading gave its text in this form")
        if content.body != row.body:
            yield Finding("row-altered", name, "its plain text is not that of its blocks")
        if authors.get(row.id, []) != list(row.authors):
            yield Finding("state-wrong", f"revision_author/{row.id}", "the authors listed apart are not the text's")
        if indexed is not None and indexed.get(row.id) != search_row(content):
            yield Finding("index-wrong", f"revision_search/{row.id}", "the search row is not that of the text")


def _search_rows(connection: Connection, revisions: Sequence[int]) -> dict[int, SearchRow] | None:
    """The search rows as they stand; None on SQLite, whose index holds words without their rows."""
    if connection.dialect.name != "postgresql":
        return None
    statement = select(revision_search).where(among(revision_search.c.revision))
    rows = connection.execute(statement, {"values": revisions})
    return {row.revision: SearchRow(row.headline, row.authors, row.section, row.body) for row in rows}


def _date(at: Any, printed: str | None, precision: Precision | None, zone: str | None) -> PrintedDate | None:
    return PrintedDate(at, printed or "", precision or "day", zone or "UTC") if at is not None else None


_REVISIONS = select(revision).where(revision.c.id > bindparam("after")).order_by(revision.c.id).limit(_PORTION)
_FIGURES = (
    select(figure.c.revision, figure.c.url, figure.c.caption, figure.c.credit)
    .where(among(figure.c.revision))
    .order_by(figure.c.revision, figure.c.position)
)
_AUTHORS = (
    select(revision_author.c.revision, revision_author.c.name)
    .where(among(revision_author.c.revision))
    .order_by(revision_author.c.revision, revision_author.c.position)
)
_FORMS = select(extraction.c.revision, extraction.c.text_sha256).where(among(extraction.c.revision)).distinct()
