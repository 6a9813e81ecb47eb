"""Files that others wrote are read whole, and of damaged ones everything but the damage."""

from __future__ import annotations

import gzip
import hashlib
import resource
import struct
import warnings
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from storage.errors import ArchiveDamaged
from storage.foreign import BadRecord, FoundRecord, Scan, exchange_of, open_part, parts_of, read_foreign
from tests.foreign import (
    PACKINGS,
    URL,
    all_packed,
    arc,
    each_packed,
    http,
    record,
    scanned,
    wacz,
)

LIMIT = 64 << 20
PAGES = [http(f"<html>{f'page {number} ' * (number * 40 + 1)}</html>".encode()) for number in range(5)]
RECORDS = [record(block=page, uri=URL.format(number)) for number, page in enumerate(PAGES)]
WARC_DATA = Path(__file__).parents[2] / "shared" / "data" / "warc"


def kept(tmp_path: Path, content: bytes, name: str = "x.warc") -> Path:
    place = tmp_path / name
    place.write_bytes(content)
    return place


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_gives_every_record_and_each_is_read_back_from_its_place(tmp_path: Path, packing: str) -> None:
    place = kept(tmp_path, PACKINGS[packing](RECORDS))
    found, bad = scanned(place)
    assert bad == []
    assert [each.block for _, each in found] == PAGES
    for path, each in found:
        here = each.place
        again = read_foreign(tmp_path, path, here.offset, here.length, limit=LIMIT)
        assert (again.url, again.response) == (each.head.uri, each.block)
        with open_part(tmp_path, path) as view:
            view.seek(here.offset)
            assert hashlib.sha256(view.read(here.length)).hexdigest() == here.sha256
    with pytest.raises(ArchiveDamaged):
        read_foreign(tmp_path, found[0][0], found[0][1].place.offset + 1, found[0][1].place.length, limit=LIMIT)


@pytest.mark.parametrize("packing", ["plain", "each"])
@pytest.mark.parametrize("kind", ["warc", "arc"])
def test_warcio_reads_the_same_out_of_the_same_file(tmp_path: Path, packing: str, kind: str) -> None:
    rows = RECORDS if kind == "warc" else arc(*((URL.format(number), page) for number, page in enumerate(PAGES)))
    place = kept(tmp_path, PACKINGS[packing](rows), f"x.{kind}")
    ours = [(each.head.uri, each.block) for _, each in scanned(place)[0] if each.head.kind == "response"]
    with place.open("rb") as file:
        theirs = [
            (each.rec_headers.get_header("WARC-Target-URI"), each.content_stream().read())
            for each in ArchiveIterator(file, no_record_parse=True, arc2warc=True)
            if each.rec_type == "response"
        ]
    assert len(ours) == 5
    assert ours == theirs


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("packing", ["plain", "each", "all"])
def test_a_wacz_is_read_in_place(tmp_path: Path, packing: str, *, stored: bool) -> None:
    inner = PACKINGS[packing](RECORDS)
    name = "archive/data.warc" + ("" if packing == "plain" else ".gz")
    place = kept(tmp_path, wacz({name: inner, "archive/../../up.warc": RECORDS[0]}, stored=stored), "x.wacz")
    found, bad = scanned(place)
    assert bad == []
    assert [each.block for _, each in found] == [*PAGES, PAGES[0]]
    assert found[0][0].startswith("x.wacz#" + name)
    for path, each in found:
        assert read_foreign(tmp_path, path, each.place.offset, each.place.length, limit=LIMIT).response == each.block
    assert [each.name for each in tmp_path.iterdir()] == ["x.wacz"]


