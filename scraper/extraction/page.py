"""What goes into an extraction and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from storage.content import ArticleContent
from storage.rights import Statement

if TYPE_CHECKING:
    from scraper.extraction.forest import Forest
    from scraper.extraction.kinds import Kinds
    from scraper.extraction.learnt import Learnt
    from scraper.extraction.repeats import Shown
    from scraper.outlet import Outlet


@dataclass(frozen=True, slots=True)
class Page:
    """A page as bytes, content coding undone; `content_type` is the response's header; `captured_at` is UTC."""

    content: bytes = field(repr=False)
    content_type: str | None
    url: str
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds within which one page is read: bytes of decoded page, characters of text, elements of its tree."""

    page_bytes: int = 16_000_000
    text_chars: int = 5_000_000
    elements: int = 500_000


@dataclass(frozen=True, slots=True)
class Context:
    """All that an extraction knows besides the page: the outlet's profile (None: any news site), limits, the forest
    that gives verdicts on passages and the one that tells articles from other pages (None: the package's), and what was
    learnt to repeat on the outlet's pages. `showing` asks for the blocks that the page shows."""

    outlet: Outlet | None = None
    limits: Limits = Limits()
    forest: Forest | None = None
    kinds: Kinds | None = None
    learnt: Learnt | None = None
    showing: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A link found on a page; `url` is absolute, without fragment.

    `lastmod` (UTC) is the last change that a sitemap or feed states, `published_day` the day of publication that it
    states, in the outlet's zone.
    """

    url: str
    text: str = ""
    lastmod: datetime | None = None
    published_day: date | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a page turned out to be.

    `verdict` is 'article', 'notice', 'refused:REASON' (no article; the reason can be overruled) or 'failed:REASON'
    (could not be read). `article` is set for 'article' alone; for a refusal that can be
    overruled, `candidate` holds what would have been kept. `matched` names the profile's era and URL pattern
    that held ('' for none). `canonical` is the page's canonical link, absolute. `announced` holds the alternate
    addresses that the page announces in the outlet's own template. `links` are the page's links to the
    outlet's own articles. `rights` is what it states of its use, None where it could not be read.
    `shown` are the blocks of an article's page, if the context asks for them.
    """

    verdict: str
    article: ArticleContent | None = None
    candidate: ArticleContent | None = None
    matched: str = ""
    canonical: str | None = None
    announced: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    rights: tuple[Statement, ...] | None = None
    shown: tuple[Shown, ...] = ()
