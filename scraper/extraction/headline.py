"""The headline of a page among the titles that it states and the headings that it prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from itertools import islice
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from scraper.extraction.calendars import month_of
from scraper.extraction.passages import plain, read_passages, tidy
from scraper.extraction.structured import Structured, text_in, types_of

_PARTED = re.compile(r"\s+[|–—·•»«:-]\s+|\s*[|｜：ㅣ]\s*")
_WIDTHLESS = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_SIGN = re.compile(r"\s*[|–—·•»«:\-]")
_NAMED = re.compile(r".*\w.*[|–—·•»«:\-]\s*")
_WORDS = re.compile(r"\w+")
_CUT = re.compile(r"(?:…|\.\.\.)$")
_LEAST_WORDS = 2
_ALIKE = 0.4
"""Share of words in common from which on one of several headings is what a stated title means."""
_APART = 0.2
"""The same share below which even the only heading means something else: the site's name, a slogan."""
_MOST_HEADINGS = 20
_LEAST_OF_HOST = 3
"""Letters from which on a word is looked for in a host's name."""
_MOST_NAMING = 5
_LONGEST = 500
_LEAST_NAME = 4
"""Letters from which on a part of a host's name may be the site's name."""


@dataclass(frozen=True, slots=True)
class Headline:
    """A headline, and how the page states it: 'json-ld', 'h1', 'h2', 'h3', 'headline' (a meta element), 'og:title',
    'twitter:title', 'title'; '' for none."""

    text: str = ""
    found: str = ""


def read_headline(tree: HtmlElement, stated: Structured, names: frozenset[str]) -> Headline:
    """The headline of a page; `names` are those of its site, as site_names() gives them."""
    titles = {
        how: clean for how, title in _stated_titles(tree, stated) if title and (clean := _without_names(title, names))
    }
    headings = _headings(tree)
    if not headings and (lower := _lower_heading(tree, titles, is_news=_is_news(stated))):
        return lower
    meant = [each for each in headings if bare(each) not in names and not _is_before(each, titles)]
    chosen = _choose(titles, meant if titles else headings, is_news=_is_news(stated))
    return chosen if chosen.found == "h1" else Headline(_as_printed(chosen.text, headings), chosen.found)


def without_site(title: str, tree: HtmlElement, stated: Structured) -> str:
    """A title without the site's name before or behind it."""
    return _without_names(title, site_names(tree, stated))


def site_names(tree: HtmlElement, stated: Structured, url: str = "") -> frozenset[str]:
    """What a page's site calls itself and its publisher, and what its host is called, as bare() gives them."""
    names = {bare(name) for name in _stated_names(tree, stated)}
    for address in (url, stated.first("og:url") or ""):
        names |= _names_of_host(address)
    return frozenset(names - {""})


def bare(name: str) -> str:
    """Letters and digits of a name, in lower case: by these two spellings of a name are one."""
    return re.sub(r"[\W_]+", "", name).casefold()


def _stated_names(tree: HtmlElement, stated: Structured) -> Iterator[str]:
    yield stated.first("og:site_name", "application-name", "apple-mobile-web-app-title") or ""
    for node in stated.nodes:
        if types_of(node) & {"organization", "newsmediaorganization", "website"}:
            yield text_in(node.get("name")) or ""
        yield text_in(node.get("publisher")) or ""
    # What the page's title has more than its title for sharing is the site's.
    shared, title = plain(stated.first("og:title") or ""), _page_title(tree)
    if shared and title.startswith(shared) and (sign := _PARTED.match(title, len(shared))):
        yield title[sign.end() :]


def _names_of_host(address: str) -> set[str]:
    """A host's name without 'www', without its ending, and its longest label: post.example of www.post.example."""
    try:
        host = (urlsplit(address).hostname or "").removeprefix("www.")
    except ValueError:
        return set()
    label = max(host.split(".")[:-1], key=len, default="")
    return {bare(host), bare(host.rpartition(".")[0]), bare(label) if len(label) >= _LEAST_NAME else ""}


def _without_names(title: str, names: frozenset[str]) -> str:
    parts, signs = _PARTED.split(title), _PARTED.findall(title)
    while len(parts) > 1 and (bare(parts[-1]) in names or _is_of_host(parts[-1], names)):
        parts.pop()
        signs.pop()
    while len(parts) > 1 and bare(parts[0]) in names:
        parts.pop(0)
        signs.pop(0)
    return (parts[0] + "".join(sign + part for sign, part in zip(signs, parts[1:], strict=True))).strip()


def _is_of_host(part: str, names: frozenset[str]) -> bool:
    """Whether a part of a title has several words, each of which one and the same name of the site holds: 'Rust Blog'
    of blog.rust-lang.org."""
    words = [bare(word) for word in part.split()]
    if len(words) < _LEAST_WORDS or min(map(len, words)) < _LEAST_OF_HOST:
        return False
    return any(all(word in name for word in words) for name in names)


