"""The downloader middleware that hands every exchange to the writer as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from scraper.crawling.session import CrawlSession


class KeepExchanges:
    """Stands next to the downloader, so that it sees redirects and robots.txt before anything acts on them."""

    def __init__(self, session: CrawlSession) -> None:
        self._session = session

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> KeepExchanges:
        return cls(crawler.spider.session)  # type: ignore[union-attr]

    def process_response(self, request: Request, response: Response) -> Response:
        self._session.intake.keep(request)
        return response

    def process_exception(self, request: Request, exception: Exception) -> Request | None:
        return self._session.attempt_failed(request, exception)
