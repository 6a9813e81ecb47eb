"""Recognising an outlet's URLs: whose host it is, and which article, if any, a URL names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from scraper.patterns import MAX_SUBJECT, compile_pattern
from storage.content import ArticleKind

if TYPE_CHECKING:
    from scraper.outlet import Domain, HostPattern, Outlet, UrlPattern


@dataclass(frozen=True, slots=True)
class ArticleUrl:
    """What an article's URL tells.

    `pattern` names the URL pattern that held, `key` is the identity key (with its edition before it where the
    outlet's keys are unique within an edition only), `edition` the edition that the URL or its host states, `day`
    the day of publication in the outlet's zone, `kind` the kind of page where the form of the URL alone tells it.
    """

    pattern: str
    key: str
    edition: str | None = None
    day: date | None = None
    kind: ArticleKind | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A URL taken apart: host in lower case without port ('' for a bare path), path with query, no fragment."""

    host: str
    path: str


def locate(url: str) -> Place | None:
    """Take a URL apart; None for what is no http(s) URL, no path, or too long to be an article's."""
    if len(url) > MAX_SUBJECT:
        return None
    address, _, _ = url.strip().partition("#")
    if address.startswith("/") and not address.startswith("//"):
        return Place("", address)
    scheme, separator, rest = address.partition("//")
    if not separator or scheme.lower() not in ("", "http:", "https:"):
        return None
    end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    host, path = normal_host(rest[:end]), rest[end:]
    return Place(host, path if path.startswith("/") else "/" + path) if host else None


def normal_host(authority: str) -> str:
    """A host in lower case, without user, port or the root's dot."""
    host = authority.rpartition("@")[2].lower()
    if not host.startswith("["):
        host = host.partition(":")[0]
    return host.rstrip(".")


class Recogniser:
    """An outlet's patterns and hosts, compiled; made once an outlet, asked for every link."""

    def __init__(self, outlet: Outlet) -> None:
        self._scope = outlet.key_scope
        self._domains: dict[str, tuple[Domain, ...]] = {}
        for domain in sorted(outlet.domains, key=lambda domain: -len(domain.path)):
            host = normal_host(domain.host)
            self._domains[host] = (*self._domains.get(host, ()), domain)
        self._hosts = tuple((compile_pattern(pattern.pattern), pattern) for pattern in outlet.host_patterns)
        self._never = tuple(compile_pattern(pattern) for pattern in outlet.never)
        self._articles = tuple(
            (compile_pattern(article.pattern), article, frozenset(map(normal_host, article.hosts)))
            for article in outlet.articles
        )

    def domain_of(self, host: str, path: str | None = None) -> Domain | None:
        """The domain that a host (and path) belongs to. Without a path, the one with the shortest prefix."""
        host = normal_host(host)
        domains = self._domains.get(host)
        if domains is not None:
            if path is None:
                return domains[-1]
            return next((domain for domain in domains if is_under(path, domain.path)), None)
        for compiled, pattern in self._hosts:
            if len(host) <= 253 and compiled.fullmatch(host):
                return _patterned(host, pattern)
        return None

    def place(self, url: str) -> tuple[Domain | None, Place] | None:
        """The domain and host-free place of a URL of the outlet; None for any other. A bare path has no domain."""
        place = locate(url)
        if place is None or not place.host:
            return (None, place) if place else None
        domain = self.domain_of(place.host, place.path)
        if domain is None:
            return None
        if domain.path and domain.paths == "same":
            return domain, Place(place.host, place.path[len(domain.path.rstrip("/")) :] or "/")
        return domain, place

    def identify(self, url: str) -> ArticleUrl | None:
        """The article that a URL names; None where it is no article's, or not the outlet's."""
        placed = self.place(url)
        if placed is None:
            return None
        domain, place = placed
        if domain is not None and domain.role == "assets":
            return None
        if any(pattern.match(place.path) for pattern in self._never):
            return None
        outside: ArticleUrl | None = None
        for compiled, article, hosts in self._articles:
            if hosts and place.host and place.host not in hosts:
                continue
            match = compiled.match(place.path)
            if match is None or not match["key"]:
                continue
            found, holds = self._read(match, article, domain)
            if found is not None and holds:
                return found
            outside = outside or found
        return outside

    def _read(self, match: re.Match[str], article: UrlPattern, domain: Domain | None) -> tuple[ArticleUrl | None, bool]:
        """What a match says, and whether its day lies in the pattern's era. A day that does not exist is no match."""
        groups = match.groupdict()
        day: date | None = None
        if groups.get("year") and groups.get("month") and groups.get("day"):
            try:
                day = date(int(groups["year"]), int(groups["month"]), int(groups["day"]))
            except ValueError:
                return None, False
        edition = groups.get("edition") or (domain.edition if domain else None)
        key = f"{edition}:{groups['key']}" if self._scope == "edition" and edition else groups["key"]
        return ArticleUrl(article.name, key, edition, day, article.kind), in_era(day, article.since, article.until)


def in_era(day: date | None, since: date | None, until: date | None) -> bool:
    """Whether a day lies in an era; both ends belong to it, and an unknown day lies in every era."""
    return day is None or ((since is None or since <= day) and (until is None or day <= until))


def is_under(path: str, prefix: str) -> bool:
    """Whether a path lies under a prefix, by whole segments: '/fr' holds '/fr', '/fr/x' and '/fr?x', not '/france'."""
    prefix = prefix.rstrip("/")
    return path.startswith(prefix) and (not prefix or path[len(prefix) : len(prefix) + 1] in ("", "/", "?"))


def _patterned(host: str, pattern: HostPattern) -> Domain:
    from scraper.outlet import Domain

    return Domain(host=host, role=pattern.role, crawl=False)
