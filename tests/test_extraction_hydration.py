"""Pages that print nothing themselves: their text is read out of the data that they bring for their own script."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from scraper.extraction import extract
from scraper.extraction.page import Context, Outcome, Page

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
URL = "https://courier.example/2026/05/30/lock-gates"
HEADLINE = "New lock gates arrive at Upper Sound"
PARAGRAPHS = (
    "Two oak gates of nine tonnes each were lifted into the lock at Upper Sound on Saturday, forty years after those "
    "that they replace.",
    "The crane had waited three days for the wind to drop, and “not a minute too long”, the lock keeper said.",
    "Boats have had to take the river since October, when the lower gate gave way under the first ice of the winter.",
    "The lock opens again in two weeks; until then the towpath is closed between the weir and the old brickworks.",
)
HEAD = (
    f'<title>{HEADLINE} | The Courier</title><meta property="og:title" content="{HEADLINE}">'
    '<meta property="og:type" content="article"><meta property="og:site_name" content="The Courier">'
)


def markup(paragraphs: tuple[str, ...] = PARAGRAPHS) -> str:
    """An article's text as a publishing system gives it out."""
    return "".join(f"<p>{each}</p>" for each in paragraphs)


def read(scripts: str, body: str = '<div id="root"></div>') -> Outcome:
    html = f'<!doctype html><html lang="en"><head>{HEAD}</head><body>{body}{scripts}</body></html>'
    return extract(Page(html.encode(), "text/html; charset=utf-8", URL, AT), Context())


def escaped(value: object) -> str:
    """JSON as it stands in a script: no '<' that could end the element."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e")


def next_data(text: str) -> str:
    data = {"props": {"pageProps": {"post": {"id": 7, "title": HEADLINE, "content": text}}}}
    return f'<script id="__NEXT_DATA__" type="application/json">{escaped(data)}</script>'


def next_stream(*texts: str, cut: int = 300) -> str:
    """The texts as rows of Next.js' stream, which is cut anywhere."""
    rows = "".join(f"1f:T{len(each.encode()):x},{each}" for each in texts)
    rows = f'1:"$Sreact.fragment"\n{rows}20:["$","div",null,{{"html":"$1f"}}]\n'
    pieces = [rows[at : at + cut] for at in range(0, len(rows), cut)]
    pushed = "".join(f"<script>self.__next_f.push([1,{escaped(each)}])</script>" for each in pieces)
    return "<script>(self.__next_f=self.__next_f||[]).push([0])</script>" + pushed


def state_in_a_string(text: str) -> str:
    """JSON within a string of a script, as stores of state are written."""
    state = {"article": {"headline": HEADLINE, "body": text}}
    return f"<script>window.__STATE__ = JSON.parse({escaped(json.dumps(state))});</script>"


def nuxt(text: str) -> str:
    return (
        f"<script>window.__NUXT__=(function(a,b){{return {{data:[{{post:{{html:{escaped(text)}}}}}]}}}}(1,2));</script>"
    )


@pytest.mark.parametrize("way", [next_data, next_stream, state_in_a_string, nuxt])
def test_the_text_is_read_out_of_the_pages_data(way: object) -> None:
    assert callable(way)
    outcome = read(way(markup()))
    assert outcome.verdict == "article"
    assert outcome.article is not None
    assert outcome.article.headline == HEADLINE
    assert outcome.article.body.split("\n\n") == list(PARAGRAPHS)
    # Without the data there is nothing to read.
    assert read("").verdict.startswith("refused:")


def test_a_page_that_prints_its_text_is_read_as_printed() -> None:
    printed = "<article>" + "".join(f"<p>{each}</p>" for each in PARAGRAPHS) + "</article>"
    other = next_data(markup(tuple(each.replace("Sound", "Haven") + " It was said." for each in PARAGRAPHS)))
    outcome = read(other, printed)
    assert outcome.article is not None
    assert outcome.article.body.split("\n\n") == list(PARAGRAPHS)
    # The data alone would be read.
    alone = read(other)
    assert alone.article is not None
    assert "Haven" in alone.article.body


def test_of_several_texts_none_is_chosen_by_chance() -> None:
    other = tuple(each.replace("lock", "dock").replace("gates", "cranes") for each in PARAGRAPHS)
    assert read(next_data(markup()) + next_data(markup(other))).article is None
    assert read(next_stream(markup(), markup(other))).article is None
    assert read(next_stream(markup(("Tea.", "Cake.", "Rain.")), markup())).article is not None
    # The same text twice is one; a short one beside it is a teaser's.
    assert read(next_data(markup()) + nuxt(markup())).article is not None
    assert read(next_data(markup()) + next_data(markup(("Tea.", "Cake.", "Rain.")))).article is not None


@pytest.mark.parametrize(
    "script",
    [
        '<script>x = "' + '\\"' * 200_000 + "</script>",
        "<script>" + '__next_f.push([1,"' * 100_000 + "</script>",
        "<script>self.__next_f.push([1," + escaped("\n1:Tfffffff," * 100_000) + "])</script>",
        next_data("<div>" * 100_000 + markup()),
        next_data(markup() * 3_000)[:-40],
    ],
    ids=["no end", "pushes", "rows", "deep", "cut"],
)
def test_hostile_data_cost_little_and_are_no_article(script: str) -> None:
    assert read(script).article is None
    assert read(next_data(markup())).article is not None
