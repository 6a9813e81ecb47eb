"""Zip files that others made: their directories, read once as long as they are in use, and their entries as files."""

from __future__ import annotations

import io
import os
import re
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import BinaryIO, cast
from urllib.parse import unquote

_HOLDS_RECORDS = re.compile(r".*\.w?arc(?:\.gz|\.zst|\.open)?|.*\.wacz|.*\.arc\.gz", re.IGNORECASE | re.DOTALL)
_DIRECTORY_LIMIT = 64 << 20
"""Bytes of the directories that are kept in mind, and so the largest one that is read: some 500,000 entries."""
_ENTRY = b"PK\x03\x04"
"""What an entry's local header begins with (APPNOTE.TXT, 4.3.7)."""
_GROWTH, _GROWTH_FLOOR = 200, 256 << 20


class NotReadable(Exception):
    """A container that cannot be taken apart; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a zip file; `end` is the byte at which what stands behind it begins."""

    info: zipfile.ZipInfo
    end: int


class Directory:
    """Those entries of a zip file that hold records by their names, in the order of the file's own directory. What
    stands behind an entry is another, where its header stands, or the directory at byte `end`."""

    def __init__(self, file: BinaryIO, infos: Sequence[zipfile.ZipInfo], end: int) -> None:
        ends: dict[int, int] = {}
        for offset in sorted({each.header_offset for each in infos}, reverse=True):
            ends[offset] = end
            # A false offset ends no other entry.
            end = offset if _begins_entry(file, offset) else end
        named = [each for each in infos if not each.is_dir() and _HOLDS_RECORDS.fullmatch(each.filename)]
        self.entries = [Entry(each, ends[each.header_offset]) for each in named]
        self._by_name = {each.info.filename: each for each in self.entries}
        self._by_offset = {str(each.info.header_offset): each for each in self.entries}

    def find(self, step: str) -> Entry:
        """The entry that a step of a path names. Raises NotReadable where there is none."""
        name, _, at = step.partition("@")
        found = self._by_offset.get(at) if at else self._by_name.get(unquote(name))
        if found is None:
            raise NotReadable("no entry of the zip file stands where it did")
        return found


@dataclass(slots=True)
class _Remembered:
    """The directories that were read last, as many as stay within the limit, with the bytes that each has."""

    directories: OrderedDict[Hashable, tuple[Directory, int]] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def find(self, identity: Hashable) -> Directory | None:
        with self.lock:
            if identity not in self.directories:
                return None
            self.directories.move_to_end(identity)
            return self.directories[identity][0]

    def make_room(self, length: int) -> None:
        with self.lock:
            total = length + sum(each for _, each in self.directories.values())
            while self.directories and total > _DIRECTORY_LIMIT:
                total -= self.directories.popitem(last=False)[1][1]

    def add(self, identity: Hashable, directory: Directory, length: int) -> None:
        with self.lock:
            self.directories[identity] = (directory, length)


_REMEMBERED = _Remembered()


def identity_of(file: BinaryIO) -> Hashable | None:
    """What tells a file on the disk, as it is now, from every other; None for what is no such file."""
    try:
        facts = os.fstat(file.fileno())
    except OSError:
        return None
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def is_zip(file: BinaryIO) -> bool:
    """Whether a file begins as zip files do."""
    return _begins_entry(file, 0)


def _begins_entry(file: BinaryIO, offset: int) -> bool:
    file.seek(max(0, offset))
    return file.read(len(_ENTRY)) == _ENTRY


def directory_of(file: BinaryIO, identity: Hashable | None) -> Directory:
    """A zip file's directory, if it can be held in memory. It is read once for each `identity`, if that is given.

    Raises NotReadable.
    """
    known = _REMEMBERED.find(identity) if identity is not None else None
    if known is not None:
        return known
    length = _directory_length(file)
    _REMEMBERED.make_room(length)
    try:
        read = zipfile.ZipFile(file)
        directory = Directory(file, read.infolist(), read.start_dir)
    except (zipfile.BadZipFile, ValueError, OSError, struct.error, NotImplementedError) as error:
        raise NotReadable(f"the zip file is broken ({error})") from None
    if identity is not None:
        _REMEMBERED.add(identity, directory, length)
    return directory


def _directory_length(file: BinaryIO) -> int:
    """The bytes of a zip file's directory, as the file's end states it (APPNOTE.TXT, 4.3.14 and 4.3.16)."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise NotReadable("the directory at the end of the zip file is missing")
    length: int = struct.unpack("<I", tail[at + 12 : at + 16])[0]
    zip64 = tail.rfind(b"PK\x06\x06", 0, at)
    if zip64 >= 0 and len(tail) - zip64 >= 48:
        length = max(length if length != 0xFFFFFFFF else 0, struct.unpack("<Q", tail[zip64 + 40 : zip64 + 48])[0])
    if length > _DIRECTORY_LIMIT:
        raise NotReadable(f"the directory of the zip file is larger than {_DIRECTORY_LIMIT} bytes")
    return length


def open_entry(file: BinaryIO, entry: Entry, *, owns: bool) -> BinaryIO:
    """An entry as a file, to be read from any place. Where it `owns` the zip file, that is closed with it.

    Raises NotReadable, and what zipfile raises.
    """
    info = entry.info
    if info.flag_bits & 1:
        raise NotReadable("it is encrypted")
    start = content_offset(file, entry)
    if info.compress_type == zipfile.ZIP_STORED:
        return io.BufferedReader(Slice(file, start, info.file_size, owns=owns), 1 << 16)
    if info.file_size > max(_GROWTH_FLOOR, _GROWTH * info.compress_size):
        raise NotReadable(f"an entry grows more than {_GROWTH}-fold")
    return io.BufferedReader(_Inflated(file, start, info, owns=owns), 1 << 16)


def content_offset(file: BinaryIO, entry: Entry) -> int:
    """Where an entry's bytes begin, behind its local header (APPNOTE.TXT, 4.3.7). Raises NotReadable, also where they
    reach into another entry: of such a file any number of bytes could be unpacked, again and again."""
    info = entry.info
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or not header.startswith(_ENTRY):
        raise NotReadable("an entry's header is missing")
    name, extra = struct.unpack("<HH", header[26:30])
    start = info.header_offset + 30 + int(name) + int(extra)
    if start + info.compress_size > entry.end:
        raise NotReadable("an entry reaches into what stands behind it")
    return start


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

    def __init__(self, file: BinaryIO, start: int, info: zipfile.ZipInfo, *, owns: bool) -> None:
        super().__init__(file, start, info.file_size, owns=owns)
        self._size = info.file_size
        packed = cast(BinaryIO, Slice(file, start, info.compress_size, owns=False))
        self._entry = zipfile.ZipExtFile(packed, "r", info)

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
