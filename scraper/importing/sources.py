"""What is named on the command line, sorted: archives to index, pages to make records of, lists of URLs."""

from __future__ import annotations

import json
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeGuard

from scraper.errors import UsageError
from scraper.importing.reporting import BAD_NAMED
from storage.foreign import BadRecord
from storage.foreign.heads import begins_record

JSON_LIMIT = 256 << 20
"""The largest JSON file that is read, and of JSON Lines the longest line, in bytes."""
_HTML_LIMIT = 64 << 20
_ENDINGS = (".warc", ".warc.gz", ".warc.zst", ".arc", ".arc.gz", ".wacz", ".warc.open")
_PAGES = ("singlefile.html", "output.html")
"""What ArchiveBox keeps of a page besides a WARC: as one file with all that it shows, and as the browser had it."""
_HTML_NAMES = ("html", "raw_html", "page_html", "source_html")


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file that may hold records. `origin` is how it was named."""

    path: Path
    origin: str


@dataclass(frozen=True, slots=True)
class MadePage:
    """A page that others kept without the exchange: what they had of it, from where, and when (UTC)."""

    url: str
    html: bytes = field(repr=False)
    at: datetime
    mime: str = "text/html"


Shown = MadePage | str | BadRecord
"""What a file of pages shows: a page, the URL of one that it does not hold, or a line that cannot be read."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of pages without exchanges. `load` reads it, one after the other."""

    path: Path
    origin: str
    load: Callable[[], Iterator[Shown]]


@dataclass(slots=True)
class Contents:
    """What a file of pages shows besides pages, and how many of these. `bad` holds as many lines as are named."""

    pages: int = 0
    urls: list[str] = field(default_factory=list)
    bad: list[BadRecord] = field(default_factory=list)
    bad_count: int = 0

    def pages_of(self, shown: Iterator[Shown]) -> Iterator[MadePage]:
        """The pages, while all else is noted. Raises NothingToRead at the end where there was neither page nor URL."""
        for each in shown:
            match each:
                case MadePage():
                    self.pages += 1
                    yield each
                case BadRecord():
                    self.bad_count += 1
                    self.bad += [each] * (len(self.bad) < BAD_NAMED)
                case _:
                    self.urls.append(each)
        if not self.pages and not self.urls:
            nothing = "it is neither JSON nor JSON Lines" if self.bad else "no article with a url stands in it"
            raise NothingToRead(nothing)


@dataclass(frozen=True, slots=True)
class UrlFile:
    """A list of URLs. `load` reads it."""

    path: Path
    load: Callable[[], Sequence[str]]


Source = ArchiveFile | PageFile | UrlFile


class NothingToRead(Exception):
    """A file that holds nothing of what it seems to; the message says what is missing."""


def sort_sources(paths: Sequence[Path], read_urls: Callable[[Path], Sequence[str]]) -> Iterator[Source]:
    """The sources that paths lead to, in order; of a folder, an ArchiveBox's snapshots or every archive file in it.

    Raises UsageError, before anything is given, for a path that is not there or no file, and for a folder without any.
    """
    for path in paths:
        if not path.exists():
            raise UsageError("there is no such file", str(path), "Check the name.")
        if not path.is_dir() and not path.is_file():
            raise UsageError("is neither a file nor a folder", str(path), "What comes from a pipe, save to a file.")
        if path.is_dir() and next(_of_folder(path), None) is None:
            raise UsageError("holds no WARC, ARC or WACZ file, and is no ArchiveBox", str(path), "Name files.")
    for path in paths:
        if path.is_dir():
            yield from _of_folder(path)
        else:
            yield _of_file(path, read_urls)


def origin_of(source: Source) -> str:
    """How a source was named."""
    return str(source.path) if isinstance(source, UrlFile) else source.origin


def size_of(source: Source) -> int:
    """The bytes that are walked through."""
    try:
        return source.path.stat().st_size if isinstance(source, ArchiveFile) else 0
    except OSError:
        return 0


def why_not_linkable(path: Path) -> str:
    """Why a file cannot be referred to where it is, '' where it can."""
    place = str(path.resolve())
    if "#" in place:
        return "a path with # cannot be referred to: rename it, or import it without --link"
    try:
        place.encode()
    except UnicodeEncodeError:
        return "a path that is no UTF-8 cannot be referred to: rename it, or import it without --link"
    return ""


def _of_file(path: Path, read_urls: Callable[[Path], Sequence[str]]) -> Source:
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError:
        return ArchiveFile(path, str(path))  # whoever brings it in says what is wrong
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return UrlFile(path, lambda: read_urls(path))  # which says how to save it
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in (b"{", b"["):
        return PageFile(path, str(path), lambda: news_please(path))
    if b"\x00" in start or begins_record(start) or not _is_text(start) or path.name.lower().endswith(_ENDINGS):
        return ArchiveFile(path, str(path))
    return UrlFile(path, lambda: read_urls(path))


