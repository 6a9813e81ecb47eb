"""An article's history, drawn from observations: which domain showed which revision when, and what changed.

Edits are read along one domain's line of observations, in the order of captures. A text that another domain shows
differently is no edit: the first on its line says so by `disagrees`. An extractor that changed is no edit either, and
reading captures again changes no word of what was said before (storage.judging has the rules).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select

from storage import judging
from storage.judging import ReadBy, judge, number_texts, telling
from storage.labels import family_of
from storage.models import capture, domain, extraction, extractor, location, revision
from storage.observing import load_shown, load_standing
from storage.urls import host_of

Kind = Literal["first", "same", "edit", "reread"]


@dataclass(frozen=True, slots=True)
class Observation:
    """A capture that showed a revision, as one extractor read it.

    `kind`: `first` of its domain's line, the `same` text as before, an `edit`, or `reread`: the capture was read
    again by another extractor, or the text differs and so does the extractor. `at` is when it was captured, `read_at`
    when it was read, both UTC. `number` counts the article's revisions from 1, by first observation, those that
    re-reading alone gave after the others. `disagrees`: the line begins with a text that no other domain had shown
    until then.
    """

    kind: Kind
    at: datetime
    domain: str
    url: str
    digest: str
    number: int
    revision: int
    capture: int
    extractor: str
    read_at: datetime
    text_sha256: str | None
    disagrees: bool = False


@dataclass(frozen=True, slots=True)
class _Reading:
    """One extraction that gave a revision, with its capture."""

    capture: int
    at: datetime
    url: str
    domain: str
    revision: int
    digest: str
    extractor: int
    version: str
    read_at: datetime
    text_sha256: str | None
    crawl: int


def history(connection: Connection, article: int) -> list[Observation]:
    """The observations of an article and of those merged into it, oldest first.

    The order is by time of capture, then capture, then time of reading, so it is the same on every database.
    """
    readings = _load(connection, family_of(connection, article))
    observed = _observed(connection, readings)
    tell = telling(observed.values())
    numbers = _numbers(readings, tell)
    lines: dict[str, judging.Observation] = {}
    shown: dict[str, int] = {}
    found: list[Observation] = []
    told: set[int] = set()
    for each in readings:
        kind: Kind = "reread"
        disagrees = False
        if each.capture in tell and each.capture not in told:
            told.add(each.capture)
            known = [digest for digest, crawl in shown.items() if crawl <= each.crawl]
            kind = _kind(each, lines.get(each.domain), known)
            disagrees = kind == "first" and bool(known)
            lines[each.domain] = observed[each.capture]
            shown[each.digest] = 0
        found.append(_observation(each, kind, numbers[each.digest], disagrees=disagrees))
        shown.setdefault(each.digest, each.crawl)
    return found


def revision_numbers(connection: Connection, article: int) -> dict[str, int]:
    """The number of each revision by its digest, as observations count them."""
    readings = _load(connection, family_of(connection, article))
    return _numbers(readings, telling(_observed(connection, readings).values()))


def _kind(reading: _Reading, last: judging.Observation | None, shown: Collection[str]) -> Kind:
    """What the first text read in a capture is to the line of its domain, where `shown` were known texts."""
    if last is None:
        return "same" if reading.digest in shown else "first"
    verdict = judge(last, reading.extractor, reading.digest, crawl=reading.crawl)
    return "reread" if verdict == "unread" else verdict


def _observation(reading: _Reading, kind: Kind, number: int, *, disagrees: bool) -> Observation:
    return Observation(
        kind=kind,
        at=reading.at,
        domain=reading.domain,
        url=reading.url,
        digest=reading.digest,
        number=number,
        revision=reading.revision,
        capture=reading.capture,
        extractor=reading.version,
        read_at=reading.read_at,
        text_sha256=reading.text_sha256,
        disagrees=disagrees,
    )


def _numbers(readings: Sequence[_Reading], tell: set[int]) -> dict[str, int]:
    return number_texts([(each.capture, each.digest) for each in readings], tell)


def _observed(connection: Connection, readings: Sequence[_Reading]) -> dict[int, judging.Observation]:
    """The captures that showed the article, by id, each with all its readings."""
    observed = {each.capture: judging.Observation(each.capture, each.at, each.domain, []) for each in readings}
    digests = {(each.capture, each.extractor): each.digest for each in readings}
    standing = load_standing(connection, set(observed))
    for number, own in standing.items():
        reads = observed[number].reads
        reads += [ReadBy(each.extractor, digests.get((number, each.extractor)), each.crawl) for each in own]
    for number, shows in load_shown(connection, set(observed)).items():
        one = observed[number]
        known = {each.extractor for each in one.reads}
        one.shown_by = shows
        one.reads += (
            [each for each in observed[shows].reads if each.extractor not in known] if shows in observed else []
        )
    return observed


def _load(connection: Connection, articles: Sequence[int]) -> list[_Reading]:
    statement = (
        select(
            capture.c.id,
            capture.c.at,
            location.c.url,
            domain.c.host,
            domain.c.path,
            revision.c.id.label("revision"),
            revision.c.digest,
            extraction.c.extractor,
            extractor.c.version,
            extraction.c.at.label("read_at"),
            extraction.c.text_sha256,
            func.coalesce(extraction.c.crawl, 0).label("crawl"),
        )
        .select_from(revision)
        .join(extraction, extraction.c.revision == revision.c.id)
        .join(extractor, extractor.c.id == extraction.c.extractor)
        .join(capture, capture.c.id == extraction.c.capture)
        .join(location, location.c.id == capture.c.location)
        .outerjoin(domain, domain.c.id == location.c.domain)
        .where(revision.c.article.in_(articles))
        .order_by(capture.c.at, capture.c.id, extraction.c.at, extraction.c.extractor)
    )
    return [
        _Reading(
            capture=row.id,
            at=row.at,
            url=row.url,
            domain=host_of(row.url) if row.host is None else row.host + row.path,
            revision=row.revision,
            digest=row.digest,
            extractor=row.extractor,
            version=row.version,
            read_at=row.read_at,
            text_sha256=row.text_sha256,
            crawl=row.crawl,
        )
        for row in connection.execute(statement)
    ]
