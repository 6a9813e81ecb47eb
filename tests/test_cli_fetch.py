"""What `fetch` says of pages: why there is no article, how fields were found, and days as days."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crawling import ROOT, Ran, presskeep
from tests.keeping import PRIMARY
from tests.page_server import PageServer, serving
from tests.rereading import PROFILE, WITHOUT_NOTES, page

SITE = "http://gazette.example"
TEXT = "".join(
    f"<p>The harbour council spoke of the ferry on day {day}, and of its cost to the town.</p>" for day in range(9)
)


def article(head: str) -> bytes:
    return (
        f'<!DOCTYPE html><html lang="en"><head><title>Council speaks of ferry</title>{head}</head><body>'
        f"<article><h1>Council speaks of ferry</h1>{TEXT}</article></body></html>"
    ).encode()


DAY_ALONE = '<meta property="article:published_time" content="2024-05-06">'
TO_THE_MINUTE = '<meta property="article:published_time" content="2024-05-06T23:30+03:30">'
STATED = (
    '<meta property="og:title" content="Council speaks of ferry">'
    '<script type="application/ld+json">{"@type": "NewsArticle", "datePublished": "2024-05-06T08:00:00Z",'
    ' "author": {"@type": "Person", "name": "Ada Berg"}}</script>'
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    pages = {
        f"{SITE}/day": article(DAY_ALONE),
        f"{SITE}/minute": article(TO_THE_MINUTE),
        f"{SITE}/stated": article(STATED),
        f"{SITE}/empty": b"<html><body></body></html>",
        f"{SITE}/short": b"<html><body><p>Nothing much.</p></body></html>",
    }
    with serving(pages, tmp_path_factory.mktemp("pages")) as server:
        yield server


def fetch(server: PageServer, *arguments: str) -> Ran:
    return presskeep("fetch", *server.options, *arguments)


@pytest.mark.long
@pytest.mark.parametrize(
    ("page", "code", "said"),
    [
        ("/missing", 1, "no article: the server answered 404 Not Found."),
        ("/short", 1, "no article: the page's text is too short for an article. --any takes it all the same."),
        pytest.param("/empty", 1, "no article: the page holds no text.", marks=pytest.mark.soak),
    ],
)
def test_a_page_that_is_no_article_gets_a_sentence_and_json_the_code(
    server: PageServer, page: str, code: int, said: str
) -> None:
    ran = fetch(server, SITE + page)
    assert (ran.code, ran.out, ran.err) == (code, "", f"presskeep: {SITE}{page}: {said}\n")
    assert fetch(server, SITE + page, "--json").json["outcome"].startswith("refused:")


def test_a_host_that_is_not_known_is_told_in_words() -> None:
    ran = presskeep("fetch", "http://nowhere.invalid/1")
    assert ran.code == 3
    assert "could not be fetched or read: the host's name is not known (DNS)" in ran.err


@pytest.mark.long
def test_several_pages_are_counted_in_words(server: PageServer) -> None:
    ran = fetch(server, *(SITE + page for page in ("/day", "/missing", "/missing?2", "/short")))
    assert ran.code == 1
    *_, first, second, third = ran.err.splitlines()
    assert first == "1 of 4 pages read as articles"
    assert second == "  2: the server answered 404 Not Found"
    assert third == "  1: the page's text is too short for an article"


@pytest.mark.long
def test_a_sheet_tells_days_as_days_and_says_why_not(server: PageServer, tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text(f"name,url\nday,{SITE}/day\nminute,{SITE}/minute\nmissing,{SITE}/missing\nwrong,htp://x\nnone,\n")
    ran = fetch(server, "--from", str(listed), "--out", str(tmp_path / "out.csv"))
    assert ran.code == 1, ran.err
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    assert rows["day"]["published"] == "2024-05-06"
    assert rows["minute"]["published"] == "2024-05-06T23:30:00+03:30"
    assert (rows["day"]["outcome"], rows["day"]["why_not"]) == ("article", "")
    assert (rows["missing"]["outcome"], rows["missing"]["why_not"]) == (
        "refused:status-404",
        "the server answered 404 Not Found",
    )
    assert rows["wrong"]["why_not"].startswith("this is no URL of a page")
    assert rows["none"]["why_not"] == "the row names no URL"


@pytest.mark.soak
@pytest.mark.long
def test_each_field_says_in_words_how_it_was_found(server: PageServer) -> None:
    told = dict(
        line.split(maxsplit=1)
        for line in fetch(server, f"{SITE}/stated", "--why").out.split("profile rules:")[1].splitlines()[1:]
    )
    assert told["headline"] == "meta property og:title"
    assert told["authors"] == told["published"] == "JSON-LD"
    assert told["language"] == "the words of the text"
    by_meta = fetch(server, f"{SITE}/day", "--why").out
    assert "meta property article:published_time" in by_meta
    assert fetch(server, f"{SITE}/stated", "--json").json["article"]["found"]["headline"] == "og:title"


@pytest.mark.soak
@pytest.mark.long
def test_what_fetch_saves_has_its_day_of_publication_everywhere(server: PageServer, tmp_path: Path) -> None:
    place = ("--archive", str(tmp_path / "archive"))
    assert fetch(server, f"{SITE}/day", f"{SITE}/minute", "--save", *place).code == 0
    (outlet,) = json.loads(presskeep("status", "--json", *place).out)["outlets"]
    assert (outlet["first_day"], outlet["last_day"]) == ("2024-05-06", "2024-05-06")
    assert "2024-05-06 to 2024-05-06" in presskeep("status", *place).out
    hits = presskeep("search", "ferry", "--json", *place).json["hits"]
    precise = {hit["url"]: (hit["published_day"], hit["published_precision"]) for hit in hits}
    assert precise == {f"{SITE}/day": ("2024-05-06", "day"), f"{SITE}/minute": ("2024-05-06", "minute")}
    assert presskeep("search", "ferry from:2024-05-06 to:2024-05-06", "--json", *place).json["total"] == 2
    assert presskeep("search", "ferry from:2024-05-07", "--json", *place).json["total"] == 0
    shown = presskeep("show", f"{SITE}/day", *place).out
    assert "published 2024-05-06\n" in shown
    published = presskeep("show", f"{SITE}/day", "--json", *place).json["article"]["published"]
    assert (published["precision"], published["day"]) == ("day", "2024-05-06")


@pytest.mark.soak
@pytest.mark.long
def test_a_page_saved_again_under_another_profile_is_read_anew_and_not_edited(tmp_path: Path) -> None:
    place, profiles = ("--archive", str(tmp_path / "archive")), tmp_path / "profiles"
    environment = {"PRESSKEEP_PROFILES": str(profiles)}
    profiles.mkdir()
    noted, fallen = page("The bridge stands.", note="A note."), page("The bridge fell.")

    def save(profile: str, content: bytes) -> list[tuple[str, int]]:
        (profiles / "demo.toml").write_text(profile)
        url = f"http://{PRIMARY}/detail/1"
        with serving({url: content}, tmp_path) as server:
            saved = presskeep("fetch", url, "--save", *place, *server.options, environment=environment)
        assert saved.code == 0, saved.err
        told = presskeep("history", "demo:1", "--json", *place).json["observations"]
        return [(each["kind"], each["number"]) for each in told]

    assert save(PROFILE, noted) == [("first", 1)]
    reread = [("first", 1), ("reread", 2), ("same", 2)]
    assert save(WITHOUT_NOTES, noted) == reread
    assert save(WITHOUT_NOTES, fallen) == [*reread, ("edit", 3)]
    again = presskeep("reextract", *place, environment=environment)
    assert (again.code, "read every page already" in again.out) == (0, True), again.out + again.err


def test_without_the_driver_of_postgresql_the_line_to_install_it_is_given(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    (hidden / "psycopg").mkdir(parents=True)
    (hidden / "psycopg" / "__init__.py").write_text("raise ImportError('no psycopg here')\n", encoding="utf-8")
    environment = {"PYTHONPATH": f"{hidden}:{Path(__file__).parents[1]}"}
    ran = presskeep("status", "--database", "postgresql://here.invalid/x", environment=environment)
    assert (ran.code, ran.out) == (2, "")
    assert "pip install 'presskeep[postgres]'" in ran.err


@pytest.mark.soak
@pytest.mark.long
def test_a_reader_who_leaves_ends_the_fetch_without_a_word(tmp_path: Path) -> None:
    pages = {f"{SITE}/{number}": article(STATED) for number in range(6)}
    with serving(pages, tmp_path) as server:
        asked = " ".join(shlex.quote(each) for each in (*pages, "--json", *server.options))
        command = f"{shlex.quote(sys.executable)} -m scraper.cli fetch {asked}"
        at_once = {**os.environ, "PRESSKEEP_NOW": "leap:2026-06-01T12:00:00Z"}
        gone, heard = (
            subprocess.run(line, shell=True, cwd=ROOT, env=at_once, capture_output=True, text=True, timeout=60)
            for line in (f"{command} | true", command)
        )
    assert gone.stderr == ""
    assert len(heard.stdout.splitlines()) == 6
