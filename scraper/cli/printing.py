"""Put text that came from outside on a terminal, into a sheet or into JSON, so that it can do no harm there."""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
from collections.abc import Callable
from datetime import datetime
from typing import Any, TextIO

_ESCAPES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
DEFAULT_COLUMNS = 80
WIDEST = 80
"""A longer cell of a table stands whole, and makes its column no wider."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def printable(text: str) -> str:
    r"""The text with what would steer a terminal written out, as `\x1b`.

    Control characters other than tab and newline are, and those that turn the direction of writing, which could show
    one address and mean another. Lone surrogates are, so that the text can always be encoded.
    """
    text = _ESCAPES.sub(lambda found: _spell(found.group()), text)
    return "".join(_spell(char) if "\ud800" <= char <= "\udfff" else char for char in text)


def one_line(text: str) -> str:
    """Printable, and on one line: white space runs become one space."""
    return printable(" ".join(text.split()))


def cell(text: str) -> str:
    """A text for a cell of a sheet. A spreadsheet would run what begins like a formula, so an apostrophe goes before
    it (the guard that OWASP describes for CSV injection); one that was there already is doubled, so that
    `uncell(cell(text)) == text`."""
    return "'" + text if text.startswith((*_FORMULA, "'")) else text


def uncell(text: str) -> str:
    """The text of a cell that `cell` made."""
    guarded = text.startswith("'") and text[1:].startswith((*_FORMULA, "'"))
    return text[1:] if guarded else text


def write(text: str = "") -> None:
    """Print a line on standard output. The text is made printable, its own newlines stay."""
    stream = sys.stdout
    line = printable(text) + "\n"
    try:
        stream.write(line)
    except UnicodeEncodeError:
        stream.write(line.encode(stream.encoding, "backslashreplace").decode(stream.encoding))


_error_form: Callable[[str], str] | None = None


def form_errors(form: Callable[[str], str] | None) -> None:
    """Give each line that goes to standard error from now on a form; None: it is written for people."""
    global _error_form  # there is one standard error, and whoever writes to it keeps to its form
    _error_form = form


def write_error(text: str) -> None:
    """Print a line on standard error, folded where a terminal ends, or in the form that is asked for."""
    if _error_form is None:
        sys.stderr.write("".join(line + "\n" for line in fold(printable(text), hanging=2, stream=sys.stderr)))
        sys.stderr.flush()
    else:
        write_formed(_error_form(text))


def write_formed(line: str) -> None:
    """Print a line on standard error that has its form already."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def write_json(value: Any) -> None:
    """Print a value as JSON. ASCII alone, so that it passes every terminal and every pipe; times are ISO 8601, UTC."""
    sys.stdout.write(json.dumps(value, ensure_ascii=True, indent=2, default=_plain) + "\n")


def write_json_line(value: Any) -> None:
    """Print a value as one line of JSON Lines."""
    sys.stdout.write(json_line(value))
    sys.stdout.flush()


def json_line(value: Any) -> str:
    """A value as one line of JSON Lines, in ASCII as `write_json` prints it."""
    return json.dumps(value, ensure_ascii=True, default=_plain) + "\n"


def width() -> int:
    """The columns to write for: the terminal's, at most 100; 80 where there is none."""
    return min(terminal_columns() or DEFAULT_COLUMNS, 100)


def terminal_columns(stream: TextIO | None = None) -> int | None:
    """The terminal's columns, which tables and notes keep to; None where the stream (default: standard output) goes to
    a file or a pipe, whose lines stay whole."""
    stream = stream or sys.stdout
    if not stream.isatty():
        return None
    stated = os.environ.get("COLUMNS", "")
    if stated.isdecimal() and int(stated):
        return int(stated)
    try:
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_COLUMNS
    except (OSError, ValueError):
        return DEFAULT_COLUMNS


def write_note(text: str, indent: int = 0) -> None:
    """Print a sentence, folded where a terminal ends."""
    for line in fold(one_line(text), indent):
        write(line)


def fold(text: str, indent: int = 0, hanging: int = 0, stream: TextIO | None = None) -> list[str]:
    """A printable text as lines that begin with `indent` spaces, those after the first with `hanging` more.

    It is folded where a terminal ends. Addresses stay whole, so that they can be copied.
    """
    columns = terminal_columns(stream)
    first, rest = " " * indent, " " * (indent + hanging)
    if columns is None:
        return [first + text]
    return textwrap.wrap(
        text,
        max(columns, 20),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def styled() -> bool:
    """Whether standard output may carry colours: a terminal, and nothing forbids it (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def bold(text: str) -> str:
    """The text in bold where colours may be; made printable first."""
    text = printable(text)
    return f"\x1b[1m{text}\x1b[0m" if styled() else text


def write_bold(text: str) -> None:
    """Print a line in bold where colours may be, folded where a terminal ends."""
    for line in fold(one_line(text)):
        sys.stdout.write(bold(line) + "\n")


def shorten(text: str, columns: int) -> str:
    """One line of at most so many characters, cut with an ellipsis."""
    text = one_line(text)
    return text if len(text) <= columns else text[: max(columns - 1, 0)].rstrip() + "…"


def counted(number: int, name: str) -> str:
    """A number with its noun: '1 article', '2 articles'."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def minute(at: datetime | None) -> str:
    """An instant for people: UTC, to the minute."""
    return at.strftime("%Y-%m-%d %H:%M") if at else ""


def table(
    rows: list[list[str]], header: list[str], *, right: frozenset[int] = frozenset(), indent: int = 0
) -> list[str]:
    """Rows as aligned lines with a header; columns of `right` are flush right, all lines begin with `indent` spaces.

    A cell of more than 80 characters (a host's name may have 253) moves the rest of its own row alone. Where a terminal
    is too narrow for that, each row becomes its first cell on a line of its own, and below it the
    others, each after its column's name.
    """
    lines = [header, *([one_line(value) for value in row] for row in rows)]
    widths = [max(min(len(line[column]), WIDEST) for line in lines) for column in range(len(header))]
    aligned = [
        " " * indent
        + "  ".join(
            value.rjust(size) if place in right else value.ljust(size)
            for place, (value, size) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    columns = terminal_columns()
    if columns is None or max(map(len, aligned)) <= columns:
        return aligned
    return [each for line in lines[1:] for each in _stacked(line, header, indent)]


def _stacked(row: list[str], header: list[str], indent: int) -> list[str]:
    """A row as its first cell, and below it as many of the others on a line as fit, none broken."""
    lines = fold(row[0] or "-", indent)
    line = ""
    for name, value in zip(header[1:], row[1:], strict=True):
        told = f"{name} {value}".lstrip()
        if not value:
            continue
        if line and len(line) + len(told) + 2 > (terminal_columns() or 0) - indent - 2:
            lines += fold(line, indent + 2, 2)
            line = told
        else:
            line = f"{line}, {told}" if line else told
    return [*lines, *fold(line, indent + 2, 2)] if line else lines


def _spell(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
