"""Files for machines: feeds, sitemaps and robots.txt of a host."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import islice

from scraper.demo.catalogue import Stub
from scraper.demo.chrome import teaser
from scraper.demo.dates import mail_date
from scraper.demo.documentaries import documentaries
from scraper.demo.hostset import Host, Section
from scraper.demo.view import View

FEED_ARTICLES = 30
SITEMAP_ARTICLES = 1000
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SITEMAPS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def feed(view: View, section: Section | None = None) -> str:
    """The newest articles of the host's edition, or of a section, as RSS in the host's flavour."""
    if section is None:
        indexes: Iterable[int] = islice(view.catalogue.newest(view.host.edition, view.day), FEED_ARTICLES)
    else:
        indexes = view.catalogue.page_of(section, 0, FEED_ARTICLES, view.day)
    built = mail_date(view.catalogue.timeline.moment(view.day), "full")
    items = "".join(_item(view.stub(index), view) for index in indexes)
    live = f"<item><title>Live</title><link>{_base(view)}/Live</link></item>" if view.host.dress == "house" else ""
    return (
        f'{_XML}<rss version="2.0"><channel><title>{view.text(view.hosts.title)}</title><link>{_base(view)}/</link>'
        f"<lastBuildDate>{built}</lastBuildDate>{items}{live}</channel></rss>\n"
    )


def sitemap_index(view: View, *, lastmod: bool) -> str:
    """The index of the host's sitemaps."""
    total = view.catalogue.timeline.total(view.day)
    name = "map" if view.host.dress == "reader" else "sitemap"
    entries = []
    for number in range(1, -(-total // SITEMAP_ARTICLES) + 1):
        stamp = f"<lastmod>{_stamp(_latest(view, number))}</lastmod>" if lastmod else ""
        entries.append(f"<sitemap><loc>{_base(view)}/{name}-{number}.xml</loc>{stamp}</sitemap>")
    return f"{_XML}<sitemapindex {_SITEMAPS}>\n{chr(10).join(entries)}\n</sitemapindex>\n"


def sitemap(view: View, number: int, *, lastmod: bool) -> str | None:
    """One sitemap, from 1; None beyond the last. Pages that are no articles stand among the rest."""
    timeline = view.catalogue.timeline
    indexes = range((number - 1) * SITEMAP_ARTICLES, min(number * SITEMAP_ARTICLES, timeline.total(view.day)))
    if number < 1 or not indexes:
        return None
    entries = []
    for index in indexes:
        if timeline.withdrawn(index, view.day):
            continue
        stub = view.stub(index)
        if stub.edition == view.host.edition:
            changed = timeline.updated(index, view.day) or stub.published
            entries.append(_url(view.url(stub), changed if lastmod else None))
    if number == 1 and view.host.dress == "house" and view.host.edition == "en":
        entries += [_url(f"{_base(view)}{page.path}", None) for page in view.hosts.standing if not page.hollow]
        entries += [
            _url(f"{_base(view)}{film.path}", None) for film in islice(documentaries(view.catalogue, view.day), 10)
        ]
    return f"{_XML}<urlset {_SITEMAPS}>\n{chr(10).join(entries)}\n</urlset>\n"


def robots(view: View) -> str:
    """The host's robots.txt."""
    name = "map" if view.host.dress == "reader" else "sitemap"
    return f"User-agent: *\nDisallow: /callback/\nDisallow: /default/GetSchedule\n\nSitemap: {_base(view)}/{name}.xml\n"


def _base(view: View) -> str:
    return f"{view.scheme}://{view.host.name}"


def _item(stub: Stub, view: View) -> str:
    date = ""
    if view.host.feed_dates != "none":
        date = f"<pubDate>{mail_date(stub.local, view.host.feed_dates)}</pubDate>"
    return (
        f"<item><title>{view.text(stub.headline)}</title><link>{escape(_feed_link(stub, view))}</link>"
        f"<description>{view.text(teaser(stub, view))}</description>{date}</item>"
    )


def _feed_link(stub: Stub, view: View) -> str:
    """A feed's link: some feeds name another host or a needless port."""
    primary: Host = view.hosts.primary
    if view.host.feed_links == "primary":
        return view.url(stub, primary)
    if view.host.feed_links == "mixed" and stub.index % 3 == 0:
        port = 443 if view.scheme == "https" else 80
        return f"{view.scheme}://{view.host.name}:{port}{stub.path}"
    if view.host.feed_links == "mixed" and stub.index % 3 == 1:
        return view.url(stub, primary)
    return view.url(stub)


def _url(address: str, changed: datetime | None) -> str:
    stamp = f"<lastmod>{_stamp(changed)}</lastmod>" if changed else ""
    return f"<url><loc>{escape(address)}</loc>{stamp}</url>"


def _latest(view: View, number: int) -> datetime:
    """When a sitemap last changed. Before day 0 it is a bound from above, so that no article need be looked at."""
    timeline = view.catalogue.timeline
    first, last = (number - 1) * SITEMAP_ARTICLES, number * SITEMAP_ARTICLES
    for day in range(view.day, 0, -1):
        plan = timeline.planned(day)
        touched = (*plan.edited, *plan.withdrawn, *plan.reverted)
        if any(first <= index < last for index in touched) or (plan.new.start < last and plan.new.stop > first):
            return timeline.moment(day)
    newest = timeline.published(min(last, timeline.size) - 1)
    return min(newest + timedelta(days=3), timeline.first)


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
