"""Months of scheduled visits to a site whose every page has a nonce: the archive stays near one capture an article."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from storage.archive import Archive
from storage.models import article, capture, reduction, revision, warc_file
from tests.crawling import NOON as START
from tests.crawling import place_options, presskeep
from tests.databases import Place
from tests.small_site import PROFILE, Answer, SmallSite, article_page, article_path, crawl_small, sitemap, small_site
from tests.soundness import verified, walked

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

VISITS = (
    *(timedelta(minutes=20 * n) for n in range(4)),
    *(timedelta(hours=7 + 2 * n) for n in range(4)),
    *(timedelta(days=n) for n in range(1, 8)),
    *(timedelta(days=7 * n) for n in range(2, 9)),
)
"""When the site is visited, counted from the first time: thrice a day at first, then daily, then weekly."""
ARTICLES = 40
POLICIES = '[manners]\nunchanged = "headers"\nlistings = "changed"\n'
ONE_DOMAIN = PROFILE.replace(
    'host = "mirror.small.example"\nrole = "mirror"', 'host = "cdn.small.example"\nrole = "assets"'
)


class Gazette:
    """A site whose pages carry a nonce and are as large as pages are; one article is edited, one is added."""

    def __init__(self) -> None:
        words = random.Random(1)
        vocabulary = ["".join(words.choices("abcdefghijklmnoprstuvw", k=words.randint(2, 9))) for _ in range(4000)]
        self._beside = {key: " ".join(words.choices(vocabulary, k=3000)) for key in range(ARTICLES + 2)}
        self.edited = False
        self.number = ARTICLES

    def answer(self, host: str, path: str) -> Answer | None:
        if path == "/robots.txt":
            return Answer(b"User-agent: *\nAllow: /\n", content_type="text/plain")
        if path == "/":
            links = "".join(f'<a href="{article_path(key)}">Article {key}</a>' for key in range(1, self.number + 1))
            return Answer(f"<html><body>{self._nonce()}{links}</body></html>".encode())
        if path == "/sitemap.xml":
            return sitemap(*(f"http://{host}{article_path(key)}" for key in range(1, self.number + 1)))
        for key in range(1, self.number + 1):
            if path == article_path(key):
                page = article_page(key, "An addition." if self.edited and key == 1 else "").body.decode()
                beside = f"<aside>{self._beside[key]}</aside>"
                return Answer(page.replace("</body>", f"{self._nonce()}{beside}</body>").encode())
        return None

    @staticmethod
    def _nonce() -> str:
        return f'<script nonce="{secrets.token_hex(16)}">var t = "{secrets.token_hex(16)}";</script>'


@pytest.fixture
def gazette() -> Gazette:
    return Gazette()


@pytest.fixture
def site(gazette: Gazette, tmp_path: Path) -> Iterator[SmallSite]:
    with small_site(tmp_path, gazette.answer, ONE_DOMAIN.replace("[manners]\n", POLICIES)) as running:
        yield running


def visit(place: Place, site: SmallSite, gazette: Gazette) -> None:
    """All visits; each seventh is a crawl without --due, which closes the file."""
    for number, after in enumerate(sorted(VISITS)):
        gazette.edited = number >= 6
        gazette.number = ARTICLES + (number >= 10)
        at: datetime = START + after
        more = ("--due",) if number % 7 else ()
        ran = crawl_small(place, site, *more, now=at.isoformat())
        assert ran.code in (0, 1), ran.err
    ran = crawl_small(place, site, now=(START + timedelta(days=60)).isoformat())
    assert ran.code in (0, 1), ran.err


@pytest.mark.soak
def test_months_of_visits_to_pages_with_a_nonce_cost_little_more_than_one_each(
    site: SmallSite, gazette: Gazette, tmp_path: Path
) -> None:
    place = Place(tmp_path / "archive", None)
    visit(place, site, gazette)
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        kept = connection.execute(select(func.sum(warc_file.c.committed_len))).scalar_one()
        fetched = connection.execute(select(func.sum(capture.c.span_length))).scalar_one()
        texts = connection.execute(select(func.count()).select_from(revision)).scalar_one()
        articles = connection.execute(select(func.count()).select_from(article)).scalar_one()
        reasons = Counter(connection.execute(select(reduction.c.reason)).scalars())
        outcomes = Counter(connection.execute(select(capture.c.outcome)).scalars())
        one = connection.execute(
            select(func.avg(capture.c.span_length))
            .outerjoin(reduction, reduction.c.capture == capture.c.id)
            .where(capture.c.outcome == "article", reduction.c.capture.is_(None))
        ).scalar_one()
    print(f"\n{kept=} {fetched=} {texts=} {articles=} {reasons=} {outcomes=} {one=} {kept / (articles * one):.3f}")
    assert (articles, texts) == (ARTICLES + 1, ARTICLES + 2)
    assert outcomes["article"] > 8 * articles
    assert kept <= 1.3 * texts * one
    assert fetched > 4 * texts * one, "without the policies"
    assert walked(place, settled=True) + verified(place) == []

    at = place_options(place)
    shown = presskeep("show", "small:1", "--json", *at).json
    assert "unchanged" in {each["reduced"] for each in shown["captures"]}
    assert presskeep("history", "small:1", *at).code == 0
    again = presskeep("reextract", "small", "--json", *at, environment=site.environment)
    assert again.code == 0, again.err
    for kind in ("warc", "wacz"):
        assert presskeep("export", kind, "small", "--out", str(tmp_path / f"all.{kind}"), *at).code == 0
    told = presskeep("export", "evidence", "small:1", "--out", str(tmp_path / "one.zip"), *at)
    assert told.code == 0, told.err
    assert presskeep("backup", str(tmp_path / "backup"), *at).code == 0
    restored = Place(tmp_path / "restored", None)
    assert presskeep("restore", str(tmp_path / "backup"), "--archive", str(restored.folder)).code == 0
    assert walked(restored, settled=True) + verified(restored) == []
