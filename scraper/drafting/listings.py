"""Where a site's listings are: the feeds and sitemaps that it names, and those of known publishing systems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from scraper.drafting.survey import Place
from scraper.extraction.conventions import classes_of
from scraper.extraction.links import absolute, base_of
from scraper.extraction.page import Link
from scraper.extraction.passages import plain
from scraper.selecting import select

FEEDS = ("/feed/", "/index.xml", "/rss.xml", "/feed.xml", "/atom.xml", "/?feed=rss2")
"""WordPress', Hugo's, and the names that others use."""
SITEMAPS = ("/sitemap.xml", "/wp-sitemap.xml", "/sitemap_index.xml")
QUERIED_SITEMAP = "/?sitemap=index"
"""That of a WordPress site whose addresses are queries (WP_Sitemaps_Index::get_index_url())."""
_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+xml")
_OF_COMMENTS = re.compile(r"comment", re.I)
_ARTICLES = re.compile(r"post|article|news|story|stories|entr(?:y|ies)|content", re.I)
_OTHERS = re.compile(
    r"tag|categor|taxonom|author|user|image|video|attachment|product|section|topic|event|template", re.I
)
_PAGES = re.compile(r"page", re.I)
_QUERIED = re.compile(r"\?sitemap=([\w-]+)(?:&sitemap-subtype=([\w-]+))?")
_STATED = re.compile(r"^\s*sitemap\s*:\s*(\S+)", re.I | re.M)
_NEXT = (
    "a.wp-block-query-pagination-next",
    "a.next.page-numbers",
    ".nav-previous a",
    ".pagination a.next",
    "a.next",
    'a[rel~="next"]',
    'link[rel~="next"]',
    '.pagination a[aria-label="Next"]',
    "li.next a",
)
"""Links to the next page: of WordPress' block and classic themes (where older posts are 'previous'), of Hugo's own
template of pagination, of HTML's rel=next."""
_MENUS = ("nav", "header", ".menu", ".nav", "#menu", "[role=navigation]")
_SECTION = re.compile(r"/(?:categor(?:y|ies)|sections?|topics?|rubri\w{1,6}|channels?|themes?)/[^/?#]+/?$", re.I)
_MOST_LINKS = 3_000
_MOST_SECTIONS = 30


def feeds_of(tree: HtmlElement, url: str, place: Place) -> list[str]:
    """The feeds that a page announces as its own (HTML, rel=alternate), without those of comments; paths from the
    site's root."""
    found: list[str] = []
    base = base_of(tree, url)
    for element in tree.iter("link"):
        if "alternate" not in (element.get("rel") or "").lower().split():
            continue
        if (element.get("type") or "").split(";")[0].strip().lower() not in _FEED_TYPES:
            continue
        address = absolute(base, element.get("href"))
        path = place.path_in(address) if address else None
        if path and not _OF_COMMENTS.search(f"{path} {element.get('title') or ''}") and path not in found:
            found.append(path)
    return found


def sitemaps_of(robots: str, place: Place) -> list[str]:
    """The sitemaps that a robots.txt names (sitemaps.org), as paths from the site's root; news sitemaps last."""
    stated = (place.path_in(match[1]) for match in _STATED.finditer(robots[:500_000]))
    return sorted(dict.fromkeys(path for path in stated if path), key=lambda path: "news" in path)


def parts_to_read(parts: Sequence[Link], most: int) -> list[Link]:
    """The parts of a sitemap index that most likely list articles, latest first; then one that lists pages."""
    named = [(part, _name_of(part.url)) for part in parts]
    pages = [part for part, name in named if _PAGES.search(name) and not _ARTICLES.search(_without_system(name))]
    likely = [
        part
        for part, name in named
        if part not in pages and not _OTHERS.search(_without_system(name)) and _ARTICLES.search(_without_system(name))
    ]
    rest = [part for part, name in named if part not in pages and not _OTHERS.search(_without_system(name))]
    chosen = sorted(likely or rest, key=lambda part: part.lastmod.timestamp() if part.lastmod else 0, reverse=True)
    return [*chosen[: most - bool(pages)], *pages[:1]]


def lists_pages(path: str) -> bool:
    """Whether a sitemap's part is called as those are that list pages, and no articles."""
    name = _name_of(path)
    return bool(_PAGES.search(name)) and not _ARTICLES.search(_without_system(name))


def menu_paths(tree: HtmlElement, url: str, place: Place) -> list[str]:
    """What the menus of a page lead to on the site, as paths from its root."""
    menus = (element for selector in _MENUS for element in select(tree, selector) if not isinstance(element, str))
    return list(dict.fromkeys(path for element in menus for path, _ in paths_in(element, url, place)))


def paths_in(tree: HtmlElement, url: str, place: Place) -> Iterator[tuple[str, str]]:
    """The site's own paths that links below an element lead to, with the links' texts."""
    base = base_of(tree, url)
    for _, element in zip(range(_MOST_LINKS), tree.iter("a"), strict=False):
        address = absolute(base, element.get("href"))
        path = place.path_in(address) if address else None
        if path is not None and path != "/":
            yield path, plain("".join(element.itertext()))


def sections_among(paths: Iterable[str], directories: Iterable[str]) -> list[str]:
    """Those of the menu's paths that list articles by their form: a directory of articles, or a category's."""
    known = {f"/{directory.strip('/')}" for directory in directories if directory.strip("/")}
    found = [path for path in paths if path.rstrip("/") in known or _SECTION.search(path)]
    return found[:_MOST_SECTIONS]


def next_links(tree: HtmlElement) -> list[str]:
    """The selectors of links to the next page that find one here, the most telling first."""
    return [selector for selector in _NEXT if select(tree, selector)][:2]


def holders_of_teasers(tree: HtmlElement) -> bool:
    """Whether a page shows several posts: articles side by side."""
    return len([each for each in tree.iter("article") if "comment" not in " ".join(classes_of(each))]) > 1


def _name_of(address: str) -> str:
    """A sitemap's file name; the one that WordPress gives to a part where that is asked for by a query."""
    if queried := _QUERIED.search(address):
        return f"wp-sitemap-{queried[1]}-{queried[2] or ''}-1.xml"
    return urlsplit(address).path.rpartition("/")[2]


def _without_system(name: str) -> str:
    """A sitemap's name without the words that its system writes into every one: 'wp-sitemap-posts-page-1.xml' lists
    pages (WordPress, WP_Sitemaps)."""
    return re.sub(r"^wp-sitemap-posts-(?!post-)", "", name.lower())
