"""The words by which search finds a content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.content import ArticleContent
from storage.folding import tokens

LETTER_OF = {"headline": "h", "authors": "a", "section": "s", "body": "b"}
"""Each lexeme of a tsvector begins with its field's letter and has no position; PostgreSQL keeps only 255 of a word."""
MAX_WORDS = 200_000
"""Words of one field that are indexed."""
MAX_LEXEMES = 900_000
"""Bytes of the different words of one revision that are indexed; PostgreSQL's tsvector holds a megabyte."""


@dataclass(frozen=True, slots=True)
class SearchRow:
    """The words of a revision by field, each followed by one space and the first led by one."""

    headline: str
    authors: str
    section: str
    body: str

    def lexemes(self) -> list[str]:
        """The different words, each led by its field's letter."""
        words = ((letter, word) for field, letter in LETTER_OF.items() for word in getattr(self, field).split())
        return sorted({letter + word for letter, word in words})


def search_row(content: ArticleContent) -> SearchRow:
    """What of a content is found by search: headline, authors, section, and as its body lead, text, captions, tags."""
    texts = {
        "headline": (content.headline,),
        "authors": content.authors,
        "section": content.section,
        "body": _body_texts(content),
    }
    words = {field: _words(texts[field]) for field in LETTER_OF}
    if sum(_size(each) for each in words.values()) > MAX_LEXEMES:
        _cut(words)
    return SearchRow(**{field: f" {' '.join(each)} " if each else "" for field, each in words.items()})


def _size(words: Sequence[str]) -> int:
    """What lexemes of these words would take if all were different."""
    return len("".join(words).encode()) + len(words)


def _cut(words: dict[str, list[str]]) -> None:
    """Leave out the words of each field from that on whose lexeme has no room left."""
    room, lexemes = MAX_LEXEMES, set[str]()
    for field, letter in LETTER_OF.items():
        for position, word in enumerate(words[field]):
            lexeme = letter + word
            if lexeme not in lexemes:
                room -= len(lexeme.encode())
                if room < 0:
                    del words[field][position:]
                    break
                lexemes.add(lexeme)


def _body_texts(content: ArticleContent) -> Iterable[str]:
    yield content.lead or ""
    for block in content.blocks:
        yield block.text
        yield from block.items
    for figure in content.figures:
        yield figure.caption or ""
        yield figure.credit or ""
    yield from content.tags


def _words(texts: Iterable[str]) -> list[str]:
    words: list[str] = []
    for each in texts:
        words += tokens(each)
        if len(words) >= MAX_WORDS:
            del words[MAX_WORDS:]
            break
    return words
