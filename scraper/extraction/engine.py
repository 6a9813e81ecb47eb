"""What trafilatura takes a page for: its text and its metadata, asked without network and without today's date."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from lxml.html import HtmlElement
from trafilatura import bare_extraction
from trafilatura.settings import Document

# What it has to say of a page is in our outcome; its warnings name no capture.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
logging.getLogger("htmldate").setLevel(logging.CRITICAL)
logging.getLogger("courlan").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Taken:
    """Trafilatura's answer: the lines of the body in order, and what it made of the page's metadata."""

    lines: tuple[str, ...] = ()
    title: str | None = None
    authors: tuple[str, ...] = ()
    day: str | None = None
    tags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    site: str | None = None


def take(tree: HtmlElement, url: str, captured_at: datetime) -> Taken | None:
    """Ask trafilatura for a page; None where it takes it for no page of text. `tree` stays as it is.

    No date after the day of capture is taken; the day is given, for the engine would ask the clock.
    """
    latest = captured_at.date().isoformat()
    document = bare_extraction(
        tree,
        url=url or None,
        with_metadata=True,
        include_comments=False,
        date_extraction_params={"original_date": True, "extensive_search": True, "max_date": latest},
    )
    if not isinstance(document, Document):
        return None
    return Taken(
        lines=tuple(line for line in (document.text or "").splitlines() if line.strip()),
        title=document.title or None,
        authors=tuple(name for part in (document.author or "").split(";") if (name := part.strip())),
        day=document.date or None,
        tags=_texts(document.tags),
        categories=_texts(document.categories),
        site=document.sitename or None,
    )


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(text for item in value if isinstance(item, str) for part in item.split(",") if (text := part.strip()))
