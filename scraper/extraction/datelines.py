"""The dates that a page prints beside its headline: in lines of a few words, and in time elements.

Sources: the element `time` (HTML, 4.5.14); hAtom's and WordPress' classes `published` and `updated`, as entry_date() of
its themes writes them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from itertools import islice

from lxml.html import HtmlElement

from scraper.extraction.calendars import day_of
from scraper.extraction.conventions import classes_of
from scraper.extraction.dates import read_date, take_days
from scraper.extraction.passages import Passage, letters_of, plain
from storage.content import PrintedDate

_PUBLISHED = (
    r"published|posted|released|issued|created|written|veröffentlicht|erschienen|erstellt|publiée?|publicad[oa]"
    r"|publicación|pubblicat[oa]|gepubliceerd|geplaatst|publicerad|publiceret|publisert|yayınlanma|yayın tarihi"
    r"|opublikowano|опубликован[оа]|дата публикации|опубліковано|प्रकाशित|تاریخ انتشار|انتشار|نشر|公開日?|発行"
)
_UPDATED = (
    r"up-?dated?|modified|edited|revised|reviewed|fact[- ]checked|changed|aktualisiert|geändert|stand|mise? à jour|màj"
    r"|modifiée?|actualizad[oa]|actualización|aggiornat[oa]|aggiornamento|atualizad[oa]|bijgewerkt|uppdaterad|opdateret"
    r"|oppdatert|güncellen?me|zaktualizowano|aktualizacja|обновлен[оа]|оновлено|अपडेट|به‌روزرسانی|آخر تحديث|تحديث|更新日?"
)
_LABELS = re.compile(rf"(?<![^\W\d_])(?:(?P<published>{_PUBLISHED})|(?P<updated>{_UPDATED}))(?!\w)", re.I)
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W\d_]+")
_APART = frozenset(("nav", "aside", "footer", "figure", "blockquote"))
_BEFORE = 12
_AFTER = 40
"""Passages before and behind the headline among which its date stands."""
_AROUND = " :：|·•,–—-"
_LONGEST = 160
_MOST_WORDS = 16
_PARAGRAPH = 200
"""Letters from which on a passage is of the text, below whose second no date line is looked for."""
_LONGEST_DATELINE, _BESIDE = 90, 8
"""Characters up to which a line may be a date alone, and letters in it beside dates, times, days of the week and what
these are called: 'at', 'Uhr', 'IST'."""
_DAY = timedelta(days=1)
_MOST_TIMES = 5
_MOST_ELSEWHERE = 5
_MOST_STRINGS = 40


@dataclass(frozen=True, slots=True)
class DateLines:
    """The first date that a page says it was published at, updated at, and the first that it prints without a word."""

    published: PrintedDate | None = None
    updated: PrintedDate | None = None
    plain: PrintedDate | None = None


def read_datelines(passages: list[Passage], headline: str, zone: tzinfo, *, month_first: bool) -> DateLines:
    """Read the dates around a page's headline, which is found by its letters, else by its element h1; where it is not
    printed, at the page's beginning. Where none is there, those that a line elsewhere says the meaning of.

    `zone` reads dates that state none; `month_first` says how 3/4/2026 is read.
    """
    found: dict[str, PrintedDate] = {}
    for places in (_around(passages, headline), _elsewhere(passages)):
        for passage in places:
            for label, text in _said(passage):
                if label not in found and (moment := read_date(text, zone, month_first=month_first)):
                    found[label] = moment
        if found:
            break
    return DateLines(found.get("published"), found.get("updated"), found.get(""))


def is_dateline(line: str, days: Collection[date]) -> bool:
    """Whether a line says no more than when an article was published or updated, on one of these `days`, give or take
    the zone: 'Updated: Tuesday, 4 May 2026, 12.30 Uhr'."""
    if not days or len(line) > _LONGEST_DATELINE or not _DIGIT.search(line):
        return False
    for month_first in (False, True):
        found, rest = take_days(line, month_first=month_first)
        if found and all(any(abs(day - each) <= _DAY for each in days) for day in found):
            beside = [word for word in _WORD.findall(_LABELS.sub(" ", rest)) if day_of(word) is None]
            return sum(map(len, beside)) <= _BESIDE and not _DIGIT.search(rest)
    return False


def _around(passages: list[Passage], headline: str) -> Iterator[Passage]:
    """The short passages with numbers near the headline: those behind it, then those before it from it on."""
    at = _place_of(passages, headline)
    paragraphs = 0
    for passage in passages[at : at + _AFTER]:
        paragraphs += len(passage.letters) >= _PARAGRAPH and passage.link_share < 0.5
        if paragraphs > 1:
            break
        if _may_be_dated(passage):
            yield passage
    for passage in reversed(passages[max(0, at - _BEFORE) : at]):
        if _may_be_dated(passage):
            yield passage


def _elsewhere(passages: list[Passage]) -> Iterator[Passage]:
    """The first passages that say of a date what it is, wherever they stand, as below the text."""
    # Digits are asked for first: to look for a time element below each passage of a long page would take too long.
    saying = (
        each
        for each in passages
        if len(each.text) <= _LONGEST and _DIGIT.search(each.text) and _LABELS.search(each.text) and _may_be_dated(each)
    )
    return islice(saying, _MOST_ELSEWHERE)


def _place_of(passages: list[Passage], headline: str) -> int:
    letters = letters_of(headline).casefold()
    printed = next((at for at, each in enumerate(passages) if letters and each.letters.casefold() == letters), None)
    if printed is not None:
        return printed
    return next((at for at, each in enumerate(passages) if each.element.tag == "h1"), 0)


def _may_be_dated(passage: Passage) -> bool:
    if len(passage.text) > _LONGEST:
        return False
    if not _DIGIT.search(passage.text) and passage.element.find(".//time") is None:
        return False
    return not any(each.tag in _APART for each in (passage.element, *passage.element.iterancestors()))


def _said(passage: Passage) -> Iterator[tuple[str, str]]:
    """What a passage says of dates: 'published', 'updated' or '' and the text behind the word, or the time element."""
    line = _parted(passage)
    timed, at = False, 0
    for time in islice(passage.element.iter("time"), _MOST_TIMES):
        printed = plain(" ".join(time.itertext()))
        if printed and printed in line:
            timed = True
            place = max(line.find(printed, at), 0)
            yield _label_of(time, line, place, min(at, place), printed), time.get("datetime") or printed
            at = place + len(printed)
    if timed or len(_WORD.findall(line)) > _MOST_WORDS:
        return
    at, label = 0, ""
    for match in _LABELS.finditer(line):
        yield label, line[at : match.start()].strip(_AROUND)
        at, label = match.end(), match.lastgroup or ""
    yield label, line[at:].strip(_AROUND)


def _parted(passage: Passage) -> str:
    """A passage with spaces between its elements, which styles part: <i>News</i><i>May 4, 2026</i>."""
    parted = plain(" ".join(islice(passage.element.itertext(), _MOST_STRINGS)))
    return parted if letters_of(parted) == passage.letters else plain(passage.text)


def _label_of(time: HtmlElement, line: str, place: int, behind: int, printed: str) -> str:
    """What a time at a place in its line is said to be: by the last word since the time before it, or in itself, else
    by its class, else by the last word before that time. (WordPress' themes print 'Posted on' before both.)"""
    own = [match.lastgroup or "" for match in _LABELS.finditer(f"{line[behind:place]} {printed}")]
    if own:
        return own[-1]
    names = {name.lower() for name in classes_of(time)}
    if said := next((name for name in ("published", "updated") if name in names), ""):
        return said
    return next((match.lastgroup or "" for match in reversed([*_LABELS.finditer(line[:place])])), "")
