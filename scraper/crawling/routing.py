"""Which of an outlet's domains is asked for a resource, decided when it is fetched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import inf
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from scraper.outlet import Domain, Outlet
from storage.clocks import TOLERANCE

if TYPE_CHECKING:
    from storage.frontier import Leased
    from storage.outlets import DomainRow

FAILURES_TO_LEAVE = 3
"""So many failed attempts in a row, none between them answered, and a domain is left for this crawl."""

REFUSALS_TO_LEAVE = 8
"""So many refusals in a row, and a domain is left for this crawl. More than of failures, as some pages of a domain
that serves may be refused; each is asked elsewhere at once."""

DOMAIN_FAILURES = frozenset(
    ("dns", "refused", "reset", "timeout", "tls", "unreachable", "proxy", "bad-response", "robots-unreachable")
)
"""Reasons that speak of the host rather than of one page."""


MIRROR_LISTINGS = timedelta(hours=20)
"""How long a listing of a domain that stands behind another is taken for known: it is read once a day, at about the
same hour. What is new stands on the domain before it."""


@dataclass(slots=True)
class Standing:
    """How one domain fares in this crawl. `held`: it is not asked, since another process asks it. `plain`: it is asked
    by http, as https gave no answer; `secure`: it did. `failures` and `refusals` count those in a row; the last failure
    was counted at `failed_at`, by the monotonic clock."""

    row: DomainRow
    domain: Domain
    asked: bool
    held: bool = False
    plain: bool = False
    secure: bool = False
    alive: bool = True
    failures: int = 0
    failed_at: float = -inf
    refusals: int = 0
    answered: bool = False


class Route:
    """Chooses URLs by the rank of the domains that serve, and leaves a domain that stops answering."""

    def __init__(
        self, outlet: Outlet, rows: Sequence[DomainRow], only: Iterable[str] = (), plain: Iterable[str] = ()
    ) -> None:
        """`only` are the hosts asked (default: all), `plain` those known to answer by http alone."""
        hosts, plain = frozenset(only), frozenset(plain)
        known = {(row.host, row.path): row for row in rows}
        self._outlet = outlet
        crawled = outlet.crawled_domains()
        self.standings = [
            Standing(
                known[domain.host, domain.path],
                domain,
                asked=not hosts or domain.host in hosts,
                plain=domain.scheme is None and domain.host in plain,
            )
            for domain in crawled
            if (domain.host, domain.path) in known
        ]
        self._by_host: dict[str, list[Standing]] = {}
        for each in sorted(self.standings, key=lambda each: len(each.domain.path), reverse=True):
            self._by_host.setdefault(each.domain.host, []).append(each)

    def standing(self, url: str) -> Standing | None:
        """The domain that a URL belongs to, if this crawl may ask it."""
        host, path = _place(url)
        for each in self._by_host.get(host, ()):
            if path.startswith(each.domain.path.rstrip("/")):
                return each
        return None

    def targets(self, leased: Leased, since: datetime, *, now: datetime, full: bool = False) -> list[str]:
        """The URLs to ask for a resource: one for an article, one a living domain for a listing.

        A listing is not asked again where it was fetched at `since` or later; on a domain behind another that serves
        the same edition, but for `full`, not either where it was fetched less than MIRROR_LISTINGS before. What is
        still to come (`now` is UTC), since the clock was set back, does not count.
        """
        urls = [place.url for place in leased.locations]
        if leased.kind == "article":
            url = self.article_url(urls)
            return [url] if url else []
        often, seldom = since, since if full else min(since, since - MIRROR_LISTINGS)
        urls = [
            each.url
            for each in leased.locations
            if each.fetched_at is None
            or each.fetched_at < (often if self.leads(each.url) else seldom)
            or each.fetched_at > now + TOLERANCE
        ]
        asked = {url.partition("://")[2]: url for url in sorted(map(self.asked_as, urls)) if self._may_ask(url)}
        return list(asked.values())

    def waits(self, leased: Leased) -> bool:
        """Whether a resource is asked for by nobody only because another process asks its hosts now."""
        return any(
            each.held and each.domain.host in {place.host for place in leased.locations} for each in self.standings
        )

    def leads(self, url: str) -> bool:
        """Whether a URL's domain is the first living one of its edition."""
        standing = self.standing(url)
        if standing is None:
            return True
        first = next(
            (
                each
                for each in self.standings
                if each.asked
                and each.alive
                and each.domain.role != "former"
                and each.domain.edition == standing.domain.edition
            ),
            None,
        )
        return first is None or first is standing

    def asked_as(self, url: str) -> str:
        """A URL with the scheme that its domain answers by."""
        standing = self.standing(url)
        plain = standing is not None and standing.plain
        return "http://" + url.removeprefix("https://") if plain and url.startswith("https://") else url

    def article_url(
        self, urls: Sequence[str], *, besides: frozenset[int] = frozenset(), guess: bool = True
    ) -> str | None:
        """Where an article is asked: at the best-ranked living domain that showed it, or that has the same paths.

        `besides` leaves out domains by their id; without `guess`, only a domain that showed it counts.
        """
        placed = [(url, self._outlet.domain_of(*_place(url))) for url in urls]
        for each in self.standings:
            if not (each.asked and each.alive) or each.domain.role == "former" or each.row.id in besides:
                continue
            for url, domain in placed:
                if domain == each.domain:
                    return self.asked_as(url)
            if each.domain.paths != "same" or not guess:
                continue
            for url, domain in placed:
                if domain is not None and domain.paths == "same" and domain.edition == each.domain.edition:
                    return self.asked_as(_moved(url, domain, each.domain))
        return None

    def answered(self, url: str) -> Standing | None:
        """A domain answered. Gives its standing when that is news in this crawl."""
        standing = self.standing(url)
        if standing is None:
            return None
        standing.failures = 0
        standing.secure = standing.secure or url.startswith("https://")
        news, standing.answered = not standing.answered, True
        return standing if news else None

    def failed(self, url: str, reason: str, *, sent_at: float = inf) -> Standing | None:
        """An attempt failed that was sent at `sent_at` (by the monotonic clock). Gives the standing of a domain that is
        left because of it.

        Attempts that were under way together count once: what made them fail may have been a moment, or this machine's
        own stall, after which all that wait are out of time at once.
        A domain whose profile states no scheme is asked by http before it is left, if https never gave an answer.
        """
        standing = self.standing(url)
        if standing is None or reason not in DOMAIN_FAILURES or not standing.alive:
            return None
        if standing.plain and url.startswith("https://"):
            return None
        if sent_at < standing.failed_at:
            return None
        standing.failures += 1
        standing.failed_at = monotonic()
        if standing.failures < FAILURES_TO_LEAVE:
            return None
        if standing.domain.scheme is None and not (standing.plain or standing.secure):
            standing.plain, standing.failures = True, 0
            return None
        standing.alive = False
        return standing

    def served(self, url: str) -> None:
        """A domain gave something that can be read."""
        standing = self.standing(url)
        if standing is not None:
            standing.refusals = 0

    def refused(self, url: str) -> Standing | None:
        """A domain answered, but not with what the outlet publishes. Gives its standing when it is left for that."""
        standing = self.standing(url)
        if standing is None or not standing.alive:
            return None
        standing.refusals += 1
        if standing.refusals < REFUSALS_TO_LEAVE:
            return None
        standing.alive = False
        return standing

    def leave(self, url: str) -> Standing | None:
        """Leave a domain at once: it shows a notice in the outlet's place."""
        standing = self.standing(url)
        if standing is None or not standing.alive:
            return None
        standing.alive = False
        return standing

    def is_alive(self, url: str) -> bool:
        """Whether the URL's host is still asked; hosts that are no domain of the outlet always are."""
        standing = self.standing(url)
        return standing is None or standing.alive

    @property
    def serves(self) -> bool:
        """Whether there is a domain that is asked and neither failed nor refused when it was asked last."""
        return any(
            each.asked and each.alive and not (each.failures or each.refusals)
            for each in self.standings
            if each.domain.role != "former"
        )

    def _may_ask(self, url: str) -> bool:
        standing = self.standing(url)
        return standing is not None and standing.asked and standing.alive


def scheme_of(domain: Domain) -> str:
    """The scheme that a domain is asked with first."""
    return domain.scheme or "https"


@lru_cache(maxsize=1024)
def _place(url: str) -> tuple[str, str]:
    """Host and path; remembered, since a URL is asked for several times on its way."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.path


def _moved(url: str, old: Domain, new: Domain) -> str:
    """The same path on another domain of the outlet."""
    parts = urlsplit(url)
    path = parts.path
    if old.path and path.startswith(old.path):
        path = path[len(old.path.rstrip("/")) :]
    return urlunsplit((scheme_of(new), new.host, new.path.rstrip("/") + path, parts.query, ""))
