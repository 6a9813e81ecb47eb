"""What a page holds to break its reader or to hold it up leaves the article as it is.

Where a pattern or a loop would look again at what it has looked at, these take hours; nothing is timed here.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from scraper.extraction import extract
from scraper.extraction.page import Context, Page
from storage.content import ArticleContent

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
SENTENCES = tuple(
    f"Sentence number {number} of a report tells what the council of a town decided, and what its members said then."
    for number in range(1, 9)
)
PARAGRAPHS = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)


def read(
    head: str = "", before: str = "", behind: str = "", *, charset: str = "utf-8", url: str = ""
) -> ArticleContent:
    html = (
        f"<!DOCTYPE html><html lang=en><head><title>Council decides</title>{head}</head><body><main><article>"
        f"<h1>Council decides</h1>{before}{PARAGRAPHS}{behind}</article></main></body></html>"
    )
    address = url or "https://news.example/2026/council"
    outcome = extract(Page(html.encode(charset), f"text/html; charset={charset}", address, AT), Context())
    assert outcome.article is not None, outcome.verdict
    return outcome.article


def ld(node: object) -> str:
    return f"<script type='application/ld+json'>{json.dumps(node)}</script>"


def og(image: str) -> str:
    return f"<meta property=og:image content='{image}'>"


FIGURE = "<figure><img src='{}' width='{}'><figcaption>The pier. Photo: Ada Berg</figcaption></figure>"
CRUMBS = {
    "@type": "BreadcrumbList",
    "itemListElement": [{"name": "News", "item": "http://[bad"}, {"name": "Council decides", "item": "/"}],
}


@pytest.mark.parametrize(
    ("head", "figure"),
    [
        (og("http://[bad"), FIGURE.format("/pier.jpg", 600)),
        (og("https://news.example/other.jpg"), FIGURE.format("/pier.jpg", 600) + "<img src='http://[bad'>"),
        (ld(CRUMBS), FIGURE.format("/pier.jpg", 600)),
        ("", FIGURE.format("/pier.jpg", "²")),
        ("", FIGURE.format("/pier.jpg", "9" * 5_000)),
    ],
    ids=["image for sharing", "image", "breadcrumb", "a width of another script", "a width of thousands of digits"],
)
def test_addresses_and_sizes_that_are_none_are_passed_over(head: str, figure: str) -> None:
    article = read(head, behind=figure)
    assert set(SENTENCES) <= {block.text for block in article.blocks}
    assert "https://news.example/pier.jpg" in [each.url for each in article.figures]
    assert read(og("https://news.example/pier.jpg")).figures[0].url == "https://news.example/pier.jpg", "the control"


@pytest.mark.parametrize(
    "stated", ["2026-03-01T10:00:00+99:99", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]
)
def test_moments_that_are_none_date_nothing(stated: str) -> None:
    for date in (
        f"<meta name=date content='{stated}'>",
        f"<meta property='article:published_time' content='{stated}'>",
    ):
        assert read(date, before=f"<time datetime='{stated}'>lately</time>").published is None
    assert read("<meta name=date content='2026-03-01T10:00:00+09:00'>").published is not None, "the control"


def test_a_page_without_an_address_is_read() -> None:
    outcome = extract(
        Page(f"<h1>A</h1><a rel=tag href='http://[bad'>pier</a>{PARAGRAPHS}".encode(), "text/html", "", AT), Context()
    )
    assert outcome.article is not None, outcome.verdict
    assert set(SENTENCES) <= {block.text for block in outcome.article.blocks}


@pytest.mark.parametrize("author", ["a" * 200_000, "a." * 100_000, "@" * 200_000], ids=["letters", "points", "signs"])
def test_a_name_without_end_is_none(author: str) -> None:
    assert read(f"<meta name=author content='{author}'>").authors == ()
    assert read(ld({"@type": "Article", "author": author})).authors == ()
    named = read(ld({"@type": "Article", "author": "Ada Berg ada@news.example @ada"}))
    assert named.authors == ("Ada Berg",), "the control: what is no name leaves it"


def test_scripts_that_do_not_end_are_looked_at_once() -> None:
    """A page that is no UTF-8, and says that it is in Latin script, is looked at for letters with accents."""
    assert read(behind="é" + "<script " * 20_000, charset="iso-8859-1").headline == "Council decides"


def test_spaces_behind_a_credit_are_looked_at_once() -> None:
    caption = "<figure><img src=/pier.jpg><figcaption>The pier. © Ada Berg{}</figcaption></figure>"
    assert [each.credit for each in read(behind=caption.format("&nbsp;" * 4_000 + "and so on, as it was")).figures] == [
        None
    ]
    assert [each.credit for each in read(behind=caption.format("&nbsp;) ")).figures] == ["Ada Berg"]


@pytest.mark.long
def test_elements_that_html_does_not_know_are_looked_at_once() -> None:
    assert set(SENTENCES) <= {block.text for block in read(behind="<x-a></x-a>" * 20_000).blocks}


def test_the_line_of_many_times_is_read_once() -> None:
    times = "<time>1 May</time> <i>x</i> " * 4_000
    assert set(SENTENCES) <= {block.text for block in read(behind=f"<div>{times}</div>").blocks}
