"""A profile's template decides what a page says, and each of its rules can be seen at work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from scraper.extraction import EXTRACTOR_VERSION, extract, profile_digest
from scraper.extraction.page import Context, Outcome, Page
from scraper.outlet import Outlet
from storage.content import Block, Figure

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
TEMPLATE: dict[str, Any] = {
    "name": "today",
    "detect": ["div.story"],
    "headline": ["h1.title"],
    "body": ["div.story"],
    "published": [{"select": ["p.when"], "pattern": r"^(?P<date>[^\[]+)", "formats": ["%d %B %Y %H:%M"]}],
    "updated": [{"select": ["p.when"], "pattern": r"\[Updated: (?P<date>[^\]]+)\]", "formats": ["%d %B %Y %H:%M"]}],
    "breadcrumb": [".crumbs"],
    "authors": ["p.by"],
    "author_pattern": r"^By (?P<author>.+)$",
    "tags": ["ul.tags li"],
    "figures": [{"select": ["figure"], "caption": ["figcaption"], "credit_pattern": r"(?P<credit>\([^()]+\))$"}],
    "kinds": [{"kind": "opinion", "sections": ["Views"]}, {"kind": "video", "select": ["div.player"]}],
    "drop": ["div.advert"],
    "boilerplate": ["^Share this story$"],
}
PROFILE: dict[str, Any] = {
    "name": "gazette",
    "title": "The Gazette",
    "language": "en",
    "languages": {"fr": "fr"},
    "zone": "Asia/Tehran",
    "country": "IR",
    "domains": [{"host": "gazette.example", "role": "primary"}],
    "articles": [
        {
            "name": "dated",
            "pattern": r"/(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d)/(?P<key>\d+)",
            "example": "/2026/05/03/17/roads",
        }
    ],
    "templates": [TEMPLATE, {**TEMPLATE, "name": "before", "detect": ["div.old"], "body": ["div.old"]}],
    "announced": [r"also at:\s*(?P<hosts>[^\n]*(?:\n[^\n]+)?)"],
    "notices": ["closed by the Harbour Office"],
}
OUTLET = Outlet.model_validate(PROFILE)
URL = "https://gazette.example/2026/05/03/17/roads"
STORY = """
<p class=by>By Ada Berg and Bo Ek</p><p>The town will mend its roads,
 the council said.</p><div class=advert><p>Buy a car today.</p></div><h3>Costs</h3>
