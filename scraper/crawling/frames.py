"""The listings of single days that an outlet offers, whatever a crawl has read of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Protocol

from storage.records import Found
from storage.spans import Span

MOST = 20_000
"""Listings of days that one crawl is asked to read again, at most."""


class DayFrame(Protocol):
    """An archive by date: from `since` on, each day is listed by one listing, which is of `step` days."""

    @property
    def since(self) -> date: ...
    @property
    def step(self) -> int: ...
    def listing(self, day: date, at: datetime) -> Found | None: ...


def listings_of(frames: Sequence[DayFrame], spans: Sequence[Span], at: datetime) -> list[Found]:
    """The listings of all days of the spans, each once, in their order; of a span the newest first."""
    found: dict[str, Found] = {}
    for frame in frames:
        for each in _listings(frame, spans, at):
            if len(found) >= MOST:
                return list(found.values())
            found.setdefault(each.key, each)
    return list(found.values())


def draw_listings(frames: Sequence[DayFrame], until: date, most: int, chance: Random, at: datetime) -> list[Found]:
    """A random sample of the listings that end on `until` or before, each as likely as any other."""
    lengths = [max(0, (until - frame.since).days + 1) // frame.step for frame in frames]
    drawn: dict[str, Found] = {}
    for number in chance.sample(range(sum(lengths)), min(most, sum(lengths))):
        for frame, length in zip(frames, lengths, strict=True):
            if number < length:
                # Listings stand on a grid: that of a day this far before the last whole one ends before `until`.
                listing = frame.listing(until - timedelta(days=frame.step * (number + 1) - 1), at)
                if listing is not None:
                    drawn.setdefault(listing.key, listing)
                break
            number -= length
    return list(drawn.values())


def _listings(frame: DayFrame, spans: Sequence[Span], at: datetime) -> Iterator[Found]:
    for first, last in spans:
        first = max(first, frame.since)
        days = (last - first).days
        # One day of each listing, and the first, whose listing may begin before it.
        for offset in (*range(0, days, frame.step), days) if days >= 0 else ():
            listing = frame.listing(last - timedelta(days=offset), at)
            if listing is not None:
                yield listing
