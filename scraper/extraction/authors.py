"""Names of persons out of bylines and author fields."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scraper.extraction.calendars import MONTHS
from scraper.extraction.passages import plain

_BY = re.compile(
    r"^(?:author(?=[ :]+\S)|(?:this (?:post|article|story|guide) (?:was|is) )?"
    r"(?:written |reported |edited |posted |story |article |text |words )?by"
    r"|(?:(?:view|see|read) )?(?:all|more) (?:posts|articles|stories) (?:by|from)|read more (?:by|about)"
    r"|von|par|por|di|scritto da|door|af|av|bởi|oleh|тексту?|автор|द्वारा|लेखक"
    r"|記者|记者|作者|نوشته|بقلم)(?:\s*:?\s+|\s*：\s*)",
    re.I,
)
_SPLIT = re.compile(r"\s*(?:;|\||/|•|·|\n|,?\s+(?:and|und|et|y|e|och|og|en|AND|و)\s+|\s+&\s+)\s*")
_ADDRESS = re.compile(r"(?<!\S)\S+?@\S+|https?://\S+|@\w+")
_SOURCE = re.compile(r"^(?:quellen?|sources?|fuentes?|fonti?|bron(?:nen)?)\s*:\s*", re.I)
_NOBODY = re.compile(
    r"(?:by|staff|editors?|editorial (?:team|board|staff)|(?:\w+ )?admin(?:istrator)?|web ?desk|news ?desk|newsroom"
    r"|redaktion|redação|redacció|redakcja|redakce|redaksi|редакци[яи]|редакція|toimitus|تحریریه"
    r"|special(?: (?:to|for) .+)?|(?:la )?rédaction|redacción|redazione|redactie"
    r"|agenc(?:y|ies)|agences?|reporters?|correspondents?|contributors?"
    r"|guest|unknown|anonymous|super ?user|about the|(?:about the )?authors?|article by|root|user|press release"
    r"|(?:\w+ ){0,3}(?:privacy|cookie) policy|agenturen|red\.?"
    r"|(?:view|see|read) (?:all|more)|human|twitter|facebook|rn|m\.?d|ph\.?d)",
    re.I,
)
_UPDATED = re.compile(r"\s*\b(?:last )?(?:updated|published|posted|modified)\b.*$", re.I)
_JOINED = re.compile(r"(?<=[a-zà-ÿ])(?=(?:Last )?(?:Updated|Published|Posted)\b)")
_TITLE = re.compile(
    r"(?:(?:co-?)?founder|writer|reporter|correspondent|journalist|contributor|reviewer|author|editor|rn|m\.?d|ph\.?d)",
    re.I,
)
"""What stands behind a name without a comma."""
_ROLE = re.compile(
    r"(?:[\w-]+ ){1,4}(?:reviewer|editor|writer|expert|specialist|analyst|strategist|officer|manager|director"
    r"|correspondent|columnist)"
    r"|(?:co-?)?founder|c[efot]o"
    r"|(?:(?:vice )?president|head|director|manager|chief|professor|chair|vp) of .+",
    re.I,
)
"""What somebody is, in the place of a name."""
_BEHIND = re.compile(
    r"\s*\([a-zà-ÿ]{2,4}\.?\)$|\s+(?:on|at|am|le) \d{4}-\d{2}-\d{2}\b.*$"
    r"|\s+[-–—]\s+(?:\S+ ){0,3}(?:team|staff|editors?|desk)$",
    re.I,
)
"""An agency's sign for its reporter, a day and what follows it, the house."""
_INSTITUTION = re.compile(r"\b(?:for|of)\b")
_REPORTER = frozenset(("기자", "記者", "记者"))
"""'Reporter' in languages that write it behind each name."""
_SURNAMES = frozenset(
    (
        "may", "march", "mars", "april", "june", "august", "jan", "mai", "marca", "maja", "julio", "juli", "mayo",
        "abril", "mei", "maret", "mart", "juin",
    )
)  # fmt: skip
"""Months that are names of persons too."""
_SENTENCE = re.compile(r".*\s[^\W\d_A-Z]{4,}\.")
"""What is said of an author, beside the name: 'View all of Ada's posts.'"""
_LONGEST = 80


def split_names(text: str, *, commas: bool = True) -> tuple[str, ...]:
    """The names in a byline, without 'By', addresses and handles; a comma parts names where each part looks whole."""
    text = _BY.sub("", plain(_ADDRESS.sub(" ", text)))
    parts = _SPLIT.split(text)
    if _INSTITUTION.search(text) and any(" " not in part for part in parts):
        return persons([text])  # 'Institute for Tides and Weather'
    names: list[str] = []
    for part in parts:
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
        name = _name_alone(_SOURCE.sub("", plain(_BY.sub("", plain(_ADDRESS.sub(" ", name)))).strip(" ,;:|-–—")))
        if not name or len(name) > _LONGEST or not any(sign.isalpha() for sign in name):
            continue
        if any(each.fullmatch(name) for each in (_NOBODY, _ROLE, _SENTENCE)):
            continue
        found.setdefault(name.casefold(), name)
    return tuple(found.values())


def _name_alone(text: str) -> str:
    """A name without the date and the role that a byline writes behind it."""
    words = _BEHIND.sub("", _UPDATED.sub("", _JOINED.sub(" ", text))).split()
    dated = False
    while words:
        last = words[-1].strip(".,()").casefold()
        numbered = len(words) > 1 and words[-2].strip(".,").isdigit()
        if last.isdigit():
            dated = True
        elif last in MONTHS and (dated or numbered or last not in _SURNAMES):
            dated = False
        elif not (len(words) > 2 and _TITLE.fullmatch(last)) and not (len(words) > 1 and last in _REPORTER):
            break
        words.pop()
    return " ".join(words).strip(" ,;:|-–—")
