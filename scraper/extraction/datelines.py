"""The dates that a page prints beside its headline: in lines of a few words, and in time elements.

Sources: the element `time` (HTML, 4.5.14); hAtom's and WordPress' classes `published` and `updated`, as entry_date() of
its themes writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from itertools import islice

from lxml.html import HtmlElement

from scraper.extraction.conventions import classes_of
from scraper.extraction.dates import read_date
from scraper.extraction.passages import Passage, letters_of, plain
from storage.content import PrintedDate

_PUBLISHED = (
    r"published|posted|released|issued|created|written|veröffentlicht|erschienen|erstellt|publiée?|publicad[oa]"
    r"|publicación|pubblicat[oa]|gepubliceerd|geplaatst|publicerad|publiceret|publisert|yayınlanma|yayın tarihi"
    r"|opublikowano|опубликован[оа]|дата публикации|تاریخ انتشار|انتشار|نشر|公開日?|発行"
)
_UPDATED = (
    r"up-?dated?|modified|edited|revised|reviewed|fact[- ]checked|changed|aktualisiert|geändert|stand|mise? à jour|màj"
    r"|modifiée?|actualizad[oa]|actualización|aggiornat[oa]|aggiornamento|atualizad[oa]|bijgewerkt|uppdaterad|opdateret"
    r"|oppdatert|güncellen?me|zaktualizowano|aktualizacja|обновлен[оа]|به‌روزرسانی|آخر تحديث|تحديث|更新日?"
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
                if label not in found and (date := read_date(text, zone, month_first=month_first)):
                    found[label] = date
        if found:
            break
    return DateLines(found.get("published"), found.get("updated"), found.get(""))


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
    timed = False
    for time in islice(passage.element.iter("time"), _MOST_TIMES):
        printed = plain(" ".join(time.itertext()))
        if printed and printed in line:
            timed = True
            yield _label_of(time, printed, line), time.get("datetime") or printed
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


def _label_of(time: HtmlElement, printed: str, line: str) -> str:
    """What a time is said to be by the last word before it in its line, in itself, or by its class."""
    before = line.partition(printed)[0] if printed else ""
    labels = [match.lastgroup or "" for match in _LABELS.finditer(f"{before} {printed}")]
    if labels:
        return labels[-1]
    names = {name.lower() for name in classes_of(time)}
    return next((name for name in ("published", "updated") if name in names), "")
