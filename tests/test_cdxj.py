"""CDXJ: our lines are cdxj-indexer's, and the index reads on from where it was left."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scraper.demo.process import running_replica
from storage.archive import Archive
from storage.cdxj import cdxj_line
from storage.cdxj_following import FOLDER, follow_warcs, warc_sources
from storage.cdxj_index import STATE, CdxjIndex, Source
from storage.exchange import Exchange, TlsFacts
from storage.models import warc_file
from storage.sorting import sorted_lines
from storage.warc import WarcWriter
from storage.warc_records import frame, new_record_id, read_records
from tests.crawling import crawl
from tests.databases import Place
from tests.keeping import exchange
from tests.test_surt import urls
from tests.tools import cdxj_indexer

URL = "https://news.example/Detail/1?b=2&a=1"
AT = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC)
CHAIN = TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", (b"\x30\x03\x02\x01\x01",))
HEADERS: tuple[tuple[tuple[bytes, bytes], ...], ...] = (
    (),
    ((b"Content-Type", b""),),
    ((b"content-type", b"Text/HTML;charset=x"), (b"Content-Type", b"image/png")),
    ((b"Content-Type", b" application/json ; a=b"),),
    ((b"Content-Type", b";x"),),
    ((b"Content-Type", b"text/h\xe9"),),
    ((b"Content-Type", "text/é".encode()),),
    ((b"X-Folded", b"one\r\n two"), (b"Content-Type", b"text/html\r\n\t; charset=utf-8")),
    ((b"Location", b"https://news.example/2"), (b"Content-Type", b"text/html")),
)
RAW = (
    b"HTTP/1.1 200 OK\nContent-Type: text/html\n\nbare LF",
    b"HTTP/1.0 200\r\n\r\nno reason",
    b"HTTP/1.1  200 two spaces\r\nContent-Type : text/html\r\n\r\nx",
    b"HTTP/1.1\r\n\r\nno status",
    b"HTTP/1.1 404 Not Found\r\nno colon here\r\nContent-Type: text/html\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html",
    b"HTTP/1.1 200 OK\r\n \t \r\nContent-Type: text/html\r\n\r\nblank line of spaces",
    b"HTTP/1.1 200 OK\r\n folded at once\r\nContent-Type: text/html\r\n\r\nx",
    b"\r\n\r\nnothing",
    b"<html>no head at all</html>",
    b"HTTP/2 200\r\ncontent-type: text/html\r\n\r\nbrowser-made",
    b"",
)


def record(kind: str, block: bytes, at: datetime = AT, **fields: str) -> bytes:
    """A record; field names are written with underscores."""
    return frame(kind, new_record_id(), at, {name.replace("_", "-"): value for name, value in fields.items()}, block)


def write_odd(folder: Path) -> Path:
    """A WARC file of odd records of every kind."""
    http = {"WARC_Target_URI": URL, "Content_Type": "application/http;msgtype=response"}
    records = [record("response", block, **http) for block in RAW]
    records += [
        record("revisit", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", **http, WARC_Payload_Digest="sha256:00"),
        record("revisit", b"", **http, WARC_Profile="http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"),
        record("resource", b"20260301120000\nnews.example. 60 IN A 192.0.2.1\n",
               WARC_Target_URI="dns:news.example", Content_Type="text/dns"),
        record("resource", b"x", WARC_Target_URI="urn:text:https://news.example/", Content_Type="text/plain; a=b"),
        record("resource", b"x: y\r\n", WARC_Target_URI=URL, Content_Type="application/warc-fields"),
        record("metadata", b"fetchTimeMs: 2\r\n", WARC_Target_URI=URL, Content_Type="application/warc-fields"),
        record("metadata", b"{}", WARC_Target_URI=URL, Content_Type="application/json"),
        record("metadata", b"{}", Content_Type="application/json"),
        record("resource", b"{}", WARC_Target_URI=URL),
        record("conversion", b"x", WARC_Target_URI=URL, Content_Type="text/plain"),
        record("response", RAW[0], **(http | {"WARC_Target_URI": "<https://news.example/wget>"})),
        record("response", RAW[0], **(http | {"WARC_Target_URI": "https://news.example/with space"})),
        record("response", RAW[0], **http, WARC_Payload_Digest="sha1:AAAA"),
    ]  # fmt: skip
    path = folder / "odd.warc.gz"
    path.write_bytes(b"".join(records))
    return path


def write_exchanges(folder: Path, exchanges: Sequence[Exchange], prefix: str = "test") -> Path:
    writer = WarcWriter(folder, {"software": "test"}, prefix=prefix)
    for each in exchanges:
        writer.append(each)
    writer.close()
    return folder / writer.path


def our_lines(path: Path) -> bytes:
    with path.open("rb") as file:
        lines = [line for each in read_records(file, 0) if (line := cdxj_line(each, path.name)) is not None]
    return b"".join(lines)


def test_lines_equal_cdxj_indexers_on_odd_records(tmp_path: Path) -> None:
    path = write_odd(tmp_path)
    ours = our_lines(path)
    assert ours.count(b"\n") == len(RAW) + 10, "a record without a line, or one too many"
    assert ours == cdxj_indexer(str(path))


def test_lines_equal_cdxj_indexers_on_our_writers_exchanges(tmp_path: Path) -> None:
    exchanges = [exchange(URL, b"<html>x</html>", headers=headers) for headers in HEADERS]
    exchanges += [exchange(URL, b"x" * 5000, chunked=chunked, status=status)
                  for chunked in (True, False) for status in (200, 204, 301, 302, 304, 404, 500, 999)]  # fmt: skip
    exchanges += [
        exchange(URL, b""),
        exchange(URL, b"half", truncated="disconnect"),
        exchange(URL, b"<html></html>", tls=CHAIN),
    ]
    exchanges += [exchange(url) for url in urls(2000)]
    path = write_exchanges(tmp_path, exchanges)
    assert our_lines(path) == cdxj_indexer(str(path))


@pytest.mark.long
def test_the_index_equals_cdxj_indexers_on_all_that_a_crawl_writes(tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with running_replica(articles=20) as replica:
        assert crawl(place, replica, day=0, now="leap:2026-06-01T12:00:00Z").code == 0
        replica.set_day(1)
        assert crawl(place, replica, day=1, now="leap:2026-06-02T12:00:00Z").code == 0
    ours = b"".join(CdxjIndex(place.folder / FOLDER).lines())
    with Archive.open(place.folder) as archive:
        assert follow_warcs(archive).records == 0, "a crawl brings the index up to date"
        again = follow_warcs(archive, anew=True)
    assert b"".join(CdxjIndex(place.folder / FOLDER).lines()) == ours
    files = sorted((place.folder / "warc").glob("*.warc.gz"))
    assert len(files) == 2
    theirs = cdxj_indexer("-s", "--dir-root", str(place.folder / "warc"), *map(str, files))
    assert ours == theirs
    assert again.lines == ours.count(b"\n") > 100


def test_certificates_are_left_out_of_the_index_since_replay_would_show_them_for_the_page(tmp_path: Path) -> None:
    path = write_exchanges(tmp_path, [exchange(URL, tls=CHAIN)])
    assert our_lines(path).count(b"application/pem-certificate-chain") == 1
    index = CdxjIndex(tmp_path / "cdxj")
    index.follow([source(path)])
    (line,) = index.lines()
    assert json.loads(line[line.index(b"{") :])["mime"] == "text/html"


def source(path: Path, limit: int | None = None) -> Source:
    return Source(path.name, lambda: path.open("rb"), limit)


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_following_reads_on_and_gives_what_a_rebuild_gives(tmp_path: Path) -> None:
    index = CdxjIndex(tmp_path / "cdxj", chunk=2000)
    paths: list[Path] = []
    for number in range(12):
        asked = urls(200)[number * 10 : number * 10 + 10 * (1 + number % 3)]
        paths.append(write_exchanges(tmp_path, [exchange(url) for url in asked], f"n{number}"))
        done = index.follow([source(path) for path in paths])
        assert done.files == 1, "what was read before is not read again"
    runs = len(index.paths)
    assert runs <= 6
    followed = list(index.lines())
    before = files_of(index.folder)
    assert index.follow([source(path) for path in paths]).records == 0
    assert files_of(index.folder) == before, "nothing new, nothing written"
    rebuilt = CdxjIndex(tmp_path / "again", chunk=2000)
    rebuilt.follow([source(path) for path in paths])
    assert list(rebuilt.lines()) == followed == sorted(followed)
    assert len(followed) == len(set(followed)) > 100
    index.follow([source(path) for path in paths], anew=True)
    assert len(index.paths) == 1
    assert list(index.lines()) == followed


def test_an_open_file_is_read_up_to_its_committed_length(tmp_path: Path) -> None:
    path = write_exchanges(tmp_path, [exchange(f"https://news.example/{n}") for n in range(10)])
    with path.open("rb") as file:
        fifth = [each.offset for each in read_records(file, 0) if each.kind == "response"][4]
    index = CdxjIndex(tmp_path / "cdxj")
    assert index.follow([source(path, limit=fifth)]).lines == 4
    assert index.follow([source(path, limit=fifth)]).records == 0
    assert index.follow([source(path, limit=fifth + 10)]).damaged == [f"{path.name} at byte {fifth}"]
    assert index.follow([source(path)]).lines == 6
    assert len(list(index.lines())) == 10


def test_a_stop_indexes_what_was_read_and_the_next_time_goes_on(tmp_path: Path) -> None:
    paths = [write_exchanges(tmp_path, [exchange(url) for url in urls(20)[at : at + 10]]) for at in (0, 10)]
    sources = [source(path) for path in paths]
    index = CdxjIndex(tmp_path / "cdxj")
    times = 0
    while True:
        done = index.follow(sources, stop=iter([False, False, True]).__next__)
        assert done.damaged == []
        assert done.records <= 3
        if not done.records:
            break
        times += 1
    assert times >= 14
    whole = CdxjIndex(tmp_path / "whole")
    whole.follow(sources)
    assert list(index.lines()) == list(whole.lines())


@pytest.mark.parametrize("change", ["rewritten", "shorter", "gone"])
def test_lines_of_a_file_that_is_no_more_what_was_read_are_taken_out(tmp_path: Path, change: str) -> None:
    first = write_exchanges(tmp_path, [exchange(f"https://one.example/{n}") for n in range(5)])
    second = write_exchanges(tmp_path, [exchange(f"https://two.example/{n}") for n in range(5)])
    index = CdxjIndex(tmp_path / "cdxj")
    sources = [source(first), source(second)]
    index.follow(sources)
    other = write_exchanges(tmp_path / "other", [exchange("https://three.example/")])
    if change == "gone":
        sources = [source(second)]
    else:
        size = first.stat().st_size
        new = other.read_bytes()
        first.write_bytes(new if change == "shorter" else new + first.read_bytes()[: size - len(new)])
    index.follow(sources)
    keys = [line.partition(b")")[0] for line in index.lines()]
    assert keys.count(b"example,two") == 5
    assert keys.count(b"example,three") == (0 if change == "gone" else 1)
    assert keys.count(b"example,one") <= (4 if change == "rewritten" else 0)


def test_a_damaged_file_is_told_and_all_before_the_damage_is_indexed(tmp_path: Path) -> None:
    path = write_exchanges(tmp_path, [exchange(f"https://news.example/{n}") for n in range(5)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    index = CdxjIndex(tmp_path / "cdxj")
    missing = Source("missing", lambda: open_missing(tmp_path))
    done = index.follow([source(path), missing])
    assert (done.lines, len(done.damaged)) == (5, 2)
    path.write_bytes(whole)
    assert index.follow([source(path)]).damaged == []


def open_missing(folder: Path):  # type: ignore[no-untyped-def]
    from storage.warc import open_warc

    return open_warc(folder, "missing.warc.gz")


class Stopped(Exception):
    pass


def test_a_stop_at_any_write_leaves_the_index_as_before_or_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rename in turn is the last thing that a killed process did, or the first that it did not."""
    first = write_exchanges(tmp_path, [exchange(f"https://one.example/{n}") for n in range(3)])
    second = write_exchanges(tmp_path, [exchange(f"https://two.example/{n}") for n in range(3)])
    index = CdxjIndex(tmp_path / "cdxj")
    index.follow([source(first)])
    before = list(index.lines())
    wanted = CdxjIndex(tmp_path / "other")
    wanted.follow([source(first), source(second)])
    rename = Path.replace
    for stop in range(1, 10):
        for after in (False, True):
            count = [0]
            monkeypatch.setattr(Path, "replace", stopping(rename, stop, count, after=after))
            with monkeypatch.context() as _:
                try:
                    index.follow([source(first), source(second)])
                    stopped = False
                except Stopped:
                    stopped = True
            monkeypatch.setattr(Path, "replace", rename)
            assert list(index.lines()) in (before, list(wanted.lines()))
            index.follow([source(first), source(second)])
            assert list(index.lines()) == list(wanted.lines())
            assert {path.name for path in index.folder.iterdir()} == {STATE, "lock", *(p.name for p in index.paths)}
            index.follow([source(first)])
            assert list(index.lines()) == before
        if not stopped:
            assert stop > 2
            return
    raise AssertionError("the index was never whole")


