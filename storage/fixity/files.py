"""Check the WARC files: each against its row and its captures, several at a time."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, func, select

from storage.archive import Archive
from storage.errors import ArchiveDamaged
from storage.fixity.findings import Finding
from storage.fixity.members import (
    CaptureDigests,
    Portion,
    check_file,
    check_foreign_portion,
    check_portion,
    check_tail,
    measure,
    place_of,
)
from storage.fixity.pool import Pool, Task
from storage.fixity.strangers import strange_files
from storage.foreign import is_foreign
from storage.models import capture, reduction, warc_file
from storage.stored_paths import span_start
from storage.warc_writing import OPEN

PORTION_CAPTURES = 512
PORTION_BYTES = 32_000_000
"""A worker is given at most so many captures or bytes of a file at once."""

Told = Callable[[int, int], None]
"""Is told how many bytes of WARC files are checked, and of how many."""


def check_files(archive: Archive, connection: Connection, *, jobs: int, told: Told) -> Iterator[Finding]:
    """Check all files of the archive, `jobs` processes at work; findings come in the order of the files."""
    check = _Files(archive, connection)
    total, done = check.size, 0
    with Pool(jobs) as pool:
        for answer in pool.run(check.tasks()):
            if isinstance(answer, Finding):
                yield answer
                continue
            done += answer.size
            told(min(done, total), total)
            yield from answer.findings
    for path in check.strange:
        left = "; an import that was stopped may have left it, and takes it over when it is run again"
        what = "no row names this file" + (left if is_foreign(path) else "")
        yield Finding("file-strange", place_of(path), what)


class _Files:
    """The files of the archive by their rows, and the checks that each of them needs."""

    def __init__(self, archive: Archive, connection: Connection) -> None:
        self._folder, self._connection = archive.warc_folder, connection
        self._rows = connection.execute(select(warc_file).order_by(warc_file.c.id)).all()
        self._kept = {row.sha256: row.path for row in self._rows if row.state == "closed"}
        self.strange = strange_files(archive)
        self.size = sum(row.committed_len for row in self._rows)

    def tasks(self) -> Iterator[Task | Finding]:
        """What is to be checked, file after file, and what is plain without a look into them."""
        seen: set[str] = set()
        for row in self._rows:
            if row.state == "imported":
                yield from self._foreign(row, seen)
            else:
                yield from self._own(row)

    def _own(self, row: Row[Any]) -> Iterator[Task | Finding]:
        path = row.path
        size, why = _size(self._folder / path)
        if size is None:
            path = self._named_anew(row)
            moved = f"; {place_of(path)} may be it" if path else ""
            yield Finding("file-missing", place_of(row.path), why + moved)
            if not path:
                return
            size, _ = _size(self._folder / path)
        if row.state == "open":
            yield from self._unfinished(row, path, size)
        elif size != row.committed_len and path == row.path:
            what, exchanged = self._fault(row)
            yield Finding("file-altered", place_of(path), what)
            if exchanged:
                return  # none of the records that its captures point to is there
        elif not _is_tiled(self._connection, row):
            yield Task(place_of(path), check_file, (self._folder, path, row.committed_len, row.sha256))
        yield from self._records(row, path)

    def _unfinished(self, row: Row[Any], path: str, size: int | None) -> Iterator[Finding]:
        """What is wrong with a file that is being written, or waits for the next run: its row is in no manifest yet."""
        if size is not None and size < row.committed_len:
            yield Finding("file-altered", place_of(path), f"it has {size} of the {row.committed_len} bytes kept")
        statement = select(func.max(span_start(capture) + capture.c.span_length))
        end = self._connection.execute(statement.where(capture.c.warc_file == row.id)).scalar()
        if end is not None and end > row.committed_len:
            what = f"it says that {row.committed_len} bytes are kept, and its captures reach to byte {end}"
            yield Finding("row-altered", f"warc_file/{row.id}", what)

    def _records(self, row: Row[Any], path: str) -> Iterator[Task]:
        end = 0
        for portion in _portions(self._connection, self._folder, path, row):
            yield Task(place_of(path), check_portion, (portion,))
            last = portion.captures[-1]
            end = last.span_offset + last.span_length
        if end < row.committed_len:
            yield Task(place_of(path), check_tail, (self._folder, path, end, row.committed_len))

    def _named_anew(self, row: Row[Any]) -> str:
        """A strange file that may be the one that is missing: its name was altered, or the row's."""
        for path in self.strange:
            size, _ = _size(self._folder / path)
            if size == row.committed_len and self._digest(path) == row.sha256:
                return path
        return next(iter(get_close_matches(row.path, self.strange, n=1, cutoff=0.9)), "")

    def _digest(self, path: str) -> str:
        try:
            return measure(self._folder, path).sha256
        except (ArchiveDamaged, OSError):
            return ""

    def _fault(self, row: Row[Any]) -> tuple[str, bool]:
        """What is wrong with a closed file of another size, and whether another one stands in its place."""
        try:
            measured = measure(self._folder, row.path, row.committed_len)
        except ArchiveDamaged as error:
            return error.what, False
        except OSError as error:
            return f"it cannot be read ({error.strerror or error})", False
        owner = self._kept.get(measured.sha256, row.path)
        if owner != row.path:
            return f"here stands the file that was kept as {place_of(owner)}", True
        return measured.fault(row.committed_len, row.sha256), False

    def _foreign(self, row: Row[Any], seen: set[str]) -> Iterator[Task | Finding]:
        """The checks of a file that others wrote, or of a part of one; the file itself is checked once."""
        path = row.path if row.store == "warc" else f"{row.store}/{row.path}"
        name = path.partition("#")[0]
        if name not in seen:
            seen.add(name)
            length = row.committed_len if name == path else 0
            yield Task(place_of(name), partial(check_file, imported=True), (self._folder, name, length, row.sha256))
        for portion in _portions(self._connection, self._folder, path, row):
            yield Task(place_of(path), check_foreign_portion, (portion,))


