"""The indexes that hold a part of their table; only what makes or compares schemas imports them.

Naming an option of PostgreSQL loads its dialect, 30 ms that reading an archive on SQLite does without.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Index, and_

from storage.models import capture, crawl, resource


def _index(name: str, *columns: Column[Any], where: ColumnElement[bool]) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


DUE = _index(
    "ix_resource_due",
    resource.c.outlet,
    resource.c.priority,
    resource.c.due_at,
    where=resource.c.due_at.is_not(None),
)
"""The frontier: 'due' is a comparison, not a state."""
LEASED = _index("ix_resource_lease", resource.c.lease_owner, where=resource.c.lease_owner.is_not(None))
PENDING = _index("ix_capture_pending", capture.c.id, where=capture.c.outcome == "pending")
MEDIA = _index(
    "ix_capture_media",
    capture.c.payload_sha256,
    where=and_(capture.c.outcome == "media", capture.c.refers_to.is_(None)),
)
"""What is kept once for all pages that need it, by its payload."""
REFERRING = _index("ix_capture_refers_to", capture.c.refers_to, where=capture.c.refers_to.is_not(None))
"""What refers to a capture, which then must stay whole."""
ARTICLES = _index(
    "ix_resource_day",
    resource.c.outlet,
    resource.c.day,
    resource.c.ways,
    where=resource.c.kind == "article",
)
"""What is known of each day, and by which ways."""
MISSING = _index(
    "ix_resource_missing",
    resource.c.outlet,
    resource.c.day,
    resource.c.outcome,
    where=and_(resource.c.kind == "article", resource.c.article.is_(None)),
)
"""What is known of each day and not kept: little, so that kept articles cost nothing here."""
UNENDED = _index("ix_crawl_unended", crawl.c.id, where=crawl.c.ended_at.is_(None))
"""The crawls that go on, or were broken off: one or two, however many there were."""
PARTIAL_INDEXES = (DUE, LEASED, PENDING, MEDIA, REFERRING, ARTICLES, MISSING, UNENDED)
