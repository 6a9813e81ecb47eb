"""The spider loader: one spider for each outlet profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scraper.config import load_config
from scraper.outlet import Outlet
from scraper.profiles import load_outlets, profile_paths
from spiders.outlet_spider import spider_for

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.settings import BaseSettings


class OutletSpiderLoader:
    """Finds profiles by path: those shipped, then the user's. Nothing is opened until a spider is asked for.

    It is what Scrapy calls a SpiderLoaderProtocol.
    """

    def __init__(self) -> None:
        self._outlets: dict[str, Outlet] | None = None

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> OutletSpiderLoader:
        return cls()

    def list(self) -> list[str]:
        """The names of all outlets, hidden ones among them."""
        return sorted(self._profiles())

    def load(self, spider_name: str) -> type[Spider]:
        """The spider of an outlet. Raises KeyError for an unknown name, as Scrapy expects."""
        outlets = self._profiles()
        if spider_name not in outlets:
            raise KeyError(f"Spider not found: {spider_name}")
        return spider_for(outlets[spider_name])

    def find_by_request(self, request: Request) -> Sequence[str]:
        """None: `scrapy shell URL` opens any page with the project's settings, without touching an archive."""
        return []

    def _profiles(self) -> dict[str, Outlet]:
        if self._outlets is None:
            self._outlets = load_outlets(profile_paths(load_config()))
        return self._outlets
