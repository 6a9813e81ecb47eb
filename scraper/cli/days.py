"""Days of publication on the command line."""

from __future__ import annotations

from datetime import date

from scraper.errors import UsageError


def span_of(since: str | None, until: str | None) -> tuple[date | None, date | None]:
    """The days that --since and --until name. Raises UsageError for what is no day, and where they are in no order."""
    first, last = day(since) if since else None, day(until) if until else None
    if first and last and first > last:
        raise UsageError(f"{first} is after {last}", "--since/--until", "Nothing is published between them.")
    return first, last


def day(text: str) -> date:
    """A day from the command line. Raises UsageError for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no day", "--since/--until", "For example: --since 2026-03-01.") from None
