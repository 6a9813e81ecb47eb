"""The daily samples of a crawl: old articles fetched again whatever their own time, so that edits of them are seen."""

from __future__ import annotations

from datetime import datetime, time
from random import Random
from typing import TYPE_CHECKING

from scraper.crawling.visits import YOUNG
from storage.sampling import draw_old, is_drawn, was_crawled

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from scraper.crawling.state import CrawlState

OLD = 20
"""Old articles a day and outlet, at most."""


class Sampler:
    """Draws the samples, once a day (of the outlet's zone) at most and not on the day of the first crawl.

    A crawl that is asked for some days, hosts or a number of articles alone draws none.
    """

    def __init__(self, state: CrawlState) -> None:
        self._state = state

    async def draw(self) -> None:
        """Draw what was not drawn today."""
        options = self._state.options
        if options.since or options.until or options.domains or options.limit is not None:
            return
        await self._state.run(self._draw)

    def _draw(self, connection: Connection) -> None:
        state, opened, now = self._state, self._state.opened, self._state.clock.now()
        today = now.astimezone(state.outlet.timezone).date()
        midnight = datetime.combine(today, time(), state.outlet.timezone)
        if not was_crawled(connection, opened.outlet, midnight) or is_drawn(connection, opened.outlet, "old", midnight):
            return
        chance = Random(f"{state.outlet.name} {today} {opened.crawl}")
        draw_old(connection, opened.outlet, opened.crawl, now=now, published_by=today - YOUNG, most=OLD, chance=chance)
