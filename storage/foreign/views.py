"""Open what a pointer's path names: a file, a file within a WACZ, or what unpacks from a place of it.

A path is the file's, relative to its store's root, and steps behind it, each after `#`: the name of an entry of a zip
file (`imported/x.wacz#archive/data.warc.gz`; with `@N` behind it the one that stands at byte N, where several have that
name), or `gunzip@N` and `unzstd@N` for what unpacks from byte N on, of files that are not packed record by record.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from storage.errors import ArchiveDamaged
from storage.foreign.sources import MemberBroken, PackedSource

IMPORTED = "imported"
"""The folder, in the WARC folder, that keeps what others wrote, byte for byte."""
UNPACKING = re.compile(r"(gunzip|unzstd)@(\d{1,19})")
"""A step to what unpacks from a byte on."""
_ENTRY = re.compile(r".*\.w?arc(?:\.gz|\.zst|\.open)?|.*\.wacz|.*\.arc\.gz", re.IGNORECASE | re.DOTALL)
_DIRECTORY_LIMIT = 64 << 20
"""The largest directory of a zip file that is read: some 500,000 entries."""
_GROWTH, _GROWTH_FLOOR = 200, 256 << 20
_DEPTH = 4
_LOOK_BACK = 128 * 1024


class NotReadable(Exception):
    """A container that cannot be taken apart; the message says why."""


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
    try:
        for step in steps:
            file = _step(file, step, owns=owns)
            owns = True
    except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError, ValueError, OSError) as error:
        raise NotReadable(str(error)) from error
    return file


def is_zip(file: BinaryIO) -> bool:
    """Whether a file begins as zip files do."""
    file.seek(0)
    return file.read(4) == b"PK\x03\x04"


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
    entries = [each for each in directory_of(file).infolist() if not each.is_dir() and _ENTRY.fullmatch(each.filename)]
    named = Counter(each.filename for each in entries)
    for info in entries:
        step = f"{steps}#{quote(info.filename, safe='/.-_ +=,()')}"
        if named[info.filename] > 1:
            step += f"@{info.header_offset}"
        if info.filename.lower().endswith(".wacz"):
            parts += _parts_within(file, info, step, depth + 1)
        else:
            parts.append(Part(step, info.file_size))
    if not parts:
        raise NotReadable("no entry of it is a WARC or ARC file")
    return parts


def _parts_within(file: BinaryIO, info: zipfile.ZipInfo, step: str, depth: int) -> list[Part]:
    """The parts of a zip file that is an entry of another; itself where it cannot be taken apart: what is wrong with it
    is said when it is read, and the other entries are none the worse for it."""
    try:
        with _entry(file, info, owns=False) as inner:
            return parts_of(inner, step, depth)
    except (NotReadable, OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
        return [Part(step, info.file_size)]


def _step(file: BinaryIO, step: str, *, owns: bool) -> BinaryIO:
    match = UNPACKING.fullmatch(step)
    if match is not None:
        return io.BufferedReader(_Unpacked(file, match[1], int(match[2]), owns=owns), 1 << 16)
    return _entry(file, entry_named(directory_of(file), *step.split("@")), owns=owns)


def entry_named(directory: zipfile.ZipFile, name: str, at: str = "") -> zipfile.ZipInfo:
    """The entry of a zip file that a step names. Raises KeyError and NotReadable."""
    if not at:
        return directory.getinfo(unquote(name))
    found = [each for each in directory.infolist() if str(each.header_offset) == at]
    if not found:
        raise NotReadable("no entry of the zip file stands where it did")
    return found[0]


def directory_of(file: BinaryIO) -> zipfile.ZipFile:
    """A zip file's directory, if it can be held in memory."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise NotReadable("the directory at the end of the zip file is missing")
    length = struct.unpack("<I", tail[at + 12 : at + 16])[0]
    zip64 = tail.rfind(b"PK\x06\x06", 0, at)
    if zip64 >= 0 and len(tail) - zip64 >= 48:
        length = max(length if length != 0xFFFFFFFF else 0, struct.unpack("<Q", tail[zip64 + 40 : zip64 + 48])[0])
    if length > _DIRECTORY_LIMIT:
        raise NotReadable(f"the directory of the zip file is larger than {_DIRECTORY_LIMIT} bytes")
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, struct.error, NotImplementedError) as error:
        raise NotReadable(f"the zip file is broken ({error})") from None


def _entry(file: BinaryIO, info: zipfile.ZipInfo, *, owns: bool) -> BinaryIO:
    if info.flag_bits & 1:
        raise NotReadable("it is encrypted")
    if info.compress_type == zipfile.ZIP_STORED:
        return io.BufferedReader(Slice(file, content_offset(file, info), info.file_size, owns=owns), 1 << 16)
    if info.file_size > max(_GROWTH_FLOOR, _GROWTH * info.compress_size):
        raise NotReadable(f"an entry grows more than {_GROWTH}-fold")
    return io.BufferedReader(_Inflated(file, info, owns=owns), 1 << 16)


def content_offset(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Where an entry's bytes begin, behind its local header (APPNOTE.TXT, 4.3.7)."""
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
        raise NotReadable("an entry's header is missing")
    name, extra = struct.unpack("<HH", header[26:30])
    return info.header_offset + 30 + int(name) + int(extra)


def size_of(file: BinaryIO) -> int:
    """A file's size; of what only unpacks, more than anything can have."""
    try:
        return file.seek(0, io.SEEK_END)
    except OSError:
        return 1 << 62


class Slice(io.RawIOBase):
    """A stretch of a file, as a file. Where it `owns` the file, the file is closed with it."""

    def __init__(self, file: BinaryIO, start: int, size: int, *, owns: bool = True) -> None:
        self._file, self._start, self._owns = file, start, owns
        self._size = max(0, min(size, size_of(file) - start))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, target: object) -> int:
        view = memoryview(target)  # type: ignore[arg-type]
        wanted = min(len(view), max(0, self._size - self._at))
        if not wanted:
            return 0
        data = self._fetch(wanted)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if self._owns and not self.closed:
            self._file.close()
        super().close()

    def _fetch(self, size: int) -> bytes:
        self._file.seek(self._start + self._at)
        return self._file.read(size)


class _Inflated(Slice):
    """An entry of a zip file that is compressed there. Going back means to begin again."""

    def __init__(self, file: BinaryIO, info: zipfile.ZipInfo, *, owns: bool) -> None:
        super().__init__(file, 0, 0, owns=owns)
        self._size = info.file_size
        self._entry = zipfile.ZipFile(file).open(info)  # noqa: SIM115 - closed with the file that it reads

    def _fetch(self, size: int) -> bytes:
        try:
            self._entry.seek(self._at)
            return self._entry.read(size)
        except (zipfile.BadZipFile, EOFError, ValueError, OSError) as error:
            raise OSError(f"an entry of the zip file is broken: {error}") from None
        except Exception as error:
            if type(error).__module__ in ("zlib", "_lzma", "lzma", "bz2"):
                raise OSError(f"an entry of the zip file is broken: {error}") from None
            raise


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
