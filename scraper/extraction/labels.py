"""Section, tags and names that a page prints as links, where its metadata state none.

Sources: rel="tag" (microformats.org/wiki/rel-tag), rel="category tag" (WordPress, get_the_category_list()), the classes
`taxonomy-category` and `taxonomy-post_tag` of its block wp-block-post-terms, p-category (h-entry); /tags/ and the first
directory as section are Hugo's defaults (gohugo.io/content-management/taxonomies and /sections).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from lxml.html import HtmlElement

from scraper.extraction.conventions import classes_of
from scraper.extraction.links import absolute
from scraper.extraction.passages import plain

_MOST_LINKS = 3_000
_MOST_TAGS = 50
_LONGEST = 60
_TAG_PATH = re.compile(r"/tags?/[^/]+/?$", re.I)
_TAGGED = re.compile("tag", re.I)
_MARKED = frozenset(("taxonomy-category", "taxonomy-post_tag", "p-category"))
_CATEGORY_PATH = re.compile(r"/categor(?:y|ies|ia|ie)/[^?#]+$", re.I)
_NUMBER = re.compile(r"\d+")
_TAXONOMIES = frozenset(("tag", "tags", "category", "categories", "author", "authors", "page", "search"))
_APART = frozenset(("nav", "aside", "figure", "figcaption"))
_CRUMBS = re.compile(r"(?:^|[\s_-])breadcrumbs?(?:$|[\s_-])", re.I)


@dataclass(frozen=True, slots=True)
class Labels:
    """What the links of a page call it: its section from the top, its tags; and how the section was found."""

    section: tuple[str, ...] = ()
    section_found: str = ""
    tags: tuple[str, ...] = ()
    tags_found: str = ""


def read_labels(tree: HtmlElement, url: str, headline: str) -> Labels:
    """Read a page's section and tags from its links around its text, in no menu and no other article."""
    categories: list[str] = []
    tags: list[str] = []
    by_path: list[str] = []
    for link in _labelling_links(tree):
        text = _text_of(link).lstrip("#").strip(" ,")
        if not text or len(text) > _LONGEST:
            continue
        rel = (link.get("rel") or "").lower().split()
        holders = classes_of(link) | _classes_above(link)
        if "category" in rel or "taxonomy-category" in holders:
            categories.append(text)
        elif "tag" in rel or "taxonomy-post_tag" in holders or "p-category" in holders:
            path = urlsplit(absolute(url, link.get("href")) or "").path
            (categories if _CATEGORY_PATH.search(path) else tags).append(text)
        elif _TAG_PATH.search(urlsplit(absolute(url, link.get("href")) or "").path):
            by_path.append(text)
    section, how = _crumbs(tree, url, headline), "breadcrumb"
    if not section and categories:
        section, how = tuple(dict.fromkeys(categories)), "rel=category"
    if not section:
        section, how = _directories(tree, url), "url"
    found = tags or by_path
    return Labels(
        section,
        how if section else "",
        tuple(dict.fromkeys(found))[:_MOST_TAGS],
        "rel=tag" if tags else "links to tags" if by_path else "",
    )


def _labelling_links(tree: HtmlElement) -> Iterator[HtmlElement]:
    """The page's links that may be labels, and stand in no menu, no box at the side and no article but the first."""
    first = next((each for each in tree.iter("article")), None)
    for _, link in zip(range(_MOST_LINKS), tree.iter("a"), strict=False):
        if not (
            link.get("rel")
            or _TAGGED.search(link.get("href") or "")
            or _MARKED & (classes_of(link) | _classes_above(link))
        ):
            continue
        above = list(link.iterancestors())
        if any(each.tag in _APART or each.get("role") == "navigation" for each in above):
            continue
        article = next((each for each in reversed(above) if each.tag == "article"), None)
        if article is None or article is first or next(article.iter("h1"), None) is not None:
            yield link


def _text_of(link: HtmlElement) -> str:
    """The text of a link on one line. A page has many, and their text stands in one line as a rule."""
    return plain("".join(link.itertext()))


def _classes_above(link: HtmlElement) -> frozenset[str]:
    parent = link.getparent()
    return classes_of(parent) if parent is not None else frozenset()


def _crumbs(tree: HtmlElement, url: str, headline: str) -> tuple[str, ...]:
    """The names of the page's breadcrumb (WAI-ARIA's pattern, or so called by its class) without home and headline."""
    for element in tree.iter("nav", "ol", "ul", "div"):
        called = f"{element.get('aria-label') or ''} {element.get('class') or ''}"
        if not _CRUMBS.search(called):
            continue
        names = []
        for link in element.iter("a"):
            path = urlsplit(absolute(url, link.get("href")) or "").path
            text = _text_of(link)
            if text and len(text) <= _LONGEST and path.strip("/") and text.casefold() != headline.casefold():
                names.append(text)
        if names:
            return tuple(dict.fromkeys(names))[:10]
    return ()


def _directories(tree: HtmlElement, url: str) -> tuple[str, ...]:
    """The names that the page's links give to the directories above its address: of /news/a/b, /news/ and /news/a/."""
    here = urlsplit(url)
    parts = [part for part in unquote(here.path).split("/") if part]
    wanted: dict[str, str] = {}
    for end in range(1, len(parts)):
        if _NUMBER.fullmatch(parts[end - 1]) or parts[end - 1].lower() in _TAXONOMIES or parts[end - 1][0] in "@~":
            break  # a person's directory is no section
        wanted["/".join(parts[:end])] = ""
    if not wanted:
        return ()
    ends = tuple({end for path in wanted for end in (path.rpartition("/")[2], quote(path.rpartition("/")[2]))})
    for _, link in zip(range(_MOST_LINKS), tree.iter("a"), strict=False):
        if not (link.get("href") or "").partition("#")[0].rstrip("/").endswith(ends):
            continue
        target = urlsplit(absolute(url, link.get("href")) or "")
        path = unquote(target.path).strip("/")
        if wanted.get(path) == "" and target.hostname == here.hostname and not target.query:
            text = _text_of(link)
            if text and len(text) <= _LONGEST and any(sign.isalpha() for sign in text):
                wanted[path] = text
    return tuple(name for name in wanted.values() if name)
