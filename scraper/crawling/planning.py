"""What there is to crawl, without asking any host: for `crawl --dry-run` and `--due`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from storage.errors import ArchiveMissing
from storage.records import Found

if TYPE_CHECKING:
    from scraper.config import Config
    from scraper.outlet import Outlet


@dataclass(frozen=True, slots=True)
class PlannedCrawl:
    """What a crawl of an outlet would begin with: listings by host, and resources of the archive due at `at` (UTC) by
    kind. Listings lead to more."""

    outlet: str
    at: datetime
    listings: dict[str, int]
    due: dict[str, int]


def plan_crawl(config: Config, outlet: Outlet, seeds: Sequence[Found], at: datetime) -> PlannedCrawl:
    """Count what is due. Reads the archive where there is one; writes and asks nothing."""
    listings = Counter(urlsplit(seed.url).hostname or "" for seed in seeds)
    return PlannedCrawl(outlet.name, at, dict(listings), _due(config, outlet.name, at))


def outlets_due(config: Config, outlets: Sequence[Outlet], at: datetime) -> list[Outlet]:
    """Those of the outlets for which there is something to do at `at` (UTC); all where there is no archive yet."""
    when = when_due(config, outlets, at)
    return [each for each in outlets if when[each.name] <= at]


def when_due(config: Config, outlets: Sequence[Outlet], at: datetime) -> dict[str, datetime]:
    """From when on (UTC) there is something to do for each of the outlets, by name; up to `at` means at once, as for
    one that the archive does not know."""
    from sqlalchemy import select

    from storage.archive import Archive
    from storage.models import outlet as outlet_table
    from storage.polls import due_from
    from storage.priorities import COPY, MEDIA

    last = MEDIA if config.media else COPY
    when = {each.name: at for each in outlets}
    try:
        with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
            statement = select(outlet_table.c.name, outlet_table.c.id).where(outlet_table.c.name.in_(when))
            for name, number in connection.execute(statement).all():
                when[name] = due_from(connection, number, at, max_priority=last)
    except ArchiveMissing:
        return when
    return when


def _due(config: Config, name: str, at: datetime) -> dict[str, int]:
    from sqlalchemy import func, select

    from storage.archive import Archive
    from storage.models import outlet, resource

    statement = (
        select(resource.c.kind, func.count())
        .join(outlet, outlet.c.id == resource.c.outlet)
        .where(outlet.c.name == name, resource.c.due_at <= at)
        .group_by(resource.c.kind)
        .order_by(resource.c.kind)
    )
    try:
        with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}
    except ArchiveMissing:
        return {}
