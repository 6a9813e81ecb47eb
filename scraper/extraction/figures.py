"""Figures by the rules of a template: image, caption as printed, credit cut out of it."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass

from lxml import etree
from lxml.html import HtmlElement

from scraper.extraction.links import absolute
from scraper.extraction.passages import text_of, tidy
from scraper.outlet import FigureRule
from scraper.patterns import compile_pattern
from scraper.selecting import select
from storage.content import Figure

_SOURCES = ("data-src", "data-original", "data-lazy-src", "src")
_INLINE = re.compile(r"data:", re.I)


@dataclass(frozen=True, slots=True)
class FoundFigure:
    """A figure, the element that holds it, and the elements that hold its caption and credit."""

    figure: Figure
    element: HtmlElement
    captions: tuple[HtmlElement, ...]

    def within(self, elements: Container[etree._Element]) -> bool:
        """Whether the figure stands in one of these elements."""
        return any(each in elements for each in (self.element, *self.element.iterancestors()))


def read_figures(tree: HtmlElement, rules: Sequence[FigureRule], base: str) -> list[FoundFigure]:
    """The figures of a page, those of earlier rules first, those of one rule in the order of the page.

    Of a rule every selector counts; an element that one took is no other's, nor is what holds it or stands in it. Of
    elements of one selector that stand in each other, as the pictures of a gallery in its figure, the inner are taken.
    """
    found: list[FoundFigure] = []
    taken: set[etree._Element] = set()
    for rule in rules:
        of_rule: dict[etree._Element, FoundFigure] = {}
        for selector in rule.select:
            for item in _innermost(select(tree, selector)):
                if _overlaps(item, taken):
                    continue
                figure = _read(item, rule, base)
                if figure is not None:
                    of_rule[item] = figure
                    taken.update((item, *figure.captions))
        if len(of_rule) > 1:
            found.extend(of_rule[element] for element in tree.iter() if element in of_rule)
        else:
            found.extend(of_rule.values())
    return found


def _innermost(selected: Sequence[HtmlElement | str]) -> list[HtmlElement]:
    elements = [item for item in selected if not isinstance(item, str)]
    holders = {above for each in elements for above in each.iterancestors()}
    return [each for each in elements if each not in holders]


def _overlaps(element: HtmlElement, taken: set[etree._Element]) -> bool:
    return any(each in taken for each in (element, *element.iterancestors(), *element.iterdescendants()))


def _read(element: HtmlElement, rule: FigureRule, base: str) -> FoundFigure | None:
    captions = _first_texts(element, rule.caption or ("figcaption",))
    credits = _first_texts(element, rule.credit)
    caption = " ".join(text for text, _ in captions) or None
    credit = " ".join(text for text, _ in credits) or None
    if credit is None and caption and rule.credit_pattern:
        match = compile_pattern(rule.credit_pattern).search(caption)
        credit = tidy(match.groupdict().get("credit") or match[0]) if match else None
    url = _image(element, rule.image, base)
    if url is None and caption is None:
        return None
    holders = tuple(holder for _, holder in (*captions, *credits) if holder is not None)
    return FoundFigure(Figure(url, caption, credit), element, holders)


def _first_texts(element: HtmlElement, selectors: Sequence[str]) -> list[tuple[str, HtmlElement | None]]:
    """The first text that the first selector with any finds, with its element."""
    for selector in selectors:
        for item in select(element, selector):
            text = tidy(item) if isinstance(item, str) else text_of(item)
            if text:
                return [(text, None if isinstance(item, str) else item)]
    return []


def _image(element: HtmlElement, selectors: Sequence[str], base: str) -> str | None:
    for selector in selectors:
        for item in select(element, selector):
            sources = [item] if isinstance(item, str) else [item.get(name) or "" for name in (*_SOURCES, "content")]
            for source in sources:
                if source.strip() and not _INLINE.match(source.strip()) and (url := absolute(base, source)):
                    return url
    return None
