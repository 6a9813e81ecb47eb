"""What the options of `crawl` ask for, each twice; and the checkout as Scrapy's own commands see it."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.crawling import ROOT, Ran, look, place_options, presskeep
from tests.databases import Place
from tests.dated_site import DATED, DatedSite, asked
from tests.small_site import (
    HOST,
    PROFILE,
    Answer,
    SmallSite,
    article_page,
    article_path,
    crawl_small,
    pages,
    section,
    sitemap,
    sitemap_index,
    small_site,
)
from tests.tiers import in_soak

DAYS = ("2026/05/28", "2026/05/29", "2026/05/30")
OTHER = "www.tiny.example"
NEXT_WEEK = "2026-06-08T12:00:00Z"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "archive", None)


def two_pages() -> dict[str, Answer]:
    """Two articles of each of three days, on two pages of a section."""
    paths = [article_path(2 * index + n, day) for index, day in enumerate(DAYS) for n in (1, 2)]
    table = {path: article_page(number) for number, path in enumerate(paths, 1)}
    return table | {"/": section(*paths[3:], following="/page/2"), "/page/2": section(*paths[:3])}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SmallSite]:
    with small_site(tmp_path, pages(two_pages())) as running:
        yield running


def ask(place: Place, site: SmallSite, *options: str, hour: int = 8) -> list[str]:
    """Crawl at an hour of 1 June, and give the paths asked for."""
    ran = crawl_small(place, site, "--domain", HOST, *options, now=f"2026-06-01T{hour:02}:00:00Z")
    assert ran.code == 0, ran.err
    return [path for _, path in site.new_requests()]


def articles(asked: list[str]) -> list[int]:
    """The numbers of the articles asked for."""
    return sorted(int(path[-1]) for path in asked if path.startswith("/news/"))


@pytest.mark.long
def test_a_limit_bounds_the_articles_of_each_run_and_the_next_goes_on(place: Place, site: SmallSite) -> None:
    first = articles(ask(place, site, "--limit", "2"))
    second = articles(ask(place, site, "--limit", "2", hour=9))
    assert (len(first), len(second)) == (2, 2)
    rest = articles(ask(place, site, hour=10))
    assert sorted(first + second + rest) == [1, 2, 3, 4, 5, 6], "without a limit the rest is asked for: it was there"


@pytest.mark.long
def test_days_of_publication_bound_what_is_asked_for(place: Place, site: SmallSite) -> None:
    days = ("--since", "2026-05-29", "--until", "2026-05-29")
    assert articles(ask(place, site, *days)) == [3, 4]
    assert articles(ask(place, site, *days, hour=9)) == []
    assert articles(ask(place, site, "--since", "2026-05-29", hour=10)) == [5, 6]
    # Pages that were passed over are read where all on the page before is known: with --full.
    assert articles(ask(place, site, "--full", hour=11)) == [1, 2], "without the days the others are there"


OTHER_EDITION = PROFILE.replace(
    "[[articles]]",
    '[[domains]]\nhost = "fr.small.example"\nrole = "edition"\nedition = "fr"\nscheme = "http"\n\n[[articles]]',
    1,
)


@pytest.mark.long
@pytest.mark.parametrize("limit", [(), ("--limit", "2")], ids=["all", "two"])
def test_however_much_is_due_that_cannot_be_asked_for_the_rest_is_asked_for(
    tmp_path: Path, limit: tuple[str, ...]
) -> None:
    theirs = [f"http://fr.small.example{article_path(number, '2026/05/31')}" for number in range(100, 400)]
    table = {"/": section(*theirs, article_path(1), article_path(2))}
    table |= {article_path(number): article_page(number) for number in (1, 2)}
    with small_site(tmp_path, pages(table), OTHER_EDITION) as site:
        ran = crawl_small(Place(tmp_path / "archive", None), site, "--domain", HOST, *limit)
        asked = [path for _, path in site.new_requests()]
    assert articles(asked) == [1, 2]
    assert ran.json["outlets"][0]["finished"], ran.err
    assert ran.json["outlets"][0]["counts"]["failures"] == {"no-domain": 300}


UNDATED = (
    PROFILE.replace("/(?P<year>\\d{4})/(?P<month>\\d{2})/(?P<day>\\d{2})", "").replace("/news/2026/05/30/1", "/news/1")
    + '[[discovery]]\nway = "feed"\nstart = ["/feed.xml"]\n'
)


@pytest.mark.long
def test_days_that_listings_state_bound_what_is_asked_for_where_no_address_tells_one(tmp_path: Path) -> None:
    def urls(*numbers: int) -> list[str]:
        return [f"http://{HOST}/news/{number}" for number in numbers]

    published = {5: "30 May 2026 09:00:00 GMT", 6: "29 May 2026 09:00:00 GMT", 7: "27 May 2026 09:00:00 GMT"}
    entries = "".join(f"<item><link>{urls(n)[0]}</link><pubDate>{at}</pubDate></item>" for n, at in published.items())
    table = {
        "/": section("/news/1"),
        "/sitemap.xml": sitemap_index(f"http://{HOST}/old.xml", f"http://{HOST}/new.xml"),
        "/old.xml": sitemap(*urls(2, 3), lastmod="2026-05-28"),
        "/new.xml": sitemap(*urls(4), lastmod="2026-05-30"),
        "/feed.xml": Answer(f'<rss version="2.0"><channel>{entries}</channel></rss>'.encode(), content_type="text/xml"),
    }
    table |= {f"/news/{number}": article_page(number) for number in range(1, 8)}
    with small_site(tmp_path, pages(table), UNDATED) as site:
        asked = {
            days: articles(ask(Place(tmp_path / f"{number}", None), site, *days))
            for number, days in enumerate([(), ("--since", "2026-05-29"), ("--until", "2026-05-29")])
        }
    assert asked[()] == [1, 2, 3, 4, 5, 6, 7]
    assert asked["--since", "2026-05-29"] == [1, 4, 5, 6], "of the first nothing is stated"
    assert asked["--until", "2026-05-29"] == [1, 2, 3, 4, 6, 7], "the fourth was changed later, whenever published"


@pytest.mark.long
def test_an_archive_by_date_is_read_back_to_the_first_day_that_is_wanted(tmp_path: Path) -> None:
    gazette = DatedSite({n + 1: date(2026, 5, 10 + n) for n in range(10)})
    with small_site(tmp_path, gazette.answer, DATED) as site:
        listed = {}
        for since in ("2026-05-17", "2026-01-01"):
            crawl_small(Place(tmp_path / since, None), site, "--since", since)
            listed[since] = asked(site)
    assert set(listed["2026-05-17"][0]) == {8, 9, 10}
    assert min(listed["2026-05-17"][1]) == "2026-05-16 1", "four days at once, as the listing behind it was empty"
    assert min(listed["2026-01-01"][1]) < "2026-05-10", "the control: there is more before it"


@pytest.mark.long
def test_a_crawl_through_a_proxy_that_is_not_there_reaches_nothing(place: Place) -> None:
    """The hosts are public ones here: a host that is mapped takes no proxy."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    options = ["--proxy", f"http://127.0.0.1:{port}", "--contact", "you@example.org", "--json"]
    ran = presskeep("crawl", "demo", *options, *place_options(place))
    assert ran.code == 3, ran.err
    assert "none of its hosts could be reached" in ran.err
    assert ran.json["outlets"][0]["counts"]["failures"]["proxy"] > 0


