"""Which records of a foreign file become captures, and whose: by URL, then by what was answered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

from scraper.crawling.adhoc import page_key, registrable_domain
from scraper.fetching.outcomes import HTML_TYPES, outcome_of
from scraper.outlet import Outlet
from storage.exchange import Exchange
from storage.foreign import FoundRecord, RecordHead, exchange_of
from storage.foreign.reading import refers_to, url_of
from storage.urls import canonical_url

_KINDS = frozenset(("response", "resource", "revisit"))
_SLACK = timedelta(days=1)
NOT_MODIFIED = 304
_KEPT_HEADERS = frozenset((b"content-type",))


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose page a URL is: the outlet's name, whether it has a profile, the resource's kind and key."""

    outlet: str
    known: bool
    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What a revisit refers to: a URL, the date of its capture where it is said, the payload's digest."""

    url: str
    at: datetime | None
    digest: str


@dataclass(frozen=True, slots=True)
class Selected:
    """A record to be kept. `exchange` comes without its bytes. `refers` is set for a revisit whose payload is to be
    found. `raw` is where a scan begins that shall meet it again."""

    owner: Owner
    exchange: Exchange
    outcome: str
    part: str
    offset: int
    length: int
    member_sha256: str
    payload_sha256: str
    raw: int
    refers: Reference | None = None


class FromTheFuture(Exception):
    """A record that says it will be made: it would stand above everything that is captured until then."""


class Selector:
    """Chooses records for the outlets given; with `any_host` those of other hosts too, as pages of ad-hoc outlets.

    Of an outlet with a profile, article URLs are taken, whatever was answered; of other hosts, HTML pages.
    `limit` is the longest payload that is read, in bytes.
    """

    def __init__(
        self, outlets: Mapping[str, Outlet], *, any_host: bool, limit: int, revisits_only: bool = False
    ) -> None:
        self._outlets, self._any_host, self._limit = outlets, any_host, limit
        self._revisits_only = revisits_only
        self._latest = datetime.now(UTC) + _SLACK
        self._candidates = lru_cache(maxsize=4096)(self._outlets_of)
        self._adhoc_name = lru_cache(maxsize=4096)(registrable_domain)

    def wants(self, head: RecordHead) -> bool:
        """Whether a record may be one to keep, by its head."""
        if head.kind not in _KINDS or (self._revisits_only and head.kind != "revisit"):
            return False
        owner = self._owner(url_of(head))
        return owner is not None and (owner.known or head.length <= self._limit)

    def select(self, record: FoundRecord) -> Selected | None:
        """A record that `wants` let through, as it shall be kept; None where it is none to keep after all.

        Raises FromTheFuture.
        """
        owner = self._owner(url_of(record.head))
        if owner is None:
            return None
        exchange = exchange_of(record)
        refers = None
        reference = _reference(record.head, exchange.status) if record.head.kind == "revisit" else None
        if reference is not None:
            refers, outcome = reference, "pending"
            mime = (exchange.header("content-type") or "").partition(";")[0].strip().lower()
            if not owner.known and mime and mime not in HTML_TYPES:
                return None
        else:
            outcome = outcome_of(exchange)
            if len(exchange.payload) > self._limit:
                outcome = "failed:too-large"
            if not owner.known and outcome != "pending":
                return None
        if record.head.at > self._latest:
            raise FromTheFuture
        place = record.place
        return Selected(
            owner=owner,
            exchange=_without_bytes(exchange),
            outcome=outcome,
            part=place.part,
            offset=place.offset,
            length=place.length,
            member_sha256=place.sha256,
            payload_sha256=hashlib.sha256(exchange.payload).hexdigest(),
            raw=int(place.part.rpartition("@")[2]) if place.part else place.offset,
            refers=refers,
        )

    def _owner(self, url: str) -> Owner | None:
        try:
            parts = urlsplit(url)
            if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
                return None
            canonical = canonical_url(url)
        except ValueError:
            return None
        for name in self._candidates(parts.hostname):
            article = self._outlets[name].identify(url)
            if article is None and url != canonical:  # as a browser would ask for it
                article = self._outlets[name].identify(canonical)
            if article is not None:
                return Owner(name, True, "article", article.key)
        if not self._any_host or self._candidates(parts.hostname):
            return None
        name = self._adhoc_name(f"{parts.scheme}://{parts.hostname}/")
        return Owner(name, False, "page", page_key(url, name))

    def _outlets_of(self, host: str) -> tuple[str, ...]:
        return tuple(name for name, outlet in self._outlets.items() if outlet.domain_of(host) is not None)


def _reference(head: RecordHead, status: int) -> Reference | None:
    """What a revisit refers to. None for a 304 that names no date: which of the page's captures its server meant is
    not to be told, and its digest is, with many writers, that of the empty answer itself."""
    url, at, digest = refers_to(head)
    if status != NOT_MODIFIED:
        return Reference(url, at, digest)
    return Reference(url, at, "") if at is not None else None


def _without_bytes(exchange: Exchange) -> Exchange:
    headers = tuple(pair for pair in exchange.headers if pair[0].lower() in _KEPT_HEADERS)
    return replace(exchange, request=b"", response=b"", payload=b"", head_length=0, headers=headers)
