"""What a crawl would ask, without asking: for `crawl --dry-run`."""

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
