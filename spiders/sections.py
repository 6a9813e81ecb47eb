"""Discovery by section pages: the links of a page, its next page, and the sections that menus lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from scraper.extraction.page import Link, Page
from scraper.outlet import Discovery, Outlet
from scraper.selecting import select
from spiders.links import MAX_LINKS, absolute_url, base_of, meant_host, parse_page
from spiders.starts import address_of, closeness, fill_start, match_start, path_of
from spiders.ways import Findings, Request, Seed, listing_seeds

_MAX_NAME = 300
_MAX_SECTIONS = 500
_NUMBER = re.compile(r"\d{1,9}")


def seeds(outlet: Outlet, rule: Discovery, request: Request) -> Iterator[Seed]:
    """The first page of each section on each domain."""
    yield from listing_seeds(outlet, rule, request, [fill_start(start, page=1) for start in rule.start])


def read(page: Page, outlet: Outlet, rule: Discovery) -> Findings:
    """The articles that a section page links to, its next page, and (on a start page) the sections of its menu."""
    tree = parse_page(page)
    if tree is None:
        return Findings(problem="empty")
    links = read_links(tree, page, outlet, rule)
    more = _next_pages(tree, page, outlet, rule, found=bool(links))
    return Findings(links=links, more=more, parts=_menu(tree, page, outlet, rule), section=section_of(page.url, outlet))


def section_of(url: str, outlet: Outlet) -> str | None:
    """The section that a listing's page belongs to, as the path of its first page; None for a home page.

    A page whose path continues that of a section which the profile names is a further page of it.
    """
    parts = urlsplit(url)
    path = path_of(url, outlet.domain_of(parts.hostname or "", parts.path))
    starts = {
        path_of(start) if "://" in start else start
        for rule in outlet.discovery
        if rule.way == "sections"
        for start in rule.start
    }
    fitting = [start for start in starts if start.strip("/") and closeness(start, path)]
    if fitting:
        path = fill_start(max(fitting, key=lambda start: closeness(start, path)), page=1)
    return path.rstrip("/")[:_MAX_NAME] or None


def read_links(
    tree: HtmlElement, page: Page, outlet: Outlet, rule: Discovery, *, strict: bool = False
) -> tuple[Link, ...]:
    """The links to articles: those that the rule selects, or every link where it selects none on this page.

    `strict` takes no others where the rule has selectors: a search without hits has links in its side blocks.
    """
    base = base_of(tree, page)
    anchors = _anchors([element for selector in rule.links for element in select(tree, selector)])
    links = _to_articles(anchors, base, page, outlet, rule)
    if links or (strict and rule.links):
        return links
    return _to_articles(tree.iter("a", "area"), base, page, outlet, rule)


def _anchors(elements: list[HtmlElement | str]) -> Iterator[HtmlElement]:
    for element in elements:
        if not isinstance(element, str):
            yield from element.iter("a", "area")


def _to_articles(
    anchors: Iterator[HtmlElement], base: str, page: Page, outlet: Outlet, rule: Discovery
) -> tuple[Link, ...]:
    links: list[Link] = []
    for anchor in anchors:
        url = absolute_url(base, anchor.get("href") or "")
        if url is None:
            continue
        if rule.own_host:
            url = meant_host(url, page.url, outlet)
        if outlet.identify(url) is not None:
            links.append(Link(url, " ".join(anchor.text_content().split())[:_MAX_NAME]))
            if len(links) == MAX_LINKS:
                break
    return tuple(links)


def _next_pages(tree: HtmlElement, page: Page, outlet: Outlet, rule: Discovery, *, found: bool) -> tuple[Link, ...]:
    """The next page as the page links it; where the rule names no such link, counted on while pages hold articles."""
    if rule.next:
        linked = _linked_next(tree, page, outlet, rule)
        return (linked,) if linked is not None else ()
    counted = count_on(page.url, outlet, rule) if found else None
    return (Link(counted),) if counted is not None else ()


def _menu(tree: HtmlElement, page: Page, outlet: Outlet, rule: Discovery) -> tuple[Link, ...]:
    """The sections that a start page's menu leads to, on the page's own host: other hosts have menus of their own."""
    here = urlsplit(page.url)
    path = path_of(page.url, outlet.domain_of(here.hostname or "", here.path))
    if not rule.menu or all(match_start(start, path) is None for start in rule.start):
        return ()
    base = base_of(tree, page)
    sections: dict[str, Link] = {}
    for anchor in _anchors([element for selector in rule.menu for element in select(tree, selector)]):
        url = absolute_url(base, anchor.get("href") or "")
        if url is None or url == page.url or not outlet.owns(url) or outlet.identify(url) is not None:
            continue
        if urlsplit(url).netloc != here.netloc:
            continue
        sections.setdefault(outlet.listing_key(url), Link(url))
        if len(sections) == _MAX_SECTIONS:
            break
    return tuple(sections.values())


def _linked_next(tree: HtmlElement, page: Page, outlet: Outlet, rule: Discovery) -> Link | None:
    base = base_of(tree, page)
    for selector in rule.next:
        for element in select(tree, selector):
            href = element if isinstance(element, str) else next(_hrefs(element), "")
            url = absolute_url(base, href)
            if url is not None and url != page.url and outlet.owns(url) and _within(url, rule.pages):
                return Link(url)
    return None


def _hrefs(element: HtmlElement) -> Iterator[str]:
    for anchor in element.iter("a", "link"):
        href = anchor.get("href")
        if href:
            yield href


def _within(url: str, pages: int) -> bool:
    """Whether the page's number, which is the last number of its URL, is within the bound on pages.

    A URL whose last number is plainly no page's (a section's) is let pass: the bound is against endless paging.
    """
    parts = urlsplit(url)
    named = re.search(r"(?:^|&)(?:page|p|pg)=(\d{1,9})", parts.query, re.IGNORECASE)
    if named:
        return int(named.group(1)) <= pages
    segments = [segment for segment in parts.path.split("/") if segment]
    if len(segments) > 1 and _NUMBER.fullmatch(segments[-1]) and re.search(r"\d|page", segments[-2], re.IGNORECASE):
        return int(segments[-1]) <= pages
    return True


def count_on(url: str, outlet: Outlet, rule: Discovery) -> str | None:
    """The URL of the page after `url` by the rule's template with {page}; None past the bound or for no such page."""
    parts = urlsplit(url)
    domain = outlet.domain_of(parts.hostname or "", parts.path)
    if domain is None:
        return None
    path = path_of(url, domain)
    for start in rule.start:
        values = match_start(start, path)
        if values is not None and "page" in values and int(values["page"]) < rule.pages:
            return address_of(domain, fill_start(start, page=int(values["page"]) + 1))
    return None
