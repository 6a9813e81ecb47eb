"""`outlets new` writes a profile for a site that it never saw, and it works unedited."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from lxml.html import document_fromstring

from scraper.drafting.addresses import find_forms
from scraper.drafting.drafting import draft_profile
from scraper.drafting.facts import other_languages, untagged_languages
from scraper.drafting.listings import lists_pages, parts_to_read
from scraper.drafting.reading import read_sight
from scraper.drafting.survey import Listing, Place, Sample, Sight, Survey
from scraper.drafting.zones import find_where
from scraper.extraction import extract
from scraper.extraction.page import Context, Link, Page
from scraper.outlet import Outlet
from scraper.patterns import compile_pattern
from scraper.profiles import load_outlet
from storage.content import ArticleContent
from tests.crawling import Ran, presskeep
from tests.page_server import serving
from tests.stock_sites import Post, hugo_site, wordpress_site

BASE = "https://www.courier.example"
NOW = "leap:2026-11-25T12:00:00Z"
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def draft_served(pages: dict[str, bytes], folder: Path) -> tuple[Ran, Outlet, Ran, int]:
    """Draft a profile of served pages, then ask for it once more: both runs, the outlet, how many requests came."""
    file = folder / "courier.toml"
    with serving(pages, folder) as server:
        command = ("outlets", "new", BASE, "--out", str(file), "--json", *server.options)
        first = presskeep(*command, now=NOW)
        assert first.code == 0, first.err
        written = file.read_bytes()
        asked = len(server.asked)
        second = presskeep(*command, now=NOW)
        assert (len(server.asked), file.read_bytes()) == (asked, written)
    return first, load_outlet(file), second, asked


def assert_reads(outlet: Outlet, pages: dict[str, bytes], articles: dict[str, Post]) -> None:
    """Every article is read as its site means it, and nothing else is taken for one."""
    assert {url for url in pages if outlet.identify(url) is not None} == set(articles)
    for url, post in articles.items():
        outcome = extract(Page(pages[url], "text/html; charset=utf-8", url, AT), Context(outlet=outlet))
        content = outcome.article
        assert content is not None, outcome.verdict
        assert outcome.matched.startswith("today/")
        assert (content.headline, content.authors) == (post.headline, (post.author,))
        assert (content.section, content.tags) == ((post.section,), post.tags)
        assert content.published is not None
        assert content.published.at == post.published
        assert [block.text for block in content.blocks if block.kind != "caption"] == list(post.paragraphs)
        pictures = [(figure.url or "").rpartition("/")[2] for figure in content.figures]
        assert pictures == ([post.picture] if post.picture else [])


@pytest.mark.long
def test_a_wordpress_site_gets_a_profile_that_needs_no_edit(tmp_path: Path) -> None:
    pages, articles = wordpress_site(BASE)
    ran, outlet, again, asked = draft_served(pages, tmp_path)
    assert_reads(outlet, pages, articles)
    assert (outlet.title, outlet.language) == ("The Sound Courier", "en")
    assert [(rule.way, rule.start[0]) for rule in outlet.discovery] == [
        ("sections", "/"), ("feed", "/feed/"), ("sitemap", "/wp-sitemap.xml"),
    ]  # fmt: skip
    assert asked <= 30
    assert ran.json["articles"] == 10
    fields = {each["field"]: each for each in ran.json["fields"]}
    assert fields["headline"] == {"field": "headline", "found": 10, "of": 10, "sure": True, "note": ""}
    assert not fields["country"]["sure"]
    assert "# Unsure" in (tmp_path / "courier.toml").read_text()
    # A profile that stands there is never overwritten, and the site is not asked in vain.
    assert again.code == 2
    assert "not overwritten" in again.err


@pytest.mark.soak
def test_a_hugo_site_whose_feed_lists_other_pages_too_gets_one(tmp_path: Path) -> None:
    pages, articles = hugo_site(BASE)
    ran, outlet, _, _ = draft_served(pages, tmp_path)
    assert_reads(outlet, pages, articles)
    assert outlet.title == "Ness Gazette"
    doubts = {each["field"]: each["note"] for each in ran.json["fields"] if not each["sure"]}
    assert "others would be missed" in doubts["articles.article"]


FORMS = {
    "plain": ("/?p={number}", "/?p=4711", "4711", ("/?page_id=2", "/?cat=3")),
    "day and name": ("/2026/11/{day:02}/{slug}/", "/2026/01/02/pier/", "pier", ("/2026/11/24/", "/2026/11/24/a/feed/")),
    "month and name": ("/2026/11/{slug}/", "/2025/02/pier", "pier", ("/2026/11/24/", "/2026/11/")),
    "numeric": ("/archives/{number}", "/archives/99?x=1", "99", ("/archives/", "/archives/date/2026/11")),
    "below index.php": ("/index.php/2026/11/{day:02}/{slug}/", "/index.php/2026/01/02/pier/", "pier", ("/index.php",)),
    "hugo": ("/posts/{slug}/", "/posts/pier/", "pier", ("/posts/", "/tags/pier/", "/posts/page/2/")),
    "number at the end": ("/{section}/{slug}-{number}.html", "/x/y-123456.html", "123456", ("/x/y.html", "/x/")),
    "number, then slug": ("/news/{number}/{slug}", "/news/123456/other", "123456", ("/news/", "/video/123456/x")),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_form_of_addresses_is_found_with_its_key(name: str) -> None:
    written, url, key, others = FORMS[name]
    paths: dict[str, date | None] = {
        written.format(number=10_000 + at, day=at + 1, slug=f"the-pier-of-{at}-opens", section="abcde"[at % 5]): None
        for at in range(10)
    }
    forms = find_forms(paths, wordpress=True)
    pattern = compile_pattern(forms[0].pattern)
    found = pattern.match(url)
    assert found is not None, forms[0].pattern
    assert found["key"] == key
    assert len({match["key"] for path in paths if (match := pattern.match(path))}) == 10
    assert [other for other in others if pattern.match(other)] == []


def test_a_day_in_addresses_counts_only_where_it_is_that_of_publication() -> None:
    paths = {f"/2026/11/{at + 1:02}/pier-{'abcdefgh'[at]}/": date(2026, 11, at + 1) for at in range(8)}
    assert "(?P<year>" in find_forms(paths, wordpress=True)[0].pattern
    moved: dict[str, date | None] = {path: date(2020, 1, 1) for path in paths}
    assert "(?P<year>" not in find_forms(moved, wordpress=True)[0].pattern


@pytest.mark.parametrize(
    ("posts", "pages", "others"),
    [
        ("/wp-sitemap-posts-post-1.xml", "/wp-sitemap-posts-page-1.xml", "/wp-sitemap-taxonomies-post_tag-1.xml"),
        (
            "/?sitemap=posts&sitemap-subtype=post&paged=1",
            "/?sitemap=posts&sitemap-subtype=page&paged=1",
            "/?sitemap=taxonomies&sitemap-subtype=post_tag&paged=1",
        ),
    ],
)
def test_the_parts_of_a_sitemap_are_known_by_their_names(posts: str, pages: str, others: str) -> None:
    parts = [Link(f"{BASE}{path}") for path in (others, pages, posts)]
    assert [part.url.removeprefix(BASE) for part in parts_to_read(parts, 3)] == [posts, pages]
    assert [path for path in (others, pages, posts) if lists_pages(path)] == [pages]


def test_archives_of_wordpress_are_no_articles_though_articles_may_stand_anywhere() -> None:
    pages, articles = wordpress_site(BASE, "/d{number}/{slug}/")

    def page(url: str) -> Page:
        return Page(pages[url], "text/html; charset=utf-8", url, AT)

    listing = Listing("sitemap", "/wp-sitemap-posts-post-1.xml", tuple(map(Link, articles)))
    looked_at = tuple(page(url) for url in list(articles)[:6])
    survey = read_sight(Sight(Place("www.courier.example"), page(f"{BASE}/"), listings=(listing,), articles=looked_at))
    assert survey is not None
    draft = draft_profile(survey, "courier")
    assert draft is not None
    for path, article in (("/2026/fire/", True), ("/2026/01/", False), ("/type/aside/", False), ("/types/x/", True)):
        assert (draft.outlet.identify(f"{BASE}{path}") is not None) is article, path
    assert all(draft.outlet.identify(url) for url in articles)


def test_articles_in_a_language_that_their_pages_do_not_state_are_told() -> None:
    def sample(tag: str, language: str) -> Sample:
        tree = document_fromstring(f"<html lang={tag}><body><p>x</p></body></html>")
        return Sample(Page(b"", None, BASE, AT), tree, ArticleContent("x", (), language=language))

    home = sample("en", "en").tree
    place = Place("www.courier.example")
    untagged = Survey(place, home, samples=(sample("en-GB", "en"), sample("en-GB", "fr")))
    edition = Survey(place, home, samples=(sample("en-GB", "en"), sample("fr-FR", "fr")))
    assert (untagged_languages(untagged, "en"), other_languages(untagged, "en")) == (["fr"], [])
    assert (untagged_languages(edition, "en"), other_languages(edition, "en")) == ([], ["fr"])


def test_a_zone_is_told_by_offsets_and_the_country_by_what_is_stated() -> None:
    moments = [
        (datetime(2026, 1, 5, tzinfo=UTC), timedelta(hours=1)),
        (datetime(2026, 7, 5, tzinfo=UTC), timedelta(hours=2)),
    ]
    stated = find_where(moments, address="NO", host="courier.example", region=None, language="no")
    assert (stated.country, stated.zone, stated.zone_sure) == ("NO", "Europe/Oslo", True)
    contradicted = find_where(moments, address=None, host="courier.example", region="US", language="en")
    assert contradicted.country == "ZZ"
    assert not contradicted.zone_sure
    nothing = find_where([], address=None, host="courier.example", region=None, language="en")
    assert (nothing.zone, nothing.country_sure) == ("UTC", False)
