"""Pages as WordPress and Hugo write them read whole without a profile, and their listings are declined.

The pages are written for these tests, in the structure of the systems' own output.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scraper.extraction import extract
from scraper.extraction.forest import Forest
from scraper.extraction.kinds import NUMBERS, Kinds
from scraper.extraction.page import Context, Outcome, Page
from storage.content import ArticleContent, Block, Figure
from tests.crawling import presskeep
from tests.page_server import serving

PAGES = Path(__file__).parent / "fixtures" / "systems"
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
URLS = {
    "wordpress_post": "https://courier.example/2026/03/06/pier/",
    "wordpress_block_theme": "https://courier.example/2026/03/06/eskele/",
    "wordpress_archive": "https://courier.example/category/harbour/",
    "hugo_post": "https://ness.example/news/lamp/",
    "hugo_boxes": "https://pointe.example/nouvelles/phare/",
    "hugo_list": "https://ness.example/tags/lights/",
    "hugo_section": "https://ness.example/news/",
    "hugo_cover": "https://ness.example/news/rope/",
    "hugo_entries": "https://ness.example/",
}
UPLOADS = "https://courier.example/wp-content/uploads"


def html(name: str) -> str:
    return (PAGES / f"{name}.html").read_text("utf-8")


def outcome_of(name: str, text: str | None = None, kinds: Kinds | None = None, url: str | None = None) -> Outcome:
    page = Page((text or html(name)).encode(), "text/html; charset=utf-8", url or URLS[name], AT)
    return extract(page, Context(kinds=kinds))


def read(name: str, text: str | None = None, url: str | None = None) -> ArticleContent:
    outcome = outcome_of(name, text, url=url)
    assert outcome.article is not None, outcome.verdict
    return outcome.article


def test_a_wordpress_post_is_read_block_by_block() -> None:
    content = read("wordpress_post")
    assert [block for block in content.blocks if block.kind != "caption"] == [
        Block(
            "paragraph",
            "The ferry pier at Lower Sound reopened on Friday after eleven months of repairs to its piles, "
            "which ice had broken.",
        ),
        Block("paragraph", "Boats run every half hour, and dogs travel free, the line said."),
        Block("heading", "What was done", 2),
        Block("list", items=("Forty piles were driven.", "Planks were laid:", "oak on the north side.")),
        Block("quote", "We rowed to work."),
        Block("quote", "A clerk"),
        Block("table", items=("Pier\tBoats a day", "Lower Sound\t30", "Ness\t12")),
        Block("quote", "Nobody should swim for a loaf of bread."),
        Block("paragraph", "The ticket hut comes back in spring."),
        Block("list", items=("The ice of February.",)),
    ]
    assert Block("caption", "Summer timetable") in content.blocks


def test_a_wordpress_post_has_its_facts_from_what_it_prints() -> None:
    content = read("wordpress_post")
    assert content.headline == "Ferry pier reopens"
    assert (content.authors, content.section, content.tags) == (("Ina Solberg",), ("Harbour",), ("ferries", "repairs"))
    assert content.published is not None
    assert content.published.at == datetime(2026, 3, 6, 17, 20, 5, tzinfo=UTC)
    assert content.published.zone == "+01:00"
    assert content.language == "en"
    assert content.lead == content.blocks[0].text
    assert content.figures == (
        Figure(f"{UPLOADS}/pier.jpg", "The pier at dawn"),
        Figure(f"{UPLOADS}/piles-1024x683.jpg", "New piles wait on the quay. Photo: Sound Council", "Sound Council"),
        Figure(f"{UPLOADS}/crew.jpg", "The crew (Credit: Ness Film Club)", "Ness Film Club"),
        Figure(f"{UPLOADS}/deck.jpg"),
    )


def test_a_block_theme_prints_the_facts_behind_the_text() -> None:
    content = read("wordpress_block_theme")
    assert content.headline == "اسکله‌ی قایق‌ها گشوده شد"
    assert (content.authors, content.section, content.tags) == (("مینا رستگار",), ("بندر",), ("قایق",))
    assert content.language == "fa"
    assert content.published is not None
    assert (content.published.at, content.published.zone) == (datetime(2026, 3, 6, 17, 20, tzinfo=UTC), "+03:30")
    assert [block.kind for block in content.blocks] == ["paragraph", "caption", "paragraph"]
    assert content.body.endswith("سگ‌ها رایگان سفر می‌کنند.")
    assert content.figures == (Figure(f"{UPLOADS}/pier.jpg", "اسکله در بامداد. عکس: باشگاه فیلم", "باشگاه فیلم"),)


def test_comments_are_no_part_of_a_post() -> None:
    for name in ("wordpress_post", "wordpress_block_theme"):
        assert "waited for that boat" not in read(name).body
        assert "Passing Reader" not in read(name).authors
    # Within the text the same words stay: they go by where they stand, not by what they say.
    said = html("wordpress_post").replace("<h2>What was done", "<p>I have waited for that boat.</p><h2>What was done")
    assert "waited for that boat" in read("wordpress_post", said).body


MORE = """<div class="wp-block-group"><h2 class="wp-block-heading">More posts</h2><div class="wp-block-query">
<ul class="wp-block-post-template"><li class="post">
<h3 class="wp-block-post-title"><a href="/mole/">Mole is mended</a></h3>
<div class="wp-block-post-excerpt"><p class="wp-block-post-excerpt__excerpt">The mole of Lower Sound was mended in a
week by forty men and a dog, who slept in the fish market and were fed by the school; nobody had asked them.</p></div>
<div class="wp-block-post-date"><time datetime="2026-01-09T08:00:00+01:00">January 9, 2026</time></div>
</li></ul></div></div>"""


def test_a_list_of_other_posts_is_no_part_of_one_nor_are_their_dates() -> None:
    alone = html("wordpress_block_theme")
    own = '<div class="wp-block-post-date"><time datetime="2026-03-06T20:50:00+03:30">۱۵ اسفند ۱۴۰۴</time></div>'
    beside = alone.replace('<div class="wp-block-template-part"><p>Posted', f'{MORE}<div class="x"><p>Posted')
    assert beside != alone
    assert read("wordpress_block_theme", beside) == read("wordpress_block_theme")
    undated = read("wordpress_block_theme", beside.replace(own, ""), "https://courier.example/eskele/")
    assert undated.published is None
    assert "forty men" not in undated.body
    # What lists posts on a page of its own is that page's matter.
    listing = MORE.replace("wp-block-query", "x").replace("wp-block-post-template", "y")
    said = alone.replace(own, "").replace("<p>سگ‌ها", f"{listing}<p>سگ‌ها")
    assert "forty men" in read("wordpress_block_theme", said, "https://courier.example/eskele/").body


def test_a_date_is_of_the_post_that_is_marked_with_it_and_no_number_of_a_slug() -> None:
    numbered = read("wordpress_block_theme", url="https://courier.example/2026/03/4-boats-are-back/")
    assert numbered.published is not None
    assert numbered.published.at == datetime(2026, 3, 6, 17, 20, tzinfo=UTC)
    undated = html("wordpress_block_theme").replace(
        '<time datetime="2026-03-06T20:50:00+03:30">۱۵ اسفند ۱۴۰۴</time>', ""
    )
    for form, day in (("/2026/03/4-boats/", None), ("/2026/03/04/boats/", 4), ("/2026-03-04-boats/", 4)):
        published = read("wordpress_block_theme", undated, f"https://courier.example{form}").published
        assert (published and published.day.day) == day


def test_a_page_of_wordpress_is_an_article_only_where_it_is_signed() -> None:
    post = html("wordpress_post")
    page = post.replace("post-template-default single single-post postid-31", "page-template-default page page-id-31")
    assert page != post
    assert outcome_of("wordpress_post", page).verdict == "article"
    start, _, rest = page.partition('<footer class="entry-footer">')
    unsigned = f"{start}</article>{rest.partition('</article>')[2]}"
    outcome = outcome_of("wordpress_post", unsigned, url="https://courier.example/about/")
    assert outcome.verdict == "refused:no-article"
    assert outcome.candidate is not None


def test_a_post_that_asks_for_a_password_holds_no_text() -> None:
    form = (
        '<form action="https://courier.example/wp-login.php?action=postpass" class="post-password-form" method="post">'
        '<p>This content is protected.</p><p>Password: <input name="post_password" type="password"></p></form>'
    )
    block = html("wordpress_block_theme")
    start, content, rest = block.partition('<div class="entry-content wp-block-post-content is-layout-constrained">')
    text, end, footer = rest.partition('</div>\n<div class="wp-block-template-part"><p>Posted')
    assert text
    assert footer
    assert outcome_of("wordpress_block_theme", start + content + form + end + footer).verdict == "refused:empty"
    # Another's form beside the text says nothing of this one.
    beside = f'{start}{content}{text}</div>{form}<div class="wp-block-template-part"><p>Posted{footer}'
    assert outcome_of("wordpress_block_theme", beside).verdict == "article"


def test_a_hugo_post_is_read_without_marks_of_notes_and_its_tables_are_tables() -> None:
    content = read("hugo_post")
    assert [block for block in content.blocks if block.kind != "caption"] == [
        Block(
            "paragraph",
            "The lamp on Ness Point was lit on Wednesday for the first time since the storm of November put it out.",
        ),
        Block("heading", "How it was done", 2),
        Block("paragraph", "Divers laid a cable. It took nine days."),
        Block("quote", "You could see it from the school."),
        Block("table", items=("Lamp\tMiles", "Ness Point\t18", "Outer Skerry\t9")),
        Block("list", items=("White by night", "Dark by day")),
        Block("list", items=("The storm of the ninth.", "Of copper.")),
    ]
    assert (content.authors, content.section, content.tags) == (("Odd Fallon",), ("News",), ("Lights", "Sea marks"))
    assert content.published is not None
    assert (content.published.at, content.published.zone) == (datetime(2026, 2, 11, 10, 5, tzinfo=UTC), "-03:00")
    assert content.figures == (
        Figure("https://ness.example/img/lamp.jpg", "At the lamp Two keepers clean the glass.", "Ness Film Club"),
        Figure("https://ness.example/img/cable.jpg"),
    )


def test_a_description_is_the_lead_only_where_the_page_prints_it() -> None:
    unprinted = read("hugo_post")
    assert unprinted.lead == unprinted.blocks[0].text
    printed = read("hugo_boxes")
    assert printed.lead == "La pointe retrouve sa lumière."
    assert printed.found["lead"] == "description"


def test_text_among_boxes_is_read_without_them() -> None:
    content = read("hugo_boxes")
    assert [(block.kind, block.text[:20]) for block in content.blocks] == [
        ("paragraph", "Le phare de la point"),
        ("heading", "Neuf jours de travau"),
        ("paragraph", "« On le voyait de l’"),
    ]
    assert content.headline == "Le phare rallumé"
    assert (content.authors, content.section, content.tags) == (("Odile Marchand",), ("Nouvelles",), ("Phares",))
    assert content.language == "fr"


BODIES = {
    "home": "home blog wp-embed-responsive",
    "category": "archive category category-harbour category-3 wp-embed-responsive",
    "tag": "archive tag tag-ferries tag-4 wp-embed-responsive",
    "author": "archive author author-ina author-2 wp-embed-responsive",
    "day": "archive date wp-embed-responsive",
    "format": "archive tax-post_format term-post-format-gallery term-9 wp-embed-responsive",
    "search": "search search-results wp-embed-responsive",
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_listing_of_wordpress_is_declined_and_can_be_overruled(kind: str) -> None:
    text = html("wordpress_archive").replace(BODIES["category"], BODIES[kind])
    outcome = outcome_of("wordpress_archive", text)
    assert outcome.verdict == "refused:listing"
    assert outcome.candidate is not None
    single = text.replace(BODIES[kind], "post-template-default single single-post postid-31").replace(
        '<a href="https://courier.example/2026/03/06/pier/" rel="bookmark">Ferry pier reopens</a>', "Ferry pier reopens"
    )
    assert outcome_of("wordpress_archive", single).verdict == "article"


def test_a_page_of_teasers_is_declined_though_one_is_all_it_has() -> None:
    assert outcome_of("hugo_list").verdict == "refused:listing"
    first, _, rest = html("hugo_list").partition("</article>")
    alone = f"{first}</article></main>{rest.partition('</main>')[2]}"
    assert outcome_of("hugo_list", alone).verdict.startswith("refused:")
    # The same text under a heading that leads nowhere else is no teaser, whatever is held of the page as a whole.
    written = html("hugo_list").replace('<a href="/news/lamp/">Lamp is lit again</a>', "Lamp is lit again")
    written = written.replace('<a href="/news/skerry/">A lamp for Outer Skerry</a>', "A lamp for Outer Skerry")
    takes, refuses = (Kinds(Forest([odds], NUMBERS), 0.0) for odds in (9.0, -9.0))
    assert outcome_of("hugo_list", written, takes).verdict == "article"
    assert outcome_of("hugo_list", written, refuses).verdict == "refused:other-kind"
    assert outcome_of("hugo_list", kinds=refuses).verdict == "refused:listing"


def test_a_list_as_hugos_templates_make_it_is_none_however_a_page_is_judged() -> None:
    takes = Kinds(Forest([9.0], NUMBERS), 0.0)
    assert outcome_of("hugo_section", kinds=takes).verdict == "refused:listing"
    headings = html("hugo_section").replace('<h2><a href="', '<h2><b title="').replace("</a></h2>", "</b></h2>")
    assert outcome_of("hugo_section", headings, takes).verdict == "article"


def test_articles_that_links_without_text_cover_are_teasers() -> None:
    takes = Kinds(Forest([9.0], NUMBERS), 0.0)
    assert outcome_of("hugo_entries", kinds=takes).verdict == "refused:listing"
    first = html("hugo_entries").partition("</article>")[0] + "</article></main></body></html>"
    assert outcome_of("hugo_entries", first, takes).verdict == "refused:listing"
    elsewhere = first.replace('aria-label="post link to Rope works takes on eleven apprentices"', 'aria-label="share"')
    assert outcome_of("hugo_entries", elsewhere, takes).verdict == "article"


def test_the_title_of_a_printed_date_says_its_time_and_a_figures_paragraph_is_its_caption() -> None:
    content = read("hugo_cover")
    assert content.published is not None
    assert (content.published.at, content.published.zone) == (datetime(2026, 2, 11, 6, 30, 5, tzinfo=UTC), "+01:00")
    assert content.authors == ("Ina Solberg",)
    assert content.figures == (
        Figure("https://ness.example/img/rope.jpg", "The long hall (Photo: Ness Film Club)", "Ness Film Club"),
    )
    # A title that tells of another day than what is printed says nothing of it.
    other = read("hugo_cover", html("hugo_cover").replace("2026-02-11 07:30:05", "2026-01-02 07:30:05"))
    assert other.published is not None
    assert (other.published.day.isoformat(), other.published.precision) == ("2026-02-11", "day")


def test_what_a_system_calls_all_its_articles_is_no_section() -> None:
    stated = '<head><meta property="article:section" content="{}">'
    assert read("hugo_post", html("hugo_post").replace("<head>", stated.format("posts"))).section == ("News",)
    assert read("hugo_post", html("hugo_post").replace("<head>", stated.format("Harbour"))).section == ("Harbour",)


@pytest.mark.long
def test_fetch_prints_tables_as_rows(tmp_path: Path) -> None:
    with serving({URLS["hugo_post"]: html("hugo_post").encode()}, tmp_path) as server:
        result = json.loads(presskeep("fetch", URLS["hugo_post"], "--json", *server.options).out)
        text = presskeep("fetch", URLS["hugo_post"], "--markdown", *server.options).out
    tables = [block for block in result["article"]["blocks"] if block["kind"] == "table"]
    assert [table["rows"] for table in tables] == [[["Lamp", "Miles"], ["Ness Point", "18"], ["Outer Skerry", "9"]]]
    assert "Ness Point | 18" in result["article"]["text"]
    assert "| Lamp | Miles |\n| --- | --- |\n| Ness Point | 18 |" in text


AMP = """<!doctype html><html amp lang="en"><head><title>Harbour dredging starts</title>
<script type="application/ld+json">{"@type":"NewsArticle","headline":"Harbour dredging starts",
"datePublished":"2026-03-04T08:00:00Z"}</script></head><body><article><h1>Harbour dredging starts</h1>
<p>The port said that the work would take eleven months, and that ferries would keep to their hours meanwhile.</p>
<NAME data-id="88"><blockquote placeholder><p>The message of the port is being loaded, and will be here in a moment.</p>
</blockquote></NAME><p>Fishermen had asked for it since a trawler ran aground at the mouth of the river in winter.</p>
<NAME src="v.mp4"><div fallback><p>Your browser plays no films, so that you cannot see what our camera saw.</p></div>
</NAME><p>The silt is to dry behind the dunes for two years before it is spread on the farmland of the town.</p>
</article></body></html>"""


def test_what_amp_shows_in_the_place_of_what_it_loads_is_no_text() -> None:
    waiting = ("is being loaded", "plays no films")
    body = read("hugo_post", AMP.replace("NAME", "amp-video")).body
    assert body.count("\n\n") == 2
    assert not any(each in body for each in waiting)
    # The twin: in another element the same words are of the page's text.
    assert all(each in read("hugo_post", AMP.replace("NAME", "section")).body for each in waiting)
