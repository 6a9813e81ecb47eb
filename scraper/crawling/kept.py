"""Captures that are read again: a worker takes their bytes from the WARC file itself, so that none pass its parent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from scraper.crawling.passing import FOLLOWED
from scraper.crawling.reading import Reader, ReadResult, ReadTask
from storage.captures import PendingCapture
from storage.exchange import Exchange
from storage.rights import stating_headers
from storage.urls import canonical_url
from storage.warc import read_exchange


@dataclass(frozen=True, slots=True)
class Place:
    """Where a response record lies: a path relative to the archive's WARC folder, and bytes of that file."""

    path: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class KeptTask:
    """One kept capture to be read again. `kind` and `key` are its resource's, `at` is when it was captured (UTC).

    `payload_at` is where the payload lies if another capture's record holds it (a revisit). `needs_only` asks for
    nothing but what it needs to look as it did, of a redirect for where it leads. `learnt` and `showing` are as in a
    ReadTask.
    """

    archive: Path
    place: Place
    payload_at: Place | None
    outlet: str | None
    kind: str
    key: str
    url: str
    at: datetime
    needs_only: bool = False
    learnt: bytes | None = None
    showing: bool = False


def whole_task(archive: Path, place: PendingCapture, outlet: str | None) -> KeptTask:
    """The task of reading a capture with the payload that it refers to, by `outlet`'s profile if one is named."""
    held = None
    if place.payload_path is not None and place.payload_offset is not None and place.payload_length is not None:
        held = Place(place.payload_path, place.payload_offset, place.payload_length)
    own = Place(place.warc_path, place.offset, place.length)
    return KeptTask(archive, own, held, outlet, place.kind, place.key, place.url, place.at)


def read_again(reader: Reader, task: KeptTask) -> ReadResult:
    """Read a kept capture for what it says; where its links lead was followed when it was fetched.

    Raises ArchiveDamaged where its record is missing or broken.
    """
    own = _exchange(task.archive, task.place)
    if task.needs_only and 300 <= own.status < 400:
        return ReadResult(outcome=FOLLOWED, media=_target(own))
    held = _exchange(task.archive, task.payload_at) if task.payload_at is not None else own
    read = reader.read_needs if task.needs_only else reader.read
    result = read(
        ReadTask(
            outlet=task.outlet,
            kind=task.kind,
            key=task.key,
            url=own.url,
            payload=held.payload,
            content_encoding=held.header("content-encoding"),
            content_type=held.header("content-type"),
            at=task.at,
            stating=stating_headers(own),
            learnt=task.learnt,
            showing=task.showing,
        )
    )
    return replace(result, candidate=None, found=(), more=(), parts=(), announced=())


def _target(redirect: Exchange) -> tuple[str, ...]:
    """Where a redirect leads (RFC 9110, 10.2.2), as a canonical URL."""
    from scraper.extraction.links import absolute

    url = absolute(redirect.url, redirect.header("location"))
    try:
        return (canonical_url(url),) if url is not None else ()
    except ValueError:
        return ()


def _exchange(archive: Path, place: Place) -> Exchange:
    return read_exchange(archive, place.path, place.offset, place.length)
