"""Gather what an outlet's crawls and articles were like, lately and before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from storage.lately import last_before
from storage.models import article, article_key, capture, crawl, domain, outlet, revision, warc_file
from storage.resting import LAST_CAPTURE

LATELY = timedelta(days=3)
"""What is held against what was before."""
BEFORE = timedelta(days=33)
"""How far back that goes."""
MOST_CRAWLS, MOST_TEXTS = 20_000, 2000
"""The newest of these that are looked at in each of the two stretches of time."""
FIELDS = ("authors", "published", "section", "lead")
_NO_TEXT = ("empty", "no-headline", "too-short", "listing", "paywall")
"""Refusals of pages that stood where articles do: what a changed template, or a new paywall, brings."""


@dataclass(frozen=True, slots=True)
class Run:
    """One ended crawl. Times are UTC; `failed` counts fetches that gave nothing, `unread` pages that showed no article
    where one was expected."""

    started_at: datetime
    finished: bool
    pages: int
    articles: int
    new: int
    failed: int
    unread: int


@dataclass(frozen=True, slots=True)
class Yields:
    """How many new texts there were, and how many of them had each field."""

    texts: int
    by_field: dict[str, int]


@dataclass(frozen=True, slots=True)
class HostState:
    """How a domain that is asked first for its edition answered last, and since when (UTC)."""

    host: str
    role: str
    state: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class OutletFacts:
    """One outlet. `runs` are its ended crawls, oldest first; `arrivals` when its newest articles were first seen;
    `written` is what its crawls added to WARC files in the whole time, in bytes."""

    name: str
    runs: tuple[Run, ...]
    before: Yields
    lately: Yields
    arrivals: tuple[datetime, ...]
    hosts: tuple[HostState, ...]
    written: int


def gather_facts(connection: Connection, now: datetime, name: str | None = None) -> list[OutletFacts]:
    """The facts of each outlet that was crawled, or of one. One-off fetches make no outlet that is watched."""
    wanted = select(outlet.c.id, outlet.c.name).where(outlet.c.kind == "profile").order_by(outlet.c.name)
    if name is not None:
        wanted = wanted.where(outlet.c.name == name)
    found = [_facts(connection, row.id, row.name, now) for row in connection.execute(wanted).all()]
    return [each for each in found if each.runs]


def _facts(connection: Connection, number: int, name: str, now: datetime) -> OutletFacts:
    before, lately = (_Since(number, moment, last_before(connection, number, moment)) for moment in _moments(now))
    return OutletFacts(
        name=name,
        runs=tuple(_runs(connection, before)),
        before=_yields(connection, before, lately.moment),
        lately=_yields(connection, lately, now),
        arrivals=_arrivals(connection, before),
        hosts=_hosts(connection, number),
        written=_written(connection, number, now - BEFORE),
    )


@dataclass(frozen=True, slots=True)
class _Since:
    """What an outlet has had since a moment (UTC): all of it came with runs behind one."""

    of_outlet: int
    moment: datetime
    behind: int


def _moments(now: datetime) -> tuple[datetime, datetime]:
    return now - BEFORE, now - LATELY


def _hosts(connection: Connection, number: int) -> tuple[HostState, ...]:
    """The first domain of each edition: what stands behind it is asked where it fails."""
    rows = connection.execute(
        select(domain.c.host, domain.c.role, domain.c.edition, domain.c.state, domain.c.state_at)
        .where(domain.c.outlet == number, domain.c.role.in_(("primary", "edition")))
        .where(domain.c.source == "profile")
        .order_by(domain.c.rank)
    )
    first: dict[str, HostState] = {}
    for row in rows:
        first.setdefault(row.edition or "", HostState(row.host, row.role, row.state, row.state_at))
    return tuple(first.values())


def _runs(connection: Connection, since: _Since) -> Iterator[Run]:
    """The ended crawls since a moment; the last one where that was earlier, or nobody would be told that it was."""
    rows = connection.execute(_ENDED_SINCE, asdict(since)).all() or connection.execute(_LAST_ENDED, asdict(since)).all()
    for row in reversed(rows):
        yield _run(row.started_at, row.outcome, row.counts or {})


def _run(started_at: datetime, outcome: str | None, counts: dict[str, Any]) -> Run:
    refused: dict[str, int] = counts.get("refused", {})
    return Run(
        started_at=started_at,
        finished=outcome == "finished",
        pages=counts.get("pages", 0),
        articles=counts.get("articles", 0),
        new=counts.get("new", 0),
        failed=sum(counts.get("failures", {}).values()),
        unread=sum(refused.get(reason, 0) for reason in _NO_TEXT),
    )


def _yields(connection: Connection, since: _Since, until: datetime) -> Yields:
    rows: Sequence[Any] = connection.execute(_TEXTS, asdict(since) | {"until": until}).all()
    counts = {
        "authors": sum(bool(row.authors) for row in rows),
        "published": sum(row.published_at is not None for row in rows),
        "section": sum(bool(row.section) for row in rows),
        "lead": sum(bool(row.lead) for row in rows),
    }
    return Yields(len(rows), counts)


def _arrivals(connection: Connection, since: _Since) -> tuple[datetime, ...]:
    return tuple(sorted(connection.execute(_FIRST_SEEN, asdict(since)).scalars()))


def _written(connection: Connection, number: int, since: datetime) -> int:
    """Bytes of the files whose last capture is of the outlet: any outlet's run may close a file."""
    size: int | None = connection.execute(
        select(func.sum(warc_file.c.committed_len))
        .join(capture, capture.c.id == LAST_CAPTURE)
        .join(crawl, and_(crawl.c.id == capture.c.crawl, crawl.c.outlet == number))
        .where(crawl.c.started_at >= since)
    ).scalar_one()
    return int(size or 0)


