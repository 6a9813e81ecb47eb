"""Which of a site's URLs to look at: articles of different forms, sections and ages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from scraper.drafting.addresses import take_apart
from scraper.drafting.survey import Listing, Place
from scraper.extraction.page import Link

_WORDS = re.compile(r"[^-_/.]+")
_ENOUGH_WORDS = 3
_LONG_TITLE = 25


def choose_articles(
    place: Place, listings: Sequence[Listing], linked: Iterable[tuple[str, str]], pages: Iterable[str], *, most: int
) -> list[str]:
    """Paths to look at, the most promising first: a feed's entries, then other URLs of their forms from sitemaps, of
    every directory and age; without either, links of the home page that look like an article's."""
    none = {_bare(path) for path in (*pages, "/")}
    feeds = _paths(place, (link for each in listings if each.way == "feed" for link in each.links), none)
    mapped = _paths(place, (link for each in listings if each.way == "sitemap" for link in each.links), none)
    if feeds:
        groups = {parts.group for path in feeds if (parts := take_apart(path)) is not None}
        alike = [path for path in mapped if (parts := take_apart(path)) is not None and parts.group in groups]
        more = [path for path in alike if path not in feeds]
        # Three of four from the feeds, which list articles alone; the rest shows older ones and other sections.
        first = _spread(feeds, most - most // 4)
        return [*first, *_spread(more, most - len(first)), *_spread(feeds, most)][: 2 * most]
    if mapped:
        return _spread(_likely(mapped), most)
    found = {path: text for path, text in linked if _bare(path) not in none}
    return _spread([path for path, text in found.items() if len(text) >= _LONG_TITLE and _is_promising(path)], most)


def _paths(place: Place, links: Iterable[Link], none: set[str]) -> list[str]:
    paths = (place.path_in(link.url) for link in links)
    return list(dict.fromkeys(path for path in paths if path and _bare(path) not in none and take_apart(path)))


def _likely(paths: Sequence[str]) -> list[str]:
    """Of all that a sitemap lists, the paths of the form that most promising ones have."""
    counted: dict[tuple[object, ...], int] = {}
    for path in paths:
        parts = take_apart(path)
        if parts is not None and _is_promising(path):
            counted[parts.group] = counted.get(parts.group, 0) + 1
    best = max(counted, key=counted.__getitem__, default=None)
    found = [path for path in paths if (parts := take_apart(path)) is not None and parts.group == best]
    return found or list(paths)


def _is_promising(path: str) -> bool:
    """Whether a path looks like an article's: a date, a number as key, or several words."""
    parts = take_apart(path)
    if parts is None:
        return False
    return bool(parts.dated or parts.parameter) or (
        len(_WORDS.findall(parts.last)) >= _ENOUGH_WORDS or parts.last.isdigit()
    )


def _spread(paths: Sequence[str], most: int) -> list[str]:
    """Some of the paths, of each directory in turn, evenly from first to last."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for path in paths:
        parts = take_apart(path)
        if parts is not None:
            groups.setdefault((parts.group, parts.before), []).append(path)
    thinned = [_evenly(group, most) for group in sorted(groups.values(), key=len, reverse=True)]
    turns = (path for turn in zip_longest(*thinned) for path in turn if path is not None)
    return list(dict.fromkeys(turns))[: max(0, most)]


def _evenly(paths: Sequence[str], most: int) -> list[str]:
    if len(paths) <= most or most < 1:
        return list(paths)
    step = (len(paths) - 1) / max(1, most - 1)
    return [paths[round(at * step)] for at in range(most)]


def _bare(path: str) -> str:
    return path if "?" in path else path.rstrip("/")
