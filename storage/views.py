"""Show one article: its text at one revision, and all that the archive knows around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection, select

from storage.blocks import from_json
from storage.content import Block, Figure, zone_of
from storage.diffing import Change, Run, compare, compare_words
from storage.errors import ArchiveDamaged, KeyUnknown
from storage.history import revision_numbers
from storage.labels import LocationLine, family_of, keys_of, locations_of
from storage.models import article as article_table
from storage.models import capture, extractor, figure, location, outlet, reduction, resource, revision, warc_file
from storage.rights import Statement, rights_from
from storage.stored_paths import stored_path

MAX_CAPTURES = 1000
_TIME = re.compile(r"\d[:h]\d\d(?P<second>:\d\d)?")
_MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class DateLine:
    """A date of an article: `at` in UTC, the string as `printed`, its `precision`, and the `zone` it was read in."""

    at: datetime
    printed: str | None
    precision: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class RevisionText:
    """What one revision says. `number` counts by first observation, None for one that no capture showed."""

    id: int
    digest: str
    number: int | None
    headline: str
    lead: str | None
    blocks: tuple[Block, ...]
    body: str
    authors: tuple[str, ...]
    section: tuple[str, ...]
    tags: tuple[str, ...]
    figures: tuple[Figure, ...]
    language: str | None
    published: DateLine | None
    updated: DateLine | None
    found: dict[str, str]
    extractor: str


@dataclass(frozen=True, slots=True)
class RevisionLine:
    """A revision in the list of an article's; `first_at` and `last_at` are when it was seen, in UTC."""

    id: int
    digest: str
    number: int | None
    headline: str
    first_at: datetime
    last_at: datetime
    current: bool


@dataclass(frozen=True, slots=True)
class CaptureLine:
    """A capture of one of the article's locations, and where its records lie (path relative to the archive's WARCs).
    `reduced` says why it is kept as headers and digest alone; None where it is kept whole. `rights` is what it
    states of its use, None where nobody looked."""

    id: int
    at: datetime
    url: str
    status: int
    outcome: str
    payload_sha256: str
    warc: str
    offset: int
    length: int
    reduced: str | None = None
    rights: tuple[Statement, ...] | None = None


