"""What a page states of its use is kept with its capture; a teaser before a paywall is told from its article."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scraper.extraction import extract
from scraper.extraction.page import Context, Outcome, Page
from scraper.extraction.rights import rights_of_headers
from storage.archive import Archive
from storage.rights import LONGEST, MOST, Statement, rights_from, rights_json
from storage.views import view_article
from tests.crawling import place_options, presskeep
from tests.databases import Place, place_of
from tests.page_server import serving
from tests.rereading import PROFILE, current_body, edits, owner_of, printing, read_again, told
from tests.small_site import Answer, article_page, article_path, crawl_small, pages, section, small_site

URL = "https://news.example/2026/bridge"
TEXT = "".join(
    f"<p>Paragraph {number} tells what the council said of the bridge, its cost, and those who must pay for it.</p>"
    for number in range(1, 13)
)
BEGINNING = "<p>The council spoke of the bridge, of its cost, and of those who must pay for it in the end.</p>"


def read(head: str = "", body: str = TEXT) -> Outcome:
    article = f"<article><h1>Bridge</h1>{body}</article>"
    html = f"<html lang=en><head><title>Bridge</title>{head}</head><body>{article}</body></html>"
    return extract(Page(html.encode(), None, URL, datetime(2026, 6, 1, tzinfo=UTC)), Context())


def linked(**facts: object) -> str:
    node = {"@type": "NewsArticle", "datePublished": "2026-05-30T08:00:00Z", **facts}
    return f'<script type="application/ld+json">{json.dumps(node)}</script>'


STATED = {
    "robots": (
        '<meta name="Robots" content="index, NOARCHIVE,max-snippet:-1"><meta name=robots content="noai, noarchive">'
        '<meta name="googlebot" content="nosnippet"><meta name=robots content="noodp, all">'
        '<meta name="robots" content="unavailable_after: Saturday, 25-Jun-2050 15:00:00 GMT">',
        [
            Statement("robots", "meta robots", "noarchive"),
            Statement("robots", "meta robots", "noai, noarchive"),
            Statement("robots", "meta robots", "unavailable_after: Saturday, 25-Jun-2050 15:00:00 GMT"),
            Statement("robots", "meta googlebot", "nosnippet", "googlebot"),
        ],
    ),
    "mining": (
        "<meta name=tdm-reservation content=1><meta name=tdm-policy content=https://news.example/policy.json>",
        [
            Statement("tdm", "meta tdm-reservation", "1"),
            Statement("tdm", "meta tdm-policy", "https://news.example/policy.json"),
        ],
    ),
    "paywall": (
        linked(
            isAccessibleForFree="http://schema.org/False",
            hasPart={"@type": "WebPageElement", "isAccessibleForFree": False, "cssSelector": ".paid"},
        )
        + "<meta property=article:content_tier content=metered><meta property=og:article:content_tier content=free>",
        [
            Statement("paywall", "json-ld isAccessibleForFree", "false"),
            Statement("paywall", "json-ld hasPart", ".paid"),
            Statement("paywall", "meta article:content_tier", "metered"),
        ],
    ),
    "licence": (
        "<link rel='license nofollow' href='/terms'>"
        + linked(
            license={"@type": "CreativeWork", "url": "https://licences.example/by/4.0/"},
            copyrightHolder={"@id": "https://news.example/#us"},
            copyrightNotice="© The \0Gazette",
        )
        + '<script type="application/ld+json">{"@id": "https://news.example/#us", "name": "The Gazette"}</script>',
        [
            Statement("licence", "rel license", "https://news.example/terms"),
            Statement("licence", "json-ld license", "https://licences.example/by/4.0/"),
            Statement("copyright", "json-ld copyrightHolder", "The Gazette"),
            Statement("copyright", "json-ld copyrightNotice", "© The �Gazette"),
        ],
    ),
    "nothing": (
        linked(isAccessibleForFree=True, license=None)
        + "<meta name=robots content='index,follow,max-image-preview:large'><link rel=canonical href=/licence>",
        [],
    ),
}


@pytest.mark.parametrize("name", STATED)
def test_what_a_page_states_of_its_use_is_read(name: str) -> None:
    head, stated = STATED[name]
    outcome = read(head)
    assert outcome.verdict == "article"
    assert outcome.rights is not None
    assert list(outcome.rights) == stated


def test_what_an_answers_headers_state_is_read_with_whom_it_speaks_to() -> None:
    headers = (
        ("x-robots-tag", "noindex, GoogleBot: nosnippet, unavailable_after: Sat, 25 Jun 2050 15:00:00 GMT"),
        ("x-robots-tag", "all"),
        ("tdm-reservation", "0"),
        ("link", '<https://news.example/api>; rel="alternate", </terms>; title="x"; rel="license"'),
    )
    assert rights_of_headers(headers, URL) == (
        Statement("robots", "header x-robots-tag", "noindex"),
        Statement(
            "robots",
            "header x-robots-tag",
            "nosnippet, unavailable_after: Sat, 25 Jun 2050 15:00:00 GMT",
            "googlebot",
        ),
        Statement("tdm", "header tdm-reservation", "0"),
        Statement("licence", "header link", "https://news.example/terms"),
    )


def test_what_is_kept_of_rights_is_bounded() -> None:
    many = "".join(f"<a rel=license href='/{number}/{'x' * 1_000}'>terms</a>" for number in range(2_000))
    outcome = read(f"<meta name=copyright content='{'y' * 9_000}'>{many}<meta name=tdm-reservation content=1>")
    assert outcome.rights is not None
    assert [each.kind for each in outcome.rights] == ["tdm", *["licence"] * MOST, "copyright"]
    assert max(len(each.says) for each in outcome.rights) == LONGEST
    assert rights_from(rights_json(outcome.rights)) == outcome.rights


PAID = linked(isAccessibleForFree=False)
PARTLY = linked(isAccessibleForFree=False, hasPart={"isAccessibleForFree": "False", "cssSelector": ".paid"})
TEASERS = {
    "less than half of the words stated": (linked(isAccessibleForFree=False, wordCount=900), TEXT, True),
    "all the words stated": (linked(isAccessibleForFree=False, wordCount="260"), TEXT, False),
    "the rest in the metadata alone": (linked(isAccessibleForFree=False, articleBody="Word. " * 900), TEXT, True),
    "an ellipsis": (PAID, f"{BEGINNING}<p>All in all it is...</p>", True),
    "a box named after the wall": (PAID, f"{BEGINNING}<div class=c-paywall>Subscribe</div>", True),
    "the paid part is missing": (PARTLY, BEGINNING, True),
    "the paid part is empty": (PARTLY, f"{BEGINNING}<div class='text paid'></div>", True),
    "the paid part is there": (PARTLY, f"<div class='text paid'>{BEGINNING}</div>", False),
    "nothing at all": (PAID, "", True),
    "a short piece behind no visible wall": (PAID, BEGINNING, False),
    "long, with a box": (PAID, f"{TEXT}<div class=c-paywall>Subscribe</div>", False),
    "a part that is paid for, of an article that is not": (
        linked(hasPart={"isAccessibleForFree": False, "cssSelector": ".paid"}),
        BEGINNING,
        False,
    ),
    "free in another place": (PARTLY + "<meta property=article:content_tier content=free>", BEGINNING, False),
    "no word of payment, an ellipsis before a wall": (
        linked(),
        f"{BEGINNING}<p>All in all it is…</p><div class=c-paywall><p>Subscribe to read the rest of it.</p></div>",
        True,
    ),
    "no word of payment, a wall behind a sentence": (
        linked(),
        f"{BEGINNING}<div class=c-paywall><p>Subscribe to read more of this.</p></div>",
        False,
    ),
    "no word of payment, a text in what is named after a wall": (
        linked(),
        f"<div class=paywall>{BEGINNING}<p>All in all it is…</p></div>",
        False,
    ),
    "free, an ellipsis before a wall": (
        linked(isAccessibleForFree=True),
        f"{BEGINNING}<p>All in all it is…</p><div class=c-paywall><p>Subscribe to read the rest of it.</p></div>",
        False,
    ),
    "free, with an ellipsis": (linked(wordCount=900), f"{BEGINNING}<p>All in all it is...</p>", False),
}


@pytest.mark.parametrize("name", TEASERS)
def test_the_beginning_of_a_paid_article_is_none_and_can_be_overruled(name: str) -> None:
    head, body, is_teaser = TEASERS[name]
    outcome = read(head, body)
    assert outcome.verdict == ("refused:paywall" if is_teaser else "article")
    assert (outcome.article is None) is is_teaser
    assert (outcome.candidate is not None) is is_teaser


def paid_page(text: str, head: str) -> bytes:
    return (
        f"<html><head>{head}</head><body><h1 class=title>Bridge</h1><div class=text>{text}</div></body></html>".encode()
    )


def test_a_teaser_never_takes_the_place_of_the_article_and_rights_are_kept_with_each_capture(
    archive: Archive, tmp_path: Path
) -> None:
    whole = paid_page(TEXT, "<meta name=robots content=noarchive>")
    with printing(archive, tmp_path) as paper:
        paper.show("1", whole, headers=((b"X-Robots-Tag", b"nosnippet"), (b"TDM-Reservation", b"1")))
        known = paper.show("1", paid_page(BEGINNING, PARTLY), hour=24)
        assert known.revision is None
        paper.show("1", whole, hour=48)
        other = paper.show("1", paid_page(f"{TEXT}<p>And one more.</p>", ""), hour=72)
        assert other.novelty == "edit", "the control: another text is an edit"
    with archive.read() as connection:
        captures = view_article(connection, owner_of(archive, "1")).captures
    assert [each.outcome for each in captures] == ["article", "article", "refused:paywall", "article"]
    first = (
        Statement("robots", "header x-robots-tag", "nosnippet"),
        Statement("robots", "meta robots", "noarchive"),
        Statement("tdm", "header tdm-reservation", "1"),
    )
    paywall = (
        Statement("paywall", "json-ld isAccessibleForFree", "false"),
        Statement("paywall", "json-ld hasPart", ".paid"),
    )
    stated = [(), (first[1],), paywall, first]
    assert [each.rights for each in captures] == stated
    before, body = edits(told(archive)), current_body(archive)
    assert "And one more." in body

    read_again(archive, tmp_path, PROFILE + 'drop = ["p.nothing"]\n', jobs=1)
    with archive.read() as connection:
        captures = view_article(connection, owner_of(archive, "1")).captures
    assert [each.rights for each in captures] == stated, "headers are read again out of the records"
    assert (edits(told(archive)), current_body(archive)) == (before, body)


@pytest.mark.long
def test_a_crawl_keeps_rights_and_a_text_that_is_put_behind_a_paywall_later(tmp_path: Path) -> None:
    place, path = Place(tmp_path / "archive", None), article_path(1)
    free = article_page(1)
    short = free.body[: free.body.index(b"<p>")] + b"<p>The harbour...</p></div></body></html>"
    closed = short.replace(b"</head>", linked(isAccessibleForFree=False).encode() + b"</head>")
    listing = section(path)
    with small_site(tmp_path, pages({"/": listing, path: replace(free, headers={"TDM-Reservation": "1"})})) as site:
        assert crawl_small(place, site).code == 0
        site.answering = pages({"/": listing, path: Answer(closed)})
        later = crawl_small(place, site, now="2026-08-01T12:00:00Z")
    assert later.json["outlets"][0]["counts"]["refused"]["paywall"] == 1
    shown = presskeep("show", "small:1", "--json", *place_options(place)).json
    read = [each for each in shown["captures"] if each["outcome"] != "refused:status-404"]
    assert [(each["outcome"], [one["by"] for one in each["rights"]]) for each in read] == [
        ("refused:paywall", ["json-ld isAccessibleForFree"]),
        ("article", ["header tdm-reservation"]),
    ]
    assert "Paragraph 2 of article 1" in shown["article"]["text"]
    assert len(shown["revisions"]) == 1


@pytest.mark.long
def test_show_tells_what_a_page_states_of_its_use(archive: Archive, tmp_path: Path) -> None:
    with printing(archive, tmp_path) as paper:
        paper.show(
            "1", paid_page(TEXT, "<meta name=robots content='noarchive, no\x1bbel'><a rel=license href=/by>by</a>")
        )
        paper.show("2", paid_page(TEXT, ""))
    place = place_options(place_of(archive))
    (capture,) = presskeep("show", "demo:1", "--json", *place).json["captures"]
    assert capture["rights"] == [
        {"kind": "robots", "by": "meta robots", "says": "noarchive, nobel", "to": None},
        {"kind": "licence", "by": "rel license", "says": "https://news.example/by", "to": None},
    ]
    line = "states of its use: robots noarchive, nobel; licence https://news.example/by"
    assert line in presskeep("show", "demo:1", *place).out
    assert "states of its use" not in presskeep("show", "demo:2", *place).out


@pytest.mark.soak
@pytest.mark.long
def test_a_teaser_that_is_asked_for_takes_no_longer_texts_place(tmp_path: Path) -> None:
    url, place = "http://gazette.example/bridge", ("--archive", str(tmp_path / "archive"))

    def save(content: bytes) -> str:
        with serving({url: content}, tmp_path) as server:
            outcome: str = presskeep("fetch", url, "--save", "--any", "--json", *place, *server.options).json["outcome"]
            return outcome

    text = f"{BEGINNING}<p>{'It was a long day. ' * 20}</p>"
    beginning = paid_page(text, linked(isAccessibleForFree=False, wordCount=900))
    assert [save(each) for each in (beginning, paid_page(TEXT, ""), beginning)] == [
        "refused:paywall",
        "article",
        "refused:paywall",
    ]
    told = presskeep("history", url, "--json", *place).json["observations"]
    assert [each["number"] for each in told] == [1, 2], "the control: where nothing is kept, what is asked for is"


@pytest.mark.soak
@pytest.mark.long
def test_fetch_shows_the_beginning_of_a_paid_article_and_counts_it_as_none(tmp_path: Path) -> None:
    url, free = "http://gazette.example/bridge", "http://gazette.example/free"
    paid = paid_page(BEGINNING, linked(isAccessibleForFree=False, wordCount=900))
    listed = tmp_path / "links.txt"
    listed.write_text(f"{url}\n{free}\n")
    with serving({url: paid, free: paid_page(TEXT, "")}, tmp_path) as server:
        ran = presskeep("fetch", "--from", str(listed), "--json", *server.options)
        said = presskeep("fetch", url, *server.options)
    results = {each["url"]: each for each in map(json.loads, ran.out.splitlines())}
    assert (ran.code, said.code) == (1, 1)
    assert [results[each]["outcome"] for each in (url, free)] == ["refused:paywall", "article"]
    assert all(results[each]["article"]["text"] for each in (url, free))
    assert results[url]["article"]["text"] in " ".join(said.out.split())
    assert "no more than the beginning of an article" in said.err
