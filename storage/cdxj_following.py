"""Keep an archive's CDXJ index up with its WARC files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy import select

from storage.archive import Archive
from storage.cdxj_index import CdxjIndex, Followed, Source
from storage.models import warc_file
from storage.warc_reading import open_warc

FOLDER = "cdxj"
"""The index's folder, in the archive's beside `warc`."""


def follow_warcs(
    archive: Archive, told: Callable[[Followed], None] = lambda done: None, *, anew: bool = False
) -> Followed:
    """Index what the archive's WARC files hold since the last time, or all of it `anew`.

    Only what is committed is read, so a crawl may be under way. OSError when the folder cannot be written.
    """
    return CdxjIndex(archive.folder / FOLDER).follow(warc_sources(archive), told, anew=anew)


def index_elsewhere(archive: Archive, folder: Path, told: Callable[[Followed], None] = lambda done: None) -> CdxjIndex:
    """An index of an archive that cannot be written: its own as far as it goes, the rest in `folder`."""
    index = CdxjIndex(folder, base=archive.folder / FOLDER)
    index.follow(warc_sources(archive), told)
    return index


def warc_sources(archive: Archive) -> list[Source]:
    """The archive's WARC files, those being written up to their committed length. Names are relative to `warc`."""
    with archive.read() as connection:
        rows = connection.execute(
            select(warc_file.c.path, warc_file.c.state, warc_file.c.committed_len)
            .where(warc_file.c.store == "warc")
            .order_by(warc_file.c.path)
        ).all()
    return [
        Source(row.path, partial(open_warc, archive.warc_folder, row.path), _limit(row.state, row.committed_len))
        for row in rows
    ]


def _limit(state: str, committed: int) -> int | None:
    return committed if state == "open" else None
