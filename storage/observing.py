"""Observations of articles: which domain showed which revision when, and what is current by that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from storage.inserting import among, in_portions
from storage.judging import Line, Observation, ReadBy, same_text, telling
from storage.models import article, capture, extraction, location, reduction, revision
from storage.outlets import DomainMap, DomainRow
from storage.urls import host_of

UNRANKED = 1_000_000
"""The rank of a host that is no domain of the outlet: below every domain."""
DEPTH = 200
"""How many observations of one article are looked back on, newest first, each with all its readings."""


@dataclass(frozen=True, slots=True)
class SeenCapture:
    """A capture that is read: when it was made (UTC), where, in which line it stands, and how it came about."""

    id: int
    at: datetime
    location: int
    line: Line
    source: str = "live"


@dataclass(frozen=True, slots=True)
class Standing:
    """A reading of a capture that stands: by which extractor and when (UTC), and the text that it gave, if any."""

    extractor: int
    outcome: str
    at: datetime
    crawl: int
    article: int | None
    revision: int | None
    digest: str | None


@dataclass(slots=True)
class ArticleState:
    """An article while a batch is worked through. `id` is None until its row stands."""

    key: str
    id: int | None = None
    kind: str | None = None
    current: int | None = None
    published_at: datetime | None = None
    first_at: datetime | None = None
    observations: list[Observation] = field(default_factory=list)
    revisions: dict[str, int] = field(default_factory=dict)

    def last_before(self, line: Line, place: tuple[datetime, int]) -> Observation | None:
        """What a domain showed last before a moment, of what edits are told along."""
        earlier = [each for each in self.observations if each.line == line and each.place < place]
        if not earlier:
            return None
        tell = telling(self.observations)
        return max((each for each in earlier if each.capture in tell), key=lambda each: each.place, default=None)

    def of_capture(self, capture_id: int) -> Observation | None:
        return next((each for each in self.observations if each.capture == capture_id), None)


def line_of(domain: int | None, url: str) -> Line:
    """The line that a location's captures belong to."""
    return domain if domain is not None else host_of(url)


def current_digest(observations: Sequence[Observation], domains: DomainMap) -> str:
    """The digest of what is current, as `current_observation` has it."""
    return current_observation(observations, domains).digest


def current_observation(observations: Sequence[Observation], domains: DomainMap) -> Observation:
    """The observation whose text is current: what the highest-ranked serving domain showed last.

    A text that a domain of higher rank, out of service now, has shown and moved on from is stale: then that domain's
    last text stays current. Where no domain that showed the article serves, the highest-ranked one counts.
    """
    lines: dict[Line, list[Observation]] = {}
    for each in sorted(observations, key=lambda each: each.place):
        lines.setdefault(each.line, []).append(each)
    by_rank = sorted(lines, key=lambda line: (_rank(line, domains), str(line)))
    serving = next((line for line in by_rank if not _out_of_service(line, domains)), None)
    if serving is None:
        return lines[by_rank[0]][-1]
    shown = lines[serving][-1]
    for line in by_rank[: by_rank.index(serving)]:
        last = lines[line][-1]
        if not same_text(shown, last) and any(same_text(shown, each) for each in lines[line]):
            return last
    return shown


def load_states(connection: Connection, keys: dict[str, int]) -> dict[int, ArticleState]:
    """Articles with their newest observations and all their revisions, by article; `keys` maps keys to articles."""
    states: dict[int, ArticleState] = {}
    for portion in in_portions(sorted(set(keys.values()))):
        for row in connection.execute(_ARTICLES, {"values": portion}):
            states[row.id] = ArticleState("", row.id, row.kind, row.current_revision, row.published_at, row.first_at)
        for owner, digest, number in connection.execute(_REVISIONS, {"values": portion}):
            states[owner].revisions[digest] = number
        _load_observations(connection, portion, states)
    for key, number in keys.items():
        states[number].key = key
    return states


def load_captures(connection: Connection, ids: set[int]) -> dict[int, SeenCapture]:
    """Captures by id."""
    found = {}
    for portion in in_portions(sorted(ids)):
        for number, at, place, domain, url, source in connection.execute(_CAPTURES, {"values": portion}):
            found[number] = SeenCapture(number, at, place, line_of(domain, url), source)
    return found


