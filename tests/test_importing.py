"""What others archived comes into the archive once, as of its own day, whatever happens on the way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from scraper.cli.sheets import read_list
from scraper.config import Config
from scraper.errors import UsageError
from scraper.importing.reporting import ImportReport
from scraper.importing.run import import_sources
from scraper.outlet import Outlet
from scraper.profiles import SHIPPED, load_outlet
from storage.archive import Archive
from storage.captures import capture_at, read_capture
from storage.crawls import end_crawl, free_outlet
from storage.errors import ArchiveDamaged
from storage.fixity.checking import check as fixity_of
from storage.history import history
from storage.models import article, capture, crawl, location, metadata, resource, revision, warc_file
from storage.warc import open_warc
from tests.crawling import presskeep
from tests.databases import Place, place_of
from tests.foreign import all_packed, each_packed, http, record, wacz
from tests.keeping import HOUR, T0, working
from tests.presstv_site import Piece, page_of

PRESSTV = {"presstv": load_outlet(SHIPPED / "presstv.toml")}
WARC_DATA = Path(__file__).parents[2] / "shared" / "data" / "warc"
WORDS = (
    "The council met on Monday and agreed on a new plan for the northern harbour, officials said after the session.",
    "Work begins in spring; the harbour stays open to fishing boats all the while, according to the same officials.",
    "Residents had asked for a longer quay, which the plan does not foresee before the second year of the works.",
)
HTML = "Content-Type: text/html; charset=utf-8"
ONE = Piece("Council agrees on harbour plan", ("Politics",), datetime(2019, 5, 6, 7, tzinfo=UTC), WORDS, key=595_001)


def url_of(piece: Piece = ONE, host: str = "www.presstv.ir") -> str:
    return f"https://{host}{piece.path}"


def page(piece: Piece = ONE, *more: str) -> bytes:
    """An article's page; `more` paragraphs make another text."""
    written = Piece(piece.headline, piece.section, piece.at, (*piece.body, *more), key=piece.key)
    return page_of(written, "later", 7).encode()


def shown(day: str, *more: str, piece: Piece = ONE, **fields: str) -> bytes:
    """A record of an article's page as it was on a day."""
    return record(block=http(page(piece, *more)), uri=url_of(piece), date=f"{day}T10:00:00Z", **fields)


def write(place: Path, *records: bytes) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(each_packed(records))
    return place


def take_in(
    place: Place, *paths: Path, outlets: Mapping[str, Outlet] = PRESSTV, any_host: bool = False, link: bool = False
) -> ImportReport:
    """Import files, in this process."""
    config = Config(archive=place.folder, database=place.database, workers=2)

    def urls(file: Path) -> Sequence[str]:
        return read_list(file).urls

    report = import_sources(config, paths, outlets, urls, any_host=any_host, link=link)
    assert report.error is None
    assert report.finished
    return report


def count(archive: Archive, name: str) -> int:
    with archive.read() as connection:
        number: int = connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one()
        return number


def captures(archive: Archive) -> list[Any]:
    with archive.read() as connection:
        return list(connection.execute(select(capture).order_by(capture.c.at, capture.c.id)))


def check(archive: Archive) -> None:
    """Every capture's bytes are those that its digests name, and read back to its payload."""
    with archive.read() as connection:
        for row in connection.execute(select(capture)).all():
            place = capture_at(connection, row.id)
            exchange = read_capture(archive.folder, place)
            assert hashlib.sha256(exchange.payload).hexdigest() == row.payload_sha256
            assert exchange.status == row.status
            with open_warc(archive.warc_folder, place.warc_path) as file:
                file.seek(row.offset)
                assert hashlib.sha256(file.read(row.length)).hexdigest() == row.member_sha256
        for row in connection.execute(select(crawl)).all():
            assert (row.kind, row.outcome) == ("import", "finished")
            assert row.manifest_digest


