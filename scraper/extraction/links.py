"""The links of a page: its base, its canonical address, and what leads to the outlet's own articles."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement

from scraper.extraction.page import Link
from scraper.extraction.passages import tidy
from scraper.outlet import Outlet
from storage.urls import canonical_url

_MOST = 20_000
_LONGEST = 2_048
_DROPPED = re.compile(r"[\t\r\n]")


def base_of(tree: HtmlElement, url: str) -> str:
    """The URL that a page's relative links start from (HTML, section 4.2.3)."""
    for element in tree.iter("base"):
        if href := element.get("href"):
            return absolute(url, href) or url
    return url


def absolute(base: str, address: str | None) -> str | None:
    """The http(s) URL that an address on a page means, without fragment; None for any other."""
    if not address:
        return None
    address = _DROPPED.sub("", address.strip())
    if not address or address.startswith("#") or len(address) > _LONGEST:
        return None
    try:
        url = urljoin(base, address)
        urlsplit(url)  # urljoin() looks at nothing where there is no base
    except ValueError:
        return None
    return url.partition("#")[0] if url[:8].lower().startswith(("http://", "https://")) else None


def canonical_of(tree: HtmlElement, base: str) -> str | None:
    """The page's canonical link in canonical form; None where there is none, or none that can be one."""
    for element in tree.iter("link"):
        if "canonical" in (element.get("rel") or "").lower().split() and (url := _normal(base, element.get("href"))):
            return url
    return None


def article_links(tree: HtmlElement, base: str, outlet: Outlet | None) -> tuple[Link, ...]:
    """The page's links to the outlet's own articles, each URL once, with the longest text of its links."""
    if outlet is None:
        return ()
    texts: dict[str, str] = {}
    for _, element in zip(range(_MOST), tree.iter("a", "area"), strict=False):
        url = absolute(base, element.get("href"))
        if url is None or outlet.identify(url) is None:
            continue
        url = _normal(base, url)
        if url is not None:
            text = tidy("".join(element.itertext()))[:500]
            if len(text) >= len(texts.get(url, "")):
                texts[url] = text
    return tuple(Link(url, text) for url, text in texts.items())


def _normal(base: str, address: str | None) -> str | None:
    url = absolute(base, address)
    if url is None:
        return None
    try:
        return canonical_url(url)
    except ValueError:
        return None
