"""The parts of a page that React streamed behind it, put where the page's own script puts them.

A page made by React's streaming server sends first what is ready, with a stand-in for each part that is not, and then
each such part as a hidden element at the end of the page, followed by a script that moves it to its place. Without the
script a reader finds the text out of order, and 'Loading ...' in the midst of it. Source: React's
ReactDOMFizzInstructionSet: `$RC(boundary, segment)`, and `$RR` with style sheets, puts a segment's children in the
place of the template `boundary` and of the stand-in behind it, up to the comment that ends it; `$RS(segment, holder)`
puts them in the place of the template `holder`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from lxml import etree
from lxml.html import HtmlElement

_CALL = re.compile(r"""\$R([CRS])\(["']([^"'\\]{1,100})["'],\s*["']([^"'\\]{1,100})["']""")
_BEGINS, _ENDS = frozenset(("$", "$?", "$!", "$~")), "/$"
"""Comments around what stands at a boundary: whole, awaited, failed, queued; and behind it."""
_MOST = 500
"""So many parts at most are moved."""
_FARTHEST = 2_000
"""Among so many siblings behind a place its end is looked for: a stand-in is a few elements."""


def is_streamed(text: str) -> bool:
    """Whether a page moves parts of itself as React has it: what place_streamed() needs the page's comments for."""
    return _CALL.search(text) is not None


def place_streamed(tree: HtmlElement) -> None:
    """Put the streamed parts in their places, in the order in which the page's scripts do so, and take out comments.
    A part whose place is not on the page, or has no end, stays where it is. Of elements of one name the first that is
    still there is meant, as getElementById() has it: each of several roots on a page counts from 0."""
    named: dict[str, list[HtmlElement]] = {}
    for each in tree.iter(etree.Element):
        if name := each.get("id"):
            named.setdefault(name, []).append(each)
    for kind, first, second in _calls(tree):
        place, segment = (second, first) if kind == "S" else (first, second)
        if (
            named.get(place)
            and named.get(segment)
            and _place(named[segment][0], named[place][0], stands_in=kind != "S")
        ):
            del named[segment][0], named[place][0]
    etree.strip_tags(tree, etree.Comment)


def _calls(tree: HtmlElement) -> Iterator[tuple[str, str, str]]:
    found = [call for script in tree.iter("script") for call in _CALL.findall(script.text or "")]
    yield from found[:_MOST]


def _place(segment: HtmlElement, place: HtmlElement, *, stands_in: bool) -> bool:
    parent = place.getparent()
    if parent is None or segment.getparent() is None or segment in (place, *place.iterancestors()):
        return False
    stand_in = _stand_in(place) if stands_in else []
    if stand_in is None or segment in stand_in:
        return False
    for each in stand_in:
        parent.remove(each)
    if stands_in:
        place.tail = None
    segment.drop_tree()
    segment.tail = None
    place.addprevious(segment)
    segment.drop_tag()
    place.drop_tree()
    return True


def _stand_in(place: HtmlElement) -> list[HtmlElement] | None:
    """What stands between a boundary's template and the comment behind it; None where there is no such comment near."""
    found: list[HtmlElement] = []
    depth = 0
    for each in islice(place.itersiblings(), _FARTHEST):
        if isinstance(each, etree._Comment):
            if each.text == _ENDS:
                if depth == 0:
                    return found
                depth -= 1
            elif each.text in _BEGINS:
                depth += 1
        found.append(each)
    return None
