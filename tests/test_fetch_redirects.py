"""What `fetch --save` keeps of redirects: each on the way, under an address that leads to the article from then on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from urllib.request import Request

import pytest
from sqlalchemy import select

from storage.archive import Archive
from storage.fixity.checking import check
from storage.models import capture, fetch_failure, location, resource, warc_file
from storage.replaying import replay_address
from storage.warc import read_exchange
from tests.breaking import broken, forget_redirects
from tests.crawling import Ran, dangling, place_options, presskeep
from tests.databases import Place
from tests.page_server import serving
from tests.small_site import (
    HOST,
    Answer,
    SmallSite,
    article_page,
    article_path,
    crawl_small,
    redirect,
    section,
    small_site,
)
from tests.test_replay import OPENER, replaying

SHORT, OTHER = "t.short.example", "other.example"
ARTICLE = f"http://{HOST}{article_path(1)}"
PICTURE = b"\xff\xd8 photo" * 300
ANSWERS = {
    (HOST, "/"): section(article_path(1)),
    (HOST, article_path(1)): article_page(1, links='<img src="/moved.jpg"><img src="/around.jpg">'),
    (HOST, "/old"): redirect("/older", 301),
    (HOST, "/older"): redirect(article_path(1)),
    (SHORT, "/x"): redirect(f"http://{HOST}/old", 308),
    (HOST, "/gone"): redirect("/missing"),
    (HOST, "/here"): redirect("/there"),
    (HOST, "/there"): redirect("/here"),
    (HOST, "/self"): redirect("/self"),
    (HOST, "/astray"): redirect("http://user:secret@www.small.example/"),
    (HOST, "/unusable"): redirect("/" + "a" * 9000),
    (HOST, "/" + "a" * 9000): article_page(2),
    (HOST, "/files"): redirect("ftp://small.example/"),
    (HOST, "/passwords"): redirect("file:///etc/passwd"),
    (HOST, "/inside"): redirect("http://10.0.0.1:8081/admin"),
    (HOST, "/steering"): redirect("file:///\x1b[2J" + "a" * 9000),
    (HOST, "/moved.jpg"): redirect(f"http://{OTHER}/photo.jpg"),
    (OTHER, "/photo.jpg"): Answer(PICTURE, content_type="image/jpeg"),
    (HOST, "/around.jpg"): redirect("/around.jpg"),
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "archive", None)


def fetch(place: Place, site: SmallSite, *arguments: str, **options: Any) -> Ran:
    return presskeep("fetch", *arguments, "--save", "--json", *place_options(place), *site.options, **options)


def kept(place: Place) -> list[tuple[str, int, str, str | None]]:
    """The captures in their order: URL, status, outcome, origin."""
    statement = select(location.c.url, capture.c.status, capture.c.outcome, capture.c.origin).join(
        location, location.c.id == capture.c.location
    )
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        return [tuple(row) for row in connection.execute(statement.order_by(capture.c.id))]  # type: ignore[misc]


def unkept(place: Place, site: SmallSite) -> list[str]:
    """Requests that were answered and of which there is no capture."""
    asked = Counter(f"http://{host}{path}" for host, path in site.new_requests() if path != "/robots.txt")
    return sorted((asked - Counter(url for url, *_ in kept(place))).elements())


def told(place: Place) -> dict[str, list[str]]:
    """The reasons that `status --refused` tells, by URL."""
    lines = presskeep("status", "--refused", "--json", *place_options(place)).json
    reasons: dict[str, list[str]] = {}
    for line in lines["refused"] + lines["failures"]:
        reasons.setdefault(line["url"], []).append(line["reason"])
    return reasons


def faults(place: Place) -> list[Any]:
    with Archive.open(place.folder, place.database) as archive:
        return [*check(archive), *dangling(place)]


@pytest.mark.long
def test_every_redirect_on_the_way_is_kept_and_leads_to_the_article(place: Place, tmp_path: Path) -> None:
    with small_site(tmp_path, lambda host, path: ANSWERS.get((host, path))) as site:
        ran = fetch(place, site, f"http://{SHORT}/x", environment=site.environment)
        assert (ran.code, ran.json["key"], ran.json["final_url"]) == (0, "small:1", ARTICLE), ran.err
        assert kept(place) == [
            (f"http://{SHORT}/x", 308, "refused:redirect", None),
            (f"http://{HOST}/old", 301, "refused:redirect", f"redirect:http://{SHORT}/x"),
            (f"http://{HOST}/older", 302, "refused:redirect", f"redirect:http://{HOST}/old"),
            (ARTICLE, 200, "article", f"redirect:http://{HOST}/older"),
        ]
        assert unkept(place, site) == []
        assert told(place) == {}, "what led to an article is nothing that was refused"
        assert fetch(place, site, f"http://{HOST}/gone", environment=site.environment).code == 1
        assert told(place) == {
            f"http://{HOST}/gone": ["refused:redirect"],
            f"http://{HOST}/missing": ["refused:status-404"],
        }
        site.new_requests()
        twin = Place(tmp_path / "twin", None)
        assert (
            fetch(twin, site, f"http://{SHORT}/x", environment=site.environment, program=broken(forget_redirects)).code
            == 0
        )
        assert unkept(twin, site) == [f"http://{SHORT}/x", f"http://{HOST}/old", f"http://{HOST}/older"]
    for url in (f"http://{SHORT}/x", f"http://{HOST}/older"):
        shown = presskeep("show", url, "--json", *place_options(place)).json
        assert (shown["key"], len(shown["captures"])) == ("small:1", 4)
    assert faults(place) == []


@pytest.mark.long
def test_the_kept_redirect_is_what_the_server_sent(place: Place, tmp_path: Path) -> None:
    with small_site(tmp_path, lambda host, path: ANSWERS.get((host, path))) as site:
        assert fetch(place, site, f"http://{HOST}/old").code == 0
    statement = select(warc_file.c.path, capture.c.offset, capture.c.length).join(
        warc_file, warc_file.c.id == capture.c.warc_file
    )
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        rows = connection.execute(statement.order_by(capture.c.id)).all()
        first, second, _ = (read_exchange(archive.folder, *row) for row in rows)
    assert (first.status, first.header("location")) == (301, "/older")
    assert first.request.startswith(b"GET /old HTTP/1.1\r\n")
    assert second.header("location") == article_path(1)


@pytest.mark.long
def test_redirects_that_lead_nowhere_are_named_and_all_kept(place: Place, tmp_path: Path) -> None:
    names = ("here", "self", "astray", "files")
    with small_site(tmp_path, lambda host, path: ANSWERS.get((host, path))) as site:
        ran = fetch(place, site, *(f"http://{HOST}/{name}" for name in names))
        outcomes = [line.split('"outcome":')[1].split('"')[1] for line in ran.out.splitlines()]
        assert outcomes == ["failed:redirect-loop", "failed:redirect-loop", "failed:bad-url", "refused:redirect"]
        assert unkept(place, site) == []
        assert told(place) == {
            f"http://{HOST}/here": ["refused:redirect"],
            f"http://{HOST}/there": ["refused:redirect", "redirect-loop"],
            f"http://{HOST}/self": ["refused:redirect", "redirect-loop"],
            f"http://{HOST}/astray": ["refused:redirect", "bad-url"],
            f"http://{HOST}/files": ["refused:redirect"],
        }
        assert not any("secret" in url for url, *_ in kept(place))
        long = fetch(place, site, f"http://{HOST}/unusable")
        assert (long.code, long.json["outcome"]) == (0, "article"), long.err
        assert unkept(place, site) == []
    assert faults(place) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "code", "said", "target"),
    [
        pytest.param(
            "files",
            1,
            "no article: the server redirects to another address, which is not asked",
            "ftp://small.example/",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            "passwords",
            1,
            "no article: the server redirects to another address, which is not asked",
            "file:///etc/passwd",
            marks=pytest.mark.soak,
        ),
        (
            "inside",
            3,
            "which only --allow-private lets be asked; the server redirected to",
            "http://10.0.0.1:8081/admin",
        ),
        pytest.param(
            "astray",
            1,
            "no user name); the server redirected to",
            "http://user:secret@www.small.example/",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_a_redirect_to_what_is_never_asked_is_told_with_its_target(
    tmp_path: Path, name: str, code: int, said: str, target: str
) -> None:
    url, listed, out = f"http://{HOST}/{name}", tmp_path / "list", tmp_path / "out.csv"
    listed.write_text(url)
    with small_site(tmp_path, lambda host, path: ANSWERS.get((host, path))) as site:
        plain = presskeep("fetch", url, *site.options)
        assert (plain.code, plain.out) == (code, "")
        assert plain.err.endswith(f"{target}.\n")
        assert said in plain.err
        assert presskeep("fetch", url, "--json", *site.options).json["led_to"] == target
        assert presskeep("fetch", "--from", str(listed), "--out", str(out), *site.options).code == code
        assert target in out.read_text()
        # The control: what was followed leads to the article, and nothing is told of it.
        followed = presskeep("fetch", f"http://{HOST}/old", "--json", *site.options)
        assert (followed.code, followed.json["led_to"]) == (0, None)


@pytest.mark.long
def test_a_target_that_would_steer_the_terminal_is_told_in_one_short_line(tmp_path: Path) -> None:
    with small_site(tmp_path, lambda host, path: ANSWERS.get((host, path))) as site:
        ran = presskeep("fetch", f"http://{HOST}/steering", *site.options)
    assert (ran.code, ran.err.count("\n"), "\x1b" in ran.err) == (1, 1, False)
    assert "file:///" in ran.err
    assert len(ran.err) < 600


@pytest.mark.long
def test_without_save_a_redirect_leaves_nothing(place: Place, tmp_path: Path) -> None:
    with small_site(tmp_path, lambda host, path: ANSWERS.get((host, path))) as site:
        plain = presskeep("fetch", f"http://{HOST}/old", "--json", *place_options(place), *site.options)
        assert (plain.code, plain.json["final_url"]) == (0, ARTICLE)
        assert not place.folder.exists()
        assert fetch(place, site, f"http://{HOST}/old").code == 0
        assert place.folder.exists()


@pytest.mark.soak
@pytest.mark.long
def test_an_address_that_shows_its_own_page_later_keeps_its_own_text(place: Place, tmp_path: Path) -> None:
    """And one that redirected to nothing is told no more once it leads to an article."""
    table = dict(ANSWERS)
    with small_site(tmp_path, lambda host, path: table.get((host, path))) as site:
        assert fetch(place, site, f"http://{HOST}/old").code == 0
        table[HOST, "/old"] = article_page(7)
        own = fetch(place, site, f"http://{HOST}/old")
        assert own.code == 0, own.err
        assert "number 7" in presskeep("show", f"http://{HOST}/old", *place_options(place)).out
        history = presskeep("history", ARTICLE, "--json", *place_options(place)).json["observations"]
        assert [each["kind"] for each in history] == ["first"], "another page's text is no edit of this one's"
        assert fetch(place, site, f"http://{HOST}/gone").code == 1
        assert f"http://{HOST}/gone" in told(place)
        table[HOST, "/gone"] = redirect(article_path(1))
        assert fetch(place, site, f"http://{HOST}/gone").code == 0
        assert f"http://{HOST}/gone" not in told(place)
    assert faults(place) == []


@pytest.mark.soak
@pytest.mark.long
def test_what_is_known_as_something_else_is_saved_where_it_is_known(place: Place, tmp_path: Path) -> None:
    """A page saved before its site had a profile, a listing, a robots.txt."""
    with small_site(tmp_path, lambda host, path: ANSWERS.get((host, path))) as site:
        first = fetch(place, site, ARTICLE, f"http://{HOST}/robots.txt")
        key = first.out.split('"key":')[1].split('"')[1]
        again = fetch(place, site, ARTICLE, environment=site.environment)
        assert (again.code, again.json["key"]) == (0, key), again.err
        crawled = crawl_small(place, site)
        assert crawled.json["outlets"][0]["finished"], crawled.err
        home = fetch(place, site, f"http://{HOST}/", environment=site.environment)
        assert (home.code, home.json["outcome"].partition(":")[0]) == (1, "refused"), home.err
    shown = presskeep("show", key, "--json", *place_options(place)).json
    assert [each["outcome"] for each in shown["captures"]].count("article") >= 2
    assert faults(place) == []


@pytest.mark.long
def test_redirects_of_requisites_are_kept_too(place: Place, tmp_path: Path) -> None:
    with small_site(tmp_path, lambda host, path: ANSWERS.get((host, path))) as site:
        ran = fetch(place, site, ARTICLE, "--media")
        assert ran.code == 0, ran.err
        media = [each for each in kept(place) if each[0].endswith(".jpg")]
        assert sorted(media) == [
            (f"http://{OTHER}/photo.jpg", 200, "media", f"redirect:http://{HOST}/moved.jpg"),
            (f"http://{HOST}/around.jpg", 302, "refused:redirect", None),
            (f"http://{HOST}/moved.jpg", 302, "refused:redirect", None),
        ]
        assert unkept(place, site) == []
        with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
            failed = select(location.c.url, fetch_failure.c.reason, resource.c.kind).select_from(
                fetch_failure.join(location, location.c.id == fetch_failure.c.location).join(
                    resource, resource.c.id == location.c.resource
                )
            )
            assert connection.execute(failed).all() == [(f"http://{HOST}/around.jpg", "redirect-loop", "media")]
    assert told(place) == {}
    assert faults(place) == []


@pytest.mark.long
def test_one_way_holds_no_more_bytes_than_one_page_may(place: Place, tmp_path: Path) -> None:
    padding = b"x" * 60_000
    table = {
        (HOST, f"/hop/{step}"): Answer(padding, 302, headers={"Location": f"/hop/{step + 1}"}) for step in range(3)
    }
    table[HOST, "/hop/3"] = article_page(1)
    with small_site(tmp_path, lambda host, path: table.get((host, path))) as site:
        for most, outcome in ((150_000, "failed:too-large"), (300_000, "article")):
            bounds = {"PRESSKEEP_MAX_WIRE_BYTES": str(most)}
            assert fetch(place, site, f"http://{HOST}/hop/0", environment=bounds).json["outcome"] == outcome


@pytest.mark.soak
@pytest.mark.long
def test_a_url_without_scheme_goes_by_https_and_else_as_it_was_given(place: Place, tmp_path: Path) -> None:
    page = article_page(1).body
    redirects = {
        "http://plain.example/1": "https://plain.example/2",
        "https://astray.example/1": "https://nowhere.example:9/1",
        "https://round.example/1": "https://round.example/1",
    }
    pages = {f"http://{name}.example/{number}": page for name in ("plain", "astray", "round") for number in (1, 2)}
    with serving(pages, tmp_path, redirects=redirects) as server:
        for given, led in (
            ("plain.example/1", ["https://plain.example/1"]),
            ("http://plain.example/1", ["http://plain.example/1", "https://plain.example/2"]),
            ("astray.example/1", ["https://astray.example/1", "http://astray.example/1"]),
            ("round.example/1", ["https://round.example/1", "http://round.example/1"]),
        ):
            server.asked.clear()
            ran = presskeep("fetch", given, "--save", "--json", *place_options(place), *server.options)
            assert (ran.code, ran.json["outcome"], ran.json["final_url"]) == (0, "article", led[-1]), ran.err
            assert [url for url in server.asked if not url.endswith("/robots.txt")] == led
    assert [(url, status) for url, status, *_ in kept(place)] == [
        ("https://plain.example/1", 200),
        ("http://plain.example/1", 301),
        ("https://plain.example/2", 200),
        ("https://astray.example/1", 301),
        ("http://astray.example/1", 200),
        ("https://round.example/1", 301),
        ("http://round.example/1", 200),
    ]
    assert told(place) == {"https://nowhere.example:9/1": ["dns"], "https://round.example/1": ["redirect-loop"]}
    assert faults(place) == []


@pytest.mark.soak
@pytest.mark.long
def test_replay_follows_the_kept_redirect(place: Place, tmp_path: Path) -> None:
    twin = Place(tmp_path / "twin", None)
    with small_site(tmp_path, lambda host, path: ANSWERS.get((host, path))) as site:
        assert fetch(place, site, f"http://{HOST}/old").code == 0
        assert fetch(twin, site, f"http://{HOST}/old", program=broken(forget_redirects)).code == 0

    def replayed(archived: Place) -> bytes:
        with Archive.open(archived.folder, write=False) as archive, archive.read() as connection:
            row = connection.execute(
                select(warc_file.c.path, capture.c.offset)
                .join(warc_file, warc_file.c.id == capture.c.warc_file)
                .where(capture.c.outcome == "article")
            ).one()
        with replaying(archived.folder) as (base, _):
            address = replay_address(archived.folder / "warc", row.path, row.offset, base)
            assert address is not None
            asked = Request(address.replace(ARTICLE, f"http://{HOST}/old"))
            try:
                with OPENER.open(asked, timeout=20) as answer:
                    content: bytes = answer.read()
                    return content
            except OSError:
                return b""

    assert b"Article number 1 of the gazette" in replayed(place)
    assert replayed(twin) == b"", "what was not kept leads nowhere"