def test_an_older_text_imported_later_is_history_and_not_current(archive: Archive, tmp_path: Path) -> None:
    place = place_of(archive)
    take_in(place, write(tmp_path / "new.warc.gz", shown("2021-03-04", "It was corrected since.")))
    take_in(place, write(tmp_path / "old.warc.gz", shown("2019-05-06"), shown("2020-05-06")))
    check(archive)
    with archive.read() as connection:
        row = connection.execute(select(article)).one()
        current = connection.execute(select(revision).where(revision.c.id == row.current_revision)).one()
        seen = history(connection, row.id)
        where = connection.execute(select(location)).one()
        known = connection.execute(select(resource)).one()
    assert "It was corrected since." in current.body
    assert [(each.kind, each.at.year, each.number) for each in seen] == [
        ("first", 2019, 1), ("same", 2020, 1), ("edit", 2021, 2),
    ]  # fmt: skip
    assert (row.first_at.year, where.how, where.fetched_at.year) == (2019, "imported", 2021)
    assert (known.kind, known.key, known.due_at, known.outcome) == ("article", "595001", None, "article")
    assert {each.source for each in captures(archive)} == {"import"}
    assert {Path(each.origin).name for each in captures(archive)} == {"new.warc.gz", "old.warc.gz"}


def test_a_notice_imported_later_says_nothing_of_today(archive: Archive, tmp_path: Path) -> None:
    place = place_of(archive)
    take_in(place, write(tmp_path / "new.warc.gz", shown("2021-03-04")))
    seized = (
        b"<html><title>Seized</title><body><h1>This website has been seized</h1><p>by the U.S. Government</p></body>"
    )
    other = Piece("Another one of them", ("Politics",), ONE.at, WORDS, key=595_002)
    old = write(
        tmp_path / "old.warc.gz",
        record(block=http(seized), uri=url_of(), date="2020-01-01T00:00:00Z"),
        record(block=http(b"gone", status="HTTP/1.1 404 Not Found"), uri=url_of(), date="2020-01-02T00:00:00Z"),
        record(block=http(seized), uri=url_of(other), date="2020-01-01T00:00:00Z"),
        record(block=http(b"<html>section</html>"), uri="https://www.presstv.ir/Section/10101"),
        record(block=http(b"\x89PNG", "Content-Type: image/png"), uri="https://www.presstv.ir/a.png"),
        record("request", b"GET / HTTP/1.1\r\n\r\n", url_of()),
    )
    report = take_in(place, old)
    check(archive)
    assert (report.tally.articles, report.files[0].records, report.files[0].captures) == (0, 6, 3)
    assert sorted(each.outcome for each in captures(archive)) == ["article", "notice", "notice", "refused:status-404"]
    assert count(archive, "revision") == 1
    with archive.read() as connection:
        rows = {row.key: row for row in connection.execute(select(resource))}
    assert (rows["595001"].outcome, rows["595001"].due_at) == ("article", None)
    assert rows["595002"].outcome == "notice"
    assert rows["595002"].due_at is not None, "a crawl shall ask for what the import did not bring"


def test_files_are_copied_as_they_are_and_only_once(sqlite_archive: Archive, tmp_path: Path) -> None:
    place = place_of(sqlite_archive)
    first = write(tmp_path / "a" / "crawl.warc.gz", shown("2019-05-06"))
    again = write(tmp_path / "b" / "renamed.warc.gz", shown("2019-05-06"))
    other = write(tmp_path / "b" / "crawl.warc.gz", shown("2020-05-06"))
    odd = write(tmp_path / "b" / "-..#\n odd\x1b name .warc.gz", shown("2021-05-06"))
    report = take_in(place, first, again, other, odd)
    assert sorted(each.outcome for each in report.files[:2]) == ["imported", "known"], "two at a time"
    assert [each.outcome for each in report.files[2:]] == ["imported", "imported"]
    folder = sqlite_archive.warc_folder / "imported"
    names = sorted(each.name for each in folder.iterdir())
    assert len(names) == 3
    assert all(name.replace("-", "").replace(".", "").replace("_", "").isalnum() for name in names)
    contents = {each.read_bytes() for each in folder.iterdir()}
    assert contents == {each.read_bytes() for each in (first, other, odd)}
    before = count(sqlite_archive, "capture"), count(sqlite_archive, "extraction"), count(sqlite_archive, "location")
    report = take_in(place, odd, first, again, other)
    assert {each.outcome for each in report.files} == {"known"}
    assert before == (3, 3, 1)
    assert before == tuple(count(sqlite_archive, name) for name in ("capture", "extraction", "location"))
    check(sqlite_archive)


