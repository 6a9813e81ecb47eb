"""From bytes to text: what is declared first, guessing last."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from charset_normalizer import from_bytes
from resiliparse.parse.encoding import detect_encoding

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Labels that mean their superset on the web (WHATWG Encoding, section 4.2); Python reads them narrowly.
_SUPERSETS = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs",
}  # fmt: skip
_WESTERN = frozenset({"cp1252", "cp1254", "cp1257", "iso8859-15", "mac-roman"})
"""Charsets of Latin script, which give letters for nearly all bytes."""
_SEVEN_BIT = frozenset({"iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_kr", "hz"})
_REFUSED = frozenset({"utf-7", "idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined", "mbcs", "oem"})
_HEADER = re.compile(r"""charset\s*=\s*["']?\s*([A-Za-z0-9._:-]+)""", re.I)
_META = re.compile(rb"""<meta[^>]{0,500}?charset\s*=\s*["']?\s*([A-Za-z0-9._:-]+)""", re.I)
_TAG = re.compile(rb"<(?:!doctype\s|html|head|body|meta|title|p)\b", re.I)
"""What begins a page in a charset that can be read byte by byte: one of two or four bytes a letter has zeros there."""
_XML = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]+)""", re.I)
_CONTROLS = bytes((*range(9), 11, 12, *range(14, 32)))
_NO_CHARACTERS = "\ufffe\uffff"
_UNPRINTED = re.compile(f"[{re.escape(_CONTROLS.decode('ascii'))}{_NO_CHARACTERS}]")
_MARKUP = re.compile(r"<(?:script|style)\b.*?(?:</(?:script|style)|\Z)|<[^<>]*>", re.I | re.S)
_LEAST_LETTERS, _MOST_ACCENTED = 200, 0.4
"""No language of Latin script has so many letters with accents; other scripts read as Latin have hardly others."""
_HEAD = 4_096
_SAMPLE = 65_536
_MOST_UNREADABLE = 0.1
"""Above this share of characters that no charset gives sense, a page is not read at all."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A page as text without control characters; `encoding` is the codec's name, `how` it was found."""

    text: str
    encoding: str
    how: str


class UnknownCharset(ValueError):
    """No charset makes text of the bytes."""


def decode_page(content: bytes, content_type: str | None) -> Decoded:
    """Decode a page: byte order mark, then UTF-8 where it holds, header, meta, and a guess at last.

    Text that is valid UTF-8 beyond ASCII is UTF-8 whatever is declared: no other charset fits by chance.
    Raises UnknownCharset where more than a tenth of the characters stay unreadable.
    """
    for mark, name in _BOMS:
        if content.startswith(mark):
            return _finish(content[len(mark) :], name, "byte order mark")
    declared = _declared(content, content_type)
    if not any(name.startswith(("utf-16", "utf-32")) or name in _SEVEN_BIT for name, _ in declared):
        try:
            return Decoded(_read_utf_8(content), "utf-8", declared[0][1] if declared else "utf-8")
        except UnicodeDecodeError:
            pass
    for name, how in declared:
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if name in _WESTERN and _is_garbled(text):
            return _guess(content, [name for name, _ in declared])
        return Decoded(_clean(text), name, how)
    if wide := _wide(content):
        return _finish(content, wide, "zero bytes")
    # One wrong byte on a page that says what it is weighs less than a guess.
    for name, how in declared:
        text = content.decode(name, errors="replace")
        if text.count("\ufffd") <= max(3, len(text) // 1_000):
            return Decoded(_clean(text), name, how)
    return _guess(content, [name for name, _ in declared])


def _declared(content: bytes, content_type: str | None) -> list[tuple[str, str]]:
    """The charsets that header and page name, header first, as codecs."""
    found: list[tuple[str, str]] = []
    if content_type and (match := _HEADER.search(content_type)):
        found.append((match[1], "header"))
    head = content[:_HEAD]
    if xml := _XML.match(head):
        found.append((xml[1].decode("ascii"), "xml declaration"))
    if meta := _META.search(head):
        # A page whose meta could be read byte by byte is not UTF-16, whatever it says (HTML, section 13.2.3.2).
        label = meta[1].decode("ascii")
        found.append(("utf-8" if label.lower().startswith("utf-16") else label, "meta"))
    named = [(name, how) for label, how in found if (name := _codec(label))]
    if b"\0" not in content[:_HEAD] and _TAG.search(head):
        named = [(name, how) for name, how in named if not name.startswith(("utf-16", "utf-32"))]
    return list(dict(named).items())


def _codec(label: str) -> str | None:
    """Python's codec for a label of the web; None for what is no charset of text."""
    label = label.strip().lower().removeprefix("x-")
    try:
        name = codecs.lookup({"sjis": "shift_jis", "unicode": "utf-8"}.get(label, label)).name
        b"".decode(name)
    except (LookupError, ValueError):
        return None
    return None if name in _REFUSED else _SUPERSETS.get(name, name)


def _is_garbled(text: str) -> bool:
    """Whether what a page says of its charset makes accented letters of most of its text: it is of another script."""
    printed = _MARKUP.sub(" ", text[: 4 * _SAMPLE])
    letters = sum(map(str.isalpha, printed))
    accented = sum(letter.isalpha() and not letter.isascii() for letter in printed)
    return letters >= _LEAST_LETTERS and accented > _MOST_ACCENTED * letters


def _wide(content: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of a sample is zero."""
    sample = content[:_HEAD]
    if len(sample) < 32:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > half * 0.6 and even < half * 0.1:
        return "utf-16-le"
    if even > half * 0.6 and odd < half * 0.1:
        return "utf-16-be"
    return None


def _guess(content: bytes, declared: list[str]) -> Decoded:
    guesses = [_codec(detect_encoding(content, html5_compatible=False) or "")]
    sample = content if len(content) <= _SAMPLE else content[: _SAMPLE // 2] + content[-_SAMPLE // 2 :]
    best = from_bytes(sample).best()
    guesses.append(_codec(best.encoding) if best else None)
    guesses.extend(declared)
    readings = [(name, content.decode(name, errors="replace")) for name in dict.fromkeys(guesses) if name]
    readings.append(("utf-8", content.decode("utf-8", errors="replace")))
    name, _ = min(readings, key=lambda reading: reading[1].count("\ufffd"))
    return _finish(content, name, "declared" if name in declared else "guessed")


def _finish(content: bytes, name: str, how: str) -> Decoded:
    text = content.decode(name, errors="replace")
    unreadable = text.count("\ufffd") + len(_UNPRINTED.findall(text))
    if unreadable > max(20, len(text) * _MOST_UNREADABLE):
        raise UnknownCharset(f"{unreadable} of {len(text)} characters are unreadable as {name}")
    return Decoded(_clean(text), name, how)


def _clean(text: str) -> str:
    return _UNPRINTED.sub("", text)


def _read_utf_8(content: bytes) -> str:
    """The same of bytes in UTF-8: to take controls off bytes costs a fifth, and none is a part of another character."""
    text = content.translate(None, _CONTROLS).decode("utf-8")
    for mark in _NO_CHARACTERS:
        if mark in text:
            text = text.replace(mark, "")
    return text
