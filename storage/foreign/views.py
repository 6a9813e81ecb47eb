"""Open what a pointer's path names: a file, a file within a WACZ, or what unpacks from a place of it.

A path is the file's, relative to its store's root, and steps behind it, each after `#`: the name of an entry of a zip
file (`imported/x.wacz#archive/data.warc.gz`; with `@N` behind it the one that stands at byte N, where several have that
name), or `gunzip@N` and `unzstd@N` for what unpacks from byte N on, of files that are not packed record by record.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from storage.errors import ArchiveDamaged
from storage.foreign.sources import MemberBroken, PackedSource
from storage.foreign.zips import Entry, NotReadable, directory_of, identity_of, is_zip, open_entry

IMPORTED = "imported"
"""The folder, in the WARC folder, that keeps what others wrote, byte for byte."""
UNPACKING = re.compile(r"(gunzip|unzstd)@(\d{1,19})")
"""A step to what unpacks from a byte on."""
_DEPTH = 4
_LOOK_BACK = 128 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a file that holds records: the steps behind the file's path, '' for the file itself, and its size
    in bytes."""

    steps: str
    size: int


def is_foreign(path: str) -> bool:
    """Whether a path (relative to the WARC folder, or absolute where a store is a folder elsewhere) is of a file that
    others wrote."""
    return path.startswith((IMPORTED + "/", "/"))


def open_part(root: Path, path: str) -> BinaryIO:
    """Open what a path names, to be read from any place. Raises ArchiveDamaged where it is missing or broken."""
    name, *steps = path.split("#")
    try:
        file: BinaryIO = (root / name).open("rb")
    except OSError as error:
        raise ArchiveDamaged(f"this file cannot be read ({error.strerror})", str(root / name)) from error
    try:
        return take_apart(file, steps, owns=True)
    except NotReadable as error:
        file.close()
        raise ArchiveDamaged(f"cannot be taken apart ({error})", str(root / path)) from error


def take_apart(file: BinaryIO, steps: Sequence[str], *, owns: bool = False) -> BinaryIO:
    """What the steps of a path lead to within a file, which is closed with it where it `owns` the file.

    Raises NotReadable.
    """
    identity = identity_of(file) if steps else None
    try:
        for step in steps:
            file = _step(file, identity, step, owns=owns)
            identity = (identity, step) if identity is not None else None
            owns = True
    except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError, ValueError, OSError) as error:
        raise NotReadable(str(error)) from error
    return file


def parts_of(file: BinaryIO, steps: str = "", depth: int = 0) -> list[Part]:
    """The parts of a file: itself, or of a zip file (a WACZ, or several in one) the entries that hold records.

    Raises NotReadable for a zip file whose directory is missing, broken or too large, or that has no such entry.
    """
    size = file.seek(0, io.SEEK_END)
    if not is_zip(file):
        return [Part(steps, size)]
    if depth == _DEPTH:
        raise NotReadable("zip files stand in it, one in the other")
    parts: list[Part] = []
    entries = directory_of(file, identity_of(file)).entries
    named = Counter(each.info.filename for each in entries)
    for entry in entries:
        info = entry.info
        step = f"{steps}#{quote(info.filename, safe='/.-_ +=,()')}"
        if named[info.filename] > 1:
            step += f"@{info.header_offset}"
        if info.filename.lower().endswith(".wacz"):
            parts += _parts_within(file, entry, step, depth + 1)
        else:
            parts.append(Part(step, info.file_size))
    if not parts:
        raise NotReadable("no entry of it is a WARC or ARC file")
    return parts


def _parts_within(file: BinaryIO, entry: Entry, step: str, depth: int) -> list[Part]:
    """The parts of a zip file that is an entry of another; itself where it cannot be taken apart: what is wrong with it
    is said when it is read, and the other entries are none the worse for it."""
    try:
        with open_entry(file, entry, owns=False) as inner:
            return parts_of(inner, step, depth)
    except (NotReadable, OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
        return [Part(step, entry.info.file_size)]


def _step(file: BinaryIO, identity: Hashable | None, step: str, *, owns: bool) -> BinaryIO:
    match = UNPACKING.fullmatch(step)
    if match is not None:
        return io.BufferedReader(_Unpacked(file, match[1], int(match[2]), owns=owns), 1 << 16)
    return open_entry(file, directory_of(file, identity).find(step), owns=owns)


class _Unpacked(io.RawIOBase):
    """What unpacks from a place of a file on, as far as it goes. Going back means to begin again."""

    def __init__(self, file: BinaryIO, packing: str, start: int, *, owns: bool) -> None:
        self._file, self._start, self._owns = file, start, owns
        self._source = PackedSource(file, "gunzip" if packing == "gunzip" else "unzstd", start)
        self._at, self._piece, self._piece_at = 0, b"", 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            raise OSError("the size of what unpacks is not known")
        self._at = max(0, offset + (self._at if whence == io.SEEK_CUR else 0))
        return self._at

    def readinto(self, target: object) -> int:
        view = memoryview(target)  # type: ignore[arg-type]
        if self._at < self._piece_at:
            self._source.restart(self._start)
            self._piece, self._piece_at = b"", 0
        while self._at >= self._piece_at + len(self._piece):
            try:
                more = self._source.read()
            except MemberBroken:
                more = b""
            self._source.ended.clear()
            if not more:
                return 0
            # What was just passed stays at hand: who reads on begins a little before where the last read ended.
            kept = self._piece[-_LOOK_BACK:]
            self._piece_at += len(self._piece) - len(kept)
            self._piece = kept + more
        start = self._at - self._piece_at
        data = self._piece[start : start + len(view)]
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if self._owns and not self.closed:
            self._file.close()
        super().close()
