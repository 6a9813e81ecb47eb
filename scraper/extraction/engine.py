"""What trafilatura takes a page for: its text and its metadata, asked without network and without today's date."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime
from functools import cached_property

from htmldate import find_date
from lxml.html import HtmlElement
from trafilatura import bare_extraction
from trafilatura.metadata import examine_meta, extract_author, extract_meta_json
from trafilatura.settings import Document

# What it has to say of a page is in our outcome; its warnings name no capture.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
logging.getLogger("htmldate").setLevel(logging.CRITICAL)
logging.getLogger("courlan").setLevel(logging.CRITICAL)

_MOST_OPEN = 100


class Engine:
    """Trafilatura's reading of one page, each part of it when it is first asked for. The tree stays as it is."""

    def __init__(self, tree: HtmlElement, url: str, captured_at: datetime) -> None:
        self._tree, self._url, self._captured_at = tree, url or None, captured_at

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of the body, by its own rules alone, which are quick; nothing where it takes the page for none."""
        return self._read(fast=True)

    @cached_property
    def second_lines(self) -> tuple[str, ...]:
        """The lines of the body after it has asked the algorithms that it falls back on, too."""
        return self._read(fast=False)

    @cached_property
    def authors(self) -> tuple[str, ...]:
        """Its guess of the authors: from meta elements, then JSON-LD, then what looks like a byline."""
        found = examine_meta(self._tree)
        if found.author and " " not in found.author:
            found.author = None
        if all(map(_costs_little, self._tree.iter("script"))):
            with suppress(Exception):  # as trafilatura does itself: JSON-LD that is none raises whatever it likes
                found = extract_meta_json(self._tree, found)
        author = found.author or extract_author(self._tree) or ""
        return tuple(name for part in author.split(";") if (name := part.strip()))

    @cached_property
    def day(self) -> str | None:
        """Its guess of the day of publication (ISO 8601), by htmldate. No day after that of the capture is taken; the
        day is given, for it would ask the clock."""
        latest = self._captured_at.date().isoformat()
        day: str | None = None
        with suppress(ValueError, OverflowError):  # as for a moment whose zone is no zone: +99:99
            day = find_date(self._tree, url=self._url, original_date=True, extensive_search=False, max_date=latest)
        return day

    def _read(self, *, fast: bool) -> tuple[str, ...]:
        document = bare_extraction(self._tree, url=self._url, include_comments=False, fast=fast)
        if not isinstance(document, Document):
            return ()
        return tuple(line for line in (document.text or "").splitlines() if line.strip())


def _costs_little(script: HtmlElement) -> bool:
    """Whether trafilatura's look at a script's JSON-LD takes a time that its length bounds: its expression for markup
    reads on to the end at each sign that begins some, where none ends it."""
    text = script.text or ""
    return text.count("<", text.rfind(">") + 1) <= _MOST_OPEN and text.count("<!--") <= _MOST_OPEN
