"""Odd files are imported as far as they go, with a report that says what became of each record."""

from __future__ import annotations

import hashlib
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.archive import Archive
from storage.backup import back_up
from storage.fixity.checking import check as fixity_of
from storage.history import history
from storage.models import capture, cursor, location, warc_file
from storage.search import search
from tests.crawling import presskeep
from tests.databases import place_of
from tests.foreign import all_packed, each_packed, http, record, wacz
from tests.presstv_site import Piece
from tests.test_foreign import segments
from tests.test_importing import (
    ONE,
    WORDS,
    captures,
    check,
    count,
    page,
    revisit,
    shown,
    take_in,
    url_of,
    write,
)


def piece(number: int) -> Piece:
    return Piece(f"Harbour plan {number}", ("Politics",), ONE.at, WORDS, key=596_000 + number)


def outcomes(archive: Archive) -> list[str]:
    return [each.outcome for each in captures(archive)]


def demand_sound(archive: Archive) -> None:
    """`verify` finds nothing, and what the captures point to is there."""
    assert list(fixity_of(archive)) == []
    check(archive)


def test_only_records_of_web_pages_are_captures(archive: Archive, tmp_path: Path) -> None:
    """A conversion is not what was served; other schemes than HTTP are no pages of an outlet."""
    path = piece(3).path
    source = write(
        tmp_path / "x.warc.gz",
        record("warcinfo", b"software: odd\r\n", ""),
        record("conversion", page(piece(1)), url_of(piece(1)), Content_Type="text/html"),
        *(
            record("resource", page(piece(3)), start + path, Content_Type="text/html")
            for start in ("ftp://www.presstv.ir", "file:///srv", "dns:www.presstv.ir", "urn:x")
        ),
        record("response", b"20190506\r\nwww.presstv.ir. 300 IN A 192.0.2.1\r\n", "dns:www.presstv.ir"),
        record("of-tomorrow", page(piece(4)), url_of(piece(4))),
        record("resource", page(piece(5)), url_of(piece(5)), Content_Type="text/html"),
    )
    for any_host in (False, True):
        report = take_in(place_of(archive), source, any_host=any_host)
        assert not report.failed
    assert outcomes(archive) == ["article"]
    demand_sound(archive)


def test_what_is_no_page_is_counted_and_what_broke_off_is_a_failure(archive: Archive, tmp_path: Path) -> None:
    first, second, third = segments()
    gone = record(block=http(b"gone", status="HTTP/1.1 404 Not Found"), uri=url_of(piece(1)))
    busy = record(block=http(b"busy", status="HTTP/1.1 503 Busy"), uri=url_of(piece(2)))
    report = take_in(place_of(archive), write(tmp_path / "answers.warc.gz", gone, busy, shown("2019-05-06")))
    assert (report.tally.refused, report.tally.failed) == ({"status-404": 1}, {"status-503": 1}), "as a crawl counts"
    assert not report.failed, "the import did not fail: this is what the server said"
    cut = [row.replace(b"https://news.example/detail/1", url_of(piece(3)).encode()) for row in (first, second, third)]
    two = write(tmp_path / "1.warc.gz", *cut[:1]), write(tmp_path / "2.warc.gz", *cut[1:])
    report = take_in(place_of(archive), *two)
    assert (report.tally.failed, report.failed) == ({"truncated": 1}, True), "its segments stand in two files"
    assert sorted(outcomes(archive)) == ["article", "failed:status-503", "failed:truncated", "refused:status-404"]
    assert take_in(place_of(archive), *two).tally.captures == 0
    demand_sound(archive)


def test_an_answer_that_nothing_changed_shows_what_it_refers_to(archive: Archive, tmp_path: Path) -> None:
    block = b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"
    empty = "sha1:" + hashlib.sha1(b"", usedforsecurity=False).hexdigest()
    profile = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"

    def unchanged(day: str, **fields: str) -> bytes:
        date = f"{day}T10:00:00Z"
        return record("revisit", block, url_of(), date=date, WARC_Profile=profile, WARC_Payload_Digest=empty, **fields)

    source = write(
        tmp_path / "x.warc.gz",
        unchanged("2020-05-06", WARC_Refers_To_Date="2019-05-06T10:00:00Z", WARC_Refers_To_Target_URI=url_of()),
        shown("2019-05-06"),
        unchanged("2021-05-06"),
        unchanged("2022-05-06", WARC_Refers_To_Date="2018-05-06T10:00:00Z"),
    )
    report = take_in(place_of(archive), source)
    assert report.files[0].unresolved == 1, "nothing of 2018 is there"
    rows = captures(archive)
    assert [(each.status, each.outcome) for each in rows] == [
        (200, "article"),
        (304, "article"),
        (304, "refused:not-modified"),
    ]
    assert [each.refers_to for each in rows] == [None, rows[0].id, None]
    with archive.read() as connection:
        assert [each.kind for each in history(connection, 1)] == ["first", "same"]
    demand_sound(archive)


