"""Read in kept pages what they need to look as they did, in the extraction workers: the pages may be hostile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scraper.crawling.kept import whole_task
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
    tasks = [[replace(whole_task(archive, each, None), needs_only=True) for each in chunk] for chunk in chunks]
    jobs = [workers.read_all(each) for each in tasks]
    for chunk, job in zip(chunks, jobs, strict=True):
        for each, result in zip(chunk, job.result(), strict=True):
            if result.outcome.startswith("failed:"):
                unread(each.url, result.outcome)
            yield result.media
