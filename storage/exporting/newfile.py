"""Make a file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from storage.errors import FileExists, FileUnfinished, FolderMissing
from storage.warc_writing import explained, sync_folder

PART = ".part"
"""What the name of a file ends with while it is written."""


@contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """A file to write and seek in, which takes the name `path` at the block's end, on the disk for good.

    Whatever ends the block early removes it. Raises FileExists, before anything is written or at the end, where
    `path` is there and `force` is not given; FolderMissing; FileUnfinished for KeyboardInterrupt; StorageFull and
    StorageError as the file system does.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    if not force and os.path.lexists(path):
        raise _exists(path)
    if not path.parent.is_dir():
        raise FolderMissing("there is no such folder", str(path.parent), "Make it, or name another file.")
    try:
        with part.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _name(part, path, force=force)
        sync_folder(path.parent)
    except KeyboardInterrupt:
        raise FileUnfinished(
            "stopped before it was whole", str(path), "Nothing was written; the same command begins it again."
        ) from None
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise explained(error, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _exists(path: Path) -> FileExists:
    return FileExists("is there already", str(path), "Name another file, or --force to replace it.")


def _name(part: Path, path: Path, *, force: bool) -> None:
    if force:
        part.replace(path)
        return
    try:
        path.hardlink_to(part)  # fails where another process made one meanwhile; a rename would replace it
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise FileExistsError from None
        part.rename(path)
