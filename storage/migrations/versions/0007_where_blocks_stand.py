"""Where a block that repeats was seen: among the paragraphs of bodies, or after them.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("among", "after"):
        op.add_column("block_count", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
