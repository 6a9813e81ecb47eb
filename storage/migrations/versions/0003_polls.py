"""How much each listing brought in how long a time, by which it is polled.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.models import Id, UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "poll",
        sa.Column("resource", Id, autoincrement=False, nullable=False),
        sa.Column("polled_at", UtcTime(), nullable=False),
        sa.Column("found", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_poll_resource_resource"),
        sa.PrimaryKeyConstraint("resource", name="pk_poll"),
    )
