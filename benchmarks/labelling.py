"""Which passages of a page hold the text that is known to be its article's."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_RUN = 4
"""Words in a row by which a passage is looked for."""
_LONG = 6
"""Words from which on a passage is found by its words; a shorter one must stand where its neighbours leave room."""
_COVERED = 0.5
_ALONE = 0.7
_MOST_PLACES = 3_000


@dataclass(frozen=True, slots=True)
class Labels:
    """The numbers of the passages that hold the text, and how much of the text (0 to 1) none of them holds."""

    held: frozenset[int]
    missing: float


@dataclass(frozen=True, slots=True)
class _Found:
    """A passage that stands in the text from a word on; `share` of its runs of words stand there."""

    order: int
    start: int
    words: int
    share: float


def label(passages: Sequence[str], text: str) -> Labels:
    """Find a text's words in the passages, in order; of passages that say the same, one."""
    words = _words(text)
    parts = [_words(passage) for passage in passages]
    found = _find(parts, words)
    chain = _longest_chain(found)
    used = bytearray(len(words))
    held = {each.order for each in chain}
    for each in chain:
        _use(used, each)
    for each in sorted(found, key=lambda each: each.order):
        span = used[max(0, each.start) : each.start + each.words]
        if each.order not in held and each.share >= _ALONE and span and sum(span) < 0.3 * len(span):
            held.add(each.order)
            _use(used, each)
    held |= _short_ones(parts, words, chain, held, used)
    return Labels(frozenset(held), used.count(0) / len(words) if words else 0.0)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(_UNSEEN.sub("", text))]


def _find(parts: Sequence[list[str]], words: list[str]) -> list[_Found]:
    """The places in the text at which long passages stand."""
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at in range(len(words) - _RUN + 1):
        places[tuple(words[at : at + _RUN])].append(at)
    found: list[_Found] = []
    for order, part in enumerate(parts):
        if len(part) < _LONG:
            continue
        starts: Counter[int] = Counter()
        runs = len(part) - _RUN + 1
        hits = 0
        for at in range(runs):
            here = places.get(tuple(part[at : at + _RUN]), ())
            hits += bool(here)
            starts.update(place - at for place in here[:20])
        if hits < _COVERED * runs:
            continue
        likely = [start for start, count in starts.items() if 2 * count >= _COVERED * runs]
        found += [
            _Found(order, start, len(part), hits / runs) for start in likely or [max(starts, key=starts.__getitem__)]
        ]
    return found[:_MOST_PLACES]


def _longest_chain(found: Sequence[_Found]) -> list[_Found]:
    """The passages that hold most words among those that follow each other in the page and in the text."""
    ordered = sorted(found, key=lambda each: (each.order, -each.start))
    best: list[int] = []
    before: list[int] = []
    for at, each in enumerate(ordered):
        most, previous = 0, -1
        for earlier in range(at):
            other = ordered[earlier]
            follows = other.order < each.order and other.start + 0.7 * other.words <= each.start + 3
            if follows and best[earlier] > most:
                most, previous = best[earlier], earlier
        best.append(most + each.words)
        before.append(previous)
    chain: list[_Found] = []
    at = max(range(len(best)), key=best.__getitem__) if best else -1
    while at >= 0:
        chain.append(ordered[at])
        at = before[at]
    return chain[::-1]


def _short_ones(
    parts: Sequence[list[str]], words: list[str], chain: Sequence[_Found], held: set[int], used: bytearray
) -> set[int]:
    """Short passages whose words the text has where it goes on between the long ones around them."""
    found: set[int] = set()
    before = [_Found(-1, 0, 0, 1.0), *chain]
    after = [*chain, _Found(len(parts), len(words), 0, 1.0)]
    for left, right in zip(before, after, strict=True):
        at, stop = max(0, left.start + left.words - 2), min(len(words), right.start + 2)
        for order in range(left.order + 1, right.order):
            part = parts[order]
            if order in held or not 0 < len(part) < _LONG:
                continue
            for start in range(at, stop - len(part) + 1):
                end = start + len(part)
                if words[start:end] != part or any(used[start:end]):
                    continue
                # One word or two stand anywhere; they count where they fill a gap from one of its ends on.
                at_edge = start == 0 or used[start - 1] or end == len(words) or used[end]
                if len(part) > 2 or at_edge:
                    found.add(order)
                    used[start:end] = b"\1" * len(part)
                    at = end
                    break
    return found


def _use(used: bytearray, each: _Found) -> None:
    start, stop = max(0, each.start), min(len(used), each.start + each.words)
    used[start:stop] = b"\1" * max(0, stop - start)