def test_a_wacz_in_a_zip_is_read_and_one_without_its_end_as_far_as_it_goes(tmp_path: Path) -> None:
    inner = wacz({"archive/data.warc.gz": each_packed(RECORDS)})
    found, bad = scanned(kept(tmp_path, wacz({"one.wacz": inner}), "many.zip"))
    assert (len(found), bad) == (5, [])
    assert found[0][0] == "many.zip#one.wacz#archive/data.warc.gz"
    cut = kept(tmp_path, inner[: inner.index(b"pages/pages.jsonl")], "cut.wacz")
    with cut.open("rb") as file:
        given = list(Scan(file, lambda head: True))
    assert [each.block for each in given if isinstance(each, FoundRecord)] == PAGES
    assert any(isinstance(each, BadRecord) for each in given)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("packing", ["plain", "each", "all"])
def test_arc_files_are_read(tmp_path: Path, packing: str, version: int) -> None:
    rows = arc(*((URL.format(number), page) for number, page in enumerate(PAGES)), version=version)
    found, bad = scanned(kept(tmp_path, PACKINGS[packing](rows), "x.arc"))
    assert bad == []
    assert [(each.head.uri, each.block) for _, each in found[1:]] == [
        (URL.format(number), page) for number, page in enumerate(PAGES)
    ]
    path, last = found[-1]
    again = read_foreign(tmp_path, path, last.place.offset, last.place.length, limit=LIMIT)
    assert (again.status, again.payload, again.started_at.isoformat()) == (
        200, exchange_of(last).payload, "2019-05-06T07:09:04+00:00",
    )  # fmt: skip


def one(tmp_path: Path, content: bytes) -> FoundRecord:
    found, bad = scanned(kept(tmp_path, content))
    assert bad == []
    return found[0][1]


