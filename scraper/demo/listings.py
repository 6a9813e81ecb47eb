"""Pages that lead to articles: home, sections, tags, search by date, documentaries; in both dresses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from html import escape
from itertools import islice

from scraper.demo.catalogue import Stub
from scraper.demo.chrome import Chrome, teaser
from scraper.demo.dates import search_date
from scraper.demo.documentaries import documentaries
from scraper.demo.hostset import Section
from scraper.demo.view import View, language_name

HOME_ARTICLES = 20
PAGE_ARTICLES = 20
TAG_ARTICLES = 10


def home_page(view: View, chrome: Chrome) -> str:
    """The newest articles, and links to every section."""
    stubs = [view.stub(index) for index in islice(view.catalogue.newest(view.host.edition, view.day), HOME_ARTICLES)]
    films = islice(documentaries(view.catalogue, view.day), 2)
    extra = "".join(f"<a class=hover-effect href={escape(film.path)}>{view.text(film.title)}</a>" for film in films)
    return _frame(view, chrome, view.text(view.hosts.title), _items(stubs, view) + extra)


def section_page(view: View, chrome: Chrome, section: Section, page: int) -> str:
    """One page of a section, newest first; pages count from 1."""
    count = view.catalogue.count(section, view.day)
    indexes = view.catalogue.page_of(section, (page - 1) * PAGE_ARTICLES, PAGE_ARTICLES, view.day)
    last = max(1, -(-count // PAGE_ARTICLES))
    base = f"/topics/{section.word}?page=" if view.host.dress == "reader" else f"/Section/{section.number}/"
    content = _items(map(view.stub, indexes), view) + _paging(base, page, last, view)
    return _frame(view, chrome, view.text(section.names[-1]), content)


def empty_section(view: View, chrome: Chrome, number: int) -> str:
    """A section that the outlet has and the replica does not fill."""
    return _frame(view, chrome, f"Section {number}", "")


def tag_page(view: View, chrome: Chrome, section: Section) -> str:
    """Some articles under a tag."""
    indexes = view.catalogue.page_of(section, 0, TAG_ARTICLES, view.day)
    return _frame(view, chrome, f"Tag: {view.text(section.word)}", _items(map(view.stub, indexes), view))


def search_page(view: View, chrome: Chrome, first: date, last: date, page: int) -> str:
    """Articles published from one day to another, both included, newest first; pages count from 1."""
    found = view.catalogue.timeline.between(first, last, view.day)
    matching = _of_edition(found, view)
    # One more than a page holds tells whether there is a next one, without counting a large archive's hits.
    start = (page - 1) * PAGE_ARTICLES
    indexes = list(islice(matching, start, start + PAGE_ARTICLES + 1))
    stubs = [view.stub(index) for index in indexes[:PAGE_ARTICLES]]
    more = page + 1 if len(indexes) > PAGE_ARTICLES else page
    if view.host.dress == "reader":
        base = f"/archive?after={first}&before={last}&p="
        return _frame(view, chrome, "Archive", _items(stubs, view) + _paging(base, page, more, view))
    base = f"/default/search?from={first}&to={last}&page="
    results = "".join(
        f'<a class="result-item-link" href="{view.href(stub)}">'
        f'<div class="result-item-title">{view.text(stub.headline)}</div>'
        f'<div class="result-item-summery">{view.text(teaser(stub, view))}</div>'
        f'<span class="result-item-puddate">{search_date(stub.local)}</span></a>'
        for stub in stubs
    )
    return _frame(view, chrome, "Search", results + _paging(base, page, more, view))


def documentary_list(view: View, chrome: Chrome) -> str:
    """The newest documentaries, which are no news."""
    films = islice(documentaries(view.catalogue, view.day), 10)
    items = "".join(f"<li><a href={escape(film.path)}>{view.text(film.title)}</a></li>" for film in films)
    return _frame(view, chrome, "Documentaries", f"<ul>{items}</ul>")


def _of_edition(found: range, view: View) -> Iterable[int]:
    catalogue = view.catalogue
    own = {section.number for section in view.hosts.sections_of(view.host.edition)}
    for index in reversed(found):
        if catalogue.slot(index).section in own and not catalogue.timeline.withdrawn(index, view.day):
            yield index


def _items(stubs: Iterable[Stub], view: View) -> str:
    item = _reader_item if view.host.dress == "reader" else _house_item
    return f'<ul class="list">{"".join(item(stub, view) for stub in stubs)}</ul>'


def _house_item(stub: Stub, view: View) -> str:
    href, section = view.href(stub), stub.section
    image = f"//{view.hosts.image_host}/list/{stub.key}.s.jpg"
    picture = f'<img data-src="{image}"><noscript><img src="{image}"></noscript>'
    place = f'<a href="/Section/{section.number}">{view.text(section.names[-1])}</a>'
    return (
        f'<li><div class="img"><a href="{href}">{picture}</a></div><div class="dsc">'
        f'<h3><a href="{href}">{view.text(stub.headline)}</a></h3>'
        f'<p><a href="{href}">{view.text(teaser(stub, view))}</a></p>'
        f'<div class="section">{place} <span class="time">10hr</span></div></div></li>'
    )


def _reader_item(stub: Stub, view: View) -> str:
    link = f'<a class="story-link" href="{view.href(stub)}">{view.text(stub.headline)}</a>'
    return f"<li>{link} <small>{stub.local:%d.%m.%Y}</small></li>"


def _paging(base: str, page: int, last: int, view: View) -> str:
    base = escape(base)
    if view.host.dress == "reader":
        return f'<a class="more" rel="next" href="{base}{page + 1}">Older</a>' if page < last else ""
    near: Sequence[int] = range(max(1, page - 2), min(last, page + 2) + 1)
    pages = "".join(f'<li class="page"><a href="{base}{at}">{at}</a></li>' for at in near)
    if page < last:
        pages += f'<li class="next"><a href="{base}{page + 1}">Next</a></li>'
        pages += f'<li class="last"><a href="{base}{last}">Last</a></li>'
    return f'<ul class="pagination">{pages}</ul>'


def _frame(view: View, chrome: Chrome, title: str, content: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="{language_name(view.host.edition)}">\n'
        f'<head><meta charset="utf-8"><title>{title}</title>{view.look}</head>\n<body>\n{chrome.top}\n'
        f'<div class="main">{content}</div>\n{chrome.bottom}\n</body>\n</html>\n'
    )
