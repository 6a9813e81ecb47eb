"""Write revisions: their text, authors, figures and search rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, update

from storage import blocks
from storage.content import ArticleContent
from storage.index import write_rows
from storage.inserting import insert_missing
from storage.models import figure, revision, revision_author
from storage.naming import NamedContent


@dataclass(frozen=True, slots=True)
class NewRevision:
    """A revision to be written. `supersedes` is the revision that an older extractor read in the same capture."""

    article: int
    named: NamedContent
    extractor: int
    supersedes: int | None
    first_at: datetime
    last_at: datetime


def add_revisions(connection: Connection, new: Sequence[NewRevision], crawl: int) -> dict[tuple[int, str], int]:
    """Write revisions with all that belongs to them; gives their ids by article and digest."""
    if not new:
        return {}
    rows = [_row(each, crawl) for each in new]
    ids = {(of, digest): number for number, of, digest in connection.execute(_ADD_REVISIONS, rows)}
    numbered = [(ids[each.article, each.named.digest], each.named) for each in new]
    insert_missing(
        connection,
        revision_author,
        [
            {"revision": number, "position": position, "name": name}
            for number, named in numbered
            for position, name in enumerate(named.content.authors)
        ],
    )
    insert_missing(
        connection,
        figure,
        [row for number, named in numbered for row in figure_rows(number, named.content)],
    )
    write_rows(connection, [(number, named.words) for number, named in numbered])
    return ids


def figure_rows(number: int, content: ArticleContent) -> list[dict[str, object]]:
    """The rows of a revision's figures."""
    return [
        {"revision": number, "position": position, "url": each.url, "caption": each.caption, "credit": each.credit}
        for position, each in enumerate(content.figures)
    ]


def columns_of(content: ArticleContent) -> dict[str, object]:
    """The columns of a revision's row that its content fills."""
    published, updated = content.published, content.updated
    return {
        "headline": content.headline,
        "lead": content.lead,
        "blocks": blocks.to_json(content.blocks),
        "body": content.body,
        "authors": list(content.authors),
        "section": list(content.section),
        "tags": list(content.tags),
        "language": content.language,
        "published_at": published.at if published else None,
        "published_printed": published.printed if published else None,
        "published_precision": published.precision if published else None,
        "zone": published.zone if published else None,
        "updated_at": updated.at if updated else None,
        "updated_printed": updated.printed if updated else None,
        "found": content.found,
    }


def see_again(connection: Connection, seen: Sequence[tuple[int, datetime]]) -> None:
    """Widen the time over which revisions were seen."""
    if seen:
        connection.execute(_SEE, [{"of": number, "seen": at} for number, at in seen])


# Asked to give ids in the order of the rows, SQLAlchemy sends SQLite one statement a row.
_ADD_REVISIONS = revision.insert().returning(revision.c.id, revision.c.article, revision.c.digest)
_SEEN = bindparam("seen", type_=revision.c.last_at.type)
_SEE = (
    update(revision)
    .where(revision.c.id == bindparam("of"))
    .values(
        first_at=case((revision.c.first_at > _SEEN, _SEEN), else_=revision.c.first_at),
        last_at=case((revision.c.last_at < _SEEN, _SEEN), else_=revision.c.last_at),
    )
)


def _row(new: NewRevision, crawl: int) -> dict[str, object]:
    return columns_of(new.named.content) | {
        "article": new.article,
        "digest": new.named.digest,
        "extractor": new.extractor,
        "supersedes": new.supersedes,
        "first_at": new.first_at,
        "last_at": new.last_at,
        "crawl": crawl,
    }
