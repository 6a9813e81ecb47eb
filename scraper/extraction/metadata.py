"""A page's metadata without a profile: what it states of itself first, then what the engine made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from urllib.parse import urlsplit

from lxml.html import HtmlElement
from resiliparse.parse.lang import detect_fast

from scraper.extraction.authors import persons, split_names
from scraper.extraction.bylines import printed_authors
from scraper.extraction.dates import day_in, read_date
from scraper.extraction.engine import Engine
from scraper.extraction.labels import Labels, read_labels
from scraper.extraction.passages import text_of, tidy
from scraper.extraction.structured import Structured, text_in, texts_in, types_of
from storage.content import ArticleKind, PrintedDate

PUBLISHED = (
    "article:published_time", "og:article:published_time", "datepublished", "parsely-pub-date", "sailthru.date",
    "dc.date.issued", "dcterms.issued", "dc.date.created", "dcterms.created", "pubdate", "publishdate", "publish-date",
    "publication_date", "citation_publication_date", "dc.date", "dcterms.date", "date",
)  # fmt: skip
UPDATED = (
    "article:modified_time", "og:article:modified_time", "og:updated_time", "datemodified", "dcterms.modified",
    "dc.date.modified", "lastmod", "last-modified",
)  # fmt: skip
_KINDS: dict[str, ArticleKind] = {
    "opinionnewsarticle": "opinion",
    "liveblogposting": "live",
}
_BRACKETED = re.compile(r"\s+[|–—·•»«:-]\s+")
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(?=[-_]|$)")
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?:\D|$)")
_WIDTHLESS = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_SIGN = re.compile(r"\s*[|–—·•»«:\-]")
_WORDS = re.compile(r"\w+")
_LEAST_WORDS = 2
_LIKE = 0.4
"""Share of words in common from which on one of several headings is what a stated title means."""
_LEAST_LETTERS = 120
_MOST_HEADINGS = 20
_MOST_TIMES = 20
_MOST_TAGS = 50
_SLACK = timedelta(days=1)


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
        self.found[name] = how


def read_metadata(
    tree: HtmlElement,
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
    data = Metadata()
    _read_headline(data, tree, stated)
    _read_authors(data, tree, stated, engine, marks_believed=marks_believed)
    _read_dates(data, tree, stated, engine, captured_at, zone)
    _read_labels(data, stated, read_labels(tree, url, data.headline))
    data.image = stated.first("og:image", "og:image:url", "twitter:image")
    for node in stated.nodes:
        for name in types_of(node):
            data.kind = _KINDS.get(name, data.kind)
    return data


def read_language(tree: HtmlElement, text: str, candidates: tuple[str, ...] = ()) -> tuple[str | None, str]:
    """The language of a text and how it was found: by its words where they are enough, else as the page states."""
    stated = stated_language(tree)
    if len(text) >= _LEAST_LETTERS:
        guessed = detect_fast(text[:20_000], langs=list(candidates) or None)[0]
        if guessed != "unknown":
            return guessed, "text"
    return stated, "html lang" if stated else ""


def stated_language(tree: HtmlElement) -> str | None:
    """The language that the page's root element states, as a bare code: 'fr' for 'fr-FR'."""
    match = _LANGUAGE.match((tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or "").strip())
    return match[0].lower() if match else None


def without_site(title: str, tree: HtmlElement, stated: Structured) -> str:
    """A title without the site's name before or behind it."""
    names = {_bare(name) for name in _site_names(tree, stated) if name}
    parts = _BRACKETED.split(title)
    if len(parts) > 1 and names:
        separators = _BRACKETED.findall(title)
        while len(parts) > 1 and _bare(parts[-1]) in names:
            parts.pop()
            separators.pop()
        while len(parts) > 1 and _bare(parts[0]) in names:
            parts.pop(0)
            separators.pop(0)
        title = parts[0] + "".join(sign + part for sign, part in zip(separators, parts[1:], strict=True))
    return title.strip()


