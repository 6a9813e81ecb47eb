"""Headline and authors of pages that state them in several ways, and not always the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scraper.extraction import extract
from scraper.extraction.blocks import Piece, build_blocks, with_bylines
from scraper.extraction.page import Context, Page
from storage.content import ArticleContent, plain_text

TEXT = "".join(
    f"<p>Paragraph {number} tells what the council of the harbour town decided on this matter, and why it did so.</p>"
    for number in range(5)
)


def read(head: str, *, h1: str = "", byline: str = "") -> ArticleContent:
    body = f"<main><article>{h1}{byline}{TEXT}</article></main>"
    html = f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"
    outcome = extract(Page(html.encode(), "text/html", "https://post.example/a/pier-rebuilt",
                           datetime(2026, 3, 3, tzinfo=UTC)), Context())  # fmt: skip
    assert outcome.article is not None, outcome.verdict
    return outcome.article


def og(title: str) -> str:
    return f"<meta property='og:title' content='{title}'>"


def ld(author: str, *, kind: str = "NewsArticle", headline: str = "A") -> str:
    return f'<script type="application/ld+json">{{"@type":"{kind}","headline":"{headline}","author":{author}}}</script>'


NEWS = (
    "<meta property='og:type' content='article'><meta property='article:published_time' content='2026-03-02T08:00:00Z'>"
)


@pytest.mark.parametrize(
    ("head", "h1", "headline", "found"),
    [
        (og("Pier rebuilt at last | Post of Westhaven"), "<h1>Pier rebuilt at last</h1>", "Pier rebuilt at last", "h1"),
        (og("Pier rebuilt at last"), "<h1>Pier rebuilt at last</h1>", "Pier rebuilt at last", "og:title"),
        # Without an h1, a lower heading with which a stated title begins; not that of another page.
        ("<title>Pier rebuilt at last - Post of Westhaven</title>", "<h3>Pier rebuilt at last</h3>",
         "Pier rebuilt at last", "h3"),
        ("<title>Pier rebuilt at last - Post of Westhaven</title>", "<h3>Pier rebuilt at cost</h3>",
         "Pier rebuilt at last - Post of Westhaven", "title"),
        # What is written for search engines is not what the page prints, but a heading may say something else.
        (og("How to rebuild a pier: a guide for towns"), "<h1>Ten steps to a pier</h1>", "Ten steps to a pier", "h1"),
        (NEWS + og("Town rebuilds pier"), "<h1>Pier: Westhaven builds anew</h1>", "Town rebuilds pier", "og:title"),
        # The headline that news state is their editors'; another page's is written for search engines.
        (ld("null", headline="Pier is built anew") + og("Town rebuilds pier"), "<h1>Town rebuilds pier</h1>",
         "Pier is built anew", "json-ld"),
        (ld("null", kind="BlogPosting", headline="Pier guide: all you need") + og("Pier guide: all you need"),
         "<h1>Pier guide: how it is built</h1>", "Pier guide: how it is built", "h1"),
        (ld("null", headline="Pier rebuilt&amp;#8230;"), "<h1>Pier rebuilt…</h1>", "Pier rebuilt…", "json-ld"),
        # The site's name is no headline, whether it is stated or seen from the titles.
        (og("Pier rebuilt at last") + "<title>Post: Pier rebuilt at last</title>", "<h1>Post</h1>",
         "Pier rebuilt at last", "og:title"),
        ("<title>Pier rebuilt at last | post.example</title>", "<h1>POST</h1>", "Pier rebuilt at last", "title"),
        (og("Pier rebuilt at last"), "<h1><div>Town</div><div>Pier rebuilt at last</div></h1>", "Pier rebuilt at last",
         "og:title"),
        # Of several headings that one is meant which the page's own title says.
        (og("Town rebuilds its old pier"), "<h1>Post</h1><h1>Town rebuilds its old pier in spring</h1>",
         "Town rebuilds its old pier in spring", "h1"),
        ("<title>Pier rebuilt at last</title>", "", "Pier rebuilt at last", "title"),
        # Words that a host's name holds are its site's name; one alone may be what the page is about.
        ("<title>Pier rebuilt at last | Post Example</title><link rel='canonical' href='https://post.example/a'>", "",
         "Pier rebuilt at last", "title"),
        ("<title>Pier rebuilt at last | Post News</title>", "", "Pier rebuilt at last | Post News", "title"),
        # What a heading prints before its title, as a label or a date, is none of it.
        (og("Pier rebuilt at last"), "<h1>Blog: Pier rebuilt at last</h1>", "Pier rebuilt at last", "og:title"),
        (og("Pier rebuilt at last"), "<h1><small>Mar 4 2026</small> Pier rebuilt at last</h1>", "Pier rebuilt at last",
         "og:title"),
        (og("Pier rebuilt at last"), "<h1>2026 Pier rebuilt at last</h1>", "2026 Pier rebuilt at last", "h1"),
        # A lower heading is the headline where it ends the page's title behind a name, and the page has no higher one.
        ("<title>WesthavenPost-Pier rebuilt at last</title>", "<h2>Pier rebuilt at last</h2>", "Pier rebuilt at last",
         "h2"),
        ("<title>Westhaven Post: Pier rebuilt at last</title>", "<h1>Pier rebuilt</h1><h2>at last, and why</h2>",
         "Pier rebuilt", "h1"),
        ("<title>The town has its pier rebuilt at last</title>", "<h2>rebuilt at last</h2>",
         "The town has its pier rebuilt at last", "title"),
        ("", "<h1>Pier rebuilt at last</h1>", "Pier rebuilt at last", "h1"),
        # Where no heading is printed, a meta element for it says what of the other titles is the site's.
        (og("Pier rebuilt at last-HarbourㅣPost") + "<meta name='headline' content='Pier rebuilt at last'>", "",
         "Pier rebuilt at last", "headline"),
    ],
)  # fmt: skip
def test_the_headline_is_what_the_page_prints_or_its_editors_state(
    head: str, h1: str, headline: str, found: str
) -> None:
    article = read(head, h1=h1)
    assert (article.headline, article.found["headline"]) == (headline, found)


SITE = "<meta property='og:site_name' content='Post of Westhaven'>"


@pytest.mark.parametrize(
    ("head", "byline", "authors"),
    [
        ("", "<p class='byline'>By Ada Berg, Updated: Feb 5, 2026</p>", ("Ada Berg",)),
        ("", "<p class='author'>Ada Berg December 18, 2025</p>", ("Ada Berg",)),
        ("", "<p class='author'>Ada May</p>", ("Ada May",)),
        ("<meta name='author' content='Ada'>", "", ("Ada",)),
        ("", "<a rel='author'>View all posts by Ada Berg</a>", ("Ada Berg",)),
        ("", "<p class='author'>Jo Berg Jr.</p><a rel='author'>View all of Jo Berg Jr.'s posts.</a>", ("Jo Berg Jr.",)),
        ("", "<a rel='author'>View all of newsdesk's posts.</a>", ()),
        # 'By' in a line below the title says so too, and nowhere else.
        ("", "<p>By <strong>Ada Berg</strong></p>", ("Ada Berg",)),
        ("", "<p>By Ada Berg on Tuesday, 3 March 2026</p>", ("Ada Berg",)),
        ("", "<div><p>Written by</p><div>newsdesk</div><p>in</p><a>Harbour</a></div>", ()),
        ("", "<p>By Dr. Ada Berg 03.03.2026 · 3 min</p>", ("Dr. Ada Berg",)),
        ("", "<p>3 March 2026 | By Ada Berg | 3 min</p>", ("Ada Berg",)),
        ("", "<div><p>By <strong>Ada Berg</strong></p></div><p>x</p>", ("Ada Berg",)),
        ("", "<section><section><p>By Ada Berg</p></section></section>", ()),
        ("", "<p class='author'>This post was written by Ada Berg</p>", ("Ada Berg",)),
        (ld('{"@type":"Person","name":"Ada Berg Reporter"}'), "", ("Ada Berg",)),
        (ld('{"@type":"Person","name":"신현주 기자"}'), "", ("신현주",)),
        # The house is no person; where no person is named, it is what the page states.
        (SITE + ld('{"@type":"Person","name":"Post of Westhaven"}'), "<p class='author'>Bo Ek</p>", ("Bo Ek",)),
        (SITE + ld('{"@type":"Organization","name":"Post of Westhaven"}'), "", ("Post of Westhaven",)),
        (ld('{"@type":"Person","name":"Staff"}'), "", ()),
        # Of several that are marked one beside the other none is left out; Joomla's first account is nobody.
        ("", "<p>By <a rel=author>Ada Berg</a>, <a rel=author>Bo Ek</a> and <a rel=author>Cy Dahl</a></p>",
         ("Ada Berg", "Bo Ek", "Cy Dahl")),
        ("", "<p>By <a rel=author>Ada Berg</a></p><p>More by <a rel=author>Bo Ek</a></p>", ("Ada Berg",)),
        ("<meta name=author content='Super User'>",
         "<dl><dd itemprop=author>Scritto da <span itemprop=name>Ada Berg</span></dd></dl>", ("Ada Berg",)),
        ("<meta name=author content='Ada Berg ada.berg@post.example'>", "", ("Ada Berg",)),
        ("<meta name=author content='By Ada Berg, Special to The Post'>", "", ("Ada Berg",)),
        (ld('["Redação", "Ada Berg 5 mayo", "Eva Mayo"]'), "", ("Ada Berg", "Eva Mayo")),
        (ld('"作者：王芳"'), "", ("王芳",)),
        (ld('"記者 山田花子"'), "", ("山田花子",)),
        # Neither a role nor an agency's sign, a policy or 'By' alone is a person.
        (ld('{"@type":"Person","name":"Ada Berg, Lead Reviewer"}'), "", ("Ada Berg",)),
        (ld('{"@type":"Person","name":"Ada Berg, Harbour Correspondent"}'), "", ("Ada Berg",)),
        (ld('{"@type":"Person","name":"Ada Berg, Head of Harbours and Bo Ek"}'), "", ("Ada Berg", "Bo Ek")),
        (ld('["Ada Berg (abe)","Bo Ek (bek.)"]'), "", ("Ada Berg", "Bo Ek")),
        (ld('"Quelle: Ada Berg"'), "", ("Ada Berg",)),
        (ld('"Ada Berg - Post Editorial Team"'), "", ("Ada Berg",)),
        (ld('"Ada Berg on 2026-03-02 in harbour. Tags: pier"'), "", ("Ada Berg",)),
        (ld('"Institute for Tides and Weather"'), "", ("Institute for Tides and Weather",)),
        (ld('["By","Site Admin","Cookie Policy","Co-Founder"]'), "", ()),
    ],
)  # fmt: skip
def test_authors_are_the_persons_that_a_page_names(head: str, byline: str, authors: tuple[str, ...]) -> None:
    assert read(head + og("Pier rebuilt"), h1="<h1>Pier rebuilt</h1>", byline=byline).authors == authors


@pytest.mark.parametrize(
    ("line", "is_byline"),
    [
        ("By Ada Berg", True),
        ("By Ada Berg and Bo Ek", True),
        ("Ada Berg", True),
        ("Ada Berg and Bo Ek", True),
        ("Ada Berg, Bo Ek", True),
        ("Ada Berg and Bo Ek on the pier", False),
        # What begins like a byline, and is a sentence, or names somebody else, stays.
        ("By Ada Berg, it is her pier.", False),
        ("By Friday", False),
        ("Ada Berg, who built the pier", False),
    ],
)
def test_a_line_of_the_authors_alone_is_no_text(line: str, *, is_byline: bool) -> None:
    pieces = with_bylines([Piece(line), Piece(TEXT)], ("Ada Berg", "Bo Ek"))
    blocks = build_blocks(pieces)
    assert [block.kind for block in blocks] == ["byline" if is_byline else "paragraph", "paragraph"]
    assert (line in plain_text(blocks)) is not is_byline


def test_the_byline_of_plain_paragraphs_is_no_lead() -> None:
    article = read(NEWS + ld('"Ada Berg"'), h1="<h1>A</h1>", byline="<p>By Ada Berg</p>")
    assert article.lead is not None
    assert article.lead.startswith("Paragraph 0")
    assert article.body.startswith("Paragraph 0")
