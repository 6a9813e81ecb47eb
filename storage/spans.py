"""Spans of days, both ends within: joined, cut out of one another, and asked for a day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

Span = tuple[date, date]
_DAY = timedelta(days=1)


def join(spans: Iterable[Span]) -> list[Span]:
    """The same days as spans that neither overlap nor touch, in order."""
    joined: list[Span] = []
    for first, last in sorted(spans):
        if joined and first.toordinal() <= joined[-1][1].toordinal() + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return joined


def cut(spans: Sequence[Span], out: Sequence[Span]) -> list[Span]:
    """The days of joined spans that are in none of the other joined ones, in order."""
    left: list[Span] = []
    for first, last in spans:
        start = max(0, bisect_right(out, (first, first)) - 1)
        for begun, ended in out[start:]:
            if begun > last or first > last:
                break
            if begun > first:
                left.append((first, begun - _DAY))
            first = max(first, ended + _DAY)
        if first <= last:
            left.append((first, last))
    return left


def holds(spans: Sequence[Span], day: date) -> bool:
    """Whether a day is in one of joined spans."""
    place = bisect_right(spans, day, key=lambda span: span[0]) - 1
    return place >= 0 and spans[place][1] >= day
