"""Asking a site for what a profile is drafted from: home page, robots.txt, feeds, sitemaps, some articles.

For `outlets new`. Nothing is kept; every request goes through the doors and manners of a crawl.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urlsplit

from scraper.crawling.settings import oneoff_settings
from scraper.drafting.choosing import choose_articles
from scraper.drafting.listings import (
    FEEDS,
    QUERIED_SITEMAP,
    SITEMAPS,
    feeds_of,
    lists_pages,
    parts_to_read,
    paths_in,
    sitemaps_of,
)
from scraper.drafting.reading import LIMITS
from scraper.drafting.survey import Listing, ListingWay, Place, Sight, any_outlet
from scraper.errors import ContactMissing, NothingReached, UsageError
from scraper.extraction.charset import UnknownCharset, decode_page
from scraper.extraction.conventions import is_wordpress
from scraper.extraction.links import canonical_of
from scraper.extraction.page import Link, Page
from scraper.extraction.tree import Unreadable, parse_page
from scraper.fetching.clock import clock_from
from scraper.fetching.decoding import decode
from scraper.fetching.outcomes import outcome_of
from scraper.fetching.reasons import reason_of

if TYPE_CHECKING:
    from lxml.html import HtmlElement

    from scraper.config import Config
    from scraper.outlet import Outlet
    from storage.exchange import Exchange

MOST_REQUESTS = 25
"""Requests of one look, robots.txt and redirects aside."""
SECONDS = 300.0
"""Time after which a look asks for nothing more."""
_SAMPLES = 10
_LISTING_BYTES = 10_000_000
_ROBOTS_BYTES = 500_000
_MOST_FEEDS = 2
_MOST_SITEMAPS = 3
_MOST_GUESSES = 3
_INSIDE = 0.6
"""Share of a page's links below its own directory from which on that is the site's root."""
_MOST_PAGES = 200


class Findings(Protocol):
    """What a listing leads to, as the spiders read it."""

    @property
    def links(self) -> tuple[Link, ...]: ...
    @property
    def parts(self) -> tuple[Link, ...]: ...
    @property
    def problem(self) -> str: ...


class ReadFound(Protocol):
    """Reads a listing by its way."""

    def __call__(self, kind: str, page: Page, outlet: Outlet) -> Findings: ...


def survey_site(config: Config, url: str, read_listing: ReadFound) -> Sight:
    """Look at the site that a URL is on.

    Raises UsageError for what is no site's URL, ContactMissing before a public host is asked without a contact, and
    NothingReached where the site does not answer with a page.
    """
    from scrapy.crawler import CrawlerProcess

    start = _check(config, url)
    process = CrawlerProcess({**oneoff_settings(config), "LOG_INSTALL_ROOT_HANDLER": False})
    surveyor = _Surveyor(config, read_listing)
    process.crawl(_spider_class(), surveyor=surveyor, starts=start)
    process.start()
    if surveyor.sight is None:
        why = next(iter(surveyor.failed.values()), "interrupted")
        raise NothingReached(f"no page was to be had ({why})", url, "Check the address and the network.")
    return surveyor.sight


def _check(config: Config, url: str) -> tuple[str, ...]:
    """The URLs to try as the home page, in order."""
    from scraper.fetching.settings import needs_contact

    starts = (url,) if "://" in url else (f"https://{url}", f"http://{url}")
    try:
        parts = urlsplit(starts[0])
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise UsageError("is no URL of a site", url, "For example: https://www.example.org/")
    if port is not None:
        raise UsageError("names a port, which profiles do not know", url, "Lead a host's name there by --connect-to.")
    if needs_contact([host], config):
        raise ContactMissing(
            "a look at a public host says who looks, so that its operator can be reached",
            host,
            "Add --contact you@example.org",
        )
    return starts


class _Surveyor:
    """The state of one look; it asks for one thing after another."""

    def __init__(self, config: Config, read_listing: ReadFound) -> None:
        self._read_listing = read_listing
        self._clock = clock_from(config.now)
        self._limit = min(config.max_page_bytes, LIMITS.page_bytes)
        self._engine: Any = None
        self._until = 0.0
        self._requests = 0
        self.failed: dict[str, str] = {}
        self.sight: Sight | None = None

    async def look(self, engine: Any, starts: Iterable[str]) -> None:
        self._engine = engine
        self._until = asyncio.get_running_loop().time() + SECONDS
        home = None
        for url in starts:
            home = home or await self._ask(url)
        tree = self._parse(home) if home is not None else None
        if home is None or tree is None:
            return
        place = _place_of(home, tree)
        if place.path_in(home.url) != "/":
            root = await self._ask(place.url_of("/"))
            home, tree = (root, self._parse(root)) if root is not None else (home, tree)
            if tree is None:
                return
        twin = await self._find_twin(place)
        robots = await self._ask(f"{place.scheme}://{place.host}/robots.txt", limit=_ROBOTS_BYTES)
        listings = [*await self._feeds(place, home, tree)]
        pages: list[str] = []
        stated = sitemaps_of(robots.content.decode("utf-8", "replace"), place) if robots is not None else []
        addresses = stated[:_MOST_SITEMAPS] or (*SITEMAPS, *([QUERIED_SITEMAP] if is_wordpress(tree) else ()))
        listings += await self._sitemaps(place, addresses, pages, every=bool(stated))
        chosen = choose_articles(place, listings, paths_in(tree, home.url, place), pages, most=_SAMPLES + 2)
        articles: list[Page] = []
        for path in chosen:
            if len(articles) == _SAMPLES:
                break
            if (page := await self._ask(place.url_of(path))) is not None:
                articles.append(page)
        self.sight = Sight(
            place,
            home,
            twin,
            tuple(listings),
            tuple(articles),
            tuple(pages[:_MOST_PAGES]),
            self.failed,
            self._requests,
            self._why_stopped(),
        )

    async def _find_twin(self, place: Place) -> str | None:
        """The host with or without www where it leads to the site's pages."""
        bare = place.host.removeprefix("www.")
        twin = bare if place.host != bare else f"www.{bare}"
        if "." not in bare or bare.replace(".", "").isdigit() or ":" in bare:
            return None
        page = await self._ask(f"{place.scheme}://{twin}{place.path}/")
        if page is None:
            return None
        if urlsplit(page.url).hostname == place.host:
            return twin
        tree = self._parse(page)
        canonical = canonical_of(tree, page.url) if tree is not None else None
        return twin if canonical and urlsplit(canonical).hostname == place.host else None

    async def _feeds(self, place: Place, home: Page, tree: HtmlElement) -> list[Listing]:
        announced = feeds_of(tree, home.url, place)
        found: list[Listing] = []
        for path in announced[:_MOST_FEEDS] or FEEDS[:_MOST_GUESSES]:
            listing, _ = await self._listing("feed", place, path)
            if listing is not None:
                found.append(listing)
                if not announced:
                    break
        return found

    async def _sitemaps(
        self, place: Place, addresses: Iterable[str], pages: list[str], *, every: bool
    ) -> list[Listing]:
        """The sitemaps at the addresses, `every` one or the first there is; of an index, the parts of articles. What a
        part for pages lists goes into `pages`."""
        found: list[Listing] = []
        for address in addresses:
            listing, parts = await self._listing("sitemap", place, address)
            if listing is None:
                continue
            found.append(listing)
            for part in parts_to_read(parts, _MOST_SITEMAPS) if len(found) <= 1 or not found[0].links else []:
                inner = place.path_in(part.url)
                listed, _ = await self._listing("sitemap", place, inner) if inner else (None, ())
                if listed is None:
                    continue
                if inner and lists_pages(inner):
                    pages += [path for link in listed.links if (path := place.path_in(link.url))]
                else:
                    found.append(Listing("sitemap", listed.path, listed.links, root=False))
            if not every:
                break
        return found

    async def _listing(self, way: ListingWay, place: Place, path: str) -> tuple[Listing | None, tuple[Link, ...]]:
        """A listing, and the parts of one that is an index; None where there is none."""
        page = await self._ask(place.url_of(path), limit=_LISTING_BYTES)
        if page is None:
            return None, ()
        findings = self._read_listing(way, page, any_outlet(place))
        if findings.problem or not (findings.links or findings.parts):
            return None, ()
        return Listing(way, place.path_in(page.url) or path, findings.links), findings.parts

    async def _ask(self, url: str, *, limit: int | None = None) -> Page | None:
        """What stands at a URL; None where there is nothing, or nothing more may be asked. Without a `limit` of its
        own it has to be a page."""
        from scrapy import Request

        if self._why_stopped():
            return None
        self._requests += 1
        try:
            response = await self._engine.download_async(Request(url, dont_filter=True))
            exchange: Exchange = response.request.meta["exchange"]
            outcome = outcome_of(exchange)
            if not (200 <= exchange.status < 300 and (limit or outcome == "pending")):
                self.failed[url] = outcome
                return None
            content = decode(exchange.payload, exchange.header("content-encoding"), limit=limit or self._limit)
        except Exception as error:  # noqa: BLE001, whatever it was, this page is not to be had
            self.failed[url] = reason_of(error)
            return None
        return Page(content, exchange.header("content-type"), exchange.url, self._clock.now())

    def _why_stopped(self) -> str:
        if self._requests >= MOST_REQUESTS:
            return f"{MOST_REQUESTS} requests"
        return f"{SECONDS:.0f} seconds" if asyncio.get_running_loop().time() > self._until else ""

    def _parse(self, page: Page) -> HtmlElement | None:
        try:
            return parse_page(decode_page(page.content, page.content_type).text, elements=LIMITS.elements)
        except (UnknownCharset, Unreadable):
            return None


