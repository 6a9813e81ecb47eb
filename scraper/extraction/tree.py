"""From text to one element tree, within bounds of size and depth."""

from __future__ import annotations

import re

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from scraper.extraction.streaming import is_streamed, place_streamed

DEEPEST = 200
"""Levels below which wrappers are taken away. libxml2 stops at 256 by default, and trafilatura recurses."""

_COUNT = etree.XPath("count(//*)")
# One step a level: each level's elements are looked at once, which no other expression for depth can say.
_BELOW_DEEPEST = etree.XPath(f"boolean({'/*' * (DEEPEST + 1)})")
_CLOSED_DOCTYPE = re.compile(r"^\s*<\s?!\s?DOCTYPE[^>]*/[^<>]*>", re.I)
_CLOSED_HTML = re.compile(r"(<html[^>]{0,500}?)\s*/>", re.I)
_END = re.compile(r"</(?:body|html)\b[^<>]{0,500}>", re.I)
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,500}>", re.I)
_INLINE_OR_WRAPPER = frozenset(
    [
        "div",
        "span",
        "section",
        "article",
        "main",
        "center",
        "font",
        "b",
        "i",
        "u",
        "em",
        "strong",
        "small",
        "big",
        "a",
        "form",
        "fieldset",
        "table",
        "tbody",
        "tr",
        "td",
    ]
)


class Unreadable(ValueError):
    """A page that cannot be read whole; `reason` is one stable word: 'empty', 'too-large', 'too-deep'."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def parse_page(text: str, *, elements: int) -> HtmlElement:
    """Parse a page into a tree of at most `elements` elements and DEEPEST levels, with the parts that were streamed
    behind it in their places.

    What is nested more deeply is brought up where only wrappers are to blame; else Unreadable('too-deep') is raised,
    for libxml2 would drop the text below its limit without a word.
    """
    streamed = is_streamed(text)
    parser = HTMLParser(
        collect_ids=False,
        default_doctype=False,
        encoding="utf-8",
        remove_comments=not streamed,
        remove_pis=True,
        huge_tree=True,
    )
    parser.set_element_class_lookup(_ALIKE)
    try:
        tree = document_fromstring(_repair(text).encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        raise Unreadable("empty") from None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise Unreadable("too-deep")
    if _COUNT(tree) > elements:
        raise Unreadable("too-large")
    if streamed:
        place_streamed(tree)
    if _too_deep(tree):
        _flatten(tree)
        if _too_deep(tree):
            raise Unreadable("too-deep")
    return tree


def _repair(text: str) -> str:
    """Mend what makes libxml2 lose the page: self-closed doctype and html, an encoding that was, and ends of the page
    that are none. Pages put together of whole ones have these in the midst of their text; browsers read on in the
    element that is open (HTML, 13.2.6.4.22), and libxml2 has what follows in a root that nobody would read."""
    head = text[:_HEAD]
    mended = _XML_DECLARATION.sub("", head, count=1)
    mended = _CLOSED_DOCTYPE.sub("", mended, count=1)
    mended = _CLOSED_HTML.sub(r"\1>", mended, count=1)
    text = text if mended == head else mended + text[_HEAD:]
    end = _END.search(text)
    return text if end is None or not _END.sub("", text[end.end() :]).strip() else _END.sub("", text)


_HEAD = 4_096
_ALIKE = etree.ElementDefaultClassLookup(element=HtmlElement)
"""Every element is one of the same class: lxml.html's own lookup, for forms, asks Python for each of them."""


def _too_deep(tree: HtmlElement) -> bool:
    return bool(_BELOW_DEEPEST(tree))


def _flatten(tree: HtmlElement) -> None:
    """Take away wrappers that hold one element and no text, then what only styles text, below the first levels."""
    for element in list(tree.iterdescendants()):
        parent = element.getparent()
        if parent is None or element.tag not in _INLINE_OR_WRAPPER or parent.getparent() is None:
            continue
        if len(element) == 1 and not (element.text or "").strip() and not (element[0].tail or "").strip():
            element.drop_tag()
    if not _too_deep(tree):
        return
    for element in list(tree.iter("font", "b", "i", "u", "em", "strong", "small", "big", "span", "center")):
        if element.getparent() is not None:
            element.drop_tag()