# What is new is sought by the runs that brought it: to find it by its time, all that was ever kept would be read, texts
# and all. The sums keep SQLite from beginning with all articles of the outlet.
_OF_OUTLET = bindparam("of_outlet", type_=crawl.c.outlet.type)
_MOMENT = bindparam("moment", type_=crawl.c.started_at.type)
_BEHIND = crawl.c.id > bindparam("behind", type_=crawl.c.id.type)
_ENDED = (
    select(crawl.c.started_at, crawl.c.outcome, crawl.c.counts)
    .where(crawl.c.outlet == _OF_OUTLET, crawl.c.kind == "crawl", crawl.c.ended_at.is_not(None))
    .order_by(crawl.c.id.desc())
)
_ENDED_SINCE = _ENDED.where(_BEHIND, crawl.c.started_at >= _MOMENT).limit(MOST_CRAWLS)
_LAST_ENDED = _ENDED.limit(1)
_RUNS = select(crawl.c.id).where(_BEHIND, or_(crawl.c.outlet == _OF_OUTLET, crawl.c.outlet.is_(None)))
_TEXTS = (
    select(revision.c.authors, revision.c.published_at, revision.c.section, revision.c.lead)
    .join(article, article.c.id == revision.c.article)
    .where(revision.c.crawl.in_(_RUNS), article.c.outlet + 0 == _OF_OUTLET)
    .where(revision.c.first_at >= _MOMENT, revision.c.first_at < bindparam("until", type_=revision.c.first_at.type))
    .order_by(revision.c.id.desc())
    .limit(MOST_TEXTS)
)
_FIRST_SEEN = (
    select(article.c.first_at)
    .where(article.c.id.in_(select(article_key.c.article).where(article_key.c.crawl.in_(_RUNS))))
    .where(article.c.outlet + 0 == _OF_OUTLET, article.c.first_at >= _MOMENT, article.c.merged_into.is_(None))
    .order_by(article.c.first_at.desc())
    .limit(MOST_TEXTS)
)
