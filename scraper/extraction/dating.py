"""When an article was published and updated: what its page states first, what it prints next, guesses last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import islice
from urllib.parse import urlsplit

from lxml import etree
from lxml.html import HtmlElement

from scraper.extraction.calendars import month_of
from scraper.extraction.conventions import classes_of
from scraper.extraction.datelines import DateLines, read_datelines
from scraper.extraction.dates import read_date
from scraper.extraction.engine import Engine
from scraper.extraction.passages import Passage, text_of
from scraper.extraction.structured import Structured, text_in, types_of
from storage.content import PrintedDate

PUBLISHED = (
    "article:published_time", "og:article:published_time", "datepublished", "parsely-pub-date", "sailthru.date",
    "dc.date.issued", "dcterms.issued", "dc.date.created", "dcterms.created", "pubdate", "publishdate", "publish-date",
    "publication_date", "citation_publication_date", "dc.date", "dcterms.date", "date",
)  # fmt: skip
UPDATED = (
    "article:modified_time", "og:article:modified_time", "og:updated_time", "datemodified", "dcterms.modified",
    "dc.date.modified", "lastmod", "last-modified",
)  # fmt: skip
_PAGES = frozenset(("webpage", "itempage", "collectionpage", "medicalwebpage"))
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:\D|$)")
_NUMBERS = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]")
_MONTH, _DAY = "(0?[1-9]|1[0-2])", r"(0?[1-9]|[12]\d|3[01])"
_IN_PATH = re.compile(rf"/((?:19|20)\d{{2}})(?:/{_MONTH}/{_DAY}(?=[/_.]|$)|-{_MONTH}-{_DAY}(?=[/\-_.]|$))")
"""A day in a path. Behind /2026/04/ a number with a hyphen begins a slug: /2026/04/6-reasons."""
_NAMED_IN_PATH = re.compile(rf"/((?:19|20)\d{{2}})/([^\W\d_]{{3,9}})/{_DAY}(?=[/_.]|$)")
"""The same with the month's name, as in /2026/may/04/."""
_IN_SLUG = re.compile(rf"/((?:19|20)\d{{2}})/{_MONTH}/{_DAY}-")
_MONTH_FIRST = re.compile(r"en(?:[-_](?:us|ph))?", re.I)
"""Locales whose short form of a date has the month first (Unicode CLDR, dateFormatLength short)."""
_MOST_TIMES = 20
_TITLED = etree.XPath("//body//*[self::span or self::abbr or self::p][contains(@title, ':')]")
_MARKS = frozenset(("published", "dt-published", "wp-block-post-date"))
_OTHERS = frozenset(("wp-block-query", "wp-block-post-template"))
_SLACK = timedelta(days=1)
_MINUTE = timedelta(minutes=1)

