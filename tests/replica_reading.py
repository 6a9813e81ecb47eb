"""Reads the replica's pages with lxml alone, as a right extraction would, to hold them against the truth."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

import lxml.html
from lxml.html import HtmlElement

_BODIES = {"later": "news-body-container", "old": "item-text", "reader": "story-text"}
_LEFT_IN = re.compile(
    r"(?:Read more|Lire aussi ?):|.*alternate addresses:|.*adresses suivantes :|www\.[a-z0-9.-]+"
    r"|Sorry, the video player.*"
)


def read_article(page: bytes, url: str) -> dict[str, Any]:
    """What a page says: template, headline, section, date line, lead, tags, blocks, figures, addresses announced."""
    tree = lxml.html.document_fromstring(page, base_url=url)
    template = next(name for name, css in _BODIES.items() if tree.xpath(f'//div[@class="{css}"]'))
    body = tree.xpath(f'//div[@class="{_BODIES[template]}"]')[0]
    blocks, announced = _blocks(body)
    return {
        "template": template,
        "headline": _text(tree.xpath("//h2[@class='page-header']|//h1")[0]),
        "section": [_text(part) for part in tree.xpath("//div[@class='breadcrumb']/a|//ol[@class='crumbs']/li")],
        "dates": _text(tree.xpath("//div[@class='item-date' or @class='news-detail']|//p[@class='story-meta']")[0]),
        "lead": tree.xpath("string(//meta[@name='description']/@content)"),
        "tags": [_text(tag) for tag in tree.xpath("//div[@class='item-tags']/a|//ul[@class='story-tags']/li")],
        "language": tree.get("lang"),
        "blocks": blocks,
        "figures": [
            (urljoin(url, figure.xpath("string(img/@src)")), _text(figure) or None) for figure in tree.iter("figure")
        ],
        "announced": announced,
    }


def links(page: bytes, url: str) -> set[str]:
    """Every link of a page, absolute."""
    tree = lxml.html.document_fromstring(page)
    return {urljoin(url, str(href)) for href in tree.xpath("//a/@href")}


def _blocks(body: HtmlElement) -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs of kind and text (a list's items divided by line breaks); what templates leave in a body is passed over."""
    found: list[tuple[str, str]] = []
    announced: list[str] = []
    after_label = False
    for element in body:
        text = _text(element)
        linked = "".join(link.text_content() for link in element.iter("a"))
        only_links = bool(linked) and "".join(linked.split()) == "".join(text.split())
        if element.tag in ("script", "div", "a") or _LEFT_IN.fullmatch(text):
            announced += re.findall(r"www\.[a-z0-9.-]+", text)
            after_label = text.startswith(("Read more", "Lire aussi"))
        elif not text or (after_label and only_links):
            continue
        else:
            after_label = False
            found.append(_block(element, text))
    return found, announced


def _block(element: HtmlElement, text: str) -> tuple[str, str]:
    kinds = {"p": "paragraph", "h3": "heading", "blockquote": "quote", "ul": "list", "figure": "caption"}
    kind = kinds[str(element.tag)]
    return kind, "\n".join(_text(item) for item in element) if kind == "list" else text


def _text(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())