def test_a_file_whose_revisits_were_looked_for_is_not_read_anew(archive: Archive, tmp_path: Path) -> None:
    early = write(tmp_path / "1.warc.gz", revisit("2020-05-06", "2019-05-06"), revisit("2020-05-07", "2018-01-01",
                  WARC_Payload_Digest="sha1:" + "0" * 40))  # fmt: skip
    late = write(tmp_path / "2.warc.gz", shown("2019-05-06"))
    report = take_in(place_of(archive), early, late)
    assert [(each.captures, each.unresolved) for each in report.files] == [(1, 1), (1, 0)]
    again = take_in(place_of(archive), early, late)
    assert [(each.outcome, each.records, each.unresolved) for each in again.files] == [("known", 0, 1), ("known", 0, 0)]
    demand_sound(archive)


@pytest.mark.soak
@pytest.mark.long
def test_a_backup_holds_an_imported_file_whole_however_far_it_was_read(tmp_path: Path) -> None:
    source, folder = tmp_path / "x.warc.gz", tmp_path / "archive"
    source.write_bytes(each_packed([shown("2019-05-06", piece=piece(number)) for number in range(10)]))
    options = ("--archive", str(folder))
    for number in range(2, 9):
        killed = presskeep(
            "import", str(source), *options, program=("-m", "tests.killing", "after-commit", str(number))
        )
        if killed.code == -9 and half_read(folder):
            break
    assert half_read(folder) == [0], "a kill met the import when it had named the file and not read it"
    with Archive.open(folder, write=False) as archive:
        taken = back_up(archive, tmp_path / "backup")
    assert taken.damaged == []
    (copy,) = (tmp_path / "backup" / "warc" / "imported").iterdir()
    assert copy.read_bytes() == source.read_bytes()
    assert presskeep("import", str(source), *options).code == 0
    assert half_read(folder) == []
    with Archive.open(folder, write=False) as archive:
        assert (count(archive, "capture"), list(fixity_of(archive))) == (10, [])


def half_read(folder: Path) -> list[int]:
    """How far the files have been read that are not read to their end."""
    with Archive.open(folder, write=False) as archive, archive.read() as connection:
        return list(connection.execute(select(cursor.c.position).where(cursor.c.job.like("read:%"))).scalars())


