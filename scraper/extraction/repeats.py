"""What repeats on an outlet's pages: how its blocks are known again, and which of them leave a body."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Literal

from lxml.html import HtmlElement

from scraper.extraction.blocks import Piece
from scraper.extraction.calendars import day_of, month_of
from scraper.extraction.learnt import Learnt, Repeat, is_sentence
from scraper.extraction.passages import Passage, letters_of, plain

Standing = Literal["among", "after", "apart"]
"""Where a block stands: among the body's own paragraphs, or a sentence before them, behind the last of them, or in no
line with them, as does a label before the first."""

MOST_BLOCKS = 500
"""So many blocks of a page are counted: no article's page has more that repeat."""
_MOST_TOLD, _TOLD = 12, 100
"""Blocks that left a body of which is told, and characters of each."""
_LEAST_SEEN, _SHARE_SEEN = 3, 0.03
"""Articles, and share of them, from which on a block is looked upon as repeated while it is counted."""
SAMPLE = 200
"""Characters of a block's text that are kept to be shown."""

_LINK, _ADDRESS, _NUMBER = "§", "@", "0"
_MARKS = frozenset((_LINK, _ADDRESS, _NUMBER))
_LINKS_ALONE = 0.95
_MOST_READ = 1_000
"""Characters of a block that are read to know it again."""
_MOST_ELEMENTS, _MOST_TEXTS = 200, 8
"""Elements that are looked through for a block's links, and texts of one link that are read."""
_OWN_SHARE = 0.15
"""Share of the body's own letters from which on an element is one that holds the body."""
_STRUCTURE = frozenset(
    (
        "li",
        "ul",
        "ol",
        "menu",
        "dl",
        "dt",
        "dd",
        "blockquote",
        "table",
        "tbody",
        "tr",
        "td",
        "th",
        "figure",
        "figcaption",
    )
)
_CAPTIONED = frozenset(("figure", "figcaption"))
_HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
_HOST = re.compile(r"(?:https?://.*|(?:[\w-]+\.)+[a-z]{2,24}(?:[:/].*)?)", re.I)
_AROUND = ".,;:!?()[]<>\"'"
_DIGITS = re.compile(r"\d+")
_HALVES = frozenset(("am", "pm"))


@dataclass(frozen=True, slots=True)
class Shown:
    """A block as a page shows it: by what it is known again, how its text begins, and where it stands.

    `letters` are 0 where it holds nothing but dates, numbers, addresses and links. `chosen` says that it is taken for
    the body's, and is no caption; `holder` numbers the element that holds it; `style` is its element's tag and class,
    '' for a heading, a list, a quotation or a table, which go with any paragraphs.
    """

    block: int
    sample: str
    letters: int
    chosen: bool
    holder: int
    style: str


def show(passages: Sequence[Passage], body: Sequence[Piece]) -> tuple[Shown, ...]:
    """All blocks of a page in reading order, the body's among them."""
    chosen = {(piece.passage.element, piece.passage.text) for piece in body if piece.passage is not None}
    holders: dict[HtmlElement | None, int] = {}
    shown: list[Shown] = []
    for passage in passages:
        is_chosen = (passage.element, passage.text) in chosen
        if is_chosen or len(shown) < MOST_BLOCKS:
            shown.append(_shown(Piece(passage.text, passage), passage, holders, chosen=is_chosen))
    return tuple(shown[: 2 * MOST_BLOCKS])


def without_repeats(pieces: Sequence[Piece], learnt: Learnt | None) -> tuple[list[Piece], list[tuple[str, Repeat]]]:
    """The pieces of a body without what repeats on the outlet's pages, and what left it. A body that would be left
    without a word stays as it is."""
    if learnt is None or not learnt.blocks:
        return list(pieces), []
    shown = _shown_of(pieces)
    gone: dict[int, Repeat] = {}
    for (at, each), standing in zip(shown.items(), standings([*shown.values()], learnt.blocks), strict=True):
        repeat = learnt.blocks.get(each.block)
        if each.chosen and repeat is not None and standing in repeat.leaves and (each.style or standing != "among"):
            gone[at] = repeat
    if not any(at not in gone and (at not in shown or shown[at].chosen) for at in range(len(pieces))):
        return list(pieces), []
    kept = [piece for at, piece in enumerate(pieces) if at not in gone]
    return kept, [(plain(pieces[at].text), repeat) for at, repeat in gone.items()]


def repeats_wholly(pieces: Sequence[Piece], learnt: Learnt | None) -> bool:
    """Whether a body holds nothing but what repeats on the outlet's pages."""
    if learnt is None or not pieces:
        return False
    shown = _shown_of(pieces)
    return len(shown) == len(pieces) and all(
        each.block in learnt.blocks for each in shown.values() if each.chosen and each.letters
    )


def _shown_of(pieces: Sequence[Piece]) -> dict[int, Shown]:
    holders: dict[HtmlElement | None, int] = {}
    return {
        at: _shown(piece, piece.passage, holders, chosen=piece.kind is None)
        for at, piece in enumerate(pieces)
        if piece.passage is not None
    }


