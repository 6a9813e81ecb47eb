"""What the archive said of an article at an earlier time: from what had been captured and read until then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from storage.errors import KeyUnknown
from storage.judging import Observation, ReadBy, number_texts, telling
from storage.labels import LocationLine, family_of
from storage.models import article, capture, domain, domain_event, extraction, location, revision
from storage.observing import current_observation, line_of
from storage.outlets import DomainMap, domains
from storage.views import ArticleView, CaptureLine, RevisionLine, view_article


def view_as_of(connection: Connection, number: int, at: datetime) -> ArticleView:
    """The article (its id) as the archive had it at an instant (UTC).

    Its text is what the highest-ranked domain that served then had shown last, as the newest extractor that had read
    it by then understood it. Captures, locations and texts that came later are left out, and so are later readings of
    earlier captures. Merges, splits and the ranks of domains are today's. Raises KeyUnknown where the archive did not
    have the article yet.
    """
    family = family_of(connection, number)
    readings = _readings(connection, family, at)
    observed = _observed(readings)
    if not observed:
        which = view_article(connection, number).key
        raise KeyUnknown(f"was not in the archive at {at:%Y-%m-%d %H:%M} UTC", which, "Its history tells since when.")
    owner = connection.execute(select(article.c.outlet).where(article.c.id == number)).scalar_one()
    shown = current_observation(list(observed.values()), _domains_then(connection, owner, at)).digest
    ids = {each.digest: each.revision for each in readings if each.digest is not None}
    view = view_article(connection, number, ids[shown])
    texts = [(each.capture, each.digest) for each in readings if each.digest is not None]
    numbers = number_texts(texts, telling(observed.values()))
    published = view.text.published
    captures = _captures_then(connection, view.captures, at)
    return replace(
        view,
        text=replace(view.text, number=numbers[shown]),
        published_at=published.at if published else None,
        published_day=view.published_day if published and published.at == view.published_at else None,
        first_at=min(each.at for each in observed.values()),
        withdrawn_at=view.withdrawn_at if view.withdrawn_at is not None and view.withdrawn_at <= at else None,
        revisions=_revisions_then(view.revisions, readings, numbers, ids[shown]),
        locations=tuple(_location_then(each, captures) for each in view.locations if each.first_at <= at),
        captures=captures,
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """One extraction of a capture that showed the article, now or later; `digest` is None where it saw no article."""

    capture: int
    at: datetime
    domain: int | None
    url: str
    extractor: int
    crawl: int
    revision: int
    digest: str | None


def _readings(connection: Connection, family: Sequence[int], at: datetime) -> list[_Reading]:
    own = select(extraction.c.capture).join(revision, revision.c.id == extraction.c.revision)
    statement = (
        select(
            capture.c.id,
            capture.c.at,
            location.c.domain,
            location.c.url,
            extraction.c.extractor,
            func.coalesce(extraction.c.crawl, 0),
            revision.c.id,
            revision.c.digest,
        )
        .join(extraction, extraction.c.capture == capture.c.id)
        .join(location, location.c.id == capture.c.location)
        .outerjoin(revision, (revision.c.id == extraction.c.revision) & revision.c.article.in_(family))
        .where(capture.c.id.in_(own.where(revision.c.article.in_(family))), capture.c.at <= at, extraction.c.at <= at)
        .order_by(capture.c.at, capture.c.id, extraction.c.at, extraction.c.extractor)
    )
    return [_Reading(*row) for row in connection.execute(statement)]


def _observed(readings: Sequence[_Reading]) -> dict[int, Observation]:
    """The captures that had shown the article by then."""
    observed: dict[int, Observation] = {}
    for each in readings:
        line = line_of(each.domain, each.url)
        seen = observed.setdefault(each.capture, Observation(each.capture, each.at, line, []))
        seen.reads.append(ReadBy(each.extractor, each.digest, each.crawl))
    return {number: seen for number, seen in observed.items() if any(read.digest for read in seen.reads)}


def _domains_then(connection: Connection, outlet: int, at: datetime) -> DomainMap:
    """The outlet's domains, each as it answered then."""
    events = (
        select(domain_event.c.domain, domain_event.c.state)
        .join(domain, domain.c.id == domain_event.c.domain)
        .where(domain.c.outlet == outlet, domain_event.c.at <= at)
        .order_by(domain_event.c.at, domain_event.c.id)
    )
    states = {row[0]: row[1] for row in connection.execute(events)}
    return DomainMap([replace(row, state=states.get(row.id, "unknown")) for row in domains(connection, outlet)])


def _revisions_then(
    lines: Sequence[RevisionLine], readings: Sequence[_Reading], numbers: dict[str, int], current: int
) -> tuple[RevisionLine, ...]:
    seen: dict[int, list[datetime]] = {}
    for each in readings:
        if each.digest is not None:
            seen.setdefault(each.revision, []).append(each.at)
    then = [
        replace(
            line,
            number=numbers[line.digest],
            first_at=min(seen[line.id]),
            last_at=max(seen[line.id]),
            current=line.id == current,
        )
        for line in lines
        if line.id in seen
    ]
    return tuple(sorted(then, key=lambda line: (line.number or 0, line.id)))


def _captures_then(connection: Connection, lines: Sequence[CaptureLine], at: datetime) -> tuple[CaptureLine, ...]:
    """The captures made by then, with what they had come to: one that was read later alone was pending."""
    then = [each for each in lines if each.at <= at]
    outcomes: dict[int, str] = {}
    for start in range(0, len(then), 500):
        statement = (
            select(extraction.c.capture, extraction.c.at, extraction.c.outcome)
            .where(extraction.c.capture.in_([each.id for each in then[start : start + 500]]))
            .order_by(extraction.c.at, extraction.c.extractor)
        )
        for number, read_at, outcome in connection.execute(statement):
            if read_at <= at:
                outcomes[number] = outcome
            else:
                outcomes.setdefault(number, "pending")
    return tuple(replace(each, outcome=outcomes.get(each.id, each.outcome)) for each in then)


def _location_then(line: LocationLine, captures: Sequence[CaptureLine]) -> LocationLine:
    """A location as it was seen by then: what is known of it after that are its captures."""
    fetched: Any = max((each.at for each in captures if each.url == line.url), default=None)
    return replace(line, last_at=max(line.first_at, fetched or line.first_at), fetched_at=fetched)
