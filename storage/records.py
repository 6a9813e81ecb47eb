"""The values handed to the writer and handed back by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from storage.content import ArticleContent
from storage.exchange import Exchange
from storage.naming import NamedContent
from storage.rights import Statement

Novelty = Literal["new", "edit", "same", "duplicate", "none"]
"""What a reading added to the archive.

new: an article not known before. edit: a text that its domain's line of observations had not shown last.
same: the text that this domain showed last. duplicate: a page of a known article, seen on a domain that had not
shown it before. none: no article.
"""

DayFrom = Literal["seen", "lastmod", "listing", "url", "page"]
"""What a resource's day is known from: the day of its first sight, of the last change that a listing states, of
publication as a listing states it, its URL, or the page itself (whose URL counts first)."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """A finished exchange, to be kept (T1).

    `resource` is the leased resource, `url` the URL asked. `outcome` is 'pending' where a worker is to read it, else
    a verdict known without reading ('refused:status-404'). `at` is the mapped clock's UTC instant: it orders
    observations. `final` ends the lease and sets the resource's `due_at` (None: never by itself); the exchanges of a
    redirect's chain but the last are not final. `redirected_from` is the URL whose redirect led here.
    `etag` and `last_modified` are read from the exchange itself. `once`: a payload that was kept under another URL, of
    which that was said too, is referred to rather than kept again.
    """

    exchange: Exchange = field(repr=False)
    resource: int
    url: str
    outcome: str
    at: datetime
    final: bool
    due_at: datetime | None
    redirected_from: str | None = None
    once: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A fetch that gave no exchange (T1); `reason` is one stable word of scraper.fetching's vocabulary."""

    resource: int
    url: str
    reason: str
    at: datetime
    final: bool
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExtractorName:
    """Which extractor read a capture: its version, the digest of its profile and of the boilerplate it had learnt."""

    version: str
    profile_digest: str = ""
    learnt_digest: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that a page, feed or sitemap led to, with the URL it was seen at.

    `kind` is 'article', 'media' (what a page needs to look as it did), or the way of discovery that lists ('sections',
    'feed', 'sitemap', 'datearchive', 'urls').
    `due_at` is when a resource not known before shall be fetched; a known one keeps its own time, but for `lastmod`
    (see storage.frontier.add_found). `found_by` names what led here; `how` is location.how. `day` is an article's day
    of publication in the outlet's zone as far as `day_from` tells it, `section` the section page that listed it.
    """

    key: str
    kind: str
    url: str
    priority: int
    due_at: datetime | None
    found_by: str
    how: str = "linked"
    lastmod: datetime | None = None
    day: date | None = None
    day_from: DayFrom = "seen"
    section: str | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a listing that can list whole days listed: `n` articles, by day as far as their days are known, and the
    span of days of which it lists all (None: not known)."""

    n: int
    days: tuple[tuple[date, int], ...] = ()
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a worker made of a capture (T2).

    `outcome` is 'article', 'listing', 'media', 'notice', 'refused:REASON' or 'failed:REASON'; only 'article' carries
    `key` (the identity key, unique in the outlet) and `content`. `matched` names the profile's era and pattern that
    held. `announced` holds hosts that the page announces as the outlet's own. `published_day` is the day of publication
    in the outlet's zone. `parts` are listings that belong to this one (the files of a sitemap index): they are added,
    and made due unless this run has fetched them. `more` are further listings of the same way (the next page): the
    same is done with them, but only when something in `found` was new to the archive (a resource or a location). Where
    `further_apart` is above zero, those of both that were fetched before are made due at such distances on their host,
    and those not at all that have not changed since by their `lastmod`.
    `due_at`, when set, becomes the resource's due time unless the resource is leased. `coverage` is set for listings
    that can list whole days. `named` is the content made ready by whoever read it, made by the writer where it is None.
    `rights` is what the page and the answer state of its use, None where nobody looked.
    """

    capture: int
    resource: int
    extractor: ExtractorName
    outcome: str
    at: datetime
    key: str | None = None
    content: ArticleContent | None = field(default=None, repr=False)
    matched: str = ""
    found: tuple[Found, ...] = ()
    announced: tuple[str, ...] = ()
    published_day: date | None = None
    more: tuple[Found, ...] = ()
    parts: tuple[Found, ...] = ()
    further_apart: timedelta = timedelta(0)
    due_at: datetime | None = None
    coverage: Coverage | None = None
    named: NamedContent | None = field(default=None, repr=False)
    rights: tuple[Statement, ...] | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a fetch was kept. `warc_path` is relative to the archive's WARC folder; `offset` and `length` are bytes
    of the file, and name the gzip member of the response record."""

    capture: int
    location: int
    warc_path: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Known:
    """What a reading came to.

    `reread`, when set, names the capture that the same domain's line showed last: another extractor read it and the
    digest differs, so that nothing was written. The caller reads that capture again with today's extractor, submits
    that reading, then submits this one again. `former` is the revision that another extractor had read in the same
    capture before, None where it was not read or was no article.
    """

    capture: int
    article: int | None
    revision: int | None
    novelty: Novelty
    new_resources: int
    new_locations: int
    reread: int | None = None
    former: int | None = None


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """A domain as a profile, a page or a person states it. `rank` 0 is asked first, and shows what is current."""

    host: str
    path: str
    role: str
    edition: str | None
    since: date | None
    until: date | None
    rank: int
    source: str = "profile"
