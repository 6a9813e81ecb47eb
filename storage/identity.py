"""Name a content by its digest, so that the same words are the same revision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from storage.content import ArticleContent, Block, Figure, PrintedDate
from storage.folding import fold_typography


def content_digest(content: ArticleContent) -> str:
    """The revision's name: hex SHA-256 over canonical JSON of headline, lead, blocks, authors and captions,
    folded so that typography alone makes no revision. Dates, section, tags, links and addresses of images are left out.
    """
    return hashlib.sha256(digested(content)).hexdigest()


def digested(content: ArticleContent) -> bytes:
    """What `content_digest` is the SHA-256 of."""
    return _canonical(
        {
            "authors": _folded(content.authors),
            "blocks": [folded for block in content.blocks if (folded := _folded_block(block))],
            "captions": _folded(figure.caption or "" for figure in content.figures),
            "headline": fold_typography(content.headline),
            "lead": fold_typography(content.lead or ""),
        }
    )


def text_sha256(content: ArticleContent) -> str:
    """The name of the exact form: hex SHA-256 over canonical JSON of all that the page shows, nothing folded."""
    shown = _canonical(
        {
            "authors": content.authors,
            "blocks": [_exact_block(block) for block in content.blocks],
            "figures": [_exact_figure(figure) for figure in content.figures],
            "headline": content.headline,
            "lead": content.lead,
            "published": _printed(content.published),
            "section": content.section,
            "tags": content.tags,
            "updated": _printed(content.updated),
        }
    )
    return hashlib.sha256(shown).hexdigest()


def _folded(texts: Iterable[str]) -> list[str]:
    return [folded for text in texts if (folded := fold_typography(text))]


def _folded_block(block: Block) -> list[str]:
    """A block's kind with its level, then its texts; nothing for a block without text."""
    texts = _folded((block.text, *block.items))
    return [f"{block.kind}{block.level or ''}", *texts] if texts else []


def _exact_block(block: Block) -> list[Any]:
    return [block.kind, block.level, block.text, *block.items]


def _exact_figure(figure: Figure) -> list[Any]:
    return [figure.url, figure.caption, figure.credit]


def _printed(date: PrintedDate | None) -> str | None:
    return date.printed if date else None


def _canonical(value: object) -> bytes:
    """Canonical JSON: keys sorted, no white space, UTF-8. A lone surrogate, which UTF-8 cannot hold, is escaped."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")
