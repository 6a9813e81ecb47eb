"""Outlet profiles: what is known of a publisher, typed and validated.

A profile is a TOML file `NAME.toml` whose tables are the models below. Selectors are CSS, or XPath when they begin
with `xpath:`; where several are given, the first that yields text wins. Patterns are regular expressions, matched
from the first slash of a URL's path with query. Tables with `since` and `until` are eras, newest first.
A template with `base = "NAME"` takes what it does not state itself from the template of that name.
"""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from scraper.recognition import ArticleUrl, Recogniser, locate
from storage.content import ArticleKind

Role = Literal["primary", "mirror", "edition", "former", "cdn", "assets"]
Way = Literal["sections", "feed", "sitemap", "datearchive", "urls"]
Selectors = tuple[str, ...]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Domain(_Table):
    """A host (with a path prefix where outlets share one) that the outlet serves from.

    `paths` is `same` where the domain answers to the primary's paths of its edition (below `path`), `own` where it
    has others. `edition` is None for the outlet's main edition.
    `crawl = false` keeps a domain known (its URLs are recognised) but never asked by itself.
    The order of domains in a profile is their rank: the first that serves is asked, and shows what is current.
    """

    host: str
    path: str = ""
    role: Role
    edition: str | None = None
    since: date | None = None
    until: date | None = None
    scheme: Literal["https", "http"] | None = None
    paths: Literal["same", "own"] = "same"
    crawl: bool = True


class HostPattern(_Table):
    """Hosts that belong to the outlet by their form, e.g. a CDN's numbered hosts; matched whole."""

    pattern: str
    role: Role = "cdn"


class UrlPattern(_Table):
    """The form of article URLs in one era, by date of publication; its named group `key` is the identity key.

    Optional named groups: `year`, `month`, `day` (the day of publication), `edition`, `slug`.
    `kind` is the kind of page where the form alone tells it; `hosts` limits the form to some hosts.
    """

    name: str
    pattern: str
    example: str
    kind: ArticleKind | None = None
    hosts: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None


class Discovery(_Table):
    """One way to find articles. `start` holds paths (or whole URLs); `domains` the hosts asked, when empty all crawled
    ones of the same `edition` that have the primary's paths.

    sections: `links` selects what leads to articles (default: every link), `next` the link to the next page; a
    {page} in `start` counts pages from 1 instead. `pages` bounds the paging. `menu` selects, on the start pages
    alone, links to further sections. datearchive: `start` holds templates
    with {from}, {to} (ISO dates) and perhaps {page}; `since` is the first day, `step` days a window. urls: a `start`
    with {number} runs from `first` to `last`; any other is an article, or a text file of URLs, one a line.
    `own_host`: links to a domain of another edition are meant for the host that lists them.
    """

    way: Way
    start: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    edition: str | None = None
    links: Selectors = ()
    next: Selectors = ()
    menu: Selectors = ()
    pages: int = Field(default=50, ge=1)
    since: date | None = None
    step: int = Field(default=1, ge=1)
    first: int | None = None
    last: int | None = None
    own_host: bool = False


class DateRule(_Table):
    """Where a date stands and how it is written.

    `select` finds the element, `attribute` its attribute (default: its text), `pattern` cuts the date out of the
    text (its group `date`, or the whole match), `formats` are strptime formats tried in order, `zone` an IANA
    name where the page prints none (default: the outlet's).
    """

    select: Selectors
    attribute: str | None = None
    pattern: str | None = None
    formats: tuple[str, ...] = ()
    zone: str | None = None


class FigureRule(_Table):
    """Where figures stand: `select` the figure; within it `image`, `caption`, `credit`.

    `credit_pattern` cuts the credit out of the caption's text (its group `credit`); the caption stays as printed.
    """

    select: Selectors
    image: Selectors = ("img",)
    caption: Selectors = ()
    credit: Selectors = ()
    credit_pattern: str | None = None


class KindRule(_Table):
    """A kind of page, told by a selector that matches, a section's name, or a pattern of the path. Any one suffices."""

    kind: ArticleKind
    select: Selectors = ()
    sections: tuple[str, ...] = ()
    path: str | None = None


