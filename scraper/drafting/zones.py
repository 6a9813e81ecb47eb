"""A site's country and time zone, from what its pages state and the offsets of its dates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo, available_timezones

UNKNOWN = "ZZ"
"""The country that is not known (ISO 3166 leaves ZZ to users; CLDR takes it so)."""
_GENERIC = frozenset(("ai", "cc", "co", "eu", "fm", "gg", "io", "is", "la", "ly", "me", "to", "tv", "ws", "st", "su"))
"""Country code domains that stand for a country seldom enough."""
_NAMED = {"uk": "GB"}
_LIKELY = {
    "bg": "BG", "cs": "CZ", "da": "DK", "el": "GR", "et": "EE", "fa": "IR", "fi": "FI", "fr": "FR", "de": "DE",
    "he": "IL", "hr": "HR", "hu": "HU", "is": "IS", "it": "IT", "ja": "JP", "ko": "KR", "lt": "LT", "lv": "LV",
    "nb": "NO", "nl": "NL", "nn": "NO", "no": "NO", "pl": "PL", "pt": "BR", "ro": "RO", "ru": "RU", "sk": "SK",
    "sl": "SI", "sq": "AL", "sr": "RS", "sv": "SE", "th": "TH", "tr": "TR", "uk": "UA", "vi": "VN",
}  # fmt: skip
"""The country in which most speakers of a language live (CLDR's likely subtags)."""
_MOST = 0.8
"""Share of the dates that have to have a zone's offset: some authors write from elsewhere."""
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Where:
    """A site's country and zone, with how each was found; `sure` tells whether the site states it."""

    country: str
    country_from: str
    country_sure: bool
    zone: str
    zone_from: str
    zone_sure: bool


Moment = tuple[datetime, timedelta]
"""An instant (UTC) and the offset with which a page printed it."""


def offset_of(zone: str) -> timedelta | None:
    """The offset that a printed date states; None for a zone's name."""
    if zone == "UTC":
        return timedelta()
    match = _OFFSET.fullmatch(zone)
    if match is None:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -offset if match[1] == "-" else offset


def find_where(
    moments: Sequence[Moment], *, address: str | None, host: str, region: str | None, language: str
) -> Where:
    """The country and the zone of a site.

    `address` is the country that it states as its own, `region` that of its language tags, `moments` are its dates
    that state an offset.
    """
    domain = host.rpartition(".")[2].lower()
    of_domain = _NAMED.get(domain, domain.upper()) if domain not in _GENERIC else ""
    evidence = [
        (address or "", "its publisher's address", True),
        (of_domain, f"the domain .{domain}", False),
        (region or "", "the region of its language tag", False),
        (_LIKELY.get(language, ""), f"its language, {language}", False),
    ]
    known = [(code, how, sure) for code, how, sure in evidence if code in _zones_by_country()]
    for code, how, sure in known:
        zones = _zones_by_country()[code]
        fitting = [zone for zone in zones if _fits(zone, moments)]
        if moments and fitting:
            return Where(code, how, sure, fitting[0], "the offsets of its dates, and its country", sure)
        if not moments and len(zones) == 1:
            return Where(code, how, sure, zones[0], "its country", False)
    zone, told = _zone_alone(moments)
    # Dates in UTC say nothing of the place; other offsets speak against a country that has none of them.
    in_utc = all(offset == timedelta() for _, offset in moments)
    code, how, sure = next((each for each in known if in_utc or each[2]), (UNKNOWN, "nothing", False))
    return Where(code, how, sure, zone, told, False)


def _zone_alone(moments: Sequence[Moment]) -> tuple[str, str]:
    """A zone by the offsets of dates alone: that of the fixed offset, else the first with such a summer time."""
    if not moments:
        return "UTC", "nothing: its dates state no offset"
    offsets = {offset for _, offset in moments}
    only = next(iter(offsets))
    if offsets == {timedelta()}:
        return "UTC", "the offsets of its dates, all UTC"
    if len(offsets) == 1 and not only % timedelta(hours=1):
        hours = only // timedelta(hours=1)
        return f"Etc/GMT{-hours:+d}", "the one offset of its dates"
    best = max(_current_zones(), key=lambda zone: _share_fitting(zone, moments))
    return best, "the offsets of its dates, which other zones have too"


def _fits(zone: str, moments: Sequence[Moment]) -> bool:
    return _share_fitting(zone, moments) >= _MOST


def _share_fitting(zone: str, moments: Sequence[Moment]) -> float:
    fitting = [at.astimezone(ZoneInfo(zone)).utcoffset() == offset for at, offset in moments]
    return sum(fitting) / len(fitting) if fitting else 1.0


@lru_cache(maxsize=1)
def _zones_by_country() -> dict[str, tuple[str, ...]]:
    """The zones of each country, the most used first, by the time zone database's own zone.tab (in tzdata)."""
    found: dict[str, tuple[str, ...]] = {}
    for country, zone in _rows_of("zone.tab"):
        found[country] = (*found.get(country, ()), zone)
    return found


@lru_cache(maxsize=1)
def _current_zones() -> tuple[str, ...]:
    """One zone, that of most people, for each set of rules that holds now, by the database's own zonenow.tab."""
    return tuple(zone for _, zone in _rows_of("zonenow.tab"))


def _rows_of(name: str) -> Iterator[tuple[str, str]]:
    names = available_timezones()
    for line in resources.files("tzdata").joinpath("zoneinfo", name).read_text("utf-8").splitlines():
        cells = line.split("\t")
        if len(cells) > 2 and len(cells[0]) == 2 and cells[2] in names:
            yield cells[0], cells[2]


def moment_of(at: datetime, zone: str) -> Moment | None:
    """A printed date as a moment; None where it states no offset."""
    offset = offset_of(zone)
    return (at.astimezone(UTC), offset) if offset is not None else None
