"""What a page says of itself in JSON-LD, meta elements and microdata, read tolerantly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from typing import Any, TypeGuard

from lxml import etree
from lxml.html import HtmlElement

from scraper.extraction.passages import plain, text_of, tidy

ARTICLES = frozenset(
    [
        "article",
        "newsarticle",
        "backgroundnewsarticle",
        "blogposting",
        "opinionnewsarticle",
        "reportagenewsarticle",
        "analysisnewsarticle",
        "askpublicnewsarticle",
        "reviewnewsarticle",
        "scholarlyarticle",
        "socialmediaposting",
        "liveblogposting",
        "report",
        "techarticle",
        "advertisercontentarticle",
        "satiricalarticle",
        "medicalscholarlyarticle",
    ]
)
"""Types of schema.org that are one piece of journalism, in lower case."""

_MOST_SCRIPTS = 50
_MOST_CHARS = 2_000_000
_MOST_NODES = 5_000
_WRAPPING = re.compile(
    r"^\s*(?:<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)|(?:-->|//\s*\]\]>|/\*\s*\]\]>\s*\*/|\]\]>)\s*(?:;\s*)?$"
)
_COMMENT_LINE = re.compile(r"^[^\S\n]*//[^\n]*$", re.M)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MARKUP = re.compile(r"<[^<>]{1,300}>")

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Structured:
    """Metadata as stated: JSON-LD nodes, meta elements by name in lower case, microdata by property."""

    nodes: tuple[Node, ...]
    meta: dict[str, tuple[str, ...]]
    microdata: dict[str, tuple[str, ...]]

    @property
    def article(self) -> Node | None:
        """The first node that is a piece of journalism."""
        return next((node for node in self.nodes if types_of(node) & ARTICLES), None)

    def first(self, *names: str) -> str | None:
        """The first content of the first of these meta elements that there is."""
        return next((values[0] for name in names if (values := self.meta.get(name))), None)

    def item(self, *names: str) -> str | None:
        """The first value of the first of these microdata properties that there is."""
        return next((values[0] for name in names if (values := self.microdata.get(name))), None)


def read_structured(tree: HtmlElement) -> Structured:
    """Read all structured data of a page; what cannot be read is passed over."""
    return Structured(tuple(_nodes(tree)), _meta(tree), _microdata(tree))


def types_of(node: Node) -> frozenset[str]:
    """The types of a node in lower case, without schema.org's address."""
    stated = node.get("@type")
    names = stated if isinstance(stated, list) else [stated]
    return frozenset(name.rsplit("/", 1)[-1].lower() for name in names if isinstance(name, str))


def text_in(value: object) -> str | None:
    """The first text of a value: a string, a list's first, or a node's name; tags taken out."""
    for each in _each(value):
        if isinstance(each, str) and (text := plain(_MARKUP.sub("", unescape(each)))):
            return text
        if _is_node(each) and (name := text_in(each.get("name") or each.get("@value"))):
            return name
    return None


def texts_in(value: object) -> tuple[str, ...]:
    """All texts of a value, as text_in() reads one."""
    return tuple(text for each in _each(value) if (text := text_in(each)))


def _each(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _is_node(value: object) -> TypeGuard[Node]:
    return isinstance(value, dict)


def _nodes(tree: HtmlElement) -> Iterator[Node]:
    """The nodes of a page's JSON-LD: roots, graphs, and what a page is about; not what it merely lists."""
    left = _MOST_NODES
    for root in _roots(tree):
        pending: list[object] = [root]
        while pending and left > 0:
            value = pending.pop(0)
            left -= 1
            if isinstance(value, list):
                pending[:0] = value[:_MOST_NODES]
            elif _is_node(value):
                yield value
                for key in ("@graph", "mainEntity", "mainEntityOfPage"):
                    if isinstance(value.get(key), list | dict):
                        pending.append(value[key])


def _roots(tree: HtmlElement) -> Iterator[object]:
    scripts = (script for script in tree.iter("script") if "ld+json" in (script.get("type") or "").lower())
    for _, script in zip(range(_MOST_SCRIPTS), scripts, strict=False):
        text = script.text or ""
        if text.strip() and len(text) <= _MOST_CHARS:
            yield from _load(text)


def _load(text: str) -> list[object]:
    """The roots of a script: one as a rule, several where they stand one after another."""
    with suppress(ValueError, RecursionError):
        return [json.loads(text, strict=False)]
    mended = _mend(text)
    with suppress(ValueError, RecursionError):
        return [json.loads(mended, strict=False)]
    found: list[object] = []
    decoder = json.JSONDecoder(strict=False)
    at = _next_root(mended, 0)
    while 0 <= at < len(mended) and len(found) < _MOST_SCRIPTS:
        try:
            value, at = decoder.raw_decode(mended, at)
        except (ValueError, RecursionError):
            break
        found.append(value)
        at = _next_root(mended, at)
    return found


def _next_root(text: str, at: int) -> int:
    return min((place for sign in "{[" if (place := text.find(sign, at)) >= 0), default=-1)


def _mend(text: str) -> str:
    """Without the wrappings and comments that JSON does not have, and commas before a bracket's end."""
    text = _WRAPPING.sub("", text.strip().rstrip(";"))
    return _TRAILING_COMMA.sub(r"\1", _without_comments(_COMMENT_LINE.sub("", text)))


def _without_comments(text: str) -> str:
    """Without /* comments */. (An expression would look at the rest of the text for each that does not end.)"""
    parts: list[str] = []
    at = 0
    while (start := text.find("/*", at)) >= 0 and (end := text.find("*/", start + 2)) >= 0:
        parts.append(text[at:start])
        at = end + 2
    return "".join((*parts, text[at:]))


def _meta(tree: HtmlElement) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for element in tree.iter("meta"):
        content = element.get("content")
        if not content or not content.strip():
            continue
        for attribute in ("property", "name", "http-equiv", "itemprop"):
            if name := (element.get(attribute) or "").strip().lower():
                found.setdefault(name, []).append(tidy(content))
    return {name: tuple(values) for name, values in found.items()}


_ITEMS = etree.XPath("//*[@itemprop]")
_PROPERTIES = frozenset(
    [
        "headline",
        "datepublished",
        "datemodified",
        "datecreated",
        "author",
        "articlesection",
        "alternativeheadline",
        "keywords",
    ]
)


def _microdata(tree: HtmlElement) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for element in _ITEMS(tree):
        for name in element.get("itemprop").lower().split():
            if name in _PROPERTIES:
                value = element.get("content") or _moment_of(element) or _name_within(element)
                if value and len(value) < 500:
                    found.setdefault(name, []).append(tidy(value))
    return {name: tuple(values) for name, values in found.items()}


def _moment_of(element: HtmlElement) -> str | None:
    """The moment that an element states: `time` by its datetime, `abbr` by its title (microformats' abbr pattern)."""
    return element.get("datetime") or (element.get("title") if element.tag == "abbr" else None)


def _name_within(element: HtmlElement) -> str:
    for inner in element.iterdescendants("*"):
        if (inner.get("itemprop") or "").lower() == "name":
            return inner.get("content") or text_of(inner)
    return text_of(element)
