"""Read a list of URLs from a file, and write results beside its columns, so that a stopped run goes on.

A list is a text file with one URL a line (# begins a comment), or a sheet (CSV with comma, semicolon or tab and a
header). The result has one row for each row of the list, with all its columns; it is written in the order of coming,
and put into the list's order at the end.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scraper.cli.printing import cell, one_line
from scraper.errors import UsageError
from scraper.sentences import sentence_of

URL_NAMES = ("url", "link", "href", "address", "uri")
MAX_LIST_BYTES = 500_000_000
_MAX_CELL = 50_000_000


@dataclass(frozen=True, slots=True)
class UrlList:
    """A list's columns and rows; `column` is the place of the URL."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    column: int

    @property
    def urls(self) -> list[str]:
        """The URLs in the list's order, empty ones and repetitions left out."""
        return list(dict.fromkeys(url for row in self.rows if (url := row[self.column])))

    @property
    def without_url(self) -> int:
        """How many rows name no URL."""
        return sum(not row[self.column] for row in self.rows)


def read_list(file: Path) -> UrlList:
    """Read a list; `-` is standard input. Raises UsageError for what cannot be read or names no URL."""
    csv.field_size_limit(_MAX_CELL)
    text = _read_text(file)
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    divider = max(",;\t", key=first.count)
    if _looks_like_url(first) or not (divider in first or first.strip().lower() in URL_NAMES):
        return _plain_list(text, file)
    return _sheet(text, divider, file)


class ResultSheet:
    """The result file of a list. Rows are appended and flushed as they come; `finish` puts them in order.

    `fields` name our columns, `outcome` among them, and perhaps `why_not`, its sentence. `answered` holds the URLs that
    an earlier run answered, with their outcome; failed ones are asked again. Raises UsageError where the file is there
    and is no result of such a list, or cannot be written.
    """

    def __init__(self, file: Path, listed: UrlList, fields: Sequence[str]) -> None:
        self._file, self._listed = file, listed
        own = [f"presskeep_{name}" if name in listed.columns else name for name in fields]
        self._header = [*listed.columns, *own]
        self._outcome = len(listed.columns) + list(fields).index("outcome")
        self._why_not = len(listed.columns) + list(fields).index("why_not") if "why_not" in fields else None
        self._rows: dict[str, list[tuple[str, ...]]] = {}
        for row in listed.rows:
            self._rows.setdefault(row[listed.column], []).append(row)
        kept = self._kept_rows()
        self.answered = {row[listed.column]: row[self._outcome] for row in kept}
        self._rewrite(kept)
        self._stream = self._file.open("a", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream)

    def add(self, url: str, values: Sequence[str]) -> None:
        """Append the rows of a URL. Values came from outside: what a spreadsheet would run is guarded."""
        for row in self._rows.get(url, []):
            self._writer.writerow([*row, *(cell(value) for value in values)])
        self._stream.flush()

    def finish(self) -> None:
        """Close the file, its rows in the list's order, those without a URL among them."""
        self._stream.close()
        answers: dict[str, deque[list[str]]] = {}
        for row in self._read_rows():
            answers.setdefault(row[self._listed.column], deque()).append(row)
        ordered: list[Sequence[str]] = []
        for listed in self._listed.rows:
            url = listed[self._listed.column]
            if not url:
                ordered.append(self._without_url(listed))
            elif answers.get(url):
                ordered.append(answers[url].popleft())
        self._rewrite(ordered)

    def _without_url(self, listed: Sequence[str]) -> list[str]:
        """The result of a row that names no URL: its own columns, and why there is nothing else."""
        row = [*listed, *[""] * (len(self._header) - len(listed))]
        row[self._outcome] = "failed:no-url"
        if self._why_not is not None:
            row[self._why_not] = sentence_of("failed:no-url")
        return row

    def _kept_rows(self) -> list[list[str]]:
        """What an earlier run answered: rows of URLs all of whose rows stand there, failed ones left out."""
        rows = [row for row in self._read_rows() if not row[self._outcome].startswith("failed:")]
        whole = Counter(row[self._listed.column] for row in rows)
        return [row for row in rows if whole[url := row[self._listed.column]] == len(self._rows.get(url, ()))]

    def _read_rows(self) -> list[list[str]]:
        """The whole rows of the file. A row that a kill tore has too few columns, or no end of line."""
        if not self._file.exists() or self._file.stat().st_size == 0:
            return []
        with self._file.open(encoding="utf-8", newline="", errors="replace") as stream:
            reader = csv.reader(stream)
            if next(reader, None) != self._header:
                raise UsageError("is there, and is no result of this list", str(self._file), "Name another by --out.")
            rows = list(reader)
        if rows and not _ends_with_newline(self._file):
            rows.pop()
        return [row for row in rows if len(row) == len(self._header)]

    def _rewrite(self, rows: Sequence[Sequence[str]]) -> None:
        """Write the file anew beside the old one, then put it in its place: a kill leaves the one or the other."""
        beside = self._file.with_name(self._file.name + ".new")
        try:
            with beside.open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows([self._header, *rows])
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(self._file)
        except OSError as error:
            raise UsageError(
                f"cannot be written ({error.strerror})", str(self._file), "Name another by --out."
            ) from error


