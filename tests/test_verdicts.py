"""Verdicts on passages: what is the article's text is told from what stands around and in between."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.extraction import extract
from scraper.extraction.company import Around
from scraper.extraction.forest import Forest, Tree
from scraper.extraction.page import Context, Page
from scraper.extraction.passages import read_passages
from scraper.extraction.signals import BITS, NUMBERS, candidates, read_signals
from scraper.extraction.tree import parse_page
from scraper.extraction.verdicts import forest_of, judge, load_forest, weigh

NEWS = [
    "The council of the harbour town voted on Monday to rebuild the old pier, which a storm took away last winter.",
    "Work is to begin in spring and to take two years, said the mayor, who called the decision overdue.",
    "Fishermen had asked for a longer pier, since larger boats cannot land at low tide as things stand.",
    "The region pays two thirds of the costs; the town borrows the rest from a bank of its own choice.",
    "A similar plan failed ten years ago, when the court found that the shore had not been surveyed.",
]
TEASERS = [
    "Storm takes away the pier of Westhaven",
    "Mayor of Westhaven wants a longer beach",
    "Who pays for the piers?",
]


def page(paragraphs: list[str], *, between: str = "", after: str = "") -> bytes:
    body = "".join(f"<p class='story-text'>{each}</p>" for each in paragraphs[:3]) + between
    body += "".join(f"<p class='story-text'>{each}</p>" for each in paragraphs[3:])
    links = "".join(f"<li><a href='/{at}'>{each}</a></li>" for at, each in enumerate(TEASERS))
    return f"""<!doctype html><html lang="en"><head><title>Town rebuilds its pier | The Westhaven Post</title>
    <meta property="og:title" content="Town rebuilds its pier"><meta property="og:type" content="article">
    <meta property="article:published_time" content="2026-03-02T10:00:00Z"></head><body>
    <nav class="menu"><ul><li><a href="/">Home</a></li><li><a href="/sea">Sea</a></li></ul></nav>
    <div class="layout"><main><article class="story"><h1>Town rebuilds its pier</h1>
    <div class="story-meta"><span class="author">By Ada Berg</span> <time>2 March 2026</time></div>
    <div class="story-body">{body}</div></article>
    <section class="related"><h3>More on this</h3><ul>{links}</ul></section>{after}</main></div>
    <footer class="footer"><p>All rights reserved. The Westhaven Post is published daily but on Sundays.</p></footer>
    </body></html>""".encode()


def body_of(html: bytes, forest: Forest | None = None) -> list[str]:
    outcome = extract(Page(html, "text/html", "https://post.example/pier", datetime(2026, 3, 3, tzinfo=UTC)),
                      Context(forest=forest))  # fmt: skip
    assert outcome.article is not None, outcome.verdict
    return outcome.article.body.split("\n\n")


def test_the_text_alone_is_taken() -> None:
    between = (
        "<aside class='newsletter-box'><p>Sign up for our newsletter and read each morning what the sea brings to the"
        " town, free of charge and without advertisements of any kind.</p><input type='email'></aside>"
    )
    after = (
        "<section class='comments'><h3>2 comments</h3><div class='comment'><p class='comment-body'>I have been a"
        " fisherman for forty years and never once was I asked what kind of pier is needed here.</p></div></section>"
    )
    assert body_of(page(NEWS, between=between, after=after)) == NEWS


def test_a_forest_that_knows_nothing_takes_something_else() -> None:
    """The twin: it is the weights that choose, and trafilatura's answer stands where they choose nothing."""
    html = page(NEWS)
    everything, nothing = forest_of([9.0]), forest_of([-9.0])
    assert body_of(html) == NEWS
    assert len(body_of(html, everything)) > len(NEWS)
    assert body_of(html, nothing)


