"""Spans of captures, what revisits refer to, media by payload, manifests kept row by row, and time stamps on them.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.models import Id

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("span_offset", sa.BigInteger(), nullable=True),
        sa.Column("span_length", sa.BigInteger(), nullable=True),
        sa.Column("span_sha256", sa.Text(), nullable=True),
    ):
        op.add_column("capture", column)
    crawl_columns: tuple[sa.Column[int] | sa.Column[str] | sa.Column[bytes], ...] = (
        sa.Column("manifest_form", sa.Integer(), server_default="1", nullable=False),
        sa.Column("stamp_authority", sa.Text(), nullable=True),
        sa.Column("stamp", sa.LargeBinary(), nullable=True),
    )
    for each in crawl_columns:
        op.add_column("crawl", each)
    # Alembic makes no foreign key beside a new column on SQLite, whose own statement does.
    number = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    for table, name, target in (("warc_file", "crawl", "crawl"), ("location", "whole_capture", "capture")):
        key = f"fk_{table}_{name}_{target}"
        op.execute(f"ALTER TABLE {table} ADD COLUMN {name} {number} CONSTRAINT {key} REFERENCES {target} (id)")
    op.create_index("ix_warc_file_crawl", "warc_file", ["crawl"])
    media = sa.text("outcome = 'media' AND refers_to IS NULL")
    op.create_index("ix_capture_media", "capture", ["payload_sha256"], sqlite_where=media, postgresql_where=media)
    op.create_table(
        "manifest_part",
        sa.Column("crawl", Id, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["crawl"], ["crawl.id"], name="fk_manifest_part_crawl_crawl"),
        sa.PrimaryKeyConstraint("crawl", "n", name="pk_manifest_part"),
    )
