"""Discovery by date: archive or search pages of one span of days, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from scraper.extraction.page import Link, Page
from scraper.outlet import Discovery, Domain, Outlet
from spiders.links import parse_page
from spiders.sections import read_links
from spiders.starts import address_of, fill_start, match_start, path_of
from spiders.ways import Findings, Request, Seed, domains_of
from storage.priorities import FILL
from storage.records import Found

LONGEST = 36_525
"""Days of the longest window that is asked across a gap in the archive."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of days, both ends within, and the page of its listing."""

    first: date
    last: date
    page: int = 1

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def seeds(outlet: Outlet, rule: Discovery, request: Request) -> Iterator[Seed]:
    """The newest window that is wanted; each window leads to the one before it (see `read`)."""
    newest = newest_window(min(request.today, request.until or request.today), rule.step)
    for start in rule.start:
        for domain in domains_of(outlet, rule, request):
            url = address_of(domain, _fill(start, newest))
            if url is not None:
                yield Seed(outlet.listing_key(url), rule.way, url)


def read(page: Page, outlet: Outlet, rule: Discovery) -> Findings:
    """The articles of one page of a window, its next page, and the window before.

    With articles, the next page and the window before are `more`: an incremental crawl stops at the first window
    that brings nothing new. An empty window proves nothing, so the one before is always read, and is twice as long
    each time: a gap of years costs some ten requests. Where such a long window holds articles, the way goes on at
    its newest end in windows of the usual length. `since` ends it all.
    """
    domain = outlet.domain_of(urlsplit(page.url).hostname or "", urlsplit(page.url).path)
    located = _locate(page.url, rule, domain)
    tree = parse_page(page)
    links = read_links(tree, page, outlet, rule, strict=True) if tree is not None else ()
    if located is None or domain is None:
        return Findings(links=links, problem="" if links else "no-window")
    start, window = located
    span = window.first, window.last
    if not links:
        before = _listed(start, _before(window, rule), domain) if window.page == 1 else ()
        return Findings(parts=before, span=span if window.page == 1 else None)
    if window.days > rule.step:
        return Findings(links=links, more=_listed(start, newest_window(window.last, rule.step), domain))
    if window.days == 1:
        links = tuple(replace(link, published_day=window.first) for link in links)
    older = _listed(start, _older(window, rule), domain) if window.page == 1 else ()
    following = Window(window.first, window.last, window.page + 1)
    pages = _listed(start, following, domain) if "{page}" in start and window.page < rule.pages else ()
    return Findings(links=links, more=older, pages=pages, span=span)


@dataclass(frozen=True, slots=True)
class Frame:
    """The listings of one archive by date, on the first domain that serves it."""

    outlet: Outlet
    domain: Domain
    start: str
    since: date
    step: int

    def listing(self, day: date, at: datetime) -> Found | None:
        """The first page of the listing that holds a day."""
        url = address_of(self.domain, _fill(self.start, newest_window(day, self.step)))
        if url is None:
            return None
        return Found(self.outlet.listing_key(url), "datearchive", url, FILL, at, found_by="profile")


def frames(outlet: Outlet) -> tuple[Frame, ...]:
    """The archives by date that the profile names, each on the domain that is asked first."""
    found = []
    for rule in outlet.discovery:
        if rule.way != "datearchive" or rule.since is None:
            continue
        domain = next(domains_of(outlet, rule, Request(rule.since)), None)
        if domain is not None:
            found += [Frame(outlet, domain, start, rule.since, rule.step) for start in rule.start]
    return tuple(found)


def newest_window(day: date, step: int) -> Window:
    """The window that holds a day, on a grid of `step` days: a day falls into the same window in every crawl."""
    first = date.fromordinal(day.toordinal() // step * step)
    return Window(first, first + timedelta(days=step - 1))


def _older(window: Window, rule: Discovery) -> Window | None:
    """The window of the usual length before a window; None before the archive's first day."""
    last = window.first - timedelta(days=1)
    return None if rule.since is None or last < rule.since else newest_window(last, rule.step)


def _before(window: Window, rule: Discovery) -> Window | None:
    """The window before an empty one, of twice its length."""
    last = window.first - timedelta(days=1)
    if rule.since is None or last < rule.since:
        return None
    days = min(2 * window.days, LONGEST, last.toordinal())
    return Window(max(last - timedelta(days=days - 1), rule.since), last)


def _listed(start: str, window: Window | None, domain: Domain) -> tuple[Link, ...]:
    url = address_of(domain, _fill(start, window)) if window is not None else None
    return (Link(url),) if url is not None else ()


def _fill(start: str, window: Window) -> str:
    first, last = window.first.isoformat(), window.last.isoformat()
    return fill_start(start, **{"from": first, "to": last, "page": window.page})


def _locate(url: str, rule: Discovery, domain: Domain | None) -> tuple[str, Window] | None:
    """The template that a URL was made from, and its window."""
    path = path_of(url, domain)
    for start in rule.start:
        values = match_start(path_of(start) if "://" in start else start, path)
        if values is None:
            continue
        try:
            last = date.fromisoformat(values.get("to") or values["from"])
            first = date.fromisoformat(values.get("from") or values["to"])
        except ValueError:
            return None
        return start, Window(first, last, int(values.get("page") or 1))
    return None
