"""The heads of WARC and ARC records, as anyone may have written them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

WARC_LINE = re.compile(rb"WARC/\d\.\d{1,2}[ \t]*\r*\n")
ARC_LINE = re.compile(
    rb"([A-Za-z][A-Za-z0-9+.\-]{1,20}:[^\r\n]*?) ([^ \r\n]*) (\d{12,18}) ([^\r\n]*?) ?(-?\d{1,19})[ \t]*\r*\n"
)
"""URL, address, date, type (with what else version 2 has), length: https://archive.org/web/researcher/ArcFileFormat.php"""
ARC_LIKE = re.compile(rb"[A-Za-z][A-Za-z0-9+.\-]{1,20}:[^ \r\n]* [^ \r\n]+ \d{12,18} [^\r\n]*\n")
"""What an ARC record's line looks like, though its length may be none."""
HEAD_LIMIT = 1 << 20
"""The longest head that is read; the longest seen in the wild hold some kilobytes of JSON."""
_HTTP = re.compile(rb"HTTP/\d")
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:Z|\+00:?00)?)?)?)?")
_SINGLE = ("content-length", "warc-type", "warc-date", "warc-target-uri", "warc-record-id", "content-type")
"""Fields that must not stand there twice with different values (WARC 1.1, section 4: only WARC-Concurrent-To may)."""


class HeadBroken(Exception):
    """A head that cannot be understood; the message says why."""


@dataclass(frozen=True, slots=True)
class RecordHead:
    """What a record says of itself. `kind` is the WARC-Type, 'response' for ARC; `uri` as it stands, without <>.

    `at` is UTC. `length` counts the block's bytes. Names of `fields` are lower-case.
    """

    kind: str
    uri: str
    at: datetime
    length: int
    fields: dict[str, str] = field(repr=False)

    @property
    def id(self) -> str:
        return self.fields.get("warc-record-id", "")

    @property
    def segment(self) -> int:
        """Which segment this is of a record that was cut into several; 0 where it was not."""
        number = self.fields.get("warc-segment-number", "")
        return int(number) if number.isdecimal() and len(number) < 10 else 0

    @property
    def is_http(self) -> bool:
        """Whether the block is said to hold an HTTP message."""
        return self.fields.get("content-type", "").lower().startswith("application/http")


def read_warc_head(head: bytes) -> RecordHead:
    """A WARC record's head. Raises HeadBroken without the fields that no record can be read without."""
    fields: dict[str, str] = {}
    last = ""
    for line in re.split(rb"\r*\n", head)[1:]:
        if line[:1] in (b" ", b"\t") and last:
            fields[last] += " " + line.decode("utf-8", "replace").strip()
            continue
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon:
            last = ""
            continue
        if name in _SINGLE and fields.get(name, value) != value:
            raise HeadBroken(f"it has two different fields {name}")
        fields.setdefault(name, value)
        last = name
    length = fields.get("content-length", "")
    if not (length.isascii() and length.isdecimal() and len(length) < 19):
        raise HeadBroken(f"its Content-Length is {length[:40]!r}" if length else "it has no Content-Length")
    kind = fields.get("warc-type", "").lower()
    if not kind:
        raise HeadBroken("it has no WARC-Type")
    uri = fields.get("warc-target-uri", "")
    if uri.startswith("<") and uri.endswith(">"):
        uri = uri[1:-1]  # as WARC 1.0's grammar has it, and wget writes it
    return RecordHead(kind, uri.strip(), read_date(fields.get("warc-date", "")), int(length), fields)


def read_arc_head(line: bytes) -> RecordHead:
    """An ARC record's line. Raises HeadBroken for what is none."""
    match = ARC_LINE.fullmatch(line)
    if match is None:
        raise HeadBroken("its line has not the fields of an ARC record")
    url, address, digits, middle, length = (part.decode("utf-8", "replace") for part in match.groups())
    if length.startswith("-"):
        raise HeadBroken(f"its length is {length}")
    digits = digits[:14].ljust(14, "0")
    at = read_date(f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:]}")
    kind = "warcinfo" if url.startswith("filedesc:") else "response"
    fields = {"warc-ip-address": address, "arc-content-type": middle.partition(" ")[0]}
    return RecordHead(kind, url, at, int(length), fields)


def read_date(text: str) -> datetime:
    """A WARC-Date in UTC, of any precision (WARC 1.1, 5.4). Raises HeadBroken for what is none, or is no time that
    a record can have been made."""
    match = _DATE.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        year, month, day = (int(part or 1) for part in match.groups()[:3])
        hour, minute, second = (int(part or 0) for part in match.groups()[3:6])
        fraction = int((match[7] or "").ljust(6, "0")[:6])
        at = datetime(year, month, day, hour, minute, min(second, 59), fraction, UTC)
    except ValueError:
        raise HeadBroken(f"its date is {text[:40]!r}") from None
    if not 1990 <= at.year <= 9000:
        raise HeadBroken(f"its date is {text[:40]!r}")
    return at


def begins_record(data: bytes) -> bool:
    """Whether a WARC or ARC record begins here."""
    return WARC_LINE.match(data) is not None or ARC_LINE.match(data) is not None


def looks_like_record(data: bytes, *, arc: bool) -> bool:
    """Whether what begins here was meant to be a record."""
    return WARC_LINE.match(data) is not None or (arc and ARC_LIKE.match(data) is not None)


def is_http_message(block: bytes) -> bool:
    """Whether a block begins with an HTTP status line."""
    return _HTTP.match(block) is not None