def stopping(rename: Callable[..., Path], stop: int, count: list[int], *, after: bool) -> Callable[..., Path]:
    def replace(path: Path, target: Path) -> Path:
        count[0] += 1
        if count[0] == stop and not after:
            raise Stopped
        done = rename(path, target)
        if count[0] == stop:
            raise Stopped
        return done

    return replace


def test_an_index_that_cannot_be_read_is_made_again(tmp_path: Path) -> None:
    path = write_exchanges(tmp_path, [exchange(URL)])
    index = CdxjIndex(tmp_path / "cdxj")
    index.follow([source(path)])
    wanted = list(index.lines())
    for damage in (b"", b"{}", b"[1]", b'{"form": 99}', b'{"form": 1, "runs": ["../x"], "read": {"a": 1}}'):
        (index.folder / STATE).write_bytes(damage)
        index.follow([source(path)])
        assert list(index.lines()) == wanted
    index.paths[0].unlink()
    index.follow([source(path)])
    assert list(index.lines()) == wanted


def test_a_base_is_gone_on_from_and_left_alone(tmp_path: Path) -> None:
    first = write_exchanges(tmp_path, [exchange("https://one.example/")])
    second = write_exchanges(tmp_path, [exchange("https://two.example/")])
    base = CdxjIndex(tmp_path / "cdxj")
    base.follow([source(first)])
    before = files_of(base.folder)
    index = CdxjIndex(tmp_path / "elsewhere", base=base.folder)
    assert index.follow([source(first), source(second)]).files == 1
    assert len(list(index.lines())) == 2
    assert files_of(base.folder) == before
    index = CdxjIndex(tmp_path / "third", base=base.folder)
    index.follow([source(second)])
    assert [line[:11] for line in index.lines()] == [b"example,two"], "what the base has too much is not shown"


