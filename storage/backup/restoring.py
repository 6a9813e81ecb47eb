"""Restore an archive from a backup: the WARC files first, the database last, so that there is one or none."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from storage.archive import DATABASE_NAME, Archive
from storage.backup.copying import PART, copy_file, digest_of, telling
from storage.backup.listing import ListedFile, Listing, read_listing
from storage.backup.taking import WARC
from storage.cdxj_following import FOLDER
from storage.engines import explain, name_of
from storage.errors import ArchiveDamaged, ArchiveUnusable
from storage.models import metadata
from storage.moving import TRANSIENT, move
from storage.warc_writing import OPEN, sync_folder

_COPY = f"{DATABASE_NAME}.restored"
"""The database, until it is whole."""
_LOGS = ("-wal", "-shm", "-journal")
_OWN = {
    WARC,
    FOLDER,
    "reports",
    "told.json",
    _COPY,
    _COPY + PART,
    "lost+found",
    *(DATABASE_NAME + end for end in _LOGS),
}
"""What may lie in the folder: an archive that lost its database has an index and reports, and a disk what it found."""
Told = Callable[[str, int, int], None]
"""Is told what is being restored, how many bytes of it are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored: the backup, and how many of its files were not there already."""

    listing: Listing
    copied: int


def restore(
    folder: Path, archive: Path, database: str | None = None, told: Told = lambda what, done, total: None
) -> Restored:
    """Restore the backup in a folder as the archive of another, its database on PostgreSQL where `database` is a URL.

    Each file's digest is checked on its way. There is no archive until all is there; stopped or killed, the same call
    goes on, and once more it finds that all is done. The next crawl ends what was under way when the backup was taken.

    Raises ArchiveUnusable where there is no backup, or the place holds another archive; ArchiveDamaged for a backup
    that is not what it was, before there is an archive; StorageFull and StorageError where it cannot be written.
    """
    listing = read_listing(folder)
    if listing is None:
        raise ArchiveUnusable("there is no backup", str(folder), "Name the folder that `presskeep backup` was given.")
    archive = archive.absolute()
    _demand_place(archive, listing, folder, database)
    total, done, copied = sum(each.length for each in listing.files), 0, 0

    def tell(size: int) -> None:
        nonlocal done
        done += size
        told("WARC files", done, total)

    for each in listing.files:
        target = archive / WARC / _name_of(each)
        if digest_of(target, each.length) == each.sha256:
            tell(each.length)
            continue
        _restore_file(folder, each, target, tell)
        copied += 1
    with telling(archive):
        (archive / WARC).mkdir(parents=True, exist_ok=True)
    if database is None:
        _restore_sqlite(folder, listing, archive)
    else:
        _restore_postgresql(folder, listing, archive, database)
    return Restored(listing, copied)


def _restore_file(folder: Path, listed: ListedFile, target: Path, tell: Callable[[int], None]) -> None:
    place = folder / WARC / listed.path
    # A later backup that was stopped may have given the copy its final name, or let it grow: its beginning counts.
    for source in (place.with_name(place.name + OPEN), place) if listed.state == "open" else (place,):
        try:
            with source.open("rb") as file:
                digest = copy_file(file, target, listed.length, tell)
        except FileNotFoundError:
            continue
        if digest != listed.sha256:
            target.unlink()
            raise ArchiveDamaged("is not what was backed up", str(source), "Use another backup.")
        return
    raise ArchiveDamaged("is missing from the backup", str(place), "Use another backup.")


def _restore_sqlite(folder: Path, listing: Listing, archive: Path) -> None:
    target = archive / DATABASE_NAME
    if target.exists():
        return  # _demand_place saw that it is the one
    copy = archive / _COPY
    _copy_database(folder, listing, copy)
    with telling(target):
        copy.replace(target)
        sync_folder(archive)


def _restore_postgresql(folder: Path, listing: Listing, archive: Path, database: str) -> None:
    with tempfile.TemporaryDirectory(prefix="presskeep-") as work:
        _copy_database(folder, listing, Path(work) / DATABASE_NAME)
        with Archive.open(Path(work)) as source, Archive.open(archive, database, create=True, refill=True) as target:
            if not _is_same(source, target):
                move(source, target)


def _copy_database(folder: Path, listing: Listing, target: Path) -> None:
    source = folder / listing.database / DATABASE_NAME
    try:
        size = source.stat().st_size
        with source.open("rb") as file:
            digest = copy_file(file, target, size, lambda size: None)
    except FileNotFoundError:
        raise ArchiveDamaged("is missing from the backup", str(source), "Use another backup.") from None
    if digest != listing.database_sha256:
        target.unlink()
        raise ArchiveDamaged("is not what was backed up", str(source), "Use another backup.")


def _demand_place(archive: Path, listing: Listing, folder: Path, database: str | None) -> None:
    """Raise ArchiveUnusable where there is something else than what an earlier call of the same left."""
    known = {each.path for each in listing.files}
    strangers = [
        str(place.relative_to(archive))
        for place in (archive / WARC).rglob("*")
        if place.is_file() and str(place.relative_to(archive / WARC)).removesuffix(PART).removesuffix(OPEN) not in known
    ]
    place = archive / DATABASE_NAME
    ways = [str(archive / each) for each in strangers] + _remains(archive, listing)
    if not place.exists():
        ways += _others(archive)
    if database is not None and place.exists():
        ways.append(str(place))
    if ways:
        raise ArchiveUnusable(
            "is in the way: a backup is restored where no archive is", ways[0], "Name another folder."
        )
    if place.exists() and not _is_untouched(place, listing):
        raise ArchiveUnusable("holds another archive, or one that went on", str(archive), "Name an empty folder.")
    if folder.resolve() == archive.resolve():
        raise ArchiveUnusable("is the backup's own folder", str(archive), "Name another by --archive.")


def _others(archive: Path) -> list[str]:
    """What lies there and is no part of an archive: its folder was meant for something else."""
    return sorted(str(each) for each in archive.iterdir() if each.name not in _OWN) if archive.is_dir() else []


def _remains(archive: Path, listing: Listing) -> list[str]:
    """What is left of an archive whose database is gone, and a backup has not: WARC files that went on, and the
    database's log, which SQLite would take for that of the database that is restored."""
    database = archive / DATABASE_NAME
    logs = [database.with_name(DATABASE_NAME + ending) for ending in ("-wal", "-journal")]
    remains = [each for each in logs if not database.exists() and _size_of(each)]
    for each in listing.files:
        name = _name_of(each)
        other = each.path if name != each.path else each.path + OPEN
        remains += [archive / WARC / other] if (archive / WARC / other).exists() else []
        remains += [archive / WARC / name] if _size_of(archive / WARC / name) > each.length else []
    return [str(each) for each in remains]


