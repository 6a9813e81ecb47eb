"""The replica as a pure site: host, target and day in, answer out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from html import escape
from urllib.parse import parse_qs, unquote, urlsplit
from zlib import crc32

from scraper.demo import feeds, listings
from scraper.demo.assets import find_asset
from scraper.demo.catalogue import Catalogue
from scraper.demo.chrome import Chrome, make_chrome
from scraper.demo.documentaries import documentary_at
from scraper.demo.hostset import Host, HostSet, Section, StandingPage
from scraper.demo.house import article_page, standing_page
from scraper.demo.reader import reader_page
from scraper.demo.story import write_story
from scraper.demo.timeline import Timeline
from scraper.demo.view import View

_HTML, _XML, _TEXT = "text/html; charset=utf-8", "application/xml; charset=utf-8", "text/plain; charset=utf-8"
_ARTICLE = re.compile(r"/(?:[Dd]etail|Video)(?:/\d{4}/\d{2}/\d{2})?/(\d{1,12})(?:\.html)?(?:/.*)?")
_STORY = re.compile(r"/story/(\d{1,12})(?:-.*)?")
_SECTION = re.compile(r"/(?:[Dd]efault/)?Section/(\d{1,9})(?:/(\d{1,7}))?/?")
_TOPIC = re.compile(r"/topics/([a-z-]{1,40})/?")
_FEED = re.compile(r"/rss/rss-(\d{1,9})\.xml")
_SITEMAP = re.compile(r"/(?:sitemap|map)-(\d{1,6})\.xml")
_TAG = re.compile(r"/Tag/(\d{1,9})")
_FILM = re.compile(r"/doc/Detail/\d{4}/\d{2}/\d{2}/(\d{1,12})/.*")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the site says: `etag` with its quotes, `changed` for Last-Modified, `location` of a redirect."""

    status: int
    body: bytes
    content_type: str = _HTML
    etag: str | None = None
    changed: datetime | None = None
    location: str | None = None


