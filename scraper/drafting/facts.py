"""What a site says of itself: its title, its language, its country and zone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from lxml.html import HtmlElement

from scraper.drafting.survey import Sample, Survey
from scraper.drafting.zones import Where, find_where, moment_of
from scraper.extraction.metadata import stated_language
from scraper.extraction.passages import plain, text_of
from scraper.extraction.structured import read_structured, text_in, types_of
from scraper.selecting import select

_SIGNS = " |–—·•»«:-/"
_OFFSET = re.compile(r"(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}(?: \w{3,4})?)\s*$", re.I)
_REGION = re.compile(r"[a-zA-Z]{2,3}[-_](?:[A-Za-z]{4}[-_])?([A-Za-z]{2})(?:$|[-_.])")
_NAMES = (".site-title", ".wp-block-site-title", '[itemprop="publisher"] [itemprop="name"]')
_LONGEST_TITLE = 100
_CLEARLY = 0.8
"""Share of the articles whose words have to speak for a language that the pages' tags do not state."""
_PUBLISHERS = frozenset(("organization", "newsmediaorganization", "website"))


@dataclass(frozen=True, slots=True)
class Stated:
    """A fact with how many of so many pages gave it, and where it stood."""

    value: str
    said_by: str
    count: int
    of: int

    @property
    def sure(self) -> bool:
        """Whether several pages agree on it, or all that there were."""
        return 2 * self.count > self.of and self.count > 0


def find_title(survey: Survey) -> Stated:
    """The site's name as most pages state it: og:site_name, what all pages' titles have behind the headline, the
    name printed at their top; else the host."""
    total = len(survey.samples)
    readings = (
        ("og:site_name", [_site_name(each.tree) for each in survey.samples]),
        ("the end of its pages' titles", [_title_rest(each) for each in survey.samples]),
        ("the name at the top of its pages", [_name_printed(each.tree) for each in survey.samples]),
    )
    for said_by, found in readings:
        name, count = _most_common(found)
        if name and 2 * count > total:
            return Stated(name, said_by, count, total)
    home = _site_name(survey.home) or _name_printed(survey.home) or plain(_title(survey.home))[:_LONGEST_TITLE]
    return Stated(home or survey.place.host, "its home page" if home else "its host", 0, total)


def find_language(survey: Survey) -> Stated:
    """The language of most of the articles, by their words; that of the pages' tags where there are none."""
    found = [each.content.language for each in survey.samples]
    language, count = _most_common(found)
    tag, tagged = _most_common(stated_language(each.tree) for each in survey.samples)
    if tag and tag != language and 2 * tagged > len(found) and count < _CLEARLY * len(found):
        return Stated(tag, "the tags of its pages, for their words are not clear", found.count(tag), len(found))
    if language:
        return Stated(language, "the words of its articles", count, len(found))
    stated = stated_language(survey.home)
    return Stated(stated or "und", "the tag of its home page" if stated else "nothing", 0, len(found))


def other_languages(survey: Survey, language: str) -> list[str]:
    """Further languages among the articles that were looked at."""
    stated = {
        each.content.language or language
        for each in survey.samples
        if stated_language(each.tree) in (None, each.content.language)
    }
    return sorted(stated - {language})


def untagged_languages(survey: Survey, language: str) -> list[str]:
    """Further languages of the articles' words where the pages' tags state the site's own."""
    found = {each.content.language or language for each in survey.samples if stated_language(each.tree) == language}
    return sorted(found - {language})


def find_place(survey: Survey, language: str) -> Where:
    """The country and zone, by what the pages state and how they print their dates."""
    moments = []
    for sample in survey.samples:
        for printed in (sample.content.published, sample.content.updated):
            if printed is not None and _OFFSET.search(printed.printed):
                moment = moment_of(printed.at, printed.zone)
                if moment is not None:
                    moments.append(moment)
    trees = [survey.home, *(each.tree for each in survey.samples)]
    address, _ = _most_common(_country(tree) for tree in trees)
    region, _ = _most_common(_region(tree) for tree in trees)
    return find_where(
        moments, address=address or None, host=survey.place.host, region=region or None, language=language
    )


def _site_name(tree: HtmlElement) -> str:
    stated = read_structured(tree)
    name = stated.first("og:site_name")
    if not name:
        named = (text_in(node.get("name")) for node in stated.nodes if types_of(node) & _PUBLISHERS)
        name = next((each for each in named if each), "")
    return plain(name or "")[:_LONGEST_TITLE]


def _title(tree: HtmlElement) -> str:
    return next((each.text or "" for each in tree.iter("title")), "")


def _title_rest(sample: Sample) -> str:
    """What a page's title says besides the headline."""
    title, headline = plain(_title(sample.tree)), plain(sample.content.headline)
    if not headline or headline not in title or title == headline:
        return ""
    before, _, behind = title.partition(headline)
    return (behind.strip(_SIGNS) or before.strip(_SIGNS))[:_LONGEST_TITLE]


def _name_printed(tree: HtmlElement) -> str:
    for selector in _NAMES:
        for element in select(tree, selector):
            text = element if isinstance(element, str) else text_of(element)
            if text.strip():
                return plain(text)[:_LONGEST_TITLE]
    return ""


def _country(tree: HtmlElement) -> str:
    """The country of the publisher's address in JSON-LD (schema.org, addressCountry), as a code."""
    for node in read_structured(tree).nodes:
        for holder in (node, node.get("publisher")):
            address = holder.get("address") if isinstance(holder, dict) else None
            stated = text_in(address.get("addressCountry")) if isinstance(address, dict) else None
            if stated and re.fullmatch(r"[A-Za-z]{2}", stated):
                return stated.upper()
    return ""


def _region(tree: HtmlElement) -> str:
    for text in (tree.get("lang") or "", read_structured(tree).first("og:locale") or ""):
        if match := _REGION.match(text):
            return match[1].upper()
    return ""


def _most_common(values: Iterable[str | None]) -> tuple[str, int]:
    counted = Counter(value for value in values if value)
    return counted.most_common(1)[0] if counted else ("", 0)
