"""The day, section and ways of each resource, what each listing listed by day, and the daily samples.

Revision ID: 0004
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.models import Id, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("day_from", sa.Text(), nullable=True),
        sa.Column("ways", sa.Integer(), server_default="0", nullable=False),
        sa.Column("section", sa.Text(), nullable=True),
    )
    for column in columns:
        op.add_column("resource", column)
    op.create_table(
        "covered",
        sa.Column("resource", Id, autoincrement=False, nullable=False),
        sa.Column("first", sa.Date(), nullable=True),
        sa.Column("last", sa.Date(), nullable=True),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("n", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_covered_resource_resource"),
        sa.PrimaryKeyConstraint("resource", name="pk_covered"),
    )
    op.create_table(
        "listed",
        sa.Column("resource", Id, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("n", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_listed_resource_resource"),
        sa.PrimaryKeyConstraint("resource", "day", name="pk_listed"),
    )
    op.create_table(
        "draw",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("outlet", Id, nullable=False),
        sa.Column("crawl", Id, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("resource", Id, nullable=True),
        sa.Column("listed", sa.BigInteger(), nullable=True),
        sa.Column("kept", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["outlet"], ["outlet.id"], name="fk_draw_outlet_outlet"),
        sa.ForeignKeyConstraint(["crawl"], ["crawl.id"], name="fk_draw_crawl_crawl"),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_draw_resource_resource"),
        sa.PrimaryKeyConstraint("id", name="pk_draw"),
    )
    op.create_index("ix_draw_outlet_at", "draw", ["outlet", "at"])
    op.create_table(
        "drawn",
        sa.Column("draw", Id, nullable=False),
        sa.Column("resource", Id, nullable=False),
        sa.ForeignKeyConstraint(["draw"], ["draw.id"], name="fk_drawn_draw_draw"),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_drawn_resource_resource"),
        sa.PrimaryKeyConstraint("draw", "resource", name="pk_drawn"),
    )
    _fill_in()
    articles, missing = sa.text("kind = 'article'"), sa.text("kind = 'article' AND article IS NULL")
    op.create_index(
        "ix_resource_day", "resource", ["outlet", "day", "ways"], sqlite_where=articles, postgresql_where=articles
    )
    op.create_index(
        "ix_resource_missing", "resource", ["outlet", "day", "outcome"], sqlite_where=missing, postgresql_where=missing
    )


def _fill_in() -> None:
    """Days of what is known already: the text's own, else that on which it was first seen (UTC); and what found it."""
    seen = (
        "SELECT CAST(min(first_at) AT TIME ZONE 'UTC' AS date)"
        if op.get_bind().dialect.name == "postgresql"
        else "SELECT date(min(first_at) / 1000, 'unixepoch')"
    )
    ways = (
        "WHEN 'feed' THEN 1 WHEN 'sections' THEN 2 WHEN 'sitemap' THEN 4 WHEN 'datearchive' THEN 8 WHEN 'urls' THEN 16"
    )
    op.execute(f"UPDATE resource SET ways = CASE found_by {ways} ELSE 64 END WHERE kind = 'article'")
    op.execute(
        "UPDATE resource SET day_from = 'page', day = "
        "(SELECT published_day FROM article WHERE article.id = resource.article) "
        "WHERE kind = 'article' AND EXISTS "
        "(SELECT 1 FROM article WHERE article.id = resource.article AND published_day IS NOT NULL)"
    )
    op.execute(
        f"UPDATE resource SET day_from = 'seen', day = ({seen} FROM location WHERE location.resource = resource.id) "
        "WHERE kind = 'article' AND day IS NULL"
    )
