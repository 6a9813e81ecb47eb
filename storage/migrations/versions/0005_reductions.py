"""Policies of outlets, what a capture led to, where a WARC file that was written anew has it, and what was reduced.

Revision ID: 0005
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.models import Id

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    columns: tuple[tuple[str, sa.Column[Any]], ...] = (
        ("outlet", sa.Column("unchanged", sa.Text(), server_default="whole", nullable=False)),
        ("outlet", sa.Column("listings", sa.Text(), server_default="whole", nullable=False)),
        ("capture", sa.Column("moved_to", sa.BigInteger(), nullable=True)),
        ("capture", sa.Column("gained", sa.Integer(), nullable=True)),
    )
    for table, column in columns:
        op.add_column(table, column)
    op.create_table(
        "reduction",
        sa.Column("capture", Id, autoincrement=False, nullable=False),
        sa.Column("crawl", Id, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("shows", Id, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["capture"], ["capture.id"], name="fk_reduction_capture_capture"),
        sa.ForeignKeyConstraint(["crawl"], ["crawl.id"], name="fk_reduction_crawl_crawl"),
        sa.ForeignKeyConstraint(["shows"], ["capture.id"], name="fk_reduction_shows_capture"),
        sa.PrimaryKeyConstraint("capture", name="pk_reduction"),
    )
    op.create_index("ix_reduction_crawl", "reduction", ["crawl"])
    op.create_index("ix_reduction_shows", "reduction", ["shows"])
    referring = sa.text("refers_to IS NOT NULL")
    op.create_index(
        "ix_capture_refers_to", "capture", ["refers_to"], sqlite_where=referring, postgresql_where=referring
    )