def with_extras(content: bytes) -> bytes:
    """A gzip member with every optional field of its header (RFC 1952, 2.3)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    head = b"\x1f\x8b\x08\x1e" + bytes(5) + b"\xff" + struct.pack("<H", 6) + b"XX\x02\x00ab" + b"name\0a comment\0"
    checked = head + struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    return checked + packed + struct.pack("<II", zlib.crc32(content), len(content))


ODD_GZIP: dict[str, tuple[Callable[[list[bytes]], bytes], int]] = {
    "extra fields": (lambda rows: b"".join(map(with_extras, rows)), 0),
    "garbage behind": (lambda rows: each_packed(rows) + b"no record at all" * 9, 1),
    "garbage between": (lambda rows: each_packed(rows[:1]) + b"xyz" * 99 + each_packed(rows[1:]), 1),
    "zeros behind": (lambda rows: each_packed(rows) + bytes(10_240), 0),
    "empty members": (lambda rows: each_packed([b"", rows[0], *[b""] * 99, *rows[1:], b""]), 0),
    "a member that is cut off": (lambda rows: each_packed([*rows, rows[0]])[:-300], 1),
    "a bomb": (lambda rows: each_packed([rows[0], record(block=http(bytes(200_000_000)), uri=url_of()), *rows[1:]]), 1),
    "a length of ten million": (
        lambda rows: each_packed([rows[0], record(block=http(page()), uri=url_of(), length=10_000_000), *rows[1:]]),
        1,
    ),
}


@pytest.mark.parametrize("name", ODD_GZIP)
def test_good_records_are_kept_of_whatever_stands_around_them(
    sqlite_archive: Archive, tmp_path: Path, name: str
) -> None:
    pack, bad = ODD_GZIP[name]
    source = tmp_path / "x.warc.gz"
    source.write_bytes(pack([shown("2019-05-06", piece=piece(number)) for number in range(3)]))
    report = take_in(place_of(sqlite_archive), source)
    assert (report.tally.new, report.files[0].bad_count) == (3, bad)
    (again,) = take_in(place_of(sqlite_archive), source).files
    assert (again.outcome, again.captures, again.bad) == ("known", 0, report.files[0].bad)
    demand_sound(sqlite_archive)


@pytest.mark.long
def test_a_file_of_nothing_but_bad_records_is_refused_with_each_of_them_named(tmp_path: Path) -> None:
    wrong = [record(uri=url_of(piece(number)), WARC_Block_Digest="sha1:" + "A" * 32) for number in range(1_200)]
    (source := tmp_path / "x.warc.gz").write_bytes(each_packed(wrong))
    (parts := tmp_path / "x.wacz").write_bytes(wacz({name: each_packed(wrong[:2]) for name in ("a.warc", "b.warc")}))
    command = ("import", str(source), str(parts), "--archive", str(tmp_path / "archive"))
    for _ in range(2):
        ran = presskeep(*command, "--json")
        many, few = ran.json["files"]
        assert (ran.code, many["outcome"], few["outcome"]) == (1, "refused", "refused")
        assert (many["bad_records"], len(many["bad"])) == (1_200, 1_000)
        assert [each["offset"] for each in many["bad"][:3]] == [len(each_packed(wrong[:n])) for n in range(3)]
        assert [each["part"] for each in few["bad"]] == ["#a.warc", "#a.warc", "#b.warc", "#b.warc"]
    told = presskeep(*command).out
    assert told.count("bad record at byte") == 100 + 4
    assert "and 1100 bad records more" in told.replace(",", "")


@pytest.mark.soak
@pytest.mark.long
def test_what_could_not_be_taken_is_said_again_by_the_same_import(sqlite_archive: Archive, tmp_path: Path) -> None:
    def run(source: Path) -> tuple[int, int, dict[str, int]]:
        ran = presskeep("import", str(source), "--archive", str(place_of(sqlite_archive).folder), "--json")
        (file,) = ran.json["files"]
        return ran.code, file["bad_records"], file["failed_before"]

    bad = shown("2020-05-06", piece=piece(2), WARC_Block_Digest="sha1:" + "A" * 32)
    damaged = write(tmp_path / "damaged.warc.gz", shown("2019-05-06", piece=piece(1)), bad)
    cut = write(tmp_path / "cut.warc.gz", shown("2019-05-06", piece=piece(3), WARC_Truncated="disconnect"))
    sound = write(tmp_path / "sound.warc.gz", shown("2019-05-06", piece=piece(4)))
    assert [run(damaged), run(damaged), run(damaged)] == [(1, 1, {})] * 3
    assert [run(cut), run(cut)] == [(1, 0, {}), (1, 0, {"truncated": 1})]
    assert [run(sound), run(sound)] == [(0, 0, {})] * 2


HEADS: list[tuple[bytes, str]] = [
    (b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n", "article"),
    (b"HTTP/1.1 200 OK\r\r\nContent-Type: text/html\r\r\n\r\r\n", "article"),
    (b"HTTP/1.1 200 OK\r\nContent-Type:\r\n\ttext/html\r\n\r\n", "article"),
    (b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Type: text/html\r\n\r\n", "article"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 2_000_000 + b"\r\nContent-Type: text/html\r\n\r\n", "article"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 100_000 + b"Content-Type: text/html\r\n\r\n", "article"),
    (b"HTTP/1.1 200 OK\r\nX: y\r\nWARC/1.0\r\nWARC-Type: response\r\n\r\n", "article"),
    (b"HTTP/3 200\r\ncontent-type: text/html\r\n\r\n", "article"),
    (b"HTTP/1.1 200 OK\rContent-Type: text/html\r\r", "refused:empty"),
    (b"HTTP/1.1 -200 OK\r\nContent-Type: text/html\r\n\r\n", "refused:status-0"),
    (b"HTTP/1.1 \xb2\xb2\xb2 OK\r\nContent-Type: text/html\r\n\r\n", "refused:status-0"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Type: text/html\r\n\r\n", "refused:not-html"),
]


@pytest.mark.long
@pytest.mark.parametrize("pack", [each_packed, b"".join])
def test_odd_heads_cost_no_record_but_their_own(
    sqlite_archive: Archive, tmp_path: Path, pack: Callable[[list[bytes]], bytes]
) -> None:
    rows = [record(block=head + page(piece(n)), uri=url_of(piece(n))) for n, (head, _) in enumerate(HEADS)]
    (source := tmp_path / "x.warc").write_bytes(pack(rows))
    assert take_in(place_of(sqlite_archive), source).files[0].bad_count == 0
    with sqlite_archive.read() as connection:
        statement = select(location.c.url, capture.c.outcome).join(capture, capture.c.location == location.c.id)
        found = {row.url: row.outcome for row in connection.execute(statement)}
    assert [found[url_of(piece(n))] for n in range(len(HEADS))] == [outcome for _, outcome in HEADS]
    demand_sound(sqlite_archive)


def test_a_wacz_of_zip64_is_read(archive: Archive, tmp_path: Path) -> None:
    place = tmp_path / "x.wacz"
    with zipfile.ZipFile(place, "w") as target:
        for number in range(2):
            name = f"archive/{number}.warc.gz"
            with target.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
                entry.write(each_packed([shown("2019-05-06", piece=piece(number))]))
    assert take_in(place_of(archive), place).tally.new == 2
    demand_sound(archive)


def test_a_copy_that_was_lost_is_put_back(archive: Archive, tmp_path: Path) -> None:
    source = write(tmp_path / "in" / "x y.warc.gz", shown("2019-05-06"))
    other = write(tmp_path / "other.warc.gz", shown("2020-05-06"))
    take_in(place_of(archive), source, other)
    (copy,) = (archive.warc_folder / "imported").glob("x*")
    copy.unlink()
    assert {each.kind for each in fixity_of(archive)} == {"file-missing"}
    report = take_in(place_of(archive), other, source)
    assert [each.outcome for each in report.files] == ["known", "known"]
    assert [bool(each.reason) for each in report.files] == [False, True]
    assert copy.read_bytes() == source.read_bytes()
    demand_sound(archive)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe.warc")
    for place in (pipe, Path("/dev/zero")):
        ran = presskeep("import", str(place), "--archive", str(tmp_path / "archive"))
        assert (ran.code, "is neither a file nor a folder" in ran.err) == (2, True)


def test_dates_are_told_where_they_can_be_none(archive: Archive, tmp_path: Path) -> None:
    dates = ("1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "2019-13-01T00:00:00Z", "2019-05-06T12:00:00+02:00")
    rows = [
        record(block=http(page(piece(n))), uri=url_of(piece(n)), date=date) for n, date in enumerate(dates)
    ]  # fmt: skip
    report = take_in(place_of(archive), write(tmp_path / "x.warc.gz", *rows))
    bad = [each for _, each in report.files[0].bad]
    assert [each.uri for each in bad] == [url_of(piece(n)) for n in range(3)]
    assert [date[:10] in each.reason for date, each in zip(dates[:3], bad, strict=True)] == [True] * 3
    (row,) = captures(archive)
    assert row.at == datetime(2019, 5, 6, 10, tzinfo=UTC)
    demand_sound(archive)


def test_records_of_one_url_and_one_second_are_all_kept(archive: Archive, tmp_path: Path) -> None:
    source = write(tmp_path / "x.warc.gz", shown("2019-05-06"), shown("2019-05-06"), shown("2019-05-06", "And more."))
    assert take_in(place_of(archive), source).files[0].captures == 3
    assert take_in(place_of(archive), source).files[0].captures == 0
    with archive.read() as connection:
        assert [each.kind for each in history(connection, 1)] == ["first", "same", "edit"]
        assert search(connection, "harbour").total == 1
    demand_sound(archive)


def test_urls_in_whatever_form_lead_to_the_article_they_name(archive: Archive, tmp_path: Path) -> None:
    names = {
        b"https://www.presstv.ir/Detail/2019/05/06/597001/caf\xe9": "caf%E9",
        b"https://www.presstv.ir/Detail/2019/05/06/597001/caf\xe8": "caf%E8",
        "https://www.presstv.ir/Detail/2019/05/06/597001/café".encode(): "caf%C3%A9",
        b"HTTPS://WWW.PRESSTV.IR:443/Detail/2019/05/06/597001/b#part": "b",
        b"https://www.presstv.ir/a/../D%65tail/2019/05/06/597001/d": "d",
        b"<https://www.presstv.ir/Detail/2019/05/06/597001/e f>": "e%20f",
    }
    unfit = [b"https://[::1/Detail/2019/05/06/597001/x", b"https:///Detail/2019/05/06/597001/x", b"x" * 9000]
    rows = [
        record(block=http(page()), uri="@URI@", date="2019-05-06T10:00:00Z").replace(b"@URI@", each)
        for each in (*names, *unfit)
    ]
    report = take_in(place_of(archive), write(tmp_path / "x.warc.gz", *rows), any_host=True)
    assert (report.files[0].captures, report.tally.new, report.failed) == (len(names), 1, False)
    with archive.read() as connection:
        urls = set(connection.execute(select(location.c.url)).scalars())
    assert urls == {f"https://www.presstv.ir/Detail/2019/05/06/597001/{name}" for name in names.values()}
    demand_sound(archive)


def odd_zip(folder: Path) -> Path:
    """A zip file whose names lead elsewhere, two of them the same, with an entry that is broken."""
    place = folder / "odd.wacz"
    names = ("../../../up.warc.gz", "/abs/x.warc.gz", "archive\\..\\..\\y.warc.gz", "a#gunzip@0?%41.warc.gz",
             "archive/same.warc.gz", "archive/same.warc.gz", "archive/broken.warc.gz")  # fmt: skip
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as target, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, name in enumerate(names):
            target.writestr(name, each_packed([shown("2019-05-06", piece=piece(number))]))
    data = bytearray(place.read_bytes())
    at = data.index(b"archive/broken.warc.gz") + len("archive/broken.warc.gz")
    data[at : at + 64] = bytes(64)
    place.write_bytes(bytes(data))
    return place


def test_a_zip_files_names_are_names_only_and_a_broken_entry_costs_no_other(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    place = odd_zip(tmp_path / "in")
    report = take_in(place_of(archive), place)
    assert (report.files[0].captures, report.files[0].bad_count) == (6, 1)
    assert report.files[0].bad[0][0] == "#archive/broken.warc.gz"
    again = take_in(place_of(archive), place).files[0]
    assert (again.outcome, again.captures, again.bad_count) == ("known", 0, 1)
    assert [each.name for each in (archive.warc_folder / "imported").iterdir()] == ["odd.wacz"]
    assert sorted(each.name for each in tmp_path.rglob("*.warc.gz")) == []
    demand_sound(archive)


def test_a_zip_file_without_archives_is_refused_by_what_is_missing(archive: Archive, tmp_path: Path) -> None:
    (none := tmp_path / "none.wacz").write_bytes(wacz({"a.txt": b"abc"}))
    report = take_in(place_of(archive), none)
    assert (report.files[0].outcome, report.files[0].reason) == ("refused", "no entry of it is a WARC or ARC file")


@pytest.mark.soak
@pytest.mark.long
def test_tiny_records_by_the_thousand_take_no_more_memory_than_a_few(tmp_path: Path) -> None:
    peaks = {}
    for number in (100, 30_000):
        source, place = tmp_path / f"{number}.warc.gz", tmp_path / f"archive-{number}"
        rows = [record(block=http(b"x"), uri=f"https://nobody.example/{n}") for n in range(number)]
        gone = [
            record(block=http(b"", status="HTTP/1.1 410 Gone"), uri=url_of(piece(n))) for n in range(number // 10)
        ]  # fmt: skip
        source.write_bytes(all_packed([shown("2019-05-06"), *rows, *gone]))
        ran = presskeep("import", str(source), "--archive", str(place), "--json", program=("-c", _MEASURED))
        (file,) = ran.json["files"]
        assert (ran.code, file["records"], file["captures"]) == (0, 1 + number + number // 10, 1 + number // 10)
        peaks[number] = int(ran.err.split()[-2])
        with Archive.open(place, write=False) as archive:
            assert list(fixity_of(archive)) == []
    assert peaks[30_000] < 1.25 * peaks[100], peaks


_MEASURED = """
import sys
from pathlib import Path
from scraper.cli import main
code = main()
print(*(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.long
def test_many_revisits_of_what_is_nowhere_are_counted(archive: Archive, tmp_path: Path) -> None:
    rows = [
        record("revisit", http(b""), url_of(piece(n)), WARC_Payload_Digest="sha1:" + "0" * 40) for n in range(1_000)
    ]
    report = take_in(place_of(archive), write(tmp_path / "x.warc.gz", *rows, shown("2019-05-06")))
    assert (report.files[0].unresolved, report.files[0].captures) == (1_000, 1)
    with archive.read() as connection:
        assert connection.execute(select(capture.c.warc_file).join(warc_file)).all() == [(1,)]
    demand_sound(archive)