Sources = Iterator[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Dated:
    """When an article was published and updated, and how each was found ('' for what was not)."""

    published: PrintedDate | None = None
    published_found: str = ""
    updated: PrintedDate | None = None
    updated_found: str = ""


def read_dates(
    tree: HtmlElement,
    passages: list[Passage],
    stated: Structured,
    engine: Engine,
    headline: str,
    *,
    url: str,
    captured_at: datetime,
    zone: tzinfo,
) -> Dated:
    """Both dates. No date later than a day after the capture is believed; `zone` reads dates that state none."""
    return _Reader(tree, passages, stated, engine, headline, url, captured_at + _SLACK, zone).read()


@dataclass(slots=True)
class _Reader:
    tree: HtmlElement
    passages: list[Passage]
    stated: Structured
    engine: Engine
    headline: str
    url: str
    latest: datetime
    zone: tzinfo

    def read(self) -> Dated:
        published, how = self._first(self._stated_published())
        updated, how_updated = self._first(self._stated_updated())
        lines = DateLines()
        if published is None or updated is None:
            lines = self._lines()
        if published is None:
            published, how = self._printed_published(lines)
        if published is None:
            published, how = self._first(self._guesses())
        if published is not None and published.precision == "day":
            published, how = self._with_time(published, how, lines)
        elif published is not None and not published.local.utcoffset():
            published, how = self._in_local_time(published, how)
        if updated is None and lines.updated is not None and how != "date line, updated":
            updated, how_updated = lines.updated, "date line"
        if updated is not None and published is not None and updated.at <= published.at:
            updated, how_updated = None, ""
        return Dated(published, how, updated, how_updated)

    def _first(self, sources: Sources) -> tuple[PrintedDate | None, str]:
        for how, text in sources:
            if text and (found := self._read(text)):
                return found, how
        return None, ""

    def _read(self, text: str) -> PrintedDate | None:
        return self._believed(read_date(text, self.zone))

    def _believed(self, date: PrintedDate | None) -> PrintedDate | None:
        return date if date is not None and date.at <= self.latest else None

    def _stated_published(self) -> Sources:
        """What is stated in a form that can be read in one way alone. A site that does not keep to the form of a date
        often does not keep to its meaning either."""
        article = self.stated.article or {}
        yield "json-ld", _formal(text_in(article.get("datePublished")))
        for name in PUBLISHED:
            yield name, _certain(self.stated.first(name))
        yield "microdata", _certain(self.stated.item("datepublished", "datecreated"))
        for node in self.stated.nodes:
            if types_of(node) & _PAGES:
                yield "json-ld page", _formal(text_in(node.get("datePublished")))
        yield "url", _day_in_path(urlsplit(self.url).path)

    def _stated_updated(self) -> Sources:
        yield "json-ld", text_in((self.stated.article or {}).get("dateModified"))
        for name in UPDATED:
            yield name, self.stated.first(name)
        yield "microdata", self.stated.item("datemodified")

    def _lines(self) -> DateLines:
        locale = self.tree.get("lang") or self.stated.first("og:locale") or ""
        lines = read_datelines(
            self.passages, self.headline, self.zone, month_first=bool(_MONTH_FIRST.fullmatch(locale.strip()))
        )
        return DateLines(*(self._believed(date) for date in (lines.published, lines.updated, lines.plain)))

    def _printed_published(self, lines: DateLines) -> tuple[PrintedDate | None, str]:
        if found := lines.published or lines.plain:
            return found, "date line"
        if lines.updated:
            return lines.updated, "date line, updated"
        return None, ""

    def _guesses(self) -> Sources:
        yield "marked", next(_marked_dates(self.tree), None)
        yield "json-ld", text_in((self.stated.article or {}).get("datePublished"))
        for name in PUBLISHED:
            yield name, self.stated.first(name)
        yield "trafilatura", self._guessed_day()

    def _guessed_day(self) -> str | None:
        """The engine's guess, but for a day that it made of a year alone, as a notice of copyright has it, or of a
        slug's number."""
        day = self.engine.day
        slug = _IN_SLUG.search(urlsplit(self.url).path)
        if slug is not None and day == "-".join(part.zfill(2) for part in slug.groups()):
            return None
        if (day or "").endswith("-01-01") and next(self.tree.iter("time"), None) is None:
            return None
        return day

    def _with_time(self, day: PrintedDate, how: str, lines: DateLines) -> tuple[PrintedDate, str]:
        """A day made exact by the page's first time element of that day, or by the title of an element that prints it
        (Hugo's themes; microformats' abbr pattern), or by the line beside the headline that prints it with a time."""
        for element in islice(self.tree.iter("time"), _MOST_TIMES):
            moment = read_date(element.get("datetime") or "", self.zone)
            if moment is not None and moment.precision != "day" and moment.day == day.day:
                return moment, f"{how}, time element"
        for element in islice(_TITLED(self.tree), _MOST_TIMES):
            moment = read_date(element.get("title") or "", self.zone)
            if moment is not None and moment.precision != "day" and moment.day == day.day:
                printed = read_date(text_of(element), self.zone)
                if printed is not None and printed.day == day.day:
                    return moment, f"{how}, title"
        for printed in (lines.published, lines.plain):
            if printed is not None and printed.precision != "day" and printed.day == day.day:
                return printed, how if how == "date line" else f"{how}, date line"
        return day, how

    def _in_local_time(self, moment: PrintedDate, how: str) -> tuple[PrintedDate, str]:
        """A moment stated in UTC, in the outlet's own time where the page states the same moment in that: its day is
        the one that readers saw. Publishing systems state UTC to machines (JSON-LD of WordPress' Yoast)."""
        stated = ((name, self.stated.first(name)) for name in PUBLISHED)
        times = (("time element", element.get("datetime")) for element in islice(self.tree.iter("time"), _MOST_TIMES))
        for other, text in (*stated, *times):
            local = read_date(text or "", self.zone)
            if local is None or local.precision == "day" or not local.local.utcoffset():
                continue
            if abs(local.at - moment.at) < _MINUTE:
                return local, other if other in PUBLISHED else f"{how}, {other}"
        return moment, how


def _marked_dates(tree: HtmlElement) -> Iterator[str]:
    """The dates of publication that a page marks as such around its text, in no list of other posts.

    Sources: hAtom's `published`, h-entry's `dt-published` (microformats.org), WordPress' blocks wp-block-post-date and
    wp-block-query (developer.wordpress.org/block-editor).
    """
    for element in tree.iter("time"):
        above = list(element.iterancestors())
        marks = classes_of(element).union(*map(classes_of, above[:1]))
        elsewhere = any(each.tag in ("nav", "aside") or classes_of(each) & _OTHERS for each in above)
        if marks & _MARKS and not elsewhere:
            yield element.get("datetime") or ""


def _day_in_path(path: str) -> str | None:
    if match := _IN_PATH.search(path):
        return "-".join(part.zfill(2) for part in match.groups() if part)
    match = _NAMED_IN_PATH.search(path)
    month = month_of(match[2]) if match else None
    return f"{match[1]}-{month[0]:02}-{match[3].zfill(2)}" if match and month and not month[1] else None


def _formal(text: str | None) -> str | None:
    return text if text and _ISO.match(text) else None


def _certain(text: str | None) -> str | None:
    return text if text and not _NUMBERS.match(text) else None
