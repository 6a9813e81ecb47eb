"""The names that a page prints as its author's, by the marks that sites put on them.

Sources: rel="author" (HTML, 4.6.7.2), hAtom's and h-entry's `author`, `fn`, `p-author`, WordPress' blocks
`wp-block-post-author__name` and `wp-block-post-author-name`, schema.org's itemprop="author".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from lxml.html import HtmlElement

from scraper.extraction.authors import begins_with_by, split_names
from scraper.extraction.conventions import classes_of
from scraper.extraction.passages import plain, text_of

_AUTHOR = re.compile(r"(?:^|[-_])(?:author|authors|byline|posted-by)(?:$|[-_])", re.I)
_NAME = frozenset(("wp-block-post-author__name", "wp-block-post-author-name", "p-author", "fn"))
_APART = frozenset(("nav", "aside", "blockquote", "figure"))
_SIGNS = re.compile(r"\s*[·•|–—]\s*|\s+-\s+")
_WHEN = re.compile(r"\s*[·•|–—]|,?\s+(?:in|on)(?:\s|$)|[\s,]*\d")
"""What begins behind a name in a line below a title: a sign, a date, or the section."""
_DIGIT = re.compile(r"\d")
_LONGEST = 90
_LONGEST_LINE = 200
_MOST_WORDS = 6
_MOST = 2_000
_BELOW = 3


@dataclass(frozen=True, slots=True)
class Bylines:
    """The names that a page most likely prints as its author's, and every name that is marked so."""

    best: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    """Of several that are marked one beside the other, all."""

    def with_others(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """These names with those that are marked beside them as authors too."""
        known = {name.casefold() for name in names}
        return next((each for each in self.groups if known and known <= {name.casefold() for name in each}), names)


def printed_authors(tree: HtmlElement) -> Bylines:
    """The author's names as printed where they are marked as such, else where a line of date and name says 'By'."""
    named: list[tuple[str, ...]] = []
    beside: dict[HtmlElement | None, list[str]] = {}
    for element in _marked(tree):
        text = plain(text_of(element))
        names = split_names(text) if len(text) <= _LONGEST else ()
        if names:
            named.append(names)
        if len(names) == 1 and "author" in (element.get("rel") or "").lower().split():
            beside.setdefault(element.getparent(), []).append(names[0])
    every = tuple(name for names in named for name in names)
    groups = tuple(names for each in beside.values() if len(names := tuple(dict.fromkeys(each))) > 1)
    # A name stands alone in one mark and within a sentence in another: 'All posts by Ada Berg'.
    for names in sorted(named, key=lambda each: len(" ".join(each))):
        if all(len(name.split()) <= _MOST_WORDS and not _DIGIT.search(name) for name in names):
            found = Bylines(names, every, groups)
            return replace(found, best=found.with_others(names))
    return Bylines(_said_by(tree))


def _marked(tree: HtmlElement) -> Iterator[HtmlElement]:
    first = next(tree.iter("article"), None)
    for element in tree.iter("a", "span", "div", "p", "h2", "h3", "h4", "address", "strong", "b", "cite", "li", "dd"):
        marked = (
            "author" in (element.get("rel") or "").lower().split()
            or "author" in (element.get("itemprop") or "").lower().split()
            or any(_AUTHOR.search(name) or name in _NAME for name in classes_of(element))
        )
        if not marked:
            continue
        above = list(element.iterancestors())
        article = next((each for each in above if each.tag == "article"), None)
        if (
            next(element.iter("time"), None) is not None
            or any(each.tag in _APART for each in above)
            or (article is not None and article is not first)
        ):
            continue
        yield element


def _said_by(tree: HtmlElement) -> tuple[str, ...]:
    """The names behind 'By' in the line of a date, 'May 4 · By Ada Berg · 3 min', or in a line below the title."""
    # The cells of a table have one line around them: it is read once, and not for each time in it.
    read: set[HtmlElement] = set()
    for _, time in zip(range(_MOST), tree.iter("time"), strict=False):
        line = next((each for each in time.iterancestors() if each.tag in ("p", "div", "header", "li", "small")), None)
        if line is None or line in read:
            continue
        read.add(line)
        text = plain(text_of(line))
        if not text or len(text) > _LONGEST_LINE:
            continue
        for part in _SIGNS.split(text):
            if begins_with_by(part) and (names := split_names(part)):
                return names
    for line in _below_title(tree):
        text = plain(text_of(line))
        for part in _SIGNS.split(text) if len(text) <= _LONGEST else ():
            if begins_with_by(part) and (names := split_names(_WHEN.split(part)[0])):
                return names
    return ()


def _below_title(tree: HtmlElement) -> Iterator[HtmlElement]:
    """The first elements behind the page's title in one box with it, where that is its only h1."""
    titles = list(tree.iter("h1"))
    if len(titles) == 1:
        yield from islice(titles[0].itersiblings("p", "div", "span", "address"), _BELOW)
