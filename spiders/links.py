"""Links of a listing: made absolute, and those kept that name articles of the outlet."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement

from scraper.extraction.charset import UnknownCharset, decode_page
from scraper.extraction.page import Limits, Page
from scraper.extraction.tree import Unreadable
from scraper.extraction.tree import parse_page as parse
from scraper.outlet import Outlet
from scraper.patterns import MAX_SUBJECT
from scraper.recognition import locate

MAX_LINKS = 50_000
"""Links read from one listing; the sitemap protocol's own bound, taken for every way."""

MAX_ELEMENTS = Limits().elements
"""Elements of a listing's tree."""

_DROPPED = re.compile(r"[\t\r\n]")
_WHOLE = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#\\\s\[\]@]+)(?P<path>(?:[/?][^#]*)?)(?:#|$)", re.IGNORECASE
)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def absolute_url(base: str, address: str) -> str | None:
    """The http(s) URL that an address printed on a page means, without fragment and default port; else None."""
    address = _DROPPED.sub("", address.strip())
    if not address or address.startswith("#") or len(address) > MAX_SUBJECT:
        return None
    # Sitemaps and feeds hold whole URLs by the thousand: these need no joining.
    whole = _WHOLE.match(address)
    if whole is None:
        try:
            whole = _WHOLE.match(urljoin(base, address))
        except ValueError:
            return None
    if whole is None:
        return None
    scheme, authority, path = whole["scheme"], whole["authority"], whole["path"]
    return f"{scheme.lower()}://{authority.removesuffix(_DEFAULT_PORTS[scheme.lower()])}{path}"


def meant_host(url: str, page_url: str, outlet: Outlet) -> str:
    """A URL on another edition's domain, put on the host of the page that lists it."""
    there, here = locate(url), locate(page_url)
    if there is None or here is None:
        return url
    domain, own = outlet.domain_of(there.host, there.path), outlet.domain_of(here.host, here.path)
    if domain is None or own is None or domain.edition == own.edition:
        return url
    parts = urlsplit(page_url)
    return f"{parts.scheme}://{parts.netloc}{there.path}"


def parse_page(page: Page) -> HtmlElement | None:
    """The tree of a listing; None where there is none that can be read."""
    try:
        return parse(decode_page(page.content, page.content_type).text, elements=MAX_ELEMENTS)
    except (UnknownCharset, Unreadable):
        return None


def base_of(tree: HtmlElement, page: Page) -> str:
    """The URL that a page's relative links start from (HTML, the base element)."""
    for element in tree.iter("base"):
        href = element.get("href")
        if href:
            return absolute_url(page.url, href) or page.url
    return page.url
