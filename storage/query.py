"""Read a search query into a tree of what is sought.

words       iran talks            both, in headline, text, captions, tags or authors
phrases     "nuclear talks"       in this order, side by side; «…» and “…” work too
not         -oil  -"oil price"    at the start of a word, not within
or          iran OR iraq          binds less than words side by side; brackets group
prefix      negotiat*             all words that begin so
fields      title: author: section: outlet: domain: from: to:   take one word or phrase each
days        from:2020-11-15 to:2020-12 to:2021    ISO dates, a month or a year; both ends are included

Case, accents, and Arabic and Persian spellings make no difference. A word with an apostrophe or hyphen within is
sought as a phrase of its parts.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from storage.errors import QueryError, QueryUnreadable
from storage.folding import tokens

if TYPE_CHECKING:
    from lark import Lark

MAX_LENGTH = 1000
MAX_TERMS = 64
MAX_DEPTH = 32
FIELDS = ("title", "author", "section", "outlet", "domain", "from", "to")

_GRAMMAR = r"""
    start: any
    any: all (_OR all)*
    all: term+
    term: NOT? (words | field | _OPEN any _CLOSE)
    words: WORD | PHRASE
    field: FIELD (WORD | PHRASE)
         | UNKNOWN
    _OR.3: /OR(?=[\s()]|$)/
    NOT.3: /-+(?=[^\s\-])/
    FIELD.2: /(title|author|section|outlet|domain|from|to):/i
    UNKNOWN.1: /[A-Za-z]{2,20}:(?=[^\s()\/:"])/
    PHRASE: /"[^"]*"/
    WORD: /(?!OR(?:[\s()]|$))[^\s()"\-][^\s()"]*/
    _OPEN: "("
    _CLOSE: ")"
    %ignore /\s+/
    %ignore /-+(?=\s|$)/
"""
_QUOTES = str.maketrans(dict.fromkeys("“”„«»‟", '"'))
_SPECIAL = re.compile(r"""[()":*\-]""")
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


@dataclass(frozen=True, slots=True)
class Words:
    """Folded words side by side in one of the fields; with `prefix` the last one is the beginning of a word."""

    words: tuple[str, ...]
    fields: tuple[str, ...] = ("headline", "authors", "body")
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class InOutlet:
    """Articles of the outlet with this name."""

    name: str


@dataclass(frozen=True, slots=True)
class AtDomain:
    """Articles seen at a host, or at one below it."""

    host: str


@dataclass(frozen=True, slots=True)
class Since:
    """Articles published on that day of the outlet's zone, or later."""

    day: date


@dataclass(frozen=True, slots=True)
class Until:
    """Articles published on that day of the outlet's zone, or earlier."""

    day: date


@dataclass(frozen=True, slots=True)
class Not:
    """What `node` does not find."""

    node: Node


@dataclass(frozen=True, slots=True)
class All:
    """What every node finds."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What one of the nodes finds."""

    nodes: tuple[Node, ...]


Node = Words | InOutlet | AtDomain | Since | Until | Not | All | AnyOf


def parse(query: str) -> Node:
    """Read a query. Raises QueryError, whose message shows the query with a caret under the place."""
    if len(query) > MAX_LENGTH:
        raise QueryError(f"the query is longer than {MAX_LENGTH} characters", "", "Shorten it.")
    # One line, one character for one, so that the caret stands where the user sees the place.
    line = "".join(" " if _breaks_lines(character) else character for character in query.translate(_QUOTES))
    if not line.strip():
        raise QueryError("the query is empty", "", "Give a word to look for.")
    return _plain(line) or _Reader(line).read()


def positive_words(node: Node) -> list[Words]:
    """What a hit is marked for: the words sought, but for those under `-`."""
    match node:
        case Words():
            return [node]
        case All(nodes) | AnyOf(nodes):
            return [words for each in nodes for words in positive_words(each)]
        case _:
            return []


def _plain(line: str) -> Node | None:
    """The meaning of a query of plain words, None for any other: most are, and need no grammar (0.1 s of CPU)."""
    words = line.split()
    if len(words) > MAX_TERMS or "OR" in words or _SPECIAL.search(line):
        return None
    nodes = tuple(Words(tuple(tokens(word))) for word in words)
    if not all(node.words for node in nodes):
        return None
    return nodes[0] if len(nodes) == 1 else All(nodes)


@cache
def _parser() -> Lark:
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True)


