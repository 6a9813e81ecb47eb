"""The time of `status --gaps` over many articles: `python -m benchmarks.gaps [ARTICLES] [--database URL]`.

The archive has 200 articles a day, listed by a sitemap and an archive by date; one in fifty is missing. Only the newest
hundred days have texts, since no others are read. Every time is that of a fresh connection; the best of three counts.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from sqlalchemy import Connection

from storage import crawls, outlets
from storage.archive import Archive
from storage.gaps import gaps
from storage.models import article, covered, extractor, resource, revision
from storage.records import DomainFacts
from storage.ways import DATEARCHIVE, SECTIONS, SITEMAP

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TODAY, A_DAY, WITH_TEXTS = date(2026, 6, 1), 200, 100
ROUNDS = 3
BATCH = 5000
_T = TypeVar("_T")
OUTCOMES = ("failed:timeout", "refused:status-404", None)


def fill(connection: Connection, articles: int) -> None:
    """Write the rows of an archive that has been crawled for years."""
    facts = DomainFacts("news.example", "", "primary", None, None, None, 0)
    outlet = outlets.sync_outlet(connection, "bench", "profile", [facts], NOW)
    crawl = crawls.begin_crawl(connection, outlet, "crawl", operator=None, robots_policy="obey", now=NOW)
    connection.execute(extractor.insert().values(id=1, version="1"))
    for rows in _batches(_resources(outlet, crawl, articles)):
        kept = [row for row in rows if row["article"] is not None]
        connection.execute(
            article.insert(),
            [{"id": row["article"], "outlet": outlet, "kind": "article", "first_at": NOW} for row in kept],
        )
        connection.execute(resource.insert(), rows)
        texts = [row for row in kept if (TODAY - row["day"]).days < WITH_TEXTS]
        if texts:
            connection.execute(revision.insert(), [_revision(row) for row in texts])
            for row in texts:
                connection.execute(
                    article.update().where(article.c.id == row["article"]).values(current_revision=row["article"])
                )
    for rows in _batches(_listings(outlet, articles)):
        connection.execute(resource.insert(), [each for each, _ in rows])
        connection.execute(covered.insert(), [each for _, each in rows])


def _batches(rows: Iterator[_T]) -> Iterator[list[_T]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _resources(outlet: int, crawl: int, articles: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(1)
    for number in range(1, articles + 1):
        missing = chance.random() < 0.02
        yield {
            "id": number,
            "outlet": outlet,
            "key": f"{number}",
            "kind": "article",
            "priority": 20,
            "outcome": chance.choice(OUTCOMES) if missing else "article",
            "due_at": NOW + timedelta(days=chance.random() * 30),
            "article": None if missing else number,
            "found_by": "sitemap",
            "found_crawl": crawl,
            "day": TODAY - timedelta(days=(articles - number) // A_DAY),
            "day_from": "url",
            "ways": SITEMAP | chance.choice((0, SECTIONS)) | chance.choice((0, DATEARCHIVE)),
            "section": f"/section/{chance.randrange(20)}",
        }


def _listings(outlet: int, articles: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for n in range(articles // A_DAY):
        number, day = articles + 1 + n, TODAY - timedelta(days=n)
        key = f"listing::/search?from={day}&to={day}"
        values = {"id": number, "outlet": outlet, "key": key, "kind": "datearchive", "priority": 0}
        yield values | {"outcome": "listing"}, {"resource": number, "first": day, "last": day, "at": NOW, "n": 100}


def _revision(row: dict[str, Any]) -> dict[str, Any]:
    digest = hashlib.sha256(row["key"].encode()).hexdigest()
    texts = {"headline": "Headline", "body": "Text of the article. " * 200, "blocks": [], "authors": [], "tags": []}
    dates = {"first_at": NOW, "last_at": NOW}
    section = {"section": ["News", row["section"].title()], "found": {}}
    return {"id": row["article"], "article": row["article"], "digest": digest, "extractor": 1} | texts | dates | section


def measure(archive: Archive) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        archive.engine.dispose()
        begun = perf_counter()
        with archive.read() as connection:
            found = gaps(connection, "bench", today=TODAY)
        best = min(best, perf_counter() - begun)
        assert len(found.days) == 30
        assert found.total.missing
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("articles", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--database", help="an empty database on PostgreSQL")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "archive"
        with Archive.open(place, given.database, create=True) as archive:
            with archive.begin() as connection:
                fill(connection, given.articles)
            if given.database:
                with archive.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.exec_driver_sql("VACUUM ANALYZE")
            print(f"{given.articles:,} articles: {measure(archive):.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
