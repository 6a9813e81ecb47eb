"""Page requisites as resources of the frontier: what they are called, what they may cost, what their answers are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from scraper.crawling.routing import DOMAIN_FAILURES, FAILURES_TO_LEAVE
from storage.priorities import MEDIA
from storage.records import Found

if TYPE_CHECKING:
    from scraper.config import Config
    from scraper.crawling.reading import ReadResult, ReadTask
    from scraper.crawling.state import CrawlState
    from storage.exchange import Exchange
    from storage.frontier import Leased
    from storage.records import Reading

KIND = "media"
KEPT = "media"
"""The outcome of a capture that is what a page needs."""
LEFT_OUT = "left-out"
"""The outcome of a resource that is not asked for, since its article has used up its budget."""
TRIES = 3
"""Fetches in a row that give nothing after which a requisite is not asked for again."""
_OF_PAGE, _OF_STYLE = "page:", "style:"

Admission = Literal["admitted", "article", "run"]


@dataclass(frozen=True, slots=True)
class MediaBudget:
    """What requisites may cost in one run: how many are asked for and how many bytes they are on the wire, for one
    article (in whatever pages it is seen) and for the whole run."""

    article_count: int
    article_bytes: int
    run_count: int
    run_bytes: int


def budget_of(config: Config) -> MediaBudget | None:
    """The budget by the settings; None where no requisites are wanted."""
    if not config.media:
        return None
    return MediaBudget(
        config.media_article_count, config.media_article_bytes, config.media_run_count, config.media_run_bytes
    )


class MediaAccount:
    """What one run has spent. What is under way when a budget is used up is still kept."""

    def __init__(self, budget: MediaBudget) -> None:
        self.budget = budget
        self._count = self._bytes = 0
        self._counts: Counter[int] = Counter()
        self._sizes: Counter[int] = Counter()
        self._cut: dict[int, int] = {}
        self._failures: Counter[str] = Counter()

    @property
    def exhausted(self) -> bool:
        """Whether the run may ask for nothing more."""
        return self._count >= self.budget.run_count or self._bytes >= self.budget.run_bytes

    def admit(self, article: int) -> Admission:
        """Count a request for an article's requisite, if it may be sent; else say whose budget is used up."""
        if self.exhausted:
            return "run"
        if self._counts[article] >= self.budget.article_count or self.rest(article) == 0:
            return "article"
        self._counts[article] += 1
        self._count += 1
        return "admitted"

    def rest(self, article: int) -> int:
        """The bytes that the next response may have."""
        return max(0, min(self.budget.article_bytes - self._sizes[article], self.budget.run_bytes - self._bytes))

    def cut(self, article: int, urls: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
        """As many of a page's requisites as its article may have, and how many more than known are left out."""
        most = self.budget.article_count
        if len(urls) <= most:
            return urls, 0
        before, left = self._cut.get(article, 0), len(urls) - most
        self._cut[article] = max(before, left)
        return urls[:most], max(0, left - before)

    def answered(self, url: str) -> None:
        """A host answered."""
        self._failures.pop(_host(url), None)

    def failed(self, url: str, reason: str) -> None:
        """A host did not."""
        if reason in DOMAIN_FAILURES:
            self._failures[_host(url)] += 1

    def is_left(self, url: str) -> bool:
        """Whether a URL's host failed so often in a row that it is asked no more in this run."""
        return self._failures[_host(url)] >= FAILURES_TO_LEAVE

    def spend(self, article: int, size: int) -> None:
        """Count the bytes of a response, whatever it was."""
        self._sizes[article] += size
        self._bytes += size


def requisites_of(
    state: CrawlState, reading: Reading, task: ReadTask, result: ReadResult, found_by: str
) -> tuple[Found, ...]:
    """What a page or stylesheet that was read needs, on its article's account; `found_by` led to its resource."""
    if reading.outcome not in ("article", KEPT):
        return ()
    by_style = task.kind == KIND
    article = account_of(found_by) if by_style else reading.resource
    urls = result.media
    if state.media is not None:
        urls, left = state.media.cut(article, urls)
        state.tally.media_left_out += left
    return media_found(urls, article, task.at, by_style=by_style)


def count_answer(state: CrawlState, leased: Leased, exchange: Exchange) -> str:
    """Count the answer to a request for a requisite; gives its outcome."""
    size = len(exchange.response)
    state.tally.media_bytes += size
    if state.media is not None:
        state.media.spend(account_of(leased.found_by), size)
        state.media.answered(exchange.url)
    return media_outcome(exchange, follow=leads_on(leased.found_by))


def media_found(urls: Iterable[str], article: int, at: datetime, *, by_style: bool = False) -> tuple[Found, ...]:
    """Requisites as resources due at `at`, on the account of an article (its resource's id)."""
    found_by = f"{_OF_STYLE if by_style else _OF_PAGE}{article}"
    return tuple(Found(_key(url), KIND, url, MEDIA, at, found_by) for url in urls)


def account_of(found_by: str) -> int:
    """The article (its resource's id) on whose account a requisite is."""
    number = found_by.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


def names_of(article: int) -> tuple[str, str]:
    """What `found_by` holds of an article's requisites."""
    return f"{_OF_PAGE}{article}", f"{_OF_STYLE}{article}"


def leads_on(found_by: str) -> bool:
    """Whether a stylesheet is followed: one that a page names is, one that a stylesheet imports is not."""
    return found_by.startswith(_OF_PAGE)


def media_outcome(exchange: Exchange, *, follow: bool) -> str:
    """What became of a requisite's exchange: 'media', 'pending' for a stylesheet that is to be read for what it names,
    or as `outcome_of` says. A page of markup is none: so do many sites answer for an image that is gone."""
    from scraper.fetching.outcomes import HTML_TYPES, outcome_of

    outcome = outcome_of(exchange, listing=True)
    if outcome != "pending":
        return outcome
    mime = (exchange.header("content-type") or "").partition(";")[0].strip().lower()
    if mime in HTML_TYPES:
        return "refused:not-media"
    return "pending" if follow and _is_style(mime, exchange.url) else KEPT


def may_pass(outcome: str) -> bool:
    """Whether what kept a requisite away may pass by itself: a reason, or an outcome 'failed:REASON'."""
    from scraper.fetching.reasons import TRANSIENT

    verdict, _, reason = outcome.rpartition(":")
    return verdict != "refused" and (reason in TRANSIENT or reason.startswith("status-"))


def _host(url: str) -> str:
    return url.split("/", 3)[2].partition(":")[0]


def _is_style(mime: str, url: str) -> bool:
    return mime == "text/css" or (not mime and urlsplit(url).path.lower().endswith(".css"))


def _key(url: str) -> str:
    """Its address without the scheme: one thing for http and https alike."""
    return f"media:{url.partition('://')[2]}"