def _stated_titles(tree: HtmlElement, stated: Structured) -> list[tuple[str, str]]:
    """The titles that a page states of itself, and how: what its editors call the headline before what it is called
    where it is shared or found."""
    titles = [
        ("json-ld", unescape(text_in((stated.article or {}).get("headline")) or "")),
        ("headline", stated.first("headline") or ""),
        ("og:title", stated.first("og:title") or ""),
        ("twitter:title", stated.first("twitter:title") or ""),
        ("title", _page_title(tree)),
    ]
    return [(how, tidy(title)[:_LONGEST]) for how, title in titles]


def _page_title(tree: HtmlElement) -> str:
    return next((plain(each.text or "")[:_LONGEST] for each in tree.iter("title")), "")


def _headings(tree: HtmlElement) -> list[str]:
    """The texts of the page's first headings, and of the lines of those that have several."""
    found: list[str] = []
    for heading in islice(tree.iter("h1"), _MOST_HEADINGS):
        lines = [passage.text for passage in read_passages(heading)]
        if lines:
            found.append(" ".join(lines))
        if len(lines) > 1:
            found.extend(lines)
    return found


def _lower_heading(tree: HtmlElement, titles: dict[str, str], *, is_news: bool) -> Headline | None:
    """The heading of a page without h1 that ends one of its titles, behind a word or more and a sign, or begins one
    before a sign: what the page prints, without the site's name. What news state as their headline goes before."""
    parted = () if is_news and "json-ld" in titles else titles.values()
    for heading in islice(tree.iter("h2", "h3"), _MOST_HEADINGS):
        text = " ".join(passage.text for passage in read_passages(heading))
        if len(text.split()) <= _LEAST_WORDS:
            continue
        if any(_ends_with(title, text) for title in titles.values()) or any(
            bare(title) != bare(text) and _begins_with(title, text) for title in parted
        ):
            return Headline(text, str(heading.tag))
    return None


def _ends_with(title: str, heading: str) -> bool:
    before = title[: -len(heading)]
    return title.endswith(heading) and bool(_NAMED.fullmatch(before)) and len(before.split()) <= _MOST_NAMING


def _is_news(stated: Structured) -> bool:
    """Whether the headline that a page states in JSON-LD is that of a piece of news, written by its editors; other
    pages write there for search engines."""
    return any(name.endswith("newsarticle") for name in types_of(stated.article or {}))


def _choose(titles: dict[str, str], headings: list[str], *, is_news: bool) -> Headline:
    """A heading that is a stated title, else the headline that news state, else the heading that a stated title means,
    else that title.

    A heading that a stated title begins with is the headline as printed: what follows it there is the site's or the
    section's.
    """
    for how, title in titles.items():
        for heading in headings:
            if bare(title) == bare(heading):
                return Headline(title, how)
            if _begins_with(title, heading) or _is_cut(title, heading):
                return Headline(heading, "h1")
            if _ends_in(heading, title):
                return Headline(title, how)
        if how == "json-ld" and is_news:
            return Headline(title, how)
    if headings:
        like = [max((_likeness(heading, title) for title in titles.values()), default=1.0) for heading in headings]
        best = max(range(len(headings)), key=like.__getitem__)
        alone = len({bare(heading) for heading in headings}) == 1
        if like[best] >= (_APART if alone else _ALIKE):
            return Headline(headings[best], "h1")
    how = next(iter(titles), "")
    return Headline(titles[how], how) if how else Headline()


def _is_before(heading: str, titles: dict[str, str]) -> bool:
    """Whether a heading stands in the page's title before what its title for sharing is, as the site's name does."""
    return bool(titles.get("og:title")) and bare(titles.get("title", "")) == bare(heading) + bare(titles["og:title"])


def _begins_with(title: str, heading: str) -> bool:
    """Whether a title is a heading with something of the site behind it, parted by a sign."""
    return (
        len(heading.split()) >= _LEAST_WORDS
        and title.casefold().startswith(heading.casefold())
        and bool(_SIGN.match(title, len(heading)))
    )


def _ends_in(heading: str, title: str) -> bool:
    """Whether a heading is a title behind a label or a date: 'Blog: Pier rebuilt', '4 March 2026 Pier rebuilt'."""
    before = heading[: -len(title)] if heading.casefold().endswith(title.casefold()) else ""
    if len(title.split()) <= _LEAST_WORDS or not 0 < len(words := before.split()) <= _MOST_NAMING:
        return False
    months = any(month_of(word.strip(".,").casefold()) for word in words)
    return bool(_NAMED.fullmatch(before)) or (months and any(word.strip(".,").isdecimal() for word in words))


def _is_cut(title: str, heading: str) -> bool:
    """Whether a title is the beginning of a heading, cut where a system bounds its length."""
    return bool(_CUT.search(title)) and len(title.split()) > _LEAST_WORDS and bare(heading).startswith(bare(title))


def _likeness(one: str, other: str) -> float:
    """The share of the words of two titles that both hold."""
    words, others = set(_WORDS.findall(one.casefold())), set(_WORDS.findall(other.casefold()))
    return len(words & others) / len(words | others) if words and others else 0.0


def _as_printed(title: str, headings: list[str]) -> str:
    """A title as a heading of the page prints it, signs without a width and all."""
    return next((text for text in headings if _WIDTHLESS.sub("", text) == title), title)
