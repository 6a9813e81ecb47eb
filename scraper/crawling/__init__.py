"""From the frontier to Scrapy and back."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scraper.crawling.budget import Budget
    from scraper.crawling.launching import Job
    from scraper.crawling.reports import CrawlReport
    from scraper.crawling.rounds import Watched, keep_crawling
    from scraper.crawling.run import crawl_outlets
    from scraper.crawling.state import CrawlOptions

__all__ = ["Budget", "CrawlOptions", "CrawlReport", "Job", "Watched", "crawl_outlets", "keep_crawling"]
_MODULES = {
    "Budget": "budget",
    "CrawlOptions": "state",
    "CrawlReport": "reports",
    "Job": "launching",
    "Watched": "rounds",
    "crawl_outlets": "run",
    "keep_crawling": "rounds",
}


def __getattr__(name: str) -> Any:
    """Import Scrapy and the rest only for a run: commands that read an archive stay quick."""
    if name not in __all__:
        raise AttributeError(name)
    gc.disable()  # imports leave no garbage, and looking for some takes a tenth of their time
    try:
        return getattr(import_module(f"scraper.crawling.{_MODULES[name]}"), name)
    finally:
        gc.enable()
