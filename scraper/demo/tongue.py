"""A language of the replica: its words and sentence patterns, and a pen that writes with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from string import Formatter
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, eq=False)
class Tongue:
    """Word pools and patterns of one language. A pattern's `{slot}` takes a word of that pool (first letter
    capital when the slot's is), and words may hold slots themselves."""

    code: str
    quotes: tuple[str, str]
    pools: Mapping[str, tuple[str, ...]]
    headlines: tuple[str, ...]
    leads: tuple[str, ...]
    facts: tuple[str, ...]
    sayings: tuple[str, ...]
    block_quotes: tuple[str, ...]
    backgrounds: tuple[str, ...]
    headings: tuple[str, ...]
    list_intros: tuple[str, ...]
    list_items: tuple[str, ...]
    captions: tuple[str, ...]
    credits: tuple[str, ...]
    interview_intros: tuple[str, ...]
    questions: tuple[str, ...]
    musings: tuple[str, ...]
    programme_titles: tuple[str, ...]
    programmes: tuple[str, ...]
    bulletin_title: str
    labels: tuple[str, ...]
    gallery_titles: tuple[str, ...]
    gallery_intro: str
    edits: tuple[str, ...]
    headline_edits: tuple[str, ...]
    rewritten: str
    tags: tuple[str, ...]
    million: str


@lru_cache(maxsize=2048)
def _parts(pattern: str) -> tuple[tuple[str, str | None], ...]:
    """A pattern cut into (text before, slot) pairs."""
    return tuple((text, slot) for text, slot, _, _ in Formatter().parse(pattern))


class Pen:
    """Writes sentences of one tongue by one stream of random numbers; `fixed` words stay the same throughout."""

    __slots__ = ("_random", "fixed", "tongue")

    def __init__(self, tongue: Tongue, rng: Random, fixed: dict[str, str] | None = None) -> None:
        self.tongue = tongue
        self.fixed = fixed or {}
        self._random = rng.random

    def pick(self, options: tuple[_T, ...]) -> _T:
        return options[int(self._random() * len(options))]

    def number(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))

    def chance(self, share: float) -> bool:
        return self._random() < share

    def write(self, pattern: str) -> str:
        """Fill a pattern's slots; the first letter becomes a capital."""
        text = self.fill(pattern)
        return text[:1].upper() + text[1:]

    def sentence(self, patterns: tuple[str, ...]) -> str:
        return self.write(self.pick(patterns))

    def paragraph(self, patterns: tuple[str, ...], sentences: int) -> str:
        return " ".join(self.sentence(patterns) for _ in range(sentences))

    def name(self) -> tuple[str, str]:
        """A first and a last name."""
        return self.pick(self.tongue.pools["first"]), self.pick(self.tongue.pools["last"])

    def meet_speaker(self) -> None:
        """Choose the person who speaks in what is written from now on."""
        first, last = self.name()
        self.fixed["speaker"] = self.fill(f"{{role}} {first} {last}")
        self.fixed["short"] = last

    def fill(self, pattern: str) -> str:
        """Fill a pattern's slots, the first letter left as it is."""
        parts = _parts(pattern)
        if len(parts) == 1 and parts[0][1] is None:
            return pattern
        out = []
        for text, slot in parts:
            out.append(text)
            if slot is not None:
                word = self._word(slot.lower())
                out.append(word[:1].upper() + word[1:] if slot[0].isupper() else word)
        return "".join(out)

    def _word(self, slot: str) -> str:
        if slot in self.fixed:
            return self.fixed[slot]
        pool = self.tongue.pools.get(slot)
        if pool is not None:
            word = self.pick(pool)
            return self.fill(word) if "{" in word else word
        if slot in _NUMBERS:
            return str(self.number(*_NUMBERS[slot]))
        if slot == "amount":
            return f"{self.number(2, 94)}.{self.number(1, 9)} {self.tongue.million}"
        raise KeyError(f"no words for the slot {slot!r}")


_NUMBERS = {
    "num": (12, 980),
    "pct": (2, 67),
    "count": (2, 18),
    "year": (1998, 2010),
    "year2": (2027, 2031),
    "photoyear": (2011, 2026),
    "dayno": (1, 28),
}
