"""Crawls with --media keep what article pages need to look as they did, once, within a budget, whatever is answered."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from scraper.crawling.reading import Reader, ReadTask
from scraper.extraction.page import Limits
from scraper.profiles import load_outlet
from storage.archive import Archive
from storage.fixity.checking import check
from storage.models import capture, host_lease, location, resource
from tests.crawling import NOON, Ran, dangling, place_options, presskeep
from tests.databases import Place
from tests.small_site import (
    HOST,
    PROFILE,
    Answer,
    SmallSite,
    article_page,
    article_path,
    crawl_small,
    section,
    small_site,
)
from tests.tiers import in_soak

LOGO, PHOTO = b"\x89PNG logo" * 200, b"\xff\xd8 photo" * 300
ELSEWHERE = "images.elsewhere.example"
HEAD = '<link rel="stylesheet" href="/main.css"><script src="/app.js"></script>'
BODY = f'<img src="/logo.png"><img src="//{ELSEWHERE}/photo.jpg"><img src="/gone.jpg"><img src="/moved.jpg">'
LATER = "2026-06-03T12:00:00Z"


def css(text: str) -> Answer:
    return Answer(text.encode(), content_type="text/css")


def image(body: bytes) -> Answer:
    return Answer(body, content_type="image/png")


ANSWERS = {
    (HOST, "/"): section(article_path(1), article_path(2)),
    (HOST, article_path(1)): article_page(1, links=HEAD + BODY),
    (HOST, article_path(2)): article_page(2, links=HEAD + BODY + '<img src="/again.png"><img src="/secret/x.png">'),
    (HOST, "/robots.txt"): Answer(b"User-agent: *\nDisallow: /secret/\n", content_type="text/plain"),
    (HOST, "/main.css"): css("@import 'second.css'; a { background: url(bar.png); } b { src: url(f.woff2) }"),
    (HOST, "/second.css"): css("a { background: url(third.png) }"),
    (HOST, "/bar.png"): image(b"bar" * 500),
    (HOST, "/f.woff2"): Answer(b"wOF2" * 400, content_type="font/woff2"),
    (HOST, "/logo.png"): image(LOGO),
    (HOST, "/again.png"): image(LOGO),
    (ELSEWHERE, "/photo.jpg"): image(PHOTO),
    (HOST, "/moved.jpg"): Answer(b"<html><h1>No such picture, but 200</h1></html>"),
}
KEPT = {
    f"{HOST}/main.css", f"{HOST}/second.css", f"{HOST}/bar.png", f"{HOST}/f.woff2", f"{HOST}/logo.png",
    f"{HOST}/again.png", f"{ELSEWHERE}/photo.jpg",
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SmallSite]:
    with small_site(tmp_path, lambda host, path: ANSWERS.get((host, path))) as running:
        yield running


def media_of(place: Place) -> list[Any]:
    """The captures of requisites: address without scheme, outcome, digest, what they refer to."""
    statement = (
        select(location.c.url, capture.c.outcome, capture.c.payload_sha256, capture.c.refers_to)
        .join(location, location.c.id == capture.c.location)
        .join(resource, resource.c.id == location.c.resource)
        .where(resource.c.kind == "media")
        .order_by(capture.c.id)
    )
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        return [(row[0].partition("://")[2], *row[1:]) for row in connection.execute(statement)]


def findings(place: Place) -> list[Any]:
    with Archive.open(place.folder, place.database) as archive:
        return list(check(archive))


def counts(ran: Ran) -> dict[str, Any]:
    found: dict[str, Any] = ran.json["outlets"][0]["counts"]
    return found


def asked(site: SmallSite) -> list[str]:
    return [host + path for host, path in site.new_requests() if path != "/robots.txt"]


@pytest.mark.either
@pytest.mark.long
def test_what_articles_need_is_kept_once_and_never_asked_again(empty_place: Place, site: SmallSite) -> None:
    plain = crawl_small(empty_place, site)
    assert plain.code == 0, plain.err
    assert not KEPT & set(asked(site)), "without the option nothing is asked"
    assert media_of(empty_place) == []
    before = presskeep("status", "--json", *place_options(empty_place)).json
    first = crawl_small(empty_place, site, "--media", now=LATER)
    assert first.code == 0, first.err
    requests = asked(site)
    media = media_of(empty_place)
    assert {url for url, outcome, *_ in media if outcome == "media"} == KEPT
    assert {url: outcome for url, outcome, *_ in media if outcome != "media"} == {
        f"{HOST}/gone.jpg": "refused:status-404",
        f"{HOST}/moved.jpg": "refused:not-media",
    }
    wanted = [url for url in requests if url in KEPT or url.endswith(".jpg")]
    assert sorted(wanted) == sorted({*KEPT, f"{HOST}/gone.jpg", f"{HOST}/moved.jpg"}), "each once"
    strange = {f"{HOST}/app.js", f"{HOST}/third.png", f"{HOST}/secret/x.png"}
    assert not strange & set(requests), "scripts, what an imported stylesheet names, what robots.txt disallows"
    told = counts(first)
    assert (told["media"]["kept"], told["media"]["left_out"]) == (len(KEPT), 0)
    assert told["media"]["missing"] == {"status-404": 1, "not-media": 1, "robots": 1}
    # The two sitemaps and the mirror's home page are not there; /gone.jpg is no page.
    assert (told["refused"], told["failures"], told["articles"]) == ({"status-404": 3}, {}, 2)
    again = crawl_small(empty_place, site, "--media", now="2026-06-06T12:00:00Z")
    assert again.code == 0, again.err
    assert not (KEPT | {f"{HOST}/gone.jpg"}) & set(asked(site))
    state = presskeep("status", "--json", *place_options(empty_place)).json
    assert (state["media"], state["refused"], state["articles"]) == (len(KEPT), before["refused"], 2)
    assert (state["outlets"][0]["media_missing"], state["outlets"][0]["failed"]) == (3, 0)
    kept = [each for each in media if each[1] == "media"]
    assert len({digest for _, _, digest, refers_to in kept if refers_to is None}) == len(KEPT) - 1
    assert sum(refers_to is not None for *_, refers_to in kept) == 1, "the logo under its second address"
    assert dangling(empty_place) == []
    assert findings(empty_place) == []


@pytest.mark.soak
@pytest.mark.either
@pytest.mark.long
def test_budgets_leave_out_and_tell(empty_place: Place, site: SmallSite, tmp_path: Path) -> None:
    settings = {"PRESSKEEP_MEDIA_ARTICLE_COUNT": "2", "PRESSKEEP_MEDIA": "true"}
    ran = crawl_with(empty_place, site, settings)
    assert ran.code == 0, ran.err
    kept = {url for url, *_ in media_of(empty_place)}
    assert f"{HOST}/main.css" in kept, "what matters most comes first"
    assert counts(ran)["media"]["left_out"] >= 5
    assert len(kept) <= 4
    other = Place(tmp_path / "other", None)
    settings = {"PRESSKEEP_MEDIA_RUN_COUNT": "3", "PRESSKEEP_MEDIA": "true"}
    bounded = crawl_with(other, site, settings)
    assert bounded.code == 0
    # What robots.txt disallows is never asked for, but may be among the three, as the articles happen to be read.
    assert len(media_of(other)) + counts(bounded)["media"]["missing"].get("robots", 0) == 3
    assert counts(bounded)["media"]["left_out"] >= 4
    rest = crawl_with(other, site, {"PRESSKEEP_MEDIA": "true"}, now=LATER)
    assert counts(rest)["media"]["left_out"] == 0
    assert {url for url, outcome, *_ in media_of(other) if outcome == "media"} == KEPT, "the next run goes on"


@pytest.mark.soak
@pytest.mark.long
def test_a_huge_file_costs_no_more_than_the_budget(tmp_path: Path) -> None:
    huge = {**ANSWERS, (HOST, "/logo.png"): image(b"x" * 3_000_000)}
    place = Place(tmp_path / "archive", None)
    with small_site(tmp_path, lambda host, path: huge.get((host, path))) as site:
        ran = crawl_with(place, site, {"PRESSKEEP_MEDIA_ARTICLE_BYTES": "100000", "PRESSKEEP_MEDIA": "true"})
        assert ran.code == 0, ran.err
        told = counts(ran)["media"]
        assert told["missing"]["too-large"] == 1
        assert told["bytes"] < 400_000
        assert told["kept"] == len(KEPT) - 1, "the others stay within it"
        free = Place(tmp_path / "free", None)
        assert counts(crawl_with(free, site, {"PRESSKEEP_MEDIA": "true"}))["media"]["bytes"] > 3_000_000


def crawl_with(place: Place, site: SmallSite, settings: dict[str, str], now: str = "2026-06-01T12:00:00Z") -> Ran:
    return presskeep(
        "crawl", "small", "--json", *place_options(place), *site.options,
        now=now, environment={**site.environment, **settings},
    )  # fmt: skip


@pytest.mark.soak
@pytest.mark.long
@pytest.mark.parametrize("moment", [in_soak("after-write"), "before-commit", in_soak("after-commit")])
def test_a_crawl_killed_among_its_media_keeps_each_once(tmp_path: Path, site: SmallSite, moment: str) -> None:
    place = Place(tmp_path / "archive", None)
    killed = 0
    for life in range(2):
        # A clock that went back between two lives would hide from the second what the first had found.
        now = f"2026-06-01T12:{5 * life:02}:00Z"
        ran = crawl_small(place, site, "--media", now=now, program=("-m", "tests.killing", moment, str(9 + 3 * life)))
        killed += ran.code in (-signal.SIGKILL, 128 + signal.SIGKILL)
        assert dangling(place) == []
    assert killed, "the kills must have happened for this test to tell anything"
    last = crawl_small(place, site, "--media", now="2026-06-01T12:30:00Z")
    assert last.code == 0, last.err
    kept = [url for url, outcome, *_ in media_of(place) if outcome == "media"]
    assert set(kept) == KEPT
    assert findings(place) == []


@pytest.mark.long
def test_a_page_leads_to_no_host_that_may_not_be_asked(tmp_path: Path) -> None:
    """A private address, and a public host that nobody told who asks; the outlet's own images come all the same."""
    place = Place(tmp_path / "archive", None)
    table = dict(ANSWERS)
    with small_site(tmp_path, lambda host, path: table.get((host, path))) as site:
        inside = f"http://127.0.0.1:{site.port}/inside.png"
        table[HOST, article_path(1)] = article_page(1, links=f'<img src="{inside}"><img src="/logo.png">' + BODY)
        table["127.0.0.1", "/inside.png"] = image(b"inside" * 300)
        mapped = [
            part
            for host in (HOST, "mirror.small.example")
            for part in ("--connect-to", f"{host}:80:127.0.0.1:{site.port}")
        ]
        command = ["crawl", "small", "--json", "--media", *place_options(place), *mapped]
        ran = presskeep(*command, now="2026-06-01T12:00:00Z", environment=site.environment)
        assert ran.code == 0, ran.err
        assert "127.0.0.1/inside.png" not in asked(site)
        missing = counts(ran)["media"]["missing"]
        assert (missing["private-address"], missing["no-contact"]) == (1, 1)
        kept = {url for url, outcome, *_ in media_of(place) if outcome == "media"}
        assert f"{HOST}/logo.png" in kept
        assert f"{ELSEWHERE}/photo.jpg" not in kept
        later = presskeep(*command, *site.options, "--allow-private", now=LATER, environment=site.environment)
        assert later.code == 0, later.err
        assert f"{ELSEWHERE}/photo.jpg" in {url for url, *_ in media_of(place)}, "told where it is, it is asked"


