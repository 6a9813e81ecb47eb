"""Ways of discovery: what a crawl begins with, and what listings lead to."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.extraction.page import Page
from scraper.outlet import Outlet
from spiders import sitemap
from spiders.links import absolute_url
from spiders.stamps import read_stamp
from spiders.starts import fill_start, match_start
from spiders.ways import WAYS, Findings, Request, load_way, plan_seeds, read_listing

NOW = datetime(2024, 3, 10, 12, 0, tzinfo=UTC)
HOST = "https://www.daily.example"


def make_outlet(*discovery: dict[str, Any]) -> Outlet:
    return Outlet.model_validate(
        {
            "name": "daily",
            "title": "The Daily",
            "language": "en",
            "zone": "Asia/Tehran",
            "country": "IR",
            "domains": [
                {"host": "www.daily.example", "role": "primary"},
                {"host": "mirror.example", "role": "mirror", "scheme": "http", "path": "/daily"},
                {"host": "own.example", "role": "mirror", "paths": "own"},
                {"host": "fr.daily.example", "role": "edition", "edition": "fr"},
                {"host": "gone.example", "role": "former"},
                {"host": "img.daily.example", "role": "assets"},
            ],
            "articles": [{"name": "n", "pattern": r"/news/(?P<key>\d+)(?:[/?]|$)", "example": "/news/1"}],
            "discovery": discovery,
        }
    )


def read(way: str, content: str | bytes, url: str = f"{HOST}/listing", *, at: datetime = NOW, **rule: Any) -> Findings:
    outlet = make_outlet({"way": way, "start": ["/listing"], **rule})
    body = content.encode() if isinstance(content, str) else content
    return read_listing(way, Page(body, "text/html; charset=utf-8", url, at), outlet)


def paths(findings: Findings) -> list[str]:
    return [link.url.removeprefix(HOST) for link in findings.links]


# seeds


def test_listings_are_asked_on_every_domain_that_has_the_same_paths() -> None:
    french = {"way": "sections", "start": ["/s/1"], "edition": "fr"}
    outlet = make_outlet({"way": "feed", "start": ["/rss.xml"]}, french)
    seeds = list(plan_seeds(outlet, Request(today=NOW.date())))
    assert [seed.url for seed in seeds] == [
        f"{HOST}/rss.xml",
        "http://mirror.example/daily/rss.xml",
        "https://fr.daily.example/s/1",
    ]
    assert [seed.key for seed in seeds] == ["listing::/rss.xml", "listing::/rss.xml", "listing:fr:/s/1"]
    assert {seed.kind for seed in seeds} == {"feed", "sections"}
    assert {seed.priority for seed in seeds} == {0}


def test_a_domain_with_paths_of_its_own_is_asked_where_the_profile_names_it() -> None:
    outlet = make_outlet({"way": "feed", "start": ["/feed"], "domains": ["own.example"]})
    (seed,) = plan_seeds(outlet, Request(today=NOW.date()))
    assert (seed.url, seed.key) == ("https://own.example/feed", "listing:://own.example/feed")


def test_seeds_can_be_narrowed_to_ways_and_hosts() -> None:
    outlet = make_outlet({"way": "feed", "start": ["/rss.xml"]}, {"way": "sitemap", "start": ["/sitemap.xml"]})
    today = NOW.date()
    only_maps = plan_seeds(outlet, Request(today, ways={"sitemap"}, hosts={"mirror.example"}))
    assert [seed.url for seed in only_maps] == ["http://mirror.example/daily/sitemap.xml"]


def test_a_range_of_numbers_names_articles_newest_first_without_being_held_in_memory() -> None:
    outlet = make_outlet({"way": "urls", "start": ["/news/{number}"], "first": 1, "last": 10**9})
    seeds = plan_seeds(outlet, Request(today=NOW.date()))
    first = [next(seeds) for _ in range(3)]
    assert [(seed.key, seed.kind, seed.url) for seed in first] == [
        (str(number), "article", f"{HOST}/news/{number}") for number in (10**9, 10**9 - 1, 10**9 - 2)
    ]


def test_every_way_has_its_module() -> None:
    for way in WAYS:
        module = load_way(way)
        assert callable(module.seeds)
        assert callable(module.read)
    with pytest.raises(ValueError, match="no way of discovery"):
        load_way("guess")  # type: ignore[arg-type]


# sections


def test_a_section_leads_to_its_articles_and_its_next_page() -> None:
    found = read(
        "sections",
        """<base href="/news/x"><a href="1/one">One <b>headline</b></a><a href=2>Two</a>
        <a href="/news/1/one#c">again</a>
        <a href="/about">x</a><a href="https://elsewhere.example/news/3">x</a><a href="javascript:void(0)">x</a>
        <a href=" /news/\n4 ">Four</a><a href="//mirror.example/daily/news/5">Five</a>
        <ul><li class="page"><a href="/listing/1">1</a></li>
        <li class="last next"><a href="/listing/2">&raquo;</a></li></ul>""",
        next=["li.next a"],
    )
    assert paths(found) == ["/news/1/one", "/news/2", "/news/4", "https://mirror.example/daily/news/5"]
    assert found.links[0].text == "One headline"
    assert [link.url for link in found.more] == [f"{HOST}/listing/2"]
    assert found.parts == ()


def test_selected_links_go_first_and_every_link_counts_where_the_selection_finds_none() -> None:
    page = '<aside><a href="/news/9">side</a></aside><h3><a href="/news/1">One</a></h3>'
    assert paths(read("sections", page, links=["h3"])) == ["/news/1"]
    assert paths(read("sections", page, links=["h4 a"])) == ["/news/9", "/news/1"]


def test_pages_are_counted_on_where_no_link_leads_to_the_next() -> None:
    rule: dict[str, Any] = {"start": ["/s/1/{page}"], "pages": 3}
    outlet = make_outlet({"way": "sections", **rule})
    (first, *_) = plan_seeds(outlet, Request(today=NOW.date()))
    assert first.url == f"{HOST}/s/1/1"
    page = '<a href="/news/1">x</a>'
    assert [link.url for link in read("sections", page, f"{HOST}/s/1/1", **rule).more] == [f"{HOST}/s/1/2"]
    assert [link.url for link in read("sections", page, f"{HOST}/s/1/2", **rule).more] == [f"{HOST}/s/1/3"]
    assert read("sections", page, f"{HOST}/s/1/3", **rule).more == ()
    assert read("sections", "<p>nothing here</p>", f"{HOST}/s/1/2", **rule).more == ()


def test_paging_ends_at_the_bound_though_pages_link_on_for_ever() -> None:
    rule: dict[str, Any] = {"next": ["a.next"], "pages": 5}
    page = '<a href="/news/1">x</a><a class="next" href="/listing/7/{}">next</a>'
    assert read("sections", page.format(5), **rule).more
    assert read("sections", page.format(6), **rule).more == ()
    assert read("sections", page.format("?page=6"), **rule).more == ()


def test_a_next_page_elsewhere_or_here_is_none() -> None:
    for href in ("https://elsewhere.example/listing/2", f"{HOST}/listing", "#", "javascript:next()"):
        page = f'<a href="/news/1">x</a><a class="next" href="{href}">n</a>'
        assert read("sections", page, next=["a.next"]).more == ()


def test_a_start_pages_menu_leads_to_further_sections_and_other_pages_menus_do_not() -> None:
    page = """<ul class="menu"><li><a href="/s/1">One</a><a href="/s/1#top">One</a><a href="/s/2/">Two</a>
        <a href="https://fr.daily.example/s/3">French</a><a href="/news/1">article</a></li></ul>"""
    found = read("sections", page, menu=["ul.menu"])
    assert [link.url for link in found.parts] == [f"{HOST}/s/1", f"{HOST}/s/2/"]
    assert read("sections", page, f"{HOST}/s/1", menu=["ul.menu"]).parts == ()


@pytest.mark.parametrize("content", [b"", b"   ", b"\xff\xfe\x00", b"<" * 5000, b"<div>" * 50_000])
def test_no_section_page_is_too_broken_to_be_read(content: bytes) -> None:
    assert read("sections", content).links == ()


# feeds

RSS = '<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>{}</channel></rss>'


def test_a_feeds_entries_are_articles_and_their_dates_are_no_changes() -> None:
    found = read(
        "feed",
        RSS.format(
            f"<item><title>One &amp; only</title><link>{HOST}:443/news/1/x</link></item>"
            "<item><title>Two</title><link>/news/2</link><pubDate>Sun, 10 Mar 2024</pubDate></item>"
            "<item><title>Three</title><link>\n /news/3 </link><pubDate>Sat, 09 Mar 2024 23:10:00</pubDate></item>"
            "<item><title>Four</title><link>/news/4</link><pubDate>Sat, 09 Mar 2024 23:10:00 +0000</pubDate></item>"
            "<item><title>Live</title><link>/Live</link></item>"
            "<item><title>Five</title><link>/r?to=5</link><guid>https://www.daily.example/news/5</guid></item>"
        ),
    )
    assert paths(found) == ["/news/1/x", "/news/2", "/news/3", "/news/4", "/news/5"]
    assert found.links[0].text == "One & only"
    assert [link.lastmod for link in found.links] == [None] * 5
    # 23:10 in Tehran is the ninth; 23:10 UTC is the tenth there.
    days = [link.published_day for link in found.links[:4]]
    assert days == [None, date(2024, 3, 10), date(2024, 3, 9), date(2024, 3, 10)]


def test_an_update_that_a_feed_states_is_a_change() -> None:
    entry = "<entry><title>A</title><link href='/news/{}'/><published>{}</published><updated>{}</updated></entry>"
    found = read(
        "feed",
        "<feed xmlns='http://www.w3.org/2005/Atom'>"
        + entry.format(1, "2024-03-01T00:00:00Z", "2024-03-02T08:00:00Z")
        + entry.format(2, "2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z")
        + entry.format(3, "2024-03-01T00:00:00Z", "2031-01-01T00:00:00Z")
        + "</feed>",
    )
    assert [link.lastmod for link in found.links] == [datetime(2024, 3, 2, 8, tzinfo=UTC), None, None]


def test_an_editions_feed_means_its_own_host_where_the_profile_says_so() -> None:
    content = RSS.format(
        f"<item><link>{HOST}/news/1</link></item><item><link>https://fr.daily.example:443/news/2</link></item>"
    )
    url = "https://fr.daily.example/listing"
    meant = read("feed", content, url, edition="fr", own_host=True)
    assert [link.url for link in meant.links] == ["https://fr.daily.example/news/1", "https://fr.daily.example/news/2"]
    printed = read("feed", content, url, edition="fr")
    assert printed.links[0].url == f"{HOST}/news/1"
    mirrored = read("feed", content, "http://mirror.example/daily/listing", own_host=True)
    assert mirrored.links[0].url == f"{HOST}/news/1"


@pytest.mark.parametrize("content", [b"", b"<html><body>403 Forbidden</body></html>", b"\x1f\x8b", b"{}", b"<rss"])
def test_what_is_no_feed_is_called_so(content: bytes) -> None:
    found = read("feed", content)
    assert found.links == ()
    assert found.problem


def test_a_feeds_entities_and_external_parts_stay_unread() -> None:
    bomb = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
    found = read("feed", bomb + RSS.format("<item><title>&b;&c;</title><link>/news/1</link></item>")[21:])
    assert all("root:" not in link.text for link in found.links)


# sitemaps

MAP = '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">{}</urlset>'  # noqa: E501
INDEX = '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</sitemapindex>'


def test_a_sitemap_gives_articles_with_their_last_changes() -> None:
    found = read(
        "sitemap",
        MAP.format(
            "<url><loc> https://www.daily.example/news/1 </loc><lastmod>2024-03-09T10:00:00+03:30</lastmod></url>"
            "<url><loc>https://www.daily.example/news/2</loc><lastmod>2024-03-08</lastmod></url>"
            "<url><loc>https://www.daily.example/news/3</loc><lastmod>2024-03</lastmod>"
            "<image:image><image:loc>https://www.daily.example/news/99</image:loc></image:image></url>"
            "<url><loc>https://www.daily.example/news/4?a=1&amp;b=2</loc><news:news><news:publication_date>2024-03-09T22:00:00Z"
            "</news:publication_date><news:title>Four</news:title></news:news></url>"
            "<url><loc>https://www.daily.example/about</loc></url><url><loc>https://elsewhere.example/news/6</loc></url>"
        ),
    )
    assert paths(found) == ["/news/1", "/news/2", "/news/3", "/news/4?a=1&b=2"]
    assert found.links[0].lastmod == datetime(2024, 3, 9, 6, 30, tzinfo=UTC)
    assert found.links[1].lastmod == datetime(2024, 3, 8, 20, 29, 59, tzinfo=UTC)
    assert found.links[2].lastmod is None
    assert (found.links[3].text, found.links[3].published_day) == ("Four", date(2024, 3, 10))


def test_an_index_leads_to_the_outlets_own_sitemaps_always() -> None:
    found = read(
        "sitemap",
        INDEX.format(
            "<sitemap><loc>https://www.daily.example/m-1.xml.gz</loc><lastmod>2024-03-09T10:00:00Z</lastmod></sitemap>"
            "<sitemap><loc>https://elsewhere.example/m.xml</loc></sitemap>"
        ),
    )
    assert [(link.url, link.lastmod) for link in found.parts] == [
        (f"{HOST}/m-1.xml.gz", datetime(2024, 3, 9, 10, tzinfo=UTC))
    ]
    assert (found.links, found.more) == ((), ())


def test_a_packed_sitemap_is_read_within_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    content = gzip.compress(MAP.format("<url><loc>https://www.daily.example/news/1</loc></url>").encode())
    assert paths(read("sitemap", content)) == ["/news/1"]
    assert paths(read("sitemap", content[:-9])) == ["/news/1"]
    assert read("sitemap", b"\x1f\x8b\x08broken").problem == "bad-gzip"
    monkeypatch.setattr(sitemap, "MAX_BYTES", 1_000_000)
    assert read("sitemap", gzip.compress(b"<urlset>" + b" " * 1_000_000)).problem == "too-large"
    assert read("sitemap", b"<urlset>" + b" " * 1_000_000).problem == "too-large"


def test_a_sitemap_expands_no_entities_and_fetches_nothing() -> None:
    bomb = (
        '<!DOCTYPE urlset [<!ENTITY a "/news/1"><!ENTITY f SYSTEM "file:///etc/hostname">'
        + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 10}">' for n in range(9))
        + "]>"
    )
    entries = "<url><loc>/news/2</loc></url><url><loc>/news/3?&e8;&f;</loc></url>"
    found = read("sitemap", f"{bomb}<urlset>{entries}</urlset>")
    assert paths(found)[0] == "/news/2"
    assert all(len(link.url) < 100 for link in found.links)


def test_a_sitemap_without_a_namespace_or_with_a_stray_ampersand_is_read_all_the_same() -> None:
    found = read("sitemap", "<urlset><url><loc>/news/1?a&b</loc></url><url><loc>/news/2</loc></url></urlset>")
    assert [path[:7] for path in paths(found)] == ["/news/1", "/news/2"]


def test_a_text_of_urls_is_a_sitemap_too() -> None:
    marked = "\ufeffhttps://www.daily.example/news/1\n\n/news/2\nrubbish\n"
    assert paths(read("sitemap", marked)) == ["/news/1", "/news/2"]
    assert paths(read("urls", "https://www.daily.example/news/1\r\n# a comment\r\n/news/2")) == ["/news/1", "/news/2"]


@pytest.mark.parametrize("content", [b"", b"<html><p>not found</p></html>", b"not found", b"<", b"\x00\x01"])
def test_what_is_no_sitemap_is_called_so(content: bytes) -> None:
    found = read("sitemap", content)
    assert found.links == ()
    assert found.problem == "not-a-sitemap"


def test_a_sitemap_gives_no_more_than_the_protocol_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sitemap.MAX_LINKS == 50_000
    monkeypatch.setattr(sitemap, "MAX_LINKS", 50)
    content = "<urlset>" + "".join(f"<url><loc>/news/{number}</loc></url>" for number in range(60)) + "</urlset>"
    assert len(read("sitemap", content).links) == 50


# date archives

ARCHIVE: dict[str, Any] = {
    "start": ["/search?from={from}&to={to}&page={page}"],
    "since": date(2023, 12, 25),
    "pages": 9,
}


def windows(findings: tuple[Any, ...]) -> list[str]:
    return [link.url.removeprefix(f"{HOST}/search?") for link in findings]


def archive(content: str, first: str, last: str, page: int = 1) -> Findings:
    return read("datearchive", content, f"{HOST}/search?from={first}&to={last}&page={page}", **ARCHIVE)


def test_a_date_archive_begins_with_the_newest_window() -> None:
    outlet = make_outlet({"way": "datearchive", **ARCHIVE})
    (seed, *_) = plan_seeds(outlet, Request(today=date(2024, 3, 10)))
    assert seed.url == f"{HOST}/search?from=2024-03-10&to=2024-03-10&page=1"
    (seed, *_) = plan_seeds(outlet, Request(today=date(2024, 3, 10), until=date(2024, 1, 2)))
    assert seed.url == f"{HOST}/search?from=2024-01-02&to=2024-01-02&page=1"


def test_a_window_with_articles_leads_to_its_next_page_and_the_window_before_while_anything_is_new() -> None:
    page = '<a class="result" href="/news/1">x</a>'
    found = archive(page, "2024-03-10", "2024-03-10")
    assert paths(found) == ["/news/1"]
    assert windows(found.pages + found.more) == [
        "from=2024-03-10&to=2024-03-10&page=2",
        "from=2024-03-09&to=2024-03-09&page=1",
    ]
    assert found.parts == ()
    second = archive(page, "2024-03-10", "2024-03-10", 2)
    assert windows(second.pages + second.more) == ["from=2024-03-10&to=2024-03-10&page=3"]
    assert windows(archive(page, "2024-03-10", "2024-03-10", 9).pages) == []
    assert windows(archive("", "2024-03-10", "2024-03-10", 2).parts) == []


def test_empty_windows_are_crossed_in_growing_steps_down_to_the_first_day() -> None:
    asked = []
    first, last = "2024-03-10", "2024-03-10"
    while True:
        found = archive("<p>No results</p>", first, last)
        assert (found.links, found.more) == ((), ())
        if not found.parts:
            break
        (window,) = windows(found.parts)
        asked.append(window)
        first, last = window[5:15], window[19:29]
    assert asked[0] == "from=2024-03-08&to=2024-03-09&page=1"
    assert asked[-1].startswith("from=2023-12-25")
    assert len(asked) == 6


def test_a_long_window_with_articles_is_entered_at_its_newest_end() -> None:
    found = archive('<a href="/news/1">x</a>', "2024-01-01", "2024-02-01")
    assert windows(found.more) == ["from=2024-02-01&to=2024-02-01&page=1"]


def test_a_window_is_recognised_in_the_canonical_form_of_its_url() -> None:
    start = "/search?q=&from={from}&to={to}&page={page}"
    url = f"{HOST}/search?from=2024-03-10&page=1&to=2024-03-10"
    found = read("datearchive", '<a href="/news/1">x</a>', url, **{**ARCHIVE, "start": [start]})
    assert windows(found.pages)[0] == "q=&from=2024-03-10&to=2024-03-10&page=2"


@pytest.mark.parametrize(
    ("start", "path", "values"),
    [
        ("/s/{page}", "/s/12", {"page": "12"}),
        ("/s/{page}", "/s/x", None),
        ("/s/{page}", "/s/12?x=1", None),
        ("/s", "/s", {}),
        ("/s?b={page}&a=1", "/s?a=1&b=2", {"page": "2"}),
        ("/s?b={page}&a=1", "/s?a=2&b=2", None),
        ("/{from}/{from}", "/2024-01-01/2024-01-01", {"from": "2024-01-01"}),
        ("/{from}/{from}", "/2024-01-01/2024-01-02", None),
        ("/{from}?a={from}", "/2024-01-01?a=2024-01-02", None),
        ("https://www.daily.example/s/{page}", "/s/3", {"page": "3"}),
    ],
)
def test_a_start_is_recognised_in_what_it_was_filled_to(start: str, path: str, values: dict[str, str] | None) -> None:
    assert match_start(start, path) == values
    if values is not None and "?" not in start:
        assert fill_start(start, **values).endswith(path)


def test_links_beside_the_hits_make_no_window_look_full() -> None:
    page = '<aside><a href="/news/9">latest</a></aside>'
    url = f"{HOST}/search?from=2024-03-10&to=2024-03-10&page=1"
    assert read("datearchive", page, url, links=["a.hit"], **ARCHIVE).links == ()
    page += '<a class="hit" href="/news/1">x</a>'
    assert paths(read("datearchive", page, url, links=["a.hit"], **ARCHIVE)) == ["/news/1"]


def test_a_page_that_is_no_window_ends_the_way() -> None:
    found = read("datearchive", "<p>x</p>", f"{HOST}/search?from=2024-99-99&to=2024-03-10&page=1", **ARCHIVE)
    assert (found.parts, found.more, found.problem) == ((), (), "no-window")


# addresses and dates


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("news/1", f"{HOST}/a/news/1"),
        ("/news/1#part", f"{HOST}/news/1"),
        ("//m.example/x", "https://m.example/x"),
        ("http://m.example:80/x", "http://m.example/x"),
        ("https://m.example:443", "https://m.example"),
        ("http://m.example:443/x", "http://m.example:443/x"),
        ("  /ne\tws/\n1 ", f"{HOST}/news/1"),
        ("#top", None),
        ("", None),
        ("mailto:x@y.example", None),
        ("data:text/html,x", None),
        ("http://[::1", None),
        ("https://user@m.example/x", None),
        ("https://m.example\u2100x/y", "https://m.example\u2100x/y"),
        ("/" + "x" * 5000, None),
    ],
)
def test_an_address_on_a_page_becomes_the_url_it_means(address: str, url: str | None) -> None:
    assert absolute_url(f"{HOST}/a/b", address) == url


@settings(max_examples=30)
@given(st.text(max_size=200))
def test_no_address_is_too_strange_to_be_read(address: str) -> None:
    url = absolute_url(f"{HOST}/a/b", address)
    read("feed", RSS.format("<item><link>{}</link></item>").format(address), own_host=True)
    assert url is None or url.startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-03-09T10:00:00Z", "2024-03-09T10:00:00"),
        ("2024-03-09T10:00:00.123+03:30", "2024-03-09T06:30:00.123"),
        ("2024-03-09T10:00", "2024-03-09T06:30:00"),
        ("2024-03-09 10:00:00", "2024-03-09T06:30:00"),
        ("Sat, 09 Mar 2024 10:00:00 GMT", "2024-03-09T10:00:00"),
        ("Sat, 09 Mar 2024 10:00:00 +0330", "2024-03-09T06:30:00"),
        ("Sat, 09 Mar 2024 10:00:00", "2024-03-09T06:30:00"),
        ("9 March 2024 1:16 PM", "2024-03-09T09:46:00"),
        ("Saturday, March 9, 2024 12:05 AM", "2024-03-08T20:35:00"),
        ("2024-03-08", "2024-03-08T20:29:59"),
        ("Fri, 08 Mar 2024", "2024-03-08T20:29:59"),
        ("2024-03-10", "2024-03-09T20:30:00"),
        ("2024-03-11", None),
        ("2031-01-01T00:00:00Z", None),
        ("2024-03", None),
        ("2024-13-09", None),
        ("yesterday", None),
        ("", None),
        ("0001-01-01", None),
    ],
)
def test_a_stamp_says_when_in_the_outlets_zone_where_it_has_none(text: str, instant: str | None) -> None:
    expected = datetime.fromisoformat(instant).replace(tzinfo=UTC) if instant else None
    assert read_stamp(text, "Asia/Tehran", NOW) == expected


@given(st.text(max_size=60) | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", fullmatch=True))
def test_no_stamp_is_too_strange_to_be_read(text: str) -> None:
    stamp = read_stamp(text, "Asia/Tehran", NOW)
    assert stamp is None or stamp <= NOW
