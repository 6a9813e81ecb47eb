"""The bytes of a file in pieces: plain, or out of gzip members or zstd frames, each of which is accounted for."""

from __future__ import annotations

import hashlib
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Literal, Protocol

from isal import isal_zlib

from storage.foreign.zips import size_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Packing = Literal["", "gunzip", "unzstd"]

PIECE = 1 << 20
"""The most that is decompressed at once."""
_INPUT = 64 * 1024
_START = 512
"""Decompressed bytes by which a member is tried."""
_TRIED = 4 * _START
"""Bytes of a member that are unpacked for them."""
BOMB_FLOOR, BOMB_RATIO = 64 << 20, 200
"""A member that grows beyond both is given up: news pages shrink to a fifth, seldom to a fiftieth."""
_SALVAGE_LIMIT = 256 << 20
"""A broken member of which more has come than this is not unpacked once more for its last few bytes."""
_TRIALS = 100_000
"""Places tried in one search for the next member; a file made of such places must end, too."""
_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
_DICTIONARY = b"\x5d\x2a\x4d\x18"
_DICTIONARY_LIMIT = 16 << 20
_ISAL_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]
_ERRORS = (_ISAL_ERROR, zlib.error, zstd.ZstdError, EOFError)


class MemberBroken(Exception):
    """A member or frame that cannot be read to its end; `offset` is where it begins in the file."""

    def __init__(self, offset: int, reason: str) -> None:
        self.offset, self.reason = offset, reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Member:
    """A whole gzip member or zstd frame: from where to where in the file, and its SHA-256 (hex)."""

    start: int
    end: int
    sha256: str


class Source(Protocol):
    """Gives pieces. `begun` is where the member stands that the last piece is the first of, None for its others;
    `ended` holds members read to their end, by where they begin, until whoever reads takes them out; `position` is
    the place in the file."""

    packing: Packing
    begun: int | None
    ended: dict[int, Member]
    position: int

    def read(self) -> bytes:
        """The next piece, empty at the end. Raises MemberBroken."""

    def restart(self, offset: int) -> None:
        """Go on at an offset of the file."""


class PlainSource:
    """A file that is not packed."""

    packing: Packing = ""
    begun: int | None = None

    def __init__(self, file: BinaryIO, start: int = 0) -> None:
        self._file = file
        self.ended: dict[int, Member] = {}
        self.restart(start)

    def read(self) -> bytes:
        piece = self._file.read(PIECE)
        self.position += len(piece)
        return piece

    def restart(self, offset: int) -> None:
        self._file.seek(offset)
        self.position = offset


class PackedSource:
    """A file of gzip members or zstd frames."""

    begun: int | None = None

    def __init__(
        self,
        file: BinaryIO,
        packing: Literal["gunzip", "unzstd"],
        start: int = 0,
        dictionary: zstd.ZstdDict | None = None,
    ) -> None:
        self.packing: Packing = packing
        self._file = file
        self._magic = _GZIP_MAGIC if packing == "gunzip" else _ZSTD_MAGIC
        self._dictionary = dictionary or (load_dictionary(file) if packing == "unzstd" else None)
        self.ended: dict[int, Member] = {}
        self.restart(start)

    def restart(self, offset: int) -> None:
        self._file.seek(offset)
        self.position, self._input = offset, b""
        self._unpacker: _Unpacker | None = None
        self._begins: int | None = None
        self._broken: MemberBroken | None = None

    def read(self) -> bytes:
        self.begun = None
        if self._broken is not None:
            raise self._broken
        while True:
            if self._unpacker is None and not self._open():
                return b""
            out = self._step()
            if out:
                self.begun, self._begins = self._begins, None
                return out

    def seek_member(self, offset: int, looks_right: Callable[[bytes], bool], *, before: int | None = None) -> bool:
        """Go to the first member at or behind `offset`, and before a byte where one is given, whose content begins as
        it should. False without one."""
        for place, data in islice(self._places(offset, before), _TRIALS):
            if looks_right(self._unpacked_start(data)):
                self.restart(place)
                return True
        return False

    def _open(self) -> bool:
        """Begin the next member. False at the end of the file. Zeros between members are passed over, as tar pads."""
        while True:
            if not self._fill(8):
                return False
            if self._input.startswith(b"\x00"):
                rest = self._input.lstrip(b"\x00")
                self.position += len(self._input) - len(rest)
                self._input = rest
                continue
            if self.packing == "unzstd" and self._input[1:4] == b"\x2a\x4d\x18" and self._input[0] & 0xF0 == 0x50:
                self._pass_over_skippable()
                continue
            break
        if not self._input.startswith(self._magic):
            raise MemberBroken(self.position, f"no {self._word} stands here")
        self._start, self._begins, self._grown = self.position, self.position, 0
        self._digest = hashlib.sha256()
        self._unpacker = _Gzip() if self.packing == "gunzip" else _Zstd(self._dictionary)
        return True

    def _pass_over_skippable(self) -> None:
        end = self.position + 8 + struct.unpack("<I", self._input[4:8])[0] if len(self._input) >= 8 else 1 << 62
        if end > size_of(self._file):
            raise MemberBroken(self.position, "this zstd frame is cut off")
        self.restart(end)

    def _step(self) -> bytes:
        assert self._unpacker is not None
        data = self._input
        if not data and self._unpacker.hungry:
            data = self._file.read(_INPUT)
        try:
            out, rest = self._unpacker.step(data)
        except _ERRORS:
            return self._last_of(data, "is broken")
        used = len(data) - len(rest)
        self._digest.update(memoryview(data)[:used])
        self.position += used
        self._input = rest
        self._grown += len(out)
        if self._grown > BOMB_FLOOR and self._grown > BOMB_RATIO * (self.position - self._start):
            raise MemberBroken(self._start, f"this {self._word} grows more than {BOMB_RATIO}-fold")
        if self._unpacker.ended:
            self.ended[self._start] = Member(self._start, self.position, self._digest.hexdigest())
            self._unpacker = None
        elif not data and not out:
            return self._last_of(b"", "is cut off")
        return out

    def _last_of(self, data: bytes, fault: str) -> bytes:
        """What a member still gives that cannot be read to its end. Raises MemberBroken where that is nothing; else the
        next read does."""
        self._broken = MemberBroken(self._start, f"this {self._word} {fault}")
        if self.packing == "gunzip" and (out := self._salvage(data)):
            return out
        raise self._broken

    def _salvage(self, data: bytes) -> bytes:
        """What a gzip member gives beyond what isal gave of it, which gives nothing of the input that it broke in, and
        holds back some bytes of one that is cut off."""
        if self._grown > _SALVAGE_LIMIT:
            return b""
        inflater = zlib.decompressobj(31)
        here = self._file.tell()
        self._file.seek(self._start)
        left, given = self.position - self._start, 0
        parts = []
        try:
            while left and (piece := self._file.read(min(left, _INPUT))):
                out = inflater.decompress(piece)
                parts.append(out[max(0, self._grown - given) :])
                given += len(out)
                left -= len(piece)
        except zlib.error:
            return b"".join(parts)
        finally:
            self._file.seek(here)
        for size in (4096, 64, 1):
            at = 0
            while at < len(data):
                before = inflater.copy()
                try:
                    parts.append(inflater.decompress(data[at : at + size]))
                except zlib.error:
                    inflater, data = before, data[at : at + size]
                    break
                at += size
        return b"".join(parts)

    @property
    def _word(self) -> str:
        return "gzip member" if self.packing == "gunzip" else "zstd frame"

    def _fill(self, wanted: int) -> bool:
        """See to it that some input is at hand, so many bytes of it where the file has them."""
        while len(self._input) < wanted:
            more = self._file.read(_INPUT)
            if not more:
                break
            self._input += more
        return bool(self._input)

    def _places(self, offset: int, before: int | None) -> Iterator[tuple[int, bytes]]:
        """Where a member might begin, and with what. The file is read forward alone."""
        self._file.seek(offset)
        base, data, more = offset, b"", True
        while more and (before is None or base < before):
            piece = self._file.read(_INPUT)
            data, more = data + piece, bool(piece)
            end = max(0, len(data) - _TRIED) if more else len(data)
            at = data.find(self._magic)
            while 0 <= at < end and (before is None or base + at < before):
                yield base + at, data[at : at + _TRIED]
                at = data.find(self._magic, at + 1)
            base, data = base + end, data[end:]

    def _unpacked_start(self, data: bytes) -> bytes:
        unpacker = _Gzip() if self.packing == "gunzip" else _Zstd(self._dictionary)
        try:
            return unpacker.step(data, _START)[0]
        except _ERRORS:
            return b""