class Template(_Table):
    """The page template of one era, by date of capture. It holds for a page when one of `detect` matches.

    `fallback = true`: what its rules do not find on a page is read as it would be without a profile.
    """

    name: str
    detect: Selectors
    since: date | None = None
    until: date | None = None
    headline: Selectors
    body: Selectors
    lead: Selectors = ()
    published: tuple[DateRule, ...] = ()
    updated: tuple[DateRule, ...] = ()
    breadcrumb: Selectors = ()
    authors: Selectors = ()
    author_pattern: str | None = None
    tags: Selectors = ()
    figures: tuple[FigureRule, ...] = ()
    kinds: tuple[KindRule, ...] = ()
    drop: Selectors = ()
    boilerplate: tuple[str, ...] = ()
    fallback: bool = False


class Manners(_Table):
    """How the outlet's hosts are asked: seconds between requests to a host, and how many at once.

    `unchanged = "headers"` keeps a further capture of an article whose text did not change as headers and digest alone,
    `listings = "changed"` one of a listing that led to nothing new.
    """

    delay: float = Field(default=1.0, ge=0)
    concurrency: int = Field(default=2, ge=1, le=64)
    user_agent: str | None = None
    unchanged: Literal["whole", "headers"] = "whole"
    listings: Literal["whole", "changed"] = "whole"


class Outlet(_Table):
    """A publisher. `key_scope` says whether keys are unique in the outlet or within an edition."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    title: str
    language: str
    languages: dict[str, str] = {}
    zone: str
    country: str
    owner: str | None = None
    hidden: bool = False
    key_scope: Literal["outlet", "edition"] = "outlet"
    domains: tuple[Domain, ...] = Field(min_length=1)
    host_patterns: tuple[HostPattern, ...] = ()
    articles: tuple[UrlPattern, ...] = Field(min_length=1)
    never: tuple[str, ...] = ()
    edition_select: Selectors = ()
    discovery: tuple[Discovery, ...] = ()
    templates: tuple[Template, ...] = ()
    boilerplate: tuple[str, ...] = ()
    announced: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    manners: Manners = Manners()

    @cached_property
    def timezone(self) -> ZoneInfo:
        """The outlet's time zone."""
        return ZoneInfo(self.zone)

    @property
    def states_boilerplate(self) -> bool:
        """Whether the profile says itself what its templates leave in bodies, so that nothing is to be learnt."""
        return bool(self.templates) and bool(self.boilerplate or any(each.boilerplate for each in self.templates))

    @cached_property
    def _recogniser(self) -> Recogniser:
        return Recogniser(self)

    def identify(self, url: str) -> ArticleUrl | None:
        """The article that a URL (or a path from its first slash) names; None where it names none of this outlet."""
        return self._recogniser.identify(url)

    def domain_of(self, host: str, path: str | None = None) -> Domain | None:
        """The domain that a host belongs to: the one with the longest prefix of `path`, else one by host pattern."""
        return self._recogniser.domain_of(host, path)

    def owns(self, url: str) -> bool:
        """Whether a URL's host (and path) is one of the outlet's domains, assets and CDNs among them."""
        placed = self._recogniser.place(url)
        return placed is not None and placed[0] is not None

    def crawled_domains(self) -> tuple[Domain, ...]:
        """The domains that a crawl asks, by rank: all but assets and those with `crawl = false`."""
        return tuple(domain for domain in self.domains if domain.crawl and domain.role != "assets")

    def listing_key(self, url: str) -> str:
        """The identity of a listing: its edition and host-free path, so that a mirror's listing is the same resource.

        A domain that has its own paths, and a host that is not the outlet's, stand in the key.
        """
        placed = self._recogniser.place(url)
        if placed is None:
            place = locate(url)
            return f"listing::{f'//{place.host}{place.path}' if place else url}"
        domain, place = placed
        edition = (domain.edition if domain else None) or ""
        host = f"//{place.host}" if domain is not None and domain.paths == "own" else ""
        return f"listing:{edition}:{host}{place.path}"
