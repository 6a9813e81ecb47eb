"""Cut the part of a text that shows why it was found, with the hits marked; alike for both databases."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from storage.folding import spans, tokens
from storage.query import Words

LENGTH = 240
"""Characters of a snippet, about."""
_LEAD_IN = 60
_MAX_TEXT = 500_000
_STRETCH = 1000
_MAX_HITS = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of text as printed; `hit` where it is what was sought."""

    text: str
    hit: bool = False


@dataclass(frozen=True, slots=True)
class Snippet:
    """Consecutive parts of a text; `before` and `after` tell whether the text goes on there."""

    parts: tuple[Part, ...]
    before: bool = False
    after: bool = False

    def marked(self, start: str = "[", end: str = "]") -> str:
        """The snippet as one line with marks around its hits, and … where the text goes on."""
        inner = "".join(f"{start}{part.text}{end}" if part.hit else part.text for part in self.parts)
        return f"{'…' if self.before else ''}{inner}{'…' if self.after else ''}"


def snippet(text: str, sought: Sequence[Words], length: int = LENGTH) -> Snippet:
    """At most `length` characters around the place of a text where the most different words sought stand together;
    its beginning where none does. Line breaks become spaces."""
    text = " ".join(text[:_MAX_TEXT].split())
    first, last = _stretch(text, sought, length)
    hits = [(first + start, first + end, which) for start, end, which in find_hits(text[first:last], sought)]
    start, end = _window(text, hits, length)
    return Snippet(_parts(text, start, end, hits), before=start > 0, after=end < len(text))


def mark(text: str, sought: Sequence[Words]) -> Snippet:
    """The whole of a short text (a headline), with its hits marked."""
    text = " ".join(text.split())
    return Snippet(_parts(text, 0, len(text), find_hits(text, sought)))


def find_hits(text: str, sought: Sequence[Words]) -> list[tuple[int, int, int]]:
    """Where words sought stand: (start, end, which of them), in order and without overlap."""
    words = spans(text)
    found: set[tuple[int, int, int]] = set()
    for which, each in enumerate(sought):
        size = len(each.words)
        for place in range(len(words) - size + 1):
            if _matches(each, [word for word, _, _ in words[place : place + size]]):
                found.add((words[place][1], words[place + size - 1][2], which))
                if len(found) >= _MAX_HITS:
                    break
    hits: list[tuple[int, int, int]] = []
    for hit in sorted(found, key=lambda hit: (hit[0], -hit[1], hit[2])):
        if not hits or hit[0] >= hits[-1][1]:
            hits.append(hit)
    return hits


def _stretch(text: str, sought: Sequence[Words], length: int) -> tuple[int, int]:
    """The stretch of a text that holds the most of what is sought, with room around it.

    Looked for in folded words alone, which is many times quicker than finding where each of them is printed.
    """
    if not sought:
        return 0, 0
    room = max(length, 2 * _LEAD_IN)
    best, place = 0, 0
    for start in range(0, len(text), _STRETCH):
        words = f" {' '.join(tokens(text[max(0, start - room) : start + _STRETCH + room]))} "
        found = sum(f" {' '.join(each.words)}{'' if each.prefix else ' '}" in words for each in sought)
        if found > best:
            best, place = found, start
            if best == len(sought):
                break
    return (max(0, place - room), place + _STRETCH + room) if best else (0, 0)


def _matches(sought: Words, words: Sequence[str]) -> bool:
    if sought.prefix:
        return tuple(words[:-1]) == sought.words[:-1] and words[-1].startswith(sought.words[-1])
    return tuple(words) == sought.words


def _window(text: str, hits: Sequence[tuple[int, int, int]], length: int) -> tuple[int, int]:
    """Start and end of the stretch with the most different hits, at the borders of words."""
    start = 0
    if hits:
        starts = [hit[0] for hit in hits]

        def variety(first: int) -> int:
            until = bisect_left(starts, starts[first] + length - _LEAD_IN)
            return len({hit[2] for hit in hits[first:until]})

        best = max(range(len(hits)), key=lambda first: (variety(first), -first))
        start = max(0, starts[best] - _LEAD_IN)
    if start + length >= len(text):
        start = max(0, min(start, len(text) - length))
    if start:
        space = text.find(" ", start, start + _LEAD_IN)
        start = space + 1 if space >= 0 else start
    end = min(len(text), start + length)
    if end < len(text):
        space = text.rfind(" ", start + length // 2, end)
        end = space if space >= 0 else end
    return start, end


def _parts(text: str, start: int, end: int, hits: Sequence[tuple[int, int, int]]) -> tuple[Part, ...]:
    parts, place = [], start
    for first, last, _ in hits:
        if first >= start and last <= end:
            parts += [Part(text[place:first]), Part(text[first:last], hit=True)]
            place = last
    parts.append(Part(text[place:end]))
    return tuple(part for part in parts if part.text)
