"""Telling a page that holds several articles from the page of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml.html import HtmlElement

from scraper.extraction.listing import is_teaser
from scraper.extraction.passages import Passage, letters_of, text_of
from scraper.extraction.structured import ARTICLES, Structured, text_in, types_of

_WHOLE = 600
"""Letters that are no links from which on an article element holds an article, and no teaser of one."""
_MOST = 50


def holds_several(tree: HtmlElement, passages: Sequence[Passage], stated: Structured, url: str) -> bool:
    """Whether a page holds whole articles, and says of none that it is its own: by its title, or by the only h1."""
    headings = dict(_headed(tree, url))
    if not 2 <= len(headings) <= _MOST:
        return False
    letters = dict.fromkeys(headings, 0.0)
    for passage in passages:
        for above in passage.element.iterancestors("article"):
            if above in letters:
                letters[above] += len(passage.letters) * (1 - passage.link_share)
                break
    whole = [heading for element, heading in headings.items() if letters[element] >= _WHOLE]
    if len(whole) < 2:
        return False
    titled = sum(_is_stated(text_of(heading), stated, tree) for heading in whole)
    return titled != 1 and sum(heading.tag == "h1" for heading in whole) != 1


def _headed(tree: HtmlElement, url: str) -> Iterator[tuple[HtmlElement, HtmlElement]]:
    """The outermost article elements with their headings, but for teasers."""
    articles = list(tree.iter("article"))
    for article in articles if len(articles) > 1 else ():
        heading = next(article.iter("h1", "h2"), None)
        if heading is not None and next(article.iterancestors("article"), None) is None and not is_teaser(article, url):
            yield article, heading


def _is_stated(heading: str, stated: Structured, tree: HtmlElement) -> bool:
    """Whether the page is titled with a heading. Of several articles in the metadata none is the page's own."""
    nodes = [node for node in stated.nodes if types_of(node) & ARTICLES]
    named = text_in(nodes[0].get("headline")) if len(nodes) == 1 else None
    titles = (stated.first("og:title"), tree.findtext(".//title"), named)
    letters = letters_of(heading).casefold()
    return bool(letters) and any(letters in letters_of(each or "").casefold() for each in titles)
