"""What a look at a site saw: its home page, its listings, and articles of different sections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from scraper.extraction.page import Link, Page
from scraper.outlet import Domain, Outlet, UrlPattern
from storage.content import ArticleContent

ListingWay = Literal["feed", "sitemap"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site lives: `host` without port, `path` the directory below which all of it stands ('' for the whole
    host), the `scheme` that answered."""

    host: str
    path: str = ""
    scheme: Literal["https", "http"] = "https"

    def path_in(self, url: str) -> str | None:
        """A URL's path with query from the site's own root; None where it is not the site's."""
        parts = urlsplit(url)
        if _bare(parts.hostname or "") != _bare(self.host):
            return None
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not self.path:
            return path
        inside = path.startswith(f"{self.path}/") or path == self.path
        return (path[len(self.path) :] or "/") if inside else None

    def url_of(self, path: str) -> str:
        """The URL of a path from the site's own root."""
        return f"{self.scheme}://{self.host}{self.path}/{path.removeprefix('/')}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A feed or sitemap that answered: `path` from the site's root; `root` is False for a part of an index."""

    way: ListingWay
    path: str
    links: tuple[Link, ...] = ()
    root: bool = True


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at a site brought home, unread: its home page, its listings, pages that should be articles.

    `twin` is the host with or without www that leads here, `pages` the site's paths that are surely no articles,
    `failed` what could not be had, by URL, with the reason; `stopped` says why the look ended early.
    """

    place: Place
    home: Page
    twin: str | None = None
    listings: tuple[Listing, ...] = ()
    articles: tuple[Page, ...] = ()
    pages: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    stopped: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """An article that was looked at: the page, its tree, and what is read of it without a profile."""

    page: Page
    tree: HtmlElement
    content: ArticleContent


@dataclass(frozen=True, slots=True)
class Survey:
    """A sight, read: the home page's tree, the articles, and `refused`, the URLs that turned out to be none, with the
    reason."""

    place: Place
    home: HtmlElement
    twin: str | None = None
    listings: tuple[Listing, ...] = ()
    samples: tuple[Sample, ...] = ()
    pages: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    stopped: str = ""

    def articles_listed(self) -> dict[str, Link]:
        """What feeds and sitemaps list, by path from the site's root."""
        found: dict[str, Link] = {}
        for listing in self.listings:
            for link in listing.links:
                path = self.place.path_in(link.url)
                if path is not None:
                    found.setdefault(path, link)
        return found


def any_outlet(place: Place) -> Outlet:
    """An outlet that takes every page of a site for an article: by it listings are read before its forms are known."""
    bare = _bare(place.host)
    hosts = dict.fromkeys((place.host, bare, f"www.{bare}"))
    return Outlet(
        name="site",
        title="site",
        language="en",
        zone="UTC",
        country="ZZ",
        domains=tuple(Domain(host=host, role="primary" if host == place.host else "mirror") for host in hosts),
        articles=(UrlPattern(name="any", pattern="/(?P<key>.+)", example="/x"),),
    )


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.")
