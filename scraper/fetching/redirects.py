"""Redirects as Scrapy follows them, with loops named instead of followed or dropped."""

from __future__ import annotations

from typing import Any
from urllib.parse import urldefrag

from scrapy.core.downloader import Downloader
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request, Response

from scraper.fetching.conditions import drop_conditions
from scraper.fetching.reasons import Declined


class NamedRedirects(RedirectMiddleware):
    """Raises Declined with `redirect-loop` or `redirect-limit`; the exchange that led there is in the request's meta.

    The exchanges of redirects that are followed pass Scrapy's signal `response_downloaded`, as each exchange does.
    """

    def handle_referer(self, request: Request, response: Response) -> None:
        """Send no Referer: an archive's visit is no traffic between pages."""
        request.headers.pop("Referer", None)

    def _engine_started(self) -> None:
        """Scrapy would look for a referer middleware here."""

    def _redirect(self, redirected: Request, request: Request, reason: Any) -> Request:
        before = {urldefrag(url)[0] for url in (request.url, *request.meta.get("redirect_urls", ()))}
        if urldefrag(redirected.url)[0] in before:
            raise Declined("redirect-loop", f"redirects to {redirected.url}, asked for before", request.url)
        redirected.meta.pop("exchange", None)
        drop_conditions(redirected)
        redirected.meta.pop(Downloader.DOWNLOAD_SLOT, None)  # else another host would be asked as the first one is
        try:
            return super()._redirect(redirected, request, reason)
        except IgnoreRequest:
            raise Declined("redirect-limit", "too many redirects", request.url) from None
