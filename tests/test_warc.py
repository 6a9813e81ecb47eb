"""WARC files: what is written reads back, by our own reader and by others."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.errors import ArchiveDamaged
from storage.exchange import Exchange, TlsFacts
from storage.warc import WarcWriter, open_warc, read_exchange, walk
from storage.warc_reading import WholeExchange, without_chunks
from tests.keeping import exchange

URL = "https://news.example/detail/1"
CHAIN = (b"\x30\x03\x02\x01\x01", b"\x30\x03\x02\x01\x02")


def write(folder: Path, *exchanges: Exchange) -> tuple[str, list[tuple[int, int]]]:
    writer = WarcWriter(folder / "warc", {"software": "test", "description": "two\r\nlines"}, prefix="test")
    appended = [writer.append(each, {"resource": number}) for number, each in enumerate(exchanges)]
    writer.close()
    return writer.path, [(each.offset, each.length) for each in appended]


RESOLVED = ("198.51.100.7", "2001:db8::7")
VARIETY = (
    exchange(URL),
    replace(exchange(URL), addresses=RESOLVED),
    replace(exchange(URL), addresses=RESOLVED),
    exchange(URL, b""),
    exchange(URL, b"x" * 100_000, chunked=True),
    exchange(URL, b"gone", status=404),
    exchange(URL, b"half", truncated="disconnect"),
    exchange(URL, tls=TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", CHAIN)),
    exchange(URL, tls=TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", CHAIN)),
    exchange(URL, headers=((b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=\xe9"), (b"X", b""))),
)


def test_exchanges_read_back_equal(tmp_path: Path) -> None:
    path, places = write(tmp_path, *VARIETY)
    assert [read_exchange(tmp_path, path, *place) for place in places] == list(VARIETY)
    with open_warc(tmp_path / "warc", path) as file:
        met = list(walk(file, 0))
    assert [each.facts["resource"] for each in met if isinstance(each, WholeExchange)] == list(range(len(VARIETY)))
    others = [each.kind for each in met if not isinstance(each, WholeExchange)]
    assert others == ["warcinfo", "resource", "metadata"], "addresses and certificates are written once"


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=3000), chunked=st.booleans(), status=st.integers(200, 599))
def test_any_body_reads_back_equal(tmp_path: Path, body: bytes, chunked: bool, status: int) -> None:
    sent = exchange(URL, body, chunked=chunked, status=status)
    path, (place,) = write(tmp_path, sent)
    assert read_exchange(tmp_path, path, *place) == sent


def test_warcio_checks_every_digest_and_sees_an_altered_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    warcio = pytest.importorskip("warcio.cli", reason="warcio is not installed")
    path, _ = write(tmp_path, *VARIETY)
    with pytest.raises(SystemExit) as done:
        warcio.main(["check", "-v", str(tmp_path / "warc" / path)])
    said = capsys.readouterr().out
    assert (done.value.code, said.count("digest pass")) == (0, 3 + 3 * len(VARIETY))
    assert "not checked" not in said
    broken = tmp_path / "broken.warc"
    plain = decompressed(tmp_path / "warc" / path)
    broken.write_bytes(plain.replace(b"<html>text", b"<html>TEXT", 1))
    with pytest.raises(SystemExit) as done:
        warcio.main(["check", str(broken)])
    assert done.value.code == 1


def test_fastwarc_reads_every_record_at_the_offsets_given(tmp_path: Path) -> None:
    warc = pytest.importorskip("fastwarc.warc", reason="FastWARC is not installed")
    path, places = write(tmp_path, *VARIETY)
    responses = []
    for record in warc.ArchiveIterator(str(tmp_path / "warc" / path), parse_http=False):
        assert record.verify_block_digest()
        if record.record_type == warc.WarcRecordType.response:
            responses.append((record.stream_pos, record.reader.read()))
    assert responses == [(offset, each.response) for (offset, _), each in zip(places, VARIETY, strict=True)]


def test_the_payload_digest_is_left_out_where_standard_and_check_differ(tmp_path: Path) -> None:
    path, _ = write(tmp_path, *VARIETY)
    with open_warc(tmp_path / "warc", path) as file:
        whole = [each for each in walk(file, 0) if isinstance(each, WholeExchange)]
    for each, sent in zip(whole, VARIETY, strict=True):
        digested = "warc-payload-digest" in each.response.fields
        assert digested == (sent.header("transfer-encoding") is None)
        assert each.response.fields.get("warc-truncated") == sent.truncated
        assert each.response.fields["warc-ip-address"] == "127.0.0.1"
        assert each.request.fields["warc-concurrent-to"] == each.response.id
    protected = whole[7].response.fields
    assert (protected["warc-protocol"], protected["warc-cipher-suite"]) == ("tls/1.3", "TLS_AES_128_GCM_SHA256")


def test_what_is_cut_altered_too_large_or_gone_is_damaged(tmp_path: Path) -> None:
    path, places = write(tmp_path, *VARIETY)
    place = tmp_path / "warc" / path
    whole = place.read_bytes()
    last, length = places[-1]
    assert read_exchange(tmp_path, path, last, length).url == URL
    damages: dict[str, bytes] = {
        "cut off": whole[: last + length // 2],
        # The member's checksum and size alone (RFC 1952, 2.3.1): altered deflate data may also just never end.
        "broken|digest": whole[: last + length - 8] + bytes(8) + whole[last + length :],
        "cut off|request": whole[: last + length],
    }
    for told, data in damages.items():
        place.write_bytes(data)
        with pytest.raises(ArchiveDamaged, match=told):
            read_exchange(tmp_path, path, last, length)
    place.write_bytes(whole)
    with pytest.raises(ArchiveDamaged, match="no response record"):
        read_exchange(tmp_path, path, 0, places[0][0])
    with pytest.raises(ArchiveDamaged, match="larger than"):
        read_exchange(tmp_path, path, *places[4], limit=50_000)
    place.unlink()
    with pytest.raises(ArchiveDamaged, match="missing"):
        read_exchange(tmp_path, path, last, length)


@given(st.binary(max_size=300))
def test_any_chunked_body_is_read_without_error(body: bytes) -> None:
    assert len(without_chunks(body)) <= len(body)


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (b"5;name=value\r\nhello\r\n0\r\nTrailer: x\r\n\r\n", b"hello"),
        (b"5\nhello\n0\n\n", b"hello"),
        (b"5\r\nhello\r\n5\r\nwo", b"hellowo"),
        (b"no framing", b""),
    ],
)
def test_chunks_are_taken_out_as_servers_send_them(wire: bytes, body: bytes) -> None:
    assert without_chunks(wire) == body


def test_a_hostile_url_or_cipher_cannot_forge_a_field(tmp_path: Path) -> None:
    sent = exchange("https://news.example/a\r\nWARC-Type: resource", tls=TlsFacts("TLSv1.2", "x\r\nWARC-Type: y"))
    path, (place,) = write(tmp_path, sent)
    with open_warc(tmp_path / "warc", path) as file:
        whole = next(each for each in walk(file, 0) if isinstance(each, WholeExchange))
    assert whole.response.kind == "response"
    assert whole.response.fields["warc-target-uri"] == "https://news.example/a%0D%0AWARC-Type:%20resource"
    assert read_exchange(tmp_path, path, *place).url == sent.url


def decompressed(place: Path) -> bytes:
    import gzip

    with gzip.open(io.BytesIO(place.read_bytes())) as file:
        data: Any = file.read()
    return bytes(data)
