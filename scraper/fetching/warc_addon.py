"""An add-on that gives any Scrapy project byte-exact WARC files, by two lines of settings (docs/addon.md):

ADDONS = {"scraper.fetching.warc_addon.WarcAddon": 500}
WARC_FOLDER = "warc"
"""

from __future__ import annotations

import logging
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from scrapy import __version__ as scrapy_version
from scrapy import signals
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from scraper.fetching.handler import TapHandler, take_exchange
from scraper.fetching.settings import product
from storage.errors import StorageError
from storage.warc import WarcWriter

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from twisted.internet.defer import Deferred

    from storage.exchange import Exchange

log = logging.getLogger(__name__)

SYNC_SECONDS = 1.0
"""At most so many seconds go by between two times that what was appended is put on the disk for good."""
ROLL_BYTES = 1_000_000_000
"""The length from which a file is closed and the next one begun (WARC 1.1, annex B)."""
_ADDON = 15  # scrapy.settings.SETTINGS_PRIORITIES["addon"]: what the project sets itself counts for more


class WarcAddon:
    """Puts our download handlers in the place of Scrapy's own for http and https, and leaves all else alone.

    Settings: WARC_FOLDER (default `warc`) is where the files go, WARC_OPERATOR a contact for the warcinfo record.
    """

    def update_settings(self, settings: BaseSettings) -> None:
        """Called by Scrapy for each crawler."""
        handler = "scraper.fetching.warc_addon.WarcHandler"
        for scheme in ("http", "https"):
            settings["DOWNLOAD_HANDLERS"].set(scheme, handler, priority=_ADDON)
        # Any Scrapy project may fetch from its own network; the guard is there for those who set this to False.
        settings.set("PRESSKEEP_ALLOW_PRIVATE", True, priority=0)


class WarcHandler(TapHandler):
    """Downloads, and keeps each exchange before anybody sees its response: whole, cut off, refused or retried."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._crawler = crawler
        self._keeper = _Keeper.of(crawler)

    async def download_request(self, request: Request) -> Response:
        """Download and keep. Raises as TapHandler does, and StorageError when the exchange cannot be kept."""
        try:
            return await super().download_request(request)
        finally:
            exchange = take_exchange(request)
            if exchange is not None:
                await self._keep(exchange)

    async def _keep(self, exchange: Exchange) -> None:
        try:
            await maybe_deferred_to_future(self._keeper.keep(exchange))
        except StorageError as error:
            log.error("the crawl ends, since nothing more can be kept: %s", error)
            if self._crawler.engine is not None:
                self._crawler.engine.close_spider(self._crawler.spider, "warc_failed")  # type: ignore[arg-type]
            raise


class _Keeper:
    """Appends exchanges in a thread of its own, one after the other, and rolls and closes the files."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self._folder = Path(settings.get("WARC_FOLDER") or "warc")
        self._prefix = crawler.spider.name if crawler.spider is not None else "scrapy"
        self._warcinfo = _describe(settings, self._prefix)
        self._writer: WarcWriter | None = None
        self._serial = 0
        self._synced = monotonic()
        self._pool = ThreadPool(minthreads=1, maxthreads=1, name="warc")
        self._pool.start()

    @classmethod
    def of(cls, crawler: Crawler) -> _Keeper:
        """The keeper of a crawler, which both of its handlers share."""
        keeper: _Keeper | None = getattr(crawler, "presskeep_keeper", None)
        if keeper is None:
            keeper = cls(crawler)
            crawler.presskeep_keeper = keeper  # type: ignore[attr-defined]
            crawler.signals.connect(keeper.close, signals.engine_stopped)
        return keeper

    def keep(self, exchange: Exchange) -> Deferred[None]:
        """Append an exchange. Fires once it is in the file; fails with StorageError."""
        from twisted.internet import reactor

        return deferToThreadPool(reactor, self._pool, self._append, exchange)

    async def close(self) -> None:
        """Give the file its final name, once all is in it."""
        from twisted.internet import reactor

        await maybe_deferred_to_future(deferToThreadPool(reactor, self._pool, self._close))
        self._pool.stop()

    def _append(self, exchange: Exchange) -> None:
        if self._writer is not None and (self._writer.length >= ROLL_BYTES or self._writer.is_of_another_day()):
            self._close()
        if self._writer is None:
            self._writer = WarcWriter(self._folder, self._warcinfo, prefix=self._prefix, serial=self._serial)
            self._serial += 1
        self._writer.append(exchange)
        if monotonic() - self._synced > SYNC_SECONDS:
            self._writer.sync()
            self._synced = monotonic()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _describe(settings: Any, name: str) -> dict[str, str]:
    """The fields of the warcinfo record (WARC 1.1, 6.2)."""
    fields = {
        "software": f"{product()} Scrapy/{scrapy_version}",
        "format": "WARC File Format 1.1",
        "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "robots": "obey" if settings.getbool("ROBOTSTXT_OBEY") else "ignore",
        "isPartOf": name,
        "http-header-user-agent": settings.get("USER_AGENT") or "",
        "operator": settings.get("WARC_OPERATOR") or "",
    }
    return {name: value for name, value in fields.items() if value}
