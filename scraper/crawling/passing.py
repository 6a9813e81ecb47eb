"""Keeping the redirects by which one-off fetches were led, before what they led to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from storage.priorities import NEW
from storage.records import Fetch, Found

if TYPE_CHECKING:
    from scrapy import Request

    from storage.exchange import Exchange
    from storage.records import Kept
    from storage.writer import Writer

FOLLOWED = "refused:redirect"
"""The outcome of an exchange that leads elsewhere."""
HOPS = "hops"
"""The key of a request's meta under which the redirects that led to it are remembered."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The redirects on the way to a page or a requisite, the first one first, and the resource of each."""

    hops: tuple[Exchange, ...] = ()
    resources: tuple[int, ...] = ()

    @property
    def last_url(self) -> str | None:
        """The URL whose redirect led to the end of the way."""
        return self.hops[-1].url if self.hops else None


def hops_to(request: Request, last: Exchange | None = None) -> tuple[Exchange, ...]:
    """The redirects that led to a request, the first one first; without the `last` one, which was not followed."""
    hops: tuple[Exchange, ...] = request.meta.get(HOPS, ())
    return hops[:-1] if hops and hops[-1] is last else hops


def target_of(redirect: Exchange) -> str:
    """Where a redirect leads (RFC 9110, 10.2.2), whatever the scheme; what makes no URL as the server wrote it."""
    location = redirect.header("location") or ""
    try:
        return urljoin(redirect.url, location)
    except ValueError:
        return location


def hop_found(url: str, key: str) -> Found:
    """A URL that redirects, as a resource of its own: what it leads to may be another page tomorrow."""
    return Found(key, "page", url, NEW, None, found_by="fetch")


def keep_passed(writer: Writer, passed: Passed, at: datetime, *, once: bool = False) -> None:
    """Hand redirects to the writer, each with the URL whose redirect led to it; they are kept before all that follows.

    `once` is what Fetch says.
    """
    before = (None, *(hop.url for hop in passed.hops))
    for came_from, hop, resource in zip(before, passed.hops, passed.resources, strict=False):
        writer.keep(Fetch(hop, resource, hop.url, FOLLOWED, at, False, None, came_from, once))


def keep_last(writer: Writer, passed: Passed, fetch: Fetch) -> Kept:
    """Keep redirects and what they led to; gives where the last stands once all is committed."""
    keep_passed(writer, passed, fetch.at, once=fetch.once)
    return writer.keep(replace(fetch, redirected_from=passed.last_url)).result()
