"""Find the crawls that never ended, and the decisions of a kind, without reading all of them at each round of a job.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_UNENDED = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_index("ix_crawl_unended", "crawl", ["id"], sqlite_where=_UNENDED, postgresql_where=_UNENDED)
    op.create_index("ix_decision_verb", "decision", ["verb", "subject"])
