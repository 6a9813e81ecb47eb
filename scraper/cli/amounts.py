"""Read amounts of time and of disk from the command line, as people write them."""

from __future__ import annotations

import re

from scraper.errors import UsageError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_LONGEST = 10 * 366 * 86_400
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([smhd])")
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,3})?)\s?([KMGT]?)B?", re.IGNORECASE)


def seconds(text: str, option: str) -> float:
    """Seconds of a duration such as 90s, 45m, 2h, 1.5d, of ten years at most. Raises UsageError for what is none."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not 0 < (found := float(match[1]) * _SECONDS[match[2]]) <= _LONGEST:
        raise UsageError(f"{text!r} is no length of time up to ten years", option, "For example: 45m, 2h or 1d.")
    return found


def size(text: str, option: str) -> int:
    """Bytes of a size such as 500M or 20G (decimal, as disks are sold). Raises UsageError for what is none."""
    match = _SIZE.fullmatch(text.strip())
    number = round(float(match[1]) * _BYTES[match[2].upper()]) if match is not None else 0
    if not number:
        raise UsageError(f"{text!r} is no size", option, "For example: 500M or 20G.")
    return number
