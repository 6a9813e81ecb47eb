"""Foretelling what a crawl of an outlet would take, once its listings have been read and some articles fetched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from scraper.crawling.state import LEASE
from storage.forecasting import lease_some_new, sizes_of, waiting_by_host

if TYPE_CHECKING:
    from scraper.crawling.state import CrawlState
    from storage.frontier import Leased

SAMPLE = 40
"""New articles that are fetched, so that their size is known."""
ROWS, PER_CHARACTER = 3000, 3.0
"""Bytes that the database takes for an article besides its text (rows, indices), and for each character of it (text,
blocks, search index): as measured on archives of crawls."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is left to fetch: `pages` articles, `seconds` at the pace of the outlet's manners (its hosts side by side),
    and `disk`, the bytes of WARC files and database that they will take; None where none was there to measure."""

    pages: int
    seconds: float
    disk: int | None


class Forecaster:
    """Draws the articles that are fetched for a forecast, and makes it of them."""

    def __init__(self, state: CrawlState) -> None:
        self._state = state
        self._drawn = False

    async def draw(self, limit: int) -> list[Leased]:
        """The articles to fetch; nothing when that was done."""
        if self._drawn:
            return []
        self._drawn = True
        state, now = self._state, self._state.clock.now()
        job = partial(
            lease_some_new,
            outlet=state.opened.outlet,
            owner=state.opened.owner,
            number=min(SAMPLE, limit),
            now=now,
            until=now + LEASE,
        )
        return await state.run(job)

    async def make(self) -> Forecast:
        """The forecast, when the articles that were drawn have been read."""
        state = self._state
        hosts = await state.run(partial(waiting_by_host, outlet=state.opened.outlet))
        sizes = await state.run(partial(sizes_of, crawl=state.opened.crawl))
        pages = sum(hosts.values())
        each = ROWS + (sizes.warc_bytes + PER_CHARACTER * sizes.characters) / sizes.pages if sizes.pages else 0
        seconds = max(hosts.values(), default=0) * max(state.outlet.manners.delay, _seconds_a_page(state))
        return Forecast(pages, seconds, round(pages * each) if each else None)


def _seconds_a_page(state: CrawlState) -> float:
    """How long a page took in this crawl, over all hosts."""
    passed: timedelta = state.account.passed(state.clock.now())
    return passed.total_seconds() / max(state.account.asked, 1)