def test_linked_files_stay_where_they_are(archive: Archive, tmp_path: Path) -> None:
    there = write(tmp_path / "elsewhere" / "crawl.warc.gz", shown("2019-05-06"))
    unfit = write(tmp_path / "elsewhere" / "no#1.warc.gz", shown("2020-05-06"))
    report = take_in(place_of(archive), there, unfit, link=True)
    assert [each.outcome for each in report.files] == ["imported", "refused"]
    assert not (archive.warc_folder / "imported").exists()
    with archive.read() as connection:
        row = connection.execute(select(warc_file)).one()
    assert (row.store, row.path, row.state) == (str(there.parent), there.name, "imported")
    assert row.sha256 == hashlib.sha256(there.read_bytes()).hexdigest()
    check(archive)
    write(there, shown("2022-05-06"))
    assert take_in(place_of(archive), there, link=True).files[0].outcome == "refused"
    with pytest.raises((AssertionError, ArchiveDamaged)):
        check(archive)


def revisit(day: str, first: str, **fields: str) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    digest = "sha1:" + hashlib.sha1(page(), usedforsecurity=False).hexdigest()
    values = {
        "WARC_Refers_To_Target_URI": url_of(),
        "WARC_Refers_To_Date": f"{first}T10:00:00Z",
        "WARC_Payload_Digest": digest,
    } | fields
    return record(
        "revisit", block, url_of(), date=f"{day}T10:00:00Z",
        WARC_Profile="http://netpreserve.org/warc/1.1/revisit/identical-payload-digest", **values,
    )  # fmt: skip


def test_a_revisit_shows_the_payload_that_it_refers_to_wherever_that_stands(archive: Archive, tmp_path: Path) -> None:
    place = place_of(archive)
    early = write(tmp_path / "1.warc.gz", revisit("2020-05-06", "2019-05-06"))
    report = take_in(place, early)
    assert (report.files[0].captures, report.files[0].unresolved, report.failed) == (0, 1, True)
    report = take_in(place, early, write(tmp_path / "2.warc.gz", shown("2019-05-06")))
    assert [each.captures for each in report.files] == [1, 1]
    assert not report.failed
    bare = revisit("2021-05-06", "", WARC_Refers_To_Date="", WARC_Refers_To_Target_URI="")
    wrong = revisit("2022-05-06", "2019-05-06", WARC_Payload_Digest="sha1:" + "0" * 40)
    report = take_in(place, write(tmp_path / "3.warc.gz", bare, wrong))
    assert (report.files[0].captures, report.files[0].unresolved) == (1, 1)
    check(archive)
    rows = captures(archive)
    assert [each.refers_to for each in rows] == [None, rows[0].id, rows[0].id]
    assert {each.outcome for each in rows} == {"article"}
    with archive.read() as connection:
        assert [each.kind for each in history(connection, 1)] == ["first", "same", "same"]


def crawled(archive: Archive) -> list[Path]:
    """An archive whose own files hold two captures of an article and a revisit; gives the files."""
    with working(archive) as work:
        number = work.find("1")["1"]
        for hour in range(3):
            body = page(ONE, *(("It was corrected since.",) if hour else ()))
            work.keep(number, url_of(), T0 + hour * HOUR, body=body, outcome="refused:no-article")
    with archive.begin() as connection:
        end_crawl(connection, work.crawl, "finished", {}, T0 + 24 * HOUR)
        free_outlet(connection, work.outlet, work.owner)
    return sorted(archive.warc_folder.glob("*.warc.gz"))


