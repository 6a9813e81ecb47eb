"""The passages of a page as a company: what the engine took of them, and what they share that stand together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from scraper.extraction.marks import TAGS, Place, Places, bits_of
from scraper.extraction.passages import Passage, letters_of

CHOSEN = 0.5
"""Share of a passage that the engine must have taken for it to count as chosen."""
FAR = 50
"""Passages from which on one is far from another."""

_WORD = re.compile(r"\w+")
_H1, _LI, _ARTICLE = bits_of(["h1"], TAGS), bits_of(["li"], TAGS), bits_of(["article"], TAGS)
_COMMON = 40
_MOST_DESCRIBED = 2_000
_MOST_STATED = 200_000
"""Characters of what metadata state that each passage is looked for in."""


@dataclass(frozen=True, slots=True)
class Around:
    """What else a page says: its headline, its description, the text that its metadata state, its authors' names, and
    the numbers of the passages that plain flow would take, where there is any."""

    headline: str = ""
    description: str = ""
    stated_body: str = ""
    authors: tuple[str, ...] = ()
    flow: frozenset[int] | None = None


@dataclass(slots=True)
class Kin:
    """Sums over passages that stand in one element, or whose elements are alike, and the numbers of the first and the
    last of them, and of the first and the last chosen (-1: none)."""

    passages: int = 0
    letters: int = 0
    linked: float = 0.0
    chosen: int = 0
    paragraphs: int = 0
    first: int = -1
    last: int = -1
    first_chosen: int = -1
    last_chosen: int = -1

    def add(self, order: int, letters: int, linked: float, chosen: bool, paragraph: bool) -> None:
        self.passages += 1
        self.letters += letters
        self.linked += linked * letters
        self.chosen += letters * chosen
        self.paragraphs += paragraph
        self.first = order if self.first < 0 else self.first
        self.last = order
        if chosen:
            self.first_chosen = order if self.first_chosen < 0 else self.first_chosen
            self.last_chosen = order

    @property
    def chosen_share(self) -> float:
        return self.chosen / (self.letters or 1)

    @property
    def linked_share(self) -> float:
        return self.linked / (self.letters or 1)


class Company:
    """A page's passages with what is known of all of them together."""

    def __init__(self, passages: Sequence[Passage], shares: Mapping[int, float], around: Around) -> None:
        self.passages, self.around = passages, around
        self.count = len(passages)
        self.shares = [shares.get(order, 0.0) for order in range(self.count)]
        self.chosen = [share >= CHOSEN for share in self.shares]
        self.letters = [len(passage.letters) for passage in passages]
        self.folded = [passage.letters.casefold() for passage in passages]
        self.copies = Counter(self.folded)
        places = Places()
        self.places = [places.of(passage.element) for passage in passages]
        self._look_at_words()
        self._look_at_run()
        self._look_at_kin()
        self._look_at_main()
        self._look_at_boxes()

    def _look_at_words(self) -> None:
        self.title = set(words_of(self.around.headline))
        self.authors = {word for name in self.around.authors for word in words_of(name)}
        self.description = letters_of(self.around.description[:_MOST_DESCRIBED].rstrip(" .…[]"))
        self.stated = letters_of(self.around.stated_body[:_MOST_STATED])
        self.words = {order: words_of(self.passages[order].text) for order, chosen in enumerate(self.chosen) if chosen}
        self.said = Counter(chain.from_iterable(self.words.values()))
        self.common = {word for word, _ in self.said.most_common(_COMMON)}

    def _look_at_run(self) -> None:
        self.run = [order for order, chosen in enumerate(self.chosen) if chosen]
        lengths = sorted(self.letters[order] for order in self.run)
        self.median = lengths[len(lengths) // 2] if lengths else 0
        self.chosen_letters = sum(lengths)
        self.previous: list[int] = []
        last = -FAR
        for order, chosen in enumerate(self.chosen):
            self.previous.append(last)
            last = order if chosen else last
        self.next = [0] * self.count
        following = self.count + FAR
        for order in reversed(range(self.count)):
            self.next[order] = following
            following = order if self.chosen[order] else following
        self.before: list[int] = []
        letters = 0
        for each in self.letters:
            self.before.append(letters)
            letters += each
        self.all_letters = letters or 1
        self.heading = next((order for order, place in enumerate(self.places) if place.within & _H1), None)

    def _look_at_kin(self) -> None:
        self.kin: dict[object, Kin] = {}
        self.numbers: list[int] = []
        """How many passages of the same parent stand before each."""
        for order, place in enumerate(self.places):
            facts = (
                order, self.letters[order], self.passages[order].link_share, self.chosen[order],
                place.shape[0] == "p",
            )  # fmt: skip
            for key in kin_of(place):
                kin = self.kin.get(key)
                if kin is None:
                    kin = self.kin[key] = Kin()
                kin.add(*facts)
            self.numbers.append(self.kin["parent", place.parent].passages - 1)

    def _look_at_main(self) -> None:
        """Find the element that holds most of what was chosen, and what its paragraphs are like."""
        parents: Counter[Place] = Counter()
        shapes: Counter[object] = Counter()
        tags: Counter[str] = Counter()
        for order in self.run:
            place, letters = self.places[order], self.letters[order]
            tags[place.shape[0]] += letters
            if place.parent is not None:
                parents[place.parent] += letters
                shapes[place.parent.shape, place.shape] += letters
        self.main = max(parents, key=parents.__getitem__) if parents else None
        self.main_share = parents[self.main] / (self.chosen_letters or 1) if self.main else 0.0
        self.main_tag = max(tags, key=tags.__getitem__) if tags else ""
        self.main_shapes = max(shapes, key=shapes.__getitem__) if shapes else None
        self.levels: dict[Place, int] = {}
        above = self.main
        while above is not None:
            self.levels[above] = len(self.levels)
            above = above.parent

    def _look_at_boxes(self) -> None:
        """The element around each passage that stands in one element with the main text; entries of lists."""
        self.boxes: list[Place] = []
        self.in_boxes: dict[Place, Kin] = {}
        self.controls: dict[Place, tuple[int, int]] = {}
        self.lists: dict[Place, Kin] = {}
        self.articles: dict[Place, int] = {}
        for order, place in enumerate(self.places):
            box = place
            while box.parent is not None and box.parent not in self.levels:
                box = box.parent
            self.boxes.append(box)
            facts = (order, self.letters[order], self.passages[order].link_share, self.chosen[order], False)
            self.in_boxes.setdefault(box, Kin()).add(*facts)
            if place.within & _LI and (entries := list_of(place)) is not None:
                self.lists.setdefault(entries, Kin()).add(*facts)
            if place.within & _ARTICLE:
                self.articles.setdefault(outermost_article(place), len(self.articles))


def kin_of(place: Place) -> tuple[object, object, object, object]:
    """By what a passage is related to others: its element's parent, the parent's, its shape, its and the parent's."""
    parent = place.parent
    grandparent = parent.parent if parent is not None else None
    shapes = (place.shape, parent.shape if parent is not None else None)
    return ("parent", parent), ("grandparent", grandparent), place.shape, shapes


def list_of(place: Place) -> Place | None:
    above: Place | None = place
    while above is not None and above.shape[0] not in ("ul", "ol"):
        above = above.parent
    return above


def outermost_article(place: Place) -> Place:
    found, above = place, place.parent
    while above is not None and above.within & _ARTICLE:
        found, above = above, above.parent
    return found


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
