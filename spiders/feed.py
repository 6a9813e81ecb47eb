"""Discovery by feeds (RSS, Atom): each entry's link, with what it says of its dates."""

from __future__ import annotations

from collections.abc import Iterator

from scraper.extraction.page import Link, Page
from scraper.outlet import Discovery, Outlet
from spiders.gzipped import BadGzip, TooLarge, unpack
from spiders.links import MAX_LINKS, absolute_url, meant_host
from spiders.stamps import read_stamp
from spiders.ways import Findings, Request, Seed, listing_seeds

MAX_BYTES = 16_000_000
"""Bytes of a feed, unpacked. Feeds hold some dozen entries; this bounds what the parser is given."""

_MAX_NAME = 300


def seeds(outlet: Outlet, rule: Discovery, request: Request) -> Iterator[Seed]:
    """Each feed on each domain."""
    yield from listing_seeds(outlet, rule, request, rule.start)


def read(page: Page, outlet: Outlet, rule: Discovery) -> Findings:
    """The articles that a feed's entries link to.

    An entry's date of publication says nothing of later changes, so `lastmod` is its date of update alone, and
    only where the feed states one that differs from the publication. Dates without a zone are the outlet's.
    """
    import feedparser

    try:
        content = unpack(page.content, MAX_BYTES)
    except TooLarge:
        return Findings(problem="too-large")
    except BadGzip:
        return Findings(problem="bad-gzip")
    parsed = feedparser.parse(
        content,
        response_headers={"content-type": page.content_type or "", "content-location": page.url},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not parsed.get("version") and not parsed.entries:
        return Findings(problem="not-a-feed")
    links = []
    for entry in parsed.entries[:MAX_LINKS]:
        link = _read_entry(entry, page, outlet, rule)
        if link is not None:
            links.append(link)
    return Findings(links=tuple(links))


def _read_entry(entry: object, page: Page, outlet: Outlet, rule: Discovery) -> Link | None:
    url = _article_url(entry, page, outlet, rule)
    if url is None:
        return None
    published, updated = _text(entry, "published"), _text(entry, "updated")
    lastmod = read_stamp(updated, outlet.zone, page.captured_at) if updated and updated != published else None
    stamp = read_stamp(published, outlet.zone, page.captured_at) if published else None
    day = stamp.astimezone(outlet.timezone).date() if stamp else None
    return Link(url, " ".join(_text(entry, "title").split())[:_MAX_NAME], lastmod=lastmod, published_day=day)


def _article_url(entry: object, page: Page, outlet: Outlet, rule: Discovery) -> str | None:
    """The entry's link, or its identifier where that is an article's URL (the link may lead over a counter)."""
    for field in ("link", "id"):
        url = absolute_url(page.url, _text(entry, field))
        if url is None:
            continue
        if rule.own_host:
            url = meant_host(url, page.url, outlet)
        if outlet.identify(url) is not None:
            return url
    return None


def _text(entry: object, field: str) -> str:
    # Past feedparser's own lookup, which gives the date of publication where no update is stated.
    value = dict.get(entry, field) if isinstance(entry, dict) else None
    return value if isinstance(value, str) else ""
