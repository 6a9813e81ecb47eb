"""The musts of WARC 1.1 (ISO 28500:2017, as published by the IIPC) that concern a writer of our records, clause by
clause, each with a test on all that a variety of exchanges makes, and a broken twin that the same test refuses.

Musts for record types that we never write (conversion, continuation, segments, ftp) are met by their absence, which the
test of 5.5 holds.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from storage.exchange import Exchange, TlsFacts
from storage.warc import WarcWriter
from storage.warc_exchanges import Original
from tests.keeping import exchange

URL = "https://news.example/detail/1?a=b c"
CHAIN = (b"\x30\x03\x02\x01\x01",)
VARIETY: tuple[Exchange, ...] = (
    exchange(URL),
    exchange(URL, b"x" * 5_000, chunked=True),
    exchange(URL, b"gone", status=404),
    exchange(URL, b"half", truncated="disconnect"),
    exchange(URL, b"", status=301, headers=((b"Location", b"/elsewhere"),)),
    exchange("https://news.example/\u00e4\r\nWARC-Type: resource"),
    replace(exchange(URL, tls=TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", CHAIN)), peer_address="2001:db8::7"),
    replace(exchange(URL), addresses=("198.51.100.7", "2001:db8::7")),
    replace(exchange(URL), peer_address="proxy.example"),
)
OWN_TYPES = {"warcinfo", "response", "request", "resource", "metadata", "revisit"}
NO_PAYLOAD = {"warcinfo", "metadata"}
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"


@dataclass(frozen=True)
class Raw:
    """A record as an independent reading of its bytes gives it: fields in order, names as written."""

    version: str
    fields: tuple[tuple[str, str], ...]
    block: bytes
    end: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def one(self, name: str) -> str:
        return (self.all(name) or [""])[0]

    @property
    def kind(self) -> str:
        return self.one("WARC-Type")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A WARC file with all that we write, decompressed."""
    folder = tmp_path_factory.mktemp("standard")
    writer = WarcWriter(folder, {"software": "Presskeep", "description": "two\r\nlines"}, prefix="test")
    for each in VARIETY:
        writer.append(each, {"resource": 1})
    original = Original(
        1, "<urn:uuid:00000000-0000-4000-8000-000000000000>", URL.replace(" ", "%20"), "2026-03-01T00:00:00Z"
    )
    writer.append(exchange(URL, b"y" * 2_000), {}, original)
    writer.append(exchange(URL, b"", status=304), {}, original)
    writer.close()
    packed = (folder / writer.path).read_bytes()
    with gzip.open(io.BytesIO(packed)) as file:
        return bytes(file.read())


def read(data: bytes) -> list[Raw]:
    """The records by the grammar of section 4 alone, without any reader of ours."""
    records = []
    at = 0
    while at < len(data):
        head_end = data.index(b"\r\n\r\n", at)
        lines = data[at:head_end].decode("utf-8").split("\r\n")
        fields = tuple((line.partition(":")[0], line.partition(":")[2].strip()) for line in lines[1:])
        length = int(next(value for name, value in fields if name == "Content-Length"))
        start = head_end + 4
        records.append(Raw(lines[0], fields, data[start : start + length], data[start + length : start + length + 4]))
        at = start + length + 4
    return records


