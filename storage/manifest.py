"""Manifests: a line with its digest for each row that a crawl added, under one digest that names the one before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, Connection, Select, Table, Text, bindparam, case, collate, delete, select

from storage.models import (
    archive,
    article_key,
    capture,
    crawl,
    decision,
    extraction,
    extractor,
    fetch_failure,
    figure,
    location,
    manifest_part,
    reduction,
    revision,
    warc_file,
)
from storage.rehomed import first_resources
from storage.unreadable import Unreadable

FORM = 3
"""The form of manifests that are drawn today; docs/verify.md describes all three."""
_PART = 1_000_000
"""Characters of a manifest that are kept in one row."""
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
            "span_offset",
            "span_length",
            "span_sha256",
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
    (figure, ("revision", "position"), ("revision", "position", "url", "caption", "credit")),
    (warc_file, ("id",), ("id", "store", "path", "committed_len", "sha256")),
    (reduction, ("capture",), ("capture", "reason", "shows", "sha256")),
)
"""Tables in the order of the digest: what orders their rows, and the columns covered. None of these columns is ever
changed once its row stands; docs/verify.md lists them, with what is left out and why."""


_BINDS = 3
"""The first form that covers to what addresses and keys belong."""
BINDINGS = {"location_resource": "location", "article_key_article": "article_key"}
"""Lines of that form which tell of a row that has a line of its own: their name, and that row's table."""
_SINCE_FORM_2 = frozenset(("figure", "warc_file", "reduction", "span_offset", "span_length", "span_sha256"))
"""Tables and columns that form 1 did not cover."""
_HEAD = ("kind", "operator", "robots_policy", "started_at", "ended_at", "outcome", "stamp_authority")


def draw_manifest(connection: Connection, crawl_id: int) -> str:
    """Write down the manifest of a crawl that has just ended, and give its digest (SHA-256, hex, of its text)."""
    connection.execute(_FORGET_PARTS, {"of_crawl": crawl_id})
    digest = hashlib.sha256()
    for n, text in enumerate(_portions(manifest_lines(connection, crawl_id))):
        digest.update(text.encode())
        connection.execute(_ADD_PART, {"crawl": crawl_id, "n": n, "text": text})
    return digest.hexdigest()


def manifest_digest(connection: Connection, crawl_id: int) -> str:
    """The digest that a crawl's manifest would have by the rows as they stand now. Memory stays flat.

    It is the digest kept with the crawl as long as no covered column of any row was changed, and none was taken
    away or added.
    """
    if connection.execute(select(crawl.c.manifest_form).where(crawl.c.id == crawl_id)).scalar_one() == 1:
        return _digest_of_form_1(connection, crawl_id)
    digest = hashlib.sha256()
    for line in manifest_lines(connection, crawl_id):
        digest.update(line.encode())
    return digest.hexdigest()


def manifest_lines(connection: Connection, crawl_id: int) -> Iterator[str]:
    """The lines of a manifest, drawn from the rows: two that begin with '#', then `DIGEST  TABLE/KEY` for each row.

    sha256sum(1) checks them against files that hold the rows' own lines (`row_line`) under these names.
    """
    form, *values = connection.execute(_HEAD_OF, {"of_crawl": crawl_id}).one()
    facts = {name: _plain(value) for name, value in zip((*_HEAD, "previous_digest"), values, strict=True)}
    facts |= {"archive": connection.execute(_ARCHIVE).scalar_one(), "crawl": crawl_id}
    yield f"# Presskeep manifest {form}\n"
    yield f"# {_to_json(facts)}\n"
    for table, order, columns in COVERED:
        for values in _added(connection, table, order, columns, crawl_id):
            line = row_line(columns, values)
            yield f"{hashlib.sha256(line).hexdigest()}  {row_name(table.name, order, columns, values)}\n"
    if form >= _BINDS:
        for name, line in binding_rows(connection, crawl_id):
            yield f"{hashlib.sha256(line).hexdigest()}  {name}\n"


def kept_manifest(connection: Connection, crawl_id: int) -> Iterator[str]:
    """A crawl's manifest as it was written down when the crawl ended, in portions; nothing for one of form 1."""
    statement = select(manifest_part.c.text).where(manifest_part.c.crawl == crawl_id).order_by(manifest_part.c.n)
    for (text,) in connection.execute(statement, execution_options={"yield_per": 4}):
        yield text


def row_line(columns: Sequence[str], values: Sequence[Any]) -> bytes:
    """A row as its digest covers it: one JSON object of the covered columns, in UTF-8, ending in a line feed."""
    facts = {name: _plain(value) for name, value in zip(columns, values, strict=True)}
    return _to_json(facts).encode("utf-8", "surrogatepass") + b"\n"


def covered(table: Table, columns: Sequence[str]) -> list[ColumnElement[Any]]:
    """What to select for a row's line. How far a file that others wrote has been read is null: an import that goes on
    reads further, and the file's digest says what it is."""
    return [_KEPT_LENGTH if table.c[name] is warc_file.c.committed_len else table.c[name] for name in columns]


def covered_values(columns: Sequence[str], values: Mapping[str, Any]) -> list[Any]:
    """The values of a row's line, of a row that holds these values."""
    imported = values.get("state") == "imported"
    return [None if imported and name == "committed_len" else values[name] for name in columns]


_KEPT_LENGTH = case((warc_file.c.state != "imported", warc_file.c.committed_len)).label("committed_len")


