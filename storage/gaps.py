"""Say day by day what of an outlet is known and kept, what is missing and why, and what its listings list."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import accumulate
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, func, literal_column, select, true

from storage.models import covered, listed, resource
from storage.models import outlet as outlet_table
from storage.sections_of_days import SectionCount, count_sections
from storage.spans import Span, cut, holds, join
from storage.ways import LISTING_WAYS, WHOLE_WAYS, ways_of

OLDEST, NEWEST = date(1990, 1, 1), date(2999, 12, 31)
"""Days beyond these are taken for misprints: they are counted, and no listing is missed for them."""
DENIED = tuple(f"refused:status-{status}" for status in (401, 403, 407, 429, 451))
"""Refusals of the server, not pages that are no articles: what they hide is missing."""
UNREAD = "untried"
_DAY = timedelta(days=1)

Fate = Literal["kept", "refused", "failed", "untried"]


@dataclass(frozen=True, slots=True)
class DayCount:
    """A day of publication in the outlet's zone; None: not known. `missing` counts what failed, was never tried, or is
    denied by the server. `listed` says of each way what it lists of the day; None where none of its listings that were
    read is of that day. `reasons` are those of what is not kept."""

    day: date | None
    known: int
    kept: int
    refused: int
    failed: int
    untried: int
    missing: int
    listed: Mapping[str, int | None]
    reasons: Mapping[str, int]
    sections: tuple[SectionCount, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days one after the other that no listing which can list whole days was read of (`unread`), or that such a one
    was read of and gave nothing (`empty`, by its `way`). `known` articles of them were found all the same."""

    why: Literal["unread", "empty"]
    first: date
    last: date
    known: int
    way: str | None = None

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Source:
    """A way of discovery: how many of its listings are known, were read at all, and could not be read, by reason; how
    many different articles it listed, and how many of them are kept. `whole`: it can list all of a day."""

    way: str
    whole: bool
    listings: int
    read: int
    reasons: Mapping[str, int]
    articles: int
    kept: int


@dataclass(frozen=True, slots=True)
class Gaps:
    """What is known of an outlet in a span of days. `total` counts them all; `days` are the newest `limit` of the
    `days_with_gaps`, `stretches` the newest of `all_stretches`. `denominators` are the ways that whole days were read
    by: without one nothing can be said of what no listing showed."""

    outlet: str
    first: date | None
    last: date | None
    total: DayCount
    sources: tuple[Source, ...]
    denominators: tuple[str, ...]
    days: tuple[DayCount, ...]
    days_with_gaps: int
    stretches: tuple[Stretch, ...]
    all_stretches: int


@dataclass(slots=True)
class _Day:
    known: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    lacking: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str | None] = field(default_factory=Counter)
    listed: dict[str, int] = field(default_factory=dict)


def gaps(
    connection: Connection,
    outlet: str,
    *,
    today: date,
    since: date | None = None,
    until: date | None = None,
    begun: date | None = None,
    limit: int = 30,
) -> Gaps:
    """The gaps of an outlet from `since` to `until`. `begun` is the first day that its archive by date lists, if there
    is one; `today` is in the outlet's zone.

    At a million resources it reads two indices, and rows of the `limit` days that it shows.
    """
    number = connection.execute(select(outlet_table.c.id).where(outlet_table.c.name == outlet)).scalar_one_or_none()
    number = -1 if number is None else number
    days = _days(connection, number, _within(resource.c.day, since, until))
    sources = _sources(connection, number, days)
    spans, empty = _spans(connection, number)
    _note_listed(connection, number, days, _within(listed.c.day, since, until))
    ways = [each.way for each in sources]
    counts = {day: _count(day, found, spans, ways) for day, found in days.items()}
    first, last = _bounds(days, since, until, begun, today)
    stretches = _stretches(days, spans, empty, first, last)
    with_gaps = [each for day, each in counts.items() if each.missing or _lists_more(day, each, days)]
    newest = sorted(with_gaps, key=lambda each: each.day or date.min, reverse=True)[:limit]
    sections = count_sections(connection, number, {each.day: each.known for each in newest})
    return Gaps(
        outlet=outlet,
        first=first,
        last=last,
        total=_total(counts.values(), sources),
        sources=sources,
        denominators=tuple(way for way in WHOLE_WAYS if spans.get(way)),
        days=tuple(_with_sections(each, sections.get(each.day, ())) for each in newest),
        days_with_gaps=len(with_gaps),
        stretches=tuple(stretches[:limit]),
        all_stretches=len(stretches),
    )