def load_standing(connection: Connection, captures: set[int]) -> dict[int, list[Standing]]:
    """The readings that stand, by capture, oldest first; captures that nobody has read are left out."""
    found: dict[int, list[Standing]] = {}
    for portion in in_portions(sorted(captures)):
        for number, *values in connection.execute(_EXTRACTIONS, {"values": portion}):
            found.setdefault(number, []).append(Standing(*values))
    return found


def load_shown(connection: Connection, captures: set[int]) -> dict[int, int]:
    """Of captures that are kept as headers and digest alone, those that show the same text and are kept whole."""
    found: dict[int, int] = {}
    for portion in in_portions(sorted(captures)):
        statement = select(reduction.c.capture, reduction.c.shows).where(reduction.c.capture.in_(portion))
        found.update((row.capture, row.shows) for row in connection.execute(statement))
    return found


def _load_observations(connection: Connection, articles: Sequence[int], states: dict[int, ArticleState]) -> None:
    for row in connection.execute(_OBSERVATIONS, {"values": articles}):
        known = states[row.article].observations
        if not known or known[-1].capture != row.capture:
            known.append(Observation(row.capture, row.at, line_of(row.domain, row.url), [], row.shows))
        if all(each.extractor != row.extractor for each in known[-1].reads):
            known[-1].reads.append(ReadBy(row.extractor, row.digest, row.crawl))


_CAPTURES = (
    select(capture.c.id, capture.c.at, capture.c.location, location.c.domain, location.c.url, capture.c.source)
    .join(location, location.c.id == capture.c.location)
    .where(among(capture.c.id))
)
_EXTRACTIONS = (
    select(
        extraction.c.capture,
        extraction.c.extractor,
        extraction.c.outcome,
        extraction.c.at,
        func.coalesce(extraction.c.crawl, 0),
        revision.c.article,
        revision.c.id,
        revision.c.digest,
    )
    .outerjoin(revision, revision.c.id == extraction.c.revision)
    .where(among(extraction.c.capture))
    .order_by(extraction.c.capture, extraction.c.at, extraction.c.extractor)
)
_ARTICLES = select(
    article.c.id, article.c.kind, article.c.current_revision, article.c.published_at, article.c.first_at
).where(among(article.c.id))
_REVISIONS = select(revision.c.article, revision.c.digest, revision.c.id).where(among(revision.c.article))
_NEWEST = (
    select(
        revision.c.article,
        extraction.c.capture,
        capture.c.at,
        location.c.domain,
        location.c.url,
        func.row_number()
        .over(partition_by=revision.c.article, order_by=(capture.c.at.desc(), extraction.c.capture.desc()))
        .label("number"),
    )
    .join(extraction, extraction.c.revision == revision.c.id)
    .join(capture, capture.c.id == extraction.c.capture)
    .join(location, location.c.id == capture.c.location)
    .where(among(revision.c.article))
    .group_by(revision.c.article, extraction.c.capture, capture.c.at, location.c.domain, location.c.url)
    .subquery()
)
_shown = revision.alias("shown")
_OBSERVATIONS = (
    select(
        _NEWEST.c.article,
        _NEWEST.c.capture,
        _NEWEST.c.at,
        _NEWEST.c.domain,
        _NEWEST.c.url,
        extraction.c.extractor,
        _shown.c.digest,
        func.coalesce(extraction.c.crawl, 0).label("crawl"),
        reduction.c.shows,
    )
    .select_from(_NEWEST)
    .outerjoin(reduction, reduction.c.capture == _NEWEST.c.capture)
    .join(extraction, extraction.c.capture.in_((_NEWEST.c.capture, reduction.c.shows)))
    .outerjoin(_shown, and_(_shown.c.id == extraction.c.revision, _shown.c.article == _NEWEST.c.article))
    .where(_NEWEST.c.number <= DEPTH)
    .order_by(
        _NEWEST.c.article,
        _NEWEST.c.at,
        _NEWEST.c.capture,
        extraction.c.capture != _NEWEST.c.capture,
        extraction.c.at,
        extraction.c.extractor,
    )
)


def _domain(line: Line, domains: DomainMap) -> DomainRow | None:
    return domains.by_id.get(line) if isinstance(line, int) else None


def _rank(line: Line, domains: DomainMap) -> int:
    domain = _domain(line, domains)
    return domain.rank if domain else UNRANKED


def _out_of_service(line: Line, domains: DomainMap) -> bool:
    domain = _domain(line, domains)
    return domain.out_of_service if domain else False
