"""From passages to the typed blocks of a body."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date

from lxml.html import HtmlElement

from scraper.extraction.authors import begins_with_by, split_names
from scraper.extraction.conventions import classes_of
from scraper.extraction.datelines import is_dateline
from scraper.extraction.passages import Passage, ends_sentence, letters_of, plain
from scraper.extraction.tables import Tables
from storage.content import Block, BlockKind

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset(("ul", "ol", "menu"))
_CELLS = frozenset(("td", "th"))
_CAPTIONS = frozenset(("wp-caption-text", "wp-element-caption", "gallery-caption", "blocks-gallery-caption"))
"""Classes that WordPress writes at captions: img_caption_shortcode(), gallery_shortcode() and its block library."""
_LABELS = (
    r"read (?:more|also|next)|(?:see|watch) (?:also|more)|also (?:read|see)|related(?: articles?| stor(?:y|ies)"
    r"| news| content)?"
    r"|more on this(?: story)?|(?:à |a )?lire (?:aussi|également|la suite)|sur le même sujet|lesen sie (?:auch|mehr)"
    r"|mehr zum thema|leia (?:também|mais)|lea también|leer más|te puede interesar|leggi anche|lees (?:ook|meer)"
    r"|läs (?:också|mer)|читайте также|читайте ещё|اقرأ (?:أيضا|أيضًا|المزيد)|بیشتر بخوانید|مطالب مرتبط"
)
READ_MORE = re.compile(rf"\W{{0,2}}(?:{_LABELS})\s*[:：]?", re.I)
"""Labels, whole, that stand before links to other articles."""
_LABELLED_LINK = re.compile(rf"\W{{0,2}}(?:{_LABELS})\s*[:：]", re.I)
_ADVERT = re.compile(
    r"\W*(?:advertisements?|sponsored content|anzeige|werbung|publicit[éà]|publicidade?|pubblicità|advertentie|reklama?"
    r"|annons|annonse|annonce|iklan|реклама|إعلان|تبلیغات|विज्ञापन|广告|廣告|広告|광고)\W*",
    re.I,
)
"""What stands alone over an advertisement, in the languages of news pages."""
_LINKED_ENOUGH = 0.7
_LINKS_ALONE = 0.95
_HEADLINE_WITHIN = 3
_BYLINE_WITHIN = 3
_DATE_WITHIN = 5
_LONGEST_BYLINE = 90
_LONGEST_AND = 3
"""Letters of the word that parts two names: 'and', 'und', 'et'."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the body on its way to a block: its text and the passage that it stands in, or a kind given."""

    text: str
    passage: Passage | None = None
    kind: BlockKind | None = None


def build_blocks(pieces: Iterable[Piece], roots: Set[HtmlElement] = frozenset()) -> tuple[Block, ...]:
    """Typed blocks in reading order; items of one list are gathered, items of nested lists with them.

    `roots` bound the search for what a passage stands in: what a body is taken from, and what lies above that, says
    nothing of its blocks. So a lead that is printed as a heading is a paragraph where it is a root itself.
    """
    blocks: list[Block] = []
    items: list[str] = []
    tables = Tables()
    holder: HtmlElement | None = None
    item: HtmlElement | None = None
    for piece in pieces:
        kind, level, owner, entry = _form_of(piece, roots, tables)
        if kind == "list":
            if owner is not holder and items:
                blocks.append(Block("list", items=tuple(items)))
                items = []
            if items and entry is not None and entry is item:
                items[-1] = f"{items[-1]} {piece.text}"
            else:
                items.append(piece.text)
            holder, item = owner, entry
            continue
        if items:
            blocks.append(Block("list", items=tuple(items)))
            items, holder, item = [], None, None
        if kind == "table" and owner is not None:
            if rows := tables.take(owner):
                blocks.append(Block("table", items=rows))
            continue
        blocks.append(Block(kind, piece.text, level))
    if items:
        blocks.append(Block("list", items=tuple(items)))
    return tuple(blocks)


