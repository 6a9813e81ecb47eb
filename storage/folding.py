"""Fold text for comparison: what readers take for the same word or the same sign becomes the same characters."""

from __future__ import annotations

import unicodedata

MAX_TOKEN = 64
"""Longer words are cut in index and query alike."""

# Letters that no decomposition brings to their base, and those that Arabic and Persian keyboards type differently.
_LETTERS = {
    "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "ŧ": "t", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ʻ": "",
    "ʼ": "'",
    "ى": "ي", "ی": "ي", "ے": "ي", "ې": "ي", "ک": "ك", "ڪ": "ك", "ة": "ه", "ہ": "ه", "ھ": "ه", "ە": "ه", "ۃ": "ه",
    "ٱ": "ا", "ـ": "",
}  # fmt: skip
_APOSTROPHES = "‘’‚‛`´ʹʻʼʽˈ‵′＇"
_QUOTES = "“”„‟«»〝〞〟＂″‶"
_DASHES = "‐‑‒–—―−﹘﹣－⁃"


class _Folding(dict[int, str]):
    """What becomes of each code point of decomposed, case-folded text; filled as characters come."""

    def __missing__(self, point: int) -> str:
        self[point] = folded = self._fold(chr(point))
        return folded

    def _fold(self, character: str) -> str:
        category = unicodedata.category(character)
        if category == "Cf" or _is_accent(character) or "\ufe00" <= character <= "\ufe0f":
            return ""
        if category == "Nd":
            return str(unicodedata.decimal(character))
        if category in ("Cs", "Cc", "Zs", "Zl", "Zp", "Cn"):
            return " "
        return _LETTERS.get(character, character)


class _Separating(_Folding):
    """The same, with a space for whatever is no part of a word, and a space around each ideograph."""

    def _fold(self, character: str) -> str:
        folded = super()._fold(character)
        if not folded or unicodedata.category(folded[0])[0] not in "LNM":
            return folded and " "
        return f" {folded} " if _stands_alone(folded[0]) else folded


class _Pieces(dict[str, str]):
    """What each printed character by itself becomes in words."""

    def __missing__(self, character: str) -> str:
        self[character] = piece = _decomposed(character).translate(_separating)
        return piece


class _Typography(dict[int, str]):
    """What becomes of each code point where only typography is to be levelled."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        category = unicodedata.category(character)
        if character in _APOSTROPHES:
            folded = "'"
        elif character in _QUOTES:
            folded = '"'
        elif character in _DASHES:
            folded = "-"
        elif character == "…":
            folded = "..."
        elif category in ("Zs", "Zl", "Zp", "Cc"):
            folded = " "
        else:
            folded = "" if category == "Cf" else character
        self[point] = folded
        return folded


_folding, _separating, _typography = _Folding(), _Separating(), _Typography()
_pieces = _Pieces()


def fold(text: str) -> str:
    """Text as search compares it: without case, accents, vowel points, tatweel and zero-width characters, digits
    as 0-9, Arabic and Persian forms of yeh, kaf and heh as one, compatibility forms as plain. Folding twice is
    the same as once.
    """
    return unicodedata.normalize("NFC", _decomposed(text).translate(_folding))


def tokens(text: str) -> list[str]:
    """The folded words of a text, in order: runs of letters, digits and their marks; ideographs one by one."""
    words = unicodedata.normalize("NFC", _decomposed(text).translate(_separating)).split()
    if max(map(len, words), default=0) > MAX_TOKEN:
        return [word[:MAX_TOKEN] for word in words]
    return words


def spans(text: str) -> list[tuple[str, int, int]]:
    """The words of `tokens`, each with its start and end in the text, to mark hits as printed."""
    found: list[tuple[str, int, int]] = []
    word, start, end = "", 0, 0
    for position, character in enumerate(text):
        for letter in _pieces[character]:
            if letter != " ":
                if not word:
                    start = position
                word, end = word + letter, position + 1
            elif word:
                found.append((unicodedata.normalize("NFC", word)[:MAX_TOKEN], start, end))
                word = ""
    if word:
        found.append((unicodedata.normalize("NFC", word)[:MAX_TOKEN], start, end))
    return found


def fold_typography(text: str) -> str:
    """Text as digests compare it: NFC, one space for any white space and none at the ends, one kind of apostrophe,
    quotation mark and dash, three dots for an ellipsis, no zero-width or other format characters. Words, case and
    accents stay.
    """
    if not (text.isascii() and text.isprintable()) or "`" in text:
        text = unicodedata.normalize("NFC", text.translate(_typography))
    return " ".join(text.split())


def _decomposed(text: str) -> str:
    """Decomposed, case-folded, and decomposed again, since folding case can compose (Unicode, D146)."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())


def _is_accent(character: str) -> bool:
    """Whether a mark is an accent or a vowel point of Hebrew or Arabic, by its combining class (UAX 44).

    Marks that write a letter of their own (vowel signs of Indic scripts, kana's voicing, Thai) are none.
    """
    placed = unicodedata.combining(character)
    return placed in (1, 6) or 10 <= placed <= 36 or placed >= 200


def _stands_alone(character: str) -> bool:
    """Whether a character is an ideograph or kana, whose script puts no space between words."""
    return (
        "\u3041" <= character <= "\u30ff"
        or "\u3400" <= character <= "\u4dbf"
        or "\u4e00" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
        or "\U00020000" <= character <= "\U0003ffff"
    )
