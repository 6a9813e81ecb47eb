"""Text that both databases take."""

from __future__ import annotations


def storable(text: str) -> str:
    """Text that both databases take: PostgreSQL refuses NUL, and neither takes half a surrogate pair."""
    if "\x00" in text:
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