def without_read_more(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces without 'Read more:' blocks: a label that ends in a colon and the links alone that follow it, or a
    line that is the label and its link. Without a colon it may be the label of a button, or a heading."""
    kept: list[Piece] = []
    at = 0
    while at < len(pieces):
        line = plain(pieces[at].text)
        if READ_MORE.fullmatch(line) and line.endswith((":", "：")):
            at += 1
            while at < len(pieces) and _linked(pieces[at], _LINKS_ALONE):
                at += 1
            continue
        if not (_LABELLED_LINK.match(line) and _linked(pieces[at], _LINKED_ENOUGH)):
            kept.append(pieces[at])
        at += 1
    return kept


def without_adverts(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces without the labels that stand over advertisements between paragraphs."""
    return [each for each in pieces if _is_heading(each) or not _ADVERT.fullmatch(plain(each.text))]


def _is_heading(piece: Piece) -> bool:
    return piece.passage is not None and piece.passage.element.tag in _HEADINGS


def without_headline(pieces: Sequence[Piece], headlines: Iterable[str]) -> list[Piece]:
    """The pieces without the page's headline, where it stands among the first of them once more."""
    said = {letters_of(headline).casefold() for headline in headlines} - {""}
    return [
        piece
        for at, piece in enumerate(pieces)
        if at >= _HEADLINE_WITHIN or not (letters_of(piece.text).casefold() in said or _is_title(piece, said))
    ]


def with_bylines(pieces: Sequence[Piece], authors: Iterable[str]) -> list[Piece]:
    """The pieces, of whose first those that only name the article's authors are bylines."""
    known = {name.casefold() for name in authors}
    return [
        replace(piece, kind="byline") if at < _BYLINE_WITHIN and _only_names(piece.text, known) else piece
        for at, piece in enumerate(pieces)
    ]


def with_datelines(pieces: Sequence[Piece], days: Collection[date]) -> list[Piece]:
    """The pieces, of whose first those that only print the `days` of publication and update are bylines."""
    return [
        replace(piece, kind="byline") if at < _DATE_WITHIN and _only_dates(piece, days) else piece
        for at, piece in enumerate(pieces)
    ]


def _only_dates(piece: Piece, days: Collection[date]) -> bool:
    return not _is_heading(piece) and is_dateline(piece.text, days)


def _only_names(line: str, known: Set[str]) -> bool:
    if len(line) > _LONGEST_BYLINE or ends_sentence(line):
        return False
    names = {name.casefold() for name in split_names(line)}
    if not names or not names <= known:
        return False
    beside = len(letters_of(line)) - sum(len(letters_of(name)) for name in names)
    return begins_with_by(line) or beside <= _LONGEST_AND * (len(names) - 1)


def _is_title(piece: Piece, said: Iterable[str]) -> bool:
    """Whether a piece is a line of the page's headline, in its h1."""
    letters = letters_of(piece.text).casefold()
    element = piece.passage.element if piece.passage and any(letters in headline for headline in said) else None
    return element is not None and any(each.tag == "h1" for each in (element, *element.iterancestors()))


def _linked(piece: Piece, share: float) -> bool:
    return piece.passage is not None and piece.passage.link_share >= share


def _form_of(
    piece: Piece, roots: Set[HtmlElement], tables: Tables
) -> tuple[BlockKind, int | None, HtmlElement | None, HtmlElement | None]:
    """The kind of block of a piece; a heading's level; a list's outermost element and the entry within it, or
    the table."""
    if piece.kind is not None or piece.passage is None:
        return piece.kind or "paragraph", None, None, None
    outer: HtmlElement | None = None
    entry: HtmlElement | None = None
    inner_entry: HtmlElement | None = None
    quoted = False
    element: HtmlElement | None = piece.passage.element
    while element is not None and element not in roots:
        tag = element.tag
        if tag in _HEADINGS and next(element.iterancestors("figcaption"), None) is None:
            return "heading", _HEADINGS[tag], None, None
        if tag in ("figcaption", "caption") or _CAPTIONS & classes_of(element):
            return "caption", None, None, None
        if tag in _CELLS:
            table = next(element.iterancestors("table"), None)
            if table is not None and tables.holds_data(table):
                return "table", None, table, None
            break
        if tag == "li" and entry is None:
            inner_entry = inner_entry if inner_entry is not None else element
        elif tag in _LISTS and inner_entry is not None:
            outer, entry = element, inner_entry
        elif tag == "blockquote":
            quoted = True
        element = element.getparent()
    if quoted:
        return "quote", None, None, None
    if outer is not None:
        return "list", None, outer, inner_entry
    return "paragraph", None, None, None
