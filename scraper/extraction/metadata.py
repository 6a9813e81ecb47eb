"""A page's metadata without a profile: what it states of itself first, then what the engine made of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from urllib.parse import urlsplit

from lxml.html import HtmlElement
from resiliparse.parse.lang import detect_fast

from scraper.extraction.dating import read_dates
from scraper.extraction.engine import Engine
from scraper.extraction.headline import read_headline, site_names
from scraper.extraction.labels import Labels, read_labels
from scraper.extraction.links import absolute
from scraper.extraction.passages import Passage
from scraper.extraction.signing import read_authors
from scraper.extraction.structured import Node, Structured, text_in, texts_in, types_of
from storage.content import ArticleKind, PrintedDate

_KINDS: dict[str, ArticleKind] = {
    "opinionnewsarticle": "opinion",
    "liveblogposting": "live",
}
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(?=[-_]|$)")
_NO_SECTION = frozenset(("article", "articles", "blog", "post", "posts"))
"""What systems call all their articles: Hugo states the first directory of an article's file as its section."""
_LEAST_LETTERS = 120
_MOST_LANGUAGES = 8
_NEAR, _FAR = 40, 10_000
"""Up to which distance behind the likeliest language the stated one is believed. Resiliparse's ranks are from some 200,
for a long text, to 1,200; of a text in another language than its page states, that one is 100 behind or more."""
_MOST_TAGS = 50


@dataclass(slots=True)
class Metadata:
    """What a page says about its article; `found` tells how each field was found."""

    headline: str = ""
    authors: tuple[str, ...] = ()
    published: PrintedDate | None = None
    updated: PrintedDate | None = None
    section: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    language: str | None = None
    image: str | None = None
    kind: ArticleKind = "article"
    found: dict[str, str] = field(default_factory=dict)

    def note(self, name: str, how: str) -> None:
        if how:
            self.found[name] = how


def read_metadata(
    tree: HtmlElement,
    passages: list[Passage],
    stated: Structured,
    engine: Engine,
    *,
    url: str,
    captured_at: datetime,
    zone: tzinfo = UTC,
    marks_believed: bool = False,
) -> Metadata:
    """All metadata that can be had without a profile. No date after the capture is believed.

    `marks_believed`: the names that the page marks as its author's go before the engine's guess.
    """
    headline = read_headline(tree, stated, site_names(tree, stated, url))
    authors, signed = read_authors(tree, stated, engine, site_names(tree, stated), marks_believed=marks_believed)
    dated = read_dates(tree, passages, stated, engine, headline.text, url=url, captured_at=captured_at, zone=zone)
    data = Metadata(headline.text, authors, dated.published, dated.updated)
    for name, how in (
        ("headline", headline.found),
        ("authors", signed),
        ("published", dated.published_found),
        ("updated", dated.updated_found),
    ):
        data.note(name, how)
    _read_labels(data, stated, read_labels(tree, url, data.headline))
    data.image = stated.first("og:image", "og:image:url", "twitter:image")
    for node in stated.nodes:
        for name in types_of(node):
            data.kind = _KINDS.get(name, data.kind)
    return data


def read_language(tree: HtmlElement, text: str, candidates: tuple[str, ...] = ()) -> tuple[str | None, str]:
    """The language of a text and how it was found: by its words where they are enough, else as the page states, and so
    too where the words of short texts and of related languages are near to that."""
    stated = stated_language(tree)
    if len(text) >= _LEAST_LETTERS:
        ranked = detect_fast(text[:20_000], n_results=_MOST_LANGUAGES, langs=list(candidates) or None)
        distances = dict(ranked) if isinstance(ranked, list) else {}
        guessed = min(distances, key=distances.__getitem__, default=None)
        if guessed is not None:
            near = distances.get(stated or "", _FAR) - distances[guessed] <= _NEAR
            return (stated, "html lang") if near and stated != guessed else (guessed, "text")
    return stated, "html lang" if stated else ""


def stated_language(tree: HtmlElement) -> str | None:
    """The language that the page's root element states, as a bare code: 'fr' for 'fr-FR'."""
    match = _LANGUAGE.match((tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or "").strip())
    return match[0].lower() if match else None


def _read_labels(data: Metadata, stated: Structured, printed: Labels) -> None:
    _read_section(data, stated, printed)
    _read_tags(data, stated, printed)


def _read_section(data: Metadata, stated: Structured, printed: Labels) -> None:
    article = stated.article or {}
    section = text_in(article.get("articleSection")) or stated.first("article:section") or ""
    if section.casefold() in _NO_SECTION and printed.section:
        section = ""
    if crumbs := _crumbs(stated):
        data.section = crumbs
        data.note("section", "json-ld breadcrumb")
    elif section:
        # A system may state the name in its own form, as 'news' for what readers see as 'News'.
        data.section = next(((each,) for each in printed.section if each.casefold() == section.casefold()), (section,))
        data.note("section", "json-ld" if article.get("articleSection") else "article:section")
    elif printed.section:
        data.section = printed.section
        data.note("section", printed.section_found)


def _read_tags(data: Metadata, stated: Structured, printed: Labels) -> None:
    candidates: list[tuple[str, Iterable[str]]] = [
        ("json-ld", _parts(texts_in((stated.article or {}).get("keywords")))),
        ("article:tag", _parts(stated.meta.get("article:tag", ()))),
        (printed.tags_found, printed.tags),
        ("microdata", _parts(stated.microdata.get("keywords", ()))),
    ]
    for how, tags in candidates:
        data.tags = tuple(dict.fromkeys(tags))[:_MOST_TAGS]
        if data.tags:
            data.note("tags", how)
            return


def _parts(texts: Iterable[str]) -> list[str]:
    return [part for text in texts for part in _split(text)]


def _split(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;]", text) if part.strip()]


def _crumbs(stated: Structured) -> tuple[str, ...]:
    """The breadcrumb's names without the page's own at its end, and without the home page, which is no section."""
    for node in stated.nodes:
        if "breadcrumblist" in types_of(node) and isinstance(items := node.get("itemListElement"), list):
            entries = [item for item in items if isinstance(item, dict)][:-1]
            names = [text_in(each.get("name")) or text_in(each.get("item")) for each in entries if not _is_home(each)]
            return tuple([name for name in names if name][:10])
    return ()


def _is_home(entry: Node) -> bool:
    """Whether an entry of a breadcrumb leads to the root of the site."""
    item = entry.get("item")
    address = (text_in(item.get("@id")) or text_in(item.get("url"))) if isinstance(item, dict) else text_in(item)
    url = absolute("", address)
    parts = urlsplit(url) if url else None
    return parts is not None and not parts.path.strip("/") and not parts.query
