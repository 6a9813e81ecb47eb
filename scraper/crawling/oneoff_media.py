"""What pages fetched one by one need to look as they did: asked for when their page has been saved."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from scraper.crawling.media import KEPT, KIND, MediaAccount, leads_on, may_pass, media_outcome
from scraper.crawling.passing import hops_to
from scraper.crawling.reading import ReadResult, ReadTask
from scraper.crawling.saving import Answer
from scraper.crawling.tally import Tally
from scraper.crawling.visits import after_failure
from scraper.fetching.reasons import reason_of
from storage.errors import StorageError

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from scraper.crawling.saving import DueMedia, Saved, Saver
    from scraper.crawling.workers import Workers
    from scraper.fetching.clock import Clock
    from storage.exchange import Exchange


class Fetcher(Protocol):
    """Who fetches pages: counts the requests under way, and stops where nothing more can be kept."""

    open_requests: int

    def break_off(self, error: StorageError) -> None: ...


class OneOffMedia:
    """Asks for the requisites of saved pages, within the budget, for a fetcher; lives in the reactor's thread."""

    def __init__(
        self,
        account: MediaAccount,
        saver: Saver,
        workers: Workers,
        clock: Clock,
        fetcher: Fetcher,
    ) -> None:
        self._account, self._saver, self._workers, self._clock = account, saver, workers, clock
        self._fetcher = fetcher
        self._asked: set[int] = set()

    @property
    def tally(self) -> Tally:
        return self._saver.tally

    def cut(self, index: int, urls: tuple[str, ...]) -> tuple[str, ...]:
        """As many of a page's requisites as it may have; `index` is the page's in its list."""
        kept, left = self._account.cut(index, urls)
        self.tally.media_left_out += left
        return kept

    async def requests(self, saved: Saved, index: int) -> list[Any]:
        """Requests for what a saved page needs and nobody has asked for."""
        try:
            wanted = await asyncio.wrap_future(self._saver.due_media(saved))
        except StorageError as error:
            self._fetcher.break_off(error)
            return []
        from scrapy import Request

        from scraper.fetching.handler import MAX_BYTES

        requests = []
        for due in wanted:
            if due.resource in self._asked or self._account.is_left(due.url):
                continue
            self._asked.add(due.resource)
            if self._account.admit(index) != "admitted":
                self.tally.media_left_out += 1
                continue
            meta = {"index": index, "saved": saved, "due": due, MAX_BYTES: max(1, self._account.rest(index))}
            requests.append(
                Request(due.url, callback=self._received, errback=self._failed, dont_filter=True, meta=meta)
            )
            self._fetcher.open_requests += 1
        return requests

    async def _received(self, response: Response) -> list[Any]:
        request = response.request
        assert request is not None
        meta = request.meta
        exchange, due, saved = meta.pop("exchange"), meta["due"], meta["saved"]
        hops = hops_to(request, exchange)
        self._spend(meta["index"], (*hops, exchange))
        self._account.answered(exchange.url)
        outcome, now = media_outcome(exchange, follow=leads_on(due.found_by)), self._clock.now()
        result = ReadResult(outcome=outcome)
        try:
            if outcome == "pending":
                result = await self._workers.read(
                    ReadTask.of(
                        exchange,
                        outlet=saved.outlet.name if saved.outlet else None,
                        kind=KIND,
                        key=None,
                        at=now,
                    )
                )
            due_at = None if outcome in ("pending", KEPT) else _again(outcome, now, due)
            answer = Answer(exchange, hops, outcome, result, now)
            await asyncio.wrap_future(self._saver.save_media(saved, due, answer, due_at))
            self._count(result.outcome)
            return await self.requests(saved, meta["index"]) if result.media else []
        except StorageError as error:
            self._fetcher.break_off(error)
            return []
        finally:
            self._fetcher.open_requests -= 1

    async def _failed(self, failure: Failure) -> None:
        request = failure.request  # type: ignore[attr-defined]
        assert failure.value is not None
        reason, now, due = reason_of(failure.value), self._clock.now(), request.meta["due"]
        saved, hops = request.meta["saved"], hops_to(request)
        self._spend(request.meta["index"], hops)
        self._account.failed(request.url, reason)
        try:
            again = _again(reason, now, due)
            await asyncio.wrap_future(self._saver.fail_media(saved, due, hops, reason, now, again))
            self._count(f"failed:{reason}")
        except StorageError as error:
            self._fetcher.break_off(error)
        finally:
            self._fetcher.open_requests -= 1

    def _spend(self, index: int, exchanges: tuple[Exchange, ...]) -> None:
        size = sum(len(each.response) for each in exchanges)
        self._account.spend(index, size)
        self.tally.media_bytes += size

    def _count(self, outcome: str) -> None:
        if outcome == KEPT:
            self.tally.media += 1
        else:
            self.tally.media_missing[outcome.partition(":")[2]] += 1


def _again(outcome: str, now: datetime, due: DueMedia) -> datetime | None:
    return after_failure(KIND, now, due.attempts, passing=may_pass(outcome))
