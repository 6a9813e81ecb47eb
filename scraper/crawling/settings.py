"""Scrapy's settings for a crawl of one outlet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scraper.config import Config
    from scraper.outlet import Outlet

UNREAD_BYTES = 1_000_000
"""Bytes of bodies that wait to be read and written down beyond which nothing more is fetched. Scrapy's 5 MB would be
some 1,500 small pages, each with ten times its size in objects around it."""
KEEP_POSITION = 995
"""Above every other downloader middleware: nearest to the network."""


LEAN: dict[str, Any] = {
    "DUPEFILTER_CLASS": "scrapy.dupefilters.BaseDupeFilter",
    # Emptied rather than switched off one by one: Scrapy imports even those that are off (aiohttp for one of them).
    "SPIDER_MIDDLEWARES_BASE": {},
    "EXTENSIONS_BASE": {},
    "EXTENSIONS": {},
    "COMPRESSION_ENABLED": False,
    "STATS_DUMP": False,
    "SCRAPER_SLOT_MAX_ACTIVE_SIZE": UNREAD_BYTES,
}
"""Without what our runs don't need: each part costs every page its share."""


def oneoff_settings(config: Config, *, saving: bool = False) -> dict[str, Any]:
    """Settings for fetching single pages of any site; for `saving` them, redirects are remembered."""
    from scraper.fetching.settings import fetching_settings

    settings = {**fetching_settings(config, None), **LEAN}
    return _with_middleware(settings, "scraper.crawling.hops.RememberRedirects") if saving else settings


def crawl_settings(config: Config, outlet: Outlet | None) -> dict[str, Any]:
    """Fetching's settings, with the frontier as scheduler and without what a crawl does not need."""
    from scraper.fetching.settings import fetching_settings

    settings = {
        **fetching_settings(config, outlet),
        **LEAN,
        "SCHEDULER": "scraper.crawling.scheduler.FrontierScheduler",
    }
    return _with_middleware(settings, "scraper.crawling.keeping.KeepExchanges")


def _with_middleware(settings: dict[str, Any], nearest: str) -> dict[str, Any]:
    return {**settings, "DOWNLOADER_MIDDLEWARES": {**settings["DOWNLOADER_MIDDLEWARES"], nearest: KEEP_POSITION}}