def row_name(table: str, order: Sequence[str], columns: Sequence[str], values: Sequence[Any]) -> str:
    """What a manifest calls a row: its table and its key, percent-encoded so that it can be a file's name."""
    key = (values[columns.index(name)] for name in order)
    return f"{table}/" + ".".join(str(part) if isinstance(part, int) else _quoted(str(part)) for part in key)


def _quoted(part: str) -> str:
    return quote(part, safe="", errors="surrogateescape")


def newest_digest(connection: Connection) -> str | None:
    """The end of the chain: the digest that no other crawl names as its previous one."""
    return connection.execute(_NEWEST).scalar_one_or_none()


def _portions(lines: Iterator[str]) -> Iterator[str]:
    waiting: list[str] = []
    size = 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= _PART:
            yield "".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield "".join(waiting)


def _digest_of_form_1(connection: Connection, crawl_id: int) -> str:
    """Form 1 kept no lines: one digest over a JSON array for each row."""
    names = ("kind", "operator", "robots_policy", "started_at", "previous_digest")
    head = connection.execute(select(*(crawl.c[name] for name in names)).where(crawl.c.id == crawl_id)).one()
    digest = hashlib.sha256(_array("crawl", [crawl_id, *head]))
    for table, order, columns in COVERED:
        if table.name not in _SINCE_FORM_2:
            covered = tuple(name for name in columns if name not in _SINCE_FORM_2)
            for values in _added(connection, table, order, covered, crawl_id):
                digest.update(_array(table.name, values))
    return digest.hexdigest()


def _array(name: str, values: Sequence[Any]) -> bytes:
    return _to_json([name, *map(_plain, values)]).encode("utf-8", "surrogatepass") + b"\n"


def binding_rows(connection: Connection, crawl_id: int) -> Iterator[tuple[str, bytes]]:
    """Names and lines of what form 3 adds: to what the run's addresses and keys belonged at first, and what its
    extractors were."""
    keys = _keys_added(connection.dialect.name)
    rows: tuple[tuple[str, int, tuple[str, ...], Iterator[Sequence[Any]]], ...] = (
        ("location_resource", 1, ("id", "resource"), first_resources(connection, crawl_id)),
        ("article_key_article", 2, ("outlet", "key", "article"), _stream(connection, keys, crawl_id)),
        ("extractor", 1, _OF_EXTRACTOR, _stream(connection, _EXTRACTORS_USED, crawl_id)),
    )
    for name, length, columns, values in rows:
        for row in values:
            yield row_name(name, columns[:length], columns, row), row_line(columns, row)


def _stream(connection: Connection, statement: Select[Any], crawl_id: int) -> Iterator[Sequence[Any]]:
    yield from connection.execute(statement, {"of_crawl": crawl_id}, execution_options={"yield_per": 500})


# Statements are built once: each of the many crawls of a day runs them all.

_OF_CRAWL = bindparam("of_crawl", type_=crawl.c.id.type)
_OF_EXTRACTOR = ("id", "version", "profile_digest", "learnt_digest")
_FORGET_PARTS = delete(manifest_part).where(manifest_part.c.crawl == _OF_CRAWL)
_ADD_PART = manifest_part.insert()
_ARCHIVE = select(archive.c.uuid)
_HEAD_OF = select(crawl.c.manifest_form, *(crawl.c[name] for name in (*_HEAD, "previous_digest"))).where(
    crawl.c.id == _OF_CRAWL
)
_LATER = crawl.alias("later")
_NEWEST = (
    select(crawl.c.manifest_digest)
    .where(
        crawl.c.manifest_digest.is_not(None),
        ~select(_LATER.c.id).where(_LATER.c.previous_digest == crawl.c.manifest_digest).exists(),
    )
    .order_by(crawl.c.id.desc())
    .limit(1)
)
_EXTRACTORS_USED = (
    select(*(extractor.c[name] for name in _OF_EXTRACTOR))
    .where(extractor.c.id.in_(select(extraction.c.extractor).where(extraction.c.crawl == _OF_CRAWL)))
    .order_by(extractor.c.id)
)


@cache
def _keys_added(dialect: str) -> Select[Any]:
    keys = select(article_key.c.outlet, article_key.c.key, article_key.c.article)
    return keys.where(article_key.c.crawl == _OF_CRAWL).order_by(*_sorted_by(dialect, article_key, ("outlet", "key")))


@cache
def _rows_added(dialect: str, table: Table, order: tuple[str, ...], columns: tuple[str, ...]) -> Select[Any]:
    statement = select(*covered(table, columns)).order_by(*_sorted_by(dialect, table, order))
    if "crawl" in table.c:
        return statement.where(table.c.crawl == _OF_CRAWL)
    # rows that belong to a revision, and came with it
    return statement.join(revision, revision.c.id == table.c.revision).where(revision.c.crawl == _OF_CRAWL)


def _sorted_by(dialect: str, table: Table, order: Sequence[str]) -> list[ColumnElement[Any]]:
    """What sorts text by code point, as SQLite does: a PostgreSQL database's own collation may be any."""
    postgres = dialect == "postgresql"
    return [
        collate(table.c[name], "C") if postgres and isinstance(table.c[name].type, Text) else table.c[name]
        for name in order
    ]


def _added(
    connection: Connection, table: Table, order: tuple[str, ...], columns: tuple[str, ...], crawl_id: int
) -> Iterator[list[Any]]:
    for row in _stream(connection, _rows_added(connection.dialect.name, table, order, columns), crawl_id):
        yield list(row)


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
    if isinstance(value, Unreadable):
        return {"unreadable": repr(value.raw)}
    return value
