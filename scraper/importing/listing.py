"""Lists of URLs: those of known outlets' articles become due, and are said by what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from scraper.crawling.opening import facts_of
from scraper.crawling.reading import day_of_link
from scraper.extraction.page import Link
from storage.finding import add_found
from storage.outlets import sync_outlet
from storage.priorities import NEW
from storage.records import Found

if TYPE_CHECKING:
    from scraper.outlet import Outlet
    from storage.archive import Archive

BATCH = 500


def make_urls_due(
    archive: Archive, urls: Sequence[str], outlets: Mapping[str, Outlet], crawl: int, now: datetime
) -> dict[str, int]:
    """Put article URLs into the frontier of their outlets, due now where they are new; those known keep their time.

    Gives counts: `due` for new articles, `known` for those that the frontier has already, `no_article` for the
    outlets' other URLs, `no_outlet` for URLs of hosts without a profile.
    """
    counts: Counter[str] = Counter({"due": 0, "known": 0, "no_article": 0, "no_outlet": 0})
    for name, founds in _by_outlet(urls, outlets, now, counts):
        with archive.begin() as connection:
            outlet = sync_outlet(connection, name, "profile", facts_of(outlets[name]), now)
            added = add_found(connection, outlet, founds, now=now, crawl=crawl)
        counts["due"] += added.new_resources
        counts["known"] += len(founds) - added.new_resources
    return dict(counts)


def _by_outlet(
    urls: Sequence[str], outlets: Mapping[str, Outlet], now: datetime, counts: Counter[str]
) -> Iterator[tuple[str, list[Found]]]:
    waiting: dict[str, list[Found]] = {}
    for given in urls:
        url = given if "://" in given else f"https://{given}"
        name = next((name for name, outlet in outlets.items() if outlet.owns(url)), None)
        if name is None:
            counts["no_outlet"] += 1
            continue
        article = outlets[name].identify(url)
        if article is None:
            counts["no_article"] += 1
            continue
        group = waiting.setdefault(name, [])
        day, day_from = day_of_link(Link(url), article.day, outlets[name], now)
        group.append(Found(article.key, "article", url, NEW, now, found_by="import", day=day, day_from=day_from))
        if len(group) == BATCH:
            yield name, waiting.pop(name)
    yield from waiting.items()
