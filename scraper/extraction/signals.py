"""What speaks for and against each passage of a page being of its article's text, as numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from lxml.html import HtmlElement

from scraper.extraction.company import CHOSEN, FAR, Around, Company, kin_of, list_of, outermost_article, words_of
from scraper.extraction.forest import Row
from scraper.extraction.marks import MARKS, TAGS, Place, bits_of
from scraper.extraction.passages import Passage, ends_sentence

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

_WORD = re.compile(r"\w+")
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
_ENDING = 40
_CAPITALS = {point: None for point in range(128) if chr(point).isupper()}
_DIGITS = {point: None for point in range(128) if chr(point).isdigit()}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_H1, _LI, _ARTICLE = bits_of(["h1"], TAGS), bits_of(["li"], TAGS), bits_of(["article"], TAGS)
_NEAR = 8
"""Passages before the first and behind the last chosen one that may be of the text though their text is short."""
_LONG = 60
"""Letters from which on a passage may be of the text wherever it stands."""
_LINKED = 0.9
_LEAST_TOPIC = 5
_LEAST_STATED = 8
_CONTROLS = ("input", "button", "select", "textarea")
_BOLD = frozenset(("b", "strong", "em", "i"))


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
    page = _Rows(passages, shares, around)
    return [page.row(order) for order in orders]


class _Rows(Company):
    """The rows of a page's passages."""

    def row(self, order: int) -> Row:
        """The numbers and sets of a passage."""
        place = self.places[order]
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
        passage, letters = self.passages[order], self.letters[order]
        text = passage.text
        begins, ends = text[:_BEGINS], text[-_ENDING:]
        words = text.count(" ") + 1
        calls = len(_CALL.findall(begins))
        return [
            len(text),
            letters,
            words,
            passage.link_share,
            sum(map(text.count, _STOPS)),
            ends_sentence(text),
            bool(_ENDS.search(ends)),
            text[0].isupper(),
            _count(str.isupper, _CAPITALS, begins) / len(begins),
            len(_ODD.findall(begins)),
            calls,
            calls / words,
            letters / words,
            "@" in text or "http" in text,
            _count(str.isdigit, _DIGITS, begins) / len(begins),
            _is_bold(passage.element, text),
            text[0] in "([" and text[-1] in ")]",
            bool(_LABEL.match(text)),
            text.partition(" ")[0].endswith(":"),
        ]

    def _of_page(self, order: int) -> Row:
        passage, letters = self.passages[order], self.letters[order]
        words = self.words.get(order) or words_of(passage.text)
        unlike = set(words)
        topics = [word for word in unlike if len(word) >= _LEAST_TOPIC]
        own = self.chosen[order]
        said, title = self.said, self.title
        count = len(words) or 1
        shared = len(unlike & title)
        return [
            shared / (len(unlike) + len(title) - shared) if unlike and title else 0.0,
            _likeness(passage.letters, self.description),
            len(self.description) > 20 and passage.letters.startswith(self.description[:60]),
            self.copies[self.folded[order]],
            (letters >= _LEAST_STATED and passage.letters in self.stated) if self.stated else -1,
            sum(map(self.authors.__contains__, words)) / count if self.authors else 0.0,
            len(self.authors),
            sum(map(self.common.__contains__, words)) / count,
            sum(said.get(word, 0) > own or word in title for word in topics) / (len(topics) or 1),
        ]

    def _of_order(self, order: int) -> Row:
        heading = self.heading
        return [
            self.count,
            order / self.count,
            self.before[order] / self.all_letters,
            order - heading if heading is not None else -500,
            self._at(self.letters, order - 1),
            self._at(self.letters, order + 1),
            self._at(self.letters, order - 2),
            self._at(self.letters, order + 2),
            self.passages[order - 1].link_share if order else -1,
            self.passages[order + 1].link_share if order + 1 < self.count else -1,
            _HEADINGS.get(self.places[order].shape[0], 0),
            order + 1 < self.count and self.places[order + 1].shape[0] in _HEADINGS,
        ]

    def _of_choice(self, order: int, place: Place) -> Row:
        run = self.run
        first, last = (run[0], run[-1]) if run else (order, order)
        previous, following = self.previous[order], self.next[order]
        beside = self.kin["parent", place.parent]
        parent = place.parent
        flow = self.around.flow
        return [
            self.chosen[order],
            self.shares[order],
            len(run),
            self.chosen_letters,
            self._at(self.chosen, order - 1),
            self._at(self.chosen, order + 1),
            self._at(self.chosen, order - 2),
            self._at(self.chosen, order + 2),
            first <= order <= last and bool(run),
            order - first,
            last - order,
            min(order - previous, FAR),
            min(following - order, FAR),
            (order - first) / max(1, last - first),
            self.median,
            self.letters[order] / (self.median or 1),
            beside.last_chosen > order,
            0 <= beside.first_chosen < order,
            following < self.count and self.places[following].parent is parent,
            previous >= 0 and self.places[previous].parent is parent,
            -1 if flow is None else order in flow,
        ]

    def _of_kin(self, order: int, place: Place) -> Row:
        parent, grandparent, shape, shapes = (self.kin[key] for key in kin_of(place))
        levels = self._levels_to_main(place)
        main = self.main
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
            place.shape[0] == self.main_tag,
            place.parent is not None and (place.parent.shape, place.shape) == self.main_shapes,
            self.main_share,
            levels,
            levels == 0,
            place.depth - (main.depth + 1 if main is not None else 0),
            place.depth,
            self.numbers[order],
            parent.first == order,
            parent.last == order,
            order > 0 and self.places[order - 1].shape == place.shape,
            order + 1 < self.count and self.places[order + 1].shape == place.shape,
            len(self.articles),
            self.articles[outermost_article(place)] if place.within & _ARTICLE else -1,
        ]

    def _of_box(self, order: int, place: Place) -> Row:
        box = self.boxes[order]
        kin = self.in_boxes[box]
        if box not in self.controls:
            controls = sum(1 for _ in box.element.iter(*_CONTROLS))
            self.controls[box] = controls, sum(1 for _ in box.element.iter("img"))
        row = [kin.passages, kin.letters, kin.linked_share, kin.chosen_share, *self.controls[box]]
        entries = list_of(place) if place.within & _LI else None
        if entries is None:
            return [*row, 0, 0, 0]
        kin = self.lists[entries]
        announced = kin.first > 0 and self.passages[kin.first - 1].text.endswith(":")
        return [*row, kin.passages, kin.linked_share, announced]

    def _sets(self, order: int, place: Place) -> Row:
        parent = place.parent
        grandparent = parent.parent if parent is not None else None
        box = self.boxes[order]
        beside = 0
        around: Place | None = place if place not in self.levels else None
        while around is not None and around not in self.levels:
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
        while above is not None and above not in self.levels:
            above = above.parent
        return self.levels[above] if above is not None else FAR

    def _at(self, values: Sequence[float], order: int) -> float:
        return values[order] if 0 <= order < self.count else -1


def _count(is_one: Callable[[str], bool], in_ascii: dict[int, None], text: str) -> int:
    """How many characters are of a kind; of ASCII, which ones are is known beforehand."""
    return len(text) - len(text.translate(in_ascii)) if text.isascii() else sum(map(is_one, text))


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
    inner = list(islice((child for child in element if isinstance(child.tag, str)), 2))
    return len(inner) == 1 and inner[0].tag in _BOLD and len("".join(inner[0].itertext())) >= 0.9 * len(text)
