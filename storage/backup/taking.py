"""Take a backup: the database first, then the WARC files, each at least as far as the database says."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from storage.archive import DATABASE_NAME, Archive
from storage.backup.copying import PART, Span, copy_file, digest_of, grow_file, telling, wrong_spans
from storage.backup.listing import NAME, FileState, ListedFile, Listing, read_listing, safe_path, write_listing
from storage.backup.snapshot import snapshot
from storage.errors import ArchiveDamaged, ArchiveUnusable, StorageFull
from storage.models import SCHEMA, capture, warc_file
from storage.torn import TORN, torn_pieces
from storage.warc_reading import open_warc
from storage.warc_writing import OPEN, explained, sync_folder

WARC = "warc"
_LOCK = ".lock"
_DATABASE = "database-"

Told = Callable[[str, int, int], None]
"""Is told what is being copied, how much of it is done, and of how much (bytes, or pages of the database)."""


@dataclass(slots=True)
class Taken:
    """A backup that was taken. `copied` counts the bytes of WARC files that were copied, `kept` the files that stood
    there already; `damaged` names what is not as it was kept, `elsewhere` what no backup holds."""

    listing: Listing
    copied: int = 0
    kept: int = 0
    damaged: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file that belongs to the backup. `sha256` is None where the archive states none."""

    path: str
    state: FileState
    length: int
    sha256: str | None
    id: int = 0


def back_up(archive: Archive, folder: Path, told: Told = lambda what, done, total: None) -> Taken:
    """Take a backup of the archive into a folder, which is empty or holds an earlier backup of it.

    Runs may write meanwhile: what they commit after it began belongs to the next backup. Files that were copied before
    are not read again. Whatever ends it early leaves the backup before as it was. What is damaged in the archive is
    copied as it is, and told; a good copy of an earlier backup is never replaced by it.

    Raises ArchiveUnusable for a folder that cannot be used, ArchiveDamaged where the database itself is damaged,
    StorageFull and StorageError where it cannot be written.
    """
    folder = folder.absolute()
    _demand_apart(archive.folder, folder)
    with _held(folder):
        before = _earlier(folder, archive.uuid)
        name = _DATABASE + secrets.token_hex(8)
        with telling(folder / name):
            (folder / name).mkdir()
        try:
            taken = _take(archive, folder, name, before, told)
        except BaseException:
            shutil.rmtree(folder / name, ignore_errors=True)
            raise
        _tidy(folder, taken.listing)
        return taken


def _take(archive: Archive, folder: Path, name: str, before: Listing | None, told: Told) -> Taken:
    known = before.by_path() if before else {}
    with snapshot(archive, folder / name, lambda done, total: told("database", done, total)) as copied:
        wanted, elsewhere = _wanted(copied)
        wanted += _torn(archive)
        copier = _Copier(archive, copied, folder / WARC, known, told, sum(each.length for each in wanted))
        files = [copier.copy(each) for each in wanted]
    place = folder / name / DATABASE_NAME
    with telling(place), place.open("rb") as file:
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
    sync_folder(place.parent)
    sync_folder(folder)
    digest = digest_of(place, size)
    assert digest is not None
    listing = Listing(
        archive=archive.uuid,
        schema=SCHEMA,
        taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
        database=name,
        database_sha256=digest,
        files=tuple(each for each in files if each is not None),
        elsewhere=tuple(elsewhere),
    )
    write_listing(folder, listing)
    return Taken(listing, copier.copied, copier.kept, copier.damaged)


class _Copier:
    def __init__(
        self, archive: Archive, copied: Archive, folder: Path, known: Mapping[str, ListedFile], told: Told, total: int
    ) -> None:
        self._archive, self._copied, self._folder, self._known = archive, copied, folder, known
        self._told, self._total, self._done = told, total, 0
        self.copied = self.kept = 0
        self.damaged: list[str] = []

    def copy(self, wanted: _Wanted) -> ListedFile | None:
        """Bring one file into the backup; None where it is missing."""
        known = self._known.get(wanted.path)
        if known is not None and known.state != "open" and self._stands(wanted, known):
            self.kept += 1
            self._tell(wanted.length)
            return known
        try:
            digest = self._bring(wanted, known)
        except ArchiveDamaged as error:
            self.damaged.append(f"{wanted.path}: {error.what}")
            return None
        if wanted.sha256 is not None and digest != wanted.sha256:
            self.damaged.append(f"{wanted.path}: is not the file that was closed")
        return ListedFile(wanted.path, wanted.state, wanted.length, digest)

    def _stands(self, wanted: _Wanted, known: ListedFile) -> bool:
        same = known.length == wanted.length and wanted.sha256 in (None, known.sha256)
        with suppress(OSError):
            return same and (self._folder / wanted.path).stat().st_size == wanted.length
        return False

    def _bring(self, wanted: _Wanted, known: ListedFile | None) -> str:
        final = self._folder / wanted.path
        growing = final.with_name(final.name + OPEN)
        target = growing if wanted.state == "open" else final
        begun = self._done
        with open_warc(self._archive.warc_folder, wanted.path) as source:
            digest = None
            if known is not None and known.state == "open" and known.length <= wanted.length and growing.exists():
                digest = grow_file(source, growing, (known.length, known.sha256), wanted.length, self._tell)
                self.copied += wanted.length - known.length if digest is not None else 0
            elif wanted.sha256 is not None and digest_of(final, wanted.length) == wanted.sha256:
                self._tell(wanted.length)
                self.kept += 1
                return wanted.sha256  # copied by a backup that was stopped
            if digest is None or (wanted.sha256 is not None and digest != wanted.sha256):
                self._done = begun
                digest = copy_file(source, target, wanted.length, self._tell)
                self.copied += wanted.length
        if growing != target and growing.exists():
            self._settle(growing, target)
        self._check_spans(wanted, target)
        return digest

    def _settle(self, growing: Path, target: Path) -> None:
        """The file was closed since: its copy gets the final name, unless it has been copied anew."""
        with telling(target):
            if target.exists():
                growing.unlink()
            else:
                growing.replace(target)
            sync_folder(target.parent)

    def _check_spans(self, wanted: _Wanted, target: Path) -> None:
        """A file that is not closed has no digest yet, but the captures in it have."""
        if wanted.state != "open":
            return
        for offset, length, _ in wrong_spans(target, _spans(self._copied, wanted)):
            self.damaged.append(f"{wanted.path}: bytes {offset} to {offset + length} are not those that were kept")

    def _tell(self, size: int) -> None:
        self._done += size
        self._told("WARC files", self._done, self._total)