def test_what_the_archive_wrote_itself_is_passed_over_and_strays_are_taken(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own,) = crawled(archive)
    place, before = place_of(archive), count(archive, "capture")
    assert before == 3
    (report,) = take_in(place, own).files
    assert (report.outcome, report.held, report.captures, report.path) == ("known", 3, 0, "")
    assert (count(archive, "capture"), count(archive, "warc_file")) == (3, 1)
    assert list((archive.warc_folder / "imported").iterdir()) == []
    copy = tmp_path / "copy.warc.gz"
    copy.write_bytes(own.read_bytes() + each_packed([shown("2019-05-06")]))
    (report,) = take_in(place, copy).files
    assert (report.outcome, report.held, report.captures) == ("imported", 3, 1)
    stray = write(archive.warc_folder / "stray.warc.gz", shown("2020-05-06"))
    reports = take_in(place, archive.warc_folder).files
    assert [(each.outcome, each.captures) for each in reports if each.source.endswith("stray.warc.gz")] == [
        ("imported", 1)
    ]
    assert sum(each.captures for each in reports) == 1
    stray.unlink()
    assert [each.kind for each in fixity_of(archive)] == []
    monkeypatch.setattr("scraper.importing.keeping.held_already", lambda connection, records: set())
    assert take_in(place, own).files[0].captures == 3, "who does not look takes all of it again"


def test_pages_of_any_host_become_ad_hoc_outlets(archive: Archive, tmp_path: Path) -> None:
    rows = [
        record(block=http(page(), HTML, "X-Robots-Tag: noarchive"), uri="https://www.herald.org/2019/harbour.html"),
        record("resource", page(), "https://herald.org/2019/other.html", Content_Type="text/html"),
        record(block=http(b"\x89PNG", "Content-Type: image/png"), uri="https://www.herald.org/a.png"),
        record(block=http(b"x", status="HTTP/1.1 404 Not Found"), uri="https://www.herald.org/b"),
        record("resource", b"{}", "urn:pageinfo:https://www.herald.org/", Content_Type="application/json"),
        shown("2019-05-06"),
    ]
    source = write(tmp_path / "x.warc.gz", *rows)
    assert take_in(place_of(archive), source).files[0].captures == 1
    assert count(archive, "outlet") == 1
    again = take_in(place_of(archive), source).files[0]
    assert (again.outcome, again.captures, again.records) == ("known", 0, 0), "it is not even walked through"
    wider = take_in(place_of(archive), source, any_host=True).files[0]
    assert (wider.outcome, wider.captures) == ("imported", 2), "what was passed over can be asked for later"
    assert take_in(place_of(archive), source, any_host=True).files[0].outcome == "known"
    with archive.read() as connection:
        names = set(connection.execute(select(metadata.tables["outlet"].c.name)).scalars())
        kinds = set(connection.execute(select(resource.c.kind)).scalars())
    assert names == {"presstv", "herald.org"}
    assert kinds == {"article"}
    assert count(archive, "article") == 3
    stated = [[one["says"] for one in each.rights] for each in captures(archive)]
    assert sorted(stated) == [[], [], ["noarchive"]]
    check(archive)


def test_a_wacz_that_a_browser_made_stays_one(archive: Archive, tmp_path: Path) -> None:
    body = page()
    inner = [
        record("warcinfo", b"software: a browser\r\n", ""),
        record(
            block=http(
                body, "content-type: text/html; charset=utf-8", "content-encoding: br", "transfer-encoding: chunked",
                status="HTTP/2 200",
            ),
            uri=url_of(), date="2019-05-06T10:00:00.123Z", version="WARC/1.1",
        ),
    ]  # fmt: skip
    place = tmp_path / "saved.wacz"
    place.write_bytes(wacz({"archive/data.warc.gz": each_packed(inner), "archive/more.warc.gz": all_packed(
        [*inner[:1], shown("2020-05-06", "It was corrected since.")])}, stored=False))  # fmt: skip
    report = take_in(place_of(archive), place)
    assert (report.files[0].records, report.tally.new, report.tally.edits, report.failed) == (4, 1, 1, False)
    with archive.read() as connection:
        paths = set(connection.execute(select(warc_file.c.path)).scalars())
    assert "imported/saved.wacz#archive/data.warc.gz" in paths
    assert "imported/saved.wacz#archive/more.warc.gz#gunzip@0" in paths
    assert (archive.warc_folder / "imported" / "saved.wacz").read_bytes() == place.read_bytes()
    check(archive)
    assert captures(archive)[0].at.microsecond == 123_000


