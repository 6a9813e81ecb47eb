"""Reading an article's page by the rules of its outlet's template."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from lxml import etree
from lxml.html import HtmlElement

from scraper.extraction.authors import split_names
from scraper.extraction.blocks import READ_MORE, Piece, build_blocks, without_read_more
from scraper.extraction.dates import day_in, read_date
from scraper.extraction.figures import FoundFigure, read_figures
from scraper.extraction.generic import Read
from scraper.extraction.headline import without_site
from scraper.extraction.learnt import Learnt
from scraper.extraction.links import base_of
from scraper.extraction.metadata import read_language, stated_language
from scraper.extraction.page import Page
from scraper.extraction.passages import plain, read_passages, text_of, tidy
from scraper.extraction.repeats import repeats_in_words, without_repeats
from scraper.extraction.sharing import is_share_button
from scraper.extraction.structured import Structured
from scraper.outlet import DateRule, KindRule, Outlet, Template
from scraper.patterns import compile_pattern
from scraper.recognition import ArticleUrl, locate
from scraper.selecting import select
from storage.content import ArticleContent, ArticleKind, Block, PrintedDate

_CRUMBS = re.compile(r"\s*[/›»>|→]\s*|\s+-\s+")
_MOST_BYLINE = 80


def find_template(tree: HtmlElement, outlet: Outlet, captured: date) -> Template | None:
    """The template that a page wears: of those that detect it, first one of the time of its capture, newest first."""
    holding = [template for template in outlet.templates if any(select(tree, each) for each in template.detect)]
    return next((each for each in holding if _in_time(each, captured)), holding[0] if holding else None)


def read_template(
    tree: HtmlElement,
    stated: Structured,
    outlet: Outlet,
    template: Template,
    *,
    page: Page,
    base: str,
    identified: ArticleUrl | None,
    learnt: Learnt | None = None,
) -> Read:
    """Read a page by its template. Every block of the body is taken that no rule drops, that was not `learnt` to
    repeat, and that is no button to share the page by."""
    return _Reader(tree, stated, outlet, template, page, base, identified, learnt).read()


FieldName = Literal["headline", "body", "lead", "authors", "section", "published", "updated", "tags", "figures"]
FIELDS: tuple[FieldName, ...] = get_args(FieldName)
"""What a template has rules for, as an article's fields."""


def read_field(name: FieldName, tree: HtmlElement, outlet: Outlet, template: Template, page: Page) -> object:
    """What a template's own rules say of one field: text, names, a PrintedDate, blocks or figures; '', () or None
    where they find nothing. The URL and the page's metadata say nothing here."""
    reader = _Reader(tree, Structured((), {}, {}), outlet, template, page, base_of(tree, page.url), None, None)
    return reader.read_field(name)


