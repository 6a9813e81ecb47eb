"""A small outlet with an archive by date, whose articles a test adds, hides and breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from tests.crawling import NOON
from tests.small_site import HOST, PROFILE, Answer, SmallSite, article_page, article_path, section

FIRST = date(2026, 1, 1)
A_PAGE = 5
"""Articles on one page of a day's listing."""
DATED = PROFILE.replace(
    '[[discovery]]\nway = "sitemap"\nstart = ["/sitemap.xml"]\n',
    '[[discovery]]\nway = "datearchive"\nstart = ["/day?from={from}&to={to}&page={page}"]\n'
    f'links = ["li a"]\nsince = {FIRST}\nstep = 1\n',
).replace('[[domains]]\nhost = "mirror.small.example"\nrole = "mirror"\nscheme = "http"\n', "")
BROKEN = Answer(b"<h1>Broken</h1>", status=500)


@dataclass
class DatedSite:
    """`days` holds each article's day by key; what is in `hidden` is neither listed nor there; what is in `broken`
    answers 500. `newest` articles stand on the home page."""

    days: dict[int, date]
    hidden: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    closed: set[date] = field(default_factory=set)
    newest: int = 3
    text: str = ""

    def answer(self, host: str, path: str) -> Answer | None:
        if host != HOST:
            return None
        parts = urlsplit(path)
        shown = sorted(self.days.keys() - self.hidden, reverse=True)
        if path == "/":
            return section(*map(self.path, shown[: self.newest]))
        if parts.path == "/day":
            return self._listing(parse_qs(parts.query), shown)
        key = next((key for key in shown if self.path(key) == path), None)
        if key in self.broken:
            return BROKEN
        return article_page(key, self.text) if key is not None else None

    def path(self, key: int) -> str:
        return article_path(key, f"{self.days[key]:%Y/%m/%d}")

    def _listing(self, query: dict[str, list[str]], shown: Iterable[int]) -> Answer:
        first, last = (date.fromisoformat(query[name][0]) for name in ("from", "to"))
        if any(first <= day <= last for day in self.closed):
            return BROKEN
        page = int(query["page"][0])
        keys = [key for key in shown if first <= self.days[key] <= last]
        return section(*map(self.path, keys[A_PAGE * (page - 1) : A_PAGE * page]))


def asked(site: SmallSite) -> tuple[Counter[int], Counter[str]]:
    """How often each article was asked for since the last look, and each page of a day's listing as 'DAY PAGE'."""
    articles: Counter[int] = Counter()
    listings: Counter[str] = Counter()
    for host, path in site.new_requests():
        parts = urlsplit(path)
        if host == HOST and path.startswith("/news/"):
            articles[int(path.rpartition("/")[2])] += 1
        elif host == HOST and parts.path == "/day":
            query = parse_qs(parts.query)
            listings[f"{query['from'][0]} {query['page'][0]}"] += 1
    return articles, listings


def at(days: float) -> str:
    """So many days after noon of the first of June."""
    moment: datetime = NOON + timedelta(days=days)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
