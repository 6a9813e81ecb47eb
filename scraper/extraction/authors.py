"""Names of persons out of bylines and author fields."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scraper.extraction.passages import plain

_BY = re.compile(
    r"^(?:author(?=[ :]+\S)|(?:written |reported |edited |posted |story |text |words )?by"
    r"|von|par|por|di|door|af|av|bởi|oleh|тексту?|автор"
    r"|نوشته|بقلم)\s*:?\s+",
    re.I,
)
_SPLIT = re.compile(r"\s*(?:;|\||/|•|·|\n|,?\s+(?:and|und|et|y|e|och|og|en|AND|و)\s+|\s+&\s+)\s*")
_ADDRESS = re.compile(r"\S+@\S+|https?://\S+|@\w+")
_NOBODY = re.compile(
    r"(?:staff|editors?|editorial (?:team|board|staff)|admin(?:istrator)?|web ?desk|news ?desk|newsroom|redaktion"
    r"|(?:la )?rédaction|redacción|redazione|redactie|agenc(?:y|ies)|agences?|reporters?|correspondents?|contributors?"
    r"|guest|unknown|anonymous|author|root|user|press release)",
    re.I,
)
_LONGEST = 80


def split_names(text: str, *, commas: bool = True) -> tuple[str, ...]:
    """The names in a byline, without 'By', addresses and handles; a comma parts names where each part looks whole."""
    text = _BY.sub("", plain(_ADDRESS.sub(" ", text)))
    names: list[str] = []
    for part in _SPLIT.split(text):
        pieces = [piece.strip() for piece in part.split(",")] if commas else [part]
        whole = all(" " in piece for piece in pieces if piece)
        names.extend(pieces if whole or len(pieces) > 3 else pieces[:1])
    return persons(names)


def begins_with_by(text: str) -> bool:
    """Whether a line begins as a byline does."""
    return bool(_BY.match(text))


def persons(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that can be persons', each once, in order."""
    found: dict[str, str] = {}
    for name in names:
        name = plain(_BY.sub("", plain(_ADDRESS.sub(" ", name)))).strip(" ,;:|-–—")
        if not name or len(name) > _LONGEST or _NOBODY.fullmatch(name) or not any(sign.isalpha() for sign in name):
            continue
        found.setdefault(name.casefold(), name)
    return tuple(found.values())