def _is_text(start: bytes) -> bool:
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(start) - 4 and len(start) > 4
    return True


def _of_folder(folder: Path) -> Iterator[Source]:
    """An ArchiveBox's collection keeps each page in `archive/TIMESTAMP/`, with `index.json` and `warc/`."""
    snapshots = folder / "archive"
    if (snapshots.is_dir() and (folder / "index.sqlite3").exists()) or _is_snapshot_folder(snapshots):
        for snapshot in sorted(each for each in snapshots.iterdir() if _is_snapshot(each)):
            yield from _of_snapshot(snapshot)
    elif _is_snapshot(folder):
        yield from _of_snapshot(folder)
    else:
        for path in sorted(folder.rglob("*")):
            if path.name.lower().endswith(_ENDINGS) and path.is_file():
                yield ArchiveFile(path, str(path))


def _is_snapshot_folder(folder: Path) -> bool:
    return folder.is_dir() and any(_is_snapshot(each) for each in folder.iterdir())


def _is_snapshot(folder: Path) -> bool:
    stamp = folder.name.replace(".", "", 1)
    return folder.is_dir() and stamp.isascii() and stamp.isdecimal() and (folder / "index.json").is_file()


def _of_snapshot(folder: Path) -> Iterator[Source]:
    warcs = [path for path in sorted((folder / "warc").glob("*")) if path.name.lower().endswith(_ENDINGS)]
    if warcs:
        yield from (ArchiveFile(path, str(path)) for path in warcs)
    else:
        yield PageFile(folder / "index.json", str(folder), lambda: _snapshot_page(folder))


def _snapshot_page(folder: Path) -> Iterator[Shown]:
    """The page of a snapshot without WARC, at the time that its folder is named by."""
    index = _load(folder / "index.json")
    url = index.get("url") if isinstance(index, dict) else None
    if not _is_url(url):
        raise NothingToRead("its index.json names no URL")
    try:
        at = datetime.fromtimestamp(float(folder.name), UTC)
    except (ValueError, OverflowError, OSError):
        raise NothingToRead("the folder's name is no time that a page can have been kept at") from None
    for name in _PAGES:
        place = folder / name
        if place.is_file() and 0 < place.stat().st_size <= _HTML_LIMIT:
            yield MadePage(url, place.read_bytes(), at)
            return
    yield url


def news_please(path: Path) -> Iterator[Shown]:
    """The articles of a JSON or JSON Lines file of news-please, those with their HTML as pages; of the others the URL.

    news-please itself keeps the HTML in a file of its own, which `localpath` names; some that build on it put it into
    the JSON. `date_download` has no zone and is taken as UTC.
    """
    for article in _articles(path):
        if isinstance(article, BadRecord):
            yield article
            continue
        url = article.get("url")
        if not _is_url(url):
            continue
        html, at = _html_of(article, path), _instant(article.get("date_download"))
        yield MadePage(url, html, at) if html and at is not None else url


def _articles(path: Path) -> Iterator[dict[str, Any] | BadRecord]:
    try:
        whole = _load(path)
    except NothingToRead:
        whole = _lines(path)
    for each in whole if isinstance(whole, (list, Iterator)) else [whole]:
        if isinstance(each, (dict, BadRecord)):
            yield each


def _load(path: Path) -> Any:
    try:
        if path.stat().st_size > JSON_LIMIT:
            raise NothingToRead(f"it is larger than {JSON_LIMIT:,} bytes: divide it")
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise NothingToRead(f"it is no JSON that can be read ({error})") from None


def _lines(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        offset = 0
        while line := file.readline(JSON_LIMIT):
            try:
                if line.strip():
                    yield json.loads(line)
            except (ValueError, RecursionError):
                yield BadRecord(offset, 0, "", "its line is no JSON")
            offset += len(line)


def _html_of(article: dict[str, Any], path: Path) -> bytes:
    given = next((article[name] for name in _HTML_NAMES if isinstance(article.get(name), str)), "")
    if given:
        return given.encode("utf-8", "replace")
    for place in islice(_beside(article, path), 3):
        if place.is_file() and 0 < place.stat().st_size <= _HTML_LIMIT:
            return place.read_bytes()
    return b""


def _beside(article: dict[str, Any], path: Path) -> Iterator[Path]:
    """Where the HTML of an article may stand: under its own name in the JSON's folder, never elsewhere."""
    local = article.get("localpath")
    names = [local.replace("\\", "/").rpartition("/")[2]] if isinstance(local, str) else []
    stem = path.name.removesuffix(".json")
    for name in [*names, stem, stem + ".html"]:
        if name and name not in (".", "..") and "\x00" not in name and name != path.name:
            yield path.parent / name


def _is_url(value: object) -> TypeGuard[str]:
    """Whether it may be a URL: JSON can state characters that are none, and stand for nothing in UTF-8."""
    if not isinstance(value, str) or not value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _instant(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
