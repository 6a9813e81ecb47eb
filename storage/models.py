"""The tables of the archive, one set for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from storage.unreadable import Unreadable

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")
Hex = Text().with_variant(Text(collation="C"), "postgresql")
"""A digest in hex; compared byte by byte on both databases, so that a prefix is a range of the index."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

SCHEMA = 8
"""The number of this schema; each migration adds one."""
MIN_READER = 5
"""The oldest schema number whose code can still read an archive of this one."""
HEAD = "0008"
"""The newest migration, named here so that reading needs no Alembic."""


class UtcTime(TypeDecorator[datetime]):
    """An instant in UTC: epoch milliseconds on SQLite, timestamptz on PostgreSQL.

    Takes and gives aware datetimes, cut to milliseconds on both; refuses naive ones with ValueError.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime cannot be stored as UTC: {value!r}")
        milliseconds = (value - _EPOCH) // _MILLISECOND
        return _EPOCH + milliseconds * _MILLISECOND if dialect.name == "postgresql" else milliseconds

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        try:
            return _EPOCH + int(value) * _MILLISECOND
        except (ValueError, TypeError, OverflowError):
            return cast(datetime, Unreadable(value))


class _Json(TypeDecorator[Any]):
    """JSON text on SQLite, jsonb on PostgreSQL, whose dialect is loaded (30 ms) only where it is used. None is NULL."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import JSONB

            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(JSON(none_as_null=True))

    def result_processor(self, dialect: Dialect, coltype: Any) -> Callable[[Any], Any] | None:
        read = super().result_processor(dialect, coltype)
        return None if read is None else partial(_read_or_keep, read)