def test_sorting_keeps_memory_flat_however_many_lines_there_are(tmp_path: Path) -> None:
    def peak(number: int) -> int:
        lines = (b"%08d %s\n" % (n * 7919 % number, b"x" * 200) for n in range(number))
        tracemalloc.start()
        try:
            count, last = 0, b""
            for line in sorted_lines(lines, tmp_path, chunk=20_000):
                assert last < line
                count, last = count + 1, line
            assert count == number
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(10_000), peak(60_000)
    assert many < few * 1.5
    assert many < 60_000 * 200 / 8, "no more in memory than all lines would need"
    assert list(sorted_lines([b"b\n", b"a\n", b"b\n"], tmp_path, chunk=1)) == [b"a\n", b"b\n"]


def test_an_imported_wacz_is_indexed_at_places_in_the_zip_file_itself(sqlite_archive: Archive, tmp_path: Path) -> None:
    warc = write_exchanges(tmp_path, [exchange(f"https://one.example/{n}") for n in range(5)]).read_bytes()
    folder = sqlite_archive.warc_folder / "imported"
    folder.mkdir(parents=True)
    for name, compression in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(folder / f"{name}.wacz", "w", compression) as package:
            package.writestr("datapackage.json", "{}")
            package.writestr("archive/data.warc.gz", warc)
    with sqlite_archive.begin() as connection:
        for path in ("stored.wacz", "stored.wacz#archive/data.warc.gz", "deflated.wacz"):
            row = {"path": f"imported/{path}", "writer": "x", "state": "imported", "committed_len": 0}
            connection.execute(warc_file.insert().values(**row))
    assert follow_warcs(sqlite_archive).damaged == []
    lines = list(CdxjIndex(sqlite_archive.folder / FOLDER).lines())
    assert len(lines) == 5
    for line in lines:
        place = json.loads(line[line.index(b"{") :])
        data = (sqlite_archive.warc_folder / place["filename"]).read_bytes()
        member = data[int(place["offset"]) :][: int(place["length"])]
        assert f"WARC-Target-URI: {place['url']}".encode() in gzip.decompress(member)


def test_sources_are_the_archives_files_and_open_ones_end_where_they_are_committed(sqlite_archive: Archive) -> None:
    from tests.keeping import working

    with working(sqlite_archive) as work:
        work.keep(work.find("1")["1"], "https://news.example/detail/1")
        (opened,) = warc_sources(sqlite_archive)
        assert opened.limit is not None
        assert follow_warcs(sqlite_archive).lines == 1
    (closed,) = warc_sources(sqlite_archive)
    assert (closed.name, closed.limit) == (opened.name, None)
    done = follow_warcs(sqlite_archive)
    assert (done.lines, done.damaged) == (0, [])