def legal_date(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", text):
        return False
    return datetime.fromisoformat(text).tzinfo is not None


def legal_uri(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+", text.strip("<>")) is not None


def same_date_in_an_event(records: Sequence[Raw]) -> bool:
    dates = {each.one("WARC-Record-ID"): each.one("WARC-Date") for each in records}
    return all(
        dates.get(other, each.one("WARC-Date")) == each.one("WARC-Date")
        for each in records
        for other in each.all("WARC-Concurrent-To")
    )


def payload_of(record: Raw) -> bytes:
    return record.block.partition(b"\r\n\r\n")[2]


Rule = Callable[[Sequence[Raw]], bool]


def each(check: Callable[[Raw], bool], *kinds: str) -> Rule:
    return lambda records: all(check(record) for record in records if not kinds or record.kind in kinds)


def digest_holds(record: Raw, name: str, content: bytes) -> bool:
    stated = record.one(name)
    return not stated or stated == f"sha256:{hashlib.sha256(content).hexdigest()}"


CLAUSES: dict[str, tuple[Rule, Callable[[bytes], bytes]]] = {
    "4: a record ends in two newlines": (
        each(lambda r: r.end == b"\r\n\r\n"),
        lambda data: data[:-1] + b" ",
    ),
    "4: the version comes first in every record": (
        each(lambda r: r.version == "WARC/1.1"),
        lambda data: data.replace(b"WARC/1.1", b"WARC/9.9", 1),
    ),
    "4: a field is a token, a colon and a value without control characters": (
        each(
            lambda r: all(
                re.fullmatch(_TOKEN, n) and not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", v) for n, v in r.fields
            )
        ),
        lambda data: data.replace(b"WARC-Date:", b"WARC Date:", 1),
    ),
    "4: warcinfo and metadata have no payload": (
        each(lambda r: not r.all("WARC-Payload-Digest"), *NO_PAYLOAD),
        lambda data: data.replace(b"WARC-Filename:", b"WARC-Payload-Digest:", 1),
    ),
    "5.1: no field is repeated but WARC-Concurrent-To": (
        each(
            lambda r: (
                len({n for n, _ in r.fields})
                == len([n for n, _ in r.fields if n != "WARC-Concurrent-To"]) + bool(r.all("WARC-Concurrent-To"))
            )
        ),
        lambda data: data.replace(b"WARC-Filename:", b"WARC-Date:", 1),
    ),
    "5.2: every record has an id, a legal URI of a registered scheme, and no two the same": (
        lambda records: (
            all(re.fullmatch(r"<urn:uuid:[0-9a-f-]{36}>", r.one("WARC-Record-ID")) for r in records)
            and len({r.one("WARC-Record-ID") for r in records}) == len(records)
        ),
        lambda data: data.replace(b"<urn:uuid:", b"<uuuu:uuid:", 1),
    ),
    "5.3: every record has a Content-Length, the octets of its block": (
        each(lambda r: r.one("Content-Length") == str(len(r.block)) and len(r.all("Content-Length")) == 1),
        lambda data: data.replace(b"Content-Length: ", b"Content-Length: 0", 1),
    ),
    "5.4: every record has a date in UTC": (
        each(lambda r: legal_date(r.one("WARC-Date"))),
        lambda data: data.replace(b"Z\r\n", b"+\r\n", 1),
    ),
    "5.4: the records of one capture event have the same date": (
        same_date_in_an_event,
        lambda data: (
            data[: (at := data.index(b"WARC-Type: request"))]
            + re.sub(rb"WARC-Date: \d{4}", b"WARC-Date: 1999", data[at:], count=1)
        ),
    ),
    "5.5: every record has a type, one that the standard defines": (
        each(lambda r: r.kind in OWN_TYPES),
        lambda data: data.replace(b"WARC-Type: request", b"WARC-Type: rebuest", 1),
    ),
    "5.6: a record with a block states the block's media type": (
        each(lambda r: not r.block or "/" in r.one("Content-Type")),
        lambda data: data.replace(b"Content-Type: application/warc-fields\r\n", b"X: 1\r\n", 1),
    ),
    "5.7: WARC-Concurrent-To stands in no warcinfo": (
        each(lambda r: not r.all("WARC-Concurrent-To"), "warcinfo"),
        lambda data: data.replace(b"WARC-Filename:", b"WARC-Concurrent-To:", 1),
    ),
    "5.8: the block's digest is that of the full block": (
        each(lambda r: bool(r.one("WARC-Block-Digest")) and digest_holds(r, "WARC-Block-Digest", r.block)),
        lambda data: data.replace(b"<html>", b"<HTML>", 1),
    ),
    "5.9: a payload's digest is that of the body without transfer coding": (
        each(lambda r: b"chunked" in r.block or digest_holds(r, "WARC-Payload-Digest", payload_of(r)), "response"),
        lambda data: data.replace(b"<html>", b"<HTML>", 1),
    ),
    "5.9: only records with a payload have its digest": (
        each(lambda r: r.kind in ("response", "revisit") or not r.all("WARC-Payload-Digest")),
        lambda data: data.replace(b"application/http;msgtype=request", b"x\r\nWARC-Payload-Digest: y", 1),
    ),
    "5.10: an address is numeric, and stands in no warcinfo": (
        each(
            lambda r: (
                not r.all("WARC-IP-Address") or (r.kind != "warcinfo" and bool(ip_address(r.one("WARC-IP-Address"))))
            )
        ),
        lambda data: data.replace(b"WARC-Filename:", b"WARC-IP-Address: 127.0.0.1\r\nWARC-Filename:", 1),
    ),
    "5.11: WARC-Refers-To stands in metadata and revisit alone": (
        each(lambda r: not r.all("WARC-Refers-To"), "warcinfo", "response", "resource", "request"),
        lambda data: data.replace(b"WARC-Filename:", b"WARC-Refers-To:", 1),
    ),
    "5.12: response, resource, request and revisit have a target, escaped and without white space": (
        each(lambda r: legal_uri(r.one("WARC-Target-URI")), "response", "resource", "request", "revisit"),
        lambda data: data.replace(b"WARC-Target-URI: https", b"WARC-Target-URI: ht tps", 1),
    ),
    "5.12: warcinfo has no target": (
        each(lambda r: not r.all("WARC-Target-URI"), "warcinfo"),
        lambda data: data.replace(b"WARC-Filename:", b"WARC-Target-URI:", 1),
    ),
    "5.13: a truncated record says why, by a token": (
        lambda records: {r.one("WARC-Truncated") for r in records} == {"", "disconnect", "length"},
        lambda data: data.replace(b"WARC-Truncated: disconnect", b"WARC-Truncated: dis connect", 1),
    ),
    "5.15: WARC-Filename stands in warcinfo alone": (
        each(lambda r: bool(r.all("WARC-Filename")) == (r.kind == "warcinfo")),
        lambda data: data.replace(b"WARC-Concurrent-To:", b"WARC-Filename:", 1),
    ),
    "5.16, 6.7.1: a revisit has a profile, and nothing else has one": (
        each(lambda r: bool(r.all("WARC-Profile")) == (r.kind == "revisit")),
        lambda data: data.replace(b"WARC-Profile", b"WARC-Brofile", 1),
    ),
    "5.17: nobody looked at the payload's type by itself, so none is stated": (
        each(lambda r: not r.all("WARC-Identified-Payload-Type")),
        lambda data: data.replace(b"WARC-Filename:", b"WARC-Identified-Payload-Type:", 1),
    ),
    "5.18 to 5.20: no record is segmented": (
        each(lambda r: not any(n.startswith("WARC-Segment") for n, _ in r.fields)),
        lambda data: data.replace(b"WARC-Filename:", b"WARC-Segment-Number:", 1),
    ),
    "6.3.2: a truncated response says so": (
        lambda records: (
            sum(r.one("WARC-Truncated") == "disconnect" for r in records if r.kind == "response")
            == sum(x.truncated is not None for x in VARIETY)
        ),
        lambda data: data.replace(b"WARC-Truncated: disconnect\r\n", b"", 1),
    ),
    "6.4.4: a resource of the dns scheme holds text/dns": (
        each(lambda r: r.one("WARC-Target-URI").startswith("dns:") and r.one("Content-Type") == "text/dns", "resource"),
        lambda data: data.replace(b"text/dns", b"text/dn.", 1),
    ),
    "6.7.2: a revisit of an identical payload has its digest, and 'length' where the body is left out": (
        each(
            lambda r: (
                "identical" not in r.one("WARC-Profile")
                or (bool(r.one("WARC-Payload-Digest")) and r.one("WARC-Truncated") == "length")
            ),
            "revisit",
        ),
        lambda data: data.replace(b"WARC-Truncated: length\r\n", b"", 1),
    ),
    "6.7.3: a revisit of an unmodified page holds its own head": (
        each(lambda r: "not-modified" not in r.one("WARC-Profile") or r.block.startswith(b"HTTP/1.1 304"), "revisit"),
        lambda data: data.replace(b"HTTP/1.1 304", b"HTTP/1.1 404", 1),
    ),
}


@pytest.mark.parametrize("clause", CLAUSES)
def test_the_standards_musts(data: bytes, clause: str) -> None:
    holds, break_it = CLAUSES[clause]
    assert {each.kind for each in read(data)} == OWN_TYPES
    assert holds(read(data))
    broken = break_it(data)
    assert broken != data
    assert not _holds(holds, broken)


def _holds(rule: Rule, data: bytes) -> bool:
    """Whether a rule holds of a broken file; what can no longer be read by the grammar does not hold either."""
    try:
        return rule(read(data))
    except (StopIteration, UnicodeDecodeError, ValueError):
        return False


def test_annex_a_each_record_is_one_gzip_member(tmp_path: Path) -> None:
    import zlib

    writer = WarcWriter(tmp_path, {"software": "Presskeep"}, prefix="test")
    writer.append(exchange(URL), {})
    writer.close()
    rest = (tmp_path / writer.path).read_bytes()
    members = 0
    while rest:
        member = zlib.decompressobj(31)
        assert len(read(member.decompress(rest))) == 1
        rest = member.unused_data
        members += 1
    assert members == 4
    assert writer.path.endswith(".warc.gz")