@pytest.mark.soak
@pytest.mark.long
def test_full_reads_listings_to_their_end_each_time(place: Place, site: SmallSite) -> None:
    assert "/page/2" in ask(place, site)
    assert "/page/2" not in ask(place, site, hour=9), "nothing new on the first page"
    for hour in (10, 11):
        asked = ask(place, site, "--full", hour=hour)
        assert [asked.count(path) for path in ("/", "/page/2")] == [1, 1]
        assert articles(asked) == []


def contents(folder: Path) -> dict[str, str]:
    """The files of a folder, by name, with the digests of what they hold."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in (".db-shm", ".db-wal"))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.soak
@pytest.mark.long
def test_a_dry_run_asks_nothing_and_writes_nothing(place: Place, site: SmallSite) -> None:
    def plan() -> dict[str, Any]:
        ran = crawl_small(place, site, "--dry-run", now=NEXT_WEEK)
        assert ran.code == 0, ran.err
        (planned,) = ran.json["planned"]
        return {name: planned[name] for name in ("outlet", "listings", "due")}

    assert plan()["due"] == plan()["due"] == {}
    assert not place.folder.exists()
    assert site.new_requests() == []
    crawled = ask(place, site)
    assert crawled
    before = contents(place.folder)
    planned = plan()
    assert plan() == planned
    assert planned["due"]["article"] == 6
    assert sum(planned["listings"].values()) == 4
    assert site.new_requests() == []
    assert contents(place.folder) == before
    # The checks see a run that is none.
    assert crawl_small(place, site, "--domain", HOST, now=NEXT_WEEK).code == 0
    assert len(articles([path for _, path in site.new_requests()])) == 6
    assert contents(place.folder) != before


def with_second_outlet(site: SmallSite, folder: Path) -> Callable[..., Ran]:
    """A command that knows two outlets and no others; 'presstv' is made a hidden one of no account."""
    profiles = folder / "profiles"
    profiles.mkdir()
    shown = PROFILE.replace("hidden = true\n", "")
    (profiles / "small.toml").write_text(shown)
    (profiles / "tiny.toml").write_text(shown.replace('name = "small"', 'name = "tiny"').replace(HOST, OTHER))
    (profiles / "presstv.toml").write_text(PROFILE.replace('name = "small"', 'name = "presstv"'))
    environment = {"PRESSKEEP_PROFILES": str(profiles), "XDG_CONFIG_HOME": str(folder / "none")}

    def run(place: Place, *arguments: str, now: str = NEXT_WEEK) -> Ran:
        return presskeep(
            "crawl", *arguments, "--json", *place_options(place), *site.options, now=now, environment=environment
        )

    return run


def answer_both(host: str, path: str) -> Answer | None:
    """Two outlets with one article each, whose keys are the same number."""
    table = {HOST: {"/": section(article_path(1)), article_path(1): article_page(1)}}
    table[OTHER] = {"/": section(article_path(1)), article_path(1): article_page(1, "The tiny one's own text.")}
    return table.get(host, {}).get(path)


@pytest.mark.long
@pytest.mark.parametrize("named", [in_soak(["small", "tiny"], id="named"), pytest.param(["--all"], id="all")])
def test_several_outlets_are_crawled_by_one_command(tmp_path: Path, named: list[str]) -> None:
    place = Place(tmp_path / "archive", None)
    with small_site(tmp_path, answer_both) as site:
        run = with_second_outlet(site, tmp_path)
        first, second = run(place, *named, now="2026-06-01T12:00:00Z"), run(place, *named, now="2026-06-01T14:00:00Z")
        asked = site.new_requests()
    for ran in (first, second):
        assert ran.code == 0, ran.err
        assert [each["outlet"] for each in ran.json["outlets"]] == ["small", "tiny"]
        assert all(each["finished"] for each in ran.json["outlets"])
    assert [each["counts"]["new"] for each in first.json["outlets"]] == [1, 1]
    assert [each["counts"]["articles"] for each in second.json["outlets"]] == [0, 0]
    assert [host for host, path in asked if path == article_path(1) and host in (HOST, OTHER)] == [HOST, OTHER]
    assert look(place).revisions == 2, "one article of each outlet, though their keys are the same"
    (tmp_path / "profiles" / "tiny.toml").unlink()
    assert "tiny" not in run(place, "--all", "--dry-run").out, "the check would see an outlet too few"


WATCH = """
import sys
import scrapy, sqlite3, socket
seen = []
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        name, mode = arguments[0], arguments[1] or "r"
        if name.endswith((".toml", ".db", ".gz")) or any(letter in mode for letter in "wax+"):
            seen.append([event, name])
    elif event.startswith(("socket.connect", "socket.getaddrinfo", "socket.bind", "sqlite3.connect", "os.mkdir")):
        seen.append([event, str(arguments)])