class _Reader:
    def __init__(
        self,
        tree: HtmlElement,
        stated: Structured,
        outlet: Outlet,
        template: Template,
        page: Page,
        base: str,
        identified: ArticleUrl | None,
        learnt: Learnt | None,
    ) -> None:
        self._tree, self._stated, self._outlet, self._template = tree, stated, outlet, template
        self._page, self._base, self._identified, self._learnt = page, base, identified, learnt
        self._found: dict[str, str] = {}

    def read(self) -> Read:
        headline = self._headline()
        dropped = self._dropped()
        figures = [
            each for each in read_figures(self._tree, self._template.figures, self._base) if not each.within(dropped)
        ]
        authors, bylines = self._authors()
        roots = self._regions()
        body = self._body(roots, dropped, figures, bylines)
        kept, left = without_repeats(body, self._learnt)
        blocks = build_blocks(kept, frozenset(roots))
        if left:
            self._found["repeated"] = repeats_in_words(left)
        lead = self._lead(blocks)
        section = self._section()
        published = self._published()
        if figures:
            self._found["figures"] = "template"
        content = ArticleContent(
            headline=headline,
            blocks=blocks,
            kind=self._kind(section),
            lead=lead,
            authors=authors,
            section=section,
            tags=self._tags(),
            figures=tuple(each.figure for each in figures),
            language=self._language(blocks),
            published=published,
            updated=self._date("updated", self._template.updated),
            found=self._found,
        )
        if not headline:
            return Read(content, "no-headline")
        return Read(content, None if content.body else "empty", tuple(body))

    def read_field(self, name: FieldName) -> object:
        dropped = self._dropped()
        figures = read_figures(self._tree, self._template.figures, self._base)
        kept = [each for each in figures if not each.within(dropped)]
        readings: dict[FieldName, Callable[[], object]] = {
            "headline": self._headline,
            "body": lambda: self._blocks(dropped, kept),
            "lead": lambda: next((text for text, _ in self._texts("lead", self._template.lead)), None),
            "authors": lambda: self._authors()[0],
            "section": self._section,
            "published": lambda: self._date("published", self._template.published),
            "updated": lambda: self._date("updated", self._template.updated),
            "tags": self._tags,
            "figures": lambda: tuple(each.figure for each in kept),
        }
        return readings[name]()

    def _blocks(self, dropped: set[etree._Element], figures: Sequence[FoundFigure]) -> tuple[Block, ...]:
        roots = self._regions()
        return build_blocks(self._body(roots, dropped, figures, self._authors()[1]), frozenset(roots))

    def _headline(self) -> str:
        for text, _ in self._texts("headline", self._template.headline):
            return text
        title = self._stated.first("og:title")
        if title:
            self._found["headline"] = "og:title"
            return without_site(title, self._tree, self._stated)
        return ""

    def _body(
        self,
        roots: Sequence[HtmlElement],
        dropped: set[etree._Element],
        figures: Sequence[FoundFigure],
        bylines: set[HtmlElement],
    ) -> list[Piece]:
        patterns = [compile_pattern(each) for each in (*self._template.boilerplate, *self._outlet.boilerplate)]
        captions = {element for each in figures for element in each.captions}
        pieces: list[Piece] = []
        for root in roots:
            signed = False
            for passage in read_passages(root, without=dropped):
                line = plain(passage.text)
                held = {passage.element, *passage.element.iterancestors()}
                if held & captions:
                    pieces.append(Piece(passage.text, passage, "caption"))
                    continue
                if held & bylines and len(passage.text) <= _MOST_BYLINE:
                    pieces.append(Piece(passage.text, passage, "byline"))
                    signed = True
                    continue
                if signed and line.startswith(f"{self._outlet.title}, ") and len(passage.text) <= _MOST_BYLINE:
                    pieces.append(Piece(passage.text, passage, "byline"))
                    continue
                signed = False
                if is_share_button(passage):
                    continue
                if any(pattern.search(line) for pattern in patterns):
                    # A label of links stays until its links are known.
                    if READ_MORE.fullmatch(line):
                        pieces.append(Piece(passage.text, passage))
                    continue
                pieces.append(Piece(passage.text, passage))
        return [
            piece for piece in without_read_more(pieces) if piece.kind or not READ_MORE.fullmatch(plain(piece.text))
        ]

    def _regions(self) -> list[HtmlElement]:
        """The elements that hold the body: all that the first selector with text finds, none twice."""
        for selector in self._template.body:
            found = _outermost(item for item in select(self._tree, selector) if not isinstance(item, str))
            texts: dict[str, HtmlElement] = {}
            for element in found:
                if text := text_of(element):
                    texts.setdefault(text, element)
            if texts:
                self._found["body"] = selector
                return list(texts.values())
        return []

    def _lead(self, blocks: Sequence[Block]) -> str | None:
        for text, _ in self._texts("lead", self._template.lead):
            return text
        first = next((block.text for block in blocks if block.kind == "paragraph"), None)
        if first:
            self._found["lead"] = "first paragraph"
        return first

    def _section(self) -> tuple[str, ...]:
        """The breadcrumb's names: an element each, or one element whose names a sign parts."""
        for selector in self._template.breadcrumb:
            found = _outermost(item for item in select(self._tree, selector) if not isinstance(item, str))
            if len(found) == 1:
                parts = _crumbs_in(found[0])
            else:
                parts = [text_of(element) for element in found]
            names = tuple(name for part in parts if (name := plain(part).strip(" /›»>|→")))
            if names:
                self._found["section"] = selector
                return names
        return ()

    def _tags(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for text, _ in self._texts("tags", self._template.tags)))

    def _authors(self) -> tuple[tuple[str, ...], set[HtmlElement]]:
        pattern = compile_pattern(self._template.author_pattern) if self._template.author_pattern else None
        names: list[str] = []
        bylines: set[HtmlElement] = set()
        for text, element in self._texts("authors", self._template.authors):
            match = pattern.search(plain(text)) if pattern else None
            if pattern is not None and match is None:
                continue
            name = (match.groupdict().get("author") or match[0]) if match else text
            names.extend(split_names(name))
            if element is not None:
                bylines.add(element)
        return tuple(dict.fromkeys(names)), bylines

    def _published(self) -> PrintedDate | None:
        """The date of publication. Where it is over a day off the URL's day, that is right: pages print no zone."""
        printed = self._date("published", self._template.published)
        day = self._identified.day if self._identified else None
        if day is None or (printed is not None and abs(day_in(printed) - day) <= timedelta(days=1)):
            return printed
        self._found["published"] = "url"
        return read_date(day.isoformat(), self._outlet.timezone)

    def _date(self, name: str, rules: Iterable[DateRule]) -> PrintedDate | None:
        for rule in rules:
            for selector in rule.select:
                for item in select(self._tree, selector):
                    date_text = _date_text(item, rule)
                    zone = _zone(rule, self._outlet)
                    if date_text and (found := read_date(date_text, zone, rule.formats)):
                        self._found[name] = selector
                        return found
        return None

    def _kind(self, section: Sequence[str]) -> ArticleKind:
        for rule in self._template.kinds:
            if self._is_kind(rule, section):
                self._found["kind"] = "template"
                return rule.kind
        if self._identified and self._identified.kind:
            self._found["kind"] = "url"
            return self._identified.kind
        return "article"

    def _is_kind(self, rule: KindRule, section: Sequence[str]) -> bool:
        if {name.casefold() for name in rule.sections} & {name.casefold() for name in section}:
            return True
        place = locate(self._page.url)
        if rule.path and place and compile_pattern(rule.path).match(place.path):
            return True
        return any(select(self._tree, selector) for selector in rule.select)

    def _language(self, blocks: Sequence[Block]) -> str | None:
        """The language of the page's edition: as the page states, else by its URL, else by its words."""
        known = {self._outlet.language, *self._outlet.languages.values()}
        for text, _ in self._texts("language", self._outlet.edition_select):
            code = text.replace("_", "-").partition("-")[0].lower()
            if (language := self._outlet.languages.get(code, code)) in known:
                return language
        stated = stated_language(self._tree)
        if stated in known:
            self._found["language"] = "html lang"
            return stated
        if self._identified and self._identified.edition:
            self._found["language"] = "url"
            return self._outlet.languages.get(self._identified.edition, self._outlet.language)
        words = " ".join(block.text for block in blocks)
        guessed, how = read_language(self._tree, words, tuple(sorted(known)))
        self._found["language"] = how
        return guessed or self._outlet.language

    def _dropped(self) -> set[etree._Element]:
        found = (item for selector in self._template.drop for item in select(self._tree, selector))
        return {item for item in found if not isinstance(item, str)}

    def _texts(self, name: str, selectors: Iterable[str]) -> list[tuple[str, HtmlElement | None]]:
        """The texts of the first selector that finds any, with the elements that hold them."""
        for selector in selectors:
            texts: list[tuple[str, HtmlElement | None]] = []
            for item in select(self._tree, selector):
                text = tidy(item) if isinstance(item, str) else text_of(item) or tidy(item.get("content") or "")
                if text:
                    texts.append((text, None if isinstance(item, str) else item))
            if texts:
                self._found[name] = selector
                return texts
        return []


