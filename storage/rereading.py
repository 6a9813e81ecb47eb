"""Find the captures that an extractor has not read yet, in the order in which they lie on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from storage.captures import is_reduced
from storage.models import capture, crawl, extraction, extractor, location, resource, warc_file
from storage.models import outlet as outlet_table
from storage.records import ExtractorName
from storage.stored_paths import stored_path

Position = tuple[int, int]
"""A capture's place: its WARC file (id) and the offset in it."""


@dataclass(frozen=True, slots=True)
class ReadCapture:
    """A capture that was read before. `kind` and `key` are its resource's; `asked_for` says that somebody fetched this
    very page. `outcome` is what it came to; `payload_of` names the place of the payload where it lies elsewhere."""

    capture: int
    resource: int
    kind: str
    key: str
    url: str
    at: datetime
    outcome: str
    asked_for: bool
    position: Position
    path: str
    length: int
    payload_of: tuple[str, int, int] | None


@dataclass(frozen=True, slots=True)
class Unread:
    """Which captures are meant: of one outlet and of some kinds, read before, but never by this extractor.

    `since`: captured then or later (UTC). What still waits for its first reading is left to the crawl that goes on:
    it follows what it finds.
    """

    outlet: int
    extractor: ExtractorName
    kinds: Sequence[str]
    since: datetime | None = None

    def count(self, connection: Connection) -> int:
        """How many there are."""
        statement = self._restrict(connection, select(func.count()).select_from(_JOINED))
        number: int = connection.execute(statement).scalar_one()
        return number

    def portion(self, connection: Connection, after: Position, limit: int) -> list[ReadCapture]:
        """The next ones behind a position, in the order of their files and offsets."""
        file, offset = after
        behind = or_(capture.c.warc_file > file, and_(capture.c.warc_file == file, capture.c.offset > offset))
        statement = (
            self._restrict(connection, select(*_COLUMNS).select_from(_JOINED))
            .where(capture.c.warc_file >= file, behind)
            .order_by(capture.c.warc_file, capture.c.offset)
            .limit(limit)
        )
        return [_read_capture(row) for row in connection.execute(statement)]

    def _restrict(self, connection: Connection, statement: Select[Any]) -> Select[Any]:
        name = self.extractor
        own = connection.execute(
            select(extractor.c.id).where(
                extractor.c.version == name.version,
                extractor.c.profile_digest == name.profile_digest,
                extractor.c.learnt_digest == name.learnt_digest,
            )
        ).scalar_one_or_none()
        read = select(extraction.c.capture).where(extraction.c.capture == capture.c.id)
        # The sum keeps SQLite from the index of outlets, by which each portion would sort all captures anew.
        statement = statement.where(
            resource.c.outlet + 0 == self.outlet, resource.c.kind.in_(self.kinds), read.exists(), ~is_reduced(capture)
        )
        if own is not None:
            statement = statement.where(~read.where(extraction.c.extractor == own).exists())
        return statement if self.since is None else statement.where(capture.c.at >= self.since)


def kept_outlets(connection: Connection) -> list[tuple[int, str, str]]:
    """The outlets of the archive by name: id, name, and kind."""
    columns = (outlet_table.c.id, outlet_table.c.name, outlet_table.c.kind)
    return [(row[0], row[1], row[2]) for row in connection.execute(select(*columns).order_by(outlet_table.c.name))]


_referred = capture.alias("referred")
_referred_file = warc_file.alias("referred_file")
_JOINED = (
    capture.join(location, location.c.id == capture.c.location)
    .join(resource, resource.c.id == location.c.resource)
    .join(warc_file, warc_file.c.id == capture.c.warc_file)
    .join(crawl, crawl.c.id == capture.c.crawl)
    .outerjoin(_referred, _referred.c.id == capture.c.refers_to)
    .outerjoin(_referred_file, _referred_file.c.id == _referred.c.warc_file)
)
_COLUMNS = (
    capture.c.id,
    resource.c.id,
    resource.c.kind,
    resource.c.key,
    location.c.url,
    capture.c.at,
    capture.c.outcome,
    crawl.c.kind,
    capture.c.warc_file,
    capture.c.offset,
    stored_path(warc_file),
    capture.c.length,
    stored_path(_referred_file),
    _referred.c.offset,
    _referred.c.length,
)


def _read_capture(row: Any) -> ReadCapture:
    number, resource_id, kind, key, url, at, outcome, crawl_kind, file, offset, path, length, *payload = row
    return ReadCapture(
        capture=number,
        resource=resource_id,
        kind=kind,
        key=key,
        url=url,
        at=at,
        outcome=outcome,
        asked_for=crawl_kind == "fetch",
        position=(file, offset),
        path=path,
        length=length,
        payload_of=(payload[0], payload[1], payload[2]) if payload[0] is not None else None,
    )
