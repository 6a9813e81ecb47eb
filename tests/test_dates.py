"""Dates as pages print them, read with their precision and zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.extraction.calendars import from_jalali
from scraper.extraction.dates import day_in, read_date
from storage.content import zone_of

TEHRAN = ZoneInfo("Asia/Tehran")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("printed", "at", "precision"),
    [
        ("Sun Mar 17, 2019 01:16PM", utc(2019, 3, 17, 9, 46), "minute"),
        ("3/9/2026 11:50:13 AM", utc(2026, 3, 9, 8, 20, 13), "second"),
        ("Monday, 16 November 2020 9:15 AM", utc(2020, 11, 16, 5, 45), "minute"),
        ("lundi 25 mai 2025 à 10h30", utc(2025, 5, 25, 7), "minute"),
        ("16 août 2021", utc(2021, 8, 15, 19, 30), "day"),
        ("۲۵ آبان ۱۳۹۹", utc(2020, 11, 14, 20, 30), "day"),
        ("۱۵ نوامبر ۲۰۲۰ ۱۳:۰۰", utc(2020, 11, 15, 9, 30), "minute"),
        ("١٥ تشرين الثاني 2020", utc(2020, 11, 14, 20, 30), "day"),
        ("15 نوفمبر 2020 10:30", utc(2020, 11, 15, 7), "minute"),
        ("۵ ژانویهٔ ۲۰۲۶", utc(2026, 1, 4, 20, 30), "day"),
        ("5 березня 2026, 17:40", utc(2026, 3, 5, 14, 10), "minute"),
        ("12 फ़रवरी 2026", utc(2026, 2, 11, 20, 30), "day"),
        ("मार्च 5, 2026 17:40", utc(2026, 3, 5, 14, 10), "minute"),
        ("5 Μαρτίου 2026", utc(2026, 3, 4, 20, 30), "day"),
        ("5. března 2026", utc(2026, 3, 4, 20, 30), "day"),
        ("1399-08-25", utc(2020, 11, 14, 20, 30), "day"),
        ("25.12.2024", utc(2024, 12, 24, 20, 30), "day"),
        ("Nov. 5, 2023", utc(2023, 11, 4, 20, 30), "day"),
        ("2026年3月10日", utc(2026, 3, 9, 20, 30), "day"),
        ("2026年3月10日 17時15分", utc(2026, 3, 10, 13, 45), "minute"),
        ("2026年3月10日（火）午後5時15分 更新", utc(2026, 3, 10, 13, 45), "minute"),
        ("２０２６年３月１０日　１７：１５", utc(2026, 3, 10, 13, 45), "minute"),
        ("2026年03月10日 星期二 上午12:15", utc(2026, 3, 9, 20, 45), "minute"),
        ("2026년 3월 10일 화요일 오후 5:15", utc(2026, 3, 10, 13, 45), "minute"),
        ("2026年3月10日3人", utc(2026, 3, 9, 20, 30), "day"),
    ],
)
def test_a_date_without_a_zone_is_read_in_the_outlets(printed: str, at: datetime, precision: str) -> None:
    found = read_date(printed, TEHRAN)
    assert found is not None
    assert (found.at, found.printed, found.precision, found.zone) == (at, printed, precision, "Asia/Tehran")


@pytest.mark.parametrize(
    ("printed", "at", "zone"),
    [
        ("2020-11-15T10:00:00+03:30", utc(2020, 11, 15, 6, 30), "+03:30"),
        ("2020-11-15T10:00:00Z", utc(2020, 11, 15, 10), "UTC"),
        ("2020-11-15T10:00-0500", utc(2020, 11, 15, 15), "-05:00"),
        ("Tue, 19 Mar 2019 12:03:00 GMT", utc(2019, 3, 19, 12, 3), "UTC"),
        ("20 March 2019 14:20 UTC+3", utc(2019, 3, 20, 11, 20), "+03:00"),
    ],
)
def test_the_zone_that_a_page_prints_is_taken(printed: str, at: datetime, zone: str) -> None:
    found = read_date(printed, TEHRAN)
    assert found is not None
    assert (found.at, found.zone) == (at, zone)


def test_the_formats_of_a_profile_come_first_and_read_other_languages() -> None:
    formats = ["%A %d %B %Y %H:%M", "%m/%d/%Y"]
    for printed, at in (
        ("dimanche 17 mars 2019 13:16", utc(2019, 3, 17, 9, 46)),
        ("03/04/2019", utc(2019, 3, 3, 20, 30)),
    ):
        found = read_date(printed, TEHRAN, formats)
        assert found is not None
        assert found.at == at


@pytest.mark.parametrize("text", ["", "yesterday", "99/99/2020", "31 February 2020", "version 1.2.3", "x" * 10_000])
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_date(text, TEHRAN) is None
    assert read_date("1 February 2020", TEHRAN) is not None


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_the_day_printed_is_the_day_read_in_its_own_zone(day: date) -> None:
    for printed in (day.isoformat(), f"{day:%d.%m.%Y}", f"{day.day} {day:%B %Y}", f"{day:%B} {day.day}, {day.year}"):
        found = read_date(printed, TEHRAN)
        assert found is not None
        assert day_in(found) == day


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    read_date(text, UTC)
    read_date(text, TEHRAN, ["%d %B %Y"])


def test_the_iranian_calendar_goes_on_day_by_day() -> None:
    day = from_jalali(1399, 1, 1)
    assert day == date(2020, 3, 20)
    for month in range(1, 13):
        for number in range(1, 31 + (month <= 6)):
            if (month, number) == (1, 1):
                continue
            following = from_jalali(1399, month, number)
            assert following - day == timedelta(days=1)
            day = following
    assert from_jalali(1400, 1, 1) - day == timedelta(days=1)
    with pytest.raises(ValueError, match="no day"):
        from_jalali(1399, 13, 1)


@pytest.mark.parametrize(
    ("year", "begins"),
    [
        (1370, date(1991, 3, 21)),
        (1376, date(1997, 3, 21)),
        (1399, date(2020, 3, 20)),
        (1403, date(2024, 3, 20)),
        (1404, date(2025, 3, 21)),
        (1405, date(2026, 3, 21)),
        (1409, date(2030, 3, 21)),
    ],
)
def test_iranian_years_begin_as_irans_calendar_has_them(year: int, begins: date) -> None:
    assert from_jalali(year, 1, 1) == begins


def test_a_day_that_the_iranian_year_does_not_have_is_none() -> None:
    assert from_jalali(1403, 12, 30) == date(2025, 3, 20)
    with pytest.raises(ValueError, match="1404-12-30"):
        from_jalali(1404, 12, 30)


def test_an_offset_is_kept_and_found_again() -> None:
    found = read_date("2020-01-01T00:00:00-03:30", UTC)
    assert found is not None
    assert zone_of(found.zone).utcoffset(None) == -timedelta(hours=3, minutes=30)
