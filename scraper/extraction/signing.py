"""Who wrote an article: the persons that its page names, from where it names them most surely on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from lxml import etree
from lxml.html import HtmlElement

from scraper.extraction.authors import persons, split_names
from scraper.extraction.bylines import Bylines, printed_authors
from scraper.extraction.engine import Engine
from scraper.extraction.headline import bare
from scraper.extraction.structured import Structured, text_in, texts_in, types_of

Names = tuple[str, ...]

_METAS = ("author", "article:author", "parsely-author")
_SIGNED_BY_MANY = etree.XPath("boolean(//a[@rel='author'][2])")


def read_authors(
    tree: HtmlElement, stated: Structured, engine: Engine, sites: frozenset[str], *, marks_believed: bool
) -> tuple[Names, str]:
    """The authors, and how they were found ('' for none). `sites` are the names of the page's site, as bare() gives
    them: where no person is named, the house is.

    `marks_believed`: the names that the page marks as its author's go before the engine's guess.
    """
    page = _Page(tree, stated, engine, marks_believed)
    houses: list[tuple[Names, str]] = []
    for how, find in _SOURCES:
        names = persons(find(page))
        if found := tuple(name for name in names if bare(name) not in sites):
            return found, how
        houses.append((names, how))
    houses.append((persons(texts_in(page.author)), "json-ld"))
    return next((each for each in houses if each[0]), ((), ""))


@dataclass(frozen=True)
class _Page:
    tree: HtmlElement
    stated: Structured
    engine: Engine
    marks_believed: bool

    @property
    def author(self) -> object:
        """What JSON-LD states as the article's author."""
        return (self.stated.article or {}).get("author")

    @cached_property
    def marked(self) -> Bylines:
        """The names that the page marks as its author's, read once."""
        return printed_authors(self.tree)


def _stated(page: _Page) -> Names:
    """The persons among the authors that JSON-LD states; organisations are publishers."""
    authors = page.author if isinstance(page.author, list) else [page.author]
    names: list[str] = []
    for author in authors:
        if isinstance(author, dict) and types_of(author) and "person" not in types_of(author):
            continue
        if (text := text_in(author)) and not text.startswith(("http:", "https:")):
            names.extend(split_names(text))
    return tuple(names)


def _marked_before_guessed(page: _Page) -> Names:
    """The names marked as the author's, but for the engine's where it found one of them."""
    if not page.marks_believed:
        return ()
    guessed = persons(page.engine.authors)
    known = {name.casefold() for name in page.marked.every}
    return () if guessed and all(name.casefold() in known for name in guessed) else page.marked.best


def _guessed(page: _Page) -> Names:
    """The engine's guess; where that is one name of several that are marked beside it, all of these."""
    stated = page.stated.first(*_METAS) or ""
    if "@" in stated and " " in stated:
        return ()  # it makes words of an address, and these a part of the name
    names = persons(page.engine.authors)
    return page.marked.with_others(names) if len(names) == 1 and _SIGNED_BY_MANY(page.tree) else names


def _meta(page: _Page) -> Names:
    return split_names(page.stated.first(*_METAS) or "")


_SOURCES: tuple[tuple[str, Callable[[_Page], Names]], ...] = (
    ("json-ld", _stated),
    ("byline", _marked_before_guessed),
    ("trafilatura", _guessed),
    ("author", _meta),
    ("byline", lambda page: page.marked.best),
)
