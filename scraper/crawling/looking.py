"""Look at an outlet as it is today: one page that lists, one article, and what the profile's selectors find there.

For `outlets check NAME --live`. Nothing is kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin

from scraper.checking import PageReading, read_page
from scraper.crawling.run import demand_contact
from scraper.crawling.settings import oneoff_settings
from scraper.errors import FetchError, NothingReached
from scraper.extraction.page import Page
from scraper.fetching.clock import clock_from
from scraper.fetching.decoding import decode
from scraper.fetching.outcomes import outcome_of
from scraper.fetching.reasons import reason_of

if TYPE_CHECKING:
    from lxml.html import HtmlElement

    from scraper.config import Config
    from scraper.fetching.clock import Clock
    from scraper.outlet import Domain, Outlet, Template
    from storage.exchange import Exchange

SAMPLE = 80
"""Characters shown of what a selector found."""
_ELEMENTS = 500_000
_KIND = "kind "
_OCCASIONAL = ("drop", "updated", "authors", "tags", "figures")
"""Rules for what an article may well not have."""
SelectorState = Literal["found", "alternative", "absent", "missing"]


@dataclass(frozen=True, slots=True)
class HostLook:
    """What a domain answered to a request for its home page: a status, or why there is none."""

    host: str
    role: str
    answer: str


@dataclass(frozen=True, slots=True)
class SelectorLook:
    """What a selector of a profile found on the article: how many places, and the first one's text.

    `state` is 'found'; 'alternative' (nothing, and another selector of the rule found something); 'absent' (nothing,
    of a rule for what only some pages have); or 'missing'.
    """

    template: str
    rule: str
    selector: str
    count: int
    sample: str
    state: SelectorState = "missing"


@dataclass(frozen=True, slots=True)
class OutletLook:
    """What was seen. `article` is the URL of the page that the selectors were tried on, None where the home pages led
    to none; `pattern` names the profile's URL pattern that knew it, `reading` is what the profile reads there."""

    hosts: tuple[HostLook, ...]
    article: str | None = None
    pattern: str = ""
    selectors: tuple[SelectorLook, ...] = ()
    reading: PageReading | None = None


def look(config: Config, outlet: Outlet) -> OutletLook:
    """Ask each crawled domain for its home page, then one article that the first of them links to.

    Raises ContactMissing before anything is asked, and NothingReached where no domain answers.
    """
    from scrapy.crawler import CrawlerProcess

    demand_contact(config, outlet)
    process = CrawlerProcess({**oneoff_settings(config), "LOG_INSTALL_ROOT_HANDLER": False})
    looker = _Looker(outlet, config.max_page_bytes, clock_from(config.now))
    process.crawl(_spider_class(), looker=looker)
    process.start()
    if not any(each.answer[:1].isdigit() for each in looker.hosts):
        raise NothingReached("none of its hosts could be reached", outlet.name, "Check the network.")
    return looker.result()


