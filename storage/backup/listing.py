"""backup.json: what belongs to a backup."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from storage.errors import ArchiveDamaged, ArchiveUnusable
from storage.warc_writing import explained, sync_folder

NAME = "backup.json"
FORM = 1
FileState = Literal["open", "closed", "imported", "torn"]
_LIMIT = 1 << 30
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DATABASE = re.compile(r"database-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of the backup: the first `length` bytes of `path` (relative to the WARC folder, without `.open`), whose
    SHA-256 (hex) is `sha256`. An `open` file was being written to."""

    path: str
    state: FileState
    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A backup: of which archive, taken when (ISO 8601, UTC), the folder and SHA-256 of its database, and its files.
    `elsewhere` names files that the archive only refers to, and that no backup holds."""

    archive: str
    schema: int
    taken_at: str
    database: str
    database_sha256: str
    files: tuple[ListedFile, ...]
    elsewhere: tuple[str, ...] = ()

    def by_path(self) -> Mapping[str, ListedFile]:
        """The files by their paths."""
        return {each.path: each for each in self.files}


def read_listing(folder: Path) -> Listing | None:
    """What belongs to the backup in a folder; None where there is none. Raises ArchiveDamaged for a listing that
    cannot be right, ArchiveUnusable for one of a later version."""
    place = folder / NAME
    try:
        with place.open("rb") as file:
            text = file.read(_LIMIT)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArchiveUnusable(f"cannot be read ({error.strerror})", str(place)) from error
    try:
        table = json.loads(text)
        form = table["form"]
        if form == FORM:
            return _listing(table)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveDamaged(f"is no list of a backup ({error})", str(place), "Use another backup.") from None
    raise ArchiveUnusable(f"is of form {form!r}, and this version knows {FORM}", str(place), "Upgrade Presskeep.")


def write_listing(folder: Path, listing: Listing) -> None:
    """Make this the backup that counts; on the disk for good when it returns."""
    place, part = folder / NAME, folder / f"{NAME}.part"
    table = {"form": FORM, **asdict(listing)}
    try:
        with part.open("w", encoding="utf-8") as file:
            json.dump(table, file, ensure_ascii=True, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
        sync_folder(folder)
    except OSError as error:
        raise explained(error, str(place)) from error


def _listing(table: Mapping[str, Any]) -> Listing:
    return Listing(
        archive=str(table["archive"]),
        schema=int(table["schema"]),
        taken_at=str(table["taken_at"]),
        database=_matching(_DATABASE, table["database"]),
        database_sha256=_matching(_DIGEST, table["database_sha256"]),
        files=tuple(map(_file, table["files"])),
        elsewhere=tuple(map(str, table["elsewhere"])),
    )


def _file(table: Mapping[str, Any]) -> ListedFile:
    path, state, length = table["path"], table["state"], table["length"]
    if state not in get_args(FileState) or not isinstance(length, int) or length < 0:
        raise ValueError(f"no state or length of a file: {state!r}, {length!r}")
    return ListedFile(safe_path(path), state, length, _matching(_DIGEST, table["sha256"]))


def safe_path(path: object) -> str:
    """A path that stays in its folder, as it is. Raises ValueError for any other."""
    if not isinstance(path, str) or not path or "\x00" in path or "\\" in path:
        raise ValueError(f"no path: {path!r}")
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or str(PurePosixPath(path)) != path or path == ".":
        raise ValueError(f"a path that leads elsewhere: {path!r}")
    return path


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"not of the form expected: {value!r}")
    return value
