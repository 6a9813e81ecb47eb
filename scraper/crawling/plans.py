"""What the commands ask of a crawl or a fetch, and what these answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from scraper.crawling.tally import Tally
from storage.content import ArticleContent

CrawlOutcome = Literal["done", "failures", "stopped", "unreachable", "locked"]


@dataclass(frozen=True, slots=True)
class CrawlPlan:
    """What to crawl. `outlets` are names of profiles; None means every profile that is not hidden.

    `since` and `until` bound the day of publication (both included), `limit` the articles fetched in this run per
    outlet. `full` asks for what is known too. `domains` limits which hosts are asked. `dry_run` says what would be
    asked and asks nothing.
    """

    outlets: tuple[str, ...] | None
    since: date | None = None
    until: date | None = None
    limit: int | None = None
    full: bool = False
    domains: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class PlannedHost:
    """What a dry run would ask a host for. `detail` says why it would not be asked."""

    host: str
    role: str
    listings: int
    articles: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OutletReport:
    """How the crawl of one outlet went. Times are the clock's, UTC; `seconds` is real time.

    `crawl` is the crawl's id in the archive, None where none began (locked, dry run). `message` is the one line that
    tells why it did not end well; `planned` is filled by a dry run alone.
    """

    outlet: str
    title: str
    outcome: CrawlOutcome
    crawl: int | None
    started_at: datetime
    ended_at: datetime
    seconds: float
    tally: Tally
    message: str = ""
    planned: tuple[PlannedHost, ...] = ()


@dataclass(frozen=True, slots=True)
class CrawlReport:
    """How a run over outlets went. `interrupted` says that a person or a signal ended it; all is kept."""

    outlets: tuple[OutletReport, ...]
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """Pages to fetch now. `save` keeps them in the archive; `any` takes pages that are no articles."""

    urls: tuple[str, ...]
    save: bool = False
    any: bool = False


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """One page of a fetch. `position` is its place in the plan's `urls`.

    `outcome` is as in the archive, or 'failed:REASON' where no exchange came about. `content` is set for articles,
    and with `any` for whatever could be read. `detail` says in words why there is none. `final_url` is where
    redirects led. `saved` names the article (`outlet:key`) where it was kept.
    """

    position: int
    url: str
    outcome: str
    at: datetime
    final_url: str | None = None
    status: int | None = None
    content: ArticleContent | None = field(default=None, repr=False)
    matched: str = ""
    detail: str = ""
    saved: str | None = None


class PageSink(Protocol):
    """Takes pages as they are done, in any order, in the reactor's thread."""

    def __call__(self, page: FetchedPage, /) -> None: ...
