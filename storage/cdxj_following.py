"""Keep an archive's CDXJ index up with its WARC files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select

from storage.archive import Archive
from storage.cdxj_index import CdxjIndex, Followed, Source
from storage.foreign import FoundRecord, Place, RecordHead, Scan, is_foreign
from storage.models import warc_file
from storage.stored_paths import stored_path
from storage.warc_reading import open_warc
from storage.warc_records import MEMBER_LIMIT, Record

FOLDER = "cdxj"
"""The index's folder, in the archive's beside `warc`."""

_NEWLINES = 64
"""Bytes at a record's end that are looked at for line ends."""


def follow_warcs(
    archive: Archive,
    told: Callable[[Followed], None] = lambda done: None,
    *,
    anew: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Followed:
    """Index what the archive's WARC files hold since the last time, or all of it `anew`.

    Only what is committed is read, so a crawl may be under way. `stop` is asked after each record; what was read until
    then is indexed. OSError when the folder cannot be written.
    """
    return CdxjIndex(archive.folder / FOLDER).follow(warc_sources(archive), told, anew=anew, stop=stop)


def index_elsewhere(archive: Archive, folder: Path, told: Callable[[Followed], None] = lambda done: None) -> CdxjIndex:
    """An index of an archive that cannot be written: its own as far as it goes, the rest in `folder`."""
    index = CdxjIndex(folder, base=archive.folder / FOLDER)
    index.follow(warc_sources(archive), told)
    return index


def warc_sources(archive: Archive) -> list[Source]:
    """The archive's WARC files, those being written up to their committed length. Names are relative to `warc`.

    Imported files that stand in another (a WACZ) are found in that one, where their members stand as they are; what was
    compressed once more has no place that replay could open.
    """
    with archive.read() as connection:
        rows = connection.execute(
            select(stored_path(warc_file), warc_file.c.state, warc_file.c.committed_len)
            .where(~warc_file.c.path.contains("#"))
            .order_by(warc_file.c.path)
        ).all()
    return [_source(archive.warc_folder, *row) for row in rows]


def _source(folder: Path, path: str, state: str, committed: int) -> Source:
    opening = partial(open_warc, folder, path)
    if is_foreign(path):
        return Source(path, opening, read=_read_foreign, gaps=True)
    return Source(path, opening, committed if state == "open" else None)


def _read_foreign(file: BinaryIO, offset: int) -> Iterator[Record]:
    """The records that stand by themselves: one that is packed with others has no place that CDXJ could name."""
    for found in Scan(file, lambda head: True, start=offset, limit=MEMBER_LIMIT):
        if isinstance(found, FoundRecord) and not found.place.part:
            place, head = found.place, found.head
            end = place.offset + place.length - _newlines(file, place, found.block)
            yield Record(place.offset, end, place.sha256, _fields(head), found.block)


def _newlines(file: BinaryIO, place: Place, block: bytes) -> int:
    """How many line ends stand behind the block of a record that is not packed: others do not count them."""
    end = os.pread(file.fileno(), _NEWLINES, place.offset + place.length - _NEWLINES)
    behind = len(end) - len(end.rstrip(b"\r\n")) - (len(block) - len(block.rstrip(b"\r\n")))
    return min(max(behind, 0), 4)


def _fields(head: RecordHead) -> dict[str, str]:
    """The fields as a WARC record has them; an ARC record has but a line."""
    if "warc-type" in head.fields:
        return head.fields
    date = f"{head.at:%Y-%m-%dT%H:%M:%SZ}"
    return {"warc-type": head.kind, "warc-target-uri": head.uri, "warc-date": date}