sys.dont_write_bytecode = True
sys.addaudithook(hook)
"""
IMPORTS = """
import spiders.settings, spiders.loader, spiders.outlet_spider, spiders.ways
from scrapy.utils.project import get_project_settings
loader = spiders.loader.OutletSpiderLoader.from_settings(get_project_settings())
"""
REPORT = "\nimport json\nprint(json.dumps(seen))\n"


def variables(folder: Path, **more: str) -> Mapping[str, str]:
    """An environment in which nothing of the user's is found, or would be missed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PRESSKEEP_")}
    homes = {name: str(folder / name) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    return {**kept, **homes, "PYTHONPATH": str(ROOT), **more}


def run_python(folder: Path, *arguments: str, **more: str) -> Ran:
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=variables(folder, **more),
        timeout=120,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def watched(folder: Path, code: str) -> list[list[str]]:
    """What a piece of Python opened for writing, or of ours, and whom it called."""
    ran = run_python(folder, "-c", WATCH + code + REPORT)
    assert ran.code == 0, ran.err
    seen: list[list[str]] = json.loads(ran.out)
    return [each for each in seen if "config.toml" not in each[1]]


@pytest.mark.long
def test_importing_spiders_opens_nothing(tmp_path: Path) -> None:
    assert watched(tmp_path, IMPORTS) == []
    assert list(tmp_path.iterdir()) == []
    # Asked for, the profiles are read: the check would see them, and a file, a database, a name that is looked up.
    events = watched(
        tmp_path,
        IMPORTS + "loader.list()\nopen('/dev/null', 'w')\nsqlite3.connect(':memory:')\n"
        "socket.getaddrinfo('127.0.0.1', 80)\n",
    )
    assert [name for _, name in events if name.endswith("presstv.toml")]
    assert {"open", "sqlite3.connect", "socket.getaddrinfo"} <= {event for event, _ in events}


@pytest.mark.soak
@pytest.mark.long
def test_scrapys_own_commands_work_in_the_checkout(tmp_path: Path, site: SmallSite) -> None:
    listed = run_python(tmp_path, "-m", "scrapy", "list")
    assert (listed.code, listed.out.split()) == (0, ["cnbc", "demo", "euronews", "inews", "presstv"])
    assert listed.err == ""
    checked = run_python(tmp_path, "-m", "scrapy", "check")
    assert checked.code == 0, checked.err
    assert "OK" in checked.err
    url = f"http://{HOST}{article_path(1, DAYS[0])}"
    shown = run_python(
        tmp_path, "-m", "scrapy", "shell", "--nolog", url, "-c", "response.css('h1::text').get()",
        PRESSKEEP_CONNECT_TO=site.connect_to[0],
    )  # fmt: skip
    assert shown.out.strip() == "Article number 1 of the gazette", shown.err
    refused = run_python(tmp_path, "-m", "scrapy", "shell", "--nolog", "http://127.0.0.1:1/", "-c", "response")
    assert "None" in refused.out + refused.err or refused.code != 0, "private addresses are refused here as well"
    assert list(tmp_path.rglob("archive.db")) == []
