"""Telling the beginning of an article, shown before a paywall, from the article."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from lxml import etree
from lxml.html import HtmlElement

from scraper.extraction.blocks import Piece
from scraper.extraction.passages import text_of
from scraper.extraction.rights import is_free, is_paid, paid_parts
from scraper.extraction.structured import Structured, text_in

_SHORT = 150
"""Words below which a page that states a paywall, and shows one of the signs of it, holds a teaser."""
_SHARE = 2
"""A text is cut short that is less than one in so many of what the page states of its length."""
_WALL_WORDS = 60
"""Words up to which an element that is named after a paywall is the wall, and no text that stands behind it."""
_MOST_WORDS = 1_000_000
_MOST_PARTS = 20
_ENDING = re.compile(r"(?:…|\.\.\.|\[…\]|\[\.\.\.\])\W*$")
_LAST = 40
"""Characters in which a text's ending is looked for."""
_SIGN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Signs of scripts that set no blanks between words, or few: each is counted as a word."""
_WALLS = etree.XPath("//body//*[contains(@class, 'aywall') or contains(@id, 'aywall')]")


def is_teaser_of_paid(tree: HtmlElement, stated: Structured, body: str) -> bool:
    """Whether a page whose article is not free holds no more than the beginning of its article.

    It does where it holds no text, or states a length (wordCount, articleBody) of which the text is less than half. It
    does too where the text is short, and ends in an ellipsis, or the parts that it calls paid are not there, or, where
    it names no such parts, something on it is named after a paywall.
    """
    if not is_paid(stated):
        return False
    node, words = stated.article or {}, _count_words(body)
    stated_words = _whole_number(node.get("wordCount"))
    whole = text_in(node.get("articleBody")) or ""
    if not words or _SHARE * words < max(stated_words, _count_words(whole[: 10 * len(body) + 10_000])):
        return True
    if words >= _SHORT:
        return False
    names = [str(part["cssSelector"]) for part in islice(paid_parts(stated), _MOST_PARTS) if "cssSelector" in part]
    missing = not any(_holds_text(tree, name) for name in names) if names else bool(_WALLS(tree))
    return missing or _breaks_off(body)


def ends_at_wall(tree: HtmlElement, stated: Structured, body: Sequence[Piece]) -> bool:
    """Whether the text of a page that says nothing of payment is short, breaks off in an ellipsis, and all that stands
    behind it is a line or two in an element named after a paywall."""
    if is_free(stated):
        return False
    walls = {each for each in _WALLS(tree)[:_MOST_PARTS] if 0 < _count_words(text_of(each)) <= _WALL_WORDS}
    text = "\n".join(each.text for each in body if not _stands_in(each, walls)) if walls else ""
    return _breaks_off(text) and _count_words(text) < _SHORT


def _breaks_off(text: str) -> bool:
    """Whether a text ends in an ellipsis."""
    return _ENDING.search(text[-_LAST:]) is not None


def _stands_in(piece: Piece, elements: set[HtmlElement]) -> bool:
    element = piece.passage.element if piece.passage is not None else None
    return element is not None and any(each in elements for each in (element, *element.iterancestors()))


def _holds_text(tree: HtmlElement, selector: str) -> bool:
    """Whether an element that a class or an id names is there, and not empty; other selectors tell nothing."""
    name = _NAME.fullmatch(selector.strip())
    if name is None:
        return True
    found = _BY_ID(tree, name=name[2]) if name[1] == "#" else _BY_CLASS(tree, name=f" {name[2]} ")
    return any("".join(each.itertext()).strip() for each in found[:_MOST_PARTS])


_NAME = re.compile(r"(?:[a-z][a-z0-9]{0,20})?([.#])([\w-]{1,200})", re.I)
_BY_ID = etree.XPath("//*[@id = $name]")
_BY_CLASS = etree.XPath("//*[contains(concat(' ', normalize-space(@class), ' '), $name)]")


def _count_words(text: str) -> int:
    return len(text.split()) + len(_SIGN.findall(text))


def _whole_number(value: object) -> int:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal() and len(value) < 20:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST_WORDS else 0
