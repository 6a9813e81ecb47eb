"""How far listings may lead on from those that a crawl began with, so that paging and nesting end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scraper.outlet import Outlet
    from storage.records import Found

log = logging.getLogger(__name__)

NESTED_SITEMAPS = 5
"""Levels of sitemaps. The protocol knows two, an index and its files; some sites nest further."""


class Depths:
    """Counts, for each listing of one crawl, the listings that led to it.

    A section's `pages` bound its paging by this count too: not every page's number can be told from its URL. Archives
    by date end at their first day, feeds lead to no further ones: they are not counted.
    """

    def __init__(self, outlet: Outlet) -> None:
        pages = [rule.pages for rule in outlet.discovery if rule.way == "sections"]
        self._bounds = {"sections": max(pages, default=1), "sitemap": NESTED_SITEMAPS}
        self._depths: dict[str, int] = {}

    def within(self, kind: str, key: str | None, further: tuple[Found, ...]) -> tuple[Found, ...]:
        """The listings to be read of those that a listing of this kind and key leads to."""
        bound = self._bounds.get(kind)
        if bound is None or key is None or not further:
            return further
        depth = self._depths.get(key, 1) + 1
        if depth > bound:
            log.warning("%s is left out: %d listings led to it, one after the other", further[0].url, bound)
            return ()
        for each in further:
            self._depths.setdefault(each.key, depth)
        return further
