"""Reading one kept exchange: from wire bytes to what the archive should know. Runs in the extraction workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from scraper.crawling.media import KEPT as MEDIA_KEPT
from scraper.crawling.media import KIND as MEDIA_KIND
from scraper.errors import FetchError
from scraper.extraction.page import Context, Limits, Link, Page
from scraper.outlet import Outlet
from storage.content import ArticleContent
from storage.exchange import Exchange
from storage.naming import NamedContent, name_content
from storage.priorities import LISTING, NEW
from storage.records import Coverage, DayFrom, Found
from storage.rights import Statement, bounded, stating_headers
from storage.ways import WHOLE_WAYS

if TYPE_CHECKING:
    from scraper.extraction.repeats import Shown

_LONG_AGO = date(2000, 1, 1)

READABLE = ("article", "page", "probe")
"""Kinds of resource that are read as pages; every other kind is a way of discovery and read as a listing."""


class Findings(Protocol):
    """What a listing leads to: articles; `more` and `pages` (of the same days), worth reading while articles are new;
    `parts`, always read. `span` are the days that it was asked for."""

    @property
    def links(self) -> tuple[Link, ...]: ...
    @property
    def more(self) -> tuple[Link, ...]: ...
    @property
    def pages(self) -> tuple[Link, ...]: ...
    @property
    def parts(self) -> tuple[Link, ...]: ...
    @property
    def problem(self) -> str: ...
    @property
    def span(self) -> tuple[date, date] | None: ...
    @property
    def section(self) -> str | None: ...


ReadListing = Callable[[str, Page, Outlet], Findings]
"""Reads a listing found by a way of discovery: `(way, page, outlet) -> findings`."""


@dataclass(frozen=True, slots=True)
class ReadTask:
    """One capture to be read. `kind` is its resource's kind; `at` the instant (UTC) for what is found on it; `media`
    asks for what an article's page needs to look as it did; `stating` are the answer's headers about its use.
    `learnt` is what repeats on the outlet's pages, packed; `showing` asks for the blocks of an article's page."""

    outlet: str | None
    kind: str
    key: str | None
    url: str
    payload: bytes = field(repr=False)
    content_encoding: str | None
    content_type: str | None
    at: datetime
    media: bool = False
    stating: tuple[tuple[str, str], ...] = ()
    learnt: bytes | None = None
    showing: bool = False

    @classmethod
    def of(
        cls,
        exchange: Exchange,
        *,
        outlet: str | None,
        kind: str,
        key: str | None,
        at: datetime,
        media: bool = False,
    ) -> ReadTask:
        """The task of reading an exchange with its payload."""
        coding, mime = exchange.header("content-encoding"), exchange.header("content-type")
        stating = stating_headers(exchange)
        return cls(outlet, kind, key, exchange.url, exchange.payload, coding, mime, at, media, stating)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a capture turned out to be, in the archive's terms. `named` is its content made ready to be written,
    `candidate` what a refusal would have kept.

    `media` holds the URLs of what the page needs to look as it did, if the task asked for them. `pages` are of the same
    days as a listing, `span` are the first and the last of the days that it was asked for, if it was asked for days,
    `coverage` says what it lists of which days. `rights` is what page and headers state of its use,
    None where nobody looked.
    """

    outcome: str
    key: str | None = None
    content: ArticleContent | None = None
    named: NamedContent | None = None
    candidate: ArticleContent | None = None
    matched: str = ""
    found: tuple[Found, ...] = ()
    more: tuple[Found, ...] = ()
    pages: tuple[Found, ...] = ()
    parts: tuple[Found, ...] = ()
    announced: tuple[str, ...] = ()
    published_day: date | None = None
    media: tuple[str, ...] = ()
    span: tuple[date, date] | None = None
    coverage: Coverage | None = None
    rights: tuple[Statement, ...] | None = None
    shown: tuple[Shown, ...] = field(default=(), repr=False)