def standings(shown: Sequence[Shown], repeated: Container[int]) -> list[Standing]:
    """Where each block of a page stands, seen from the body's own paragraphs: those that do not repeat, else the first
    that it has."""
    chosen = [at for at, each in enumerate(shown) if each.chosen]
    own = [at for at in chosen if shown[at].letters and shown[at].block not in repeated] or chosen[:1]
    letters: dict[int, int] = {}
    for at in own:
        letters[shown[at].holder] = letters.get(shown[at].holder, 0) + shown[at].letters
    total = sum(letters.values())
    holders = {holder for holder, held in letters.items() if held >= _OWN_SHARE * total}
    lines = {(shown[at].holder, shown[at].style) for at in own if shown[at].holder in holders}
    within = [at for at in own if shown[at].holder in holders]
    first, last = (within[0], within[-1]) if within else (0, -1)

    def standing(at: int, each: Shown) -> Standing:
        if each.holder not in holders or (each.style and (each.holder, each.style) not in lines):
            return "apart"
        if at < first and not is_sentence(each.sample):
            return "apart"
        return "among" if at <= last else "after"

    return [standing(at, each) for at, each in enumerate(shown)]


def _shown(piece: Piece, passage: Passage, holders: dict[HtmlElement | None, int], *, chosen: bool) -> Shown:
    block: HtmlElement = passage.element
    above = block.getparent()
    if above is not None and above.tag in _STRUCTURE:
        block = above
    is_structure = block.tag in _STRUCTURE
    chosen = chosen and passage.element.tag not in _CAPTIONED
    while block.tag in _STRUCTURE and (above := block.getparent()) is not None:
        chosen = chosen and block.tag not in _CAPTIONED
        block = above
    holder = block if is_structure else block.getparent()
    style = "" if is_structure or block.tag in _HEADINGS else _style_of(block)
    text = plain(piece.text)
    number = holders.setdefault(holder, len(holders))
    words = _masked(text, passage)
    letters = len(passage.letters) if _says_anything(words) else 0
    return Shown(_block_of(words, passage.element), text[:SAMPLE], letters, chosen, number, style)


def _block_of(words: Sequence[str], element: HtmlElement) -> int:
    """What a block is known again by, above 0: a hash of its words, in which dates, numbers, addresses and links may
    vary. What has no other words is known by its place."""
    if not _says_anything(words):
        around = [element, *(element.iterancestors() if _LINK in words else ())][:3]
        words = [*words, *(_DIGITS.sub("0", _style_of(each)) for each in around)]
    # 63 bits, as the database's whole numbers hold.
    return int.from_bytes(blake2b(" ".join(words).encode("utf-8", "replace"), digest_size=8).digest()) >> 1 or 1


def _says_anything(words: Sequence[str]) -> bool:
    return any(word not in _MARKS for word in words)


def _masked(text: str, passage: Passage) -> list[str]:
    line = text[:_MOST_READ]
    if passage.linked and not all(_is_address(word) for word in line.split()):
        if passage.link_share >= _LINKS_ALONE:
            return [_LINK]
        for linked in _linked_in(passage.element):
            line = line.replace(linked, f" {_LINK} ", 1)
    words: list[str] = []
    for word in line.split():
        mask = _mask(word)
        if mask and not (mask in _MARKS and words and words[-1] == mask):
            words.append(mask)
    return words


def _linked_in(element: HtmlElement) -> Iterator[str]:
    for each in islice(element.iter(), _MOST_ELEMENTS):
        if each.tag == "a":
            linked = plain("".join(text[:_MOST_READ] for text in islice(each.itertext(), _MOST_TEXTS)))
            if linked:
                yield linked


def _mask(word: str) -> str:
    if _LINK in word:
        return _LINK
    if _is_address(word):
        return _ADDRESS
    bare = letters_of(word).casefold()
    is_date = bare in _HALVES or (bare and (month_of(bare) or day_of(bare) is not None))
    return _NUMBER if is_date or _DIGITS.search(bare) else bare


def _is_address(word: str) -> bool:
    """Whether a word is the name of a host, a URL or an e-mail address."""
    bare = word.strip(_AROUND)
    return bool(_HOST.fullmatch(bare)) or 0 < bare.find("@") < bare.rfind(".")


def _style_of(element: HtmlElement) -> str:
    classes = str(element.get("class") or "").split()[:4]
    return ".".join([str(element.tag), *classes])


@dataclass(frozen=True, slots=True)
class Sighting:
    """On how many articles a block was seen, on how many of them in the body: `among` its own paragraphs, or `after`
    them."""

    n: int
    among: int
    after: int
    sample: str


def count_blocks(pages: Sequence[Sequence[Shown]], before: Mapping[int, int], articles: int = 0) -> dict[int, Sighting]:
    """Count the blocks of articles' pages, each once on a page. `before` holds on how many of `articles` blocks were
    seen before: what repeats is none of a body's own paragraphs."""
    seen = Counter(block for page in pages for block in {each.block for each in page})
    least = max(_LEAST_SEEN, _SHARE_SEEN * (articles + len(pages)))
    repeated = {block for block, n in seen.items() if n + before.get(block, 0) >= least}
    among: Counter[int] = Counter()
    after: Counter[int] = Counter()
    samples: dict[int, str] = {}
    for page in pages:
        where = [(each.block, standing) for each, standing in zip(page, standings(page, repeated), strict=True)]
        within = {block for block, standing in where if standing == "among"}
        among.update(within)
        after.update({block for block, standing in where if standing == "after"} - within)
        for each in page:
            samples.setdefault(each.block, each.sample)
    return {block: Sighting(n, among[block], after[block], samples[block]) for block, n in seen.items()}


def repeats_in_words(left: Sequence[tuple[str, Repeat]]) -> str:
    """What left a body because it repeats, and on how many articles it was seen."""
    told = [f"“{_shortened(text)}” on {each.n} of {each.of} articles" for text, each in left[:_MOST_TOLD]]
    more = len(left) - len(told)
    return "; ".join([*told, *([f"{more} more"] if more else [])])


def _shortened(text: str) -> str:
    return text if len(text) <= _TOLD else f"{text[: _TOLD - 1].rstrip()}…"
