"""What a page, or the answer that brought it, states of what may be done with it.

Sources: robots meta and X-Robots-Tag as Google documents them
(developers.google.com/search/docs/crawling-indexing/robots-meta-tag), TDM Reservation Protocol (W3C community group,
w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510), isAccessibleForFree and hasPart of schema.org as Google
documents them for paywalled content, rel=license (HTML, section 4.6.7.8; as a Link header RFC 8288).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from lxml import etree
from lxml.html import HtmlElement

from scraper.extraction.links import absolute
from scraper.extraction.passages import tidy
from scraper.extraction.structured import Structured, text_in, types_of
from storage.rights import Statement, bounded

_ROBOTS = ("robots", "googlebot", "googlebot-news", "bingbot", "presskeep")
"""Names of meta elements that speak to robots: to all, to those that many pages speak to, and to this one."""
_WITH_VALUE = frozenset(("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"))
_NO_LIMIT = frozenset(
    ("all", "index", "follow", "archive", "max-image-preview:large", "max-snippet:-1", "max-video-preview:-1")
)
"""Directives that say what holds anyway."""
_GONE = frozenset(("noodp", "noydir"))
"""Directives about directories that are no more (DMOZ, Yahoo's)."""
_NAMED = re.compile(r"([a-z][\w.*-]{0,60})\s*:\s*(.*)", re.I | re.S)
_COLON = re.compile(r"\s*:\s*")
_TIERS = ("article:content_tier", "og:article:content_tier", "article_content_tier", "article:content-tier")
_OPEN = frozenset(("free", "metered"))
_COPYRIGHTS = ("copyright", "dc.rights", "dcterms.rights", "rights")
_LICENCES = ("dcterms.license", "dc.license")
_WITH_LICENCE = etree.XPath("//a[contains(@rel, 'icense')] | //link[contains(@rel, 'icense')]")
_LINK = re.compile(r"<([^<>]{1,2000})>([^<,]*)")
_REL_LICENCE = re.compile(r"""\brel\s*=\s*["']?(?:[\w\s:/.-]*\s)?license\b""", re.I)
_LOOKED_AT = 1_000
_LONGEST = 2_000


def read_rights(tree: HtmlElement, stated: Structured, base: str) -> tuple[Statement, ...]:
    """What a page states: of robots, mining, a paywall, licences and copyright. `base` resolves its links."""
    return bounded(
        (
            *_robots_metas(stated),
            *_mining_metas(stated),
            *_paywall(stated),
            *_licences(tree, stated, base),
            *_copyright(stated),
        )
    )


def rights_of_headers(headers: Iterable[tuple[str, str]], url: str) -> tuple[Statement, ...]:
    """What the headers of an answer state that storage.rights.stating_headers() gives; its URL resolves their links."""
    found: list[Statement] = []
    for name, value in headers:
        if name == "x-robots-tag":
            found += _robots("header x-robots-tag", value, None)
        elif name == "link":
            for address, parameters in _LINK.findall(value):
                target = absolute(url, address) if _REL_LICENCE.search(parameters) else None
                if target is not None:
                    found.append(Statement("licence", "header link", target))
        elif value:
            found.append(Statement("tdm", f"header {name}", value))
    return bounded(found)


def is_paid(stated: Structured) -> bool:
    """Whether a page says of its article that it is not free, and says nowhere that it is, or is so for some."""
    tiers = _tiers(stated)
    return (any(map(is_no, _said_free(stated))) or "locked" in tiers) and not tiers & _OPEN


def is_free(stated: Structured) -> bool:
    """Whether a page says of its article that it is free, or is so for some."""
    said = [each for each in _said_free(stated) if each is not None]
    return bool(_tiers(stated) & _OPEN) or (bool(said) and not any(map(is_no, said)))


def _tiers(stated: Structured) -> set[str]:
    return {value.lower() for name in _TIERS for value in stated.meta.get(name, ())[:1]}


def _said_free(stated: Structured) -> list[object]:
    """What a page says of whether it is free (isAccessibleForFree); None where a node says nothing."""
    own = (node.get("isAccessibleForFree") for node in _own_nodes(stated))
    return [*stated.meta.get("isaccessibleforfree", ()), *own]


def is_no(value: object) -> bool:
    """Whether a value of schema.org's Boolean says no: false, "False", "http://schema.org/False"."""
    return value is False or (isinstance(value, str) and value.strip().rsplit("/", 1)[-1].lower() == "false")


def paid_parts(stated: Structured) -> Iterator[dict[str, Any]]:
    """The parts of a page that it calls not free (hasPart)."""
    for node in _own_nodes(stated):
        parts = node.get("hasPart")
        for part in islice(parts if isinstance(parts, list) else [parts], _LOOKED_AT):
            if isinstance(part, dict) and is_no(part.get("isAccessibleForFree")):
                yield part


def _own_nodes(stated: Structured) -> list[dict[str, Any]]:
    """The nodes that are the page itself: its article, and the page as such."""
    pages = [node for node in stated.nodes if "webpage" in types_of(node)]
    return [node for node in (stated.article, *pages) if node is not None]


def _robots_metas(stated: Structured) -> Iterator[Statement]:
    for name in _ROBOTS:
        for value in stated.meta.get(name, ())[:_LOOKED_AT]:
            yield from _robots(f"meta {name}", value, None if name == "robots" else name)


def _robots(by: str, value: str, to: str | None) -> list[Statement]:
    """A statement for each agent that a value speaks to; none where it limits nothing."""
    said: dict[str | None, dict[str, None]] = {}
    for agent, directive in _directives(value[:_LONGEST], to):
        words = _COLON.sub(":", directive.lower()).split()
        if not all(word in _NO_LIMIT or word in _GONE for word in words):
            said.setdefault(agent, {})[directive] = None
    return [Statement("robots", by, ", ".join(directives), agent) for agent, directives in said.items()]


def _directives(value: str, to: str | None) -> Iterator[tuple[str | None, str]]:
    """The directives of a value with whom each speaks to; a name before them (X-Robots-Tag) holds for those behind."""
    waiting = ""
    for piece in map(tidy, value.split(",")):
        if waiting.startswith("unavailable_after") and piece[:1].isdigit():
            waiting = f"{waiting}, {piece}"  # the comma of a date: Saturday, 25-Jun-2010
            continue
        if waiting:
            yield to, waiting
        named = _NAMED.match(piece)
        if named is not None and named[1].lower() not in _WITH_VALUE:
            to, piece = named[1].lower(), named[2]
        name, colon, rest = piece.partition(":")
        waiting = f"{name.strip().lower()}{colon}{rest}"
    if waiting:
        yield to, waiting


def _mining_metas(stated: Structured) -> Iterator[Statement]:
    for name in ("tdm-reservation", "tdm-policy"):
        for value in stated.meta.get(name, ())[:1]:
            yield Statement("tdm", f"meta {name}", value)


def _paywall(stated: Structured) -> Iterator[Statement]:
    if any(is_no(node.get("isAccessibleForFree")) for node in _own_nodes(stated)):
        yield Statement("paywall", "json-ld isAccessibleForFree", "false")
    for part in paid_parts(stated):
        selector = part.get("cssSelector")
        yield Statement("paywall", "json-ld hasPart", tidy(selector) if isinstance(selector, str) else "")
    if any(is_no(value) for value in stated.meta.get("isaccessibleforfree", ())):
        yield Statement("paywall", "microdata isAccessibleForFree", "false")
    for name in _TIERS:
        for value in stated.meta.get(name, ())[:1]:
            if value.lower() != "free":
                yield Statement("paywall", f"meta {name}", value)


def _licences(tree: HtmlElement, stated: Structured, base: str) -> Iterator[Statement]:
    for element in islice(_WITH_LICENCE(tree), _LOOKED_AT):
        if "license" in element.get("rel").lower().split() and (url := absolute(base, element.get("href"))):
            yield Statement("licence", "rel license", url)
    for node in _own_nodes(stated):
        for name in ("license", "usageInfo"):
            value = node.get(name)
            address = value.get("url") if isinstance(value, dict) else None
            if text := _named(address or value, stated):
                yield Statement("licence", f"json-ld {name}", text)
    for name in _LICENCES:
        for value in stated.meta.get(name, ())[:_LOOKED_AT]:
            yield Statement("licence", f"meta {name}", value)


def _copyright(stated: Structured) -> Iterator[Statement]:
    for node in _own_nodes(stated):
        for name in ("copyrightHolder", "copyrightNotice"):
            if text := _named(node.get(name), stated):
                yield Statement("copyright", f"json-ld {name}", text)
    for name in _COPYRIGHTS:
        for value in stated.meta.get(name, ())[:_LOOKED_AT]:
            yield Statement("copyright", f"meta {name}", value)


def _named(value: object, stated: Structured) -> str | None:
    """A text, or a node's name; of a node that is only pointed to, its name where the page has it, else its URL."""
    if (text := text_in(value)) or not isinstance(value, dict):
        return text
    address = value.get("url") or value.get("@id")
    if not isinstance(address, str):
        return None
    pointed = (node for node in stated.nodes if node.get("@id") == address)
    name = next((text for node in pointed if (text := text_in(node))), None)
    return name or (address if address.startswith(("http://", "https://")) else None)