class _Reader:
    """Turns one query into nodes, with the query at hand for messages."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.terms = 0

    def read(self) -> Node:
        from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

        self._check_depth()
        try:
            tree = _parser().parse(self.line)
        except UnexpectedCharacters as error:
            place = error.column - 1
            raise self._error(self._why(place), place) from None
        except UnexpectedToken as error:
            place = len(self.line.rstrip()) if error.token.type == "$END" else error.token.start_pos or 0
            raise self._error(self._why(place), place) from None
        except UnexpectedEOF:
            raise self._error("something is missing at the end", len(self.line.rstrip())) from None
        return self._any(tree.children[0])

    def _any(self, tree: Any) -> Node:
        nodes = tuple(self._all(each) for each in tree.children)
        return nodes[0] if len(nodes) == 1 else AnyOf(nodes)

    def _all(self, tree: Any) -> Node:
        nodes = tuple(self._term(each) for each in tree.children)
        return nodes[0] if len(nodes) == 1 else All(nodes)

    def _term(self, tree: Any) -> Node:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise self._error(f"there are more than {MAX_TERMS} terms", tree.meta.start_pos)
        inner = tree.children[-1]
        read = {"any": self._any, "words": self._plain, "field": self._field}[inner.data]
        node = read(inner)
        return Not(node) if len(tree.children) == 2 else node

    def _plain(self, tree: Any) -> Node:
        return self._words(tree.children[0], ("headline", "authors", "body"))

    def _field(self, tree: Any) -> Node:
        name = tree.children[0]
        field = name[:-1].lower()
        if name.type == "UNKNOWN":
            known = ", ".join(f"{each}:" for each in FIELDS)
            raise self._error(
                f"there is no field {name}", name.start_pos, f"Fields are {known}; or put it in quotation marks."
            )
        value = tree.children[1]
        plain = value.strip('"').strip()
        match field:
            case "title":
                return self._words(value, ("headline",))
            case "author":
                return self._words(value, ("authors",))
            case "section":
                return self._words(value, ("section",))
            case "outlet":
                return InOutlet(plain.casefold())
            case "domain":
                return AtDomain(plain.casefold().rstrip("."))
            case "from":
                return Since(self._day(plain, value.start_pos, last=False))
            case _:
                return Until(self._day(plain, value.start_pos, last=True))

    def _words(self, token: Any, fields: tuple[str, ...]) -> Words:
        prefix = token.type == "WORD" and token.endswith("*")
        star = token.rstrip("*").find("*") if token.type == "WORD" else -1
        if star >= 0:
            raise self._error("a * may stand only at the end of a word", token.start_pos + star)
        words = tuple(tokens(token))
        if not words:
            raise self._error("there is no letter or digit to look for", token.start_pos)
        return Words(words, fields, prefix)

    def _day(self, text: str, place: int, *, last: bool) -> date:
        match = _DAY.fullmatch(text)
        try:
            if match is None:
                raise ValueError(text)
            year, month, day = int(match[1]), int(match[2] or (12 if last else 1)), match[3]
            return date(year, month, int(day) if day else calendar.monthrange(year, month)[1] if last else 1)
        except ValueError:  # calendar's IllegalMonthError is one too
            raise self._error(f"{text} is no day", place, "Give one like 2020-11-15, 2020-11 or 2020.") from None

    def _check_depth(self) -> None:
        """Refuse deep nesting before the parser's tree is walked."""
        depth = 0
        for place, character in enumerate(self.line):
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth > MAX_DEPTH:
                raise self._error(f"brackets are nested more than {MAX_DEPTH} deep", place)

    def _is_open(self) -> bool:
        unquoted = re.sub(r'"[^"]*"', "", self.line)
        return unquoted.count("(") > unquoted.count(")")

    def _why(self, place: int) -> str:
        """Why nothing can be made of the query from `place` on."""
        rest = self.line[place:].lstrip()
        if rest.startswith('"'):
            return "a quotation mark is not closed" if rest.count('"') == 1 else "no phrase can stand here"
        if rest.startswith(")"):
            return "a bracket is closed that was not opened, or holds nothing"
        if rest.startswith("("):
            return "no bracket can stand here"
        if re.match(r"OR\b", rest):
            return "OR needs something on both sides"
        if not rest:
            return "a bracket is not closed" if self._is_open() else "something is missing at the end"
        return "this cannot stand here"

    def _error(self, what: str, place: int, advice: str = "") -> QueryUnreadable:
        return QueryUnreadable(what, self.line, place, advice)


def _breaks_lines(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
