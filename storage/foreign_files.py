"""Bring files of others into the archive: copied byte for byte under safe names, on the disk before they are named."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from pathlib import Path
from typing import BinaryIO

from storage.foreign.views import IMPORTED
from storage.warc_writing import explained, sync_folder

_INCOMING = ".incoming-"
_PIECE = 1 << 20
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_LIMIT = 120


class Incoming:
    """A copy that has no name yet. It is locked while it is open, under the name that it gets as well: a check asks
    `is_held`, and what a killed run left behind is removed."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.path = folder / f"{_INCOMING}{os.urandom(8).hex()}"
            self._file = self.path.open("xb")
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise explained(error, str(folder)) from error

    def copy(self, source: BinaryIO) -> tuple[str, int]:
        """Copy a file to its end; gives SHA-256 (hex) and size once all of it is on the disk. Raises StorageFull and
        StorageError where it cannot be written."""
        digest, size = hashlib.sha256(), 0
        source.seek(0)
        while piece := source.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            try:
                self._file.write(piece)
            except OSError as error:
                raise explained(error, str(self.path)) from error
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise explained(error, str(self.path)) from error
        return digest.hexdigest(), size

    def close(self) -> None:
        """Let go of the copy."""
        self._file.close()

    def discard(self) -> None:
        """Remove the copy, if it has not been given a name."""
        self.close()
        self.path.unlink(missing_ok=True)


def sha256_of(file: BinaryIO) -> str:
    """The SHA-256 (hex) of a whole file."""
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()


def settle(copy: Path, name: str, sha256: str, warc_folder: Path) -> str:
    """Give a copy its name in the folder of imported files, and see the name safe on the disk; gives the path, relative
    to the WARC folder.

    A file of that name is never replaced: where one stands with another content, the digest becomes part of the name;
    where its content is the same, the copy is removed.
    """
    folder = warc_folder / IMPORTED
    try:
        for candidate in _names(name, sha256):
            target = folder / candidate
            if _link(copy, target) or _holds(target, sha256):
                copy.unlink(missing_ok=True)
                sync_folder(folder)
                sync_folder(warc_folder)
                return f"{IMPORTED}/{candidate}"
    except OSError as error:
        raise explained(error, str(folder)) from error
    raise AssertionError("a name with the whole digest holds another content")


def remove_leftovers(warc_folder: Path) -> None:
    """Remove copies that nobody is making any more."""
    for place in (warc_folder / IMPORTED).glob(_INCOMING + "*"):
        try:
            with place.open("rb") as file:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                place.unlink(missing_ok=True)
        except OSError:
            continue  # somebody is making it, or it has got its name


def is_held(place: Path) -> bool:
    """Whether a living import holds a file of the imported ones: it has its name, and gets its row next."""
    try:
        with place.open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def safe_name(name: str) -> str:
    """A file's name without anything that a shell, a path or a pointer would read as more than a name."""
    safe = _UNSAFE.sub("_", name).lstrip(".-_") or "file"
    if len(safe) <= _NAME_LIMIT:
        return safe
    stem, ending = _divide(safe)
    return stem[: _NAME_LIMIT - len(ending)] + ending


def _names(name: str, sha256: str) -> list[str]:
    safe = safe_name(name)
    stem, ending = _divide(safe)
    return [safe, f"{stem}-{sha256[:12]}{ending}", f"{stem[:40]}-{sha256}{ending}"]


def _divide(name: str) -> tuple[str, str]:
    match = re.search(r"(?:\.[A-Za-z0-9]{1,8}){1,2}$", name)
    return (name[: match.start()], match[0]) if match and match.start() else (name, "")


def _link(copy: Path, target: Path) -> bool:
    """Name the copy so, unless the name is taken."""
    try:
        os.link(copy, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if target.exists():
            return False
        copy.rename(target)
    return True


def _holds(target: Path, sha256: str) -> bool:
    with target.open("rb") as file:
        return sha256_of(file) == sha256
