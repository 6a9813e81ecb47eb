"""Say what may be wrong with a search query that can be read, and yet may not mean what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from sqlalchemy import Connection

from storage.query import All, AnyOf, InOutlet, Node, Not, Since, Until, Words, parse
from storage.search import count
from storage.status import outlet_names

_PHRASE = re.compile(r'"[^"]*"')
_WORDS_TRIED = 8
_FEWER = "Fewer words find more, and so does begin* in place of a whole word."
_BEGINNING = "begin* in place of a whole word finds every word that begins so."


def hints(connection: Connection, query: str, *, found: int, all_revisions: bool = False) -> tuple[str, ...]:
    """Hints on a query that `found` so many, each a sentence; none where all is as one would think.

    Raises QueryError for a query that cannot be read.
    """
    node = parse(query)
    told = [*_of_operators(query), *_of_outlets(connection, node), *_of_days(node)]
    if not found:
        told += _of_words(connection, node, all_revisions=all_revisions)
        if not told:
            told.append(_FEWER if isinstance(node, All) else _BEGINNING)
    return tuple(dict.fromkeys(told))


def _of_operators(query: str) -> Iterator[str]:
    """Words that other search engines take for operators."""
    words = _PHRASE.sub(" phrase ", query).replace("(", " ").replace(")", " ").split()
    inner = words[1:-1]
    if "AND" in inner or "&&" in inner:
        yield "AND is sought as a word; leave it out: all words must be there anyway."
    if "or" in inner:
        yield "or is sought as a word; OR in capitals finds the one or the other."
    if "NOT" in words[:-1]:
        yield "NOT is sought as a word; -word finds what does not hold the word."


def _of_outlets(connection: Connection, node: Node) -> Iterator[str]:
    names = [each.name for each in _all_in(node) if isinstance(each, InOutlet)]
    if not names:
        return
    known = {name.casefold(): name for name in outlet_names(connection)}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f"is {known[near[0]]} meant?" if near else f"it holds {', '.join(known.values()) or 'none'}."
            yield f"The archive has no outlet {name}; {meant}"


def _of_days(node: Node) -> Iterator[str]:
    """Days between which nothing lies, of words that stand side by side."""
    for each in _all_in(node):
        if isinstance(each, All):
            first = max((inner.day for inner in each.nodes if isinstance(inner, Since)), default=None)
            last = min((inner.day for inner in each.nodes if isinstance(inner, Until)), default=None)
            if first is not None and last is not None and first > last:
                yield f"from: ({first}) is after to: ({last}), and no day lies between them."


def _of_words(connection: Connection, node: Node, *, all_revisions: bool) -> Iterator[str]:
    """Words that all must be there, and each of which finds nothing by itself."""
    nodes = node.nodes if isinstance(node, All) else (node,)
    words = [each for each in nodes if isinstance(each, Words)]
    if len(words) < 2:
        return
    for each in words[:_WORDS_TRIED]:
        if not count(connection, each, all_revisions=all_revisions):
            yield f"No article here holds {' '.join(each.words)}{'*' if each.prefix else ''}."


def _all_in(node: Node) -> Iterator[Node]:
    """The node and all within it, those under `-` among them."""
    yield node
    match node:
        case Not(inner):
            yield from _all_in(inner)
        case All(nodes) | AnyOf(nodes):
            for each in nodes:
                yield from _all_in(each)
