"""Restore altered texts by reading a capture that showed them once more, where that gives what their digests name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, select, update

from storage.captures import PendingCapture, capture_at
from storage.content import ArticleContent
from storage.fixity.digests import KeptDigests
from storage.fixity.exchanges import UNREADABLE, Records
from storage.inserting import insert_missing
from storage.models import article, extraction, extractor, figure, learnt, outlet, revision
from storage.naming import NamedContent
from storage.records import ExtractorName
from storage.revising import columns_of, figure_rows

ReadAgain = Callable[[PendingCapture, str, ExtractorName, Mapping[str, Any] | None], NamedContent]
"""Reads a capture as an extractor did: of which outlet (its name), by what, and with what was learnt then, if anything.
Raises CannotReadAgain, and what reading a record raises."""

_READINGS = 5
"""So many readings that gave a text are tried, the oldest first."""


class CannotReadAgain(Exception):
    """A capture cannot be read as it was; the message says why. The text stays as it is: look it up in a backup."""


def restore_texts(
    records: Records, digests: KeptDigests, names: Sequence[str], read_again: ReadAgain
) -> tuple[dict[str, str], dict[str, str]]:
    """Restore the texts of revisions that rows of these names (as manifests have them) belong to, with their figures;
    gives how, for each name that could be, and why not for the others."""
    done: dict[str, str] = {}
    why_not: dict[str, str] = {}
    rows_of: dict[int, list[str]] = {}
    for name in names:
        table, _, key = name.partition("/")
        owner = key.partition(".")[0]
        if table in ("revision", "figure") and owner.isdecimal():
            rows_of.setdefault(int(owner), []).append(name)
    for number, rows in rows_of.items():
        how, why = _restore(records, digests, number, read_again)
        (done if how else why_not).update(dict.fromkeys(rows, how or why))
    return done, why_not


def _restore(records: Records, digests: KeptDigests, number: int, read_again: ReadAgain) -> tuple[str, str]:
    """Restore one text: gives how, or why not."""
    row = records.connection.execute(select(revision).where(revision.c.id == number)).one_or_none()
    if row is None:
        return "", "its row is gone: look it up in a backup"
    why = "no reading says which capture showed it: look it up in a backup"
    for reading in records.connection.execute(_READ.where(extraction.c.revision == number)).all():
        try:
            named = _read(records, row, reading, read_again)
        except CannotReadAgain as error:
            why = f"capture/{reading.capture} cannot be read as it was: {error}"
            continue
        except UNREADABLE:
            why = f"capture/{reading.capture}, which showed it, cannot be read"
            continue
        values = columns_of(named.content) | {"digest": named.digest, "extractor": reading.extractor}
        confirmed = digests.confirm(f"revision/{number}", {**row._asdict(), **values})
        if named.text_sha256 != reading.text_sha256 or not (confirmed or named.digest == row.digest):
            why = f"capture/{reading.capture}, read again, gives another text than the one that was kept"
            continue
        _write(records, number, values, named.content)
        proof = "the manifest confirms it" if confirmed else "it has the digests that were kept"
        return f"restored by reading capture/{reading.capture} again; {proof}", ""
    return "", why


def _read(records: Records, row: Row[Any], reading: Any, read_again: ReadAgain) -> NamedContent:
    name = ExtractorName(reading.version, reading.profile_digest, reading.learnt_digest)
    owner = select(outlet.c.name).join(article, article.c.outlet == outlet.c.id).where(article.c.id == row.article)
    kept = select(learnt.c.hashes).where(learnt.c.digest == name.learnt_digest)
    return read_again(
        capture_at(records.connection, reading.capture),
        records.connection.execute(owner).scalar() or "",
        name,
        records.connection.execute(kept).scalar(),
    )


def _write(records: Records, number: int, values: Mapping[str, Any], content: ArticleContent) -> None:
    records.connection.execute(update(revision).where(revision.c.id == number).values(**values))
    records.connection.execute(delete(figure).where(figure.c.revision == number))
    insert_missing(records.connection, figure, figure_rows(number, content))


_READ = (
    select(
        extraction.c.capture,
        extraction.c.extractor,
        extraction.c.text_sha256,
        extractor.c.version,
        extractor.c.profile_digest,
        extractor.c.learnt_digest,
    )
    .join(extractor, extractor.c.id == extraction.c.extractor)
    .order_by(extraction.c.at, extraction.c.capture)
    .limit(_READINGS)
)
