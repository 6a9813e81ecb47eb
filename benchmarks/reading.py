"""Reads a page as the scorer takes it, by our extraction and by trafilatura alone, in this process."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from scraper.extraction import extract
from scraper.extraction.page import Context, Page
from storage.content import PrintedDate, zone_of


def read_page(html: bytes, url: str | None, context: Context) -> dict[str, Any] | None:
    """Read a page in a context: title, authors, published (ISO 8601), body; None for what is no article.

    Of an article that a paywall cut short it is what is there: the truths hold that too, and that the archive keeps no
    such text is no matter of how well it was found.
    """
    outcome = extract(Page(html, None, url or "", datetime.now(UTC)), context)
    article = outcome.candidate if outcome.verdict == "refused:paywall" else outcome.article
    if article is None:
        return None
    return {
        "title": article.headline,
        "authors": list(article.authors),
        "published": iso_date(article.published),
        "body": article.body,
    }


def trafilatura_page(html: bytes, url: str | None) -> dict[str, Any] | None:
    """What trafilatura makes of the page by itself."""
    from trafilatura import bare_extraction
    from trafilatura.settings import Document

    document = bare_extraction(html, url=url, with_metadata=True, include_comments=False)
    if not isinstance(document, Document):
        return None
    return {
        "title": document.title,
        "authors": [name.strip() for name in (document.author or "").split(";") if name.strip()],
        "published": document.date,
        "body": document.text,
    }


def iso_date(moment: PrintedDate | None) -> str | None:
    """A date in ISO 8601 as the page means it: in its own zone, or as a day where it states no more."""
    if moment is None:
        return None
    local = moment.at.astimezone(zone_of(moment.zone))
    return local.date().isoformat() if moment.precision == "day" else local.isoformat()