def missing_days(found: Gaps) -> Iterator[Span]:
    """The spans of days whose listings are worth reading again, newest first."""
    for each in found.days:
        if each.day is not None:
            yield each.day, each.day
    for stretch in found.stretches:
        yield stretch.first, stretch.last


def fate_of(outcome: str | None) -> Fate:
    """What became of a resource that no article is kept of."""
    if outcome is None or outcome == "pending":
        return "untried"
    return "failed" if outcome.startswith("failed:") else "refused"


_OF_ARTICLES = resource.c.kind == literal_column("'article'")  # as the partial indices have it
_MISSING = and_(_OF_ARTICLES, resource.c.article.is_(None))


def _within(column: ColumnElement[date | None], since: date | None, until: date | None) -> ColumnElement[bool]:
    return and_(true(), *([column >= since] if since else []), *([column <= until] if until else []))


def _days(connection: Connection, number: int, within: ColumnElement[bool]) -> dict[date | None, _Day]:
    days: dict[date | None, _Day] = {}
    known = (
        select(resource.c.day, resource.c.ways, func.count())
        .where(resource.c.outlet == number, _OF_ARTICLES, within)
        .group_by(resource.c.day, resource.c.ways)
    )
    for day, bits, n in connection.execute(known):
        found = days.setdefault(day, _Day())
        found.known += n
        for way in ways_of(bits):
            found.ways[way] += n
    missing = (
        select(resource.c.day, resource.c.outcome, resource.c.ways, func.count())
        .where(resource.c.outlet == number, _MISSING, within)
        .group_by(resource.c.day, resource.c.outcome, resource.c.ways)
    )
    for day, outcome, bits, n in connection.execute(missing):
        days[day].outcomes[outcome] += n
        for way in ways_of(bits):
            days[day].lacking[way] += n
    return days


def _sources(connection: Connection, number: int, days: Mapping[date | None, _Day]) -> tuple[Source, ...]:
    """Each way with its listings. Their keys begin alike, which the index of keys is sought by where it can be."""
    own = resource.c.outlet == number
    if connection.dialect.name == "sqlite":
        own = and_(own, resource.c.key >= "listing:", resource.c.key < "listing;")
    statement = (
        select(resource.c.kind, resource.c.outcome, func.count(), func.count(covered.c.resource))
        .outerjoin(covered, covered.c.resource == resource.c.id)
        .where(own, resource.c.kind.in_(LISTING_WAYS))
        .group_by(resource.c.kind, resource.c.outcome)
    )
    listings: Counter[str] = Counter()
    read: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = {}
    for way, outcome, n, ever in connection.execute(statement):
        listings[way] += n
        read[way] += n if outcome == "listing" else ever
        if outcome != "listing":
            reasons.setdefault(way, Counter())[outcome or UNREAD] += n
    articles: Counter[str] = Counter()
    lacking: Counter[str] = Counter()
    for found in days.values():
        articles.update(found.ways)
        lacking.update(found.lacking)
    return tuple(
        Source(
            way,
            way in WHOLE_WAYS,
            listings[way],
            read[way],
            _most_first(reasons.get(way, {})),
            articles[way],
            articles[way] - lacking[way],
        )
        for way in LISTING_WAYS
        if listings[way] or articles[way]
    )


def _spans(connection: Connection, number: int) -> tuple[dict[str, list[Span]], dict[str, list[Span]]]:
    """The days that each way's listings were read of, and those of which all they gave was nothing."""
    statement = (
        select(resource.c.kind, covered.c.first, covered.c.last, covered.c.n)
        .join(resource, resource.c.id == covered.c.resource)
        .where(resource.c.outlet == number, covered.c.first.is_not(None))
    )
    read: dict[str, list[Span]] = {}
    empty: dict[str, list[Span]] = {}
    for way, first, last, n in connection.execute(statement):
        if first <= NEWEST and last >= OLDEST:
            (read if n else empty).setdefault(way, []).append((max(first, OLDEST), min(last, NEWEST)))
    nothing = {way: cut(join(spans), join(read.get(way, ()))) for way, spans in empty.items()}
    return {way: join((*read.get(way, ()), *empty.get(way, ()))) for way in read.keys() | empty.keys()}, nothing


