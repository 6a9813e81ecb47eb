"""Every crawl leaves a report, and log lines name the crawl that they tell of."""

from __future__ import annotations

import json
import resource
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scraper.crawling.reports import CrawlReport, write_report
from storage.archive import Archive
from storage.crawls import hold_outlet
from storage.outlets import sync_outlet
from tests.crawling import place_options, presskeep
from tests.databases import Place
from tests.small_site import NOON, Answer, article_page, article_path, crawl_small, pages, section, small_site

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SITE = {
    "/": section(article_path(1), article_path(2), article_path(3)),
    article_path(1): article_page(1),
    article_path(2): article_page(2),
    article_path(3): Answer(b"<h1>No such page</h1>", status=404),
}


def reports(place: Place) -> list[dict[str, object]]:
    lines = place.folder.joinpath("reports", "2026-06.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.long
def test_a_crawl_appends_what_it_did(tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with small_site(tmp_path, pages(SITE)) as site:
        ran = crawl_small(place, site)
        again = crawl_small(place, site, now="2026-06-01T13:00:00Z")
    first, second = reports(place)
    assert [first] == ran.json["outlets"]
    assert [second] == again.json["outlets"]
    assert isinstance(first["crawl"], int)
    assert first["began_at"] == second["began_at"] or str(first["began_at"]) < str(second["began_at"])
    counts = first["counts"]
    assert isinstance(counts, dict)
    assert counts["fields"] == {
        "texts": 2, "authors": 0, "published": 2, "section": 0, "lead": 2, "tags": 0, "figures": 0
    }  # fmt: skip
    assert (first["finished"], first["error"]) == (True, None)
    assert 0 < float(str(first["seconds"])) < 600
    crawls = presskeep("status", "--json", *place_options(place)).json["crawls"]
    assert len(crawls) == 2


@pytest.mark.long
def test_what_could_not_begin_leaves_none(tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with Archive.open(place.folder, create=True) as archive, archive.begin() as connection:
        outlet = sync_outlet(connection, "small", "profile", [], NOW)
        hold_outlet(connection, outlet, "host 1 another")
        with small_site(tmp_path, pages(SITE)) as site:
            connection.commit()
            ran = crawl_small(place, site)
    assert ran.code == 4
    assert ran.json["outlets"][0]["crawl"] is None
    assert not place.folder.joinpath("reports").exists()


@pytest.mark.long
@pytest.mark.parametrize("form", ["json", "text", "xml"])
def test_log_lines_are_objects_that_name_their_crawl(tmp_path: Path, form: str) -> None:
    place = Place(tmp_path / "archive", None)
    with small_site(tmp_path, pages(SITE)) as site:
        ran = presskeep(
            "crawl", "small", "--json", *place_options(place), *site.options, now=NOON,
            environment={**site.environment, "PRESSKEEP_LOG_FORMAT": form, "PRESSKEEP_LOG_LEVEL": "INFO"},
        )  # fmt: skip
    if form == "xml":
        assert (ran.code, "It is text or json." in ran.err) == (2, True)
        return
    if form == "text":
        assert "INFO scrapy" in ran.err
        return
    lines = [json.loads(line) for line in ran.err.splitlines()]
    assert all(each.keys() == {"at", "level", "logger", "message", "crawl"} for each in lines)
    assert {each["crawl"] for each in lines} == {None, ran.json["outlets"][0]["crawl"]}


SAYING = """
import logging, pathlib
from scraper.cli.logs import start_logging
from scraper.cli.running import run
from scraper.cli.printing import write_error
from scraper.config import Config
start_logging(Config(pathlib.Path("."), log_format={form!r}))
write_error("small: 7 pages")
logging.getLogger("crawl").warning("slow\\nhost")
raise SystemExit(run(["show"]))
"""


def test_what_a_command_says_itself_has_the_form_of_its_log_lines() -> None:
    text, told = (presskeep(program=("-c", SAYING.format(form=form))) for form in ("text", "json"))
    assert (text.code, told.code) == (2, 2)
    pages, slow, error = text.err.splitlines()
    assert (pages, slow, error.startswith("presskeep: ")) == ("small: 7 pages", "WARNING crawl: slow host", True)
    lines = [json.loads(line) for line in told.err.splitlines()]
    assert [(each["level"], each["logger"], each["message"]) for each in lines] == [
        ("INFO", "presskeep", "small: 7 pages"),
        ("WARNING", "crawl", "slow\nhost"),
        ("ERROR", "presskeep", error.removeprefix("presskeep: ")),
    ]


def test_a_report_without_room_leaves_no_half_of_it(tmp_path: Path) -> None:
    report = CrawlReport("small", True, {"pages": 1}, crawl=7, began_at=NOW, ended_at=NOW)
    write_report(tmp_path, report)
    file = tmp_path / "reports" / "2026-06.jsonl"
    whole = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 20, hard))
    try:
        with (tmp_path / "other").open("wb", buffering=0) as other:
            assert other.write(2 * whole) < 2 * len(whole), "the control: a part is written"
        write_report(tmp_path, report)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == whole
    write_report(tmp_path, report)
    assert file.read_bytes() == 2 * whole
