"""The downloader middleware that remembers by which redirects a one-off fetch was led, so that they are kept too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.crawling.passing import FOLLOWED, HOPS
from scraper.fetching.handler import MAX_BYTES
from scraper.fetching.outcomes import outcome_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from storage.exchange import Exchange


class RememberRedirects:
    """Stands next to the downloader, so that it sees redirects before they are followed.

    They wait in memory until it is known where they lead; so all exchanges of one way together may be as large as one
    response.
    """

    def __init__(self, most: int) -> None:
        self._most = most

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RememberRedirects:
        return cls(crawler.settings.getint("DOWNLOAD_MAXSIZE"))

    def process_response(self, request: Request, response: Response) -> Response:
        exchange: Exchange | None = request.meta.get("exchange")
        if exchange is not None and "index" in request.meta and outcome_of(exchange) == FOLLOWED:
            request.meta[HOPS] = (*request.meta.get(HOPS, ()), exchange)
            request.meta[MAX_BYTES] = max(1, request.meta.get(MAX_BYTES, self._most) - len(exchange.response))
        return response
