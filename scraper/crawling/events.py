"""What happens in a crawl, told to whoever watches: small values, one for each thing that happened.

A crawl calls its `Progress` with these, in the reactor's thread, in the order in which things became certain: a page
is told as kept after T1 and as read after T2. A consumer must be quick and must not raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from storage.records import Novelty

DomainState = Literal["serving", "refusing", "seized", "unreachable", "unknown"]


@dataclass(frozen=True, slots=True)
class CrawlStarted:
    """A crawl of an outlet begins. `hosts` are those it will ask, by rank; `at` is the clock's UTC instant.

    `adopted` counts whole exchanges that an earlier, killed run had written and this start took over; `pending`
    captures that were kept and not yet read.
    """

    outlet: str
    title: str
    hosts: tuple[str, ...]
    at: datetime
    adopted: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class PageKept:
    """An exchange is safe in the archive (T1). `kind` is the resource's: 'article' or the way of discovery."""

    outlet: str
    host: str
    url: str
    kind: str
    status: int


@dataclass(frozen=True, slots=True)
class PageRead:
    """A kept page was read and is known (T2).

    `outcome` is 'article', 'listing', 'notice', 'refused:REASON' or 'failed:REASON'; for articles `novelty` says what
    it added, and `headline` what it is.
    """

    outlet: str
    host: str
    url: str
    outcome: str
    novelty: Novelty = "none"
    headline: str | None = None


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """No exchange came about. `reason` is a stable word; `final` says that this crawl will not try again."""

    outlet: str
    host: str
    url: str
    reason: str
    final: bool = True


@dataclass(frozen=True, slots=True)
class DomainChanged:
    """What is known of a domain's state changed, or was seen for the first time in this crawl.

    `expected` says that the profile knows it so (a former domain that shows a notice), so that it is no failure.
    """

    outlet: str
    host: str
    role: str
    state: DomainState
    detail: str = ""
    expected: bool = False


@dataclass(frozen=True, slots=True)
class AddressAnnounced:
    """The outlet's own pages announce a host that its profile does not hold. It is recorded and not crawled."""

    outlet: str
    host: str
    url: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing can be asked before `until` (UTC, the clock's): a host's delay, Retry-After, or another run's lease."""

    outlet: str
    host: str
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the operator that no other event says."""

    outlet: str
    text: str


@dataclass(frozen=True, slots=True)
class CrawlEnded:
    """A crawl of an outlet ended; the report follows."""

    outlet: str
    outcome: str
    at: datetime


CrawlEvent = (
    CrawlStarted | PageKept | PageRead | FetchFailed | DomainChanged | AddressAnnounced | Waiting | Notice | CrawlEnded
)


class Progress(Protocol):
    """Whoever watches a crawl."""

    def __call__(self, event: CrawlEvent, /) -> None: ...


def ignore(event: CrawlEvent, /) -> None:
    """The progress of a crawl that nobody watches."""
