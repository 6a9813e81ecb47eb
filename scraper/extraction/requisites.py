"""What a page needs to look as it did: stylesheets, images, fonts and icons that it or a stylesheet of it names.

Scripts are none: they would run again in a replay, ask for what was never kept, and count visits. How browsers choose:
HTML, sections 4.2.4 (link) and 4.8.4 (images); CSS Values 4.5 (url) and CSS Cascade 4 (import).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml.html import HtmlElement

from scraper.extraction.charset import UnknownCharset, decode_page
from scraper.extraction.links import absolute, base_of
from scraper.extraction.page import Limits, Page
from scraper.extraction.tree import Unreadable, parse_page
from storage.urls import canonical_url

MOST = 2_000
"""URLs that are taken from one page or stylesheet, whatever the budget says."""
_CSS_CHARS = 2_000_000
_ICONS = frozenset(("icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon"))
_PRELOADED = frozenset(("style", "font", "image"))
_SOURCES = ("src", "data-src", "data-original", "data-lazy-src")
_SETS = ("srcset", "data-srcset", "data-lazy-srcset", "imagesrcset")
"""Attributes for images that a script loads when they come into sight are as common as those that HTML knows."""

_TOKEN = re.compile(
    r"""
      /\*.*?(?:\*/|\Z)
    | @(?P<rule>import|namespace)\s*(?:url\(\s*)?(?:"(?P<double>[^"\n]*)"|'(?P<single>[^'\n]*)'|(?P<bare>[^"'()\s;]+))
    | \burl\(\s*(?:"(?P<url_double>[^"\n]*)"|'(?P<url_single>[^'\n]*)'|(?P<url_bare>
        (?:[^"'()\s\\]|\\[0-9a-f]{1,6}\s?|\\.)++))\s*\)
    | "(?:[^"\\\n]|\\.)*(?:"|\n|\Z|\\) | '(?:[^'\\\n]|\\.)*(?:'|\n|\Z|\\)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)


def page_requisites(page: Page, limits: Limits | None = None) -> tuple[str, ...]:
    """The URLs (canonical, each once) that an HTML page needs, what matters most to its look first.

    A page that cannot be read needs nothing.
    """
    try:
        text = decode_page(page.content, page.content_type).text
        tree = parse_page(text, elements=(limits or Limits()).elements)
    except (UnknownCharset, Unreadable):
        return ()
    base = base_of(tree, page.url)
    return _unique(base, _in_page(tree))


def style_requisites(page: Page) -> tuple[str, ...]:
    """The URLs (canonical, each once) that a stylesheet names: those it imports first, then images and fonts."""
    try:
        text = decode_page(page.content, page.content_type).text
    except UnknownCharset:
        return ()
    return _unique(page.url, _in_style(text))


def _unique(base: str, addresses: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for address in addresses:
        if address[:5].lower() == "data:" or (url := absolute(base, address)) is None:
            continue
        try:
            found[canonical_url(url)] = None
        except ValueError:
            continue  # what is no URL for us would not be asked for either
        if len(found) == MOST:
            break
    return tuple(found)


def _in_page(tree: HtmlElement) -> Iterator[str]:
    """Addresses as they stand on the page, those without which it looks another first."""
    links = list(tree.iter("link"))
    styles = [element.text or "" for element in tree.iter("style")]
    inline = [element.get("style") or "" for element in tree.xpath("//*[contains(@style, '(')]")]
    yield from (each.get("href") or "" for each in links if _is_stylesheet(each))
    for css in styles + inline:
        yield from _in_style(css)
    for each in links:
        if "preload" in _rel(each) and (each.get("as") or "").lower() in _PRELOADED:
            yield each.get("href") or ""
    yield from _images(tree)
    yield from (each.get("href") or "" for each in links if _rel(each) & _ICONS)
    yield from _candidates(tree)


def _images(tree: HtmlElement) -> Iterator[str]:
    for element in tree.iter("img", "input", "video", "image", "use", "body", "table", "td", "th", "embed", "object"):
        match element.tag:
            case "img":
                yield from (element.get(name) or "" for name in _SOURCES)
            case "input" if (element.get("type") or "").lower() == "image":
                yield element.get("src") or ""
            case "video":
                yield element.get("poster") or ""
            case "image" | "use":
                yield element.get("href") or element.get("xlink:href") or ""
            case "embed" | "object" if (element.get("type") or "").lower().startswith("image/"):
                yield element.get("src") or element.get("data") or ""
            case "body" | "table" | "td" | "th":
                yield element.get("background") or ""


def _candidates(tree: HtmlElement) -> Iterator[str]:
    """Of images in several sizes each: which one is shown depends on who looks."""
    for element in tree.iter("img", "source", "link"):
        for name in _SETS:
            yield from _in_set(element.get(name) or "")


def _in_set(value: str) -> Iterator[str]:
    """The addresses of a srcset: each is a run without white space, and a comma ends what is said of it."""
    expected = True
    for word in value.split():
        if not expected:
            _, comma, word = word.partition(",")
            if not comma:
                continue
        address = word.strip(",")
        if address:
            yield address
        expected = not address or word.endswith(",")


def _is_stylesheet(link: HtmlElement) -> bool:
    rel = _rel(link)
    return "stylesheet" in rel and "alternate" not in rel


def _rel(link: HtmlElement) -> set[str]:
    return set((link.get("rel") or "").lower().split())


def _in_style(css: str) -> Iterator[str]:
    """What a stylesheet or a style attribute names; comments and other strings name nothing."""
    named: list[str] = []
    for token in _TOKEN.finditer(css[:_CSS_CHARS]):
        groups = token.groupdict()
        if (rule := groups.pop("rule")) is not None:
            if rule.lower() == "import":
                yield _unescaped(next((each for each in groups.values() if each is not None), ""))
            continue
        named.extend(_unescaped(each) for each in groups.values() if each is not None)
    yield from named


def _unescaped(text: str) -> str:
    """A CSS string without its escapes (CSS Syntax 3, 4.3.7)."""
    return _ESCAPE.sub(lambda found: _character(found[1]) if found[1] else found[2], text) if "\\" in text else text


def _character(digits: str) -> str:
    number = int(digits, 16)
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else "\N{REPLACEMENT CHARACTER}"