def _name_of(listed: ListedFile) -> str:
    return listed.path + (OPEN if listed.state == "open" else "")


def _size_of(place: Path) -> int:
    return place.stat().st_size if place.exists() else 0


def _is_untouched(place: Path, listing: Listing) -> bool:
    """Whether a database is the one of the backup, and nothing was written since, not even into SQLite's log."""
    log = place.with_name(place.name + "-wal")
    if log.exists() and log.stat().st_size:
        return False
    return digest_of(place, place.stat().st_size) == listing.database_sha256


def _is_same(source: Archive, target: Archive) -> bool:
    """Whether a database holds this archive already, as it was backed up. Raises ArchiveUnusable for another one."""
    try:
        with source.read() as reading, target.read() as there:
            counts = [
                [
                    connection.execute(select(func.count()).select_from(table)).scalar_one()
                    for table in metadata.sorted_tables
                    if table.name not in TRANSIENT
                ]
                for connection in (reading, there)
            ]
    except DBAPIError as error:
        raise explain(error, target.engine) from None
    if source.uuid != target.uuid:
        return False  # a new one, which must be empty
    if counts[0] != counts[1]:
        which = name_of(target.engine)
        raise ArchiveUnusable("holds this archive already, and it went on", which, "Name an empty database.")
    return True
