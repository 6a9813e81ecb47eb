"""robots.txt by RFC 9309: asked for once a day, understood by its status, obeyed."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast

from protego import Protego
from scrapy.exceptions import NotConfigured
from scrapy.http import Request
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.httpobj import urlparse_cached

from scraper.errors import FetchError
from scraper.fetching.clock import clock_of
from scraper.fetching.decoding import decode_start
from scraper.fetching.reasons import Declined, reason_of
from scraper.fetching.slots import FOR_ROBOTS, slots_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

MAX_BYTES = 512_000
"""What is read of a robots.txt: 500 KiB (RFC 9309, 2.5)."""
MAX_REDIRECTS = 5
FRESH = timedelta(hours=24)
FRESH_UNREACHABLE = timedelta(minutes=10)
MAX_HOSTS = 1000
UNREACHED = 0
"""The status of a robots.txt whose answer broke off or cannot be decoded."""
HOST_REASONS = frozenset({"dns", "private-address", "refused", "unreachable", "tls", "proxy", "bad-url"})
"""Failures that are the host's and not its robots.txt's: they are told as they are."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredRobots:
    """A robots.txt as it was had: `host` is an origin such as https://example.org, `body` at most MAX_BYTES decoded."""

    host: str
    at: datetime
    status: int
    body: bytes


class RobotsStore(Protocol):
    """Where robots.txt are kept between runs. Given to the middleware as the crawler's attribute `robots_store`.

    All are awaited in the reactor's thread, so they must not block it.
    """

    def alone(self, host: str) -> AbstractAsyncContextManager[None]:
        """Until its end no other process asks an origin; it begins when none does."""

    async def load(self, host: str) -> StoredRobots | None:
        """The one kept for an origin, however old."""

    async def save(self, stored: StoredRobots) -> None:
        """Keep one in place of the one before."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a robots.txt means, until when. `fault` says why it could not be had: then nothing is allowed.

    Else `parsed` is None where it has nothing to say, and all is allowed.
    """

    until: datetime
    fault: FetchError | None = None
    parsed: Protego | None = None

    def allows(self, url: str, agent: str) -> bool:
        if self.fault is not None:
            return False
        return self.parsed is None or self.parsed.can_fetch(url, agent)

    def delay(self, agent: str) -> float:
        """The seconds that its Crawl-delay asks for, 0 when it asks for none."""
        return (self.parsed.crawl_delay(agent) if self.parsed is not None else None) or 0.0


def read_robots(stored: StoredRobots, agent: str) -> Rules:
    """What a robots.txt means, by its status (RFC 9309, 2.3.1).

    2xx is read; 4xx, and redirects that lead nowhere, mean that there is none, so that all is allowed; 429, 5xx and
    no answer mean that nothing is known, so that nothing is allowed. A page of markup served with 200, as a seized or
    parked domain does for every path, is no robots.txt: there is none.
    """
    if stored.status in (UNREACHED, 429) or stored.status >= 500:
        what = f"status {stored.status}" if stored.status else "it broke off"
        return Rules(stored.at + FRESH_UNREACHABLE, fault=_unreachable(what))
    until = stored.at + FRESH
    if not 200 <= stored.status < 300 or is_markup(stored.body):
        return Rules(until)
    text = stored.body[:MAX_BYTES].decode("utf-8-sig", errors="replace")
    return Rules(until, parsed=Protego.parse(_groups_that_matter(text, agent)))


def is_markup(body: bytes) -> bool:
    """Whether a body is a page: no line of a robots.txt begins with the sign that every page begins with."""
    return body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n\x0c").startswith(b"<")


def _groups_that_matter(text: str, agent: str) -> str:
    """The file with all foreign user agents made one, since each rule is stored once for every agent of its group:
    18,000 agents times 18,000 rules fit into 500 KiB."""
    ours = agent.lower()
    lines: list[str] = []
    named: set[str] = set()
    for line in text.splitlines():
        field, colon, value = line.partition("#")[0].partition(":")
        if not colon:
            field, _, value = line.strip().partition(" ")
        if field.strip().lower() not in ("user-agent", "useragent", "user agent"):
            if line.strip():
                named.clear()
            lines.append(line)
            continue
        name = value.strip().lower()
        if "*" not in name and name not in ours:
            name = "another"
        if name not in named:
            named.add(name)
            lines.append(f"User-agent: {name}")
    return "\n".join(lines)


