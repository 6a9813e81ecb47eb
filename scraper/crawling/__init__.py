"""From the frontier to Scrapy and back."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scraper.crawling.budget import Budget
    from scraper.crawling.run import CrawlReport, Job, crawl_outlets
    from scraper.crawling.state import CrawlOptions

__all__ = ["Budget", "CrawlOptions", "CrawlReport", "Job", "crawl_outlets"]


def __getattr__(name: str) -> Any:
    """Import Scrapy and the rest only for a run: commands that read an archive stay quick."""
    if name not in __all__:
        raise AttributeError(name)
    gc.disable()  # imports leave no garbage, and looking for some takes a tenth of their time
    try:
        if name == "CrawlOptions":
            from scraper.crawling import state

            return state.CrawlOptions
        if name == "Budget":
            from scraper.crawling import budget

            return budget.Budget
        from scraper.crawling import run

        return getattr(run, name)
    finally:
        gc.enable()
