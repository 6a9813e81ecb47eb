"""Check the WARC files: each against its row and its captures, several at a time."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, func, select

from storage.archive import Archive
from storage.fixity.findings import Finding
from storage.fixity.members import (
    CaptureDigests,
    Checked,
    Portion,
    check_file,
    check_foreign_portion,
    check_portion,
    check_tail,
)
from storage.models import capture, warc_file
from storage.recovery import TORN
from storage.warc_writing import OPEN

PORTION_CAPTURES = 512
PORTION_BYTES = 32_000_000
"""A worker is given at most so many captures or bytes of a file at once."""
_AHEAD = 4
"""Portions for each process that are on their way at once."""

Told = Callable[[int, int], None]
"""Is told how many bytes of WARC files are checked, and of how many."""


def check_files(archive: Archive, connection: Connection, *, jobs: int, told: Told) -> Iterator[Finding]:
    """Check all files of the archive, `jobs` processes at work; findings come in the order of the files."""
    rows = connection.execute(select(warc_file).order_by(warc_file.c.id)).all()
    strangers = _strangers(archive)
    total, done = sum(row.committed_len for row in rows), 0
    with _Pool(jobs) as pool:
        for answer in pool.run(_tasks(archive, connection, rows, strangers)):
            if isinstance(answer, Finding):
                yield answer
                continue
            done += answer.size
            told(min(done, total), total)
            yield from answer.findings
    for path in strangers:
        yield Finding("file-strange", f"warc/{path}", "no row names this file")


_Task = tuple[Callable[..., Checked], tuple[Any, ...]]


def _tasks(
    archive: Archive, connection: Connection, rows: Sequence[Row[Any]], strangers: Sequence[str]
) -> Iterator[_Task | Finding]:
    seen: set[str] = set()
    for row in rows:
        if row.state == "imported":
            yield from _foreign_tasks(archive.warc_folder, connection, row, seen)
        else:
            yield from _own_tasks(archive.warc_folder, connection, row, strangers)


def _own_tasks(
    folder: Path, connection: Connection, row: Row[Any], strangers: Sequence[str]
) -> Iterator[_Task | Finding]:
    path = row.path
    size = _size(folder / path)
    if size is None:
        yield Finding("file-missing", f"warc/{path}", "the file is not there")
        alike = get_close_matches(path, strangers, n=1, cutoff=0.9)
        if not alike:
            return
        path = alike[0]  # the file's name was altered, or the row's
        size = (folder / path).stat().st_size
    if size < row.committed_len:
        yield Finding("file-altered", f"warc/{path}", f"it has {size} of the {row.committed_len} bytes kept")
    if size > row.committed_len and row.state != "open":
        yield Finding("file-altered", f"warc/{path}", f"it has {size} bytes, and {row.committed_len} were kept")
    if row.state != "open" and not _is_tiled(connection, row):
        yield check_file, (folder, path, row.committed_len, row.sha256)
    end = 0
    for portion in _portions(connection, folder, path, row):
        yield check_portion, (portion,)
        last = portion.captures[-1]
        end = last.span_offset + last.span_length
    if end < row.committed_len:
        yield check_tail, (folder, path, end, row.committed_len)


def _is_tiled(connection: Connection, row: Row[Any]) -> bool:
    """Whether spans cover the file without gap: then they prove every byte, and the file's own digest, which stands
    under the manifest, would prove nothing more."""
    statement = select(
        func.count() - func.count(capture.c.span_sha256),
        func.min(capture.c.span_offset),
        func.sum(capture.c.span_length),
    ).where(capture.c.warc_file == row.id)
    without, first, length = connection.execute(statement).one()
    return (without, first, length) == (0, 0, row.committed_len)


def _foreign_tasks(folder: Path, connection: Connection, row: Row[Any], seen: set[str]) -> Iterator[_Task | Finding]:
    """The checks of a file that others wrote, or of a part of one; the file itself is checked once."""
    path = row.path if row.store == "warc" else f"{row.store}/{row.path}"
    name = path.partition("#")[0]
    if name not in seen:
        seen.add(name)
        yield check_file, (folder, name, None, row.sha256)
    for portion in _portions(connection, folder, path, row):
        yield check_foreign_portion, (portion,)


def _portions(connection: Connection, folder: Path, path: str, row: Row[Any]) -> Iterator[Portion]:
    """The captures of a file in portions; a capture kept before there were spans gets the stretch to the next one."""
    statement = select(capture).where(capture.c.warc_file == row.id).order_by(capture.c.offset)
    waiting: list[CaptureDigests] = []
    size = end = 0
    for each, following in _pairs(connection.execute(statement, execution_options={"yield_per": PORTION_CAPTURES})):
        if each.span_sha256 is None:
            start = each.offset
            length = (following.offset if following is not None else row.committed_len) - start
        else:
            start, length = each.span_offset, each.span_length
        waiting.append(
            CaptureDigests(
                each.id,
                each.offset,
                each.length,
                each.member_sha256,
                each.payload_sha256 if each.refers_to is None or row.state != "imported" else None,
                start,
                length,
                each.span_sha256,
                min(end, start),
            )
        )
        end = start + length
        size += length
        if len(waiting) >= PORTION_CAPTURES or size >= PORTION_BYTES:
            yield Portion(folder, path, tuple(waiting))
            waiting, size = [], 0
    if waiting:
        yield Portion(folder, path, tuple(waiting))


def _pairs(rows: Any) -> Iterator[tuple[Row[Any], Row[Any] | None]]:
    before: Row[Any] | None = None
    for row in rows:
        if before is not None:
            yield before, row
        before = row
    if before is not None:
        yield before, None


def _strangers(archive: Archive) -> list[str]:
    """Closed files that no row names. One that is open has no row before its first batch is kept, or was left by a
    killed run for the next recovery; what broke off and was put aside is known to the recovery that did so.
    """
    found = []
    for folder, folders, names in os.walk(archive.warc_folder):
        folders.sort()
        for name in sorted(names):
            path = str(Path(folder, name).relative_to(archive.warc_folder))
            if Path(path).parts[0] != TORN and _is_warc(name):
                found.append(path)
    with archive.read() as connection:  # after the walk: the state that is checked may be older than a file
        known = {path.partition("#")[0] for path in connection.execute(select(warc_file.c.path)).scalars()}
    return [path for path in found if path not in known]


def _is_warc(name: str) -> bool:
    return name.endswith((".warc", ".warc.gz", ".arc", ".arc.gz", ".wacz"))


def _size(place: Path) -> int | None:
    for name in (place, place.with_name(place.name + OPEN), place):
        try:
            return name.stat().st_size
        except FileNotFoundError:
            continue
    return None


class _Pool:
    """Runs tasks in processes and gives their answers in order; with one job, here."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> _Pool:
        if self._jobs > 1:
            self._executor = ProcessPoolExecutor(self._jobs, multiprocessing.get_context("forkserver"))
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor:
            self._executor.shutdown(cancel_futures=True)

    def run(self, tasks: Iterator[_Task | Finding]) -> Iterator[Checked | Finding]:
        waiting: deque[Future[Checked] | Finding] = deque()
        for task in tasks:
            if isinstance(task, Finding):
                waiting.append(task)
            elif self._executor is None:
                yield task[0](*task[1])
                continue
            else:
                waiting.append(self._executor.submit(task[0], *task[1]))
            while len(waiting) > self._jobs * _AHEAD or (waiting and self._executor is None):
                yield _answer(waiting.popleft())
        while waiting:
            yield _answer(waiting.popleft())


def _answer(given: Future[Checked] | Finding) -> Checked | Finding:
    return given if isinstance(given, Finding) else given.result()
