"""What the new texts of a crawl hold, field by field: a template that has changed shows here first."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, case, func, select

from storage.models import figure, revision

FIELDS = ("authors", "published", "section", "lead", "tags", "figures")


def yields_of(connection: Connection, crawl: int) -> dict[str, int]:
    """How many texts a crawl kept first (`texts`), and how many of them have each field."""
    rows = connection.execute(_TEXTS, {"of_crawl": crawl})
    counts = dict.fromkeys(("texts", *FIELDS), 0)
    for authors, section, tags, published, lead, figures in rows:
        has = {"authors": authors, "section": section, "tags": tags, "published": published, "lead": lead}
        counts["texts"] += 1
        for field, value in (has | {"figures": figures}).items():
            counts[field] += bool(value)
    return counts


_PICTURED = select(figure.c.revision).where(figure.c.revision == revision.c.id).exists()
_TEXTS = select(
    revision.c.authors,
    revision.c.section,
    revision.c.tags,
    revision.c.published_at.is_not(None),
    func.coalesce(revision.c.lead, "") != "",
    case((_PICTURED, 1), else_=0),
).where(revision.c.crawl == bindparam("of_crawl"))
