"""Scrapy's downloader, held to the number of requests that a host may be asked at once."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from scrapy.core.downloader import Downloader, Slot

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response
    from twisted.internet.defer import Deferred


class BoundedDownloader(Downloader):
    """Counts a request to its host from the moment at which it leaves the queue.

    Scrapy 2.19 counts it when its task first runs, which is after the queue was worked through: without a delay
    between requests, a host is asked as many at once as the crawl may have under way in all.
    """

    def _wait_for_download(
        self, slot: Slot, request: Request, queue_dfd: Deferred[Response]
    ) -> Coroutine[Any, Any, None]:
        slot.transferring.add(request)
        return super()._wait_for_download(slot, request, queue_dfd)