@pytest.mark.parametrize(
    ("message", "status", "payload", "left"),
    [
        (http(b"<p>x", "content-type: text/html", "content-encoding: br", status="HTTP/2 200"), 200, b"<p>x", 1),
        (http(b"<p>x", "Content-Encoding: gzip"), 200, b"<p>x", 0),
        (http(gzip.compress(b"<p>x", mtime=0), "Content-Encoding: gzip"), 200, gzip.compress(b"<p>x", mtime=0), 1),
        (http(zlib.compress(b"<p>x" * 9), "Content-Encoding: deflate"), 200, zlib.compress(b"<p>x" * 9), 1),
        (http(b"4\r\n<p>x\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 200, b"<p>x", 1),
        (http(b"<p>x", "Transfer-Encoding: chunked"), 200, b"<p>x", 0),
        (http(b"abc\nis no chunk", "Transfer-Encoding: chunked"), 200, b"abc\nis no chunk", 0),
        (http(b"", "Location: /x", status="HTTP/1.0 302 "), 302, b"", 1),
        (http(b"", "Location: /x", status="HTTP/1.0 302"), 302, b"", 1),
        (b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n<p>x", 200, b"<p>x", 1),
    ],
)
def test_messages_are_read_as_their_writers_meant_them(
    tmp_path: Path, message: bytes, status: int, payload: bytes, left: int
) -> None:
    exchange = exchange_of(one(tmp_path, record(block=message)))
    assert (exchange.status, exchange.payload, exchange.response) == (status, payload, message)
    assert len(exchange.headers) == left, "a coding that was undone already is none of the headers"


def test_resource_records_and_odd_heads_are_read(tmp_path: Path) -> None:
    page = exchange_of(one(tmp_path, record("resource", b"<p>x", Content_Type="text/html")))
    assert (page.status, page.payload, page.header("content-type")) == (200, b"<p>x", "text/html")
    assert exchange_of(one(tmp_path, record(uri="<https://news.example/a b>"))).url == "https://news.example/a%20b"
    assert (
        one(tmp_path, record(newline=b"\n", version="WARC/1.1", date="2019-05-06T07:08:09.123456789Z")).head.at.year
        == 2019
    )
    assert one(tmp_path, record(date="2019-05")).head.at.isoformat() == "2019-05-01T00:00:00+00:00"
    for date in ("2019-05-06T09:08:07+02:00", "2019-05-06T03:38:07-0330", "20190506070807", "2019-05-06t07:08:07z"):
        assert one(tmp_path, record(date=date)).head.at.isoformat() == "2019-05-06T07:08:07+00:00"
    folded = record(WARC_Truncated="length\r\n\tand more").replace(b"WARC-Type", b"warc-type")
    assert one(tmp_path, folded).head.fields["warc-truncated"] == "length and more"


def test_urls_that_differ_in_a_byte_are_two_whatever_their_character_set(tmp_path: Path) -> None:
    urls = []
    for byte in (b"\xe9", b"\xe8", "\xe9".encode()):
        row = record(uri="https://news.example/caf@").replace(b"caf@", b"caf" + byte)
        urls.append(exchange_of(one(tmp_path, row)).url)
    assert urls == [f"https://news.example/caf{each}" for each in ("%E9", "%E8", "%C3%A9")]


def test_a_broken_file_within_another_costs_no_other(tmp_path: Path) -> None:
    good = wacz({"archive/data.warc.gz": each_packed(RECORDS)}, stored=False)
    broken = {"cut.wacz": good[:-40], "no.wacz": wacz({"x.txt": b"x"}), "junk.wacz": b"PK\x03\x04" + bytes(90)}
    place = kept(tmp_path, wacz(broken | {"one.wacz": good}, stored=False), "many.zip")
    found, bad = scanned(place)
    assert [(path, each.block) for path, each in found] == [
        ("many.zip#one.wacz#archive/data.warc.gz", page) for page in PAGES
    ]
    assert len(bad) >= len(broken)
    whole = bytearray(place.read_bytes())
    at = whole.index(b"junk.wacz") + len(b"junk.wacz")
    whole[at : at + 4] = b"\xff" * 4  # what the entry was compressed to
    place.write_bytes(whole)
    with place.open("rb") as file:
        assert "#one.wacz#archive/data.warc.gz" in [part.steps for part in parts_of(file)]


def test_an_entry_that_reaches_into_another_is_not_unpacked(tmp_path: Path) -> None:
    """Of such a file a few bytes can be unpacked again and again, as often as it has entries."""
    whole = wacz({f"{name}.warc": record(uri=URL.format(name)) for name in "ab"}, stored=False)
    at = whole.rindex(b"PK\x01\x02", 0, whole.rindex(b"a.warc"))  # where the directory tells of it
    length = struct.unpack("<I", whole[at + 20 : at + 24])[0]
    (place := tmp_path / "x.wacz").write_bytes(whole)
    assert read_back(place, "a.warc") == 1
    place.write_bytes(whole[: at + 20] + struct.pack("<I", length + 40) + whole[at + 24 :])
    assert read_back(place, "b.warc") == 1
    with pytest.raises(ArchiveDamaged, match="reaches into"):
        read_back(place, "a.warc")


def test_an_entry_that_is_not_where_the_directory_has_it_costs_no_other(tmp_path: Path) -> None:
    whole = wacz({f"{name}.warc": record(uri=URL.format(name)) for name in "abc"})
    at = whole.rindex(b"PK\x01\x02", 0, whole.rindex(b"b.warc"))
    offset = struct.unpack("<I", whole[at + 42 : at + 46])[0]
    place = tmp_path / "x.wacz"
    for false in (offset - 30, 5, len(whole) + 100):
        place.write_bytes(whole[: at + 42] + struct.pack("<I", false) + whole[at + 46 :])
        assert [read_back(place, f"{name}.warc") for name in "ac"] == [1, 1]
        with pytest.raises(ArchiveDamaged, match="header is missing"):
            read_back(place, "b.warc")


def read_back(place: Path, entry: str) -> int:
    """How many records an entry of a zip file holds."""
    with open_part(place.parent, f"{place.name}#{entry}") as view:
        return len(list(Scan(view, lambda head: True)))


def test_entries_of_one_name_are_two_files(tmp_path: Path) -> None:
    place = tmp_path / "x.wacz"
    with zipfile.ZipFile(place, "w") as target, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row in RECORDS[:2]:
            target.writestr("archive/data.warc.gz", each_packed([row]))
    found, bad = scanned(place)
    assert ([each.block for _, each in found], bad) == (PAGES[:2], [])
    for path, each in found:
        assert read_foreign(tmp_path, path, each.place.offset, each.place.length, limit=LIMIT).response == each.block
    with pytest.raises(ArchiveDamaged):
        open_part(tmp_path, found[0][0].rpartition("@")[0] + "@7")


def test_segments_are_put_together_and_a_lost_one_shows(tmp_path: Path) -> None:
    whole = http(b"<html>" + b"words " * 500 + b"</html>")
    first = record(block=whole[:1000], WARC_Segment_Number="1", record_id="<urn:uuid:a>")
    second = record("continuation", whole[1000:2000], WARC_Segment_Number="2", WARC_Segment_Origin_ID="<urn:uuid:a>")
    third = record(
        "continuation", whole[2000:], WARC_Segment_Number="3", WARC_Segment_Origin_ID="<urn:uuid:a>",
        WARC_Segment_Total_Length=str(len(whole)),
    )  # fmt: skip
    place = kept(tmp_path, each_packed([first, RECORDS[0], second, third]))
    found, bad = scanned(place)
    joined = next(each for _, each in found if len(each.further) == 2)
    assert (joined.block, bad) == (whole, [])
    again = read_foreign(tmp_path, place.name, joined.place.offset, joined.place.length, limit=LIMIT)
    assert (again.response, again.truncated) == (whole, None)
    found, _ = scanned(kept(tmp_path, each_packed([first, RECORDS[0]])))
    assert exchange_of(next(each for _, each in found if not each.whole)).truncated == "unspecified"


WHOLE = http(b"<html>" + b"".join(b"word %d " % number for number in range(500)) + b"</html>")
CUTS = (0, 1000, 2000, len(WHOLE))


def segments(name: str = "a", total: int = len(WHOLE)) -> list[bytes]:
    """A record cut into three."""
    uri = f"<urn:uuid:{name}>"
    blocks = [WHOLE[start:end] for start, end in pairwise(CUTS)]
    first = record(block=blocks[0], WARC_Segment_Number="1", record_id=uri)
    more = [
        record("continuation", block, WARC_Segment_Number=str(number), WARC_Segment_Origin_ID=uri,
               WARC_Segment_Total_Length=str(total) if number == 3 else "")
        for number, block in enumerate(blocks[1:], 2)
    ]  # fmt: skip
    return [first, *more]


FAR = [record("metadata", b"x: y\r\n", URL.format(number)) for number in range(1_000)]


@pytest.mark.parametrize(
    ("rows", "whole"),
    [
        ([0, 1, 2], True),
        ([0, 2, 1], True),
        ([0, 1, 1, 2], True),
        ([0, 2], False),
        ([0, 1], False),
        ([0], False),
        ([1, 2, 0], False),
        ([0, None, 1, 2], False),
    ],
)
@pytest.mark.parametrize("packing", ["plain", "each", "all"])
def test_segments_make_a_record_when_none_is_missing(
    tmp_path: Path, packing: str, rows: list[int | None], *, whole: bool
) -> None:
    parts = [segments()[each] if each is not None else FAR for each in rows]
    content = [one for each in parts for one in (each if isinstance(each, list) else [each])]
    place = kept(tmp_path, PACKINGS[packing](content))
    found, bad = scanned(place)
    ((path, joined),) = ((path, each) for path, each in found if each.head.segment == 1)
    assert (joined.whole, joined.block, bad) == (whole, WHOLE if whole else WHOLE[:1000], [])
    here = joined.place
    again = read_foreign(tmp_path, path, here.offset, here.length, limit=LIMIT)
    assert (again.response, again.truncated) == (joined.block, None if whole else "unspecified"), "it reads back alike"


def test_segments_that_are_not_as_long_as_was_said_make_no_record(tmp_path: Path) -> None:
    found, _ = scanned(kept(tmp_path, each_packed(segments(total=len(WHOLE) + 1))))
    assert [each.whole for _, each in found if each.head.segment == 1] == [False]


def test_segments_are_held_for_few_records_at_once_and_only_up_to_the_limit(tmp_path: Path) -> None:
    firsts = [segments(str(number))[0] for number in range(20)]
    found, bad = scanned(kept(tmp_path, each_packed([*firsts, *segments("0")[1:], *RECORDS])))
    assert [each.whole for _, each in found if each.head.segment == 1] == [True, *[False] * 7]
    assert len(bad) == 12
    assert {each.block for _, each in found} > set(PAGES)
    place = kept(tmp_path, each_packed([*segments(), RECORDS[0]]))
    with place.open("rb") as file:
        given = list(Scan(file, lambda head: True, limit=CUTS[2] + 10))
    assert [each.block if isinstance(each, FoundRecord) else "larger" for each in given] == ["larger", PAGES[0]]
    assert isinstance(given[0], BadRecord)
    assert "larger" in given[0].reason


BAD = {
    "no length": record(length=""),
    "two lengths": record().replace(b"Content-Length", b"Content-Length: 3\r\nContent-Length"),
    "a length below zero": record(length=-5),
    "a huge length": record(length=10**30),
    "too long": record(length=30),
    "too short": record(length=10_000_000),
    "a little too short": record(length=len(http(b"<html>text</html>")) + 40),
    "a wrong digest": record(WARC_Block_Digest="sha1:" + "0" * 40),
    "a wrong payload digest": record(digest=False, WARC_Payload_Digest="sha1:" + "0" * 40),
    "no date": record(date=""),
    "a date before the web": record(date="1970-01-01T00:00:00Z"),
    "no such date": record(date="2019-02-31T00:00:00Z"),
    "no HTTP": record(block=b"HTTPX/1.1 200 OK\r\n\r\n"),
    "a type twice": record().replace(b"WARC-Type: response", b"WARC-Type: request\r\nWARC-Type: response"),
    "no record": b"This is no record.\r\n\r\n",
    "a head without end": b"WARC/1.0\r\nWARC-Type: response\r\n",
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("packing", ["plain", "each", "all", "zstd"])
def test_a_bad_record_is_named_with_its_place_and_all_others_are_kept(tmp_path: Path, packing: str, name: str) -> None:
    rows = [*RECORDS[:2], BAD[name], *RECORDS[2:]]
    found, bad = scanned(kept(tmp_path, PACKINGS[packing](rows)))
    assert [each.block for _, each in found if each.block in PAGES] == PAGES
    assert len(found) == len(PAGES)
    assert len(bad) == 1
    assert bad[0].reason
    offset = len(PACKINGS[packing](rows[:2])) if packing != "all" else 0
    inside = len(b"".join(rows[:2])) if packing == "all" else 0
    assert (bad[0].offset, bad[0].inside) == (offset, inside)


def test_records_that_a_wrong_length_swallows_are_found(tmp_path: Path) -> None:
    swallowing = record(length=len(PAGES[0]) + len(b"".join(RECORDS[1:4])))
    for packed in (b"".join, all_packed):
        found, bad = scanned(kept(tmp_path, packed([RECORDS[0], swallowing, *RECORDS[1:]])))
        assert [each.block for _, each in found] == PAGES
        assert len(bad) == 1


def test_a_member_that_grows_a_thousandfold_is_given_up_in_little_memory(tmp_path: Path) -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    size = 3 << 30
    head = record(block=b"", length=size)[:-4]
    packed = bomb.compress(head) + b"".join(bomb.compress(bytes(1 << 20)) for _ in range(200)) + bomb.flush()
    place = kept(tmp_path, RECORDS[0] and each_packed(RECORDS[:2]) + packed + each_packed(RECORDS[2:]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found, bad = scanned(place)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, "kilobytes"
    assert [each.block for _, each in found] == PAGES
    assert "200-fold" in bad[0].reason


def test_a_record_larger_than_the_limit_is_passed_over_and_named(tmp_path: Path) -> None:
    place = kept(tmp_path, each_packed([RECORDS[0], record(block=http(bytes(200_000))), RECORDS[1]]))
    with place.open("rb") as file:
        given = list(Scan(file, lambda head: True, limit=100_000))
    assert [type(each) for each in given] == [FoundRecord, BadRecord, FoundRecord]


def test_a_scan_goes_on_where_another_had_come_to(tmp_path: Path) -> None:
    place = kept(tmp_path, each_packed(RECORDS))
    with place.open("rb") as file:
        scan = Scan(file, lambda head: True)
        first = [found for step, _ in zip(scan.steps(), range(2), strict=False) for found in step]
        rest = list(Scan(file, lambda head: True, start=scan.position))
    assert [each.block for each in (*first, *rest) if isinstance(each, FoundRecord)] in (
        PAGES,
        [*PAGES[:2], *PAGES[1:]],
    )


@settings(max_examples=150, deadline=None)
@given(packing=st.sampled_from(["plain", "each", "all", "cut", "zstd"]), data=st.data())
def test_every_record_before_a_cut_is_read(
    tmp_path_factory: pytest.TempPathFactory, packing: str, data: st.DataObject
) -> None:
    whole = PACKINGS[packing](RECORDS)
    cut = data.draw(st.integers(1, len(whole) - 1))
    found, bad = scanned(kept(tmp_path_factory.mktemp("cut"), whole[:cut]))
    blocks = [each.block for _, each in found]
    assert blocks == PAGES[: len(blocks)]
    assert len(blocks) >= whole_before(whole, cut, packing)
    if packing in ("each", "zstd") and len(blocks) < 5 and cut not in ends(packing):
        assert bad


@settings(max_examples=150, deadline=None)
@given(packing=st.sampled_from(["plain", "each", "zstd"]), junk=st.binary(max_size=40), data=st.data())
def test_every_record_behind_a_lost_beginning_is_read(
    tmp_path_factory: pytest.TempPathFactory, packing: str, junk: bytes, data: st.DataObject
) -> None:
    whole = PACKINGS[packing](RECORDS)
    cut = data.draw(st.integers(1, ends(packing)[-2]))
    place = kept(tmp_path_factory.mktemp("cut"), b"." + junk + b"." + whole[cut:])
    found, bad = scanned(place)
    lost = sum(start < cut for start in [0, *ends(packing)[:-1]])
    if packing == "plain" and cut in ends(packing):
        lost += 1  # its first line is none now
    assert [each.block for _, each in found] == PAGES[lost:]
    assert bad


@pytest.mark.parametrize("packing", ["each", "zstd"])
def test_a_record_in_front_of_one_that_holds_a_packed_one_is_not_packed(tmp_path: Path, packing: str) -> None:
    holding = record(block=http(PACKINGS[packing](RECORDS[:1])))
    found, bad = scanned(kept(tmp_path, b"XARC/" + RECORDS[0][5:] + holding + RECORDS[1]))
    assert len(found) == 2
    assert len(bad) == 1


def test_a_skippable_frame_longer_than_its_file_costs_no_record(tmp_path: Path) -> None:
    frames = [PACKINGS["zstd"]([each]) for each in RECORDS]
    skippable = b"\x50\x2a\x4d\x18" + struct.pack("<I", 3) + b"abc"
    found, bad = scanned(kept(tmp_path, frames[0] + skippable + b"".join(frames[1:])))
    assert ([each.block for _, each in found], bad) == (PAGES, [])
    lying = b"\x50\x2a\x4d\x18\xff\xff\xff\xff"
    found, bad = scanned(kept(tmp_path, frames[0] + lying + b"".join(frames[1:])))
    assert [each.block for _, each in found] == PAGES
    assert [(each.offset, each.reason) for each in bad] == [(len(frames[0]), "this zstd frame is cut off")]


def ends(packing: str) -> list[int]:
    """Where each record ends in a file that is packed so."""
    return [len(PACKINGS[packing](RECORDS[: number + 1])) for number in range(len(RECORDS))]


def whole_before(whole: bytes, at: int, packing: str) -> int:
    """How many records lie wholly before a byte of a file."""
    if packing not in ("all", "cut"):
        return sum(end <= at for end in ends(packing))
    unpacked = b""
    rest = whole[:at]
    while rest:
        member = zlib.decompressobj(31)
        unpacked += member.decompress(rest)
        if packing == "cut" and not member.eof:
            unpacked = unpacked[: len(unpacked) // 300 * 300]  # of a member that is broken there is no certainty
        rest = member.unused_data
    lengths = [len(b"".join(RECORDS[: number + 1])) for number in range(len(RECORDS))]
    # The last record ends with its member, whose checksum is lost then.
    return sum(end <= len(unpacked) for end in lengths) - (len(unpacked) == lengths[-1])


@settings(max_examples=300, deadline=None)
@given(packing=st.sampled_from(["plain", "each", "all", "cut", "zstd", "dictionary"]), data=st.data())
def test_a_flip_costs_no_record_but_the_one_that_it_hits(
    tmp_path_factory: pytest.TempPathFactory, packing: str, data: st.DataObject
) -> None:
    whole = bytearray(PACKINGS[packing](RECORDS))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    found, _ = scanned(kept(tmp_path_factory.mktemp("flip"), bytes(whole)))
    blocks = [each.block for _, each in found]
    if packing in ("plain", "each", "zstd"):
        hit = whole_before(bytes(whole), at, packing)
        assert [each for each in PAGES if each not in blocks] in ([], [PAGES[hit]])
    elif packing == "all" and at > 10:
        number = whole_before(PACKINGS[packing](RECORDS), at, packing)
        assert blocks[:number] == PAGES[:number], "what stands before the damage"


@settings(max_examples=200, deadline=None)
@given(
    content=st.binary(max_size=3000),
    kind=st.sampled_from(
        [b"", b"WARC/1.0\r\n", b"\x1f\x8b\x08\x00", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"\x5d\x2a\x4d\x18"]
    ),
)
def test_no_bytes_break_the_scanner(tmp_path_factory: pytest.TempPathFactory, content: bytes, kind: bytes) -> None:
    place = kept(tmp_path_factory.mktemp("any"), kind + content + each_packed(RECORDS[:1]))
    with place.open("rb") as file:
        for each in Scan(file, lambda head: True):
            assert isinstance(each, BadRecord) or exchange_of(each)


def test_every_file_of_the_shared_data_is_read_or_refused_with_reasons(tmp_path: Path) -> None:
    files = sorted(WARC_DATA.iterdir()) if WARC_DATA.is_dir() else []
    if not files:
        pytest.skip("../shared/data/warc is not here")
    for place in files:
        found, bad = scanned(place)
        assert found or bad, place.name
        assert all(each.reason for each in bad)
        for path, each in found:
            if each.head.kind in ("response", "resource", "revisit"):
                again = read_foreign(place.parent, path, each.place.offset, each.place.length, limit=LIMIT)
                assert again.response == each.block, place.name
    good = {place.name for place in files if not scanned(place)[1]}
    assert {"pywb-bad.arc", "warcio-bad.arc"} & good == set()
    assert "warcio-example.warc" in good
