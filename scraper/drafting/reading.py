"""Reading what a look brought home: which pages are articles, and what they say without a profile."""

from __future__ import annotations

from lxml.html import HtmlElement

from scraper.drafting.survey import Sample, Sight, Survey
from scraper.extraction import extract
from scraper.extraction.charset import UnknownCharset, decode_page
from scraper.extraction.conventions import clear_page
from scraper.extraction.page import Context, Limits, Page
from scraper.extraction.tree import Unreadable, parse_page

LIMITS = Limits(page_bytes=5_000_000, text_chars=1_000_000, elements=100_000)
"""Bounds of a page that is looked at; a larger one is left out."""


def read_sight(sight: Sight) -> Survey | None:
    """Read the pages of a look; None where its home page is none that can be read."""
    home = _tree_of(sight.home)
    if home is None:
        return None
    samples: list[Sample] = []
    refused: dict[str, str] = {}
    for page in sight.articles:
        outcome = extract(page, Context(limits=LIMITS))
        tree = _tree_of(page)
        # A guess at the kind of page counts less than where the page was listed.
        content = outcome.candidate if outcome.verdict == "refused:other-kind" else outcome.article
        if content is None or tree is None:
            refused[page.url] = outcome.verdict.partition(":")[2] or outcome.verdict
        else:
            samples.append(Sample(page, tree, content))
    return Survey(sight.place, home, sight.twin, sight.listings, tuple(samples), sight.pages, refused, sight.stopped)


def _tree_of(page: Page) -> HtmlElement | None:
    try:
        tree = parse_page(decode_page(page.content, page.content_type).text, elements=LIMITS.elements)
    except (UnknownCharset, Unreadable):
        return None
    clear_page(tree)
    return tree
