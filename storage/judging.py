"""Judge a text against the one that the same domain showed before: the same, an edit, or not to be said yet.

Two rules keep a changed extractor from making or hiding an edit, however often captures are read again. Edits are told
along the captures that were articles when they were first read; and a text is judged by the readings that stood when
it was read, never by later ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Line = int | str
"""A line of observations: a domain's id, or the host where it is no domain's."""

Verdict = Literal["same", "edit", "unread"]
"""unread: the texts differ and so do the extractors, so that the older capture must be read again first."""


@dataclass(frozen=True, slots=True)
class ReadBy:
    """What an extractor made of a capture, and in which crawl: a text's digest, or None where it saw no article."""

    extractor: int
    digest: str | None
    crawl: int


@dataclass(slots=True)
class Observation:
    """A capture that showed a revision, with its readings, oldest first; at least one gave a text.

    One that is kept as headers and digest alone has as `shown_by` the capture that showed the same text and is kept
    whole; what was read in that one by other extractors follows its own readings.
    """

    capture: int
    at: datetime
    line: Line
    reads: list[ReadBy]
    shown_by: int | None = None

    @property
    def place(self) -> tuple[datetime, int]:
        return self.at, self.capture

    @property
    def first(self) -> ReadBy:
        """The first reading that gave a text."""
        return next(each for each in self.reads if each.digest is not None)

    @property
    def digest(self) -> str:
        """What its newest reading that gave a text gave: one that finds no article takes nothing away."""
        return next(each.digest for each in reversed(self.reads) if each.digest is not None)


def telling(observations: Iterable[Observation]) -> set[int]:
    """The captures (ids) along which an article's edits are told.

    They are those that showed the article when they were first read. Where re-extraction alone brought the article to
    light, those that the extractor which did so read, up to the first that a crawl read as an article at once.
    """
    known = list(observations)
    at_once = {each.capture for each in known if each.reads[0].digest is not None}
    born = min((each.first.crawl for each in known), default=0)
    finders = {each.first.extractor for each in known if each.first.crawl == born and each.capture not in at_once}
    if not finders or any(each.first.crawl == born for each in known if each.capture in at_once):
        return at_once
    until = min((each.first.crawl for each in known if each.capture in at_once), default=None)
    found = {
        each.capture
        for each in known
        if each.first.extractor in finders and (until is None or each.first.crawl < until)
    }
    return at_once | found


def judge(last: Observation, extractor: int, digest: str, *, crawl: int | None = None) -> Verdict:
    """What a text, as an extractor read it, is to the one that its line showed last.

    `crawl` is the run that read it: what later runs made of `last` is left aside. None takes all readings.
    """
    standing = {
        each.extractor: each.digest for each in last.reads if crawl is None or each.crawl <= crawl or each is last.first
    }
    if (own := standing.get(extractor)) is not None:
        return "same" if own == digest else "edit"
    if digest in standing.values():
        return "same"
    # Read by the same extractor, the capture before shows no article at all: so both texts stand as they were read.
    return "edit" if extractor in standing else "unread"


def number_texts(shown: Sequence[tuple[int, str]], tell: set[int]) -> dict[str, int]:
    """Number texts from 1 by their digests, given captures and what was read in them in the order of observation.

    What was first read in a capture along which edits are told comes before what re-reading alone gave, so that a text
    keeps its number when captures are read again.
    """
    first: dict[int, str] = {}
    for number, digest in shown:
        if number in tell:
            first.setdefault(number, digest)
    digests = dict.fromkeys([*first.values(), *(digest for _, digest in shown)])
    return {digest: number for number, digest in enumerate(digests, 1)}


def same_text(one: Observation, other: Observation) -> bool:
    """Whether two captures show the same text, by the newest extractor that read both, else by any two readings."""
    texts = {each.extractor: each.digest for each in one.reads if each.digest is not None}
    for each in reversed(other.reads):
        if each.digest is not None and each.extractor in texts:
            return texts[each.extractor] == each.digest
    return not set(texts.values()).isdisjoint(each.digest for each in other.reads)
