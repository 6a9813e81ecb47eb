"""What pages and stylesheets name as needed for their look."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scraper.extraction.page import Page
from scraper.extraction.requisites import MOST, page_requisites, style_requisites

AT = datetime(2026, 6, 1, tzinfo=UTC)
HERE = "http://www.example.org/news/1"


def of_page(head: str = "", body: str = "") -> list[str]:
    html = f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"
    return list(page_requisites(Page(html.encode(), "text/html; charset=utf-8", HERE, AT)))


def of_style(css: str, url: str = "http://css.example.org/a/main.css") -> list[str]:
    return list(style_requisites(Page(css.encode(), "text/css", url, AT)))


def test_stylesheets_come_first_and_other_sizes_of_images_last() -> None:
    found = of_page(
        '<link rel="icon" href="/icon.png"><link rel="stylesheet" href="//css.example.org/main.css">'
        "<style>@import 'more.css'; h1 { background: url(bar.png) }</style>",
        '<img src="/p.jpg" srcset="/p.jpg 1x, /p2.jpg 2x,/p3.jpg 3x">'
        "<div style=\"background-image: url('/in.jpg')\"></div>"
        '<picture><source srcset="/w,1.webp 400w, /w2.webp"><img data-src="/lazy.jpg"></picture>',
    )
    assert found == [
        "http://css.example.org/main.css",
        "http://www.example.org/news/more.css",
        "http://www.example.org/news/bar.png",
        "http://www.example.org/in.jpg",
        "http://www.example.org/p.jpg",
        "http://www.example.org/lazy.jpg",
        "http://www.example.org/icon.png",
        "http://www.example.org/p2.jpg",
        "http://www.example.org/p3.jpg",
        "http://www.example.org/w,1.webp",
        "http://www.example.org/w2.webp",
    ]


def test_fonts_posters_sprites_and_old_backgrounds_are_needed_and_the_base_counts() -> None:
    found = of_page(
        '<base href="http://static.example.org/x/"><link rel="preload" as="font" href="f.woff2">',
        '<video poster="v.jpg" src="v.mp4"></video><svg><use xlink:href="s.svg#one"/></svg>'
        '<table background="t.gif"></table>'
        '<input type="image" src="b.png"><noscript><img src="ns.jpg"></noscript>',
    )
    assert set(found) == {
        f"http://static.example.org/x/{name}" for name in ("f.woff2", "v.jpg", "s.svg", "t.gif", "b.png", "ns.jpg")
    }


def test_scripts_links_and_what_is_no_web_address_are_not_needed() -> None:
    assert of_page(
        '<script src="/a.js"></script><link rel="preload" as="script" href="/b.js"><link rel="canonical" href="/c">'
        '<link rel="alternate stylesheet" href="/other.css">',
        '<a href="/d.jpg">d</a><img src="data:image/gif;base64,R0lGOD"><img src="file:///etc/passwd">'
        '<img src="javascript:1">'
        '<iframe src="/e.html"></iframe><img src="http://[bad/x.png"><img src="">',
    ) == []  # fmt: skip


def test_a_stylesheet_names_imports_fonts_and_images_and_nothing_in_comments_and_strings() -> None:
    found = of_style(
        """@charset "utf-8"; /* url(no1.png) @import "no2.css"; */ @import "a.css"; @import url(b.css) screen;
        @namespace url(http://www.w3.org/1999/xhtml);
        @font-face { src: local(X), url('f.woff2') format("woff2"), url( f.woff ) }
        p { content: "url(no3.png)"; background: URL(h\\20 i.png) } q { background: url(data:image/png;base64,AA==) }
        r { content: "never closed
        s { background: url("/last.png") }"""
    )
    assert found == [
        f"http://css.example.org/{name}"
        for name in ("a/a.css", "a/b.css", "a/f.woff2", "a/f.woff", "a/h%20i.png", "last.png")
    ]


def test_a_page_that_cannot_be_read_needs_nothing() -> None:
    assert page_requisites(Page(b"", "text/html", HERE, AT)) == ()
    assert of_page(body="<img src=/a.png>") == ["http://www.example.org/a.png"]


def test_hundreds_of_thousands_of_names_are_cut() -> None:
    assert len(of_style("".join(f"a{{background:url({n}.png)}}" for n in range(3 * MOST)))) == MOST


@pytest.mark.parametrize(
    "css",
    [
        '"\\"' * 300_000,
        'url("' * 250_000,
        "url(" * 300_000,
        "@import " * 150_000,
        "/*" * 400_000,
        "url(" + "a" * 10**6,
        "a{background:url(" + "\\aaaaaa" * 100_000 + "'",
    ],
    ids=["escapes", "quotes", "urls", "imports", "comments", "long", "escapes in a url"],
)
def test_hostile_stylesheets_come_to_an_end(css: str) -> None:
    """By a pattern that looks twice at what it looked at, each would take hours."""
    assert len(of_style(css + "/**/ '' a { background: url(z.png) }")) <= MOST
