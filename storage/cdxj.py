"""CDXJ lines: where a capture of a URL stands in a WARC file.

One line a record, `KEY TIMESTAMP JSON`, with the fields and the reading of headers of cdxj-indexer, whose output replay
tools take: response, revisit and resource records, and metadata records that are not of type application/warc-fields.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from storage.surt import surt_key

_WITH_HTTP = ("response", "revisit")
_INDEXED = ("response", "revisit", "resource", "metadata")
_FIELDS_TYPE = "application/warc-fields"
_END_OF_TYPE = re.compile(r"[;\s]")
_EARLIEST = "00000101000000"
"""What a date of reduced precision (WARC 1.1, 5.4) is filled up with."""


class Indexable(Protocol):
    """A record that stands in a file: its header fields by lower-case name, its block, and where it stands."""

    @property
    def fields(self) -> Mapping[str, str]: ...
    @property
    def block(self) -> bytes: ...
    @property
    def offset(self) -> int: ...
    @property
    def end(self) -> int: ...


def cdxj_line(record: Indexable, filename: str) -> bytes | None:
    """The line of a record, its line feed included; None for a record that has none. `filename` is written as given."""
    fields = record.fields
    kind = fields.get("warc-type", "")
    if kind not in _INDEXED or (kind in ("resource", "metadata") and fields.get("content-type") == _FIELDS_TYPE):
        return None
    url = _url(fields)
    head = _read_head(record.block) if kind in _WITH_HTTP and record.block and _is_http(url or "") else _NO_HEAD
    values = {
        "url": url,
        "mime": _mime(kind, fields, head),
        "status": head.status,
        "digest": _digest(kind, fields, record.block, head.length),
        "length": str(record.end - record.offset),
        "offset": str(record.offset),
        "filename": filename,
    }
    text = json.dumps({name: value for name, value in values.items() if value is not None})
    key = "-" if url is None else surt_key(url)
    return f"{key} {_timestamp(fields.get('warc-date', ''))} {text}\n".encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Head:
    """The head of an HTTP message: its status (None where there is no head), its type, and how long it is."""

    status: str | None
    mime: str | None
    length: int


_NO_HEAD = _Head(None, None, 0)


def _url(fields: Mapping[str, str]) -> str | None:
    """The target, without the brackets that Wget 1.19 put around it, and on one word."""
    url = fields.get("warc-target-uri")
    if url is None:
        return None
    if url.startswith("<") and url.endswith(">"):
        url = url[1:-1]
    return url.replace(" ", "%20")


def _is_http(url: str) -> bool:
    return url.startswith(("http:", "https:"))


def _mime(kind: str, fields: Mapping[str, str], head: _Head) -> str | None:
    if kind == "revisit":
        return "warc/revisit"
    value = head.mime if kind == "response" else fields.get("content-type")
    return _END_OF_TYPE.split(value, maxsplit=1)[0] if value else value


def _digest(kind: str, fields: Mapping[str, str], block: bytes, head: int) -> str | None:
    """The stated digest of the payload, else SHA-1 of what stands behind the head."""
    stated = fields.get("warc-payload-digest")
    if stated or kind == "revisit":
        return stated
    digest = hashlib.sha1(memoryview(block)[head:], usedforsecurity=False)
    return "sha1:" + base64.b32encode(digest.digest()).decode("ascii")


def _timestamp(date: str) -> str:
    """WARC-Date as 14 digits."""
    digits = "".join(part for part in re.split(r"[^0-9]", date.partition(".")[0]) if part)[:14]
    return digits + _EARLIEST[len(digits) :]


def _read_head(block: bytes) -> _Head:
    """Status, type and length of an HTTP head, read with the leniency of warcio: a folded line continues a value, a
    line without colon is left out, an empty line or the block's end ends the head."""
    lines = _Lines(block)
    first = lines.next()
    if not first:
        return _Head(None, None, lines.at)
    status = first.partition(" ")[2].strip().partition(" ")[0]
    mime: str | None = None
    some = False
    line = lines.next()
    while line:
        name, colon, value = line.partition(":")
        line = lines.next()
        value = value.lstrip()
        while line.startswith((" ", "\t")):
            value += line
            line = lines.next()
        if colon:
            some = True
            if mime is None and name.rstrip(" \t").lower() == "content-type":
                mime = value
    return _Head(status if status or some else None, mime, lines.at)


class _Lines:
    """The lines of a block, from its beginning; `at` is where the next one begins."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self.at = 0

    def next(self) -> str:
        """The next line without white space at its end; empty at the end of the block."""
        end = self._block.find(b"\n", self.at) + 1 or len(self._block)
        line, self.at = self._block[self.at : end], end
        try:
            return line.decode().rstrip()
        except UnicodeDecodeError:
            return line.decode("latin-1").rstrip()
