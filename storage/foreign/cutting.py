"""The way to a stretch of a file of others, for who has nothing but a shell: the command that prints it."""

from __future__ import annotations

import re
import shlex
import zipfile
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote

from storage.foreign.views import UNPACKING
from storage.foreign.zips import NotReadable, Slice, content_offset, directory_of, identity_of

_UNPACKERS = {"gunzip": "zcat", "unzstd": "zstd -dcq"}
_PLAIN = re.compile(r"[A-Za-z0-9._/][A-Za-z0-9._/ ,=+()@-]*")
"""Names that unzip(1) takes as they are, and not as patterns."""


def cut_command(root: Path, path: str, offset: int, length: int, name: str) -> str | None:
    """The command that prints `length` bytes at `offset` of what a path leads to, whose file is called `name` (without
    blanks). None where there is no short one. Raises OSError, and NotReadable where the file cannot be taken apart.

    Entries of a zip file that are stored there as they are need no unzip: their bytes are bytes of the file.
    """
    source, start = _way_to(root, path, name)
    if source is None:
        return None
    return f"{_from(source, start + offset)} | head -c {length}"


def stands_unpacked(root: Path, path: str) -> bool:
    """Whether what a path leads to is a stretch of the file itself, so that who knows no steps finds its records there.
    Raises as cut_command does."""
    return _way_to(root, path, "file")[0] == "file"


def _way_to(root: Path, path: str, name: str) -> tuple[str | None, int]:
    before, *steps = path.split("#")
    with (root / before).open("rb") as file:
        try:
            return _way(file, steps, name)
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise NotReadable(str(error)) from error


def _way(file: BinaryIO, steps: list[str], name: str) -> tuple[str | None, int]:
    """What prints the part, from which of its bytes on; `name` itself where the part stands in the file as it is."""
    view, source, start = file, name, 0
    identity = identity_of(file)
    for step in steps:
        unpacking = UNPACKING.fullmatch(step)
        if unpacking is not None:
            source, start = f"{_from(source, start + int(unpacking[2]))} | {_UNPACKERS[unpacking[1]]} 2> /dev/null", 0
        elif source != name:
            return None, 0
        else:
            entry = directory_of(view, identity).find(step)
            info, identity = entry.info, (identity, step)
            if info.compress_type == zipfile.ZIP_STORED:
                begin = content_offset(view, entry)
                view, start = cast(BinaryIO, Slice(view, begin, info.file_size, owns=False)), start + begin
            elif view is file and "@" not in step and _PLAIN.fullmatch(unquote(step)):
                source = f"unzip -p {name} {shlex.quote(unquote(step))}"
            else:
                return None, 0
    return source, start


def _from(source: str, start: int) -> str:
    return f"{source} | tail -c +{start + 1}" if " " in source else f"tail -c +{start + 1} {source}"
