"""Fetching single pages, of any site: each is asked, read and handed on; nothing is crawled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scraper.crawling.media import MediaAccount, budget_of
from scraper.crawling.oneoff_media import OneOffMedia
from scraper.crawling.passing import FOLLOWED, hops_to, target_of
from scraper.crawling.reading import ReadResult, ReadTask
from scraper.crawling.run import start_workers
from scraper.crawling.saving import Answer, Saved, Saver, Stale
from scraper.crawling.settings import oneoff_settings
from scraper.fetching.clock import clock_from
from scraper.fetching.outcomes import outcome_of
from scraper.fetching.reasons import reason_of
from storage.content import ArticleContent
from storage.errors import StorageError

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from scraper.config import Config
    from scraper.crawling.workers import Workers
    from scraper.fetching.clock import Clock
    from scraper.outlet import Outlet
    from storage.exchange import Exchange
from storage.rights import Statement

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What became of one URL. `outcome` is a verdict of extraction ('article', 'notice', 'refused:REASON',
    'failed:REASON'); `content` the article, and for a refusal that can be overruled, `candidate` what `--any` takes.

    `url` is what was asked, `final_url` where redirects led, `key` the KEY under which it was saved, None when it was
    not. `fetched_at` is UTC. `rights` is what page and answer state of its use, None where nobody looked. `led_to` is
    the address to which a redirect led that was not asked, or gave no answer; None else.
    """

    index: int
    url: str
    final_url: str
    outcome: str
    fetched_at: datetime
    status: int | None = None
    content: ArticleContent | None = None
    candidate: ArticleContent | None = None
    matched: str = ""
    key: str | None = None
    rights: tuple[Statement, ...] | None = None
    led_to: str | None = None

    @property
    def reached(self) -> bool:
        """Whether any server answered."""
        return self.status is not None


def fetch_pages(
    config: Config,
    urls: Iterable[str],
    outlets: Mapping[str, Outlet],
    on_result: Callable[[FetchResult], None],
    *,
    saver: Saver | None = None,
) -> bool:
    """Fetch each URL once and call `on_result` for each as it comes, in no order; `index` counts `urls` from 0.

    A URL without scheme is asked by https, then by http. With a `saver`, exchanges and articles are kept. Blocks until
    all is done; False when it was interrupted. Raises StorageError when keeping failed, and what OSError `on_result`
    raised: then no further page is asked for.
    """
    from scrapy.crawler import CrawlerProcess

    workers = start_workers(config, outlets, None)
    try:
        settings = oneoff_settings(config, saving=saver is not None)
        process = CrawlerProcess({**settings, "LOG_INSTALL_ROOT_HANDLER": False})
        fetcher = _Fetcher(config, urls, outlets, on_result, workers, clock_from(config.now), saver)
        process.crawl(_spider_class(), fetcher=fetcher)
        process.start()
    finally:
        workers.stop()
    for error in (fetcher.broken, fetcher.unheard):
        if error is not None:
            raise error
    return fetcher.exhausted and not fetcher.open_requests


