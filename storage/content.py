"""What a page says: the values that an extraction yields and a revision holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

BlockKind = Literal["paragraph", "heading", "quote", "list", "table", "box", "caption", "byline", "embed"]
ArticleKind = Literal["article", "brief", "opinion", "interview", "video", "gallery", "live", "bulletin", "programme"]
Precision = Literal["day", "minute", "second"]


@dataclass(frozen=True, slots=True)
class Block:
    """One block of an article's body in reading order, its text as printed.

    A list keeps its entries in `items` (its `text` is empty), a table its rows, the cells of a row divided by tabs;
    a heading its `level` (1 to 6).
    """

    kind: BlockKind
    text: str = ""
    level: int | None = None
    items: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The cells of a table, row by row; nothing for any other block."""
        return tuple(tuple(item.split("\t")) for item in self.items) if self.kind == "table" else ()


@dataclass(frozen=True, slots=True)
class Figure:
    """An image or player with what is printed at it; `url` is absolute, or None where none was found."""

    url: str | None
    caption: str | None = None
    credit: str | None = None


@dataclass(frozen=True, slots=True)
class PrintedDate:
    """A date as printed, with what was made of it.

    `at` is UTC; `precision` says which part of it the page states; `zone` is the offset or zone name
    used to read it (the page's own, or the outlet's where the page prints none).
    """

    at: datetime
    printed: str
    precision: Precision
    zone: str

    @property
    def local(self) -> datetime:
        """The instant in the zone in which it was printed."""
        return self.at.astimezone(zone_of(self.zone))

    @property
    def day(self) -> date:
        """The day in the zone in which it was printed."""
        return self.local.date()


@dataclass(frozen=True, slots=True)
class ArticleContent:
    """An article as one page shows it. `section` is the breadcrumb from the top, e.g. ("News", "Politics").

    `found` tells for each field how it was found (a selector, 'json-ld', 'og:title', 'trafilatura', ...).
    """

    headline: str
    blocks: tuple[Block, ...]
    kind: ArticleKind = "article"
    lead: str | None = None
    authors: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    language: str | None = None
    published: PrintedDate | None = None
    updated: PrintedDate | None = None
    found: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> str:
        """The body as plain text, paragraphs divided by an empty line; captions, bylines, embeds left out."""
        return plain_text(self.blocks)


def zone_of(name: str) -> tzinfo:
    """The zone that a PrintedDate names: an IANA name, or an offset as '+03:30'."""
    if name in ("UTC", ""):
        return UTC
    if name.startswith(("+", "-")):
        offset = datetime.strptime(name, "%z").tzinfo
        assert offset is not None
        return offset
    return ZoneInfo(name)


def plain_text(blocks: Iterable[Block]) -> str:
    """Blocks as plain text: one paragraph a block, one line an item of a list or a row of a table."""
    parts = []
    for block in blocks:
        if block.kind in ("caption", "byline", "embed"):
            continue
        rows = [" | ".join(row) for row in block.rows]
        parts.append("\n".join(rows or block.items) or block.text)
    return "\n\n".join(part for part in parts if part)
