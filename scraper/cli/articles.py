"""Put an article's content into text, Markdown and JSON."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from scraper.cli.printing import minute, width
from storage.content import ArticleContent, Block, Figure, PrintedDate

_MARKDOWN = re.compile(r"([\\`*_\[\]<>])")
_LINE_START = re.compile(r"^(\s*)(#{1,6}(?=\s)|[-+](?=\s)|\d+[.)](?=\s)|>|=+$|-+$|~~~)", re.MULTILINE)
_SILENT = ("caption", "byline", "embed")


def article_json(content: ArticleContent) -> dict[str, Any]:
    """The content with stable keys (docs/json.md); its dates have the offset of the zone in which they were printed."""
    return {
        "headline": content.headline,
        "kind": content.kind,
        "lead": content.lead,
        "text": content.body,
        "blocks": [_block_json(block) for block in content.blocks],
        "authors": list(content.authors),
        "section": list(content.section),
        "tags": list(content.tags),
        "figures": [_figure_json(figure) for figure in content.figures],
        "language": content.language,
        "published": _date_json(content.published),
        "updated": _date_json(content.updated),
        "found": dict(sorted(content.found.items())),
    }


def article_text(content: ArticleContent, indent: int = 0) -> list[str]:
    """The content as lines of plain text, wrapped for the terminal less `indent`; the caller makes them printable."""
    columns = width() - indent
    lines = [*textwrap.wrap(content.headline, columns), ""]
    facts = [", ".join(content.authors), _when(content), " > ".join(content.section)]
    facts = [fact for fact in facts if fact]
    if facts:
        lines += [*textwrap.wrap(" | ".join(facts), columns), ""]
    if content.lead and not _begins_with_lead(content):
        lines += [*textwrap.wrap(content.lead, columns), ""]
    for block in content.blocks:
        if block.kind not in _SILENT:
            lines += [*_block_text(block, columns), ""]
    for figure in content.figures:
        lines += textwrap.wrap(
            _figure_text(figure), columns, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    return lines


def article_markdown(content: ArticleContent) -> list[str]:
    """The content as lines of CommonMark. Nothing from the page is taken for markup."""
    lines = [f"# {escape_markdown(content.headline)}", ""]
    facts = [", ".join(content.authors), _when(content), " > ".join(content.section)]
    if any(facts):
        lines += [f"*{escape_markdown(' | '.join(fact for fact in facts if fact))}*", ""]
    if content.lead and not _begins_with_lead(content):
        lines += [f"**{escape_markdown(content.lead)}**", ""]
    for block in content.blocks:
        if block.kind not in _SILENT:
            lines += [*_block_markdown(block), ""]
    for figure in content.figures:
        lines += [f"- {escape_markdown(_figure_text(figure))}"]
    return lines


def escape_markdown(text: str) -> str:
    """The text so that CommonMark shows it as it is."""
    return _LINE_START.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\1", text))


def _begins_with_lead(content: ArticleContent) -> bool:
    """Whether the page says its lead once more as the body's first paragraph."""
    first = next((block.text for block in content.blocks if block.kind == "paragraph"), "")
    return first == content.lead


def _block_json(block: Block) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": block.kind, "text": block.text, "level": block.level, "items": list(block.items)}
    if block.kind == "table":
        found |= {"items": [], "rows": [list(row) for row in block.rows]}
    return found


def _figure_json(figure: Figure) -> dict[str, Any]:
    return {"url": figure.url, "caption": figure.caption, "credit": figure.credit}


def _date_json(date: PrintedDate | None) -> dict[str, Any] | None:
    if date is None:
        return None
    return {"at": date.local, "printed": date.printed, "precision": date.precision, "zone": date.zone, "day": date.day}


def _block_text(block: Block, columns: int) -> list[str]:
    if block.kind == "list":
        return [
            line
            for item in block.items
            for line in textwrap.wrap(item, columns, initial_indent="- ", subsequent_indent="  ")
        ]
    if block.kind == "table":
        return [line for row in block.rows for line in textwrap.wrap(" | ".join(row), columns, subsequent_indent="  ")]
    indent = "  " if block.kind in ("quote", "box") else ""
    return [
        line
        for paragraph in block.text.split("\n")
        for line in textwrap.wrap(paragraph, columns, initial_indent=indent, subsequent_indent=indent)
    ]


def _block_markdown(block: Block) -> list[str]:
    text = escape_markdown(block.text)
    match block.kind:
        case "heading":
            return [f"{'#' * min((block.level or 2), 6)} {' '.join(text.split())}"]
        case "list":
            return [f"- {escape_markdown(' '.join(item.split()))}" for item in block.items]
        case "table":
            return _table_markdown(block)
        case "quote" | "box":
            return [f"> {line}" for line in text.split("\n")]
        case _:
            return text.split("\n")


def _table_markdown(block: Block) -> list[str]:
    """A table as GitHub Flavored Markdown has it, section 4.10: the first row is the header."""
    widest = max(len(row) for row in block.rows)
    lines = []
    for row in block.rows:
        cells = [escape_markdown(" ".join(cell.split())).replace("|", "\\|") for cell in row]
        lines.append(f"| {' | '.join(cells + [''] * (widest - len(cells)))} |")
    return [lines[0], f"|{' --- |' * widest}", *lines[1:]]


def _figure_text(figure: Figure) -> str:
    caption = figure.caption or "(no caption)"
    credit = f" [{figure.credit}]" if figure.credit and figure.credit not in caption else ""
    return f"Figure: {caption}{credit} {figure.url or ''}".rstrip()


def _when(content: ArticleContent) -> str:
    parts = [
        f"{said} {_stamp(date)}"
        for said, date in (("published", content.published), ("updated", content.updated))
        if date is not None
    ]
    return ", ".join(parts)


def _stamp(date: PrintedDate) -> str:
    """The printed string where there is one: it is what the page says."""
    return date.printed or (str(date.day) if date.precision == "day" else f"{minute(date.at)} UTC")
