"""Discovery by known URLs: a range of numbers, single articles, and text files of URLs."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from scraper.extraction.page import Page
from scraper.outlet import Discovery, Outlet
from spiders.gzipped import BadGzip, TooLarge, unpack
from spiders.sitemap import MAX_BYTES, read_lines
from spiders.starts import address_of, fill_start
from spiders.ways import NEW, Findings, Request, Seed, domains_of

_NUMBER = "{number}"


def seeds(outlet: Outlet, rule: Discovery, request: Request) -> Iterator[Seed]:
    """Articles by number (from the last down, so that the newest come first), single articles, and files of URLs.

    They are yielded one by one: a range may hold millions. Articles are named on one domain, the first that serves
    them; where else they stand, listings tell.
    """
    domains = list(domains_of(outlet, rule, request))
    for start in rule.start:
        if _NUMBER in start:
            first, last = rule.first or 1, rule.last or 0
            paths: Iterator[str] = (fill_start(start, number=number) for number in range(last, first - 1, -1))
        else:
            paths = iter((start,))
        for path in paths:
            for domain in domains:
                url = address_of(domain, path)
                if url is None:
                    continue
                article = outlet.identify(url)
                yield (
                    Seed(article.key, "article", url, NEW) if article else Seed(outlet.listing_key(url), rule.way, url)
                )
                if article:
                    break


def read(page: Page, outlet: Outlet, rule: Discovery) -> Findings:
    """The articles that a text file of URLs names, one a line."""
    try:
        content = unpack(page.content, MAX_BYTES)
    except TooLarge:
        return Findings(problem="too-large")
    except BadGzip:
        return Findings(problem="bad-gzip")
    links = read_lines(content, page.url if urlsplit(page.url).scheme else "", outlet)
    return Findings(links=links, problem="" if links else "no-urls")