@dataclass(frozen=True, slots=True)
class ArticleView:
    """An article. `key` is `outlet:key`; `text` the revision asked for, else what the outlet shows now.

    `captures` holds the newest thousand, newest first; `merged` the ids of articles that were merged into this one.
    """

    id: int
    key: str
    keys: tuple[str, ...]
    outlet: str
    kind: str
    text: RevisionText
    current: bool
    published_at: datetime | None
    published_day: date | None
    first_at: datetime
    withdrawn_at: datetime | None
    merged: tuple[int, ...]
    revisions: tuple[RevisionLine, ...]
    locations: tuple[LocationLine, ...]
    captures: tuple[CaptureLine, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed from one revision to another. Unchanged headline, lead, authors or captions are one `equal` each."""

    old: RevisionText
    new: RevisionText
    headline: tuple[Run, ...]
    lead: tuple[Run, ...]
    authors: tuple[Change, ...]
    body: tuple[Change, ...]
    captions: tuple[Change, ...]


def view_article(
    connection: Connection, article: int, revision: int | None = None, *, captures: bool = True
) -> ArticleView:
    """The article of that id, at a revision (its id) or as it is now; its captures only where they are asked for.

    Raises KeyUnknown where there is none, ArchiveDamaged where it has no text.
    """
    row = connection.execute(
        select(article_table, outlet.c.name.label("outlet_name"))
        .join(outlet, outlet.c.id == article_table.c.outlet)
        .where(article_table.c.id == article)
    ).one_or_none()
    if row is None:
        raise KeyUnknown("is no article of this archive", str(article))
    family = family_of(connection, article)
    numbers = revision_numbers(connection, article)
    revisions = _revision_lines(connection, family, numbers, row.current_revision)
    shown = revision if revision is not None else row.current_revision or (revisions[-1].id if revisions else None)
    if shown is None:
        raise ArchiveDamaged("has no revision", f"article {article}", "Run a check.")
    keys = keys_of(connection, [article])[article]
    text = view_revision(connection, shown, numbers)
    return ArticleView(
        id=article,
        key=f"{row.outlet_name}:{keys[0]}" if keys else text.digest[:12],
        keys=keys,
        outlet=row.outlet_name,
        kind=row.kind,
        text=text,
        current=shown == row.current_revision,
        published_at=row.published_at,
        published_day=row.published_day,
        first_at=row.first_at,
        withdrawn_at=row.withdrawn_at,
        merged=tuple(each for each in family if each != article),
        revisions=revisions,
        locations=tuple(line for lines in locations_of(connection, family).values() for line in lines),
        captures=_capture_lines(connection, family) if captures else (),
    )


def view_revision(connection: Connection, number: int, numbers: dict[str, int] | None = None) -> RevisionText:
    """The revision of that id. Raises KeyUnknown where there is none."""
    row = connection.execute(
        select(revision, extractor.c.version)
        .join(extractor, extractor.c.id == revision.c.extractor)
        .where(revision.c.id == number)
    ).one_or_none()
    if row is None:
        raise KeyUnknown("is no revision of this archive", str(number))
    if numbers is None:
        numbers = revision_numbers(connection, row.article)
    figures = connection.execute(
        select(figure.c.url, figure.c.caption, figure.c.credit)
        .where(figure.c.revision == number)
        .order_by(figure.c.position)
    )
    return RevisionText(
        id=row.id,
        digest=row.digest,
        number=numbers.get(row.digest),
        headline=row.headline,
        lead=row.lead,
        blocks=from_json(row.blocks),
        body=row.body,
        authors=tuple(row.authors),
        section=tuple(row.section),
        tags=tuple(row.tags),
        figures=tuple(Figure(url, caption, credit) for url, caption, credit in figures),
        language=row.language,
        published=_date(row.published_at, row.published_printed, row.published_precision, row.zone),
        updated=_updated(row.updated_at, row.updated_printed, row.zone),
        found=dict(row.found),
        extractor=row.version,
    )


def diff(connection: Connection, old: int, new: int) -> Diff:
    """What changed between two revisions (ids), of one article or of two. Raises KeyUnknown."""
    before, after = view_revision(connection, old), view_revision(connection, new)
    return Diff(
        old=before,
        new=after,
        headline=compare_words(before.headline, after.headline),
        lead=compare_words(before.lead or "", after.lead or ""),
        authors=compare(before.authors, after.authors),
        body=compare(_paragraphs(before.blocks), _paragraphs(after.blocks)),
        captions=compare(_captions(before.figures), _captions(after.figures)),
    )


def _date(at: datetime | None, printed: str | None, precision: str | None, zone: str | None) -> DateLine | None:
    return None if at is None else DateLine(at, printed, precision, zone)


def _updated(at: datetime | None, printed: str | None, zone: str | None) -> DateLine | None:
    """The date of an update. It is kept without its zone, which is that of the date of publication on the same page,
    and without its precision, which the printed string tells: midnight without a time is a day."""
    if at is None:
        return None
    stated = _TIME.search(printed or "")
    if stated is not None:
        precision = "second" if stated["second"] else "minute"
    else:
        precision = "minute" if at.astimezone(zone_of(zone or "UTC")).time() != _MIDNIGHT else "day"
    return DateLine(at, printed, precision, zone)


def _paragraphs(blocks: Sequence[Block]) -> list[str]:
    texts = (
        (block.text, *(" | ".join(row) for row in block.rows or [(item,) for item in block.items])) for block in blocks
    )
    return [text for block in texts for text in block if text]


def _captions(figures: Sequence[Figure]) -> list[str]:
    return [each.caption for each in figures if each.caption]


def _revision_lines(
    connection: Connection, family: Sequence[int], numbers: dict[str, int], current: int | None
) -> tuple[RevisionLine, ...]:
    columns = [revision.c[name] for name in ("id", "digest", "headline", "first_at", "last_at")]
    rows = connection.execute(select(*columns).where(revision.c.article.in_(family))).all()

    def order(row: Any) -> tuple[int, datetime, int]:
        return numbers.get(row.digest, len(numbers) + 1), row.first_at, row.id

    return tuple(
        RevisionLine(
            row.id, row.digest, numbers.get(row.digest), row.headline, row.first_at, row.last_at, row.id == current
        )
        for row in sorted(rows, key=order)
    )


def _capture_lines(connection: Connection, family: Sequence[int]) -> tuple[CaptureLine, ...]:
    names = ("id", "at", "status", "outcome", "payload_sha256", "offset", "length")
    statement = (
        select(
            *(capture.c[name] for name in names),
            location.c.url,
            stored_path(warc_file).label("path"),
            reduction.c.reason,
            capture.c.rights,
        )
        .outerjoin(reduction, reduction.c.capture == capture.c.id)
        .join(location, location.c.id == capture.c.location)
        .join(resource, resource.c.id == location.c.resource)
        .join(warc_file, warc_file.c.id == capture.c.warc_file)
        .where(resource.c.article.in_(family))
        .order_by(capture.c.at.desc(), capture.c.id.desc())
        .limit(MAX_CAPTURES)
    )
    return tuple(
        CaptureLine(
            row.id,
            row.at,
            row.url,
            row.status,
            row.outcome,
            row.payload_sha256,
            row.path,
            row.offset,
            row.length,
            row.reason,
            rights_from(row.rights),
        )
        for row in connection.execute(statement)
    )