class Site:
    """A replica's pages. `lastmod` says whether its sitemaps state when pages changed."""

    def __init__(self, hosts: HostSet, timeline: Timeline, *, lastmod: bool = True) -> None:
        self.hosts, self.lastmod = hosts, lastmod
        self.catalogue = Catalogue(hosts, timeline)
        self._hosts = {host.name: host for host in hosts.hosts}
        self._chrome: Callable[[View], Chrome] = lru_cache(maxsize=64)(make_chrome)
        self._view = lru_cache(maxsize=64)(self._make_view)
        self._listing = lru_cache(maxsize=128)(self._make_listing)

    def answer(self, host: str, target: str, day: int, scheme: str = "http") -> Answer:
        """Answer a GET of a request target on a host, as of a day."""
        known = self._hosts.get(host)
        if known is None:
            return Answer(421, b"No such host here.\n", _TEXT)
        match known.role:
            case "former":
                return Answer(200, _notice(self.hosts).encode())
            case "gone":
                return Answer(404, b"Not found.\n", _TEXT)
            case "assets":
                return _asset(target)
        view = self._view(known, max(0, day - known.lag), scheme)
        path = unquote(urlsplit(target).path)
        article = (_STORY if known.dress == "reader" else _ARTICLE).fullmatch(path)
        standing = self._standing(path) if known.dress == "house" else None
        if standing is None and article:
            return self._article(view, int(article[1]), path)
        if standing:
            return Answer(200, standing_page(standing, view, self._chrome(view)).encode())
        return self._listing(view, target)

    def _make_view(self, host: Host, day: int, scheme: str) -> View:
        return View(self.catalogue, host, day, scheme)

    def _standing(self, path: str) -> StandingPage | None:
        return next((page for page in self.hosts.standing if page.path == path), None)

    def _article(self, view: View, key: int, path: str) -> Answer:
        timeline = self.catalogue.timeline
        index = timeline.index(key, view.day)
        if index is None:
            return self._missing(view)
        if timeline.withdrawn(index, view.day):
            return self._missing(view, timeline.withdrawn_status(index))
        stub = view.stub(index)
        if stub.edition != view.host.edition and view.host.dress == "reader":
            return self._missing(view)
        if path != unquote(stub.path_on(view.host)):
            return Answer(301, b"", location=stub.path_on(view.host))
        story = write_story(self.catalogue, index, view.day)
        page = reader_page if view.host.dress == "reader" else article_page
        # Weak, since other headlines around the article change from day to day while it stays.
        etag = f'W/"{key}-{story.version}-{crc32(view.host.name.encode()):x}"'
        body = page(story, view, self._chrome(view)).encode()
        return Answer(200, body, etag=etag, changed=story.updated or stub.published)

    def _make_listing(self, view: View, target: str) -> Answer:
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query, max_num_fields=20).items()}
        path = unquote(parts.path)
        answer = self._machine_file(view, path) or self._list(view, path, query)
        if answer is None:
            return self._missing(view)
        if answer.status != 200:
            return answer
        changed = self.catalogue.timeline.moment(view.day)
        return replace(answer, etag=f'"{crc32(answer.body):08x}"', changed=changed)

    def _machine_file(self, view: View, path: str) -> Answer | None:
        reader = view.host.dress == "reader"
        if path == "/robots.txt":
            return Answer(200, feeds.robots(view).encode(), _TEXT)
        if path == ("/feed.xml" if reader else "/rss.xml"):
            return Answer(200, feeds.feed(view).encode(), "application/rss+xml; charset=utf-8")
        if path == ("/map.xml" if reader else "/sitemap.xml"):
            return Answer(200, feeds.sitemap_index(view, lastmod=self.lastmod).encode(), _XML)
        if found := _SITEMAP.fullmatch(path):
            text = feeds.sitemap(view, int(found[1]), lastmod=self.lastmod)
            return None if text is None else Answer(200, text.encode(), _XML)
        if (found := _FEED.fullmatch(path)) and not reader:
            section = self._section(view, int(found[1]))
            return Answer(200, feeds.feed(view, section).encode(), _XML) if section else None
        return None

    def _list(self, view: View, path: str, query: dict[str, str]) -> Answer | None:
        chrome, reader = self._chrome(view), view.host.dress == "reader"
        if path == "/":
            return _page(listings.home_page(view, chrome))
        if path.lower() == ("/archive" if reader else "/default/search"):
            return self._search(view, chrome, query)
        if reader:
            found = _TOPIC.fullmatch(path)
            section = next(
                (own for own in self.hosts.sections_of(view.host.edition) if found and own.word == found[1]), None
            )
            return _page(listings.section_page(view, chrome, section, _number(query.get("page")))) if section else None
        if found := _SECTION.fullmatch(path):
            section = self._section(view, int(found[1]))
            if section is None:
                return _page(listings.empty_section(view, chrome, int(found[1])))
            return _page(listings.section_page(view, chrome, section, _number(found[2])))
        if (found := _TAG.fullmatch(path)) and (section := self._section(view, int(found[1]))):
            return _page(listings.tag_page(view, chrome, section))
        if path.startswith("/doc/section/"):
            return _page(listings.documentary_list(view, chrome))
        return self._film(view, chrome, path)

    def _search(self, view: View, chrome: Chrome, query: dict[str, str]) -> Answer:
        names = ("after", "before", "p") if view.host.dress == "reader" else ("from", "to", "page")
        try:
            first, last = (date.fromisoformat(query.get(name, "")) for name in names[:2])
        except ValueError:
            return Answer(400, b"Two dates are needed, as YYYY-MM-DD.\n", _TEXT)
        return _page(listings.search_page(view, chrome, first, last, _number(query.get(names[2]))))

    def _film(self, view: View, chrome: Chrome, path: str) -> Answer | None:
        found = _FILM.fullmatch(path)
        film = documentary_at(self.catalogue, int(found[1]), view.day) if found else None
        if film is None or film.path != path:
            return None
        return _page(standing_page(StandingPage(film.path, film.title, "documentary"), view, chrome))

    def _section(self, view: View, number: int) -> Section | None:
        return next((own for own in self.hosts.sections_of(view.host.edition) if own.number == number), None)

    def _missing(self, view: View, status: int = 404) -> Answer:
        page = StandingPage("", "Page not found", "missing", hollow=False)
        return Answer(status, standing_page(page, view, self._chrome(view)).encode())


def _page(text: str) -> Answer:
    return Answer(200, text.encode())


def _number(text: str | None) -> int:
    """A page's number from 1; what is none counts as the first."""
    return max(1, int(text)) if text and text.isascii() and text.isdigit() and len(text) < 8 else 1


def _notice(hosts: HostSet) -> str:
    notice = escape(hosts.notice)
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>Notice</title></head>\n'
        f'<body><img src="/seals.jpg" alt="{notice}"><p>{notice}</p></body></html>\n'
    )


def _asset(target: str) -> Answer:
    asset = find_asset(urlsplit(target).path)
    return Answer(404, b"Not found.\n", _TEXT) if asset is None else Answer(200, asset.body, asset.content_type)