class RobotsMiddleware:
    """Declines what a host's robots.txt disallows (`robots`), and all while it cannot be had (`robots-unreachable`).

    Each origin is asked once at a time, while others wait for the answer; the request for it takes Scrapy's ordinary
    way, guarded and tapped, with `presskeep_robots` in its meta (robots.txt itself is always allowed, RFC 9309,
    2.2.2). A Crawl-delay slows the host's slot.
    """

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        if settings.getbool("PRESSKEEP_IGNORE_ROBOTS"):
            raise NotConfigured
        self._crawler = crawler
        self._agent = settings.get("USER_AGENT") or ""
        self._clock = clock_of(crawler)
        self._slots = slots_of(crawler)
        self._store: RobotsStore | None = getattr(crawler, "robots_store", None)
        self._rules: OrderedDict[str, Rules] = OrderedDict()
        self._asking: dict[str, asyncio.Future[Rules]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RobotsMiddleware:
        return cls(crawler)

    def process_request(self, request: Request) -> Awaitable[None] | None:
        """Raise Declined for what is disallowed. Awaits only what is not known yet."""
        if request.meta.get(FOR_ROBOTS):
            return None
        parts = urlparse_cached(request)
        origin = f"{parts.scheme}://{parts.netloc}"
        rules = self._rules.get(origin)
        if rules is None or rules.until <= self._clock.now():
            return self._learn_then_judge(origin, parts.hostname or "", request)
        self._judge(rules, request)
        return None

    async def _learn_then_judge(self, origin: str, host: str, request: Request) -> None:
        asking = self._asking.get(origin)
        if asking is not None:
            self._judge(await asyncio.shield(asking), request)
            return
        asking = self._asking[origin] = asyncio.get_running_loop().create_future()
        rules = Rules(self._clock.now() + FRESH_UNREACHABLE, fault=_unreachable("the run ended"))
        try:
            rules = await self._learn(origin)
            self._slots.slow(host, rules.delay(self._agent))
        finally:
            self._rules[origin] = rules
            self._rules.move_to_end(origin)
            if len(self._rules) > MAX_HOSTS:
                self._rules.popitem(last=False)
            del self._asking[origin]
            asking.set_result(rules)
        self._judge(rules, request)

    def _judge(self, rules: Rules, request: Request) -> None:
        fault = rules.fault
        if fault is not None:
            raise Declined(fault.reason, fault.what, request.url, fault.next, until=rules.until)
        if not rules.allows(request.url, self._agent):
            raise Declined("robots", "its robots.txt disallows it", request.url, "See --ignore-robots.")

    async def _learn(self, origin: str) -> Rules:
        store = self._store
        if store is None:
            return await self._ask(origin)
        async with store.alone(origin):
            kept = await store.load(origin)
            if kept is not None:
                rules = read_robots(kept, self._agent)
                if timedelta(0) < rules.until - self._clock.now() <= FRESH:  # more, if the clock was set back
                    return rules
            return await self._ask(origin)

    async def _ask(self, origin: str) -> Rules:
        try:
            fresh = await self._fetch(origin)
        except Exception as error:  # noqa: BLE001, whatever it was, the file was not reached
            word = reason_of(error)
            logger.info("robots.txt of %s: %s", origin, word)
            fault = _unreachable(word)
            if word in HOST_REASONS:
                fault = error if isinstance(error, FetchError) else FetchError(word, str(error))
            return Rules(self._clock.now() + FRESH_UNREACHABLE, fault=fault)
        if self._store is not None:
            await self._store.save(fresh)
        return read_robots(fresh, self._agent)

    async def _fetch(self, origin: str) -> StoredRobots:
        request = Request(
            f"{origin}/robots.txt",
            callback=NO_CALLBACK,
            priority=1000,
            meta={FOR_ROBOTS: True, "redirect_ttl": MAX_REDIRECTS, "max_retry_times": 1},
        )
        body = b""
        try:
            response = await cast("Any", self._crawler.engine).download_async(request)
            status = response.status
            if 200 <= status < 300:
                status, body = _content(response)
        except Declined as error:
            if error.reason not in ("redirect-loop", "redirect-limit"):
                raise
            # More than five redirects: it may be taken for one that there is not (RFC 9309, 2.3.1.2).
            status = 310
        return StoredRobots(origin, self._clock.now(), status, body)


def _unreachable(why: str) -> FetchError:
    return FetchError("robots-unreachable", f"its robots.txt cannot be had ({why}), which means disallow")


def _content(response: Any) -> tuple[int, bytes]:
    """Status and content of a 2xx answer; UNREACHED for one that broke off or cannot be decoded."""
    if "dataloss" in response.flags:
        return UNREACHED, b""
    coding = response.headers.get(b"Content-Encoding")
    try:
        return response.status, decode_start(
            response.body, coding.decode("latin-1") if coding else None, limit=MAX_BYTES
        )
    except FetchError:
        return UNREACHED, b""