def _site_names(tree: HtmlElement, stated: Structured) -> list[str]:
    names = [stated.first("og:site_name", "application-name", "apple-mobile-web-app-title") or ""]
    for node in stated.nodes:
        if types_of(node) & {"organization", "newsmediaorganization", "website"}:
            names.append(text_in(node.get("name")) or "")
        names.append(text_in(node.get("publisher")) or "")
    host = urlsplit(stated.first("og:url") or "").hostname or ""
    bare = host.removeprefix("www.")
    return [*names, bare, bare.rpartition(".")[0]]


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _read_headline(data: Metadata, tree: HtmlElement, stated: Structured) -> None:
    headings = [
        text for _, each in zip(range(_MOST_HEADINGS), tree.iter("h1"), strict=False) if (text := text_of(each))
    ]
    titles = {
        how: clean
        for how, title in _stated_titles(tree, stated)
        if title and (clean := without_site(tidy(title), tree, stated))
    }
    how, headline = _choose_headline(titles, headings, is_news=_is_news(stated))
    if headline:
        data.headline = headline if how == "h1" else _as_printed(headline, tree)
        data.note("headline", how)


def _stated_titles(tree: HtmlElement, stated: Structured) -> list[tuple[str, str | None]]:
    """The titles that a page states of itself, and how."""
    return [
        ("og:title", stated.first("og:title")),
        ("twitter:title", stated.first("twitter:title")),
        ("json-ld", text_in((stated.article or {}).get("headline"))),
        ("title", next((tidy(each.text or "") for each in tree.iter("title")), None)),
    ]


def _choose_headline(titles: dict[str, str], headings: list[str], *, is_news: bool) -> tuple[str, str]:
    """How the headline is stated, and the headline.

    A heading that a stated title begins with, or is, is the headline as printed: what follows it there is the site's
    or the section's. Where they differ, news pages say in og:title what their editors call the article, while other
    pages write there for search engines, and print the headline.
    """
    if is_news and titles:
        how, title = next(iter(titles.items()))
        printed = [("h1", heading) for heading in headings]
        return next((each for each in (*printed, *titles.items()) if _begins_with(title, each[1])), (how, title))
    for heading in headings:
        for how, title in titles.items():
            if _same(title, heading):
                return how, title
            if _begins_with(title, heading):
                return "h1", heading
    if headings:
        like = [max((_likeness(heading, title) for title in titles.values()), default=1.0) for heading in headings]
        best = max(range(len(headings)), key=like.__getitem__)
        if len({_bare(heading) for heading in headings}) == 1 or like[best] >= _LIKE:
            return "h1", headings[best]
    how = next(iter(titles), "h1")
    return how, titles.get(how, headings[0] if headings else "")


def _is_news(stated: Structured) -> bool:
    """Whether a page calls itself a piece of news, by JSON-LD or with a time of publication by Open Graph."""
    types = types_of(stated.article or {})
    if any(name.endswith("newsarticle") for name in types):
        return True
    dated = stated.first("og:type") == "article" and stated.first("article:published_time") is not None
    return dated and "blogposting" not in types


def _same(one: str, other: str) -> bool:
    return _bare(one) == _bare(other)


def _begins_with(title: str, heading: str) -> bool:
    """Whether a title is a heading with something of the site behind it, parted by a sign."""
    words = heading.split()
    return (
        len(words) >= _LEAST_WORDS
        and title.casefold().startswith(heading.casefold())
        and bool(_SIGN.match(title, len(heading)))
    )


def _likeness(one: str, other: str) -> float:
    """The share of the words of two titles that both hold."""
    words, others = set(_WORDS.findall(one.casefold())), set(_WORDS.findall(other.casefold()))
    return len(words & others) / len(words | others) if words and others else 0.0


def _as_printed(title: str, tree: HtmlElement) -> str:
    """A title as a heading of the page prints it, signs without a width and all."""
    printed = (text_of(each) for each in tree.iter("h1", "h2"))
    return next((text for text in printed if _WIDTHLESS.sub("", text) == title), title)


def _read_authors(
    data: Metadata, tree: HtmlElement, stated: Structured, engine: Engine, *, marks_believed: bool
) -> None:
    candidates: list[tuple[str, Callable[[], tuple[str, ...]]]] = [
        ("json-ld", lambda: _stated_persons((stated.article or {}).get("author"))),
        ("byline", lambda: _marked_authors(tree, engine) if marks_believed else ()),
        ("trafilatura", lambda: engine.authors),
        ("author", lambda: split_names(stated.first("author", "article:author", "parsely-author") or "")),
        ("byline", lambda: printed_authors(tree).best),
    ]
    sites = {_bare(name) for name in _site_names(tree, stated)}
    houses: list[tuple[str, tuple[str, ...]]] = []
    for how, find in candidates:
        names = persons(find())
        data.authors = tuple(name for name in names if _bare(name) not in sites)
        if data.authors:
            data.note("authors", how)
            return
        houses.append((how, names))
    # No person is named: what the page states as its author is the house itself.
    houses.append(("json-ld", persons(texts_in((stated.article or {}).get("author")))))
    for how, names in houses:
        if names:
            data.authors = names
            data.note("authors", how)
            return


