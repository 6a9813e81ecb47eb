"""From the frontier to Scrapy and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scraper.crawling.run import CrawlReport, Job, crawl_outlets
    from scraper.crawling.state import CrawlOptions

__all__ = ["CrawlOptions", "CrawlReport", "Job", "crawl_outlets"]


def __getattr__(name: str) -> Any:
    """Import Scrapy and the rest only for a run: commands that read an archive stay quick."""
    if name == "CrawlOptions":
        from scraper.crawling import state

        return state.CrawlOptions
    if name in __all__:
        from scraper.crawling import run

        return getattr(run, name)
    raise AttributeError(name)
