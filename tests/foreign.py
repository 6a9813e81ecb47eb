"""Files as other programs write them: WARC and ARC records, packed in every way, and WACZ files."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import sys
import uuid
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from storage.foreign import BadRecord, FoundRecord, Scan, open_part, parts_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DAY = "2019-05-06T07:08:{:02}Z"
URL = "https://news.example/detail/{}"


def http(body: bytes, *lines: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    """An HTTP response message."""
    head = [status, *(lines or ("Content-Type: text/html; charset=utf-8",)), "", ""]
    return "\r\n".join(head).encode() + body


def record(
    kind: str = "response",
    block: bytes = http(b"<html>text</html>"),
    uri: str = URL.format(1),
    *,
    date: str = DAY.format(1),
    version: str = "WARC/1.0",
    newline: bytes = b"\r\n",
    length: object = None,
    digest: bool = True,
    record_id: str = "",
    **fields: str,
) -> bytes:
    """A WARC record; a field whose value is empty is left out."""
    name = record_id or f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, uri + date + kind)}>"
    values = {
        "WARC-Type": kind,
        "WARC-Record-ID": name,
        "WARC-Date": date,
        "WARC-Target-URI": uri,
        "Content-Type": "application/http; msgtype=response" if kind in ("response", "revisit") else "",
        "WARC-Block-Digest": "sha1:" + hashlib.sha1(block, usedforsecurity=False).hexdigest() if digest else "",
        "Content-Length": str(len(block) if length is None else length),
    } | {key.replace("_", "-"): value for key, value in fields.items()}
    lines = [version.encode(), *(f"{key}: {value}".encode() for key, value in values.items() if value), b"", b""]
    return newline.join(lines) + block + b"\r\n\r\n"


def arc(*pages: tuple[str, bytes], version: int = 1) -> list[bytes]:
    """An ARC file's records, its version block first."""
    names = b"URL IP-address Archive-date Content-type Archive-length\n"
    block = f"{version} {version - 1 if version > 1 else 0} Tests\n".encode() + names + b"\n"
    rows = [b"filedesc://x.arc 0.0.0.0 20190506070801 text/plain %d\n" % len(block) + block + b"\n"]
    for number, (url, message) in enumerate(pages):
        more = b" 200 - - 0 x.arc" if version == 2 else b""
        line = b"%b 192.0.2.1 201905060709%02d text/html%b %d\n" % (url.encode(), number, more, len(message))
        rows.append(line + message + b"\n")
    return rows


def each_packed(records: Sequence[bytes]) -> bytes:
    """Each record a gzip member, as the standard recommends."""
    return b"".join(gzip.compress(each, mtime=0) for each in records)


def all_packed(records: Sequence[bytes]) -> bytes:
    """One gzip member around all."""
    return gzip.compress(b"".join(records), mtime=0)


def cut_packed(records: Sequence[bytes]) -> bytes:
    """Members that end anywhere, as bgzip and pigz make them."""
    whole = b"".join(records)
    return b"".join(gzip.compress(whole[at : at + 300], mtime=0) for at in range(0, len(whole), 300))


def each_zstd(records: Sequence[bytes]) -> bytes:
    """Each record a zstd frame."""
    return b"".join(zstd.compress(each) for each in records)


def zstd_with_dictionary(records: Sequence[bytes]) -> bytes:
    """Frames that need the dictionary that stands at the file's beginning, itself compressed."""
    samples = [bytes(str(number), "ascii") + each for number in range(40) for each in records]
    dictionary = zstd.train_dict(samples, 4096)
    packed = zstd.compress(dictionary.dict_content)
    frames = b"".join(zstd.compress(each, zstd_dict=dictionary) for each in records)
    return b"\x5d\x2a\x4d\x18" + struct.pack("<I", len(packed)) + packed + frames


PACKINGS: dict[str, Callable[[Sequence[bytes]], bytes]] = {
    "plain": b"".join,
    "each": each_packed,
    "all": all_packed,
    "cut": cut_packed,
    "zstd": each_zstd,
    "dictionary": zstd_with_dictionary,
}


def wacz(files: dict[str, bytes], *, stored: bool = True) -> bytes:
    """A WACZ with files in `archive/`."""
    out = io.BytesIO()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(out, "w", method) as target:
        target.writestr("datapackage.json", json.dumps({"profile": "data-package", "wacz_version": "1.1.1"}))
        for name, content in files.items():
            target.writestr(name, content)
        target.writestr("pages/pages.jsonl", '{"format": "json-pages-1.0"}\n')
    return out.getvalue()


def scanned(place: Path) -> tuple[list[tuple[str, FoundRecord]], list[BadRecord]]:
    """All records of a file, each with the path that names its part, and the bad ones."""
    found: list[tuple[str, FoundRecord]] = []
    bad: list[BadRecord] = []
    with place.open("rb") as file:
        parts = parts_of(file)
    for part in parts:
        with open_part(place.parent, place.name + part.steps) as view:
            for each in Scan(view, lambda head: True):
                if isinstance(each, BadRecord):
                    bad.append(each)
                else:
                    found.append((place.name + part.steps + each.place.part, each))
    return found, bad