@pytest.mark.long
def test_bad_records_are_named_and_the_good_ones_kept(sqlite_archive: Archive, tmp_path: Path) -> None:
    rows = [shown("2019-05-06"), shown("2020-05-06", length=3), shown("2021-05-06"), shown("2999-01-01")]
    source = write(tmp_path / "x.warc.gz", *rows)
    none = write(tmp_path / "none.warc.gz", b"nothing at all")
    place = place_of(sqlite_archive)
    ran = presskeep("import", str(source), str(none), "--archive", str(place.folder), "--json")
    assert ran.code == 1
    first, second = ran.json["files"]
    assert (first["outcome"], first["records"], first["captures"], first["bad_records"]) == ("imported", 3, 2, 2)
    assert [each["offset"] for each in first["bad"]] == [len(each_packed(rows[:1])), len(each_packed(rows[:3]))]
    assert "long" in first["bad"][0]["reason"]
    assert "yet to come" in first["bad"][1]["reason"]
    assert (second["outcome"], second["path"]) == ("refused", None)
    assert [each.name for each in (sqlite_archive.warc_folder / "imported").iterdir()] == ["x.warc.gz"]
    text = presskeep("import", str(source), str(none), "--archive", str(place.folder))
    assert "x.warc.gz: known" in text.out
    assert "none.warc.gz: refused" in text.out
    assert presskeep("import", str(tmp_path / "missing"), "--archive", str(place.folder)).code == 2
    assert presskeep("import", str(source), "--outlet", "nobody", "--archive", str(place.folder)).code == 2


def test_lists_of_urls_become_due(archive: Archive, tmp_path: Path) -> None:
    other = Piece("Another one of them", ("Politics",), ONE.at, WORDS, key=595_002)
    take_in(place_of(archive), write(tmp_path / "x.warc.gz", shown("2019-05-06")))
    plain = tmp_path / "urls.txt"
    plain.write_text(f"# mine\n{url_of()}\n{url_of(other)}\nhttps://www.presstv.ir/\nhttps://nobody.example/1\n")
    report = take_in(place_of(archive), plain)
    assert report.files[0].outcome == "urls"
    assert report.files[0].urls == {"due": 1, "known": 1, "no_article": 1, "no_outlet": 1}
    sheet = tmp_path / "urls.csv"
    sheet.write_text(f"title;link\nA;{url_of(other)}\n")
    assert take_in(place_of(archive), sheet).files[0].urls == {"due": 0, "known": 1, "no_article": 0, "no_outlet": 0}
    for content, reason in ((f"{url_of()}\n".encode("utf-16"), "is not UTF-8"), (b",,,\n,\n", "holds no URL")):
        sheet.write_bytes(content)
        (refused,) = take_in(place_of(archive), sheet).files
        assert (refused.outcome, refused.reason) == ("refused", reason)
    with archive.read() as connection:
        due = dict(connection.execute(select(resource.c.key, resource.c.due_at)).all())
    assert due["595001"] is None
    assert due["595002"] is not None


