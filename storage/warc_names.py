"""The names of WARC files that are written anew."""

from __future__ import annotations

_ENDING = ".warc.gz"
_REDUCED = "-reduced" + _ENDING


def rewritten_path(path: str) -> str:
    """The path of the file that a file becomes when it is written anew. It is another one, so that what points to the
    old one never meets the new."""
    return path.removesuffix(_ENDING) + _REDUCED


def is_rewritten(path: str) -> bool:
    """Whether a file was written anew, by its path."""
    return path.endswith(_REDUCED)