def _note_listed(
    connection: Connection, number: int, days: dict[date | None, _Day], within: ColumnElement[bool]
) -> None:
    """The most that one listing of each way lists of a day: files of a sitemap may name an article twice."""
    statement = (
        select(listed.c.day, resource.c.kind, func.max(listed.c.n))
        .join(resource, resource.c.id == listed.c.resource)
        .where(resource.c.outlet == number, within)
        .group_by(listed.c.day, resource.c.kind)
    )
    for day, way, n in connection.execute(statement):
        days.setdefault(day, _Day()).listed[way] = n


def _count(day: date | None, found: _Day, spans: Mapping[str, list[Span]], ways: Sequence[str]) -> DayCount:
    fates: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for outcome, n in found.outcomes.items():
        fates[fate_of(outcome)] += n
        reasons[outcome or UNREAD] += n
    denied = sum(n for outcome, n in found.outcomes.items() if outcome in DENIED)
    return DayCount(
        day=day,
        known=found.known,
        kept=found.known - fates.total(),
        refused=fates["refused"],
        failed=fates["failed"],
        untried=fates["untried"],
        missing=fates["failed"] + fates["untried"] + denied,
        listed={way: _listed(way, day, found, spans) for way in ways},
        reasons=_most_first(reasons),
    )


def _listed(way: str, day: date | None, found: _Day, spans: Mapping[str, list[Span]]) -> int | None:
    n = max(found.ways[way], found.listed.get(way, 0))
    return n if n or (day is not None and holds(spans.get(way, ()), day)) else None


def _lists_more(day: date | None, count: DayCount, days: Mapping[date | None, _Day]) -> bool:
    """Whether a source lists more of a day than is known of it and its neighbours: a listing's day and a page's may
    differ by one."""
    most = max((n for n in count.listed.values() if n is not None), default=0)
    if day is None or most <= count.known:
        return False
    near = (days[each].known for each in (day - _DAY, day + _DAY) if each in days)
    return most > count.known + sum(near)


def _bounds(
    days: Iterable[date | None], since: date | None, until: date | None, begun: date | None, today: date
) -> tuple[date | None, date | None]:
    known = [day for day in days if day is not None and OLDEST <= day <= today]
    first = since or begun or min(known, default=None)
    last = until or max(known, default=None)
    if first is None or last is None:
        return first, last
    return max(first, OLDEST), min(last, today)


def _stretches(
    days: Mapping[date | None, _Day],
    spans: Mapping[str, list[Span]],
    empty: Mapping[str, list[Span]],
    first: date | None,
    last: date | None,
) -> list[Stretch]:
    if first is None or last is None or first > last or not spans:
        return []
    whole = [(first, last)]
    outside = cut([(OLDEST, NEWEST)], whole)
    read = join(span for each in spans.values() for span in each)
    known = _Known(days)
    found: list[Stretch] = [Stretch("unread", *span, known.within(span)) for span in cut(whole, read)]
    for way, nothing in empty.items():
        found += [Stretch("empty", *span, known.within(span), way) for span in cut(nothing, outside)]
    return sorted(found, key=lambda each: (each.last, each.first, each.why), reverse=True)


class _Known:
    """How many articles are known up to each day."""

    def __init__(self, days: Mapping[date | None, _Day]) -> None:
        self._days = sorted(day for day in days if day is not None)
        self._sums = [0, *accumulate(days[day].known for day in self._days)]

    def within(self, span: Span) -> int:
        return self._sums[bisect_right(self._days, span[1])] - self._sums[bisect_left(self._days, span[0])]


def _total(counts: Iterable[DayCount], sources: Iterable[Source]) -> DayCount:
    every = list(counts)
    reasons: Counter[str] = Counter()
    for each in every:
        reasons.update(each.reasons)
    return DayCount(
        day=None,
        known=sum(each.known for each in every),
        kept=sum(each.kept for each in every),
        refused=sum(each.refused for each in every),
        failed=sum(each.failed for each in every),
        untried=sum(each.untried for each in every),
        missing=sum(each.missing for each in every),
        listed={each.way: each.articles for each in sources},
        reasons=_most_first(reasons),
    )


def _with_sections(count: DayCount, sections: Sequence[SectionCount]) -> DayCount:
    return replace(count, sections=tuple(sections))


def _most_first(counts: Mapping[Any, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
