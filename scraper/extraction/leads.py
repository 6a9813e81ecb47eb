"""The lead of an article: what its page describes it by and prints, or marks as such, else its first paragraph."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scraper.extraction.blocks import Piece
from scraper.extraction.conventions import classes_of
from scraper.extraction.passages import Passage, letters_of
from scraper.extraction.structured import Structured
from storage.content import Block

DESCRIPTIONS = ("og:description", "description", "twitter:description")
"""Meta elements that describe a page, those for sharing first."""
_LONG_ENOUGH = 60
"""Letters from which on the beginning of a passage is known again."""
_LEAD = re.compile(
    r"(?:^|[-_])(?:lead|lede|standfirst|dek|intro|chapo|chapeau|anons|vorspann|preamble|perex|ingress|bajada|entradilla"
    r"|sapo|excerpt|abstract|summary|sub-?title|sub-?headline)(?:$|[-_])|^spot$",
    re.I,
)
"""What editors call a lead in a dozen languages, as a part of a class."""
_LEAST_LETTERS = 25
_LINKED = 0.3
_HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
_ELSEWHERE = frozenset(("figure", "figcaption", "li", "nav", "aside"))


def read_lead(
    stated: Structured, passages: Sequence[Passage], body: Sequence[Piece], blocks: Sequence[Block], headline: str
) -> tuple[str | None, str]:
    """The lead and how it was found ('' for none). A lead that is marked stands below the headline and before the first
    paragraph of the body, of which it is a part or none."""
    for name in DESCRIPTIONS:
        described = letters_of((stated.first(name) or "").rstrip(" .…[]"))
        for passage in passages:
            begun = len(described) >= _LONG_ENOUGH and passage.letters.startswith(described)
            if described and (passage.letters == described or begun):
                return passage.text, name
    if marked := _marked_lead(passages[: _first_of(body)], letters_of(headline).casefold()):
        return marked, "marked"
    return next(((block.text, "first paragraph") for block in blocks if block.kind == "paragraph"), (None, ""))


def _first_of(body: Sequence[Piece]) -> int:
    """The number of the body's first passage that is no heading."""
    own = (each.passage for each in body if each.passage is not None and each.kind is None)
    return next((each.order for each in own if each.element.tag not in _HEADINGS), 0)


def _marked_lead(passages: Sequence[Passage], headline: str) -> str | None:
    """The passage below the headline whose element, or the one around it, is called a lead, and holds not the headline
    too."""
    titles = [at for at, each in enumerate(passages) if headline and each.letters.casefold() == headline]
    if not titles:
        return None
    around = {passages[titles[-1]].element, *passages[titles[-1]].element.iterancestors()}
    for passage in passages[titles[-1] + 1 :]:
        if len(passage.letters) < _LEAST_LETTERS or passage.link_share >= _LINKED:
            continue
        above = [passage.element, *passage.element.iterancestors()]
        if any(each.tag in _ELSEWHERE for each in above):
            continue
        if any(each not in around and any(map(_LEAD.search, classes_of(each))) for each in above[:2]):
            return passage.text
    return None
