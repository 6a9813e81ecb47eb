"""What speaks for and against each passage of a page being of its article's text, as numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from lxml.html import HtmlElement

from scraper.extraction.marks import MARKS, TAGS, Place, Places, bits_of
from scraper.extraction.passages import Passage, letters_of

NUMBERS = (
    # of the text itself
    "characters", "letters", "words", "linked", "sentences", "ends_sentence", "ends", "begins_upper", "upper",
    "odd_signs", "calls", "call_share", "letters_a_word", "address", "digits", "bold", "bracketed",
    "label", "label_first",
    # of the text beside what else the page says
    "like_title", "like_description", "begins_description", "copies", "in_stated_body", "names_author", "author_words",
    "common_words", "topic_words",
    # of its place in the page's order
    "passages", "order", "letters_before", "after_heading", "letters_previous", "letters_next",
    "letters_second_previous", "letters_second_next", "linked_previous", "linked_next", "heading_level", "heading_next",
    # of what the engine chose
    "chosen", "chosen_share", "chosen_passages", "chosen_letters", "chosen_previous", "chosen_next",
    "chosen_second_previous", "chosen_second_next", "between_chosen", "from_first", "to_last", "from_previous",
    "to_next", "run_share", "median_letters", "of_median", "chosen_after_beside", "chosen_before_beside",
    "next_chosen_beside", "previous_chosen_beside", "in_flow",
    # of the element that holds it, and those like it
    "parent_chosen", "parent_passages", "parent_letters", "parent_linked", "parent_paragraphs", "grandparent_chosen",
    "grandparent_letters", "grandparent_linked", "shape_chosen", "shape_passages", "shape_letters", "shape_linked",
    "shapes_chosen", "shapes_passages", "main_parent", "main_tag", "main_shapes", "main_share", "levels_to_main",
    "under_main", "deeper_than_main", "depth", "number_in_parent", "first_in_parent", "last_in_parent",
    "same_shape_previous", "same_shape_next", "articles", "in_article",
    # of the box that it stands in, beside the main text
    "box_passages", "box_letters", "box_linked", "box_chosen", "box_controls", "box_images",
    # of the list that it is an entry of
    "list_entries", "list_linked", "list_announced",
)  # fmt: skip
"""The names of the numbers, in order. Shares are from 0 to 1; where there is no such thing, -1."""

BITS: dict[str, tuple[str, ...]] = {
    "own": MARKS, "parent": MARKS, "grandparent": MARKS, "above": MARKS, "beside": MARKS,
    "tag": TAGS, "parent_tag": TAGS, "box_tag": TAGS, "within": TAGS,
}  # fmt: skip
"""The names of the sets of marks and of tags that follow the numbers, each with its members. `beside` is what stands
around a passage up to what holds the main text too."""

Row = list[float]
"""The numbers of one passage, and its sets as bits."""

CHOSEN = 0.5
"""Share of a passage that the engine must have taken for it to count as chosen."""

_WORD = re.compile(r"\w+")
_ENDS_SENTENCE = re.compile(r"[.!?؟。…][\"”»’')\]]*$")
_ENDS = re.compile(r"[.!?؟。…:;][\"”»’')\]]*$")
_ODD = re.compile(r"[|»›→•·©®/]")
_LABEL = re.compile(r"[^.!?]{0,40}:$|[^.!?]{0,25}:\s")
_CALL = re.compile(
    r"\b(?:read|watch|listen|click|sign up|subscribe|follow|share|see|more|also|newsletter|download|comments?"
    r"|advertisement|related|photo|image|credit|copyright|getty|rights reserved|minutes?|min|updated|published|by)\b",
    re.I,
)
_STOPS = ".!?؟。…"
_BEGINS = 200
"""Characters of a passage that tell of what kind it is."""
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_H1, _LI, _ARTICLE = bits_of(["h1"], TAGS), bits_of(["li"], TAGS), bits_of(["article"], TAGS)
_NEAR = 8
"""Passages before the first and behind the last chosen one that may be of the text though their text is short."""
_LONG = 60
"""Letters from which on a passage may be of the text wherever it stands."""
_LINKED = 0.9
_FAR = 50
_COMMON = 40
_LEAST_TOPIC = 5
_LEAST_STATED = 8
_CONTROLS = ("input", "button", "select", "textarea")
_BOLD = frozenset(("b", "strong", "em", "i"))


@dataclass(frozen=True, slots=True)
class Around:
    """What else a page says: its headline, its description, the text that its metadata state, its authors' names, and
    the numbers of the passages that plain flow would take, where there is any."""

    headline: str = ""
    description: str = ""
    stated_body: str = ""
    authors: tuple[str, ...] = ()
    flow: frozenset[int] | None = None


def candidates(passages: Sequence[Passage], shares: Mapping[int, float]) -> list[int]:
    """The numbers of the passages that may be of the text at all: near to what the engine chose, or long, and no links
    alone. `shares` are those of the passages that it took, by number."""
    chosen = [order for order, share in shares.items() if share >= CHOSEN]
    first, last = (min(chosen) - _NEAR, max(chosen) + _NEAR) if chosen else (0, len(passages))
    return [
        order
        for order, passage in enumerate(passages)
        if (first <= order <= last or len(passage.letters) > _LONG)
        and (passage.link_share <= _LINKED or shares.get(order, 0.0) >= CHOSEN)
    ]


def read_signals(
    passages: Sequence[Passage], orders: Iterable[int], shares: Mapping[int, float], around: Around
) -> list[Row]:
    """The rows of the passages with these numbers. `shares` as in candidates()."""
    page = _Page(passages, shares, around)
    return [page.row(order) for order in orders]


@dataclass(slots=True)
class _Kin:
    """Sums over passages that stand in one element, or whose elements are alike."""

    passages: int = 0
    letters: int = 0
    linked: float = 0.0
    chosen: int = 0
    paragraphs: int = 0
    orders: list[int] = field(default_factory=list)

    def add(self, order: int, letters: int, linked: float, chosen: bool, paragraph: bool) -> None:
        self.passages += 1
        self.letters += letters
        self.linked += linked * letters
        self.chosen += letters * chosen
        self.paragraphs += paragraph
        self.orders.append(order)

    @property
    def chosen_share(self) -> float:
        return self.chosen / (self.letters or 1)

    @property
    def linked_share(self) -> float:
        return self.linked / (self.letters or 1)


class _Page:
    """A page's passages with what is known of all of them together."""

    def __init__(self, passages: Sequence[Passage], shares: Mapping[int, float], around: Around) -> None:
        self._passages, self._around = passages, around
        self._count = len(passages)
        self._shares = [shares.get(order, 0.0) for order in range(self._count)]
        self._chosen = [share >= CHOSEN for share in self._shares]
        self._letters = [len(passage.letters) for passage in passages]
        self._folded = [passage.letters.casefold() for passage in passages]
        self._copies = Counter(self._folded)
        places = Places()
        self._places = [places.of(passage.element) for passage in passages]
        self._look_at_words()
        self._look_at_run()
        self._look_at_kin()
        self._look_at_main()
        self._look_at_boxes()

    def _look_at_words(self) -> None:
        self._title = set(_words(self._around.headline))
        self._authors = {word for name in self._around.authors for word in _words(name)}
        self._description = letters_of(self._around.description.rstrip(" .…[]"))
        self._stated = letters_of(self._around.stated_body)
        self._words = {order: _words(self._passages[order].text) for order, chosen in enumerate(self._chosen) if chosen}
        said = Counter(chain.from_iterable(self._words.values()))
        self._said = said
        self._common = {word for word, _ in said.most_common(_COMMON)}

    def _look_at_run(self) -> None:
        self._run = [order for order, chosen in enumerate(self._chosen) if chosen]
        lengths = sorted(self._letters[order] for order in self._run)
        self._median = lengths[len(lengths) // 2] if lengths else 0
        self._chosen_letters = sum(lengths)
        self._previous: list[int] = []
        last = -_FAR
        for order, chosen in enumerate(self._chosen):
            self._previous.append(last)
            last = order if chosen else last
        self._next = [0] * self._count
        following = self._count + _FAR
        for order in reversed(range(self._count)):
            self._next[order] = following
            following = order if self._chosen[order] else following
        self._before: list[int] = []
        letters = 0
        for each in self._letters:
            self._before.append(letters)
            letters += each
        self._all_letters = letters or 1
        self._heading = next((order for order, place in enumerate(self._places) if place.within & _H1), None)

    def _look_at_kin(self) -> None:
        self._kin: dict[object, _Kin] = {}
        for order, place in enumerate(self._places):
            facts = (
                order, self._letters[order], self._passages[order].link_share, self._chosen[order],
                place.shape[0] == "p",
            )  # fmt: skip
            for key in _kin_of(place):
                kin = self._kin.get(key)
                if kin is None:
                    kin = self._kin[key] = _Kin()
                kin.add(*facts)

    def _look_at_main(self) -> None:
        """Find the element that holds most of what was chosen, and what its paragraphs are like."""
        parents: Counter[Place] = Counter()
        shapes: Counter[object] = Counter()
        tags: Counter[str] = Counter()
        for order in self._run:
            place, letters = self._places[order], self._letters[order]
            tags[place.shape[0]] += letters
            if place.parent is not None:
                parents[place.parent] += letters
                shapes[place.parent.shape, place.shape] += letters
        self._main = max(parents, key=parents.__getitem__) if parents else None
        self._main_share = parents[self._main] / (self._chosen_letters or 1) if self._main else 0.0
        self._main_tag = max(tags, key=tags.__getitem__) if tags else ""
        self._main_shapes = max(shapes, key=shapes.__getitem__) if shapes else None
        self._levels: dict[Place, int] = {}
        above = self._main
        while above is not None:
            self._levels[above] = len(self._levels)
            above = above.parent

    def _look_at_boxes(self) -> None:
        """The element around each passage that stands in one element with the main text; entries of lists."""
        self._boxes: list[Place] = []
        self._in_boxes: dict[Place, _Kin] = {}
        self._controls: dict[Place, tuple[int, int]] = {}
        self._lists: dict[Place, _Kin] = {}
        self._articles: dict[Place, int] = {}
        for order, place in enumerate(self._places):
            box = place
            while box.parent is not None and box.parent not in self._levels:
                box = box.parent
            self._boxes.append(box)
            facts = (order, self._letters[order], self._passages[order].link_share, self._chosen[order], False)
            self._in_boxes.setdefault(box, _Kin()).add(*facts)
            if place.within & _LI and (entries := _list_of(place)) is not None:
                self._lists.setdefault(entries, _Kin()).add(*facts)
            if place.within & _ARTICLE:
                self._articles.setdefault(_outermost_article(place), len(self._articles))

    def row(self, order: int) -> Row:
        """The numbers and sets of a passage."""
        place = self._places[order]
        return [
            *self._of_text(order),
            *self._of_page(order),
            *self._of_order(order),
            *self._of_choice(order, place),
            *self._of_kin(order, place),
            *self._of_box(order, place),
            *self._sets(order, place),
        ]

    def _of_text(self, order: int) -> Row:
        passage, letters = self._passages[order], self._letters[order]
        text = passage.text
        begins = text[:_BEGINS]
        words = text.count(" ") + 1
        calls = len(_CALL.findall(begins))
        return [
            len(text),
            letters,
            words,
            passage.link_share,
            sum(map(text.count, _STOPS)),
            bool(_ENDS_SENTENCE.search(text)),
            bool(_ENDS.search(text)),
            text[0].isupper(),
            sum(map(str.isupper, begins)) / len(begins),
            len(_ODD.findall(begins)),
            calls,
            calls / words,
            letters / words,
            "@" in text or "http" in text,
            sum(map(str.isdigit, begins)) / len(begins),
            _is_bold(passage.element, text),
            text[0] in "([" and text[-1] in ")]",
            bool(_LABEL.match(text)),
            text.partition(" ")[0].endswith(":"),
        ]

    def _of_page(self, order: int) -> Row:
        passage, letters = self._passages[order], self._letters[order]
        words = self._words.get(order) or _words(passage.text)
        unlike = set(words)
        topics = [word for word in unlike if len(word) >= _LEAST_TOPIC]
        own = self._chosen[order]
        said, title = self._said, self._title
        count = len(words) or 1
        return [
            len(unlike & title) / len(unlike | title) if unlike and title else 0.0,
            _likeness(passage.letters, self._description),
            len(self._description) > 20 and passage.letters.startswith(self._description[:60]),
            self._copies[self._folded[order]],
            (letters >= _LEAST_STATED and passage.letters in self._stated) if self._stated else -1,
            sum(word in self._authors for word in words) / count if self._authors else 0.0,
            len(self._authors),
            sum(word in self._common for word in words) / count,
            sum(said[word] > own or word in title for word in topics) / (len(topics) or 1),
        ]

    def _of_order(self, order: int) -> Row:
        heading = self._heading
        return [
            self._count,
            order / self._count,
            self._before[order] / self._all_letters,
            order - heading if heading is not None else -500,
            self._at(self._letters, order - 1),
            self._at(self._letters, order + 1),
            self._at(self._letters, order - 2),
            self._at(self._letters, order + 2),
            self._passages[order - 1].link_share if order else -1,
            self._passages[order + 1].link_share if order + 1 < self._count else -1,
            _HEADINGS.get(self._places[order].shape[0], 0),
            order + 1 < self._count and self._places[order + 1].shape[0] in _HEADINGS,
        ]

    def _of_choice(self, order: int, place: Place) -> Row:
        run = self._run
        first, last = (run[0], run[-1]) if run else (order, order)
        previous, following = self._previous[order], self._next[order]
        beside = self._kin["parent", place.parent].orders
        parent = place.parent
        flow = self._around.flow
        return [
            self._chosen[order],
            self._shares[order],
            len(run),
            self._chosen_letters,
            self._at(self._chosen, order - 1),
            self._at(self._chosen, order + 1),
            self._at(self._chosen, order - 2),
            self._at(self._chosen, order + 2),
            first <= order <= last and bool(run),
            order - first,
            last - order,
            min(order - previous, _FAR),
            min(following - order, _FAR),
            (order - first) / max(1, last - first),
            self._median,
            self._letters[order] / (self._median or 1),
            bool(run) and previous < last and any(self._chosen[each] for each in beside if each > order),
            bool(run) and any(self._chosen[each] for each in beside if each < order),
            following < self._count and self._places[following].parent is parent,
            previous >= 0 and self._places[previous].parent is parent,
            -1 if flow is None else order in flow,
        ]

    def _of_kin(self, order: int, place: Place) -> Row:
        parent, grandparent, shape, shapes = (self._kin[key] for key in _kin_of(place))
        levels = self._levels_to_main(place)
        main = self._main
        orders = parent.orders
        return [
            parent.chosen_share,
            parent.passages,
            parent.letters,
            parent.linked_share,
            parent.paragraphs / parent.passages,
            grandparent.chosen_share,
            grandparent.letters,
            grandparent.linked_share,
            shape.chosen_share,
            shape.passages,
            shape.letters / shape.passages,
            shape.linked_share,
            shapes.chosen_share,
            shapes.passages,
            place.parent is main,
            place.shape[0] == self._main_tag,
            place.parent is not None and (place.parent.shape, place.shape) == self._main_shapes,
            self._main_share,
            levels,
            levels == 0,
            place.depth - (main.depth + 1 if main is not None else 0),
            place.depth,
            orders.index(order) if orders[0] != order else 0,
            orders[0] == order,
            orders[-1] == order,
            order > 0 and self._places[order - 1].shape == place.shape,
            order + 1 < self._count and self._places[order + 1].shape == place.shape,
            len(self._articles),
            self._articles[_outermost_article(place)] if place.within & _ARTICLE else -1,
        ]

    def _of_box(self, order: int, place: Place) -> Row:
        box = self._boxes[order]
        kin = self._in_boxes[box]
        if box not in self._controls:
            controls = sum(1 for _ in box.element.iter(*_CONTROLS))
            self._controls[box] = controls, sum(1 for _ in box.element.iter("img"))
        row = [kin.passages, kin.letters, kin.linked_share, kin.chosen_share, *self._controls[box]]
        entries = _list_of(place) if place.within & _LI else None
        if entries is None:
            return [*row, 0, 0, 0]
        kin = self._lists[entries]
        announced = kin.orders[0] > 0 and self._passages[kin.orders[0] - 1].text.endswith(":")
        return [*row, kin.passages, kin.linked_share, announced]

    def _sets(self, order: int, place: Place) -> Row:
        parent = place.parent
        grandparent = parent.parent if parent is not None else None
        box = self._boxes[order]
        beside = 0
        around: Place | None = place if place not in self._levels else None
        while around is not None and around not in self._levels:
            beside |= around.own
            around = around.parent
        return [
            place.own,
            parent.own if parent is not None else 0,
            grandparent.own if grandparent is not None else 0,
            place.above,
            beside,
            place.tag,
            parent.tag if parent is not None else 0,
            box.tag,
            place.within,
        ]

    def _levels_to_main(self, place: Place) -> int:
        """How many levels above the main text's element the nearest stands that holds the passage too."""
        above: Place | None = place
        while above is not None and above not in self._levels:
            above = above.parent
        return self._levels[above] if above is not None else _FAR

    def _at(self, values: Sequence[float], order: int) -> float:
        return values[order] if 0 <= order < self._count else -1


def _kin_of(place: Place) -> tuple[object, object, object, object]:
    """By what a passage is related to others: its element's parent, the parent's, its shape, its and the parent's."""
    parent = place.parent
    grandparent = parent.parent if parent is not None else None
    shapes = (place.shape, parent.shape if parent is not None else None)
    return ("parent", parent), ("grandparent", grandparent), place.shape, shapes


def _list_of(place: Place) -> Place | None:
    above: Place | None = place
    while above is not None and above.shape[0] not in ("ul", "ol"):
        above = above.parent
    return above


def _outermost_article(place: Place) -> Place:
    found, above = place, place.parent
    while above is not None and above.within & _ARTICLE:
        found, above = above, above.parent
    return found


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _likeness(letters: str, described: str) -> float:
    """How much a passage is what the page's metadata say of it: all of it, a part, or more."""
    if not described or not letters:
        return 0.0
    if letters == described:
        return 1.0
    if len(letters) > 15 and letters in described:
        return 0.8
    return 0.7 if len(described) > 15 and described in letters else 0.0


def _is_bold(element: HtmlElement, text: str) -> bool:
    inner = [child for child in element if isinstance(child.tag, str)]
    return len(inner) == 1 and inner[0].tag in _BOLD and len("".join(inner[0].itertext())) >= 0.9 * len(text)