def _place_of(home: Page, tree: HtmlElement) -> Place:
    """Where the site lives: the host that answered, or its canonical twin; below a directory where its links stay."""
    parts = urlsplit(home.url)
    scheme: Literal["https", "http"] = "http" if parts.scheme == "http" else "https"
    host = (parts.hostname or "").lower()
    canonical = urlsplit(canonical_of(tree, home.url) or "").hostname or ""
    if canonical.removeprefix("www.") == host.removeprefix("www."):
        host = canonical
    whole = Place(host, "", scheme)
    directory = parts.path.rstrip("/")
    paths = [path for path, _ in paths_in(tree, home.url, whole)]
    inside = sum(path.startswith(f"{directory}/") for path in paths)
    return Place(host, directory, scheme) if directory and inside >= _INSIDE * len(paths) > 0 else whole


def _spider_class() -> type[Any]:
    """The spider of a look; made here, since Scrapy is imported only when something is fetched."""
    from scrapy import Spider

    class SurveySpider(Spider):
        """Asks for one thing after another."""

        name = "survey"

        def __init__(self, surveyor: _Surveyor, starts: tuple[str, ...], **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self._surveyor, self._starts = surveyor, starts

        async def start(self) -> AsyncIterator[Any]:
            await self._surveyor.look(self.crawler.engine, self._starts)
            nothing_more: tuple[Any, ...] = ()
            for request in nothing_more:
                yield request

    return SurveySpider
