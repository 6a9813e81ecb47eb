"""An article's history, drawn from observations: which domain showed which revision when, and what changed.

Edits are read along one domain's line of observations, in the order of captures. A text that another domain shows
differently is no edit: the first on its line says so by `disagrees`. An extractor that changed is no edit either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select

from storage.labels import family_of
from storage.models import capture, domain, extraction, extractor, location, revision
from storage.urls import host_of

Kind = Literal["first", "same", "edit", "reread"]


@dataclass(frozen=True, slots=True)
class Observation:
    """A capture that showed a revision, as one extractor read it.

    `kind`: `first` of its domain's line, the `same` text as before, an `edit`, or `reread`: the capture was read
    again by another extractor, or the text differs and so does the extractor. `at` is when it was captured, `read_at`
    when it was read, both UTC. `number` counts the article's revisions by first observation, from 1. `disagrees`:
    the line begins with a text that no other domain had shown until then.
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


@dataclass(slots=True)
class _Line:
    """What one domain showed last: its capture, and what each extractor made of that."""

    capture: int
    digests: dict[int, str] = field(default_factory=dict)


def history(connection: Connection, article: int) -> list[Observation]:
    """The observations of an article and of those merged into it, oldest first.

    The order is by time of capture, then capture, then time of reading, so it is the same on every database.
    """
    readings = _load(connection, family_of(connection, article))
    numbers = _numbers(readings)
    blanks = _blanks(connection, sorted({each.capture for each in readings}))
    lines: dict[str, _Line] = {}
    shown: set[str] = set()
    found: list[Observation] = []
    for each in readings:
        line = lines.get(each.domain)
        kind = _kind(each, line, shown, blanks)
        if line is None or line.capture != each.capture:
            lines[each.domain] = line = _Line(each.capture)
        line.digests[each.extractor] = each.digest
        found.append(_observation(each, kind, numbers[each.digest], disagrees=kind == "first" and bool(shown)))
        shown.add(each.digest)
    return found


def revision_numbers(connection: Connection, article: int) -> dict[str, int]:
    """The number of each revision by its digest, counted from 1 in the order of first observation."""
    return _numbers(_load(connection, family_of(connection, article)))


def _kind(reading: _Reading, line: _Line | None, shown: set[str], blanks: set[tuple[int, int]]) -> Kind:
    """What a reading is to the line of its domain."""
    if line is None:
        return "same" if reading.digest in shown else "first"
    if line.capture == reading.capture:
        return "reread"
    if reading.extractor in line.digests:
        return "same" if line.digests[reading.extractor] == reading.digest else "edit"
    if reading.digest in line.digests.values():
        return "same"
    # Read by the same extractor, the capture before shows no article at all: so both texts stand as they were read.
    return "edit" if (line.capture, reading.extractor) in blanks else "reread"


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


def _numbers(readings: Sequence[_Reading]) -> dict[str, int]:
    return {digest: number for number, digest in enumerate(dict.fromkeys(each.digest for each in readings), 1)}


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
        )
        for row in connection.execute(statement)
    ]


def _blanks(connection: Connection, captures: Sequence[int]) -> set[tuple[int, int]]:
    """Which extractors saw no article in which of the captures."""
    blanks: set[tuple[int, int]] = set()
    for start in range(0, len(captures), 500):
        statement = select(extraction.c.capture, extraction.c.extractor).where(
            extraction.c.capture.in_(captures[start : start + 500]), extraction.c.revision.is_(None)
        )
        blanks.update((row[0], row[1]) for row in connection.execute(statement))
    return blanks
