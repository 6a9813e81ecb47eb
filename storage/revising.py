"""Write revisions: their text, authors, figures and search rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, update

from storage import blocks
from storage.content import ArticleContent, Block, Figure, PrintedDate
from storage.index import index_revisions
from storage.inserting import insert_missing
from storage.models import figure, revision, revision_author
from storage.storable import storable


@dataclass(frozen=True, slots=True)
class NewRevision:
    """A revision to be written. `supersedes` is the revision that an older extractor read in the same capture."""

    article: int
    digest: str
    content: ArticleContent
    extractor: int
    supersedes: int | None
    first_at: datetime
    last_at: datetime


def add_revisions(connection: Connection, new: Sequence[NewRevision], crawl: int) -> dict[tuple[int, str], int]:
    """Write revisions with all that belongs to them; gives their ids by article and digest."""
    if not new:
        return {}
    rows = [_row(each, crawl) for each in new]
    ids = list(connection.execute(_ADD_REVISIONS, rows).scalars())
    numbered = list(zip(ids, (each.content for each in new), strict=True))
    insert_missing(
        connection,
        revision_author,
        [
            {"revision": number, "position": position, "name": name}
            for number, content in numbered
            for position, name in enumerate(content.authors)
        ],
    )
    insert_missing(
        connection,
        figure,
        [
            {"revision": number, "position": position, "url": each.url, "caption": each.caption, "credit": each.credit}
            for number, content in numbered
            for position, each in enumerate(content.figures)
        ],
    )
    index_revisions(connection, numbered)
    return {(each.article, each.digest): number for each, number in zip(new, ids, strict=True)}


def see_again(connection: Connection, seen: Sequence[tuple[int, datetime]]) -> None:
    """Widen the time over which revisions were seen."""
    if seen:
        connection.execute(_SEE, [{"of": number, "seen": at} for number, at in seen])


_ADD_REVISIONS = revision.insert().returning(revision.c.id, sort_by_parameter_order=True)
_SEEN = bindparam("seen", type_=revision.c.last_at.type)
_SEE = (
    update(revision)
    .where(revision.c.id == bindparam("of"))
    .values(
        first_at=case((revision.c.first_at > _SEEN, _SEEN), else_=revision.c.first_at),
        last_at=case((revision.c.last_at < _SEEN, _SEEN), else_=revision.c.last_at),
    )
)


def clean(content: ArticleContent) -> ArticleContent:
    """The content with what no database can store (NUL, half a surrogate pair) replaced by U+FFFD."""
    everything = "".join(_texts(content))
    if storable(everything) is everything:
        return content

    def maybe(text: str | None) -> str | None:
        return None if text is None else storable(text)

    def date(printed: PrintedDate | None) -> PrintedDate | None:
        return printed and replace(printed, printed=storable(printed.printed), zone=storable(printed.zone))

    return replace(
        content,
        headline=storable(content.headline),
        lead=maybe(content.lead),
        blocks=tuple(
            Block(each.kind, storable(each.text), each.level, tuple(map(storable, each.items)))
            for each in content.blocks
        ),
        authors=tuple(map(storable, content.authors)),
        section=tuple(map(storable, content.section)),
        tags=tuple(map(storable, content.tags)),
        figures=tuple(Figure(maybe(each.url), maybe(each.caption), maybe(each.credit)) for each in content.figures),
        language=maybe(content.language),
        published=date(content.published),
        updated=date(content.updated),
        found={storable(name): storable(how) for name, how in content.found.items()},
    )


def _texts(content: ArticleContent) -> list[str]:
    texts = [content.headline, content.lead or "", content.language or "", *content.authors, *content.section]
    texts += content.tags
    for block in content.blocks:
        texts.append(block.text)
        texts += block.items
    for each in content.figures:
        texts += (each.url or "", each.caption or "", each.credit or "")
    for date in (content.published, content.updated):
        if date:
            texts += (date.printed, date.zone)
    for name, how in content.found.items():
        texts += (name, how)
    return texts


def _row(new: NewRevision, crawl: int) -> dict[str, object]:
    content, published, updated = new.content, new.content.published, new.content.updated
    return {
        "article": new.article,
        "digest": new.digest,
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
        "extractor": new.extractor,
        "supersedes": new.supersedes,
        "first_at": new.first_at,
        "last_at": new.last_at,
        "crawl": crawl,
    }
