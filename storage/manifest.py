"""The digest over all rows that a crawl added, chained with the one before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Text, collate, select

from storage.models import (
    article_key,
    capture,
    crawl,
    decision,
    extraction,
    fetch_failure,
    location,
    revision,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_to_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode

COVERED: tuple[tuple[Table, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        capture,
        ("id",),
        (
            "id",
            "member_sha256",
            "location",
            "at",
            "status",
            "mime",
            "payload_sha256",
            "truncated",
            "tls",
            "source",
            "origin",
        ),
    ),
    (location, ("id",), ("id", "url", "url_hash", "how", "first_at")),
    (
        revision,
        ("id",),
        (
            "id",
            "article",
            "digest",
            "headline",
            "lead",
            "blocks",
            "body",
            "authors",
            "section",
            "tags",
            "language",
            "published_at",
            "published_printed",
            "published_precision",
            "zone",
            "updated_at",
            "updated_printed",
            "found",
            "extractor",
            "supersedes",
        ),
    ),
    (
        extraction,
        ("capture", "extractor"),
        ("capture", "extractor", "outcome", "revision", "matched", "text_sha256", "at"),
    ),
    (article_key, ("outlet", "key"), ("outlet", "key")),
    (decision, ("id",), ("id", "at", "by", "verb", "subject", "payload")),
    (fetch_failure, ("id",), ("id", "location", "at", "reason")),
)
"""Tables in the order of the digest: what orders their rows, and the columns covered. None of these columns is ever
changed once its row stands; docs/verify.md lists them, with what is left out and why."""


def manifest_digest(connection: Connection, crawl_id: int) -> str:
    """SHA-256 (hex) over the crawl's rows in a fixed form, after the digest before it. Memory stays flat."""
    head = connection.execute(
        select(
            crawl.c.kind, crawl.c.operator, crawl.c.robots_policy, crawl.c.started_at, crawl.c.previous_digest
        ).where(crawl.c.id == crawl_id)
    ).one()
    digest = hashlib.sha256(_line("crawl", [crawl_id, *head]))
    for table, order, columns in COVERED:
        for row in _added(connection, table, order, columns, crawl_id):
            digest.update(_line(table.name, row))
    return digest.hexdigest()


def newest_digest(connection: Connection) -> str | None:
    """The end of the chain: the digest that no other crawl names as its previous one."""
    later = crawl.alias("later")
    statement = select(crawl.c.manifest_digest).where(
        crawl.c.manifest_digest.is_not(None),
        ~select(later.c.id).where(later.c.previous_digest == crawl.c.manifest_digest).exists(),
    )
    return connection.execute(statement.order_by(crawl.c.id.desc()).limit(1)).scalar_one_or_none()


def _added(
    connection: Connection, table: Table, order: tuple[str, ...], columns: tuple[str, ...], crawl_id: int
) -> Iterator[list[Any]]:
    keys: list[ColumnElement[Any]] = []
    for name in order:
        text = isinstance(table.c[name].type, Text) and connection.dialect.name == "postgresql"
        # By code point, as SQLite sorts: a PostgreSQL database's own collation may be any.
        keys.append(collate(table.c[name], "C") if text else table.c[name])
    statement = select(*(table.c[name] for name in columns)).where(table.c.crawl == crawl_id).order_by(*keys)
    for row in connection.execute(statement, execution_options={"yield_per": 500}):
        yield list(row)


def _line(name: str, values: list[Any]) -> bytes:
    return _to_json([name, *map(_plain, values)]).encode("utf-8", "surrogatepass") + b"\n"


def _plain(value: Any) -> Any:
    """Values in the one form that both databases give back: instants as whole milliseconds since 1970."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime):
        return round((value - _EPOCH) / timedelta(milliseconds=1))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value
