"""Dates as printed, with what they mean: the instant, its precision and the zone used to read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from scraper.extraction.calendars import LETTER, english_names, from_jalali, month_of, plain_characters, plain_digits
from scraper.extraction.passages import plain, tidy
from storage.content import Precision, PrintedDate

_LONGEST = 200
_ISO = re.compile(
    r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})"
    r"(?:[T\s]+(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,]\d+)?)?\s*(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2}(?::\d{2})?|[+-]\d{2})?)?",
    re.I,
)
_COMPACT = re.compile(r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:T?(?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})?(?P<z>Z)?)?$")
_NUMERIC = re.compile(r"(?<!\d)(?P<a>\d{1,4})(?P<s>[/.\-])(?P<b>\d{1,2})(?P=s)(?P<c>\d{2,4})(?!\d)")
_DAY_FIRST = re.compile(
    rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|º|\.)?\s+(?:de\s+)?(?P<m>{LETTER}+\.?)\s*,?\s+(?:de\s+)?(?P<y>\d{{4}})(?!\d)",
    re.I,
)
_MONTH_FIRST = re.compile(
    rf"(?P<m>{LETTER}{{3,}}\.?)\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s*,?\s+(?P<y>\d{{4}})(?!\d)", re.I
)
_TIME = re.compile(
    r"(?<![\d:])(?P<H>\d{1,2})[:h.](?P<M>\d{2})(?::(?P<S>\d{2}))?(?:\s*(?P<p>[ap])\.?\s?m\b\.?)?"
    r"(?:\s*(?P<z>(?:UTC|GMT)?[+-]\d{1,2}(?::?\d{2})?|UTC|GMT|Z\b))?",
    re.I,
)
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?")
_EARLIEST = 1800
_MOST_DAYS = 3


def read_date(text: str, zone: tzinfo, formats: Sequence[str] = (), *, month_first: bool = False) -> PrintedDate | None:
    """Read a date as printed; where it states no zone, `zone` is taken. None for what is no date.

    The `formats` (strptime) are tried in order on the text with month and day names in English; then the forms that
    pages use: ISO 8601, numbers, names of months in a dozen languages, East Asian characters, the Iranian calendar. Of
    3/4/2026 the month is first where AM or PM stands beside it, or with `month_first`.
    """
    printed = tidy(text)
    if not printed or len(printed) > _LONGEST:
        return None
    if formats:
        english = english_names(plain(printed))
        for each in formats:
            try:
                found = datetime.strptime(english, each)
            except ValueError:
                continue
            return _printed(found, printed, _precision_of(each), zone)
    return _read_freely(printed, zone, month_first=month_first)


def take_days(text: str, *, month_first: bool) -> tuple[list[date], str]:
    """The days that a line prints, the first few of them, and the line without these and their times."""
    rest, days = plain_characters(plain_digits(plain(text[:_LONGEST]))), []
    for _ in range(_MOST_DAYS):
        try:
            if match := _ISO.search(rest):
                found = _from_groups(match, match[0], UTC)
                day, rest = found.day if found else None, rest[: match.start()] + " " + rest[match.end() :]
            else:
                day, rest = _find_day(rest, month_first=month_first)
        except (ValueError, OverflowError):
            break
        if day is None:
            break
        days.append(day)
    return days, _TIME.sub(" ", rest)


def day_in(moment: PrintedDate) -> date:
    """The day of a date in the zone in which it was printed."""
    return moment.day


def name_of(zone: tzinfo) -> str:
    """The name under which a zone is kept: IANA's, 'UTC', or the offset."""
    key = getattr(zone, "key", None)
    if isinstance(key, str):
        return key
    offset = zone.utcoffset(None) or timedelta()
    if not offset:
        return "UTC"
    sign, minutes = ("-", -offset) if offset < timedelta() else ("+", offset)
    return f"{sign}{minutes // timedelta(hours=1):02}:{minutes // timedelta(minutes=1) % 60:02}"


def _read_freely(printed: str, zone: tzinfo, *, month_first: bool) -> PrintedDate | None:
    text = plain_characters(plain_digits(plain(printed)))
    try:
        if match := _ISO.search(text) or _COMPACT.search(text):
            return _from_groups(match, printed, zone)
        day, rest = _find_day(text, month_first=month_first)
        if day is None:
            return None
        time = _TIME.search(rest)
        if time is None:
            return _printed(datetime(day.year, day.month, day.day), printed, "day", zone)
        hour = int(time["H"])
        if time["p"]:
            hour = hour % 12 + (12 if time["p"].lower() == "p" else 0)
        found = datetime(day.year, day.month, day.day, hour, int(time["M"]), int(time["S"] or 0))
        return _printed(found, printed, "second" if time["S"] else "minute", _stated(time["z"]) or zone)
    except (ValueError, OverflowError):
        return None


def _from_groups(match: re.Match[str], printed: str, zone: tzinfo) -> PrintedDate | None:
    year = int(match["y"])
    if 1300 <= year <= 1499:
        day = from_jalali(year, int(match["m"]), int(match["d"]))
        year, month, number = day.year, day.month, day.day
    else:
        month, number = int(match["m"]), int(match["d"])
    if match["H"] is None:
        return _printed(datetime(year, month, number), printed, "day", zone)
    found = datetime(year, month, number, int(match["H"]), int(match["M"]), int(match["S"] or 0))
    return _printed(found, printed, "second" if match["S"] else "minute", _stated(match["z"]) or zone)


def _find_day(text: str, *, month_first: bool) -> tuple[date | None, str]:
    """The first day in a text, and the text without it."""
    english = english_names(text)
    for pattern in (_DAY_FIRST, _MONTH_FIRST):
        for match in pattern.finditer(english):
            month = month_of(match["m"])
            if month is None:
                continue
            number, jalali = month
            year, day = int(match["y"]), int(match["d"])
            found = from_jalali(year, number, day) if jalali else date(year, number, day)
            return found, english[: match.start()] + " " + english[match.end() :]
    for match in _NUMERIC.finditer(text):
        rest = text[: match.start()] + " " + text[match.end() :]
        a, b, c = int(match["a"]), int(match["b"]), int(match["c"])
        if len(match["a"]) == 4:
            return (from_jalali(a, b, c) if 1300 <= a <= 1499 else date(a, b, c)), rest
        if len(match["a"]) == 3 or len(match["c"]) == 3:
            continue
        year = c if c > 99 else 2000 + c
        said = month_first or bool(re.search(r"\d\s*[ap]\.?m\b", rest, re.I))
        american = b > 12 or (match["s"] == "/" and a <= 12 and said)
        return (date(year, a, b) if american else date(year, b, a)), rest
    return None, text


def _printed(found: datetime, printed: str, precision: Precision, zone: tzinfo) -> PrintedDate | None:
    if not _EARLIEST <= found.year <= 2200:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone)
    stated = found.tzinfo or zone
    return PrintedDate(found.astimezone(UTC), printed, precision, name_of(stated))


def _precision_of(pattern: str) -> Precision:
    if any(part in pattern for part in ("%S", "%T", "%X", "%c")):
        return "second"
    return "minute" if any(part in pattern for part in ("%M", "%R")) else "day"


def _stated(zone: str | None) -> tzinfo | None:
    if not zone:
        return None
    if match := _OFFSET.search(zone):
        return _offset(match)
    return UTC


def _offset(match: re.Match[str]) -> tzinfo:
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    if minutes > 14 * 60:
        raise ValueError(f"no offset of a zone: {match[0]}")
    return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes)) if minutes else UTC
