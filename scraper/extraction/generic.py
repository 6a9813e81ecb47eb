"""Reading an article's page without a profile: trafilatura chooses, the page is quoted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from lxml.html import HtmlElement

from scraper.extraction.blocks import Piece, build_blocks, without_headline, without_read_more
from scraper.extraction.engine import take
from scraper.extraction.grounding import ground
from scraper.extraction.metadata import read_language, read_metadata
from scraper.extraction.passages import Passage, text_of
from scraper.extraction.structured import Structured
from storage.content import ArticleContent, Figure, plain_text


@dataclass(frozen=True, slots=True)
class Read:
    """An article as read, or a reason ('empty', 'no-headline') why there is none; what there is stays in `content`."""

    content: ArticleContent
    reason: str | None = None


def read_generic(
    tree: HtmlElement,
    passages: list[Passage],
    stated: Structured,
    *,
    url: str,
    captured_at: datetime,
    zone: tzinfo = UTC,
    languages: tuple[str, ...] = (),
) -> Read:
    """Read any page as an article. `zone` reads dates that state none; `languages` are those to choose from."""
    taken = take(tree, url, captured_at)
    pieces = [Piece(each.text, each.passage) for each in ground(taken.lines, passages)] if taken else []
    data = read_metadata(tree, stated, taken, captured_at=captured_at, zone=zone)
    headlines = [data.headline, (taken.title if taken else None) or "", *_sole_heading(tree)]
    blocks = build_blocks(without_read_more(without_headline(pieces, headlines)) or pieces)
    text = plain_text(blocks)
    data.language, how = read_language(tree, text, languages)
    found = {**data.found, "body": "trafilatura"} if blocks else dict(data.found)
    if data.language:
        found["language"] = how
    content = ArticleContent(
        headline=data.headline,
        blocks=blocks,
        kind=data.kind,
        lead=stated.first("og:description", "description"),
        authors=data.authors,
        section=data.section,
        tags=data.tags,
        figures=(Figure(data.image),) if data.image and data.image.startswith("http") else (),
        language=data.language,
        published=data.published,
        updated=data.updated,
        found=found,
    )
    return Read(content, None if text.strip() else "empty")


def _sole_heading(tree: HtmlElement) -> list[str]:
    """The text of the page's only h1: with several, none is surely the headline."""
    headings = [text for each in tree.iter("h1") if (text := text_of(each))]
    return headings if len(headings) == 1 else []