def test_signals_have_their_names_and_bounds() -> None:
    passages = read_passages(parse_page(page(NEWS).decode(), elements=10_000))
    chosen = {each.order: 1.0 for each in passages if each.text in NEWS}
    orders = candidates(passages, chosen)
    rows = read_signals(passages, orders, chosen, Around("Town rebuilds its pier", NEWS[0], "", ("Ada Berg",), None))
    assert {len(row) for row in rows} == {len(NUMBERS) + len(BITS)}
    by_text = {passages[order].text: dict(zip([*NUMBERS, *BITS], row, strict=True))
               for order, row in zip(orders, rows, strict=True)}  # fmt: skip
    first, byline = by_text[NEWS[0]], by_text["By Ada Berg 2 March 2026"]
    assert (first["chosen"], first["like_description"], first["from_first"], first["main_parent"]) == (1, 1, 0, 1)
    assert (byline["chosen"], byline["from_first"]) == (0, -1)
    assert 0 < byline["names_author"] < 1
    assert first["names_author"] == 0
    marks = BITS["own"]
    assert int(byline["own"]) >> marks.index("date") & 1, "story-meta"
    assert not int(first["own"]) >> marks.index("date") & 1


def test_nothing_is_doubted_where_verdicts_and_engine_agree() -> None:
    passages = read_passages(parse_page(page(NEWS).decode(), elements=10_000))
    text = {each.order for each in passages if each.text in NEWS}
    agreed = judge(passages, dict.fromkeys(text, 1.0), Around("Town rebuilds its pier"), load_forest())
    assert set(agreed.chosen) == text
    assert not agreed.doubtful
    # A forest that is sure of nothing, against the engine's choice of something short, is in doubt.
    footer = next(each.order for each in passages if each.text.startswith("All rights"))
    doubted = judge(passages, {footer: 1.0}, Around(), forest_of([0.1]))
    assert doubted.doubtful


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5_000)), max_size=60))
def test_the_least_likelihood_is_at_most_a_half(parts: list[tuple[float, int]]) -> None:
    least = weigh([likely for likely, _ in parts], [letters for _, letters in parts])
    assert 0 <= least <= 0.5


def test_where_all_is_in_doubt_more_is_taken() -> None:
    letters = [100] * 10
    assert weigh([0.99] * 5 + [0.01] * 5, letters) == pytest.approx(0.5, abs=0.02)
    assert weigh([0.4] * 10, letters) < 0.35


@pytest.mark.parametrize(
    ("tree", "values", "odds"),
    [
        ({"if": "letters", "most": 12.5, "then": 1.0, "else": -1.0}, {"letters": 12}, 1.0),
        ({"if": "letters", "most": 12.5, "then": 1.0, "else": -1.0}, {"letters": 13}, -1.0),
        ({"if": "own", "has": "caption", "then": -2.0, "else": 2.0}, {"own": 1 << BITS["own"].index("caption")}, -2.0),
        ({"if": "own", "has": "caption", "then": -2.0, "else": 2.0}, {"own": 1 << BITS["own"].index("share")}, 2.0),
    ],
)
def test_a_tree_asks_what_it_says(tree: Tree, values: dict[str, float], odds: float) -> None:
    row = [values.get(name, 0.0) for name in NUMBERS] + [int(values.get(name, 0)) for name in BITS]
    probability = forest_of([tree]).probability(row)
    assert probability == pytest.approx(1 / (1 + 2.718281828459045**-odds))


def test_trees_that_are_left_are_not_asked_of_what_is_sure() -> None:
    row = [0.0] * (len(NUMBERS) + len(BITS))
    sure: list[Tree] = [1.0] * 20 + [-100.0]
    unsure: list[Tree] = [0.1] * 20 + [-100.0]
    assert forest_of(sure).probability(row) > 0.99
    assert forest_of(unsure).probability(row) < 0.01


@pytest.mark.parametrize(("paragraphs", "found"), [(3_000, "verdicts"), (9_000, "trafilatura")])
def test_a_page_of_more_passages_than_any_article_is_left_to_the_engine(paragraphs: int, found: str) -> None:
    # With a class of its own, no paragraph is plain flow.
    body = "".join(
        f"<p class='text'>Sentence number {at} of a long report tells of it.</p>" for at in range(paragraphs)
    )
    html = f"<html><body><main><h1>Long report</h1><div class='report'>{body}</div></main></body></html>"
    outcome = extract(Page(html.encode(), "text/html", "https://post.example/r", datetime(2026, 3, 3, tzinfo=UTC)),
                      Context())  # fmt: skip
    assert outcome.article is not None
    assert outcome.article.found["body"] == found
    assert len(outcome.article.body.split("\n\n")) == paragraphs


