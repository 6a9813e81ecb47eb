"""The selectors of an article's fields: those whose text agrees, page for page, with what is read without a profile."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml.html import HtmlElement

from scraper.drafting.selectors import describe, describe_meta
from scraper.drafting.survey import Sample
from scraper.extraction.dates import read_date
from scraper.extraction.passages import letters_of, plain
from scraper.extraction.template import FieldName, read_field
from scraper.outlet import DateRule, FigureRule, Outlet, Template
from storage.content import ArticleContent, Figure, PrintedDate

CONVENTIONS: dict[FieldName, tuple[str, ...]] = {
    "headline": (
        "h1.wp-block-post-title", "h1.entry-title", "h1.post-title", 'h1[itemprop~="headline"]', "h1.p-name",
    ),
    "authors": (
        ".wp-block-post-author-name", ".wp-block-post-author__name", ".entry-header .author .fn", ".author.vcard .fn",
        ".author.vcard a", ".author.vcard", ".posted-by a", ".byline a", 'a[rel~="author"]', ".byline",
        '[itemprop~="author"] [itemprop~="name"]', ".p-author", 'meta[name="author"]',
    ),
    "section": (
        ".taxonomy-category a", ".cat-links a", 'a[rel~="category"]', ".post-categories a", ".entry-categories a",
        ".breadcrumb a", ".breadcrumbs a", 'meta[property="article:section"]',
    ),
    "tags": (
        ".taxonomy-post_tag a", ".tags-links a", ".post-tags a", "ul.tags a", "ul.post-tags a", ".entry-tags a",
        '[itemprop~="keywords"] a', 'meta[property="article:tag"]',
    ),
    "lead": (".wp-block-post-excerpt__excerpt", ".entry-summary", ".lead", ".standfirst", ".post-description"),
}  # fmt: skip
"""What WordPress' block and classic themes, microformats and Hugo's themes call what they print."""
PUBLISHED = (
    ".wp-block-post-date time", "time.entry-date.published", "time.published", "time.dt-published",
    'time[itemprop~="datePublished"]', ".posted-on time", ".post-meta time", ".post-date time", "time.post-date",
    "article header time", 'meta[property="article:published_time"]', 'meta[itemprop="datePublished"]',
)  # fmt: skip
UPDATED = (
    "time.updated:not(.published)", "time.dt-updated", 'time[itemprop~="dateModified"]',
    'meta[property="article:modified_time"]', 'meta[itemprop="dateModified"]',
)  # fmt: skip
_DATE_ATTRIBUTES = ("datetime", "content", "title")
_LONGEST_NAME = 90
_LONGEST_DATE = 60
_MOST_CANDIDATES = 80
_MOST_SELECTORS = 3
_ENOUGH = 0.5
"""Share of the pages that have a field from which on a selector that agrees on them is taken."""
_MOST_WRONG = 0.1
"""Share of all pages on which a selector may say something else; one page where there are several."""
_SEVERAL = 5
_FEWEST = 2
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Found:
    """The selectors found for a field. `agreed` is on how many pages they say what is read without a profile, `wrong`
    on how many something else, `present` how many pages have the field; `attribute` holds a date, None: the text."""

    selectors: tuple[str, ...] = ()
    agreed: int = 0
    wrong: int = 0
    present: int = 0
    attribute: str | None = None


@dataclass(slots=True)
class _Rating:
    agreed: set[int] = field(default_factory=set)
    wrong: set[int] = field(default_factory=set)


Build = Callable[[tuple[str, ...]], Template]


def find_texts(name: FieldName, samples: Sequence[Sample], outlet: Outlet) -> Found:
    """The selectors of a field that is text or names: headline, lead, authors, section, tags."""
    key = "breadcrumb" if name == "section" else name

    def build(selectors: tuple[str, ...]) -> Template:
        return _template(**{key: selectors})

    candidates = _candidates(samples, lambda each: _elements_saying(each, name), CONVENTIONS.get(name, ()))
    return _choose(name, candidates, samples, outlet, build)


def find_date(name: FieldName, samples: Sequence[Sample], outlet: Outlet) -> Found:
    """The selectors of a date, and the attribute that holds it (None: its text)."""
    best = Found(present=sum(bool(wanted(name, each.content)) for each in samples))
    known = PUBLISHED if name == "published" else UPDATED
    for attribute in (*_DATE_ATTRIBUTES, None):

        def build(selectors: tuple[str, ...], attribute: str | None = attribute) -> Template:
            return _template(**{name: (DateRule(select=selectors, attribute=attribute),)} if selectors else {})

        def saying(sample: Sample, attribute: str | None = attribute) -> Iterator[HtmlElement]:
            return _elements_dated(sample, name, attribute)

        mine = [each for each in known if (attribute == "content") == each.startswith("meta")]
        candidates = _candidates(samples, saying, mine if attribute != "title" else ())
        found = _choose(name, candidates, samples, outlet, build)
        if found.agreed > best.agreed:
            best = Found(found.selectors, found.agreed, found.wrong, found.present, attribute)
    return best


def find_figures(samples: Sequence[Sample], outlet: Outlet, bodies: Sequence[str]) -> Found:
    """The selector of figures: those within the body, those of the article, or all."""
    scopes = [f"{body} figure" for body in bodies]
    scopes += ["article figure", "main figure", "figure"]
    candidates = dict.fromkeys(scopes)
    return _choose("figures", list(candidates), samples, outlet, figure_template)


def figure_template(selectors: tuple[str, ...]) -> Template:
    """A template of nothing but figures with captions as HTML and WordPress write them."""
    rule = FigureRule(select=selectors, caption=("figcaption", ".wp-caption-text"))
    return _template(figures=(rule,) if selectors else ())


def wanted(name: FieldName, content: ArticleContent) -> object:
    """What a field has to say, by the reading without a profile; empty for a lead that is only the first paragraph."""
    if name == "lead" and content.found.get("lead") == "first paragraph":
        return None
    if name == "body":
        return content.blocks
    return getattr(content, name)


def agrees(name: FieldName, value: Any, target: Any) -> bool:
    """Whether two readings of a field mean the same: names in any order, texts but for spaces and signs."""
    if not value or not target:
        return not value and not target
    if isinstance(target, PrintedDate) and isinstance(value, PrintedDate):
        return value.at == target.at or (target.precision == "day" and value.day == target.day)
    if isinstance(target, str):
        return letters_of(str(value)).casefold() == letters_of(target).casefold()
    if name == "figures":
        return _figures(value) == _figures(target)
    return sorted(each.casefold() for each in value) == sorted(each.casefold() for each in target)


def _figures(figures: Iterable[Figure]) -> list[tuple[str | None, str]]:
    return sorted((each.url or "", letters_of(each.caption or "")) for each in figures)


def _template(**rules: Any) -> Template:
    return Template(name="draft", detect=(), **{"headline": (), "body": (), **rules})


def _candidates(
    samples: Sequence[Sample], saying: Callable[[Sample], Iterable[HtmlElement]], known: Iterable[str]
) -> list[str]:
    """The selectors to try: known ones, then those of elements that say what is wanted, the most frequent first."""
    counted: Counter[str] = Counter()
    for sample in samples:
        here: dict[str, None] = {}
        for element in saying(sample):
            if element.tag == "meta":
                here.update(dict.fromkeys(filter(None, [describe_meta(element)])))
            else:
                here.update(dict.fromkeys(describe(element)))
        counted.update(here.keys())
    found = [selector for selector, _ in sorted(counted.items(), key=lambda each: -each[1])]
    return list(dict.fromkeys((*known, *found)))[:_MOST_CANDIDATES]


def _choose(
    name: FieldName, candidates: Sequence[str], samples: Sequence[Sample], outlet: Outlet, build: Build
) -> Found:
    """The selector that agrees on most pages, then further ones for pages on which those before it find nothing."""
    targets = [wanted(name, sample.content) for sample in samples]
    present = sum(bool(target) for target in targets)
    ratings = {each: _rate(name, (each,), targets, samples, outlet, build) for each in candidates}
    chosen: list[str] = []
    agreed: set[int] = set()
    wrong: set[int] = set()
    most_wrong = max(_MOST_WRONG * len(samples), 1.0 if len(samples) >= _SEVERAL else 0.0)

    def gain(selector: str) -> tuple[int, int]:
        rating = ratings[selector]
        return len(rating.agreed - agreed - wrong), -len(rating.wrong - agreed - wrong)

    while len(chosen) < _MOST_SELECTORS:
        best = max(candidates, key=gain, default=None)
        if best is None or gain(best)[0] < 1 or -gain(best)[1] > most_wrong:
            break
        rating = ratings[best]
        if not chosen and len(rating.agreed) < min(_FEWEST, present):
            break
        chosen.append(best)
        taken = agreed | wrong
        agreed |= rating.agreed - taken
        wrong |= rating.wrong - taken
    if not chosen or len(agreed) < _ENOUGH * present:
        return Found(present=present)
    return Found(tuple(chosen), len(agreed), len(wrong), present)


def _rate(
    name: FieldName,
    selectors: tuple[str, ...],
    targets: Sequence[object],
    samples: Sequence[Sample],
    outlet: Outlet,
    build: Build,
) -> _Rating:
    rating = _Rating()
    template = build(selectors)
    for at, (sample, target) in enumerate(zip(samples, targets, strict=True)):
        value = read_field(name, sample.tree, outlet, template, sample.page)
        if value:
            (rating.agreed if agrees(name, value, target) else rating.wrong).add(at)
            if len(rating.wrong) > max(1.0, _MOST_WRONG * len(samples)):
                break
    return rating


def _elements_saying(sample: Sample, name: FieldName) -> Iterator[HtmlElement]:
    """The elements whose whole text is what a field says; of names, those that hold one with little beside it."""
    target = wanted(name, sample.content)
    texts = (target,) if isinstance(target, str) else target if isinstance(target, tuple) else ()
    folded = {letters_of(str(text)).casefold() for text in texts} - {""}
    if not folded:
        return
    longest = max(len(str(text)) for text in texts) + (_LONGEST_NAME if name == "authors" else 20)
    around: list[HtmlElement] = []
    exact = False
    for element in sample.tree.iter():
        if not isinstance(element.tag, str) or element.tag in ("script", "style", "title", "head", "html"):
            continue
        if (element.tag == "meta" and name == "headline") or _is_in_menu(element):
            continue  # a headline is what the page prints; a menu says what stands elsewhere
        text = (element.get("content") or "") if element.tag == "meta" else _short_text(element, longest)
        said = letters_of(text).casefold() if text else ""
        if said in folded:
            exact = True
            yield element
        elif name == "authors" and said and any(each in said for each in folded):
            around.append(element)
    if not exact:  # a line with the name in it, where nothing holds the name alone
        yield from around


def _elements_dated(sample: Sample, name: FieldName, attribute: str | None) -> Iterator[HtmlElement]:
    target = wanted(name, sample.content)
    if not isinstance(target, PrintedDate):
        return
    for element in sample.tree.iter():
        if not isinstance(element.tag, str) or element.tag in ("script", "style", "title", "head", "html"):
            continue
        text = element.get(attribute) if attribute else _short_text(element, _LONGEST_DATE)
        if text and len(text) <= _LONGEST_DATE and _DIGIT.search(text):
            found = read_date(text, _zone_of(target))
            if found is not None and found.day == target.day:
                yield element


def _is_in_menu(element: HtmlElement) -> bool:
    menu = element if element.tag == "nav" else next(element.iterancestors("nav"), None)
    return menu is not None and "breadcrumb" not in f"{menu.get('class') or ''} {menu.get('aria-label') or ''}".lower()


def _zone_of(target: PrintedDate) -> Any:
    return target.local.tzinfo


def _short_text(element: HtmlElement, longest: int) -> str:
    """An element's text on one line; '' where it is longer."""
    parts: list[str] = []
    length = 0
    for part in element.itertext():
        length += len(part.strip())
        if length > longest:
            return ""
        parts.append(part)
    return plain("".join(parts))
