"""Judge by an outlet's own history what needs a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Literal

from storage.health.facts import BEFORE, LATELY, MOST_TEXTS, OutletFacts, Run

ConcernKind = Literal["stale", "failing", "yield", "field", "host", "silent", "disk"]

FEWEST = 10
"""Pages, texts or articles below which nothing is concluded."""
ONCE, NOW = 0.8, 0.4
"""A share that was at least the one and is at most the other has collapsed."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
LAST = timedelta(hours=5)
"""Crawls that began within so long before the last one are judged with it."""
SOON = 14
"""Days of disk space that are too few."""


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that needs a person. `outlet` is None where it concerns all; `next` says what to do."""

    kind: ConcernKind
    outlet: str | None
    what: str
    next: str


def find_concerns(facts: Sequence[OutletFacts], now: datetime, free: int | None, least: int = 0) -> list[Concern]:
    """All concerns, by outlet. `now` is UTC, `free` the bytes that are free on the archive's disk (None: unknown),
    `least` those that crawls leave free."""
    found = [concern for each in facts for concern in _of_outlet(each, now)]
    return found + list(_of_disk(facts, free, least))


def _of_outlet(facts: OutletFacts, now: datetime) -> Iterator[Concern]:
    stale = list(_stale(facts, now))
    yield from stale
    yield from _hosts(facts, now)
    yield from _failing(facts)
    yield from _yields(facts, now)
    yield from _fields(facts)
    if not stale:  # else nobody looked whether something is new
        yield from _silent(facts, now)


def _stale(facts: OutletFacts, now: datetime) -> Iterator[Concern]:
    finished = [run.started_at for run in facts.runs if run.finished]
    last = facts.runs[-1].started_at
    if not finished:
        if now - facts.runs[0].started_at > 2 * _DAY:
            what = f"no crawl of {len(facts.runs)} came to its end since {_day(facts.runs[0].started_at)}"
            yield Concern("stale", facts.name, what, "See `presskeep status`, and run one by hand.")
        return
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(finished)]
    usual = timedelta(seconds=median(gaps)) if len(gaps) >= 3 else _DAY
    if now - finished[-1] > max(4 * usual, usual + _DAY):
        tried = f"; the last that began, on {_day(last)}, did not" if last > finished[-1] else ""
        what = f"the last crawl that came to its end began on {_day(finished[-1])}{tried}"
        yield Concern("stale", facts.name, what, "Is its schedule running? Run `presskeep crawl` by hand to see.")


def _hosts(facts: OutletFacts, now: datetime) -> Iterator[Concern]:
    told = {
        "refusing": "refuses to serve",
        "unreachable": "cannot be reached",
        "seized": "shows a notice in the outlet's place",
    }
    for host in facts.hosts:
        if host.state in told and (host.since is None or now - host.since > 6 * _HOUR):
            since = f" since {_day(host.since)}" if host.since is not None else ""
            what = f"{host.host} {told[host.state]}{since}"
            yield Concern("host", facts.name, what, "Look at it in a browser; has the outlet moved, or blocked you?")


def _failing(facts: OutletFacts) -> Iterator[Concern]:
    # A schedule makes many small crawls: each alone tells nothing.
    last = [run for run in facts.runs if facts.runs[-1].started_at - run.started_at < LAST]
    failed = sum(run.failed for run in last)
    asked = sum(run.pages for run in last) + failed
    if asked >= FEWEST and failed > asked / 2:
        which = "the last crawl" if len(last) == 1 else f"the crawls since {_day(last[0].started_at)}"
        what = f"{failed} of {asked} fetches of {which} gave nothing"
        yield Concern("failing", facts.name, what, "`presskeep status --refused` lists them with their reasons.")


def _yields(facts: OutletFacts, now: datetime) -> Iterator[Concern]:
    border = now - LATELY
    before = _share([run for run in facts.runs if run.started_at < border])
    lately = _share([run for run in facts.runs if run.started_at >= border])
    if before is not None and lately is not None and before >= ONCE and lately <= NOW:
        what = f"{lately:.0%} of its article pages yield a text, where it was {before:.0%}"
        yield Concern("yield", facts.name, what, f"Has its template changed? `presskeep outlets check {facts.name}`")


def _share(runs: Sequence[Run]) -> float | None:
    articles, pages = sum(run.articles for run in runs), sum(run.articles + run.unread for run in runs)
    return articles / pages if pages >= FEWEST else None


def _fields(facts: OutletFacts) -> Iterator[Concern]:
    if facts.before.texts < FEWEST or facts.lately.texts < FEWEST:
        return
    for field, number in facts.before.by_field.items():
        before, lately = number / facts.before.texts, facts.lately.by_field[field] / facts.lately.texts
        if before >= ONCE and lately <= NOW:
            what = f"{lately:.0%} of its new texts have the field {field}, where it was {before:.0%}"
            advice = f"Has its template changed? `presskeep outlets check {facts.name}`"
            yield Concern("field", facts.name, what, advice)


def _silent(facts: OutletFacts, now: datetime) -> Iterator[Concern]:
    if len(facts.arrivals) < FEWEST:
        return
    # The first crawl brings years at once: what came with it tells nothing of how often something comes.
    first, last = facts.runs[0].started_at + _HOUR, facts.arrivals[-1]
    if len(facts.arrivals) == MOST_TEXTS:
        first = max(first, facts.arrivals[0])  # what came before them was not looked at
    since = [each for each in facts.arrivals if each > first]
    if len(since) < FEWEST:
        return
    rate = len(since) / max((last - first) / _DAY, 1.0)
    quiet = now - last
    if quiet > _DAY and quiet / _DAY * rate > 9:  # less likely than one in eight thousand, if they come by chance
        what = f"nothing new since {_day(last)}, where {rate:.0f} a day came before"
        yield Concern("silent", facts.name, what, "Do its feeds and sections still list what it publishes?")


def _of_disk(facts: Sequence[OutletFacts], free: int | None, least: int) -> Iterator[Concern]:
    if free is not None and free <= least:
        what = f"the disk is full: {free / 1e9:.1f} GB are free, and crawls leave {least / 1e9:.1f} GB (min_free_bytes)"
        yield Concern("disk", None, what, "Free space, or move the archive to a larger disk.")
        return
    written = sum(each.written for each in facts)
    runs = [run.started_at for each in facts for run in each.runs]
    if free is None or not runs or not written:
        return
    days = (max(runs) - min(runs)) / _DAY
    if days < LATELY / _DAY:
        return  # a first crawl brings years at once
    a_day = written / min(days, BEFORE / _DAY)
    if free < SOON * a_day:
        left, daily = f"{free / 1e9:.1f} GB are free", f"{a_day / 1e9:.1f} GB are written a day"
        what = f"the disk is full in about {free / a_day:.0f} days: {left}, {daily}"
        yield Concern("disk", None, what, "Free space, or move the archive to a larger disk.")


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