def test_news_please_articles_with_html_are_captures_and_others_due(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "news-please"
    folder.mkdir()
    fields = {"url": url_of(), "date_download": "2019-05-06 10:00:00", "title": "x", "maintext": "y"}
    (folder / "with.json").write_text(json.dumps(fields | {"localpath": "/data/x/with.html"}))
    (folder / "with.html").write_bytes(page())
    other = Piece("Another one of them", ("Politics",), ONE.at, WORDS, key=595_002)
    (folder / "bare.json").write_text(json.dumps([fields | {"url": url_of(other)}]))
    (folder / "lines.jsonl").write_text(
        json.dumps(fields | {"html": page(ONE, "And more.").decode(), "date_download": "2020-05-06T12:00:00+02:00"})
        + "\n"
    )
    (folder / "no.json").write_text('{"a": [')
    odd = fields | {"url": url_of() + "\ud800", "html": "<p>", "date_download": "0001-01-01T00:00:00+14:00"}
    (folder / "odd.json").write_text(json.dumps([odd, odd | {"url": url_of(other)}]))
    names = ("with.json", "bare.json", "lines.jsonl", "no.json", "odd.json")
    report = take_in(place_of(archive), *(folder / name for name in names))
    assert [each.outcome for each in report.files] == ["imported", "urls", "imported", "refused", "urls"]
    assert report.files[-1].urls["known"] == 1, "no URL is one that no bytes stand for, no day one before all days"
    rows = captures(archive)
    assert [each.at.isoformat() for each in rows] == ["2019-05-06T10:00:00+00:00", "2020-05-06T10:00:00+00:00"]
    assert {each.outcome for each in rows} == {"article"}
    check(archive)
    assert {each.outcome for each in take_in(place_of(archive), *(folder / name for name in names[:3])).files} == {
        "known", "urls",
    }  # fmt: skip
    assert count(archive, "capture") == 2


def test_a_line_of_json_lines_that_cannot_be_read_costs_no_other(archive: Archive, tmp_path: Path) -> None:
    other = Piece("Another one of them", ("Politics",), ONE.at, WORDS, key=595_002)
    first, second = (
        json.dumps({"url": url_of(each), "date_download": "2019-05-06 10:00:00", "html": page(each).decode()}) + "\n"
        for each in (ONE, other)
    )
    place = tmp_path / "lines.jsonl"
    place.write_text(first + "no JSON\n" + second + first[:300])
    for outcome in ("imported", "known"):
        (report,) = take_in(place_of(archive), place).files
        assert report.outcome == outcome
        ends = [len(first), len(first + "no JSON\n" + second)]
        assert [(each.offset, each.reason) for _, each in report.bad] == [(end, "its line is no JSON") for end in ends]
        assert report.failed
    assert count(archive, "capture") == 2
    place.write_text(first + second)
    assert not take_in(place_of(archive), place).files[0].failed


def test_an_archivebox_is_read_snapshot_by_snapshot(archive: Archive, tmp_path: Path) -> None:
    box = tmp_path / "box"
    other = Piece("Another one of them", ("Politics",), ONE.at, WORDS, key=595_002)
    for stamp, piece in (("1557136800.0", ONE), ("1588759200.123", other)):
        folder = box / "archive" / stamp
        folder.mkdir(parents=True)
        (folder / "index.json").write_text(json.dumps({"url": url_of(piece), "timestamp": stamp}))
    write(box / "archive" / "1557136800.0" / "warc" / "1557136800.warc.gz", shown("2019-05-06"))
    (box / "archive" / "1588759200.123" / "output.html").write_bytes(page(other))
    (box / "index.sqlite3").touch()
    never = box / "archive" / "99999999999999999999"
    never.mkdir()
    (never / "index.json").write_text(json.dumps({"url": url_of()}))
    (never / "output.html").write_bytes(page())
    report = take_in(place_of(archive), box)
    assert [each.outcome for each in report.files] == ["imported", "imported", "refused"]
    assert [each.at.isoformat()[:19] for each in captures(archive)] == ["2019-05-06T10:00:00", "2020-05-06T10:00:00"]
    assert count(archive, "article") == 2
    check(archive)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError):
        take_in(place_of(archive), tmp_path / "empty")