class _Looker:
    def __init__(self, outlet: Outlet, limit: int, clock: Clock) -> None:
        self._outlet, self._limit, self._clock = outlet, limit, clock
        self._page: Page | None = None
        self.hosts: list[HostLook] = []
        self._tree: HtmlElement | None = None
        self._article: str | None = None
        self._asked = False

    def homes(self) -> Iterator[Any]:
        for domain in self._outlet.crawled_domains():
            yield self._home(domain, domain.scheme or "https")

    def _home(self, domain: Domain, scheme: str) -> Any:
        return self._request(f"{scheme}://{domain.host}{domain.path or '/'}", self._at_home, domain=domain)

    def _request(self, url: str, callback: Any, **meta: Any) -> Any:
        from scrapy import Request

        return Request(url, callback, errback=self._failed, dont_filter=True, meta=meta)

    def _at_home(self, response: Any) -> list[Any]:
        exchange: Exchange = response.request.meta["exchange"]
        domain = response.request.meta["domain"]
        self.hosts.append(HostLook(domain.host, domain.role, f"{exchange.status} {exchange.reason}".strip()))
        tree = self._parse(exchange)
        if tree is None or self._asked:
            return []
        for link in tree.iter("a"):
            url = urljoin(exchange.url, link.get("href") or "")
            if url.startswith(("http://", "https://")) and self._outlet.identify(url) is not None:
                self._asked = True
                return [self._request(url, self._at_article)]
        return []

    def _at_article(self, response: Any) -> None:
        exchange: Exchange = response.request.meta["exchange"]
        self._article, self._tree = exchange.url, self._parse(exchange)
        if self._tree is not None:
            content = decode(exchange.payload, exchange.header("content-encoding"), limit=self._limit)
            self._page = Page(content, exchange.header("content-type"), exchange.url, self._clock.now())

    def _failed(self, failure: Any) -> list[Any]:
        request = failure.request
        domain = request.meta.get("domain")
        if domain is not None and request.url.startswith("https://") and domain.scheme is None:
            return [self._request("http://" + request.url[8:], self._at_home, domain=domain)]
        if domain is not None:
            self.hosts.append(HostLook(domain.host, domain.role, reason_of(failure.value)))
        return []

    def _parse(self, exchange: Exchange) -> HtmlElement | None:
        from scraper.extraction.charset import UnknownCharset, decode_page
        from scraper.extraction.tree import Unreadable, parse_page

        if outcome_of(exchange) != "pending":
            return None
        try:
            content = decode(exchange.payload, exchange.header("content-encoding"), limit=self._limit)
            return parse_page(decode_page(content, exchange.header("content-type")).text, elements=_ELEMENTS)
        except (FetchError, UnknownCharset, Unreadable):
            return None  # the host's answer stands in the list; there is nothing to try selectors on

    def result(self) -> OutletLook:
        known = self._outlet.identify(self._article) if self._article else None
        selectors = tuple(_judged(list(self._selectors()))) if self._tree is not None else ()
        reading = read_page(self._outlet, self._page) if self._page is not None else None
        return OutletLook(tuple(self.hosts), self._article, known.pattern if known else "", selectors, reading)

    def _selectors(self) -> Iterator[SelectorLook]:
        for template in self._outlet.templates:
            for rule, selector in rules_of(template):
                yield self._try(template.name, rule, selector)

    def _try(self, template: str, rule: str, selector: str) -> SelectorLook:
        from scraper.selecting import select

        assert self._tree is not None
        found = select(self._tree, selector)
        first = next(iter(found), "")
        text = first if isinstance(first, str) else str(first.text_content()) or first.get("content") or ""
        return SelectorLook(template, rule, selector, len(found), " ".join(text.split())[:SAMPLE])


def _judged(looks: Sequence[SelectorLook]) -> Iterator[SelectorLook]:
    """The looks with their states: the selectors of one rule are alternatives."""
    held = {(each.template, each.rule) for each in looks if each.count}
    for each in looks:
        if each.count:
            yield replace(each, state="found")
        elif (each.template, each.rule) in held and each.rule != "drop":
            yield replace(each, state="alternative")
        else:
            occasional = each.rule in _OCCASIONAL or each.rule.startswith(_KIND)
            yield replace(each, state="absent" if occasional else "missing")


def rules_of(template: Template) -> Iterator[tuple[str, str]]:
    """The rules of a template that select from the page, as (rule, selector)."""
    for name in ("detect", "headline", "lead", "body", "breadcrumb", "authors", "tags", "drop"):
        for selector in getattr(template, name):
            yield name, selector
    for name in ("published", "updated"):
        for rule in getattr(template, name):
            for selector in rule.select:
                yield name, selector
    for figure in template.figures:
        for selector in figure.select:
            yield "figures", selector
    for kind in template.kinds:
        for selector in kind.select:
            yield f"{_KIND}{kind.kind}", selector


def _spider_class() -> type[Any]:
    """The spider of a look; made here, since Scrapy is imported only when something is fetched."""
    from scrapy import Spider

    class LookSpider(Spider):
        """Asks for home pages, and one article."""

        name = "look"

        def __init__(self, looker: _Looker, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self._looker = looker

        async def start(self) -> AsyncIterator[Any]:
            for request in self._looker.homes():
                yield request

    return LookSpider
