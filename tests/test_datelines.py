"""Days that a page prints or states beside its article, where its metadata name none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scraper.extraction import extract
from scraper.extraction.page import Context, Page
from storage.content import ArticleContent, PrintedDate

TEXT = "".join(
    f"<p>Paragraph {number} tells what the council of the harbour town decided on this matter, why it did so, and what "
    "those who came to hear it that evening in the old hall had to say about it, for the most part in few words.</p>"
    for number in range(5)
)
ADDRESS = "https://post.example/a/pier-rebuilt"


def read(line: str, *, head: str = "", lang: str = "en-GB", url: str = ADDRESS, below: str = "") -> ArticleContent:
    body = f"<main><article><h1>Pier rebuilt at last</h1>{line}{TEXT}</article></main>{below}"
    html = f"<!doctype html><html lang='{lang}'><head><meta charset=utf-8>{head}</head><body>{body}</body></html>"
    outcome = extract(Page(html.encode(), "text/html", url, datetime(2026, 3, 3, tzinfo=UTC)), Context())
    article = outcome.article or outcome.candidate
    assert article is not None, outcome.verdict
    return article


def day(date: PrintedDate | None) -> str | None:
    return date.day.isoformat() if date else None


@pytest.mark.parametrize(
    ("line", "published", "updated"),
    [
        ("<p>Published: 3 January 2024 | Updated: 4 May 2025</p>", "2024-01-03", "2025-05-04"),
        ("<p>Last updated on 4 May 2025. First published 3 January 2024</p>", "2024-01-03", "2025-05-04"),
        ("<p><i>Town</i><i>May 4, 2025</i><i>Updated: May 6, 2025</i></p>", "2025-05-04", "2025-05-06"),
        ("<p>Publié le 3 mars 2025 à 10h30, mis à jour le 5 mars 2025</p>", "2025-03-03", "2025-03-05"),
        ("<p>Stand: 04.05.2025</p>", "2025-05-04", None),
        ("<p>تاریخ انتشار: ۱۲ اسفند ۱۴۰۳</p>", "2025-03-02", None),
        ("<p>نشر ٣ مارس ٢٠٢٥</p>", "2025-03-03", None),
        ("<p>公開日：2025年3月3日 更新日：2025年3月5日（水）</p>", "2025-03-03", "2025-03-05"),
        ("<p>2025年03月03日 17:15</p>", "2025-03-03", None),
        ("<time class='entry-date published' datetime='2025-05-04'>yesterday</time>"
         "<time class='updated' datetime='2025-05-06'>today</time>", "2025-05-04", "2025-05-06"),
        # WordPress' themes print one word before both, and tell by the class which is which.
        ("<p>Posted on <a><time class='entry-date published' datetime='2025-05-04'>May 4, 2025</time>"
         "<time class='updated' datetime='2025-05-06'>May 6, 2025</time></a></p>", "2025-05-04", "2025-05-06"),
        ("<p>Posted on <time datetime='2025-05-04'>4 May 2025</time> <time datetime='2025-05-06'>6 May 2025</time></p>",
         "2025-05-04", None),
        ("<p>Опубліковано 4 травня 2025</p>", "2025-05-04", None),
        ("<p>प्रकाशित: 4 मई 2025</p>", "2025-05-04", None),
        # Neither a sentence of the text, a day to come, nor a year alone is the article's day.
        ("<p>On 4 May 2020 the council had voted for it, and was sorry for that before the summer had come.</p>",
         None, None),
        ("<p>Published: 3 January 2031</p>", None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_a_line_beside_the_headline_dates_an_article(line: str, published: str | None, updated: str | None) -> None:
    article = read(line, below="<footer>© 2019 Post of Westhaven</footer>")
    assert (day(article.published), day(article.updated)) == (published, updated)


def test_a_time_element_gives_the_time_and_the_zone() -> None:
    article = read("<p>Ada Berg <time datetime='2026-03-02T09:15:00+03:30'>2 March</time></p>")
    assert article.published is not None
    assert article.published.at == datetime(2026, 3, 2, 5, 45, tzinfo=UTC)
    assert (article.published.zone, article.published.precision) == ("+03:30", "second")
    assert article.found["published"] == "date line"


@pytest.mark.parametrize("line", ["Published: 3 January 2024 | Updated: 4 May 2025", "Published – 3 January 2024"])
def test_a_date_is_kept_as_printed_without_the_signs_around_it(line: str) -> None:
    published = read(f"<p>{line}</p>").published
    assert published is not None
    assert published.printed == "3 January 2024"


def test_an_abbreviation_states_its_moment_in_its_title() -> None:
    line = "<h2>Monday, March 2, 2026</h2><p>Posted at <abbr {} title='2026-03-02T09:15:00+01:00'>9:15 AM</abbr></p>"
    article = read(line.format("itemprop='datePublished'"))
    assert article.published is not None
    assert (article.published.at, article.published.zone) == (datetime(2026, 3, 2, 8, 15, tzinfo=UTC), "+01:00")
    unmarked = read(line.format("")).published
    assert unmarked is not None
    assert unmarked.precision == "day", "the control: it is the mark that makes it the article's moment"


def test_a_stated_day_is_made_exact_by_the_line_that_prints_it() -> None:
    head = "<meta name='date' content='2025-05-04'>"
    exact = read("<p>4 May 2025, 17:40</p>", head=head)
    assert exact.published is not None
    assert (exact.published.at, exact.published.precision) == (datetime(2025, 5, 4, 17, 40, tzinfo=UTC), "minute")
    assert exact.found["published"] == "date, date line"
    other = read("<p>5 May 2025, 17:40</p>", head=head)
    assert (day(other.published), other.found["published"]) == ("2025-05-04", "date"), "the control: of another day"


@pytest.mark.parametrize(("lang", "published"), [("en", "2025-03-04"), ("en-GB", "2025-04-03"), ("it", "2025-04-03")])
def test_a_date_in_numbers_is_read_as_the_pages_locale_has_it(lang: str, published: str) -> None:
    assert day(read("<p>3/4/2025</p>", lang=lang).published) == published


def test_what_is_stated_goes_before_what_is_printed() -> None:
    line = "<p>4 May 2025</p>"
    page = '<script type="application/ld+json">{"@type":"WebPage","datePublished":"2025-05-02T08:00:00Z"}</script>'
    for article, how, published in (
        (read(line, head=page), "json-ld page", "2025-05-02"),
        (read(line, head="<meta name='date' content='2025-05-01'>"), "date", "2025-05-01"),
        (read(line, url="https://post.example/2025/05/03/pier-rebuilt"), "url", "2025-05-03"),
        (read(line, url="https://post.example/sea/2025/may/03/pier-rebuilt"), "url", "2025-05-03"),
        (read(line, url="https://post.example/sea/2025/news/03/pier-rebuilt"), "date line", "2025-05-04"),
        # A form that can be read in two ways is stated too, but less surely than a line in words.
        (read(line, head="<meta name='date' content='01/07/16'>"), "date line", "2025-05-04"),
        (read("", head="<meta name='date' content='01/07/16'>"), "date", "2016-07-01"),
    ):
        assert (article.found["published"], day(article.published)) == (how, published)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("<meta property='article:published_time' content='2026-03-02T00:30:00+01:00'>", ""),
        ("", "<p>By Ada Berg <time datetime='2026-03-02T00:30:00+01:00'>2 March</time></p>"),
    ],
    ids=["meta", "time"],
)
def test_a_moment_stated_in_utc_is_of_the_day_that_the_outlets_own_time_gives_it(head: str, line: str) -> None:
    stated = '<script type="application/ld+json">{"@type":"NewsArticle","datePublished":"%s"}</script>'
    same = read(line, head=head + stated % "2026-03-01T23:30:00+00:00")
    other = read(line, head=head + stated % "2026-03-01T21:00:00+00:00")
    assert same.published is not None
    assert (day(same.published), same.published.zone) == ("2026-03-02", "+01:00")
    assert same.published.at == datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert day(other.published) == "2026-03-01", "the control: another moment says nothing of this one"
