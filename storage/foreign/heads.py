"""The heads of WARC and ARC records, as anyone may have written them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

WARC_LINE = re.compile(rb"WARC/\d\.\d{1,2}[ \t]*\r*\n")
ARC_LINE = re.compile(
    rb"(?>([A-Za-z][A-Za-z0-9+.\-]{1,20}:[^\r\n]*?) ([^ \r\n]*) (\d{12,18}) )([^\r\n]*?) ?(-?\d{1,19})[ \t]*\r*\n"
)
"""URL, address, date, type (with what else version 2 has), length: https://archive.org/web/researcher/ArcFileFormat.php
The first date is the one (an atomic group), else a line of many would be read as often as it has dates."""
ARC_LIKE = re.compile(rb"[A-Za-z][A-Za-z0-9+.\-]{1,20}:[^ \r\n]* [^ \r\n]+ \d{12,18} [^\r\n]*\n")
"""What an ARC record's line looks like, though its length may be none."""
HEAD_LIMIT = 1 << 20
"""The longest head that is read; the longest seen in the wild hold some kilobytes of JSON."""
_HTTP = re.compile(rb"HTTP/\d")
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:[Zz]|([+-])(\d\d):?(\d\d))?)?)?)?"
)
_DIGITS = re.compile(r"\d{14}")
"""A date as ARC files have it, and some tools write it elsewhere too."""
_STRAY = re.compile("[\udc80-\udcff]")
"""What stands for a byte that is no UTF-8."""
FIRST_YEAR = 1990
"""Before there was a web, nothing of it was captured: such a date comes from a clock that was never set."""
_SINGLE = ("content-length", "warc-type", "warc-date", "warc-target-uri", "warc-record-id", "content-type")
"""Fields that must not stand there twice with different values (WARC 1.1, section 4: only WARC-Concurrent-To may)."""


class HeadBroken(Exception):
    """A head that cannot be understood; the message says why. `uri` is what it is the head of, where that is told."""

    uri = ""


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
    try:
        _read_fields(head, fields)
        return _checked(fields)
    except HeadBroken as broken:
        broken.uri = _uri(fields)
        raise


def _read_fields(head: bytes, fields: dict[str, str]) -> None:
    last = ""
    folded: dict[str, list[str]] = {}
    for line in head.split(b"\n")[1:]:
        text = _text(line.rstrip(b"\r"))
        if text[:1] in (" ", "\t") and last:
            folded.setdefault(last, []).append(text.strip())
            continue
        name, colon, value = text.partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon:
            last = ""
            continue
        if name in _SINGLE and (name in folded or fields.get(name, value) != value):
            raise HeadBroken(f"it has two different fields {name}")
        fields.setdefault(name, value)
        last = name
    for name, lines in folded.items():
        fields[name] = " ".join((fields[name], *lines))


def _checked(fields: dict[str, str]) -> RecordHead:
    length = fields.get("content-length", "")
    if not (length.isascii() and length.isdecimal() and len(length) < 19):
        raise HeadBroken(f"its Content-Length is {length[:40]!r}" if length else "it has no Content-Length")
    kind = fields.get("warc-type", "").lower()
    if not kind:
        raise HeadBroken("it has no WARC-Type")
    return RecordHead(kind, _uri(fields), read_date(fields.get("warc-date", "")), int(length), fields)


def _uri(fields: dict[str, str]) -> str:
    uri = fields.get("warc-target-uri", "")
    if uri.startswith("<") and uri.endswith(">"):
        uri = uri[1:-1]  # as WARC 1.0's grammar has it, and wget writes it
    return uri.strip()


def _text(line: bytes) -> str:
    """A line of a head. A byte that is no UTF-8 stands escaped, as it would in a URL: two URLs that differ in such a
    byte are two URLs."""
    text = line.decode("utf-8", "surrogateescape")
    return text if text.isascii() else _STRAY.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", text)


def read_arc_head(line: bytes) -> RecordHead:
    """An ARC record's line. Raises HeadBroken for what is none."""
    match = ARC_LINE.fullmatch(line)
    if match is None:
        raise HeadBroken("its line has not the fields of an ARC record")
    url, address, digits, middle, length = (_text(part) for part in match.groups())
    if length.startswith("-"):
        raise HeadBroken(f"its length is {length}")
    digits = digits[:14].ljust(14, "0")
    at = read_date(f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:]}")
    kind = "warcinfo" if url.startswith("filedesc:") else "response"
    fields = {"warc-ip-address": address, "arc-content-type": middle.partition(" ")[0]}
    return RecordHead(kind, url, at, int(length), fields)


def read_date(text: str) -> datetime:
    """A WARC-Date in UTC, of any precision (WARC 1.1, 5.4), or with a zone, as some tools write it. Raises HeadBroken
    for what is none, or is no time that a record can have been made."""
    text = text.strip()
    if not text:
        raise HeadBroken("it has no date")
    try:
        at = _instant(text)
    except (ValueError, OverflowError):
        raise HeadBroken(f"its date, {text[:40]!r}, is none") from None
    if not FIRST_YEAR <= at.year <= 9000:
        raise HeadBroken(f"its date, {text[:40]!r}, is none that it can have been made at")
    return at


def _instant(text: str) -> datetime:
    if _DIGITS.fullmatch(text):
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError
    year, month, day = (int(part or 1) for part in match.groups()[:3])
    hour, minute, second = (int(part or 0) for part in match.groups()[3:6])
    fraction = int((match[7] or "").ljust(6, "0")[:6])
    ahead = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0))
    at = datetime(year, month, day, hour, minute, min(second, 59), fraction, UTC)
    return at + ahead if match[8] == "-" else at - ahead


def begins_record(data: bytes) -> bool:
    """Whether a WARC or ARC record begins here."""
    return WARC_LINE.match(data) is not None or ARC_LINE.match(data) is not None


def looks_like_record(data: bytes, *, arc: bool) -> bool:
    """Whether what begins here was meant to be a record."""
    return WARC_LINE.match(data) is not None or (arc and ARC_LIKE.match(data) is not None)


def is_http_message(block: bytes) -> bool:
    """Whether a block begins with an HTTP status line."""
    return _HTTP.match(block) is not None
