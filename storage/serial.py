"""One writing transaction at a time for an outlet, where several processes crawl it."""

from __future__ import annotations

from sqlalchemy import Connection, text

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7353, :outlet)")


def write_alone(connection: Connection, outlet: int) -> None:
    """Wait on PostgreSQL until no other transaction writes to the outlet, so that none can block each other; on SQLite
    that is so for all. The lock ends with the transaction, and may be taken again within it."""
    if connection.dialect.name == "postgresql":
        connection.execute(_ONE_AT_A_TIME, {"outlet": outlet})