def _read_or_keep(read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except (ValueError, RecursionError):
        return Unreadable(value)


Json = _Json()


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _ref(name: str, target: str, *, nullable: bool = True) -> Column[int]:
    return Column(name, Id, ForeignKey(f"{target}.id"), nullable=nullable)


def _text(name: str, *, nullable: bool = True, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=nullable, server_default=default)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _at(name: str, *, nullable: bool = True) -> Column[datetime]:
    return Column(name, UtcTime(), nullable=nullable)


archive = Table(
    "archive",
    metadata,
    Column("uuid", Text, primary_key=True),
    Column("schema", Integer, nullable=False),
    Column("min_reader", Integer, nullable=False),
    _at("created_at", nullable=False),
)

outlet = Table(
    "outlet",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    _text("kind", nullable=False, default="profile"),
    _text("unchanged", nullable=False, default="whole"),
    _text("listings", nullable=False, default="whole"),
)

domain = Table(
    "domain",
    metadata,
    _id(),
    _ref("outlet", "outlet", nullable=False),
    _text("host", nullable=False),
    _text("path", nullable=False, default=""),
    _text("role", nullable=False),
    _text("edition"),
    Column("since", Date),
    Column("until", Date),
    _text("source", nullable=False, default="profile"),
    _text("approval", nullable=False, default="approved"),
    Column("rank", Integer, nullable=False, server_default="100"),
    Column("score", Integer),
    _text("state", nullable=False, default="unknown"),
    _at("state_at"),
    UniqueConstraint("outlet", "host", "path"),
)

domain_event = Table(
    "domain_event",
    metadata,
    _id(),
    _ref("domain", "domain", nullable=False),
    _at("at", nullable=False),
    _text("state", nullable=False),
    Column("capture", Id, ForeignKey("capture.id", use_alter=True)),
)

host_lease = Table(
    "host_lease",
    metadata,
    Column("host", Text, primary_key=True),
    _text("owner", nullable=False),
    _at("until", nullable=False),
)

outlet_lock = Table(
    "outlet_lock",
    metadata,
    Column("outlet", Id, ForeignKey("outlet.id"), primary_key=True, autoincrement=False),
    _text("owner", nullable=False),
    _text("host", nullable=False),
    Column("pid", Integer, nullable=False),
    _at("heartbeat", nullable=False),
)

crawl = Table(
    "crawl",
    metadata,
    _id(),
    _ref("outlet", "outlet"),
    _text("kind", nullable=False),
    _text("operator"),
    _text("owner"),
    _text("robots_policy", nullable=False, default="obey"),
    _at("started_at", nullable=False),
    _at("ended_at"),
    _text("outcome"),
    Column("counts", Json),
    _text("manifest_digest"),
    _text("previous_digest"),
    Column("manifest_form", Integer, nullable=False, server_default="1"),
    _text("stamp_authority"),
    Column("stamp", LargeBinary),
)

manifest_part = Table(
    "manifest_part",
    metadata,
    Column("crawl", Id, ForeignKey("crawl.id"), nullable=False),
    Column("n", Integer, nullable=False),
    _text("text", nullable=False),
    PrimaryKeyConstraint("crawl", "n"),
)

resource = Table(
    "resource",
    metadata,
    _id(),
    _ref("outlet", "outlet", nullable=False),
    _text("key", nullable=False),
    _text("kind", nullable=False),
    Column("priority", Integer, nullable=False),
    _text("outcome"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _at("due_at"),
    _text("lease_owner"),
    _at("lease_until"),
    Column("article", Id, ForeignKey("article.id", use_alter=True)),
    _text("found_by"),
    Column("found_crawl", Id, ForeignKey("crawl.id")),
    Column("day", Date),
    _text("day_from"),
    Column("ways", Integer, nullable=False, server_default="0"),
    _text("section"),
    UniqueConstraint("outlet", "key"),
)
Index("ix_resource_article", resource.c.article)
Index("ix_resource_found_crawl", resource.c.found_crawl)

location = Table(
    "location",
    metadata,
    _id(),
    _ref("resource", "resource", nullable=False),
    _ref("domain", "domain"),
    _text("url", nullable=False),
    Column("url_hash", LargeBinary(32), nullable=False, unique=True),
    _text("how", nullable=False),
    _at("first_at", nullable=False),
    _at("last_at", nullable=False),
    _at("fetched_at"),
    _text("etag"),
    _text("last_modified"),
    _ref("crawl", "crawl"),
    Column("whole_capture", Id, ForeignKey("capture.id", use_alter=True)),
)
Index("ix_location_resource", location.c.resource)
Index("ix_location_crawl", location.c.crawl)
Index("ix_location_domain", location.c.domain)

warc_file = Table(
    "warc_file",
    metadata,
    _id(),
    _text("store", nullable=False, default="warc"),
    _text("path", nullable=False),
    _text("writer", nullable=False),
    _text("state", nullable=False),
    _count("committed_len"),
    _text("sha256"),
    _ref("crawl", "crawl"),
    UniqueConstraint("store", "path"),
)
Index("ix_warc_file_crawl", warc_file.c.crawl)

capture = Table(
    "capture",
    metadata,
    _id(),
    _ref("warc_file", "warc_file", nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    _text("member_sha256", nullable=False),
    _ref("location", "location", nullable=False),
    _ref("crawl", "crawl", nullable=False),
    _at("at", nullable=False),
    Column("status", Integer, nullable=False),
    _text("mime"),
    _text("payload_sha256", nullable=False),
    _ref("refers_to", "capture"),
    _text("truncated"),
    Column("tls", Json),
    _text("source", nullable=False, default="live"),
    _text("origin"),
    _text("outcome", nullable=False, default="pending"),
    Column("span_offset", BigInteger),
    Column("span_length", BigInteger),
    _text("span_sha256"),
    Column("moved_to", BigInteger),
    Column("gained", Integer),
    Column("rights", Json),
    UniqueConstraint("warc_file", "offset"),
)
Index("ix_capture_location", capture.c.location)
Index("ix_capture_crawl", capture.c.crawl)

reduction = Table(
    "reduction",
    metadata,
    Column("capture", Id, ForeignKey("capture.id"), primary_key=True, autoincrement=False),
    _ref("crawl", "crawl", nullable=False),
    _text("reason", nullable=False),
    _ref("shows", "capture", nullable=False),
    _text("sha256", nullable=False),
)
Index("ix_reduction_crawl", reduction.c.crawl)
Index("ix_reduction_shows", reduction.c.shows)

fetch_failure = Table(
    "fetch_failure",
    metadata,
    _id(),
    _ref("location", "location", nullable=False),
    _ref("crawl", "crawl", nullable=False),
    _at("at", nullable=False),
    _text("reason", nullable=False),
)
Index("ix_fetch_failure_crawl", fetch_failure.c.crawl)

extractor = Table(
    "extractor",
    metadata,
    _id(),
    _text("version", nullable=False),
    _text("profile_digest", nullable=False, default=""),
    _text("learnt_digest", nullable=False, default=""),
    UniqueConstraint("version", "profile_digest", "learnt_digest"),
)

extraction = Table(
    "extraction",
    metadata,
    Column("capture", Id, ForeignKey("capture.id"), nullable=False),
    Column("extractor", Id, ForeignKey("extractor.id"), nullable=False),
    _text("outcome", nullable=False),
    Column("revision", Id, ForeignKey("revision.id", use_alter=True)),
    _text("matched"),
    _text("text_sha256"),
    _at("at", nullable=False),
    _ref("crawl", "crawl"),
    PrimaryKeyConstraint("capture", "extractor"),
)
Index("ix_extraction_revision", extraction.c.revision)
Index("ix_extraction_crawl", extraction.c.crawl)

learnt = Table(
    "learnt",
    metadata,
    Column("digest", Text, primary_key=True),
    _ref("domain", "domain", nullable=False),
    _at("at", nullable=False),
    Column("hashes", Json, nullable=False),
)

article = Table(
    "article",
    metadata,
    _id(),
    _ref("outlet", "outlet", nullable=False),
    _text("kind", nullable=False),
    Column("current_revision", Id, ForeignKey("revision.id", use_alter=True)),
    _at("published_at"),
    Column("published_day", Date),
    _at("first_at", nullable=False),
    _at("withdrawn_at"),
    _ref("merged_into", "article"),
)
Index("ix_article_outlet_published", article.c.outlet, article.c.published_at)

article_key = Table(
    "article_key",
    metadata,
    Column("outlet", Id, ForeignKey("outlet.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("article", Id, ForeignKey("article.id"), nullable=False),
    _ref("crawl", "crawl"),
    PrimaryKeyConstraint("outlet", "key"),
)
Index("ix_article_key_crawl", article_key.c.crawl)
Index("ix_article_key_key", article_key.c.key)
Index("ix_article_key_article", article_key.c.article)

revision = Table(
    "revision",
    metadata,
    _id(),
    _ref("article", "article", nullable=False),
    Column("digest", Hex, nullable=False),
    _text("headline", nullable=False),
    _text("lead"),
    Column("blocks", Json, nullable=False),
    _text("body", nullable=False),
    Column("authors", Json, nullable=False),
    Column("section", Json, nullable=False),
    Column("tags", Json, nullable=False),
    _text("language"),
    _at("published_at"),
    _text("published_printed"),
    _text("published_precision"),
    _text("zone"),
    _at("updated_at"),
    _text("updated_printed"),
    Column("found", Json, nullable=False),
    _ref("extractor", "extractor", nullable=False),
    _ref("supersedes", "revision"),
    _at("first_at", nullable=False),
    _at("last_at", nullable=False),
    _ref("crawl", "crawl"),
    UniqueConstraint("article", "digest"),
)
Index("ix_revision_crawl", revision.c.crawl)
Index("ix_revision_digest", revision.c.digest)

revision_author = Table(
    "revision_author",
    metadata,
    Column("revision", Id, ForeignKey("revision.id"), nullable=False),
    Column("position", Integer, nullable=False),
    _text("name", nullable=False),
    PrimaryKeyConstraint("revision", "position"),
)
Index("ix_revision_author_name", revision_author.c.name)

figure = Table(
    "figure",
    metadata,
    Column("revision", Id, ForeignKey("revision.id"), nullable=False),
    Column("position", Integer, nullable=False),
    _text("url"),
    _text("caption"),
    _text("credit"),
    PrimaryKeyConstraint("revision", "position"),
)

decision = Table(
    "decision",
    metadata,
    _id(),
    _at("at", nullable=False),
    _text("by", nullable=False),
    _text("verb", nullable=False),
    _text("subject", nullable=False),
    Column("payload", Json),
    _ref("crawl", "crawl"),
)
Index("ix_decision_verb", decision.c.verb, decision.c.subject)

robots = Table(
    "robots",
    metadata,
    Column("host", Text, primary_key=True),
    _at("at", nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary),
)

cursor = Table(
    "cursor",
    metadata,
    Column("job", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

counter = Table(
    "counter",
    metadata,
    Column("outlet", Id, ForeignKey("outlet.id"), nullable=False),
    Column("name", Text, nullable=False),
    _count("n"),
    PrimaryKeyConstraint("outlet", "name"),
)

poll = Table(
    "poll",
    metadata,
    Column("resource", Id, ForeignKey("resource.id"), primary_key=True, autoincrement=False),
    _at("polled_at", nullable=False),
    _count("found"),
    _count("seconds"),
)

covered = Table(
    "covered",
    metadata,
    Column("resource", Id, ForeignKey("resource.id"), primary_key=True, autoincrement=False),
    Column("first", Date),
    Column("last", Date),
    _at("at", nullable=False),
    _count("n"),
)

listed = Table(
    "listed",
    metadata,
    Column("resource", Id, ForeignKey("resource.id"), nullable=False),
    Column("day", Date, nullable=False),
    _count("n"),
    PrimaryKeyConstraint("resource", "day"),
)

draw = Table(
    "draw",
    metadata,
    _id(),
    _ref("outlet", "outlet", nullable=False),
    _ref("crawl", "crawl", nullable=False),
    _at("at", nullable=False),
    _text("kind", nullable=False),
    _ref("resource", "resource"),
    Column("listed", BigInteger),
    Column("kept", BigInteger),
)
Index("ix_draw_outlet_at", draw.c.outlet, draw.c.at)

drawn = Table(
    "drawn",
    metadata,
    _ref("draw", "draw", nullable=False),
    _ref("resource", "resource", nullable=False),
    PrimaryKeyConstraint("draw", "resource"),
)

signature = Table(
    "signature",
    metadata,
    Column("article", Id, ForeignKey("article.id"), primary_key=True, autoincrement=False),
    _text("algorithm", nullable=False),
    Column("hashes", LargeBinary, nullable=False),
)

band = Table(
    "band",
    metadata,
    Column("month", Integer, nullable=False),
    Column("hash", BigInteger, nullable=False),
    Column("article", Id, ForeignKey("article.id"), nullable=False),
    PrimaryKeyConstraint("month", "hash", "article"),
)

near = Table(
    "near",
    metadata,
    Column("a", Id, ForeignKey("article.id"), nullable=False),
    Column("b", Id, ForeignKey("article.id"), nullable=False),
    _text("kind", nullable=False),
    Column("jaccard", Integer, nullable=False),
    PrimaryKeyConstraint("a", "b"),
)

block_count = Table(
    "block_count",
    metadata,
    Column("domain", Id, ForeignKey("domain.id"), nullable=False),
    Column("window", Integer, nullable=False),
    Column("hash", BigInteger, nullable=False),
    _count("n"),
    _text("sample"),
    _count("among"),
    _count("after"),
    PrimaryKeyConstraint("domain", "window", "hash"),
)
