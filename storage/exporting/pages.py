"""The pages of a WACZ: each revision of the selected articles, at the capture that showed it first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from storage.exporting.selection import BATCH, Selection
from storage.models import article, capture, extraction, location, revision

HEADER = {"format": "json-pages-1.0", "id": "pages", "title": "All Pages", "hasText": True}
"""The first line of pages.jsonl (WACZ 1.1.1, 5.2)."""


def page_lines(connection: Connection, selection: Selection) -> Iterator[bytes]:
    """The lines of pages.jsonl, the header first: address, time, title and text of each page. Memory stays flat."""
    yield _line(HEADER)
    for number in selection.outlets:
        yield from _pages(connection, article.c.outlet == number)
    for start in range(0, len(selection.articles), BATCH):
        yield from _pages(connection, article.c.id.in_(selection.articles[start : start + BATCH]))


def _pages(connection: Connection, wanted: ColumnElement[bool]) -> Iterator[bytes]:
    first = (
        select(extraction.c.revision, func.min(capture.c.id).label("capture"))
        .join(capture, capture.c.id == extraction.c.capture)
        .join(revision, revision.c.id == extraction.c.revision)
        .join(article, article.c.id == revision.c.article)
        .where(wanted)
        .group_by(extraction.c.revision)
        .subquery()
    )
    statement = (
        select(revision.c.digest, revision.c.headline, revision.c.lead, revision.c.body, location.c.url, capture.c.at)
        .join(first, first.c.revision == revision.c.id)
        .join(capture, capture.c.id == first.c.capture)
        .join(location, location.c.id == capture.c.location)
        .order_by(revision.c.id)
    )
    for rows in connection.execution_options(yield_per=BATCH).execute(statement).partitions():
        for row in rows:
            yield _line(_page(row))


def _page(row: Any) -> dict[str, str]:
    at: datetime = row.at
    text = "\n\n".join(part for part in (row.lead, row.body) if part)
    return {
        "id": row.digest[:16],
        "url": row.url,
        "ts": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "title": row.headline,
        "text": text,
    }


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
