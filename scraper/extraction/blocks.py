"""From passages to the typed blocks of a body."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from scraper.extraction.passages import Passage, plain
from storage.content import Block, BlockKind

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset(("ul", "ol", "menu"))
_CELLS = frozenset(("td", "th"))
READ_MORE = re.compile(
    r"(?:read (?:more|also|next)|(?:see|watch) (?:also|more)|related (?:articles?|stories|news|content)|more on this(?: story)?"
    r"|(?:à |a )?lire (?:aussi|également|la suite)|sur le même sujet|lesen sie (?:auch|mehr)|mehr zum thema|leia (?:também|mais)"
    r"|lea también|leer más|te puede interesar|leggi anche|lees (?:ook|meer)|läs (?:också|mer)|читайте также|читайте ещё"
    r"|اقرأ (?:أيضا|أيضًا|المزيد)|بیشتر بخوانید|مطالب مرتبط)\s*[:：]?",
    re.I,
)
"""Labels, whole, that stand before links to other articles."""
_LINKS_ALONE = 0.95


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the body on its way to a block: its text and the passage that it stands in, or a kind given."""

    text: str
    passage: Passage | None = None
    kind: BlockKind | None = None


def build_blocks(pieces: Iterable[Piece], root: HtmlElement | None = None) -> tuple[Block, ...]:
    """Typed blocks in reading order; items of one list are gathered, items of nested lists with them.

    `root` bounds the search for what a passage stands in: what lies above the body says nothing of its blocks.
    """
    blocks: list[Block] = []
    items: list[str] = []
    holder: HtmlElement | None = None
    item: HtmlElement | None = None
    for piece in pieces:
        kind, level, owner, entry = _form_of(piece, root)
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
        blocks.append(Block(kind, piece.text, level))
    if items:
        blocks.append(Block("list", items=tuple(items)))
    return tuple(blocks)


def without_read_more(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces without 'Read more:' blocks: a label, and the links alone that follow it.

    A label that no link follows goes where it ends in a colon: it is a heading of nothing.
    """
    kept: list[Piece] = []
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        if READ_MORE.fullmatch(plain(piece.text)):
            end = at + 1
            while end < len(pieces) and _is_links(pieces[end]):
                end += 1
            if end > at + 1 or piece.text.rstrip().endswith((":", "：")):
                at = end
                continue
        kept.append(piece)
        at += 1
    return kept


def _is_links(piece: Piece) -> bool:
    return piece.passage is not None and piece.passage.link_share >= _LINKS_ALONE


def _form_of(
    piece: Piece, root: HtmlElement | None
) -> tuple[BlockKind, int | None, HtmlElement | None, HtmlElement | None]:
    """The kind of block of a piece; a heading's level; a list's outermost element and the entry within it."""
    if piece.kind is not None or piece.passage is None:
        return piece.kind or "paragraph", None, None, None
    outer: HtmlElement | None = None
    entry: HtmlElement | None = None
    inner_entry: HtmlElement | None = None
    quoted = False
    element: HtmlElement | None = piece.passage.element
    while element is not None and element is not root:
        tag = element.tag
        if tag in _HEADINGS:
            return "heading", _HEADINGS[tag], None, None
        if tag == "figcaption":
            return "caption", None, None, None
        if tag in _CELLS:
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
