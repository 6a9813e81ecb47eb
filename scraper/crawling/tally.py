"""The counts of a running crawl."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from scraper.crawling.media import KIND as MEDIA_KIND


@dataclass(slots=True)
class Tally:
    """What a crawl has done so far. `refused` and `failed` count by reason; `domains` counts pages by host.

    `pages` counts exchanges kept, robots.txt and redirects among them; `articles` pages that showed an article;
    `earlier` pages that earlier runs had kept and this one read; `unchanged` pages that their server said to be what
    it had sent before (304), which are read as such. What pages need to look as they did is counted apart: `media`
    those kept, `media_bytes` of all their answers, `media_missing` by reason, `media_left_out` for the budget.
    `fields` says at the end how many texts are new and which fields they have.
    """

    pages: int = 0
    articles: int = 0
    new: int = 0
    edits: int = 0
    duplicates: int = 0
    listings: int = 0
    notices: int = 0
    copies: int = 0
    earlier: int = 0
    unchanged: int = 0
    bytes: int = 0
    media: int = 0
    media_bytes: int = 0
    media_left_out: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    media_missing: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    fields: dict[str, int] = field(default_factory=dict)

    def count_outcome(self, outcome: str, *, kind: str) -> None:
        """Count a refusal or a failure of a resource of this kind."""
        verdict, _, reason = outcome.partition(":")
        if verdict in ("refused", "failed"):
            of_pages = self.refused if verdict == "refused" else self.failed
            (self.media_missing if kind == MEDIA_KIND else of_pages)[reason] += 1

    def as_counts(self) -> dict[str, Any]:
        """The counts with stable keys, for the crawl's row and for JSON."""
        return {
            "pages": self.pages,
            "articles": self.articles,
            "new": self.new,
            "edits": self.edits,
            "duplicates": self.duplicates,
            "listings": self.listings,
            "notices": self.notices,
            "copies": self.copies,
            "earlier": self.earlier,
            "unchanged": self.unchanged,
            "bytes": self.bytes,
            "refused": dict(self.refused),
            "failures": dict(self.failed),
            "domains": dict(self.domains),
            "fields": dict(self.fields),
            "media": {
                "kept": self.media,
                "bytes": self.media_bytes,
                "left_out": self.media_left_out,
                "missing": dict(self.media_missing),
            },
        }