class Reader:
    """Reads tasks with the profiles, limits and ways of discovery that a worker was given."""

    def __init__(self, outlets: dict[str, Outlet], limits: Limits, read_listing: ReadListing | None) -> None:
        self._outlets, self._limits, self._read_listing = outlets, limits, read_listing

    def read(self, task: ReadTask) -> ReadResult:
        """Read one capture; what cannot be read is an outcome, never an exception."""
        result = self._read(task)
        if not task.stating:
            return result
        from scraper.extraction.rights import rights_of_headers

        stated = rights_of_headers(task.stating, task.url)
        return replace(result, rights=bounded((*stated, *(result.rights or ())))) if stated else result

    def _read(self, task: ReadTask) -> ReadResult:
        try:
            page = self._page(task)
        except FetchError as error:
            return ReadResult(outcome=f"failed:{error.reason}")
        outlet = self._outlets.get(task.outlet) if task.outlet else None
        if task.kind == MEDIA_KIND:
            return _style(page, outlet)
        if outlet is not None and task.kind not in READABLE:
            return self._listing(task, page, outlet)
        return self._article(task, page, outlet)

    def read_needs(self, task: ReadTask) -> ReadResult:
        """Read of a page or stylesheet only what it needs to look as it did, whoever is the outlet."""
        try:
            page = self._page(task)
        except FetchError as error:
            return ReadResult(outcome=f"failed:{error.reason}")
        return (
            _style(page, None)
            if task.kind == MEDIA_KIND
            else ReadResult(outcome=MEDIA_KEPT, media=_requisites(page, self._limits, None))
        )

    def _page(self, task: ReadTask) -> Page:
        """What a task's payload holds. Raises FetchError where it cannot be decoded."""
        from scraper.fetching.decoding import decode

        content = decode(task.payload, task.content_encoding, limit=self._limits.page_bytes)
        return Page(content=content, content_type=task.content_type, url=task.url, captured_at=task.at)

    def _listing(self, task: ReadTask, page: Page, outlet: Outlet) -> ReadResult:
        from scraper.extraction import extract

        if self._read_listing is None:
            return ReadResult(outcome="refused:no-reader")
        findings = self._read_listing(task.kind, page, outlet)
        if not (findings.links or findings.more or findings.parts or findings.pages):
            outcome = extract(page, Context(outlet=outlet, limits=self._limits))
            if outcome.verdict == "notice":
                return ReadResult(outcome="notice")
            if findings.problem:
                return ReadResult(outcome=f"refused:{findings.problem}")
        found = articles_found(findings.links, outlet, by=task.kind, at=task.at, section=findings.section)
        return ReadResult(
            outcome="listing",
            found=found,
            parts=listings_found(findings.parts, outlet, way=task.kind, at=task.at),
            pages=listings_found(findings.pages, outlet, way=task.kind, at=task.at),
            more=listings_found(findings.more, outlet, way=task.kind, at=task.at),
            span=findings.span,
            coverage=_coverage(found, findings.span) if task.kind in WHOLE_WAYS else None,
        )

    def _article(self, task: ReadTask, page: Page, outlet: Outlet | None) -> ReadResult:
        from scraper.extraction import extract
        from scraper.extraction.learnt import unpack

        identified = outlet.identify(task.url) if outlet else None
        learnt = unpack(task.learnt) if task.learnt is not None else None
        context = Context(outlet=outlet, limits=self._limits, learnt=learnt, showing=task.showing)
        outcome = extract(page, context)
        if outlet is not None and task.kind == "article" and identified is None and outcome.verdict == "article":
            outcome = replace(outcome, verdict="refused:redirected", article=None, candidate=outcome.article)
        return ReadResult(
            outcome=outcome.verdict,
            key=identified.key if identified else task.key,
            content=outcome.article,
            named=name_content(outcome.article) if outcome.article else None,
            candidate=outcome.candidate,
            matched=outcome.matched,
            found=articles_found(outcome.links, outlet, by="article", at=task.at) if outlet else (),
            announced=outcome.announced,
            rights=outcome.rights,
            published_day=_day_of(identified.day if identified else None, outcome.article or outcome.candidate, outlet),
            media=_requisites(page, self._limits, outlet)
            if task.media and (outcome.article or outcome.candidate)
            else (),
            shown=outcome.shown if outcome.article else (),
        )


