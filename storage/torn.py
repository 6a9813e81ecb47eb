"""Put aside what stands behind the end of a WARC file: kept in a folder of its own, never thrown away."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import BinaryIO

from storage.warc_writing import explained, make_folder, sync_folder

TORN = "torn"
"""The folder, in the WARC folder, that keeps what broke off: `NAME.at-OFFSET` holds a file's bytes from OFFSET on."""
_PART = ".part"
_PIECE = 1 << 20


def put_aside(file: BinaryIO, warc_folder: Path, path: str, start: int) -> str:
    """Move the bytes of a WARC file from `start` on to the folder of torn pieces; gives the piece's path there.

    `file` is open for writing, `path` is its name in the WARC folder. The copy is seen safe on the disk before anything
    is cut off. A piece that lies there already is never replaced. Raises StorageFull and StorageError.
    """
    folder = warc_folder / TORN
    try:
        make_folder(folder)
        part = folder / f"{path.replace('/', '-')}.at-{start}{_PART}"
        with part.open("wb") as copy:
            file.seek(start)
            while piece := file.read(_PIECE):
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
        place = _give_name(part)
        sync_folder(folder)
        os.ftruncate(file.fileno(), start)
        os.fsync(file.fileno())
    except OSError as error:
        raise explained(error, str(folder)) from error
    return f"{TORN}/{place.name}"


def torn_pieces(warc_folder: Path) -> list[Path]:
    """All pieces that were put aside, in order of their names; none of them ever changes."""
    return sorted(place for place in (warc_folder / TORN).glob("*") if place.suffix != _PART)


def _give_name(part: Path) -> Path:
    """Give a piece its name; a number is added where one with other bytes has it."""
    name = part.with_name(part.name.removesuffix(_PART))
    for number in count(1):
        place = name if number == 1 else name.with_name(f"{name.name}.{number}")
        if not place.exists():
            part.rename(place)
            return place
        if _are_same(part, place):  # put aside before, by a run that was killed before it cut
            part.unlink()
            return place
    raise AssertionError("there is no last number")


def _are_same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while piece := first.read(_PIECE):
            if piece != second.read(_PIECE):
                return False
    return True
