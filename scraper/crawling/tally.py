"""Counts of a crawl, by domain and in all, drawn from its events."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from scraper.crawling.events import AddressAnnounced, CrawlEvent, DomainChanged, FetchFailed, PageKept, PageRead

MAX_LISTED = 1000
"""At most so many failures are remembered one by one; the rest is counted."""


@dataclass(slots=True)
class Counts:
    """What one domain gave. `articles` counts pages that were articles, whatever they added:
    `articles` = `new` + `edits` + `same` + `duplicates`."""

    pages: int = 0
    listings: int = 0
    articles: int = 0
    new: int = 0
    edits: int = 0
    same: int = 0
    duplicates: int = 0
    notices: int = 0
    refused: int = 0
    failures: int = 0

    def add(self, other: Counts) -> None:
        """Add another's counts to these."""
        for name in COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return {name: getattr(self, name) for name in COUNTED}


COUNTED = (
    "pages", "listings", "articles", "new", "edits", "same", "duplicates", "notices", "refused", "failures",
)  # fmt: skip
_NOVELTIES = {"new": "new", "edit": "edits", "same": "same", "duplicate": "duplicates"}


@dataclass(slots=True)
class DomainTally:
    """A domain's counts, with its role and what became known of it in this crawl."""

    counts: Counts = field(default_factory=Counts)
    role: str = ""
    state: str = "unknown"
    detail: str = ""
    expected: bool = False


@dataclass(slots=True)
class Tally:
    """The counts of one outlet's crawl. Feed it every event of that outlet by `add`."""

    domains: dict[str, DomainTally] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    announced: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> Counts:
        """The counts over all domains."""
        total = Counts()
        for domain in self.domains.values():
            total.add(domain.counts)
        return total

    def add(self, event: CrawlEvent) -> None:
        """Count an event."""
        match event:
            case PageKept():
                self._counts(event.host).pages += 1
            case PageRead():
                self._count_reading(event)
            case FetchFailed() if event.final:
                self._counts(event.host).failures += 1
                self._list_failure(event.url, event.reason)
            case DomainChanged():
                domain = self.domains.setdefault(event.host, DomainTally())
                domain.role, domain.state = event.role, event.state
                domain.detail, domain.expected = event.detail, event.expected
            case AddressAnnounced():
                self.announced.setdefault(event.host, event.url)
            case _:
                pass

    def _counts(self, host: str) -> Counts:
        return self.domains.setdefault(host, DomainTally()).counts

    def _count_reading(self, event: PageRead) -> None:
        counts = self._counts(event.host)
        kind, _, reason = event.outcome.partition(":")
        if kind == "article":
            counts.articles += 1
            name = _NOVELTIES.get(event.novelty)
            if name is not None:
                setattr(counts, name, getattr(counts, name) + 1)
        elif kind == "listing":
            counts.listings += 1
        elif kind == "notice":
            counts.notices += 1
        elif kind == "refused":
            counts.refused += 1
            self.reasons[reason] += 1
        else:
            counts.failures += 1
            self._list_failure(event.url, reason or kind)

    def _list_failure(self, url: str, reason: str) -> None:
        if len(self.failures) < MAX_LISTED:
            self.failures.append((url, reason))
