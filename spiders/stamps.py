"""Dates of feeds and sitemaps: W3C datetime of any precision, RFC 822, and what stands in between."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

_MAX_STAMP = 80
_W3C = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?(?:[T ](\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?)?", re.I)
_RFC822_DAY = re.compile(r"(?:\w{3,9},\s*)?(\d{1,2})\s+([A-Za-z]{3,9})\.?,?\s+(\d{4})(.*)", re.DOTALL)
_US_DAY = re.compile(r"(?:\w{3,9},?\s*)?([A-Za-z]{3,9})\.?\s+(\d{1,2}),?\s+(\d{4})(.*)", re.DOTALL)
_TIME = re.compile(r"(\d{1,2}:\d\d(?::\d\d)?)\s*([AP]M)?\s*(.*)", re.IGNORECASE | re.DOTALL)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def read_stamp(text: str, zone: str, seen_at: datetime) -> datetime | None:
    """The instant (UTC) that a stamp states; None where it states none, or one later than `seen_at`.

    Without a zone it is read in `zone`. A day without a time is its last second once the day is over at `seen_at`,
    else its first: so a page fetched within that day counts as changed once after it, and never again.
    """
    text = text.strip()[:_MAX_STAMP]
    try:
        stamp = _read(text, ZoneInfo(zone))
        if stamp is None:
            return None
        instant, day_only = stamp[0].astimezone(UTC), stamp[1]
        over = instant + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    if day_only and over <= seen_at:
        return over - timedelta(seconds=1)
    return instant if instant <= seen_at else None


def _read(text: str, zone: ZoneInfo) -> tuple[datetime, bool] | None:
    w3c = _W3C.fullmatch(text)
    if w3c:
        return _read_w3c(w3c, zone)
    if re.search(r"\d:\d\d", text) and re.search(r"(?:[+-]\d{4}|[A-Z]{1,3}T?)\s*$", text) and not text.endswith("M"):
        aware = parsedate_to_datetime(text)
        return (aware if aware.tzinfo else aware.replace(tzinfo=zone)), False
    for form, day, month in ((_RFC822_DAY, 1, 2), (_US_DAY, 2, 1)):
        match = form.fullmatch(text)
        if match and match[month][:3].lower() in _MONTHS:
            number = _MONTHS.index(match[month][:3].lower()) + 1
            return _with_time(datetime(int(match[3]), number, int(match[day]), tzinfo=zone), match[4].strip(" ,"))
    return None


def _read_w3c(match: re.Match[str], zone: ZoneInfo) -> tuple[datetime, bool] | None:
    """W3C datetime (NOTE-datetime); a month alone states no day that could be compared."""
    year, month, day, time, offset = match.groups()
    if day is None:
        return None
    if time is None:
        return datetime(int(year), int(month), int(day), tzinfo=zone), True
    stamp = datetime.fromisoformat(f"{year}-{month}-{day}T{time.replace(',', '.')}{(offset or '').upper()}")
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=zone)), False


def _with_time(day: datetime, rest: str) -> tuple[datetime, bool] | None:
    if not rest:
        return day, True
    match = _TIME.fullmatch(rest)
    if match is None:
        return None
    parts = [int(part) for part in match[1].split(":")]
    if match[2]:
        parts[0] = parts[0] % 12 + (12 if match[2].upper() == "PM" else 0)
    return day.replace(hour=parts[0], minute=parts[1], second=parts[2] if len(parts) > 2 else 0), False