def _in_time(template: Template, captured: date) -> bool:
    return (template.since is None or template.since <= captured) and (
        template.until is None or captured <= template.until
    )


def _outermost(elements: Iterable[HtmlElement]) -> list[HtmlElement]:
    found = list(elements)
    inside = set(found)
    return [element for element in found if not any(above in inside for above in element.iterancestors())]


def _crumbs_in(element: HtmlElement) -> list[str]:
    items = list(element.iter("li"))
    if items:
        return [text_of(item) for item in items]
    text = text_of(element)
    parts = [part for part in _CRUMBS.split(text) if part]
    links = list(element.iter("a"))
    return parts if len(parts) > 1 or len(links) < 2 else [text_of(link) for link in links]


def _date_text(item: HtmlElement | str, rule: DateRule) -> str | None:
    if isinstance(item, str):
        text = tidy(item)
    elif rule.attribute:
        text = tidy(item.get(rule.attribute) or "")
    else:
        text = text_of(item)
    if not rule.pattern or not text:
        return text or None
    match = compile_pattern(rule.pattern).search(plain(text))
    return (match.groupdict().get("date") or match[0]) if match else None


def _zone(rule: DateRule, outlet: Outlet) -> ZoneInfo:
    return ZoneInfo(rule.zone) if rule.zone else outlet.timezone
