"""Other programs read what we write; where one cannot, its own failure is shown (docs/warc.md lists them)."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import brotli
import pytest

from storage.archive import Archive
from storage.exchange import Exchange
from storage.records import Fetch
from storage.replaying import replay_address
from storage.warc import WarcWriter
from tests.keeping import HOUR, PRIMARY, T0, exchange, working
from tests.test_replay import OPENER, replaying

URL = f"https://{PRIMARY}/detail/1"
TEXT = b"<html><h1>Headline</h1><p>" + b"text " * 1000 + b"</p></html>"
CHUNKED = (b"Transfer-Encoding", b"chunked")


def chunks(
    body: bytes, *, size: int = 1000, extension: bytes = b"", trailer: bytes = b"", end: bytes = b"\r\n"
) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x%b%b%b%b" % (len(piece), extension, end, piece, end) for piece in pieces)
    return framed + b"0" + end + trailer + end


def deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def answer(
    wire: bytes, payload: bytes = TEXT, *headers: tuple[bytes, bytes], line: bytes = b"HTTP/1.1 200 OK", **facts: Any
) -> Exchange:
    """An exchange whose body went over the wire as `wire`."""
    fields = ((b"Content-Type", b"text/html; charset=utf-8"), *headers)
    head = line + b"\r\n" + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n"
    made = exchange(URL, payload, headers=fields, status=int(line.split()[1]), **facts)
    return replace(made, response=head + wire, head_length=len(head))


def coded(name: bytes, body: bytes, *, chunked: bool = False) -> Exchange:
    coding = (b"Content-Encoding", name)
    return answer(chunks(body), body, coding, CHUNKED) if chunked else answer(body, body, coding)


READ_BY_ALL: dict[str, Exchange] = {
    "plain": answer(TEXT),
    "chunked": answer(chunks(TEXT), TEXT, CHUNKED),
    "one chunk": answer(chunks(TEXT, size=10_000), TEXT, CHUNKED),
    "gzip": coded(b"gzip", gzip.compress(TEXT)),
    "gzip, chunked": coded(b"gzip", gzip.compress(TEXT), chunked=True),
    "br": coded(b"br", brotli.compress(TEXT)),
    "deflate": coded(b"deflate", zlib.compress(TEXT)),
    "repeated and odd headers": answer(TEXT, TEXT, (b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=\xe9"), (b"X", b"")),
    "HTTP/1.0": answer(TEXT, line=b"HTTP/1.0 200 OK"),
    "no reason": answer(TEXT, line=b"HTTP/1.1 200 "),
    "empty": answer(b"", b""),
    "redirect": answer(b"", b"", (b"Location", b"https://news.example/detail/2"), line=b"HTTP/1.1 302 Found"),
    "not modified": answer(b"", b"", line=b"HTTP/1.1 304 Not Modified"),
    "not found": answer(TEXT, line=b"HTTP/1.1 404 Not Found"),
    "cut": answer(TEXT[:100], TEXT[:100], truncated="disconnect"),
}
EXTENSION = answer(chunks(TEXT, extension=b";name=value"), TEXT, CHUNKED)
TRAILER = answer(chunks(TEXT, trailer=b"X-Digest: abc\r\n"), TEXT, CHUNKED)
RAW = coded(b"deflate", deflated(TEXT))
"""What some servers call deflate, against RFC 9110, 8.4.1.2."""
BARE = answer(chunks(TEXT, end=b"\n"), TEXT, CHUNKED)

Reader = Callable[[Path], bytes]


def by_warcio(path: Path) -> bytes:
    """The payload of the file's response without transfer and content coding."""
    from warcio.archiveiterator import ArchiveIterator
    from warcio.bufferedreaders import BufferedReader

    # warcio wants the interface of brotlipy, which the brotli that Scrapy needs has not.
    BufferedReader.DECOMPRESSORS["br"] = lambda: Brotli()
    with path.open("rb") as file:
        (data,) = [each.content_stream().read() for each in ArchiveIterator(file) if each.rec_type == "response"]
    return bytes(data)


class Brotli:
    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()
        self.unused_data = b""

    def decompress(self, data: bytes) -> bytes:
        return bytes(self._decoder.process(data))

    def flush(self) -> bytes:
        return b""


def by_fastwarc(path: Path) -> bytes:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    records = ArchiveIterator(str(path), record_types=WarcRecordType.response, parse_http=True, auto_decode="all")
    (data,) = [record.reader.read() for record in records]
    return bytes(data)


