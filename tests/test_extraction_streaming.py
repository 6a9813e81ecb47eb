"""Pages that React streamed in parts are read as a reader sees them once the page's script has put them in place."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scraper.extraction import extract
from scraper.extraction.page import Context, Page
from scraper.extraction.passages import read_passages
from scraper.extraction.tree import parse_page
from tests.test_verdicts import NEWS

MOVES = '<script>$RS("S:3","P:3");$RC("B:1","S:1")</script><script>$RR("B:2","S:2",[]);$RC("B:0","S:0")</script>'


def streamed(moves: str = MOVES) -> str:
    """A page whose second paragraph, and its fourth with a fifth within, came late, as React 19 writes them."""
    return f"""<!doctype html><html lang="en"><head><title>Town rebuilds its pier</title>
    <meta property="og:type" content="article"><meta property="og:title" content="Town rebuilds its pier"></head><body>
    <main><article><h1>Town rebuilds its pier</h1><div class="body"><p>{NEWS[0]}</p>
    <!--$?--><template id="B:0"></template><div class="spinner">Loading paragraph<!-- -->...</div><!--/$-->
    <p>{NEWS[2]}</p><!--$?--><template id="B:1"></template>Loading the rest<!--$--><i>of it</i><!--/$--><!--/$-->
    </div></article></main><footer><p>All rights reserved by the Westhaven Post.</p></footer>
    <div hidden id="S:1"><p>{NEWS[3]}</p><template id="P:3"></template><!--$?--><template id="B:2"></template><!--/$-->
    </div>    <div hidden id="S:3"><p>{NEWS[4]}</p></div><div hidden id="S:2"><p>It is to open in two years.</p></div>
    <div hidden id="S:0"><p>{NEWS[1]}</p></div>{moves}</body></html>"""


def passages_of(html: str) -> list[str]:
    return [passage.text for passage in read_passages(parse_page(html, elements=20_000))]


def test_parts_stand_where_the_script_puts_them() -> None:
    assert passages_of(streamed()) == [
        "Town rebuilds its pier",
        *NEWS,
        "It is to open in two years.",
        "All rights reserved by the Westhaven Post.",
    ]


def test_without_the_script_the_stand_ins_are_read() -> None:
    """The twin: it is the script's calls that are followed, and not hidden elements that are moved."""
    texts = passages_of(streamed(moves=""))
    assert "Loading paragraph..." in texts
    assert texts.index(NEWS[1]) > texts.index("All rights reserved by the Westhaven Post.")


def test_the_article_is_kept_in_order() -> None:
    page = Page(streamed().encode(), "text/html", "https://post.example/pier", datetime(2026, 3, 3, tzinfo=UTC))
    article = extract(page, Context()).article
    assert article is not None
    assert article.body.split("\n\n") == [*NEWS, "It is to open in two years."]


@pytest.mark.parametrize(
    "hostile",
    [
        '<div id="S:0"><p>kept</p><template id="B:0"></template><!--/$--></div><script>$RC("B:0","S:0")</script>',
        '<template id="B:0"></template><div id="S:0"><p>kept</p></div><!--/$--><script>$RC("B:0","S:0")</script>',
        '<p>kept</p><template id="B:0"></template><div id="S:0"></div><script>$RC("B:0","S:0")</script>',
        '<p id="S:0">kept</p><script>$RC("B:9","S:0");$RS("S:0","P:9");$RC("S:0","S:0")</script>',
        '<p id="S:0">kept</p><template id="B:0"></template><!--/$--><script>$RC("B:0","S:0");$RC("B:0","S:0")</script>',
    ],
    ids=["a part within itself", "a part in its stand-in", "a stand-in without end", "no such place", "twice"],
)
def test_calls_that_lead_nowhere_lose_nothing(hostile: str) -> None:
    assert passages_of(f"<html><body>{hostile}</body></html>") == ["kept"]


@pytest.mark.parametrize("end", ["<!--/$-->", ""], ids=["with ends", "without"])
def test_of_too_many_parts_none_is_lost(end: str) -> None:
    calls = "".join(f'$RC("B:{at}","S:{at}");' for at in range(3_000))
    places = "".join(f'<template id="B:{at}"></template>{end}<hr>' for at in range(3_000))
    parts = "".join(f'<div hidden id="S:{at}">part {at}</div>' for at in range(3_000))
    texts = passages_of(f"<html><body>{places}{parts}<script>{calls}</script></body></html>")
    assert texts == [f"part {at}" for at in range(3_000)]


def test_of_parts_and_places_that_share_a_name_each_has_its_own() -> None:
    """Two roots on a page, each of which names its parts from 0 on."""
    roots = "".join(
        f'<section><!--$?--><template id="B:0"></template>wait<!--/$--><p>{each} ends</p></section>'
        f'<div hidden id="S:0"><p>{each} begins</p></div><script>$RC("B:0","S:0")</script>'
        for each in ("one", "two")
    )
    assert passages_of(f"<html><body>{roots}</body></html>") == ["one begins", "one ends", "two begins", "two ends"]


def test_a_place_whose_end_is_far_is_left_as_it_is() -> None:
    def texts(between: int) -> list[str]:
        place = f'<template id="B:0"></template><p>wait</p>{"<hr>" * between}<!--/$-->'
        return passages_of(
            f'<html><body>{place}<div id="S:0">part</div><script>$RC("B:0","S:0")</script></body></html>'
        )

    assert texts(10_000) == ["wait", "part"]
    assert texts(100) == ["part"]


def test_comments_are_no_text() -> None:
    texts = passages_of(streamed() + "<!-- a note to nobody -->")
    assert not any("note" in text for text in texts)
    assert any("pier" in text for text in texts)
