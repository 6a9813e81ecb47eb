"""What a host that is overloaded asks for: Retry-After, and back-off on 429 and 503."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.http import Request, Response
from scrapy.utils.httpobj import urlparse_cached

from scraper.fetching.clock import clock_of
from scraper.fetching.slots import MAX_HOSTS, slots_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

log = logging.getLogger(__name__)

RESTS_UNTIL = "presskeep_rests_until"
"""The key of a request's meta that tells until when its host asked for rest."""
OVERLOADED = frozenset({429, 503})
HOLD_SECONDS = 120.0
"""Waits up to this hold the host's slot; beyond it the host rests, and its requests are put off."""
SAID_SECONDS = 20.0
"""Waits from this on are said: whoever watches would take them for a standstill."""
MAX_REST_SECONDS = 86_400.0
"""The longest rest that is believed."""
_FIRST_SECONDS = {429: 5.0, 503: 1.0}
_MAX_BACKOFF = 60.0
_UNITS = (("years", 31_557_600), ("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


class MannersMiddleware:
    """Holds a host back that answered 429 or 503, by its Retry-After or by doubling waits.

    Sees each response before Scrapy sends the next request of the slot. While a host rests, its requests raise
    Declined with the reason `retry-after` and the instant `until`, those too that waited in the slot already (the
    handler asks); the response that asked for it is not retried, and its request's meta holds that instant as
    `RESTS_UNTIL`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._clock = clock_of(crawler)
        self._slots = slots_of(crawler)
        self._strikes: dict[str, int] = {}
        self._said: dict[str, float] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> MannersMiddleware:
        middleware = cls(crawler)
        crawler.signals.connect(middleware.see, signal=signals.response_downloaded)
        return middleware

    def process_request(self, request: Request) -> None:
        """Raise Declined while the host rests."""
        self._slots.check_rest(urlparse_cached(request).hostname or "")

    def see(self, response: Response, request: Request) -> None:
        """Take note of a response."""
        host = urlparse_cached(request).hostname or ""
        if response.status not in OVERLOADED:
            if self._strikes and response.status < 500:
                self._strikes.pop(host, None)
            return
        asked = retry_after(response.headers.get(b"Retry-After"), self._clock.now())
        seconds = self._backoff(host, response.status) if asked is None else min(asked, MAX_REST_SECONDS)
        if self._slots.may_leap(host):
            self._slots.hold(host, seconds)
            return
        if seconds <= HOLD_SECONDS:
            self._slots.hold(host, seconds)
            self._say_wait(host, response.status, seconds)
            return
        until = self._clock.now() + timedelta(seconds=seconds)
        self._slots.rest(host, until)
        request.meta[RESTS_UNTIL] = until
        log.warning(
            "%s asks to be left alone for %s (Retry-After), and is until %s UTC",
            host,
            _length_of(asked or seconds),
            f"{until:%Y-%m-%d %H:%M}",
        )
        request.meta["dont_retry"] = True

    def _say_wait(self, host: str, status: int, seconds: float) -> None:
        """Say once of a long wait why nothing comes meanwhile, however many answers ask for it."""
        now = monotonic()
        if seconds < SAID_SECONDS or now < self._said.get(host, now):
            return
        if len(self._said) >= MAX_HOSTS:
            self._said.clear()
        self._said[host] = now + seconds
        log.warning("%s is busy (status %d); it is asked again in %.0f seconds", host, status, seconds)

    def _backoff(self, host: str, status: int) -> float:
        if len(self._strikes) >= MAX_HOSTS:
            self._strikes.clear()
        strikes = self._strikes[host] = min(self._strikes.get(host, 0) + 1, 10)
        return float(min(_FIRST_SECONDS[status] * 2 ** (strikes - 1), _MAX_BACKOFF))


def _length_of(seconds: float) -> str:
    """A length of time, roughly."""
    name, unit = next(((name, unit) for name, unit in _UNITS if seconds >= 2 * unit), _UNITS[-1])
    return f"{seconds / unit:,.0f} {name}"


def retry_after(value: bytes | None, now: datetime) -> float | None:
    """The seconds that a Retry-After asks for, in its two forms (RFC 9110, 10.2.3); None where it asks for nothing
    that can be read."""
    text = (value or b"").decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        return max(0.0, (at - now).total_seconds())
    except (ValueError, OverflowError):
        return None
