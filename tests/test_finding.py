"""What `--why` says of a field is in words, whatever way extraction found it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scraper.cli.finding import found_lines
from scraper.extraction import extract
from scraper.extraction.page import Context, Page

TEXT = "".join(
    f"<p>The harbour council spoke of the ferry on day {day}, and of what it costs the town and those who live on the "
    "island, who said that they would rather row than pay what was asked of them by the board in spring.</p>"
    for day in range(5)
)


def why(line: str) -> str:
    """The lines of `--why` for a page that prints a line below its headline."""
    html = (
        "<!doctype html><html lang=en><head><title>Council speaks</title></head><body>"
        f"<main><article><h1>Council speaks</h1>{line}{TEXT}</article></main></body></html>"
    )
    page = Page(html.encode(), "text/html", "https://gazette.example/a/council", datetime(2026, 3, 3, tzinfo=UTC))
    article = extract(page, Context()).article
    assert article is not None
    return "\n".join(found_lines(article.found))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("<p>2 March 2026</p>", "published  a line that prints a date"),
        ("<p>Updated: 2 March 2026</p>", "published  a line that prints a date, which is that of an update"),
        (
            '<p><span title="2026-03-02 09:15:00 +0100">2 March 2026</span></p>',
            "published  a line that prints a date, the time of day from a title attribute",
        ),
        ('<p><a rel="tag" href="/t/ferry">Ferry</a></p>', "tags      links that are marked as tags"),
        ('<p><a href="/tag/ferry">Ferry</a></p>', "tags      links to tags"),
        ('<p><a rel="category" href="/c/sea">Sea</a></p>', "section   links to a category"),
    ],
)
def test_what_the_page_prints_is_said_in_words(line: str, says: str) -> None:
    told = why(line)
    assert says in told
    assert "selector" not in told


def test_only_what_is_no_way_of_extraction_is_a_profiles_selector() -> None:
    assert found_lines({"lead": "p.lead"}) == ["lead  the profile's selector p.lead"]