class _Unpacker(Protocol):
    """`hungry`: it can do nothing without more input. `ended`: its member has been read to its end."""

    hungry: bool
    ended: bool

    def step(self, data: bytes, size: int = PIECE) -> tuple[bytes, bytes]:
        """What comes out, and what of the input was not used."""


class _Gzip:
    hungry = True

    def __init__(self) -> None:
        self._inflater = isal_zlib.decompressobj(31)
        self.ended = False

    def step(self, data: bytes, size: int = PIECE) -> tuple[bytes, bytes]:
        out: bytes = self._inflater.decompress(data, size)
        self.ended = self._inflater.eof
        rest: bytes = self._inflater.unused_data if self.ended else self._inflater.unconsumed_tail
        return out, rest


class _Zstd:
    def __init__(self, dictionary: zstd.ZstdDict | None) -> None:
        self._inflater = zstd.ZstdDecompressor(dictionary)
        self.hungry, self.ended = True, False

    def step(self, data: bytes, size: int = PIECE) -> tuple[bytes, bytes]:
        out = self._inflater.decompress(data, size)
        self.ended, self.hungry = self._inflater.eof, self._inflater.needs_input
        return out, self._inflater.unused_data if self.ended else b""


def dictionary_frame(file: BinaryIO) -> bytes:
    """The skippable frame with the dictionary that a .warc.zst file begins with; nothing without one."""
    file.seek(0)
    head = file.read(8)
    if head[:4] != _DICTIONARY or len(head) < 8:
        return b""
    size = struct.unpack("<I", head[4:])[0]
    return head + file.read(size) if size <= _DICTIONARY_LIMIT else b""


def unpacked_frame(file: BinaryIO, frame: bytes, limit: int) -> bytes:
    """What a frame of a .warc.zst file unpacks to, at most so many bytes. Raises ZstdError."""
    return zstd.ZstdDecompressor(load_dictionary(file)).decompress(frame, limit)


def load_dictionary(file: BinaryIO) -> zstd.ZstdDict | None:
    """The dictionary that a .warc.zst file begins with, raw or itself a zstd frame (the format of IIPC's WARC-zstd
    proposal, section 3); None without one, or where it is broken."""
    content = dictionary_frame(file)[8:]
    if not content:
        return None
    try:
        if content.startswith(_ZSTD_MAGIC):
            content = zstd.ZstdDecompressor().decompress(content, _DICTIONARY_LIMIT)
        dictionary = zstd.ZstdDict(content)
        zstd.ZstdDecompressor(dictionary)  # only this tells whether it can be used
        return dictionary
    except (zstd.ZstdError, ValueError):
        return None
