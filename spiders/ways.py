"""The ways of discovery: which listings a crawl begins with, and what a listing leads to.

Each way is a module with `seeds(outlet, rule, request)` and `read(page, outlet, rule)`; both are pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from importlib import import_module
from typing import Protocol, cast
from urllib.parse import urlsplit

from scraper.extraction.page import Link, Page
from scraper.outlet import Discovery, Domain, Outlet, Way
from spiders.starts import address_of, closeness, path_of

LISTING = 0
"""The frontier's priority of listings: before every article."""

NEW = 10
"""The frontier's priority of articles not fetched before."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A resource that a crawl begins with: a listing by its way, or ('urls') an article, at one of its URLs."""

    key: str
    kind: str
    url: str
    priority: int = LISTING


@dataclass(frozen=True, slots=True)
class Request:
    """What a crawl asks of discovery: the day it runs (in the outlet's zone) and the days of publication it wants.

    `hosts` narrows to some of the outlet's hosts, `ways` to some ways; None means all.
    """

    today: date
    since: date | None = None
    until: date | None = None
    hosts: Collection[str] | None = None
    ways: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What a listing leads to.

    `links` are articles of the outlet. `more` continues the listing (its next page, the window before it) and is
    worth reading only while something in `links` was not known before; `pages` do so too, and are of the same days.
    `parts` belong to the listing and are always read (the files of a sitemap index, the window before an empty one).
    `problem` says why a listing could not be read as what it should be ('not-a-feed', 'not-a-sitemap', 'bad-gzip',
    'too-large'). `span` are the first and the last of the days that it was asked for, `section` is the section whose
    page it is.
    """

    links: tuple[Link, ...] = ()
    more: tuple[Link, ...] = ()
    pages: tuple[Link, ...] = ()
    parts: tuple[Link, ...] = ()
    problem: str = ""
    span: tuple[date, date] | None = None
    section: str | None = None


class DiscoveryWay(Protocol):
    """What each module of a way offers."""

    def seeds(self, outlet: Outlet, rule: Discovery, request: Request) -> Iterator[Seed]: ...

    def read(self, page: Page, outlet: Outlet, rule: Discovery) -> Findings: ...


WAYS: tuple[Way, ...] = ("sections", "feed", "sitemap", "datearchive", "urls")


def plan_seeds(outlet: Outlet, request: Request) -> Iterator[Seed]:
    """The resources that a crawl begins with, each URL once, in the profile's order of ways and rank of domains."""
    seen: set[str] = set()
    for rule in outlet.discovery:
        if request.ways is not None and rule.way not in request.ways:
            continue
        for seed in load_way(rule.way).seeds(outlet, rule, request):
            if seed.url not in seen:
                seen.add(seed.url)
                yield seed


def read_listing(kind: str, page: Page, outlet: Outlet) -> Findings:
    """Read a listing found by the way `kind`, by the profile's rule that its URL belongs to."""
    findings = load_way(cast(Way, kind)).read(page, outlet, find_rule(kind, page.url, outlet))
    return replace(
        findings,
        links=_unique(findings.links),
        more=_unique(findings.more),
        pages=_unique(findings.pages),
        parts=_unique(findings.parts),
    )


def load_way(way: Way) -> DiscoveryWay:
    """The module of a way; imported when first asked for, as lxml and feedparser are heavy."""
    if way not in WAYS:
        raise ValueError(f"no way of discovery is called {way!r}; there are {', '.join(WAYS)}")
    return cast(DiscoveryWay, import_module(f"spiders.{way}"))


def find_rule(kind: str, url: str, outlet: Outlet) -> Discovery:
    """The discovery rule that a listing's URL belongs to: the one whose `start` is the longest beginning of its path.

    A listing that no `start` leads to (a sitemap's part) belongs to the way's first rule for its edition.
    """
    rules = [rule for rule in outlet.discovery if rule.way == kind]
    if not rules:
        return Discovery(way=cast(Way, kind))
    parts = urlsplit(url)
    domain = outlet.domain_of(parts.hostname or "", parts.path)
    path = path_of(url, domain)

    def fitness(rule: Discovery) -> tuple[int, int]:
        same_edition = domain is not None and domain.edition == rule.edition
        named = domain is not None and domain.host in rule.domains
        return (2 * named + same_edition, max((closeness(start, path) for start in rule.start), default=0))

    return max(rules, key=fitness)


def domains_of(outlet: Outlet, rule: Discovery, request: Request) -> Iterator[Domain]:
    """The domains that a rule's listings are asked from, by rank; a former one lists nothing of the outlet's."""
    for domain in outlet.crawled_domains():
        if domain.role == "former":
            continue
        if request.hosts is not None and domain.host not in request.hosts:
            continue
        if rule.domains:
            if domain.host in rule.domains:
                yield domain
        elif domain.edition == rule.edition and domain.paths == "same":
            yield domain


def listing_seeds(outlet: Outlet, rule: Discovery, request: Request, starts: Collection[str]) -> Iterator[Seed]:
    """Listings at each of `starts` on each domain of the rule."""
    for domain in domains_of(outlet, rule, request):
        for start in starts:
            url = address_of(domain, start)
            if url is not None:
                yield Seed(outlet.listing_key(url), rule.way, url)


def _unique(links: tuple[Link, ...]) -> tuple[Link, ...]:
    """Each URL once; the first that states a last change is kept."""
    unique: dict[str, Link] = {}
    for link in links:
        known = unique.get(link.url)
        if known is None or (known.lastmod is None and link.lastmod is not None):
            unique[link.url] = link
    return tuple(unique.values())
