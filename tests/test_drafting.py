"""A draft's selectors hold on a site's other pages too, and after its next build."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from scraper.drafting.drafting import Draft, draft_profile
from scraper.drafting.reading import read_sight
from scraper.drafting.survey import Place, Sight
from scraper.extraction import extract
from scraper.extraction.page import Context, Page
from storage.content import ArticleContent

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
PLACE = Place("www.courier.example")
THINGS = ("ferry pier", "old lamp", "fish market", "rope works", "town library", "stone bridge")
HOME = Page(
    b"<html lang=en><body><h1>The Courier</h1><p>News of the sound.</p></body></html>", None, PLACE.url_of("/"), AT
)


def paragraphs(at: int) -> list[str]:
    thing = THINGS[at]
    return [
        f"The {thing} was opened on the morning of day {at + 3} after {at + 2} months of repairs, and most of the "
        "school went down to the water to see it, teachers and all, in a wind that took two hats and a kite.",
        f"It had been closed since the storm of the winter before, when ice broke what the people near the {thing} "
        "had built in the year of the great frost, and the council paid for oak in the place of the pine there.",
        f"“We waited {at + 2} months for the {thing},” said the clerk of the council, who had come without a coat and "
        "left before the singing began; the keeper of the old light stayed until it was dark.",
    ]


def lead(at: int) -> str:
    return f"The {THINGS[at]} is open again, {at + 2} months later than the council had promised to the whole town."


def headline(at: int) -> str:
    return f"The {THINGS[at]} of Ness opens again after {at + 2} months"


def page(
    at: int, *, holder: str, within: str = "", above: str = "", before: str = "", stated: str | None = None
) -> Page:
    """An article; `holder` is the start tag of the element that holds its text, `within` stands in its middle, `before`
    before its headline."""
    node = {
        "@context": "https://schema.org", "@type": "NewsArticle", "headline": stated or headline(at),
        "datePublished": f"2026-11-{at + 3:02}T08:30:00+01:00",
    }  # fmt: skip
    first, *others = (f"<p>{text}</p>" for text in paragraphs(at))
    html = (
        f"<!DOCTYPE html><html lang=en><head><title>{headline(at)}</title>"
        f"<script type='application/ld+json'>{json.dumps(node)}</script></head><body><nav><a href=/>Home</a></nav>"
        f"<div class=page>{before}<h1 class=heading>{headline(at)}</h1>{above}"
        f"{holder}{first}{within}{''.join(others)}</div></div><footer>All rights reserved</footer></body></html>"
    )
    return Page(html.encode(), "text/html; charset=utf-8", PLACE.url_of(f"/news/the-{at}-opens-{10_000 + at}"), AT)


def draft(pages: Sequence[Page]) -> Draft:
    survey = read_sight(Sight(PLACE, HOME, articles=tuple(pages)))
    assert survey is not None
    assert survey.refused == {}
    drafted = draft_profile(survey, "courier")
    assert drafted is not None
    return drafted


def read(drafted: Draft, page: Page) -> ArticleContent:
    outcome = extract(page, Context(outlet=drafted.outlet))
    assert outcome.article is not None, outcome.verdict
    assert outcome.matched.startswith("today/")
    return outcome.article


HOLDERS = [
    ("<div class='{}'>", "story__body__17Yit", "story__body__x9Q2b", 'div[class*="story__body__"]'),
    ("<div class='{}'>", "StoryBody-fLyCVG", "StoryBody-kXPnbJ", 'div[class*="StoryBody-"]'),
    ("<div class='{}'>", "story-body", "story-body", "div.story-body"),
    ("<div class='{}'>", "story__bodyText", "story__bodyText", 'div[data-testid="StoryBody"]'),
    ("<div class='css-{}'>", "1x2y3z", "9q8w7e", 'div[data-testid="StoryBody"]'),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "today", "after", "selector"), HOLDERS, ids=[each[1] for each in HOLDERS])
def test_a_hash_in_a_class_is_no_part_of_a_selector(tag: str, today: str, after: str, selector: str) -> None:
    named = tag.replace("<div", "<div data-testid=StoryBody") if "data-" in selector else tag
    drafted = draft([page(at, holder=named.format(today)) for at in range(5)])
    (template,) = drafted.outlet.templates
    assert template.body == (selector,)
    found = read(drafted, page(5, holder=named.format(after)))
    assert [block.text for block in found.blocks] == paragraphs(5)
    assert found.found["body"] == selector


def test_a_lead_above_the_text_is_part_of_the_body() -> None:
    above = "<p class=summary>{}</p><div>25 November 2026</div><div>Share this story with all of your friends</div>"
    pages = [page(at, holder="<div class=reportage>", above=above.format(lead(at))) for at in range(6)]
    drafted = draft(pages[:5])
    (template,) = drafted.outlet.templates
    assert template.body == ("p.summary, div.reportage",)
    found = read(drafted, pages[5])
    assert [block.text for block in found.blocks] == [lead(5), *paragraphs(5)]


@pytest.mark.parametrize(("other", "selectors"), [("byline", {"p.note, div.reportage"}), ("note", set())])
def test_a_lead_is_one_thing_on_a_page(other: str, selectors: set[str]) -> None:
    above = f"<p class=note>{{}}</p><div>25 November 2026</div><p class={other}>Share this story with your friends</p>"
    drafted = draft([page(at, holder="<div class=reportage>", above=above.format(lead(at))) for at in range(5)])
    taken = {selector for template in drafted.outlet.templates for selector in template.body}
    assert {selector for selector in taken if "note" in selector} == selectors


def test_a_menu_of_the_article_is_not_its_headline() -> None:
    menu = "<nav class=contents><a href='#top'>{}</a></nav>"
    drafted = draft([page(at, holder="<div class=story-body>", before=menu.format(headline(at))) for at in range(5)])
    (template,) = drafted.outlet.templates
    assert template.headline == ("h1.heading",)


def test_one_rule_drops_a_box_with_all_that_is_in_it() -> None:
    def box(at: int, parts: int) -> str:
        inner = "".join(f"<div class=offer-{'abcdefghijkl'[part]}x>Offer {part} of {at}</div>" for part in range(parts))
        return f"<div class=offers><div class=offers-inner>{inner}</div></div>"

    drafted = draft([page(at, holder="<div class=story-body>", within=box(at, 12)) for at in range(5)])
    (template,) = drafted.outlet.templates
    assert template.drop == ("div.offers",)
    found = read(drafted, page(5, holder="<div class=story-body>", within=box(5, 12)))
    assert [block.text for block in found.blocks] == paragraphs(5)


@pytest.mark.parametrize(("others", "selectors"), [(1, ("h1.heading",)), (3, None)])
def test_of_several_pages_one_may_be_called_otherwise(others: int, selectors: tuple[str, ...] | None) -> None:
    pages = [
        page(at, holder="<div class=story-body>", stated="What the council did next" if at < others else None)
        for at in range(5)
    ]
    drafted = draft(pages)
    assert [each.headline for each in drafted.outlet.templates] == ([selectors] if selectors else [])
    assert {doubt.field: doubt.sure for doubt in drafted.doubts}["headline"] is False