@pytest.mark.long
def test_however_much_is_due_of_a_host_that_another_process_asks_the_rest_is_asked_for(tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    pictures = "".join(f'<img src="//{ELSEWHERE}/{number}.png">' for number in range(150))
    page = article_page(1, links=f'{pictures}<img src="/logo.png">')
    answers = {(HOST, "/"): section(article_path(1)), (HOST, article_path(1)): page, (HOST, "/logo.png"): image(LOGO)}
    with small_site(tmp_path, lambda host, path: answers.get((host, path))) as site:
        crawl_small(place, site)
        with Archive.open(place.folder) as archive, archive.begin() as connection:
            until = NOON + timedelta(days=9)
            connection.execute(host_lease.insert(), {"host": ELSEWHERE, "owner": "another/1/2/3", "until": until})
        site.new_requests()
        crawl_small(place, site, "--media", now=LATER)
        hosts = {host for host, path in site.new_requests() if path.endswith(".png")}
    assert hosts == {HOST}


@pytest.mark.soak
@pytest.mark.long
def test_fetch_keeps_what_a_saved_page_needs_and_asks_for_nothing_twice(tmp_path: Path, site: SmallSite) -> None:
    place = Place(tmp_path / "archive", None)
    page = f"http://{HOST}{article_path(1)}"

    def fetch(*more: str, now: str) -> Ran:
        command = ["fetch", page, "--json", "--save", *more, *place_options(place), *site.options]
        return presskeep(*command, now=now, environment=site.environment)

    assert fetch(now="2026-06-01T12:00:00Z").code == 0
    assert media_of(place) == []
    ran = fetch("--media", now="2026-06-01T13:00:00Z")
    assert ran.code == 0, ran.err
    assert "6 styles, images, fonts and icons kept" in ran.err
    assert "2 could not be had" in ran.err
    assert {url for url, outcome, *_ in media_of(place) if outcome == "media"} == KEPT - {f"{HOST}/again.png"}
    site.new_requests()
    assert fetch("--media", now="2026-06-01T14:00:00Z").code == 0
    assert asked(site) == [f"{HOST}{article_path(1)}"]
    assert dangling(place) == []
    assert findings(place) == []


def test_a_page_that_calls_an_article_its_image_hides_no_article(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(PROFILE)
    outlet = load_outlet(file)
    page = article_page(1, links=f'<img src="{article_path(3)}"><img src="/logo.png">')
    task = ReadTask(
        "small", "article", "1", f"http://{HOST}{article_path(1)}", page.body, None, page.content_type, NOON
    )
    result = Reader({"small": outlet}, Limits(), None).read(replace(task, media=True))
    assert (result.outcome, result.media) == ("article", (f"http://{HOST}/logo.png",))
    style = b"a { background: url(/logo.png) } b { background: url(%s) }" % article_path(3).encode()
    task = ReadTask("small", "media", "m", f"http://{HOST}/main.css", style, None, "text/css", NOON)
    assert Reader({"small": outlet}, Limits(), None).read(task).media == (f"http://{HOST}/logo.png",)
