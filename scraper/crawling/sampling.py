"""The daily samples of a crawl: old articles that are fetched again, and days whose listings are held against it."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from scraper.crawling.frames import draw_listings
from scraper.crawling.visits import YOUNG
from storage.sampling import draw_days, draw_old, how_many, is_drawn, measure, open_draws, was_crawled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import Connection

    from scraper.crawling.state import CrawlState
    from storage.records import Found

OLD, DAYS = 20, 20
"""Old articles and listings of days that are drawn a day and outlet, at most."""
SHARE_OF_DAYS = 20
"""Of so many kept articles one listing is drawn."""
SETTLED = timedelta(days=2)
"""So long after a day its articles should have been found."""
APART = timedelta(hours=1)
"""The time between two listings of a sample, in a crawl that reads only what is due."""
_DAY = timedelta(days=1)


class Sampler:
    """Draws the samples, once a day (of the outlet's zone) at most and not on the day of the first crawl.

    A crawl that goes after gaps, or is asked for some days, hosts or a number of articles alone, draws none.
    """

    def __init__(self, state: CrawlState) -> None:
        self._state = state

    async def draw(self) -> None:
        """Draw what was not drawn today, and go on with what was."""
        options = self._state.options
        if options.since or options.until or options.domains or options.fill or options.limit is not None:
            return
        self._state.whole.update(await self._state.run(self._draw))

    def _draw(self, connection: Connection) -> dict[str, int]:
        state, opened, now = self._state, self._state.opened, self._state.clock.now()
        today = now.astimezone(state.outlet.timezone).date()
        midnight = datetime.combine(today, time(), state.outlet.timezone)
        if was_crawled(connection, opened.outlet, midnight):
            chance = Random(f"{state.outlet.name} {now:%Y-%m-%d %H:%M} {opened.crawl}")
            if not is_drawn(connection, opened.outlet, "old", midnight):
                by = today - YOUNG
                draw_old(connection, opened.outlet, opened.crawl, now=now, published_by=by, most=OLD, chance=chance)
            if not is_drawn(connection, opened.outlet, "day", midnight):
                self._draw_days(connection, today, now, chance)
        return open_draws(connection, opened.outlet, now - _DAY)

    def _draw_days(self, connection: Connection, today: date, now: datetime, chance: Random) -> None:
        state, opened = self._state, self._state.opened
        most = how_many(connection, opened.outlet, SHARE_OF_DAYS, DAYS)
        listings = draw_listings(state.frames, today - SETTLED, most, chance, now)
        apart = APART if state.options.due else timedelta(0)
        draw_days(connection, opened.outlet, opened.crawl, listings, now=now, apart=apart)


class Measurer:
    """Holds what drawn listings list against the archive, each once, though several domains show it."""

    def __init__(self, state: CrawlState) -> None:
        self._state = state
        self._measured: set[str] = set()

    async def measure(self, key: str | None, found: Sequence[Found]) -> None:
        """Note how much of what a listing lists is kept, if it was drawn. Call it when it is known, and nothing that it
        led to has been fetched yet."""
        number = self._state.whole.get(key) if key is not None else None
        if key is None or number is None or key in self._measured:
            return
        self._measured.add(key)
        outlet, keys = self._state.opened.outlet, [each.key for each in found]
        await self._state.run(partial(measure, outlet=outlet, number=number, keys=keys))
