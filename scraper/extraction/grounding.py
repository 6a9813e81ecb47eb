"""Finding an engine's lines again on the page, so that what is kept stands there word for word.

Trafilatura rebuilds text from a tree that it has cut: words come out welded, and what stood at inline markup is lost.
Its choice of passages is what is wanted; the text is taken from the page.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scraper.extraction.passages import LETTER, Passage, letters_of, tidy

_ANCHORS = (24, 10)
"""Letters by which a line's two ends are looked for where the line as a whole does not stand on the page."""
_SHORT = 16
"""A line of fewer letters must be a whole passage: 'Iran' stands within many words."""
_PROBES = (8, 3, 1)
"""Letters by which the way on is looked for after something left out."""
_MOST_SPANS = 50
_WHOLE = -1
_HEADINGS = frozenset(("h2", "h3", "h4", "h5", "h6"))
_NEAR = 3
_LONGEST_HEADING = 200
_ENOUGH = 0.5
"""Share of a passage that a line must cover for the passage to be taken whole."""


@dataclass(frozen=True, slots=True)
class Grounded:
    """One piece of the body: the passage it stands in, and its text as printed there.

    `passage` is None for a line that does not stand on the page, as an article's text taken from JSON-LD. `share` is
    how much of the passage the line covers, from 0 to 1.
    """

    passage: Passage | None
    text: str
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class _Hit:
    """A passage that holds a line, or a part of it: the first and last letter covered, and the share covered."""

    order: int
    first: int
    last: int
    share: float


def ground(lines: Sequence[str], passages: Sequence[Passage]) -> list[Grounded]:
    """The pieces of the page that hold the lines, in the lines' order, each passage once.

    A passage that a line covers for the most part is taken whole, so that nothing is lost at inline markup.
    """
    finder, cutter = _Finder(passages), _Cutter()
    out: list[Grounded] = []
    taken: set[tuple[int, int]] = set()
    for line in lines:
        letters = letters_of(line)
        if not letters:
            continue
        hits = finder.find(letters)
        if hits is None:
            out.append(Grounded(None, tidy(line)))
            continue
        pieces: list[Grounded] = []
        for hit in hits:
            passage = passages[hit.order]
            whole = hit.share >= _ENOUGH
            place = (hit.order, _WHOLE if whole else hit.first)
            if place in taken or (hit.order, _WHOLE) in taken:
                continue
            taken.add(place)
            text = passage.text if whole else cutter.cut(passage, hit.first, hit.last)
            pieces.append(Grounded(passage, text, min(hit.share, 1.0)))
        out.extend(pieces)
    return list(_with_headings(out, passages, {order for order, _ in taken}))


def _with_headings(pieces: Sequence[Grounded], passages: Sequence[Passage], taken: set[int]) -> Iterator[Grounded]:
    """The pieces with the sub-headings between them: an engine loses those that its tree does not know as such.

    A heading counts where it stands beside a piece before or after it, as a child of the same element.
    """
    last: Passage | None = None
    for piece in pieces:
        passage = piece.passage
        if passage is not None and last is not None and 1 < passage.order - last.order <= _NEAR:
            for between in passages[last.order + 1 : passage.order]:
                if between.order not in taken and _is_heading(between, last, passage):
                    yield Grounded(between, between.text)
        yield piece
        last = passage if passage is not None else last


def _is_heading(passage: Passage, before: Passage, after: Passage) -> bool:
    element = passage.element
    if element.tag not in _HEADINGS and (element.get("role") or "").lower() != "heading":
        return False
    parent = element.getparent()
    beside = parent is not None and any(parent is near.element.getparent() for near in (before, after))
    return beside and bool(passage.letters) and len(passage.text) <= _LONGEST_HEADING and passage.link_share < 0.8


class _Cutter:
    """Cuts pieces out of passages. Where the letters of the last one stand is kept: a poem, or a text in `pre`, is one
    passage of which each line is a piece."""

    def __init__(self) -> None:
        self._passage: Passage | None = None
        self._places: list[int] = []

    def cut(self, passage: Passage, first: int, last: int) -> str:
        """The piece from a passage's letter number `first` to `last` (both counted in), with the signs around it."""
        text = passage.text
        if passage is not self._passage:
            self._passage, self._places = passage, [match.start() for match in LETTER.finditer(text)]
        start, stop = self._places[first], self._places[last] + 1
        while start > 0 and not text[start - 1].isspace() and not LETTER.match(text[start - 1]):
            start -= 1
        while stop < len(text) and not text[stop].isspace() and not LETTER.match(text[stop]):
            stop += 1
        return text[start:stop]


