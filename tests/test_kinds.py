"""Which pages are articles: those that are none are refused, and may be taken all the same."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

import pytest

from scraper.extraction import extract
from scraper.extraction.engine import Engine
from scraper.extraction.forest import Forest
from scraper.extraction.generic import look, see
from scraper.extraction.kinds import NUMBERS, Kinds, read_numbers, says_article
from scraper.extraction.metadata import read_metadata
from scraper.extraction.page import Context, Outcome, Page
from scraper.extraction.passages import read_passages
from scraper.extraction.structured import read_structured
from scraper.extraction.tree import parse_page

AT = datetime(2026, 3, 3, tzinfo=UTC)
SENTENCES = (
    "The council of the harbour town voted on Monday to rebuild the old pier, which a storm took away last winter. ",
    "Work is to begin in spring and to take two years, said the mayor, who called the decision overdue. ",
    "Fishermen had asked for a longer pier, since larger boats cannot land at low tide as things stand. ",
    "The region pays two thirds of the costs; the town borrows the rest from a bank of its own choice. ",
)
ARTICLE = f"""<!doctype html><html lang="en"><head><title>Town rebuilds its pier</title></head><body><main>
<h1>Town rebuilds its pier after the storm</h1><p class="byline">By Ada Berg, 2 March 2026</p>
{"".join(f"<p class='text'>{each}{each[:60]}</p>" for each in SENTENCES)}</main></body></html>"""
PRODUCT = f"""<!doctype html><html lang="en"><head><title>Oak pier lamp</title>
<meta property="og:type" content="product"><script type="application/ld+json">
{{"@type": "Product", "name": "Oak pier lamp", "offers": {{"@type": "Offer"}}}}</script></head>
<body><form><label>Size</label><select><option>1 m</option></select><label>Number</label><input>
<button>Add to basket</button></form><h1>Lamp</h1><p>€ 249.00</p><p>A lamp of oak for piers. {SENTENCES[2]}</p>
<ul><li>Oak</li><li>2 kg</li></ul><table><tr><td>Height</td><td>1.20 m</td></tr></table>
{"".join(f'<div><a href="/p/{n}"><img src="/{n}.jpg">Lamp {n}</a> € {n}9.00</div>' for n in range(12))}</body></html>"""
THREAD = f"""<!doctype html><html lang="en"><head><title>Which lamp?</title><script type="application/ld+json">
{{"@type": "DiscussionForumPosting", "headline": "Which lamp?"}}</script></head><body><h1>Which lamp?</h1>
{
    "".join(
        f'<div class="post"><a href="/members/{n}">member{n}</a><div class="text">Post {n}. {SENTENCES[n % 4]}</div>'
        f"<form><input><button>Reply</button></form></div>"
        for n in range(9)
    )
}</body></html>"""


TOPIC = re.sub(r"<script.*?</script>", "", THREAD, flags=re.S).replace(
    "<body>", '<body itemscope itemtype="https://schema.org/DiscussionForumPosting">'
)


def read(html: str, url: str, kinds: Kinds | None = None) -> Outcome:
    return extract(Page(html.encode(), "text/html", url, AT), Context(kinds=kinds))


@pytest.mark.parametrize(
    ("html", "url"),
    [
        (PRODUCT, "https://shop.example/product/oak-pier-lamp"),
        (THREAD, "https://talk.example/forum/t/17"),
        (TOPIC, "https://talk.example/t/17"),
    ],
    ids=["product", "thread", "topic"],
)
def test_what_is_no_article_is_refused_and_there_to_be_taken(html: str, url: str) -> None:
    refused = read(html, url)
    assert (refused.verdict, refused.article) == ("refused:other-kind", None)
    assert refused.candidate is not None
    assert SENTENCES[2].strip() in refused.candidate.body
    # The twin: a forest that holds everything for an article.
    assert read(html, url, Kinds(Forest([9.0], NUMBERS), 0.0)).verdict == "article"


def test_an_article_is_taken_though_it_states_nothing_of_itself() -> None:
    assert read(ARTICLE, "https://post.example/2026/03/02/town-rebuilds-its-pier").verdict == "article"
    assert read(ARTICLE, "").verdict == "article"
    nothing = Kinds(Forest([-9.0], NUMBERS), 0.0)
    assert read(ARTICLE, "https://post.example/1", nothing).verdict == "refused:other-kind"


@pytest.mark.parametrize(
    ("stated", "is_article"),
    [
        ("", True),
        ('{"@type": "Product", "name": "Pier"}', False),
        ('{"@type": "QAPage", "name": "Pier"}', False),
        # A review that states its product is an article all the same.
        ('[{"@type": "Product", "name": "Pier"}, {"@type": "Article", "headline": "Pier"}]', True),
    ],
)
def test_what_a_page_says_that_it_is_decides_where_its_make_does_not(stated: str, *, is_article: bool) -> None:
    head = f'<head><script type="application/ld+json">{stated}</script>' if stated else "<head>"
    undecided = Kinds(Forest([0.0], NUMBERS), 0.0)
    outcome = read(ARTICLE.replace("<head>", head), "https://post.example/1", undecided)
    assert outcome.verdict == ("article" if is_article else "refused:other-kind")


@pytest.mark.parametrize("html", [ARTICLE, PRODUCT, THREAD, "<p>x</p>", "<a href='/'>" * 300])
@pytest.mark.parametrize("url", ["https://a.example/b/c-d?e=f", "", "https://a.example/%ff/%00/"])
def test_every_number_has_its_name(html: str, url: str) -> None:
    tree = parse_page(html, elements=10_000)
    passages = read_passages(tree)
    stated = read_structured(tree)
    engine = Engine(tree, url, AT)
    looked = look(tree, passages, stated, engine)
    data = read_metadata(tree, passages, stated, engine, url=url, captured_at=AT)
    said = says_article(tree, stated, url)
    numbers = read_numbers(see(tree, passages, looked, data, url=url, says_article=said))
    assert len(numbers) == len(NUMBERS)
    assert all(map(math.isfinite, numbers))