def many(tmp_path: Path) -> list[Path]:
    """Two files, one of them packed as a whole, with revisits that refer from one to the other."""
    pieces = [
        Piece(f"Harbour plan {number}", ("Politics",), ONE.at, WORDS, key=596_000 + number) for number in range(40)
    ]
    first = [shown("2019-05-06", f"Number {number}.", piece=piece) for number, piece in enumerate(pieces[:20])]
    one = write(tmp_path / "one.warc.gz", revisit("2022-05-06", "2019-05-06"), *first)
    two = tmp_path / "two.warc.gz"
    rows = [shown("2020-05-06", f"Number {number}.", piece=piece) for number, piece in enumerate(pieces[20:])]
    two.write_bytes(all_packed([*rows, shown("2019-05-06")]))
    return [one, two]


def summary(archive: Archive) -> list[tuple[Any, ...]]:
    """What an archive holds, whatever the ids are."""
    with archive.read() as connection:
        statement = (
            select(warc_file.c.path, capture.c.offset, capture.c.at, capture.c.outcome, capture.c.payload_sha256)
            .join(warc_file, warc_file.c.id == capture.c.warc_file)
            .order_by(warc_file.c.path, capture.c.offset)
        )
        rows: list[tuple[Any, ...]] = [tuple(row) for row in connection.execute(statement)]
        rows += [tuple(row) for row in connection.execute(select(revision.c.digest).order_by(revision.c.digest))]
        return rows


@pytest.mark.long
def test_an_import_that_is_killed_anywhere_is_gone_on_with(tmp_path: Path) -> None:
    files = [str(each) for each in many(tmp_path)]
    whole = tmp_path / "whole"
    assert presskeep("import", *files, "--archive", str(whole)).code == 0
    with Archive.open(whole, write=False) as archive:
        expected = summary(archive)
        assert count(archive, "capture") == 42
    killed = tmp_path / "killed"
    deaths = 0
    for point, number in (("after-commit", 7), ("before-commit", 9)):
        program = ("-m", "tests.killing", point, str(number))
        deaths += presskeep("import", *files, "--archive", str(killed), program=program).code == -9
    assert deaths == 2, "the kills met the import under way"
    assert presskeep("import", *files, "--archive", str(killed)).code == 0
    with Archive.open(killed, write=False) as archive:
        assert summary(archive) == expected
        with archive.read() as connection:
            outcomes = connection.execute(select(crawl.c.outcome, crawl.c.manifest_digest)).all()
        assert "killed" in {each.outcome for each in outcomes}
        assert all(each.manifest_digest for each in outcomes)
        assert {each.name for each in imported(archive)} == {"one.warc.gz", "two.warc.gz"}
        assert list(fixity_of(archive)) == [], "what an import reads further stands under no manifest"
        with archive.read() as connection:
            begun = min(connection.execute(select(warc_file.c.crawl)).scalars())  # which of them is first is chance
            assert begun < max(connection.execute(select(crawl.c.id)).scalars()), "its manifest was drawn before"
    with Archive.open(killed) as archive, archive.begin() as connection:
        connection.execute(update(warc_file).where(warc_file.c.path.contains("one")).values(sha256="0" * 64))
    with Archive.open(killed, write=False) as archive:
        assert {each.kind for each in fixity_of(archive)} == {"file-altered", "row-altered"}


def imported(archive: Archive) -> list[Path]:
    return list((archive.warc_folder / "imported").iterdir())


@pytest.mark.long
def test_every_file_of_the_shared_data_is_imported_or_refused_with_reasons(tmp_path: Path) -> None:
    if not WARC_DATA.is_dir():
        pytest.skip("../shared/data/warc is not here")
    ran = presskeep("import", str(WARC_DATA), "--outlet", "auto", "--archive", str(tmp_path), "--json")
    files = {Path(each["source"]).name: each for each in ran.json["files"]}
    assert set(files) == {each.name for each in WARC_DATA.iterdir()}
    refused = {name for name, each in files.items() if each["outcome"] == "refused"}
    assert refused == {"pywb-bad.arc", "warcio-bad.arc"}
    assert all(files[name]["bad"] and files[name]["reason"] for name in refused)
    assert sum(each["captures"] for each in files.values()) >= 30
    with Archive.open(tmp_path, write=False) as archive:
        check(archive)