def block_by_fastwarc(path: Path) -> bytes:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    found = []
    for record in ArchiveIterator(str(path), record_types=WarcRecordType.response, parse_http=False):
        assert record.verify_block_digest()
        found.append(record.reader.read())
    (data,) = found
    return bytes(data)


def block_by_warcio(path: Path) -> bytes:
    from warcio.archiveiterator import ArchiveIterator

    with path.open("rb") as file:
        records = ArchiveIterator(file, no_record_parse=True)
        (data,) = [each.raw_stream.read() for each in records if each.rec_type == "response"]
    return bytes(data)


def written(folder: Path, sent: Exchange) -> Path:
    writer = WarcWriter(folder, {"software": "test"}, prefix="test")
    writer.append(sent)
    writer.close()
    return folder / writer.path


def plain(sent: Exchange) -> bytes:
    """The text that a reader should give."""
    return TEXT[:100] if sent.truncated else TEXT if sent.payload else b""


@pytest.mark.parametrize("name", READ_BY_ALL)
def test_warcio_and_fastwarc_read_the_payload(tmp_path: Path, name: str) -> None:
    sent = READ_BY_ALL[name]
    path = written(tmp_path, sent)
    assert (by_warcio(path), by_fastwarc(path)) == (plain(sent), plain(sent))


@pytest.mark.parametrize("sent", [*READ_BY_ALL.values(), EXTENSION, TRAILER, BARE, RAW])
def test_warcio_and_fastwarc_read_the_block_of_every_record_as_the_wire_had_it(tmp_path: Path, sent: Exchange) -> None:
    path = written(tmp_path, sent)
    assert block_by_warcio(path) == block_by_fastwarc(path) == sent.response


def test_fastwarc_refuses_chunk_extensions_that_the_standard_permits(tmp_path: Path) -> None:
    path = written(tmp_path, EXTENSION)
    assert by_warcio(path) == TEXT
    with pytest.raises(OSError, match="Invalid chunk header"):
        by_fastwarc(path)


def test_warcio_and_fastwarc_take_trailers_for_text_or_refuse_them(tmp_path: Path) -> None:
    path = written(tmp_path, TRAILER)
    assert outcome(by_warcio, path) != TEXT
    assert outcome(by_fastwarc, path) != TEXT


def test_warcio_leaves_chunks_whose_lines_end_in_a_bare_lf(tmp_path: Path) -> None:
    path = written(tmp_path, BARE)
    assert by_warcio(path) == BARE.response[BARE.head_length :]


def test_fastwarc_refuses_deflate_without_its_wrapper(tmp_path: Path) -> None:
    path = written(tmp_path, RAW)
    assert by_warcio(path) == TEXT
    with pytest.raises(OSError, match="decompression error"):
        by_fastwarc(path)


def outcome(read: Reader, path: Path) -> bytes | str:
    try:
        return read(path)
    except OSError as error:
        return str(error)


def test_pywb_reads_all_but_what_warcio_cannot(sqlite_archive: Archive) -> None:
    """It reads by warcio: of a trailer and of chunks with bare LF it makes the same as that."""
    cases = READ_BY_ALL | {"extension": EXTENSION, "trailer": TRAILER, "bare LF": BARE, "raw": RAW}
    cases = {name: each for name, each in cases.items() if each.status in (200, 404)}
    served: dict[str, bytes] = {}
    with working(sqlite_archive) as work:
        numbers = work.find(*map(str, range(len(cases))))
        for number, sent in enumerate(cases.values()):
            own = replace(sent, url=f"https://{PRIMARY}/detail/{number}")
            fetch = Fetch(own, numbers[str(number)], own.url, "pending", T0, True, T0 + HOUR)
            work.writer.keep(fetch).result(20)
        with replaying(sqlite_archive.folder) as (base, _):
            (file,) = work.rows("warc_file")
            for name, row in zip(cases, work.rows("capture"), strict=True):
                address = replay_address(sqlite_archive.warc_folder, file.path, row.offset, base)
                assert address is not None
                served[name] = got(address.replace("mp_/", "id_/"))
    wrong = {name for name, each in cases.items() if served[name] != each.payload}
    assert wrong == {"trailer", "bare LF"}
    assert served["trailer"].startswith(TEXT)


def got(address: str) -> bytes:
    asked = Request(address, headers={"Accept-Encoding": "gzip, deflate, br"})
    try:
        with OPENER.open(asked, timeout=20) as done:
            return bytes(done.read())
    except HTTPError as error:  # the status of the capture
        return bytes(error.read())