def _style(page: Page, outlet: Outlet | None) -> ReadResult:
    from scraper.extraction.requisites import style_requisites

    return ReadResult(outcome=MEDIA_KEPT, media=_no_articles(style_requisites(page), outlet))


def _requisites(page: Page, limits: Limits, outlet: Outlet | None) -> tuple[str, ...]:
    from scraper.extraction.requisites import page_requisites

    return _no_articles(page_requisites(page, limits), outlet)


def _no_articles(urls: tuple[str, ...], outlet: Outlet | None) -> tuple[str, ...]:
    """Without addresses of articles: an address belongs to what it was first found as, so that a page which calls an
    article its image would hide it."""
    return urls if outlet is None else tuple(url for url in urls if outlet.identify(url) is None)


def _day_of(stated: date | None, content: ArticleContent | None, outlet: Outlet | None) -> date | None:
    """The day of publication: the URL's; else the printed date's in the outlet's zone, or in its own where the page
    states the day alone or no outlet is known."""
    if stated is not None or content is None or content.published is None:
        return stated
    if outlet is None or content.published.precision == "day":
        return content.published.day
    return content.published.at.astimezone(outlet.timezone).date()


def articles_found(
    links: tuple[Link, ...], outlet: Outlet, *, by: str, at: datetime, section: str | None = None
) -> tuple[Found, ...]:
    """The links that are article URLs of the outlet, each once, as resources due now: what listings list goes before
    what articles lead to, which may be without end, and the newest first."""
    found: dict[str, Found] = {}
    for link in links:
        article = outlet.identify(link.url)
        if article is not None and link.url not in found:
            day, day_from = day_of_link(link, article.day, outlet, at)
            found[link.url] = Found(
                key=article.key,
                kind="article",
                url=link.url,
                priority=NEW,
                due_at=newest_first(at, day) if by != "article" else at,
                found_by=by,
                lastmod=link.lastmod,
                day=day,
                day_from=day_from,
                section=section,
            )
    return tuple(found.values())


def newest_first(at: datetime, day: date) -> datetime:
    """When an article of a day that was found at `at` is due, so that of those found together the newest come first:
    each day counts for a minute."""
    return at - (min(day, at.date()) - _LONG_AGO).days * timedelta(minutes=1)


def day_of_link(link: Link, stated: date | None, outlet: Outlet, at: datetime) -> tuple[date, DayFrom]:
    """The day of publication as far as a link tells it, in the outlet's zone, and what tells it; `stated` is that of
    its URL."""
    if stated is not None:
        return stated, "url"
    if link.published_day is not None:
        return link.published_day, "listing"
    if link.lastmod is not None:
        return link.lastmod.astimezone(outlet.timezone).date(), "lastmod"
    return at.astimezone(outlet.timezone).date(), "seen"


def _coverage(found: tuple[Found, ...], span: tuple[date, date] | None) -> Coverage:
    """What a listing lists by day, and of which days it lists all: those asked for, else those from the first to the
    last that it lists. A last change tells what days it reaches over, not of which day an article is."""
    articles = {each.key: each for each in found}.values()
    days = Counter(each.day for each in articles if each.day is not None and each.day_from in ("url", "listing"))
    reached = sorted(each.day for each in articles if each.day is not None and each.day_from != "seen")
    first, last = span or ((reached[0], reached[-1]) if reached else (None, None))
    return Coverage(len(articles), tuple(sorted(days.items())), first, last)


def listings_found(links: tuple[Link, ...], outlet: Outlet, *, way: str, at: datetime) -> tuple[Found, ...]:
    """Further listings as resources due now."""
    return tuple(
        Found(
            key=outlet.listing_key(link.url),
            kind=way,
            url=link.url,
            priority=LISTING,
            due_at=at,
            found_by=way,
            lastmod=link.lastmod,
        )
        for link in links
    )
