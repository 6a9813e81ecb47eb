"""Telling a page that holds several articles from the page of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml.html import HtmlElement

from scraper.extraction.listing import is_teaser
from scraper.extraction.passages import Passage, letters_of, text_of
from scraper.extraction.structured import ARTICLES, Structured, text_in, types_of

_WHOLE = 600
"""Letters that are no links from which on a heading has an article under it, and no teaser of one."""
_MOST = 50


def holds_several(tree: HtmlElement, passages: Sequence[Passage], stated: Structured, url: str) -> bool:
    """Whether a page holds whole articles, and says of none that it is its own.

    They are article elements, of which the page has neither the title nor its only h1; or each stands under an h1, all
    of them made alike, none of which is the title.
    """
    whole = _whole(_in_articles(tree, passages, url))
    if len(whole) > 1:
        titled = sum(_is_stated(heading, stated, tree) for heading in whole.values())
        return titled != 1 and sum(heading.tag == "h1" for heading in whole.values()) != 1
    letters = _under_headings(tree, passages)
    whole = _whole(letters)
    made = {_make_of(heading) for heading in whole.values()}
    return len(whole) > 1 and len(made) == 1 and not any(_is_stated(heading, stated, tree) for heading in letters)


def _whole(letters: dict[HtmlElement, float]) -> dict[str, HtmlElement]:
    """The headings that whole articles have, by their letters: what stands twice on a page, for phones, is one."""
    return {letters_of(text_of(heading)): heading for heading, n in letters.items() if n >= _WHOLE}


def _in_articles(tree: HtmlElement, passages: Sequence[Passage], url: str) -> dict[HtmlElement, float]:
    """The headings of the outermost article elements, but for teasers, and the letters in each that are no links."""
    articles = list(tree.iter("article"))
    headings = dict(_headed(articles, url)) if 2 <= len(articles) <= _MOST else {}
    letters = dict.fromkeys(headings.values(), 0.0)
    for passage in passages if len(headings) > 1 else ():
        for above in passage.element.iterancestors("article"):
            if above in headings:
                letters[headings[above]] += _printed(passage)
                break
    return letters


def _headed(articles: list[HtmlElement], url: str) -> Iterator[tuple[HtmlElement, HtmlElement]]:
    for article in articles:
        heading = next(article.iter("h1", "h2"), None)
        if heading is not None and next(article.iterancestors("article"), None) is None and not is_teaser(article, url):
            yield article, heading


def _under_headings(tree: HtmlElement, passages: Sequence[Passage]) -> dict[HtmlElement, float]:
    """The h1 elements of a page, and the letters that stand behind each and are no links."""
    headings = list(tree.iter("h1"))
    letters = dict.fromkeys(headings, 0.0)
    heading = None
    for passage in passages if 2 <= len(headings) <= _MOST else ():
        above = next(
            (each for each in (passage.element, *passage.element.iterancestors("h1")) if each in letters), None
        )
        heading = heading if above is None else above
        if above is None and heading is not None:
            letters[heading] += _printed(passage)
    return letters


def _make_of(heading: HtmlElement) -> tuple[str | None, ...]:
    around = heading.getparent()
    return heading.get("class"), *((around.tag, around.get("class")) if around is not None else ())


def _printed(passage: Passage) -> float:
    return len(passage.letters) * (1 - passage.link_share)


def _is_stated(heading: HtmlElement, stated: Structured, tree: HtmlElement) -> bool:
    """Whether the page is titled with a heading. Of several articles in the metadata none is the page's own."""
    nodes = [node for node in stated.nodes if types_of(node) & ARTICLES]
    named = text_in(nodes[0].get("headline")) if len(nodes) == 1 else None
    titles = (stated.first("og:title"), tree.findtext(".//title"), named)
    letters = letters_of(text_of(heading)).casefold()
    return bool(letters) and any(letters in letters_of(each or "").casefold() for each in titles)