WALKS = ("Ada Street", "Harbour Lane", "Mill Road", "Castle Hill", "Long Walk", "Market Place", "South Gate")
FLOW = """<div class="article-body"><p>Westhaven has more paths than streets. We walked all of them in one year, and
these are those that we would walk again.</p><p>All are open to everybody, and none takes more than an hour.</p><p>Bring
water in summer, since no shop stands beside most of these paths, and a coat in every season, since the wind from the
sea does not ask.</p><p>Dogs may come along on most of them. Where sheep are at home, a sign says so.</p></div>"""


def page_of_parts(parts: str) -> bytes:
    return f"""<!doctype html><html lang="en"><head><title>The best walks in Westhaven</title>
    <meta property="og:type" content="article"><meta property="og:title" content="The best walks in Westhaven">
    <meta property="article:published_time" content="2026-03-02T10:00:00Z"></head><body>
    <nav><ul><li><a href="/">Home</a></li></ul></nav><main><article><h1>The best walks in Westhaven</h1>{FLOW}{parts}
    </article></main><footer><p>All rights reserved.</p></footer></body></html>""".encode()


@pytest.mark.parametrize(("signal", "parts_found"), [("sentences", len(WALKS)), ("in_flow", 0)])
def test_plain_paragraphs_are_not_all_of_a_text_in_parts(signal: str, parts_found: int) -> None:
    """Where most of what reads like text stands in parts of its own, below plain paragraphs that introduce it, and the
    verdicts take it, it is of the text; a forest that takes the paragraphs alone is the twin."""
    parts = "".join(
        f"""<div class="part"><div class="part-head"><h2 class="part-name">{name}</h2></div><div class="part-copy">
        <p class="copy">The walk along {name} begins behind the church and goes down to the water in {20 + at} minutes,
        past gardens that were laid out {at + 2} hundred years ago.</p><p class="copy">Whoever walks {name} in spring
        meets few others; in summer the {at + 3} benches are taken before noon on most days.</p></div></div>"""
        for at, name in enumerate(WALKS)
    )
    forest = forest_of([{"if": signal, "most": 0.5, "then": -3.0, "else": 3.0}])
    found = body_of(page_of_parts(parts), forest)
    assert sum(each.startswith("The walk along") for each in found) == parts_found
    assert found[0].startswith("Westhaven has more paths than streets.")


def test_an_article_below_which_many_have_written_is_its_plain_paragraphs() -> None:
    parts = "".join(
        f"""<div class="comment" id="comment-{at}"><div class="comment-author">Reader {at}</div>
        <div class="comment-text"><p class="copy">I walked along {name} last summer with my two dogs and met nobody at
        all, so I wonder when this was written, and by whom, for it took me {30 + at} minutes.</p></div>
        <a class="comment-reply" href="#reply-{at}">Reply</a></div>"""
        for at, name in enumerate(WALKS)
    )
    found = body_of(page_of_parts(f'<section class="comments" id="comments"><h3>7 comments</h3>{parts}</section>'))
    assert len(found) == 4
    assert found[-1].endswith("a sign says so.")


@pytest.mark.parametrize(("parts", "kept"), [(30, 30), (5, 0)])
def test_a_scrap_is_not_believed_for_the_text_however_much_is_in_doubt(parts: int, kept: int) -> None:
    """The engine takes what is marked as the body, and the verdicts are unsure of what they take. Where the engine's
    text is no scrap beside theirs, it stands: the twin."""
    held = "".join(
        f"<div class='part'><div class='part-copy'><p class='copy'>The walk of day {at} begins behind the church and"
        f" goes down to the water in {20 + at} minutes, past gardens that were laid out {at + 2} hundred years ago.</p>"
        "</div></div>"
        for at in range(parts)
    )
    forest = forest_of([{"if": "sentences", "most": 0.5, "then": -0.6, "else": 0.6}])
    found = body_of(page_of_parts(held).replace(b"<p>", b"<p class='lead-text'>"), forest)
    assert sum(each.startswith("The walk of day") for each in found) == kept
    assert any(each.startswith("All are open to everybody") for each in found)
