"""Which requests take the operator's proxy: all but those to hosts whose place he gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.exceptions import NotConfigured
from scrapy.http import Request
from scrapy.utils.httpobj import urlparse_cached

from scraper.fetching.mapping import Mapping

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class ProxyMiddleware:
    """Names the proxy for Scrapy's HttpProxyMiddleware, and None for mapped hosts, which are dialled as mapped.

    The proxies of the environment do not count: nothing goes a way that was not given to Presskeep.
    """

    def __init__(self, proxy: str, mapping: Mapping) -> None:
        self._proxy = proxy if "://" in proxy else f"http://{proxy}"
        self._mapping = mapping

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ProxyMiddleware:
        settings = crawler.settings
        if not settings.get("PRESSKEEP_PROXY"):
            raise NotConfigured
        return cls(
            settings["PRESSKEEP_PROXY"],
            Mapping.parse(settings.getlist("PRESSKEEP_RESOLVE"), settings.getlist("PRESSKEEP_CONNECT_TO")),
        )

    def process_request(self, request: Request) -> None:
        host = urlparse_cached(request).hostname or ""
        request.meta["proxy"] = None if self._mapping.names(host) else self._proxy
