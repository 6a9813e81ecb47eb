"""`crawl --fill`: what is missing becomes due, and the listings of days with gaps are read again in full."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scraper.crawling.frames import listings_of
from storage.filling import make_files_due, make_listings_due, make_missing_due
from storage.gaps import gaps, missing_days
from storage.spans import join

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from scraper.crawling.state import CrawlState

log = logging.getLogger(__name__)

MOST_DAYS = 10_000
"""Days and stretches of days that one crawl goes after, the newest first."""


async def fill(state: CrawlState) -> None:
    """Make due what is missing between the days that the crawl is asked for."""

    def make_due(connection: Connection) -> tuple[int, int, list[str]]:
        opened, options, now = state.opened, state.options, state.clock.now()
        days = options.since, options.until
        found = gaps(
            connection,
            state.outlet.name,
            today=now.astimezone(state.outlet.timezone).date(),
            since=options.since,
            until=options.until,
            begun=min((frame.since for frame in state.frames), default=None),
            limit=MOST_DAYS,
        )
        spans = list(missing_days(found))
        windows = listings_of(state.frames, spans, now)
        polled = state.polling.resources
        articles = make_missing_due(connection, opened.outlet, now, *days)
        listings = make_listings_due(connection, opened.outlet, windows, now, crawl=opened.crawl, besides=polled)
        listings += make_files_due(connection, opened.outlet, join(spans), now, besides=polled)
        return articles, listings, [each.key for each in windows]

    articles, listings, keys = await state.run(make_due)
    state.whole.update(dict.fromkeys(keys))
    log.info("%s: %d missing articles and %d listings of days with gaps are due", state.outlet.name, articles, listings)
