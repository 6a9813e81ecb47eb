"""Say what changed between two texts: paragraph by paragraph, and within those word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Verb = Literal["equal", "insert", "delete", "replace"]
MAX_WORDS = 4000
"""Longer paragraphs are compared as wholes: difflib is quadratic at worst, a second for 4,000 shuffled words."""
MAX_PARAGRAPHS = 2000
_LIKE = 0.4
"""Paragraphs that share less than this part of their words are two, not one that was changed."""
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a changed paragraph. `old` and `new` are the same for `equal`; one is empty otherwise, unless it is
    a `replace`."""

    verb: Verb
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """A paragraph that stayed (`equal`), came, went, or was changed (`replace`, then `runs` tells how)."""

    verb: Verb
    old: str | None
    new: str | None
    runs: tuple[Run, ...] = ()


def compare(old: Sequence[str], new: Sequence[str]) -> tuple[Change, ...]:
    """What makes `new` of `old`, both lists of paragraphs in reading order.

    Paragraphs beyond the first 2,000 are compared by their places alone, and words of paragraphs beyond 4,000 words
    not at all.
    """
    changes: list[Change] = []
    head = SequenceMatcher(None, old[:MAX_PARAGRAPHS], new[:MAX_PARAGRAPHS], autojunk=False)
    for verb, a, b, c, d in head.get_opcodes():
        if verb == "equal":
            changes += [Change("equal", text, text) for text in old[a:b]]
        else:
            changes += _changed(old[a:b], new[c:d])
    changes += _by_place(old[MAX_PARAGRAPHS:], new[MAX_PARAGRAPHS:])
    return tuple(changes)


def compare_words(old: str, new: str) -> tuple[Run, ...]:
    """What makes one paragraph of another, by words, spaces and signs."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    if max(len(before), len(after)) > MAX_WORDS:
        return (Run("replace", old, new),)
    runs = []
    for verb, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        runs.append(Run(verb, "".join(before[a:b]), "".join(after[c:d])))
    return tuple(runs)


def _changed(old: Sequence[str], new: Sequence[str]) -> list[Change]:
    """Pair the paragraphs of a changed stretch in order, like with like; what finds no like came or went."""
    changes: list[Change] = []
    waiting = list(new)
    for text in old:
        partner = next((place for place, other in enumerate(waiting[:8]) if _alike(text, other)), None)
        if partner is None:
            changes.append(Change("delete", text, None))
            continue
        changes += [Change("insert", None, other) for other in waiting[:partner]]
        changes.append(Change("replace", text, waiting[partner], compare_words(text, waiting[partner])))
        del waiting[: partner + 1]
    return changes + [Change("insert", None, other) for other in waiting]


def _by_place(old: Sequence[str], new: Sequence[str]) -> list[Change]:
    changes = []
    for before, after in zip(old, new, strict=False):
        changes.append(Change("equal" if before == after else "replace", before, after))
    changes += [Change("delete", text, None) for text in old[len(new) :]]
    return changes + [Change("insert", None, text) for text in new[len(old) :]]


def _alike(old: str, new: str) -> bool:
    """Whether two paragraphs share enough words, counted as a bag, to be one that was changed."""
    before, after = old.split(), new.split()
    shared = len(set(before) & set(after))
    return 2 * shared >= _LIKE * (len(set(before)) + len(set(after)))