class _Fetcher:
    """The state of one `fetch_pages`; its methods run in the reactor's thread."""

    def __init__(
        self,
        config: Config,
        urls: Iterable[str],
        outlets: Mapping[str, Outlet],
        on_result: Callable[[FetchResult], None],
        workers: Workers,
        clock: Clock,
        saver: Saver | None,
    ) -> None:
        self._config, self._urls, self._outlets, self._on_result = config, urls, outlets, on_result
        self._workers, self._clock, self._saver = workers, clock, saver
        self.broken: StorageError | None = None
        self.unheard: OSError | None = None
        self.exhausted = False
        self.open_requests = 0
        budget = budget_of(config)
        self._media: OneOffMedia | None = None
        if budget is not None and saver is not None:
            account = MediaAccount(budget)
            self._media = OneOffMedia(account, saver, workers, clock, self)

    async def requests(self) -> AsyncIterator[Any]:
        for index, given in enumerate(self._urls):
            if self.unheard is not None:
                return
            url, guessed = (given, False) if "://" in given else (f"https://{given}", True)
            try:
                request = self._request(index, given, url, guessed=guessed)
            except ValueError:
                self._tell(FetchResult(index, given, url, "failed:bad-url", self._clock.now()))
                continue
            yield request
        self.exhausted = True

    def _request(self, index: int, given: str, url: str, *, guessed: bool) -> Any:
        from scrapy import Request

        request = Request(
            url,
            callback=self.received,
            errback=self.failed,
            dont_filter=True,
            meta={"index": index, "given": given, "guessed": guessed},
        )
        self.open_requests += 1
        return request

    def break_off(self, error: StorageError) -> None:
        """Nothing more can be kept."""
        if self.broken is None:
            self.broken = error
            log.error("nothing more can be saved: %s", error)

    async def received(self, response: Response) -> list[Any]:
        request = response.request
        assert request is not None
        exchange: Exchange = request.meta.pop("exchange")
        now, outcome = self._clock.now(), outcome_of(exchange)
        outlet = self._outlet_of(exchange.url)
        task = ReadTask.of(
            exchange,
            outlet=outlet.name if outlet else None,
            kind="page",
            key=None,
            at=now,
            media=self._media is not None,
        )
        result = await self._workers.read(task) if outcome == "pending" else ReadResult(outcome=outcome)
        if self._media is not None:
            result = replace(result, media=self._media.cut(request.meta["index"], result.media))
        saved = await self._save(Answer(exchange, hops_to(request, exchange), outcome, result, now), outlet)
        self.open_requests -= 1
        self._tell(
            FetchResult(
                index=request.meta["index"],
                url=request.meta["given"],
                final_url=exchange.url,
                outcome=result.outcome,
                fetched_at=now,
                status=exchange.status,
                content=result.content,
                candidate=result.candidate,
                matched=result.matched,
                key=saved.key if saved else None,
                rights=result.rights,
                led_to=target_of(exchange) if result.outcome == FOLLOWED else None,
            )
        )
        if saved is None or self._media is None:
            return []
        return await self._media.requests(saved, request.meta["index"])

    async def failed(self, failure: Failure) -> Any:
        request = failure.request  # type: ignore[attr-defined]
        assert failure.value is not None
        meta, reason = request.meta, reason_of(failure.value)
        now, hops = self._clock.now(), hops_to(request)
        if hops:
            # What is no URL is nobody's: then it is told of the redirect that led there.
            await self._save_failure(request.url if reason != "bad-url" else hops[-1].url, hops, reason, now)
        self.open_requests -= 1
        if meta["guessed"]:
            return [self._request(meta["index"], meta["given"], f"http://{meta['given']}", guessed=False)]
        led_to = request.url if meta.get("redirect_urls") else None
        self._tell(FetchResult(meta["index"], meta["given"], request.url, f"failed:{reason}", now, led_to=led_to))
        return None

    def _tell(self, result: FetchResult) -> None:
        """Give a result out; what nobody hears any more ends it all."""
        if self.unheard is not None:
            return
        try:
            self._on_result(result)
        except OSError as error:
            self.unheard = error

    async def _save(self, answer: Answer, outlet: Outlet | None) -> Saved | None:
        if self._saver is None or self.broken is not None:
            return None
        try:
            saved = await asyncio.wrap_future(self._saver.save(answer, outlet))
            if not isinstance(saved, Stale):
                return saved
            again = await self._workers.read(saved.task)
            return await asyncio.wrap_future(self._saver.finish(saved, again, self._clock.now()))
        except StorageError as error:
            self.break_off(error)
            return None

    async def _save_failure(self, url: str, hops: tuple[Exchange, ...], reason: str, now: datetime) -> None:
        if self._saver is None or self.broken is not None:
            return
        try:
            await asyncio.wrap_future(self._saver.fail(url, hops, self._outlet_of(hops[0].url), reason, now))
        except StorageError as error:
            self.break_off(error)

    def _outlet_of(self, url: str) -> Outlet | None:
        return next((outlet for outlet in self._outlets.values() if outlet.owns(url)), None)


def _spider_class() -> type[Any]:
    """The spider of one-off fetches; made here, since Scrapy is imported only when something is fetched."""
    from scrapy import Spider

    class OneOffSpider(Spider):
        """Fetches the URLs it was given, each once."""

        name = "fetch"

        def __init__(self, fetcher: _Fetcher, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self._fetcher = fetcher

        async def start(self) -> AsyncIterator[Any]:
            async for request in self._fetcher.requests():
                yield request

    return OneOffSpider
