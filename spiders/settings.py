"""Scrapy's project settings, for `scrapy list`, `scrapy shell` and `scrapy crawl` in a checkout."""

from __future__ import annotations

from scraper.config import load_config
from scraper.fetching.settings import fetching_settings

BOT_NAME = "presskeep"
SPIDER_LOADER_CLASS = "spiders.loader.OutletSpiderLoader"

globals().update(fetching_settings(load_config(), None))

COMPRESSION_ENABLED = True
"""The shell shows pages as text; a crawl decodes them in its workers."""