def _is_tiled(connection: Connection, row: Row[Any]) -> bool:
    """Whether spans cover the file without gap: then they prove every byte, and the file's own digest, which stands
    under the manifest, would prove nothing more."""
    statement = select(
        func.count() - func.count(capture.c.span_sha256),
        func.min(span_start(capture)),
        func.sum(capture.c.span_length),
    ).where(capture.c.warc_file == row.id)
    without, first, length = connection.execute(statement).one()
    return (without, first, length) == (0, 0, row.committed_len)


def _portions(connection: Connection, folder: Path, path: str, row: Row[Any]) -> Iterator[Portion]:
    """The captures of a file in portions; a capture kept before there were spans gets the stretch to the next one."""
    statement = (
        select(capture, span_start(capture).label("start"), reduction.c.sha256.label("reduced_sha256"))
        .outerjoin(reduction, reduction.c.capture == capture.c.id)
        .where(capture.c.warc_file == row.id)
        .order_by(capture.c.offset)
    )
    waiting: list[CaptureDigests] = []
    size = end = 0
    for each, following in _pairs(connection.execute(statement, execution_options={"yield_per": PORTION_CAPTURES})):
        sha256 = each.span_sha256
        if sha256 is None:
            start = each.offset
            length = (following.offset if following is not None else row.committed_len) - start
        elif each.reduced_sha256 is not None:
            start, length, sha256 = each.start, each.length, each.reduced_sha256
        else:
            start, length = each.start, each.span_length
        waiting.append(
            CaptureDigests(
                each.id,
                each.offset,
                each.length,
                each.member_sha256,
                each.payload_sha256 if each.refers_to is None or row.state != "imported" else None,
                start,
                length,
                sha256,
                min(end, start),
                each.reduced_sha256 is not None,
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


def _size(place: Path) -> tuple[int | None, str]:
    """The size of a WARC file, closed or open; None where there is none, and why."""
    why = "the file is not there"
    for name in (place, place.with_name(place.name + OPEN), place):
        try:
            found = name.stat()
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:  # a name that was altered may be none at all
            return None, f"the file cannot be reached ({getattr(error, 'strerror', None) or error})"
        if stat.S_ISREG(found.st_mode):
            return found.st_size, ""
        why = "what stands there is no file"
    return None, why
