"""What stands around every page of a host on a day: menus, other headlines, footer. Made once, then reused."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import islice

from scraper.demo.catalogue import TONGUES, Stub
from scraper.demo.chance import stream
from scraper.demo.tongue import Pen
from scraper.demo.view import View

SIDE_LINKS = 8


@dataclass(frozen=True, slots=True)
class Chrome:
    """The frame of a host's pages on a day: what stands above the content and below it, and side links."""

    top: str
    bottom: str
    links: tuple[str, ...]
    heading: str

    def side(self, turn: int) -> str:
        """The side block; its links stand in another order from page to page."""
        if not self.links:
            return ""
        at = turn % len(self.links)
        links = "".join(self.links[at:] + self.links[:at])
        return f'<aside class="section-latest"><div class="topnews-title">{self.heading}</div>{links}</aside>'


def make_chrome(view: View) -> Chrome:
    """The frame of a view's host on its day."""
    edition = view.host.edition
    newest = [view.stub(index) for index in islice(view.catalogue.newest(edition, view.day), SIDE_LINKS)]
    hollow = [
        f'<div class="section-data"><div><a href="{page.path}">{view.text(page.title)}</a></div></div>'
        for page in view.hosts.standing
        if page.hollow and edition == "en" and view.host.dress == "house"
    ]
    links = [_side_link(stub, view) for stub in newest]
    heading = {"en": "Latest", "fr": "Dernières nouvelles"}[edition]
    return Chrome(
        _reader_top(view) if view.host.dress == "reader" else _house_top(view),
        _bottom(view),
        (*links, *hollow),
        heading,
    )


def teaser(stub: Stub, view: View) -> str:
    """A sentence beside a link in a list; it is not the article's lead."""
    tongue = TONGUES[stub.edition]
    pen = Pen(tongue, stream(view.catalogue.seed, "teaser", stub.index))
    pen.meet_speaker()
    return pen.sentence(tongue.facts)


def section_path(view: View, number: int, word: str) -> str:
    return f"/topics/{word}" if view.host.dress == "reader" else f"/Section/{number}"


def _side_link(stub: Stub, view: View) -> str:
    headline, href = view.text(stub.headline), view.href(stub)
    return (
        f'<div class="section-data"><div><a class="section-latest-news-link" href="{href}">{headline}</a></div>'
        f"<p>{view.text(teaser(stub, view))}</p></div>"
    )


def _menu(view: View) -> str:
    return "".join(
        f'<li><a href="{section_path(view, section.number, section.word)}">{view.text(section.names[-1])}</a></li>'
        for section in view.hosts.sections_of(view.host.edition)
    )


def _house_top(view: View) -> str:
    title = view.text(view.hosts.title)
    logo = f'<img src="//{view.hosts.image_host}/logo.png" alt="{title}">'
    return (
        f'<div class="header {view.host.role}"><a href="/" class="logo">{logo}</a>'
        f'<ul class="menu"><li class="haschild"><a href="/">{title}</a>'
        f'<div class="child"><ul class="dropdown-menu">{_menu(view)}</ul></div></li>'
        f"<li><a href=/Live>Live</a></li><li><a href=/doc/section/601>Documentaries</a></li>"
        f'<li><a href="/Default/Search">Search</a></li><li><a href="javascript:void(0)">Menu</a></li></ul></div>'
    )


def _reader_top(view: View) -> str:
    title = view.text(view.hosts.title)
    return f'<nav id="bar"><strong>{title} reader</strong><ul>{_menu(view)}</ul><a href="/archive">Archive</a></nav>'


def _bottom(view: View) -> str:
    title = escape(view.hosts.title)
    if view.host.dress == "reader":
        return f'<footer><p>Copies of {title}, for readers who cannot reach it.</p><a href="/about">About</a></footer>'
    links = " ".join(
        f'<a href="{page.path}">{escape(page.title)}</a>' for page in view.hosts.standing if not page.hollow
    )
    follow = '<a href="http://social.example/replica">Follow us</a>'
    return f'<div class="footer"><p>© {title}. All rights reserved.</p>{links} {follow}</div>'