def _ends_with_newline(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read() == b"\n"


def _read_text(file: Path) -> str:
    try:
        content = sys.stdin.buffer.read(MAX_LIST_BYTES + 1) if str(file) == "-" else _read_bytes(file)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", f"--from {file}") from error
    except UnicodeDecodeError as error:
        raise UsageError("is not UTF-8", f"--from {file}", "Save it as CSV UTF-8.") from error
    if len(content) > MAX_LIST_BYTES:
        raise UsageError(f"is larger than {MAX_LIST_BYTES:,} bytes", f"--from {file}", "Divide it.")
    return text


def _read_bytes(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_LIST_BYTES + 1)


def _looks_like_url(text: str) -> bool:
    return text.strip().lower().startswith(("http://", "https://")) and "," not in text and ";" not in text


def _plain_list(text: str, file: Path) -> UrlList:
    lines = (line.strip() for line in text.splitlines())
    rows = tuple((line,) for line in lines if line and not line.startswith("#"))
    if not rows:
        raise _no_url(file)
    return UrlList(("url",), rows, 0)


def _no_url(file: Path) -> UsageError:
    return UsageError("holds no URL", f"--from {file}", "Give one a line, or a sheet with a column url.")


def _sheet(text: str, divider: str, file: Path) -> UrlList:
    try:
        table = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=divider) if any(row)]
    except csv.Error as error:
        raise UsageError(f"is no CSV: {error}", f"--from {file}") from error
    if not table:
        raise _no_url(file)
    header = tuple(name.strip() for name in table[0])
    column = _url_column(header, table[1:], file)
    rows = tuple(_fit(row, len(header), column) for row in table[1:])
    return UrlList(header, rows, column)


def _url_column(header: Sequence[str], rows: Sequence[Sequence[str]], file: Path) -> int:
    named = [place for place, name in enumerate(header) if name.lower() in URL_NAMES]
    if named:
        return named[0]
    for place in range(len(header)):
        value = next((row[place] for row in rows if place < len(row) and row[place].strip()), "")
        if _looks_like_url(value):
            return place
    raise UsageError(
        f"has no column of URLs among {one_line(', '.join(header))[:200]}", f"--from {file}", "Name one of them url."
    )


def _fit(row: Sequence[str], size: int, column: int) -> tuple[str, ...]:
    """A row with as many cells as the header, its URL stripped."""
    cells = [*row[:size], *[""] * (size - len(row))]
    cells[column] = cells[column].strip()
    return tuple(cells)
