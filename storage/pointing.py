"""Point at a place of a line: the line, and below it a caret under the place."""

from __future__ import annotations

import re
import unicodedata

_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def point_at(line: str, place: int, columns: int = 0) -> tuple[str, str]:
    """The line and its caret. With `columns`, a longer line is cut around the place, with an ellipsis at each cut.

    `place` counts characters. What would turn the direction of writing is shown as U+FFFD, one column each, so that
    the caret stands where the place is seen.
    """
    line = _TURNING.sub("\ufffd", line)
    start, end = 0, len(line)
    if columns and _columns(line) > columns:
        start, end = _window(line, min(place, len(line)), columns - 2)
    before, after = "…" if start else "", "…" if end < len(line) else ""
    return f"{before}{line[start:end]}{after}", " " * (len(before) + _columns(line[start:place])) + "^"


def _window(line: str, place: int, columns: int) -> tuple[int, int]:
    """From where to where the line is shown: the place near the middle, as much around it as fits."""
    start, end = place, min(place + 1, len(line))
    while True:
        grown = False
        if start > 0 and _columns(line[start - 1 : end]) <= columns:
            start, grown = start - 1, True
        if end < len(line) and _columns(line[start : end + 1]) <= columns:
            end, grown = end + 1, True
        if not grown:
            return start, end


def _columns(text: str) -> int:
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    """The columns that a terminal gives a character."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
