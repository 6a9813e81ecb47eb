"""The first schema: every table of the design, and the search tables of each database.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storage.models import Hex, Id, Json, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_CYCLES = (
    ("domain_event", "capture", "capture"),
    ("resource", "article", "article"),
    ("extraction", "revision", "revision"),
    ("article", "current_revision", "revision"),
)
"""Foreign keys to tables that are made later. SQLite takes them within CREATE TABLE, PostgreSQL afterwards."""


def upgrade() -> None:
    _create_tables()
    if op.get_bind().dialect.name == "postgresql":
        for table, column, target in _CYCLES:
            op.create_foreign_key(f"fk_{table}_{column}_{target}", table, target, [column], ["id"])
        _create_search_on_postgresql()
    else:
        op.execute(
            "CREATE VIRTUAL TABLE revision_fts USING fts5"
            "(headline, authors, section, body, content='', tokenize='ascii')"
        )


def _create_search_on_postgresql() -> None:
    op.create_table(
        "revision_search",
        sa.Column("revision", Id, autoincrement=False, nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("authors", sa.Text(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("lexemes", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(["revision"], ["revision.id"], name="fk_revision_search_revision_revision"),
        sa.PrimaryKeyConstraint("revision", name="pk_revision_search"),
    )
    op.create_index("ix_revision_search_lexemes", "revision_search", ["lexemes"], postgresql_using="gin")


def _create_tables() -> None:
    op.create_table(
        "archive",
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("min_reader", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_archive"),
    )
    op.create_table(
        "cursor",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job", name="pk_cursor"),
    )
    op.create_table(
        "extractor",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("profile_digest", sa.Text(), server_default="", nullable=False),
        sa.Column("learnt_digest", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_extractor"),
        sa.UniqueConstraint(
            "version", "profile_digest", "learnt_digest", name="uq_extractor_version_profile_digest_learnt_digest"
        ),
    )
    op.create_table(
        "host_lease",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_host_lease"),
    )
    op.create_table(
        "outlet",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="profile", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outlet"),
        sa.UniqueConstraint("name", name="uq_outlet_name"),
    )
    op.create_table(
        "robots",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("host", name="pk_robots"),
    )
    op.create_table(
        "warc_file",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("store", sa.Text(), server_default="warc", nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("committed_len", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_warc_file"),
        sa.UniqueConstraint("store", "path", name="uq_warc_file_store_path"),
    )
    op.create_table(
        "article",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("outlet", Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("current_revision", Id, nullable=True),
        sa.Column("published_at", UtcTime(), nullable=True),
        sa.Column("published_day", sa.Date(), nullable=True),
        sa.Column("first_at", UtcTime(), nullable=False),
        sa.Column("withdrawn_at", UtcTime(), nullable=True),
        sa.Column("merged_into", Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["current_revision"], ["revision.id"], name="fk_article_current_revision_revision", use_alter=True
        ),
        sa.ForeignKeyConstraint(["merged_into"], ["article.id"], name="fk_article_merged_into_article"),
        sa.ForeignKeyConstraint(["outlet"], ["outlet.id"], name="fk_article_outlet_outlet"),
        sa.PrimaryKeyConstraint("id", name="pk_article"),
    )
    op.create_index("ix_article_outlet_published", "article", ["outlet", "published_at"])
    op.create_table(
        "counter",
        sa.Column("outlet", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["outlet"], ["outlet.id"], name="fk_counter_outlet_outlet"),
        sa.PrimaryKeyConstraint("outlet", "name", name="pk_counter"),
    )
    op.create_table(
        "crawl",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("outlet", Id, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("robots_policy", sa.Text(), server_default="obey", nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("counts", Json, nullable=True),
        sa.Column("manifest_digest", sa.Text(), nullable=True),
        sa.Column("previous_digest", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["outlet"], ["outlet.id"], name="fk_crawl_outlet_outlet"),
        sa.PrimaryKeyConstraint("id", name="pk_crawl"),
    )
    op.create_table(
        "domain",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("outlet", Id, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("edition", sa.Text(), nullable=True),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), server_default="profile", nullable=False),
        sa.Column("approval", sa.Text(), server_default="approved", nullable=False),
        sa.Column("rank", sa.Integer(), server_default="100", nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), server_default="unknown", nullable=False),
        sa.Column("state_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["outlet"], ["outlet.id"], name="fk_domain_outlet_outlet"),
        sa.PrimaryKeyConstraint("id", name="pk_domain"),
        sa.UniqueConstraint("outlet", "host", "path", name="uq_domain_outlet_host_path"),
    )
    op.create_table(
        "outlet_lock",
        sa.Column("outlet", Id, autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("heartbeat", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["outlet"], ["outlet.id"], name="fk_outlet_lock_outlet_outlet"),
        sa.PrimaryKeyConstraint("outlet", name="pk_outlet_lock"),
    )
    op.create_table(
        "article_key",
        sa.Column("outlet", Id, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("article", Id, nullable=False),
        sa.Column("crawl", Id, nullable=True),
        sa.ForeignKeyConstraint(["article"], ["article.id"], name="fk_article_key_article_article"),
        sa.ForeignKeyConstraint(["crawl"], ["crawl.id"], name="fk_article_key_crawl_crawl"),
        sa.ForeignKeyConstraint(["outlet"], ["outlet.id"], name="fk_article_key_outlet_outlet"),
        sa.PrimaryKeyConstraint("outlet", "key", name="pk_article_key"),
    )
    op.create_index("ix_article_key_article", "article_key", ["article"])
    op.create_index("ix_article_key_crawl", "article_key", ["crawl"])
    op.create_index("ix_article_key_key", "article_key", ["key"])
    op.create_table(
        "band",
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("hash", sa.BigInteger(), nullable=False),
        sa.Column("article", Id, nullable=False),
        sa.ForeignKeyConstraint(["article"], ["article.id"], name="fk_band_article_article"),
        sa.PrimaryKeyConstraint("month", "hash", "article", name="pk_band"),
    )
    op.create_table(
        "block_count",
        sa.Column("domain", Id, nullable=False),
        sa.Column("window", sa.Integer(), nullable=False),
        sa.Column("hash", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sample", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["domain"], ["domain.id"], name="fk_block_count_domain_domain"),
        sa.PrimaryKeyConstraint("domain", "window", "hash", name="pk_block_count"),
    )
    op.create_table(
        "decision",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", Json, nullable=True),
        sa.Column("crawl", Id, nullable=True),
        sa.ForeignKeyConstraint(["crawl"], ["crawl.id"], name="fk_decision_crawl_crawl"),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
    )
    op.create_table(
        "domain_event",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("domain", Id, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("capture", Id, nullable=True),
        sa.ForeignKeyConstraint(["capture"], ["capture.id"], name="fk_domain_event_capture_capture", use_alter=True),
        sa.ForeignKeyConstraint(["domain"], ["domain.id"], name="fk_domain_event_domain_domain"),
        sa.PrimaryKeyConstraint("id", name="pk_domain_event"),
    )
    op.create_table(
        "learnt",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("domain", Id, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("hashes", Json, nullable=False),
        sa.ForeignKeyConstraint(["domain"], ["domain.id"], name="fk_learnt_domain_domain"),
        sa.PrimaryKeyConstraint("digest", name="pk_learnt"),
    )
    op.create_table(
        "near",
        sa.Column("a", Id, nullable=False),
        sa.Column("b", Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("jaccard", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["a"], ["article.id"], name="fk_near_a_article"),
        sa.ForeignKeyConstraint(["b"], ["article.id"], name="fk_near_b_article"),
        sa.PrimaryKeyConstraint("a", "b", name="pk_near"),
    )
    op.create_table(
        "resource",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("outlet", Id, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", UtcTime(), nullable=True),
        sa.Column("article", Id, nullable=True),
        sa.Column("found_by", sa.Text(), nullable=True),
        sa.Column("found_crawl", Id, nullable=True),
        sa.ForeignKeyConstraint(["article"], ["article.id"], name="fk_resource_article_article", use_alter=True),
        sa.ForeignKeyConstraint(["found_crawl"], ["crawl.id"], name="fk_resource_found_crawl_crawl"),
        sa.ForeignKeyConstraint(["outlet"], ["outlet.id"], name="fk_resource_outlet_outlet"),
        sa.PrimaryKeyConstraint("id", name="pk_resource"),
        sa.UniqueConstraint("outlet", "key", name="uq_resource_outlet_key"),
    )
    op.create_index("ix_resource_article", "resource", ["article"])
    op.create_index(
        "ix_resource_due",
        "resource",
        ["outlet", "priority", "due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_resource_found_crawl", "resource", ["found_crawl"])
    op.create_index(
        "ix_resource_lease",
        "resource",
        ["lease_owner"],
        sqlite_where=sa.text("lease_owner IS NOT NULL"),
        postgresql_where=sa.text("lease_owner IS NOT NULL"),
    )
    op.create_table(
        "revision",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("article", Id, nullable=False),
        sa.Column("digest", Hex, nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("lead", sa.Text(), nullable=True),
        sa.Column("blocks", Json, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("authors", Json, nullable=False),
        sa.Column("section", Json, nullable=False),
        sa.Column("tags", Json, nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("published_at", UtcTime(), nullable=True),
        sa.Column("published_printed", sa.Text(), nullable=True),
        sa.Column("published_precision", sa.Text(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("updated_at", UtcTime(), nullable=True),
        sa.Column("updated_printed", sa.Text(), nullable=True),
        sa.Column("found", Json, nullable=False),
        sa.Column("extractor", Id, nullable=False),
        sa.Column("supersedes", Id, nullable=True),
        sa.Column("first_at", UtcTime(), nullable=False),
        sa.Column("last_at", UtcTime(), nullable=False),
        sa.Column("crawl", Id, nullable=True),
        sa.ForeignKeyConstraint(["article"], ["article.id"], name="fk_revision_article_article"),
        sa.ForeignKeyConstraint(["crawl"], ["crawl.id"], name="fk_revision_crawl_crawl"),
        sa.ForeignKeyConstraint(["extractor"], ["extractor.id"], name="fk_revision_extractor_extractor"),
        sa.ForeignKeyConstraint(["supersedes"], ["revision.id"], name="fk_revision_supersedes_revision"),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
        sa.UniqueConstraint("article", "digest", name="uq_revision_article_digest"),
    )
    op.create_index("ix_revision_crawl", "revision", ["crawl"])
    op.create_index("ix_revision_digest", "revision", ["digest"])
    op.create_table(
        "signature",
        sa.Column("article", Id, autoincrement=False, nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["article"], ["article.id"], name="fk_signature_article_article"),
        sa.PrimaryKeyConstraint("article", name="pk_signature"),
    )
    op.create_table(
        "figure",
        sa.Column("revision", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("caption", sa.Text(), nullable=True),
        sa.Column("credit", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["revision"], ["revision.id"], name="fk_figure_revision_revision"),
        sa.PrimaryKeyConstraint("revision", "position", name="pk_figure"),
    )
    op.create_table(
        "location",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("resource", Id, nullable=False),
        sa.Column("domain", Id, nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("url_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("first_at", UtcTime(), nullable=False),
        sa.Column("last_at", UtcTime(), nullable=False),
        sa.Column("fetched_at", UtcTime(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("crawl", Id, nullable=True),
        sa.ForeignKeyConstraint(["crawl"], ["crawl.id"], name="fk_location_crawl_crawl"),
        sa.ForeignKeyConstraint(["domain"], ["domain.id"], name="fk_location_domain_domain"),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_location_resource_resource"),
        sa.PrimaryKeyConstraint("id", name="pk_location"),
        sa.UniqueConstraint("url_hash", name="uq_location_url_hash"),
    )
    op.create_index("ix_location_crawl", "location", ["crawl"])
    op.create_index("ix_location_domain", "location", ["domain"])
    op.create_index("ix_location_resource", "location", ["resource"])
    op.create_table(
        "revision_author",
        sa.Column("revision", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["revision"], ["revision.id"], name="fk_revision_author_revision_revision"),
        sa.PrimaryKeyConstraint("revision", "position", name="pk_revision_author"),
    )
    op.create_index("ix_revision_author_name", "revision_author", ["name"])
    op.create_table(
        "capture",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("warc_file", Id, nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("member_sha256", sa.Text(), nullable=False),
        sa.Column("location", Id, nullable=False),
        sa.Column("crawl", Id, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("mime", sa.Text(), nullable=True),
        sa.Column("payload_sha256", sa.Text(), nullable=False),
        sa.Column("refers_to", Id, nullable=True),
        sa.Column("truncated", sa.Text(), nullable=True),
        sa.Column("tls", Json, nullable=True),
        sa.Column("source", sa.Text(), server_default="live", nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="pending", nullable=False),
        sa.ForeignKeyConstraint(["crawl"], ["crawl.id"], name="fk_capture_crawl_crawl"),
        sa.ForeignKeyConstraint(["location"], ["location.id"], name="fk_capture_location_location"),
        sa.ForeignKeyConstraint(["refers_to"], ["capture.id"], name="fk_capture_refers_to_capture"),
        sa.ForeignKeyConstraint(["warc_file"], ["warc_file.id"], name="fk_capture_warc_file_warc_file"),
        sa.PrimaryKeyConstraint("id", name="pk_capture"),
        sa.UniqueConstraint("warc_file", "offset", name="uq_capture_warc_file_offset"),
    )
    op.create_index("ix_capture_crawl", "capture", ["crawl"])
    op.create_index("ix_capture_location", "capture", ["location"])
    op.create_index(
        "ix_capture_pending",
        "capture",
        ["id"],
        sqlite_where=sa.text("outcome = 'pending'"),
        postgresql_where=sa.text("outcome = 'pending'"),
    )
    op.create_table(
        "fetch_failure",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("location", Id, nullable=False),
        sa.Column("crawl", Id, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["crawl"], ["crawl.id"], name="fk_fetch_failure_crawl_crawl"),
        sa.ForeignKeyConstraint(["location"], ["location.id"], name="fk_fetch_failure_location_location"),
        sa.PrimaryKeyConstraint("id", name="pk_fetch_failure"),
    )
    op.create_index("ix_fetch_failure_crawl", "fetch_failure", ["crawl"])
    op.create_table(
        "extraction",
        sa.Column("capture", Id, nullable=False),
        sa.Column("extractor", Id, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("revision", Id, nullable=True),
        sa.Column("matched", sa.Text(), nullable=True),
        sa.Column("text_sha256", sa.Text(), nullable=True),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("crawl", Id, nullable=True),
        sa.ForeignKeyConstraint(["capture"], ["capture.id"], name="fk_extraction_capture_capture"),
        sa.ForeignKeyConstraint(["crawl"], ["crawl.id"], name="fk_extraction_crawl_crawl"),
        sa.ForeignKeyConstraint(["extractor"], ["extractor.id"], name="fk_extraction_extractor_extractor"),
        sa.ForeignKeyConstraint(["revision"], ["revision.id"], name="fk_extraction_revision_revision", use_alter=True),
        sa.PrimaryKeyConstraint("capture", "extractor", name="pk_extraction"),
    )
    op.create_index("ix_extraction_crawl", "extraction", ["crawl"])
    op.create_index("ix_extraction_revision", "extraction", ["revision"])