def _wanted(copied: Archive) -> tuple[list[_Wanted], list[str]]:
    """The files that the database names; and those of other stores, which are not copied."""
    wanted, elsewhere = [], []
    columns = ("id", "store", "path", "state", "committed_len", "sha256")
    with copied.read() as connection:
        for row in connection.execute(select(*(warc_file.c[name] for name in columns)).order_by(warc_file.c.id)):
            if row.store != WARC:
                elsewhere.append(f"{row.store}/{row.path}")
            elif "#" not in row.path:  # a part of a file that others wrote is copied with it
                try:
                    path = safe_path(row.path)
                except ValueError as error:
                    raise ArchiveDamaged(f"its row cannot be right ({error})", f"WARC file {row.id}") from None
                wanted.append(_Wanted(path, row.state, row.committed_len, row.sha256, row.id))
    return wanted, elsewhere


def _torn(archive: Archive) -> list[_Wanted]:
    """What recovery or a repair put aside: no row names it, and it never changes."""
    found = []
    for place in torn_pieces(archive.warc_folder):
        with suppress(OSError):
            found.append(_Wanted(f"{TORN}/{place.name}", "torn", place.stat().st_size, None))
    return found


def _spans(copied: Archive, wanted: _Wanted) -> Iterator[Span]:
    names = ("span_offset", "span_length", "span_sha256")
    statement = (
        select(*(capture.c[name] for name in names))
        .where(capture.c.warc_file == wanted.id, capture.c.span_sha256.is_not(None))
        .order_by(capture.c.span_offset)
    )
    with copied.read() as connection:
        for row in connection.execute(statement, execution_options={"yield_per": 500}):
            yield row.span_offset, row.span_length, row.span_sha256


def _demand_apart(archive: Path, folder: Path) -> None:
    one, other = archive.resolve(), folder.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise ArchiveUnusable("is in the archive's own folder, or around it", str(folder), "Name another folder.")


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder, so that no two backups go there at once."""
    with _usable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        strange = {each.name for each in folder.iterdir()} - {WARC, NAME, NAME + PART, _LOCK}
    if not (folder / NAME).exists() and any(not name.startswith(_DATABASE) for name in strange):
        raise ArchiveUnusable("holds something else", str(folder), "Name an empty folder, or one of a backup.")
    with _usable(folder / _LOCK):
        lock = (folder / _LOCK).open("w")
    with telling(folder / _LOCK), lock as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveUnusable("another backup is being taken there", str(folder), "Wait for it to end.") from None
        yield


@contextmanager
def _usable(place: Path) -> Iterator[None]:
    """Turns an OSError before anything is copied into our own: the place is none for a backup, or its disk is full."""
    try:
        yield
    except OSError as error:
        told = explained(error, str(place))
        if isinstance(told, StorageFull):
            raise told from error
        raise ArchiveUnusable(told.what, told.which, told.next) from error


def _earlier(folder: Path, archive: str) -> Listing | None:
    before = read_listing(folder)
    if before is not None and before.archive != archive:
        raise ArchiveUnusable(f"holds a backup of another archive ({before.archive})", str(folder), "Name another.")
    return before


def _tidy(folder: Path, listing: Listing) -> None:
    """Remove what no backup needs any more: databases of earlier ones, and what was half copied."""
    for place in folder.glob(f"{_DATABASE}*"):
        if place.name != listing.database:
            shutil.rmtree(place, ignore_errors=True)
    for place in (folder / WARC).rglob(f"*{PART}"):
        with suppress(OSError):
            place.unlink()
