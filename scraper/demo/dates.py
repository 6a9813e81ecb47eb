"""How pages print dates: each template and each domain in its own way, none with a zone but where it says so."""

from __future__ import annotations

from datetime import datetime

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip


def old_date(at: datetime) -> str:
    """Sun Mar 17, 2019 01:16PM"""
    day = f"{_DAYS[at.weekday()][:3]} {_MONTHS[at.month - 1][:3]} {at.day:02}, {at.year}"
    return f"{day} {_hour12(at):02}:{at.minute:02}{_half(at)}"


def later_date(at: datetime) -> str:
    """Monday, 16 November 2020 9:15 AM"""
    return f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year} {_hour12(at)}:{at.minute:02} {_half(at)}"


def dublin_core_date(at: datetime) -> str:
    """3/9/2026 11:50:13 AM, the month first"""
    return f"{at.month}/{at.day}/{at.year} {_hour12(at)}:{at.minute:02}:{at.second:02} {_half(at)}"


def french_date(at: datetime) -> str:
    """16/11/2020 09:15, the day first"""
    return f"{at:%d/%m/%Y %H:%M}"


def reader_date(at: datetime) -> str:
    """16.11.2020 09:15, the day first"""
    return f"{at:%d.%m.%Y %H:%M}"


def search_date(at: datetime) -> str:
    """Thursday, April 30, 2020"""
    return f"{_DAYS[at.weekday()]}, {_MONTHS[at.month - 1]} {at.day}, {at.year}"


def mail_date(at: datetime, form: str) -> str:
    """A feed's date: 'full' by RFC 5322, 'zoneless' without its zone, 'day' without time and zone."""
    day = f"{_DAYS[at.weekday()][:3]}, {at.day:02} {_MONTHS[at.month - 1][:3]} {at.year}"
    if form == "day":
        return day
    return f"{day} {at:%H:%M:%S}" + (f" {at:%z}" if form == "full" else "")


def _hour12(at: datetime) -> int:
    return at.hour % 12 or 12


def _half(at: datetime) -> str:
    return "AM" if at.hour < 12 else "PM"
