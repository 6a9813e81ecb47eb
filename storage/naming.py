"""Make a content ready to be written: storable, with its names and the words by which it is found."""

from __future__ import annotations

from dataclasses import dataclass, field

from storage.content import ArticleContent
from storage.identity import content_digest, text_sha256
from storage.storable import storable_content
from storage.words import SearchRow, search_row


@dataclass(frozen=True, slots=True)
class NamedContent:
    """A content as it is written: `digest` names its revision, `text_sha256` its exact form (see storage.identity).

    To make it takes about as long as to write it, so it is made where many read at once, and written by one.
    """

    content: ArticleContent = field(repr=False)
    digest: str
    text_sha256: str
    words: SearchRow = field(repr=False)


def name_content(content: ArticleContent) -> NamedContent:
    """Make a content ready to be written."""
    kept = storable_content(content)
    return NamedContent(kept, content_digest(kept), text_sha256(kept), search_row(kept))
