"""Mend WARC files that are not as they were closed: put names right, and put aside what was appended."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Row, select

from storage.archive import Archive
from storage.errors import ArchiveDamaged, StorageError
from storage.fixity.digests import KeptDigests
from storage.fixity.exchanges import sha256_between
from storage.fixity.findings import Finding
from storage.fixity.members import measure, place_of
from storage.models import capture, crawl, warc_file
from storage.torn import put_aside
from storage.warc_writing import lock, sync_folder

_BACKUP = "put the file of a backup in its place"
_WRONG = ("file-missing", "file-altered")


def mend_files(archive: Archive, findings: Sequence[Finding]) -> list[Finding]:
    """Mend what was found of files, once their rows have been restored; gives the findings, each with what became of
    it.

    Only what a digest proves is moved or cut, and only in the archive's own folder: a file that is linked to, or that
    a symbolic link leads to, is never written.
    """
    wrong = [each for each in findings if each.kind in _WRONG]
    if not wrong:
        return list(findings)
    strange = [each.place.removeprefix("warc/") for each in findings if each.kind == "file-strange"]
    with archive.read() as connection:
        repair = _FileRepair(archive.warc_folder, connection, {each.place for each in wrong}, strange)
        done = repair.run()
    return [_told(each, done) if each.kind in _WRONG else each for each in findings]


def _told(finding: Finding, done: dict[str, tuple[str, str]]) -> Finding:
    how, why = done.get(finding.place, ("", _BACKUP))
    return finding.mended(how) if how else finding.beyond_repair(why)


class _FileRepair:
    """Mends files by their places; what each came to: how it was mended, or why not."""

    def __init__(self, folder: Path, connection: Connection, places: set[str], strange: Sequence[str]) -> None:
        self._folder, self._connection = folder, connection
        rows = connection.execute(
            select(warc_file).where(warc_file.c.state != "open", ~warc_file.c.path.contains("#"))
        ).all()
        named = {place_of(row.path if row.store == "warc" else f"{row.store}/{row.path}"): row for row in rows}
        self._rows = {place: named[place] for place in sorted(places) if place in named}
        self._digests = KeptDigests(connection, [f"warc_file/{row.id}" for row in self._rows.values()])
        self._strange = list(strange)
        self.done: dict[str, tuple[str, str]] = {}

    def run(self) -> dict[str, tuple[str, str]]:
        able: dict[str, Row[Any]] = {}
        for place, row in self._rows.items():
            if why := self._why_not(row):
                self.done[place] = "", why
            else:
                able[place] = row
        moved = self._move(able)
        for place, row in able.items():
            if place not in moved:
                self.done[place] = self._cut(row)
        return self.done

    def _why_not(self, row: Row[Any]) -> str:
        """Why a file is not to be touched at all; '' where it may be."""
        if row.store != "warc":
            return f"nothing is ever written in {row.store}, where it lies: put it there as it was"
        place = self._folder / row.path
        try:
            inside = place.parent.resolve().is_relative_to(self._folder.resolve())
            if place.is_symlink() or not inside:
                return "it is not in the archive's folder itself, and nothing is written elsewhere"
        except (OSError, ValueError):
            return _BACKUP
        if not self._is_confirmed(row):
            return "its row is not as its manifest says, so that nothing proves what it was"
        return ""

    def _is_confirmed(self, row: Row[Any]) -> bool:
        """Whether the manifest says the same of a file as its row, where one should name it."""
        name = f"warc_file/{row.id}"
        drawn = select(crawl.c.id).where(crawl.c.id == row.crawl, crawl.c.ended_at.is_not(None))
        if self._digests.get(name) is None:
            return self._connection.execute(drawn.where(crawl.c.manifest_form > 1)).first() is None
        return self._digests.confirm(name, row._asdict())

    # Names.

    def _move(self, able: dict[str, Row[Any]]) -> set[str]:
        """Give files back the names of the rows whose digests they have; gives the places that are right now."""
        wanted = {row.sha256: row.path for row in able.values()}
        moves: dict[str, str] = {}
        for path in [*self._strange, *(row.path for row in able.values())]:
            sha256 = _digest(self._folder, path)
            if sha256 in wanted and wanted[sha256] != path:
                moves[wanted[sha256]] = path
        moved = set()
        for path, source in _in_turn(self._folder, moves):
            self.done[place_of(path)] = f"it lay under the name {source}, and has its own again", ""
            moved.add(place_of(path))
        return moved

    # Appended bytes.

    def _cut(self, row: Row[Any]) -> tuple[str, str]:
        """Put aside what stands behind the length that was kept, where all before it is proven."""
        place = self._folder / row.path
        try:
            with place.open("r+b") as file:
                if not lock(file.fileno()):
                    return "", "another process holds it: wait for that to end"
                surplus = os.fstat(file.fileno()).st_size - row.committed_len
                if surplus <= 0:
                    return "", _BACKUP
                if not self._is_proven(file, row):
                    return "", f"its first {row.committed_len} bytes are not proven to be what was kept: {_BACKUP}"
                piece = put_aside(file, self._folder, row.path, row.committed_len)
        except FileNotFoundError:
            return "", _BACKUP
        except OSError as error:
            return "", f"it cannot be written ({error.strerror})"
        except StorageError as error:
            return "", str(error)
        return f"the {surplus} bytes behind the {row.committed_len} that were kept are in warc/{piece} now", ""

    def _is_proven(self, file: BinaryIO, row: Row[Any]) -> bool:
        """Whether the bytes up to the length that was kept are whole, by the file's digest or by its spans'."""
        if sha256_between(file, 0, row.committed_len) == row.sha256:
            return True
        end = 0
        for start, length, sha256 in self._spans(row):
            if start != end or sha256 is None or sha256_between(file, start, start + length) != sha256:
                return False
            end = start + length
        return bool(end) and end == row.committed_len

    def _spans(self, row: Row[Any]) -> Iterator[tuple[int, int, str | None]]:
        columns = (capture.c.span_offset, capture.c.span_length, capture.c.span_sha256)
        statement = select(*columns).where(capture.c.warc_file == row.id).order_by(capture.c.span_offset)
        for found in self._connection.execute(statement, execution_options={"yield_per": 1000}):
            yield found[0], found[1], found[2]


def _digest(folder: Path, path: str) -> str:
    try:
        return measure(folder, path).sha256
    except (ArchiveDamaged, OSError, ValueError):
        return ""


def _in_turn(folder: Path, moves: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Move files to the names that are theirs, given with those that they have; gives each move that was made.

    Where they stand in each other's way, one steps aside. It keeps an ending by which the next check finds it, should
    that be the last that is done. No file is ever replaced.
    """
    origin, waiting = moves, dict(moves)
    while waiting:
        free = [target for target in waiting if not os.path.lexists(folder / target)]
        if free:
            target = free[0]
            _rename(folder, waiting.pop(target), target)
            yield target, origin[target]
            continue
        blocked = next((target for target in waiting if target in waiting.values()), None)
        if blocked is None:
            return  # what stands there is nobody's
        aside = f"{blocked}.aside.warc.gz"
        if os.path.lexists(folder / aside):
            return
        _rename(folder, blocked, aside)
        for target, source in waiting.items():
            if source == blocked:
                waiting[target] = aside


def _rename(folder: Path, source: str, target: str) -> None:
    (folder / source).rename(folder / target)
    for each in {(folder / source).parent, (folder / target).parent}:
        sync_folder(each)
