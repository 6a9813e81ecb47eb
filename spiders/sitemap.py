"""Discovery by sitemaps (sitemaps.org): indexes, URL sets, news sitemaps, gzip files and lists of URLs."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from lxml import etree

from scraper.extraction.page import Link, Page
from scraper.outlet import Discovery, Outlet
from spiders.gzipped import BadGzip, TooLarge, unpack
from spiders.links import MAX_LINKS, absolute_url
from spiders.stamps import read_stamp
from spiders.ways import Findings, Request, Seed, listing_seeds

MAX_BYTES = 52_428_800
"""Bytes of a sitemap, unpacked (the protocol's bound)."""

_NEWS = "http://www.google.com/schemas/sitemap-news/"


def seeds(outlet: Outlet, rule: Discovery, request: Request) -> Iterator[Seed]:
    """Each sitemap on each domain."""
    yield from listing_seeds(outlet, rule, request, rule.start)


def read(page: Page, outlet: Outlet, rule: Discovery) -> Findings:
    """The articles of a URL set, or the outlet's own sitemaps of an index, with their last changes."""
    try:
        content = unpack(page.content, MAX_BYTES)
    except TooLarge:
        return Findings(problem="too-large")
    except BadGzip:
        return Findings(problem="bad-gzip")
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _read_list(content, page, outlet)
    try:
        return _read_xml(content, page, outlet)
    except etree.XMLSyntaxError:
        return Findings(problem="not-a-sitemap")


def _read_xml(content: bytes, page: Page, outlet: Outlet) -> Findings:
    links: list[Link] = []
    parts: list[Link] = []
    known = False
    # No entities, DTD or network: a sitemap needs none, and each of them is a way to exhaust or to reach out.
    entries = etree.iterparse(
        BytesIO(content),
        events=("end",),
        tag=("{*}url", "{*}sitemap", "{*}urlset", "{*}sitemapindex"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        recover=True,
    )
    for _, element in entries:
        known = True
        name = etree.QName(element).localname
        if name in ("url", "sitemap"):
            link = _read_entry(element, page, outlet)
            if link is not None and name == "sitemap" and outlet.owns(link.url):
                parts.append(link)
            elif link is not None and name == "url" and outlet.identify(link.url) is not None:
                links.append(link)
            _forget(element)
        if len(links) + len(parts) >= MAX_LINKS:
            break
    return Findings(links=tuple(links), parts=tuple(parts), problem="" if known else "not-a-sitemap")


def _read_entry(element: etree._Element, page: Page, outlet: Outlet) -> Link | None:
    space = etree.QName(element).namespace
    texts = {
        etree.QName(child).localname: (child.text or "")
        for child in element
        if isinstance(child.tag, str) and etree.QName(child).namespace == space
    }
    url = absolute_url(page.url, texts.get("loc", ""))
    if url is None:
        return None
    lastmod = read_stamp(texts.get("lastmod", ""), outlet.zone, page.captured_at)
    published = read_stamp(_news(element, "publication_date"), outlet.zone, page.captured_at)
    day = published.astimezone(outlet.timezone).date() if published else None
    return Link(url, _news(element, "title"), lastmod=lastmod, published_day=day)


def _news(element: etree._Element, field: str) -> str:
    for child in element.iter(f"{{*}}{field}"):
        if (etree.QName(child).namespace or "").startswith(_NEWS):
            return " ".join((child.text or "").split())[:300]
    return ""


def _forget(element: etree._Element) -> None:
    """Free an entry that was read, and those before it: a sitemap of 50 MB stays a few."""
    element.clear()
    while element.getprevious() is not None:
        parent = element.getparent()
        if parent is None:
            break
        del parent[0]


def _read_list(content: bytes, page: Page, outlet: Outlet) -> Findings:
    """A sitemap that is a text file: one URL a line."""
    links = read_lines(content, page.url, outlet)
    return Findings(links=links, problem="" if links else "not-a-sitemap")


def read_lines(content: bytes, base: str, outlet: Outlet) -> tuple[Link, ...]:
    """The articles in a text of one URL a line."""
    links: list[Link] = []
    for line in content.decode("utf-8", "replace").splitlines():
        url = absolute_url(base, line.lstrip("\ufeff")) if "/" in line else None
        if url is not None and outlet.identify(url) is not None:
            links.append(Link(url))
            if len(links) == MAX_LINKS:
                break
    return tuple(links)
