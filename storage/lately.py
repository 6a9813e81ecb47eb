"""Where to begin among an outlet's runs to find those since a moment: years of earlier ones are not read."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from storage.models import crawl


def last_before(connection: Connection, outlet: int, moment: datetime) -> int:
    """The newest crawl of an outlet that had ended before a moment (UTC), 0 where there is none. All that the outlet
    had since then, whichever was under way at it too, come behind it by their ids."""
    return connection.execute(_LAST_BEFORE, {"of_outlet": outlet, "moment": moment}).scalar() or 0


_LAST_BEFORE = (
    select(crawl.c.id)
    .where(crawl.c.outlet == bindparam("of_outlet", type_=crawl.c.outlet.type), crawl.c.kind == "crawl")
    .where(crawl.c.ended_at < bindparam("moment", type_=crawl.c.ended_at.type))
    .order_by(crawl.c.id.desc())
    .limit(1)
)
