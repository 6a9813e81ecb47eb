"""Telling a listing from an article: its text stands under headings that lead to other pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from scraper.extraction.links import absolute
from scraper.extraction.passages import Passage, plain

_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5"))
_LINKED = 0.8
_TEASING = 0.75
"""Share of the letters taken as a body from which on, standing under links to other pages, they are teasers."""
_LEAST_ENTRIES = 3


def lists_other_pages(passages: Sequence[Passage], taken: Iterable[Passage], url: str) -> bool:
    """Whether what was taken as the body are teasers: text under a heading, or in a list's entry, that is a link to
    another page of the site, or in an article that is covered by such a link."""
    chosen = {each.order: each for each in taken}
    total = sum(len(each.letters) for each in chosen.values())
    if not total:
        return False
    titles = {_heading_of(each.element) for each in passages if each.link_share < _LINKED}
    titled = {above for each in titles if each is not None and each.tag == "h1" for above in each.iterancestors()}
    entries = _Entries(url)
    covered = {each for each in passages[0].element.getroottree().iter("article") if _is_covered(each, url)}
    teased, heading = 0, None
    for passage in passages:
        found = _heading_of(passage.element)
        if found is not None and passage.link_share >= _LINKED and _leads_on(passage.element, url):
            heading = found
        elif found is not None and heading is not None and str(found.tag) <= str(heading.tag):
            heading = None
        if passage.order in chosen and (
            entries.hold(passage) or _is_under(passage, heading, titled) or _stands_in(passage, covered)
        ):
            teased += len(passage.letters)
    return teased >= _TEASING * total


def is_teaser(article: HtmlElement, url: str) -> bool:
    """Whether the first heading of an article is a link to another page of the site, or such a link covers it all."""
    heading = next(article.iter("h1", "h2", "h3"), None)
    if heading is None:
        return False
    if _is_covered(article, url):
        return True
    links = "".join("".join(link.itertext()) for link in heading.iter("a"))
    inside = bool(links.strip()) or next(heading.iterancestors("a"), None) is not None
    return inside and _leads_on(heading, url)


def _is_covered(article: HtmlElement, url: str) -> bool:
    """Whether an article has a link without text, named after its heading (ARIA, aria-label), to another page."""
    heading = next(article.iter("h1", "h2", "h3"), None)
    title = plain("".join(heading.itertext())) if heading is not None else ""
    return bool(title) and any(
        title in plain(link.get("aria-label") or link.get("title") or "")
        and not "".join(link.itertext()).strip()
        and _leads_on(link, url)
        for link in article.iter("a")
    )


def _stands_in(passage: Passage, elements: set[HtmlElement]) -> bool:
    return bool(elements) and any(each in elements for each in (passage.element, *passage.element.iterancestors()))


def _is_under(passage: Passage, heading: HtmlElement | None, titled: set[HtmlElement]) -> bool:
    """Whether a passage stands beside a heading, or in one box with it that is not the box of the page's title."""
    if heading is None:
        return False
    above = set(heading.iterancestors())
    for element in (passage.element, *passage.element.iterancestors()):
        if element is heading:
            return True
        if element in above:
            return element is heading.getparent() or (element not in titled and element.tag not in ("main", "body"))
    return False


def _heading_of(element: HtmlElement) -> HtmlElement | None:
    for each in (element, *element.iterancestors()):
        if each.tag in _HEADINGS:
            return each
        if each.tag in ("p", "li", "div", "td", "article", "section"):
            break
    return None


def _leads_on(element: HtmlElement, url: str) -> bool:
    """Whether the link of a heading, in it or around it, leads to another page of the same site, and not its home."""
    link = next(element.iter("a"), None)
    if link is None:
        link = next(element.iterancestors("a"), None)
    target = absolute(url, link.get("href")) if link is not None else None
    if target is None:
        return False
    there, here = urlsplit(target), urlsplit(url)
    return there.hostname == here.hostname and there.path.rstrip("/") not in ("", here.path.rstrip("/"))


class _Entries:
    """The lists of a page whose entries begin with links to other pages."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._known: dict[HtmlElement, bool] = {}
        self._leading: dict[HtmlElement, bool] = {}

    def hold(self, passage: Passage) -> bool:
        """Whether a passage stands in an entry of such a list."""
        entry = next((each for each in (passage.element, *passage.element.iterancestors()) if each.tag == "li"), None)
        parent = entry.getparent() if entry is not None else None
        if entry is None or parent is None:
            return False
        if parent not in self._known:
            leading = sum(each.tag == "li" and self._leads(each) for each in parent)
            self._known[parent] = leading >= _LEAST_ENTRIES and 2 * leading > len(parent)
        return self._known[parent] and self._leads(entry)

    def _leads(self, entry: HtmlElement) -> bool:
        if entry not in self._leading:
            self._leading[entry] = _begins_with_link(entry, self._url)
        return self._leading[entry]


def _begins_with_link(entry: HtmlElement, url: str) -> bool:
    for each in entry.iter():
        if each.tag == "a" and "".join(each.itertext()).strip():
            return _leads_on(each, url)
        if (each.text or "").strip():
            return False
    return False
