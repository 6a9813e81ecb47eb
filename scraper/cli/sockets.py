"""Keep the sockets of our processes where their names are short enough, however long the folder for temporary files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

LONGEST = 70
"""The longest folder, in bytes: a socket's name has room for 107 on Linux and 103 on macOS, and about 32 follow."""
_NAMED_BY = ("TMPDIR", "TEMP", "TMP")
_SHORT = ("/tmp", "/var/tmp")
"""Where such a folder is made then; nobody else may enter it."""
TOO_LONG = "AF_UNIX path too long"


def keep_sockets_short() -> None:
    """Have multiprocessing make its own folder, which holds nothing but sockets, in a place with a short name where
    the one for temporary files is too long. Where there is none, its first socket fails (`TOO_LONG`)."""
    named = [str(Path(each).absolute()) for name in _NAMED_BY if (each := os.environ.get(name))]
    if all(len(os.fsencode(each)) <= LONGEST for each in named):
        return
    from multiprocessing.util import get_temp_dir

    before = tempfile.tempdir
    for tempfile.tempdir in _SHORT:
        try:
            get_temp_dir()
            break
        except OSError:
            continue
    tempfile.tempdir = before