class _Finder:
    """The letters of a page in one string, and where each passage begins in it."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._starts: list[int] = []
        self._orders: list[int] = []
        self._exact: dict[str, list[int]] = {}
        parts: list[str] = []
        at = 0
        for order, passage in enumerate(passages):
            if not passage.letters:
                continue
            self._starts.append(at)
            self._orders.append(order)
            self._exact.setdefault(passage.letters, []).append(len(self._starts) - 1)
            parts.append(passage.letters)
            at += len(passage.letters)
        self._page = "".join(parts)
        self._lengths = [len(part) for part in parts]
        self._cursor = 0

    def find(self, letters: str) -> list[_Hit] | None:
        """The passages that hold a line, each with the share of it that the line covers; None where none does.

        Of several places the next after the last found is taken: a body is read downwards.
        """
        if places := self._exact.get(letters):
            after = bisect_left(places, self._cursor, key=self._starts.__getitem__)
            index = places[min(after, len(places) - 1)]
            self._cursor = self._starts[index] + self._lengths[index]
            return [_Hit(self._orders[index], 0, self._lengths[index] - 1, 1.0)]
        if len(letters) < _SHORT:
            if self._page.startswith(letters, self._cursor):
                return self._covered([(self._cursor, self._cursor + len(letters))])
            return None
        start = self._page.find(letters, self._cursor)
        if start < 0:
            start = self._page.find(letters)
        if start >= 0:
            return self._covered([(start, start + len(letters))])
        return self._gapped(letters)

    def _gapped(self, letters: str) -> list[_Hit] | None:
        """A line with something left out of it: its ends are looked for, and all between must follow in order."""
        for head in _ANCHORS:
            for begin in (self._cursor, 0):
                start = self._page.find(letters[:head], begin) if len(letters) >= 2 * head else -1
                if start < 0:
                    continue
                limit = start + 2 * len(letters) + 400
                for tail in _ANCHORS:
                    end = self._page.rfind(letters[-tail:], start + head, limit)
                    spans = self._follow(letters, start, end + tail) if end >= 0 else None
                    if spans is not None:
                        return self._covered(spans)
        return self._fuller(letters)

    def _fuller(self, letters: str) -> list[_Hit] | None:
        """A line with more in it than its passage shows: a reader does not see what is hidden within a line."""
        for head in _ANCHORS:
            start = self._page.find(letters[:head], self._cursor)
            index = bisect_right(self._starts, start) - 1
            if start < 0 or self._starts[index] != start:
                continue
            length = self._lengths[index]
            rest = iter(letters)
            if length >= len(letters) * _ENOUGH and all(
                letter in rest for letter in self._page[start : start + length]
            ):
                return self._covered([(start, start + length)])
        return None

    def _follow(self, letters: str, start: int, end: int) -> list[tuple[int, int]] | None:
        """The spans of the page, from start to end, that together spell the letters; None where they do not."""
        spans: list[tuple[int, int]] = []
        at, done = start, 0
        page = self._page
        while done < len(letters):
            run = 0
            while done + run < len(letters) and at + run < end and page[at + run] == letters[done + run]:
                run += 1
            if run:
                spans.append((at, at + run))
                at, done = at + run, done + run
            if done >= len(letters):
                break
            at = self._go_on(letters[done : done + max(_PROBES)], at, end)
            if at < 0 or len(spans) > _MOST_SPANS:
                return None
        return spans

    def _go_on(self, letters: str, at: int, end: int) -> int:
        """Where, from `at` to `end`, the next of the letters stand; -1 where nowhere."""
        places = (self._page.find(letters[:size], at, end) for size in _PROBES)
        return next((place for place in places if place >= 0), -1)

    def _covered(self, spans: Sequence[tuple[int, int]]) -> list[_Hit]:
        covered: dict[int, list[int]] = {}
        for start, end in spans:
            index = bisect_right(self._starts, start) - 1
            while index < len(self._starts) and self._starts[index] < end:
                begin, length = self._starts[index], self._lengths[index]
                first, stop = max(start - begin, 0), min(end - begin, length)
                known = covered.setdefault(index, [first, stop, 0])
                known[1] = max(known[1], stop)
                known[2] += stop - first
                index += 1
        self._cursor = spans[-1][1]
        return [
            _Hit(self._orders[index], first, stop - 1, count / self._lengths[index])
            for index, (first, stop, count) in sorted(covered.items())
        ]
