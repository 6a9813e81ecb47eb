"""The text of a page as passages: runs of text between the edges that a reader sees."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, field

from lxml import etree
from lxml.html import HtmlElement

INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "ins",
        "kbd",
        "label",
        "mark",
        "nobr",
        "q",
        "rb",
        "rp",
        "rt",
        "rtc",
        "ruby",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)
"""Elements whose edges divide no words."""

SPACED = frozenset(["img", "picture", "meter", "progress", "math"])
"""Elements that stand within a line, with a space to both sides."""

SILENT = frozenset(
    [
        "script",
        "style",
        "head",
        "template",
        "noframes",
        "noscript",
        "select",
        "datalist",
        "textarea",
        "title",
        "meta",
        "link",
        "base",
        "param",
        "svg",
        "button",
        "input",
        "iframe",
        "video",
        "audio",
        "object",
        "embed",
        "canvas",
        "map",
        "applet",
    ]
)
"""Elements without text for a reader: code, controls, pictures, and what stands in for them."""

_UNSEEN_CLASS = re.compile(
    r"(?:^|[\s_-])(?:visually-?hidden|sr-only|screen-?reader(?:-text)?|a11y-hidden)(?:$|[\s_-])", re.I
)
_UNSEEN_STYLE = re.compile(r"display\s*:\s*none|clip\s*:\s*rect|clip-path\s*:\s*inset", re.I)
_UNWORDED = frozenset(["script", "style", "template", "noscript", "svg", "input", "iframe"])

_BETWEEN = "\x1f"
_AROUND = {"spaced": " ", "apart": _BETWEEN}
"""What an element within a line has to both sides: a space, or one only where letters would touch."""
_APART = re.compile(rf"(?<=\w){_BETWEEN}+(?=\w)")
_SPACES = re.compile(r"[\t\n\r\f\v][ \t\n\r\f\v]*| [ \t\n\r\f\v]+")
"""White space but for a single space, which stays as it is."""
_UNSEEN_ENDS = " \u00a0\u202f\u200b\u2060\ufeff"
LETTER = re.compile(r"[^\W_]")
"""What letters_of() keeps: letters and digits (soft hyphens and zero-width signs are neither)."""

_SIGNS = re.compile(r"[\W_]+")
_SENTENCE_END = re.compile(r"[.!?؟。…][\"”»’')\]]*$")
_ENDING = 40
_ASCII_SIGNS = {point: None for point in range(128) if not chr(point).isalnum()}


@dataclass(slots=True, eq=False)
class Passage:
    """A run of text within one block. `element` is the block that holds it, `linked` its characters within links."""

    text: str
    element: HtmlElement
    linked: int = 0
    order: int = 0
    _letters: str | None = field(default=None, repr=False)

    @property
    def letters(self) -> str:
        """Letters and digits of the text, as letters_of() gives them."""
        if self._letters is None:
            self._letters = letters_of(self.text)
        return self._letters

    @property
    def link_share(self) -> float:
        return self.linked / len(self.text) if self.text else 0.0


def tidy(text: str) -> str:
    """Text as printed: white space as a browser shows it, no-break spaces kept within, nothing unseen at its ends."""
    return _SPACES.sub(" ", text).strip(_UNSEEN_ENDS).strip()


def plain(text: str) -> str:
    """Text on one line with plain spaces alone, for comparing and for names."""
    return " ".join(text.split()).strip(_UNSEEN_ENDS)


def letters_of(text: str) -> str:
    """Letters and digits alone: what stays the same however spaces, signs and markup fall."""
    return text.translate(_ASCII_SIGNS) if text.isascii() else _SIGNS.sub("", text)


def ends_sentence(text: str) -> bool:
    """Whether a text ends as a sentence does, in quotation marks or brackets too."""
    return _SENTENCE_END.search(text[-_ENDING:]) is not None


def read_passages(root: HtmlElement, *, without: Container[etree._Element] = ()) -> list[Passage]:
    """The passages below `root` in reading order, leaving out the elements in `without` with all they hold."""
    reader = _Reader(root)
    reader.read(without)
    return reader.passages


def text_of(element: HtmlElement, *, without: Container[etree._Element] = ()) -> str:
    """All text of an element on one line, words divided where a reader sees them divided."""
    return " ".join(passage.text for passage in read_passages(element, without=without))


class _Reader:
    def __init__(self, root: HtmlElement) -> None:
        self.passages: list[Passage] = []
        self._root = root
        self._parts: list[str] = []
        self._blocks: list[HtmlElement] = [root]
        self._linked = 0
        self._links = 0
        self._edges: dict[etree._Element, str] = {}
        self._in_lines: dict[etree._Element, bool] = {}

    def read(self, without: Container[etree._Element]) -> None:
        walk = etree.iterwalk(self._root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag
            if not isinstance(tag, str):
                if event == "end" and element is not self._root:
                    self._take(element.tail)
            elif event == "end":
                self._close(element, tag)
                if element is not self._root:
                    self._take(element.tail)
            elif element is not self._root and (
                (tag in SILENT and not _is_word(element, tag)) or element in without or _unseen(element, tag)
            ):
                self._pass_by(element, tag)
                walk.skip_subtree()
            else:
                self._open(element, tag)
        self._cut()

    def _pass_by(self, element: HtmlElement, tag: str) -> None:
        self._edges[element] = "silent"
        if tag in SILENT:
            if tag not in _UNWORDED:
                self._parts.append(" ")
        elif self._edge_of(element, tag) == "block":
            self._cut()

    def _open(self, element: HtmlElement, tag: str) -> None:
        kind = "block" if element is self._root else "inline" if tag in INLINE else self._edge_of(element, tag)
        self._edges[element] = kind
        if kind == "inline":
            if tag == "a":
                self._links += 1
        elif kind == "block":
            self._cut()
            self._blocks.append(element)
        elif kind == "break":
            self._cut()
        else:
            self._parts.append(_AROUND[kind])
        self._take(element.text)

    def _close(self, element: HtmlElement, tag: str) -> None:
        kind = self._edges.pop(element, "inline")
        if kind == "inline":
            if tag == "a":
                self._links -= 1
        elif kind == "block":
            self._cut()
            self._blocks.pop()
        elif kind in _AROUND:
            self._parts.append(_AROUND[kind])

    def _edge_of(self, element: HtmlElement, tag: str) -> str:
        """How an element's edges divide text: 'inline', 'spaced', 'apart', 'break' or 'block'.

        A link or span around blocks takes part in no line; an element that HTML does not know stands within a line
        where text stands beside it, its words apart from that, and is a block where it stands among its like.
        """
        if tag in INLINE or tag == "button":
            return "inline"
        if tag in SPACED:
            return "spaced"
        if tag in ("br", "hr"):
            return "break"
        if "-" in tag and self._is_in_line(element):
            return "apart"
        return "block"

    def _is_in_line(self, element: HtmlElement) -> bool:
        """Whether text stands beside an element; asked once for all elements of one parent."""
        parent = element.getparent()
        if parent is None:
            return False
        if parent not in self._in_lines:
            self._in_lines[parent] = bool((parent.text or "").strip()) or any(
                (child.tail or "").strip() for child in parent
            )
        return self._in_lines[parent]

    def _take(self, text: str | None) -> None:
        if text:
            self._parts.append(text)
            if self._links:
                self._linked += len(_SPACES.sub(" ", text).strip())

    def _cut(self) -> None:
        if not self._parts:
            return
        block = self._blocks[-1]
        printed = "".join(self._parts)
        if _BETWEEN in printed:
            printed = _APART.sub(" ", printed).replace(_BETWEEN, "")
        text = _tidy_lines(printed) if block.tag == "pre" else tidy(printed)
        if text:
            linked = min(self._linked, len(text))
            self.passages.append(Passage(text, block, linked, len(self.passages)))
        self._parts.clear()
        self._linked = 0


def _tidy_lines(text: str) -> str:
    """Preformatted text: its lines and indents are its form."""
    return "\n".join(line.rstrip() for line in text.expandtabs(4).split("\n")).strip("\n")


def _is_word(element: HtmlElement, tag: str) -> bool:
    """Whether a button is a word of a sentence that explains itself when it is pressed, and no control beside it."""
    if tag != "button" or not (element.tail or "").strip():
        return False
    parent, before = element.getparent(), element.getprevious()
    if parent is None or parent.tag != "p":
        return False
    text = ((before.tail if before is not None else parent.text) or "").strip()
    return bool(text) and not ends_sentence(text)


def _unseen(element: HtmlElement, tag: str) -> bool:
    """Whether a piece of a line is for screen readers or hidden. Hidden blocks stay: scripts show them."""
    if tag not in INLINE or not element.attrib:
        return False
    return (
        element.get("hidden") is not None
        or bool(_UNSEEN_CLASS.search(element.get("class") or ""))
        or bool(_UNSEEN_STYLE.search(element.get("style") or ""))
    )