def _marked_authors(tree: HtmlElement, engine: Engine) -> tuple[str, ...]:
    """The names marked as the author's, but for the engine's where it found one of them."""
    marked = printed_authors(tree)
    guessed = persons(engine.authors)
    known = {name.casefold() for name in marked.every}
    return () if guessed and all(name.casefold() in known for name in guessed) else marked.best


def _stated_persons(value: object) -> tuple[str, ...]:
    """The persons among the authors that JSON-LD states; organisations are publishers."""
    authors = value if isinstance(value, list) else [value]
    names: list[str] = []
    for author in authors:
        if isinstance(author, dict) and types_of(author) and "person" not in types_of(author):
            continue
        if (text := text_in(author)) and not text.startswith(("http:", "https:")):
            names.extend(split_names(text))
    return tuple(names)


def _read_dates(
    data: Metadata, tree: HtmlElement, stated: Structured, engine: Engine, captured_at: datetime, zone: tzinfo
) -> None:
    article = stated.article or {}
    latest = captured_at + _SLACK
    first = text_in(article.get("datePublished"))
    # A site that does not keep to the form of the date (ISO 8601) often does not keep to its meaning either.
    formal = first if first and _ISO_DAY.match(first) else None
    published = [
        ("json-ld", formal),
        *((name, stated.first(name)) for name in PUBLISHED),
        ("microdata", stated.item("datepublished", "datecreated")),
    ]
    updated = [
        ("json-ld", text_in(article.get("dateModified"))),
        *((name, stated.first(name)) for name in UPDATED),
        ("microdata", stated.item("datemodified")),
    ]
    data.published = _first_date(data, "published", published, latest, zone)
    if data.published is None:
        guessed = [("trafilatura", _guessed_day(tree, engine)), ("json-ld", first)]
        data.published = _first_date(data, "published", guessed, latest, zone)
    if data.published and data.published.precision == "day":
        data.published = _same_day_with_time(data, data.published, tree, zone)
    data.updated = _first_date(data, "updated", updated, latest, zone)
    if data.published and data.updated and data.updated.at <= data.published.at:
        data.updated = None
        data.found.pop("updated", None)


def _guessed_day(tree: HtmlElement, engine: Engine) -> str | None:
    """The engine's guess, but for a day that it made of a year alone, as a notice of copyright has it."""
    day = engine.day
    if (day or "").endswith("-01-01") and next(tree.iter("time"), None) is None:
        return None
    return day


def _same_day_with_time(data: Metadata, day: PrintedDate, tree: HtmlElement, zone: tzinfo) -> PrintedDate:
    """A day made exact by the page's first time element of that day."""
    for _, element in zip(range(_MOST_TIMES), tree.iter("time"), strict=False):
        moment = read_date(element.get("datetime") or "", zone)
        if moment is not None and moment.precision != "day" and day_in(moment) == day_in(day):
            data.note("published", f"{data.found['published']}, time element")
            return moment
    return day


def _first_date(
    data: Metadata, name: str, candidates: list[tuple[str, str | None]], latest: datetime, zone: tzinfo
) -> PrintedDate | None:
    for how, text in candidates:
        if text and (found := read_date(text, zone)) and found.at <= latest:
            data.note(name, how)
            return found
    return None


def _read_labels(data: Metadata, stated: Structured, printed: Labels) -> None:
    _read_section(data, stated, printed)
    _read_tags(data, stated, printed)


def _read_section(data: Metadata, stated: Structured, printed: Labels) -> None:
    article = stated.article or {}
    section = text_in(article.get("articleSection")) or stated.first("article:section")
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
    """The breadcrumb's names without the page's own at its end."""
    for node in stated.nodes:
        if "breadcrumblist" in types_of(node) and isinstance(items := node.get("itemListElement"), list):
            names = [text_in(item.get("name")) or text_in(item.get("item")) for item in items if isinstance(item, dict)]
            kept = [name for name in names[:-1] if name]
            return tuple(kept[:10])
    return ()
