"""Copy files so that each is whole, on the disk for good, and what its digest says."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from storage.errors import ArchiveDamaged
from storage.warc_writing import explained, sync_folder

PART = ".part"
"""What a file's name ends with while it is copied."""
_PIECE = 1 << 20

Told = Callable[[int], None]
"""Is told how many bytes more were copied or checked."""
Span = tuple[int, int, str]
"""A stretch of a file: where it begins, its length, and its SHA-256 (hex)."""


def copy_file(source: BinaryIO, target: Path, length: int, told: Told) -> str:
    """Copy the first `length` bytes to `target`, which is there whole or not at all; gives their SHA-256 (hex).

    Raises ArchiveDamaged where the source is shorter, StorageFull and StorageError where it cannot be written.
    """
    part = target.with_name(target.name + PART)
    with telling(part):
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            digest = hashlib.sha256()
            for piece in pieces(source, 0, length):
                file.write(piece)
                digest.update(piece)
                told(len(piece))
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
        sync_folder(target.parent)
    return digest.hexdigest()


def grow_file(source: BinaryIO, target: Path, known: tuple[int, str], length: int, told: Told) -> str | None:
    """Bring a copy that holds the first `known` bytes (their number, and their SHA-256) to `length`.

    What stands behind them in the copy may have been cut off by a kill, so it is copied again. Gives the SHA-256 (hex)
    of the whole; None where the copy is not what it was, and nothing was done.
    """
    with telling(target), target.open("r+b") as file:
        if os.fstat(file.fileno()).st_size < known[0]:
            return None
        digest = hashlib.sha256()
        for piece in pieces(file, 0, known[0]):
            digest.update(piece)
        if digest.hexdigest() != known[1]:
            return None
        file.truncate(known[0])
        file.seek(known[0])
        told(known[0])
        for piece in pieces(source, known[0], length):
            file.write(piece)
            digest.update(piece)
            told(len(piece))
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def digest_of(place: Path, length: int) -> str | None:
    """The SHA-256 (hex) of a file that has just this length; None for any other, and where there is none."""
    try:
        with place.open("rb") as file:
            if os.fstat(file.fileno()).st_size != length:
                return None
            digest = hashlib.sha256()
            for piece in pieces(file, 0, length):
                digest.update(piece)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise explained(error, str(place)) from error
    return digest.hexdigest()


def wrong_spans(place: Path, spans: Iterable[Span]) -> Iterator[Span]:
    """The stretches of a file that are not what their digests say."""
    with place.open("rb") as file:
        for offset, length, sha256 in spans:
            digest = hashlib.sha256()
            try:
                for piece in pieces(file, offset, offset + length):
                    digest.update(piece)
            except ArchiveDamaged:
                yield offset, length, sha256
                continue
            if digest.hexdigest() != sha256:
                yield offset, length, sha256


def pieces(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """The bytes of a file from `start` to `end`. Raises ArchiveDamaged where it is shorter."""
    file.seek(start)
    left = end - start
    while left > 0:
        piece = file.read(min(left, _PIECE))
        if not piece:
            name = getattr(file, "name", "")
            raise ArchiveDamaged(f"ends {left} bytes before it should", str(name))
        yield piece
        left -= len(piece)


@contextmanager
def telling(place: Path) -> Iterator[None]:
    """Turns an OSError into our own, which names the file."""
    try:
        yield
    except OSError as error:
        raise explained(error, str(place)) from error