<p>It costs “a lot”&nbsp;of money.</p>
<figure><img data-src="/img/2.jpg" src="data:x"><figcaption>A road. (Photo by Ek)</figcaption></figure>
<ul><li>One <b>bridge</b></li><li>Two roads</li></ul><p>Read more:</p><p><a href="/2026/05/02/16/b">Bridges</a></p>
<blockquote>No comment.</blockquote>Loose text is text, too.<p>&nbsp;</p><p>Share this story</p>
"""


def page(
    story: str = STORY, *, when: str = "3 May 2026 10:15", crumbs: str = "News / Town", wrap: str = "story"
) -> str:
    return (
        f"<html lang=en><body><div class=crumbs>{crumbs}</div><h1 class=title>Roads will be mended</h1>"
        f"<p class=when>{when}</p><div class={wrap}>{story}</div><ul class=tags><li>roads</li><li>money</li></ul>"
        "<aside><a href=/2026/05/01/15/mill>Mill burnt</a> <a href=/about>About</a> "
        "<a href=https://other.example/2026/05/01/9/x>Other</a></aside></body></html>"
    )


def read(html: str, *, url: str = URL, outlet: Outlet = OUTLET) -> Outcome:
    return extract(Page(html.encode(), "text/html; charset=utf-8", url, AT), Context(outlet=outlet))


def test_every_block_of_the_body_is_taken_in_order_but_for_what_rules_drop() -> None:
    article = read(page()).article
    assert article is not None
    assert article.blocks == (
        Block("byline", "By Ada Berg and Bo Ek"),
        Block("paragraph", "The town will mend its roads, the council said."),
        Block("heading", "Costs", 3),
        Block("paragraph", "It costs “a lot”\u00a0of money."),
        Block("caption", "A road. (Photo by Ek)"),
        Block("list", items=("One bridge", "Two roads")),
        Block("quote", "No comment."),
        Block("paragraph", "Loose text is text, too."),
    )


def test_a_lead_printed_as_a_heading_is_a_paragraph_where_the_body_is_taken_from_it() -> None:
    rules = {**TEMPLATE, "lead": ["h2.lead"], "body": ["h2.lead, div.story"]}
    outlet = Outlet.model_validate({**PROFILE, "templates": [rules]})
    html = page("<p>The council said so.</p><h2>Costs</h2><p>It costs a lot.</p>")
    article = read(html.replace("<p class=when>", "<h2 class=lead>Every one of them</h2><p class=when>"), outlet=outlet)
    assert article.article is not None
    assert article.article.lead == "Every one of them"
    assert article.article.blocks == (
        Block("paragraph", "Every one of them"),
        Block("paragraph", "The council said so."),
        Block("heading", "Costs", 2),
        Block("paragraph", "It costs a lot."),
    )


@pytest.mark.parametrize(
    ("button", "taken"),
    [
        (
            "<div><a href=//facebook.com/sharer.php?u=x><i></i></a><a href=//t.me/share/url?url=x>T</a></div>",
            False,
        ),
        ("<p>On <a href=https://x.com/intent/post?url=y>T</a></p>", False),
        ("<p><a href=https://x.com/harbour>T</a></p>", True),
        ("<p><a href=//t.me/share/url?url=x>T</a> <a href=/2026/05/02/16/b>Bridges</a></p>", True),
        ("<p>The council wrote to all that it would <a href='mailto:?body=x'>T</a>.</p>", True),
    ],
    ids=["buttons", "labelled", "an-account", "beside-a-link", "in-a-sentence"],
)
def test_links_by_which_the_page_is_shared_are_no_text(button: str, taken: bool) -> None:
    article = read(page(STORY + button.replace(">T<", ">Telegraph<"))).article
    assert article is not None
    assert ("Telegraph" in article.body) is taken
    assert "Loose text is text, too." in article.body


def test_the_pictures_of_a_gallery_are_figures_each() -> None:
    one = "<figure><img src=/img/3.jpg><figcaption>A ditch.</figcaption></figure>"
    outcome = read(page(f"{STORY}<figure>{one}<figure><img src=/img/4.jpg></figure></figure>"))
    assert outcome.article is not None
    assert outcome.article.figures[1:] == (
        Figure("https://gazette.example/img/3.jpg", "A ditch."),
        Figure("https://gazette.example/img/4.jpg"),
    )


@pytest.mark.parametrize(("fallback", "credit"), [(True, "Bo Ek"), (False, None)])
def test_a_credit_without_a_rule_is_read_as_without_a_profile(fallback: bool, credit: str | None) -> None:
    template = {**TEMPLATE, "fallback": fallback, "figures": [{"select": ["figure"], "caption": ["figcaption"]}]}
    outcome = read(
        page(STORY.replace("(Photo by Ek)", "(Photo: Bo Ek)")),
        outlet=Outlet.model_validate({**PROFILE, "templates": [template]}),
    )
    assert outcome.article is not None
    assert outcome.article.figures == (Figure("https://gazette.example/img/2.jpg", "A road. (Photo: Bo Ek)", credit),)


def test_an_address_in_the_place_of_an_embed_is_no_text_on_a_page_of_wordpress() -> None:
    embed = "<figure class=wp-block-embed><div class=wp-block-embed__wrapper>https://video.example/7</div></figure>"
    elsewhere = page(STORY + embed)
    for html, held in ((elsewhere, True), (elsewhere.replace("<body>", "<body class=wp-embed-responsive>"), False)):
        article = read(html).article
        assert article is not None
        assert ("video.example" in article.body) is held
        assert "Loose text is text, too." in article.body


def test_with_a_fallback_a_stated_title_gives_way_to_the_headline_that_is_found() -> None:
    head = (
        "<meta property='og:title' content='Roads!'>"
        '<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Roads will be mended"}</script>'
    )
    for fallback, headline in ((True, "Roads will be mended"), (False, "Roads!")):
        rules = {**TEMPLATE, "headline": ["h1.gone"], "fallback": fallback}
        outlet = Outlet.model_validate({**PROFILE, "templates": [rules]})
        article = read(page().replace("<html lang=en>", f"<html lang=en><head>{head}</head>"), outlet=outlet).article
        assert article is not None
        assert article.headline == headline


def test_with_a_fallback_the_first_paragraph_gives_way_to_a_lead_and_to_no_other_first_paragraph() -> None:
    outlet = Outlet.model_validate({**PROFILE, "templates": [{**TEMPLATE, "drop": ["p.note"], "fallback": True}]})
    said = "Ness is a town of the outer sound, where roads are few and the winters are long and dark."
    described = f"<html lang=en><head><meta name=description content='{said}'></head>"
    for root, lead in (
        ("<html lang=en>", "The town will mend its roads, the council said."),
        (described, said),
    ):
        article = read(page(f"<p class=note>{said}</p>{STORY}").replace("<html lang=en>", root), outlet=outlet).article
        assert article is not None
        assert article.lead == lead


def test_fields_are_read_by_their_rules() -> None:
    outcome = read(page(when="3 May 2026 10:15 [Updated: 4 May 2026 09:00]"))
    article = outcome.article
    assert article is not None
    assert article.headline == "Roads will be mended"
    assert article.authors == ("Ada Berg", "Bo Ek")
    assert article.section == ("News", "Town")
    assert article.tags == ("roads", "money")
    assert article.lead == "The town will mend its roads, the council said."
    assert article.figures == (Figure("https://gazette.example/img/2.jpg", "A road. (Photo by Ek)", "(Photo by Ek)"),)
    assert article.language == "en"
    assert article.published is not None
    assert article.updated is not None
    assert (article.published.printed, article.published.at) == (
        "3 May 2026 10:15",
        datetime(2026, 5, 3, 6, 45, tzinfo=UTC),
    )
    assert article.updated.at == datetime(2026, 5, 4, 5, 30, tzinfo=UTC)
    assert article.found["headline"] == "h1.title"
    assert outcome.matched == "today/dated"
    assert [link.url for link in outcome.links] == [
        "https://gazette.example/2026/05/02/16/b",
        "https://gazette.example/2026/05/01/15/mill",
    ]


def test_the_day_of_the_url_wins_over_a_date_more_than_a_day_off() -> None:
    near, far = read(page(when="4 May 2026 01:00")).article, read(page(when="9 May 2026 10:15")).article
    assert near is not None
    assert far is not None
    assert near.published is not None
    assert far.published is not None
    assert near.published.printed == "4 May 2026 01:00"
    assert (far.published.printed, far.published.precision) == ("2026-05-03", "day")
    assert far.found["published"] == "url"


def test_an_older_template_is_found_by_what_detects_it() -> None:
    assert read(page(wrap="old")).matched == "before/dated"


@pytest.mark.parametrize(
    ("html", "kind"),
    [
        (page(), "article"),
        (page(crumbs="News / Views"), "opinion"),
        (page(STORY + "<div class=player></div>"), "video"),
    ],
)
def test_the_kind_is_told_by_section_or_player(html: str, kind: str) -> None:
    article = read(html).article
    assert article is not None
    assert article.kind == kind


@pytest.mark.parametrize(
    ("line", "hosts"),
    [
        ("<p>We are also at:</p><p>www.gazette.net, gazette.test</p>", ("www.gazette.net", "gazette.test")),
        ("<p>We are also at: <a href=x>WWW.Gazette.net</a>.</p>", ("www.gazette.net",)),
        ("<p>We are also at:</p>", ()),
        ("", ()),
    ],
)
def test_announced_addresses_are_read_and_an_empty_list_is_none(line: str, hosts: tuple[str, ...]) -> None:
    assert read(page(STORY + line)).announced == hosts


def test_a_page_at_no_articles_address_is_refused_and_can_be_overruled() -> None:
    outcome = read(page(), url="https://gazette.example/about")
    assert outcome.verdict == "refused:no-article"
    assert outcome.candidate is not None
    assert outcome.candidate.headline == "Roads will be mended"


def test_a_page_without_text_is_refused() -> None:
    assert read(page("<div class=player></div>")).verdict == "refused:empty"
    assert read(page().replace("h1", "h5")).verdict == "refused:no-headline"


def test_the_outlets_own_notice_is_one_and_an_article_about_it_is_not() -> None:
    assert (
        read("<html><body><img alt='gazette.example: closed by the Harbour Office'></body></html>").verdict == "notice"
    )
    assert read(page(STORY + "<p>It was closed by the Harbour Office.</p>")).verdict == "article"


def test_a_page_that_no_template_holds_for_is_read_as_any_other() -> None:
    outcome = read(page(STORY + "<p>More of it, a sentence that is long enough to be one.</p>" * 5, wrap="new"))
    assert outcome.matched == "dated"
    assert outcome.article is not None
    assert outcome.article.found["body"] == "trafilatura"


def test_the_extractor_is_named_by_version_and_by_what_decides_a_reading() -> None:
    slower = OUTLET.model_copy(update={"manners": OUTLET.manners.model_copy(update={"delay": 9.0})})
    other = OUTLET.model_copy(update={"boilerplate": ("^x$",)})
    assert EXTRACTOR_VERSION
    assert profile_digest(None) == ""
    assert profile_digest(OUTLET) == profile_digest(slower) != profile_digest(other)
