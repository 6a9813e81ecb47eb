"""Replace a small text file so that whoever reads it sees the old one or the new one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write a file of this text, in UTF-8, beside `path`, then put it in its place. Raises OSError where that cannot be
    done; then what was there is as it was, and nothing is left beside it."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
