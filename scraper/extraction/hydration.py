"""The text that a page brings along as data, for its own script to show, where the page itself prints next to none.

Frameworks for the browser ship what a page is made of as JSON, within a script element or as strings of a script; of an
article's text that is often one string of HTML, as the publishing system gave it out. Sources: `__NEXT_DATA__` of
Next.js (nextjs.org/docs), `window.__NUXT__` of Nuxt, and others that write JSON alike; the stream that newer Next.js
pushes to `self.__next_f`, where a row of text is `ID:Tn,text`, n bytes in hexadecimal (React's ReactFlightClient).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

from lxml.html import HtmlElement

from scraper.extraction.passages import letters_of, text_of
from scraper.extraction.tree import Unreadable, parse_page

_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.S)
"""A string of JSON (RFC 8259, 7)."""
_PUSH = "__next_f.push([1,"
_ROW = re.compile(rb"[0-9a-f]*:T([0-9a-f]{1,7}),")
_NEXT_ROW = re.compile(rb"\n" + _ROW.pattern)
_PARAGRAPH = re.compile(r"<p[\s>]", re.I)
_LEAST_PARAGRAPHS = 3
_LEAST_LETTERS = 300
_DEEPEST = 2
"""So many strings may stand within one another, each written as a string of JSON in the other."""
_MOST = 50
"""So many strings of HTML at most are looked at."""
_RIVAL = 0.5


def show_data(tree: HtmlElement, *, elements: int) -> bool:
    """Put at the end of the body, as an `article`, the HTML of an article's text that the page's scripts hold; False
    where they hold none of at most `elements` elements, or several of which none is much longer than the others."""
    body = tree.find("body")
    if body is None:
        return False
    found: dict[str, HtmlElement] = {}
    for markup in islice(_markups(tree), _MOST):
        article = _article_of(markup, elements)
        if article is not None:
            found.setdefault(letters_of(text_of(article)), article)
    ordered = sorted((letters for letters in found if len(letters) >= _LEAST_LETTERS), key=len, reverse=True)
    ordered = [each for each in ordered if each == ordered[0] or each not in ordered[0]]
    if not ordered or any(len(each) > _RIVAL * len(ordered[0]) for each in ordered[1:]):
        return False
    body.append(found[ordered[0]])
    return True


def _markups(tree: HtmlElement) -> Iterator[str]:
    """The strings of the page's scripts that are HTML of several paragraphs."""
    scripts = [each.text or "" for each in tree.iter("script")]
    stream = "".join(_pushed(scripts))
    for row in _rows(stream):
        if _is_markup(row):
            yield row
    for script in (stream, *(each for each in scripts if _PUSH not in each)):
        if len(script) >= _LEAST_LETTERS:
            yield from _strings(script, _DEEPEST)


def _pushed(scripts: list[str]) -> Iterator[str]:
    """The pieces of Next.js' stream, in order."""
    for script in scripts:
        at = script.find(_PUSH)
        while at >= 0:
            piece = next(_literals(script, at + len(_PUSH)), None)
            if piece is None:
                break
            yield _decoded(piece[0]) or ""
            at = script.find(_PUSH, piece.end())


def _rows(stream: str) -> Iterator[str]:
    """The rows of text. Behind one the next row begins at once, and behind others on a new line."""
    data, at = stream.encode("utf-8", "replace"), 0
    while (match := _ROW.match(data, at) or _NEXT_ROW.search(data, at)) is not None:
        at = match.end() + int(match[1], 16)
        yield data[match.end() : at].decode("utf-8", "replace")


def _strings(text: str, depth: int) -> Iterator[str]:
    for literal in _literals(text, 0):
        if literal.end() - literal.start() < _LEAST_LETTERS:
            continue
        value = _decoded(literal[0])
        if value is None:
            continue
        if _is_markup(value):
            yield value
        elif depth > 1:
            yield from _strings(value, depth - 1)


def _literals(text: str, start: int) -> Iterator[re.Match[str]]:
    """The strings in a text, one after the other, as far as they end. (A search that went on behind a quotation mark
    whose string does not end would look at the rest of the text for each of its marks.)"""
    at = text.find('"', start)
    while at >= 0 and (found := _STRING.match(text, at)) is not None:
        yield found
        at = text.find('"', found.end())


def _decoded(literal: str) -> str | None:
    try:
        value = json.loads(literal, strict=False)
    except ValueError:  # a string of a script that is no JSON
        return None
    return value if isinstance(value, str) else None


def _is_markup(value: str) -> bool:
    return value.lstrip().startswith("<") and len(_PARAGRAPH.findall(value)) >= _LEAST_PARAGRAPHS


def _article_of(markup: str, elements: int) -> HtmlElement | None:
    try:
        tree = parse_page(f"<html><body><article>{markup}</article></body></html>", elements=elements)
    except Unreadable:
        return None
    article: HtmlElement | None = tree.find("body/article")
    return article
