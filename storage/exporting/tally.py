"""What an export gave out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Exported:
    """Counts of an export, as far as it is: `captures` are those whose answer was given. `damaged` names what could not
    be read, each as one line."""

    captures: int = 0
    records: int = 0
    pages: int = 0
    size: int = 0
    damaged: list[str] = field(default_factory=list)


Told = Callable[[Exported], None]
"""Hears how an export goes, after each capture."""
