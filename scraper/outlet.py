"""Outlet profiles: what is known of a publisher, typed and validated.

A profile is a TOML file `NAME.toml` whose tables are the models below. Selectors are CSS, or XPath when they begin
with `xpath:`; where several are given, the first that yields text wins. Patterns are regular expressions, matched
against a URL's path with query (from its first slash). Tables with `since` and `until` are eras, newest first.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from storage.content import ArticleKind

Role = Literal["primary", "mirror", "edition", "former", "cdn", "assets"]
Way = Literal["sections", "feed", "sitemap", "datearchive", "urls"]
Selectors = tuple[str, ...]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Domain(_Table):
    """A host (with a path prefix where outlets share one) that the outlet serves from.

    `paths` is `same` where the domain answers to the primary's paths of its edition, `own` where it has others.
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
    """One way to find articles. `start` holds paths (or whole URLs); `domains` hosts, all crawled ones when empty.

    sections: `links` selects what leads to articles (default: every link), `next` the link to the next page,
    `pages` bounds the paging. datearchive: `start` holds templates with {from}, {to} (ISO dates) and {page};
    `since` is the first day, `step` days a window. urls: `numbers` holds a template with {number} and its range.
    """

    way: Way
    start: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    edition: str | None = None
    links: Selectors = ()
    next: Selectors = ()
    pages: int = Field(default=50, ge=1)
    since: date | None = None
    step: int = Field(default=1, ge=1)
    first: int | None = None
    last: int | None = None


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
    """The page template of one era, by date of capture. It holds for a page when one of `detect` matches."""

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


class Manners(_Table):
    """How the outlet's hosts are asked: seconds between requests to a host, and how many at once."""

    delay: float = Field(default=1.0, ge=0)
    concurrency: int = Field(default=2, ge=1, le=64)
    user_agent: str | None = None


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
