"""Sort more lines than memory holds: sorted pieces on the disk, merged."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

CHUNK = 32 * 1024 * 1024
"""Bytes of lines that are sorted in memory at once."""
_FAN_IN = 64
"""Pieces merged at once: each holds a file open."""
_OVERHEAD = 60
"""What Python keeps for a line beside its bytes."""


def sorted_lines(lines: Iterable[bytes], folder: Path, *, chunk: int = CHUNK) -> Iterator[bytes]:
    """The lines (each with its line feed) in the order of their bytes, equal ones once.

    Memory stays near `chunk` bytes; beyond it pieces go to nameless files in `folder`, which need twice the lines'
    size in all. OSError when they cannot be written.
    """
    pieces: list[BinaryIO] = []
    held: list[bytes] = []
    size = 0
    try:
        for line in lines:
            held.append(line)
            size += len(line) + _OVERHEAD
            if size >= chunk:
                held.sort()
                pieces.append(_write(held, folder))
                held, size = [], 0
                if len(pieces) == _FAN_IN:
                    pieces = [_merge(pieces, folder)]
        held.sort()
        yield from merged_lines([*pieces, held])
    finally:
        _close(pieces)


def merged_lines(sources: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    """The lines of sorted sources in order, equal ones once."""
    last = None
    for line in heapq.merge(*sources):
        if line != last:
            yield line
            last = line


def _merge(pieces: list[BinaryIO], folder: Path) -> BinaryIO:
    whole = _write(merged_lines(pieces), folder)
    _close(pieces)
    return whole


def _write(lines: Iterable[bytes], folder: Path) -> BinaryIO:
    file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - read later, and closed by _close
    file.writelines(lines)
    file.seek(0)
    return file


def _close(pieces: Iterable[BinaryIO]) -> None:
    for piece in pieces:
        piece.close()
