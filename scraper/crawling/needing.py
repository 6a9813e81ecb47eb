"""Read in kept pages what they need to look as they did, in the extraction workers: the pages may be hostile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scraper.crawling.kept import KeptTask, Place
from scraper.crawling.workers import Workers
from scraper.extraction.page import Limits

if TYPE_CHECKING:
    from scraper.config import Config
    from storage.captures import PendingCapture
    from storage.exporting import ReadNeeds

CHUNK = 4
"""Captures that one worker reads, one after the other."""

Unread = Callable[[str, str], None]
"""Is told the URL of a page or stylesheet that could not be read, and the outcome 'failed:REASON'."""


@contextmanager
def needs_reader(config: Config, archive: Path, unread: Unread) -> Iterator[ReadNeeds]:
    """Within it, what reads kept captures of the archive in this folder for what they need.

    A page that takes a worker's time or memory costs itself alone. Start it before threads are started.
    """
    workers = Workers(
        {},
        Limits(page_bytes=config.max_page_bytes),
        None,
        count=config.workers,
        seconds=config.page_seconds,
        memory=config.page_memory,
    )
    try:
        yield lambda captures: _read(workers, archive, captures, unread)
    finally:
        workers.stop()


def _read(
    workers: Workers, archive: Path, captures: Sequence[PendingCapture], unread: Unread
) -> Iterator[Sequence[str]]:
    chunks = [captures[start : start + CHUNK] for start in range(0, len(captures), CHUNK)]
    jobs = [workers.read_all([_task(archive, each) for each in chunk]) for chunk in chunks]
    for chunk, job in zip(chunks, jobs, strict=True):
        for each, result in zip(chunk, job.result(), strict=True):
            if result.outcome.startswith("failed:"):
                unread(each.url, result.outcome)
            yield result.media


def _task(archive: Path, place: PendingCapture) -> KeptTask:
    held = None
    if place.payload_path is not None and place.payload_offset is not None and place.payload_length is not None:
        held = Place(place.payload_path, place.payload_offset, place.payload_length)
    return KeptTask(
        archive=archive,
        place=Place(place.warc_path, place.offset, place.length),
        payload_at=held,
        outlet=None,
        kind=place.kind,
        key=place.key,
        url=place.url,
        at=place.at,
        needs_only=True,
    )
