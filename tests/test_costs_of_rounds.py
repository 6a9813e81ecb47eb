"""What a round and a look at health ask of the database grows with what is new, not with what was ever kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select

from storage.archive import Archive
from storage.due import unfinished_since
from storage.frontier import sample_copies
from storage.health.facts import gather_facts
from storage.models import article, article_key, crawl, extractor, location, resource, revision
from storage.outlets import sync_outlet
from storage.polls import polled_listings
from storage.sampling import was_crawled

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FEW, MANY = 100, 2000


def keep(connection: Connection, number: int, first: datetime, apart: timedelta, *, other: int = 2) -> None:
    """A crawl of outlet 1 every so often, each of which brings an article with a text; one of another outlet beside
    each."""
    begun = connection.execute(select(func.count()).select_from(article)).scalar_one()
    for n in range(begun + 1, begun + number + 1):
        at = first + (n - begun - 1) * apart
        run = {"kind": "crawl", "robots_policy": "obey", "started_at": at, "ended_at": at + timedelta(minutes=1)}
        connection.execute(
            crawl.insert(),
            [
                {"id": 2 * n + each, "outlet": outlet, "outcome": "finished", "counts": {}} | run
                for each, outlet in enumerate((1, other))
            ],
        )
        connection.execute(article.insert(), {"id": n, "outlet": 1, "kind": "text", "first_at": at})
        connection.execute(article_key.insert(), {"outlet": 1, "key": str(n), "article": n, "crawl": 2 * n})
        connection.execute(
            revision.insert(),
            {
                "article": n, "digest": f"{n:064}", "headline": "A headline", "lead": "A lead" if n % 2 else None,
                "blocks": [], "body": "Text " * 100, "authors": [], "section": [], "tags": [], "found": {},
                "extractor": 1, "published_at": at, "first_at": at, "last_at": at, "crawl": 2 * n,
            },
        )  # fmt: skip
        connection.execute(
            resource.insert(),
            {
                "id": n, "outlet": 1, "key": str(n), "kind": "article", "priority": 20, "article": n,
                "found_by": "feed", "due_at": NOW + DAY,
            },
        )  # fmt: skip
        url = f"https://www.daily.example/{n}"
        place = {"resource": n, "url": url, "url_hash": f"{n:032}".encode(), "how": "linked"}
        connection.execute(location.insert(), place | {"first_at": at, "last_at": at, "fetched_at": at})


def add_outlets(connection: Connection) -> None:
    """Three outlets that nothing is kept of yet."""
    assert [sync_outlet(connection, name, "profile", [], NOW) for name in ("daily", "other", "third")] == [1, 2, 3]
    connection.execute(extractor.insert(), {"id": 1, "version": "1", "profile_digest": "", "learnt_digest": ""})


def test_health_counts_what_came_in_its_time_alone(archive: Archive) -> None:
    with archive.begin() as connection:
        add_outlets(connection)
        keep(connection, 30, NOW - 100 * DAY, timedelta(hours=1))
        keep(connection, 40, NOW - 20 * DAY, timedelta(hours=1))
        keep(connection, 20, NOW - DAY, timedelta(minutes=1))
        facts, other = gather_facts(connection, NOW)
    assert len(facts.arrivals) == 60
    assert (facts.before.texts, facts.lately.texts) == (40, 20)
    assert (facts.before.by_field["lead"], facts.before.by_field["published"]) == (20, 40)
    assert (len(facts.runs), len(other.runs)) == (60, 60)
    assert (other.arrivals, other.lately.texts) == ((), 0)


ASKED: dict[str, Callable[[Connection], object]] = {
    "health": lambda connection: gather_facts(connection, NOW, "daily"),
    "listings that are polled": lambda connection: polled_listings(connection, 1, ["1", "2"]),
    "copies to compare": lambda connection: sample_copies(
        connection, 1, connection.execute(select(func.max(article_key.c.crawl))).scalar_one(), since=NOW - DAY
    ),
    "crawls to go on with": lambda connection: unfinished_since(connection, 1, not_before=NOW - timedelta(hours=1)),
    "whether it was crawled": lambda connection: was_crawled(connection, 3, NOW - timedelta(hours=1)),
}


def steps(connection: Connection, job: Callable[[Connection], object]) -> int:
    """How many hundreds of instructions SQLite's machine takes for a job."""
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1

    raw = connection.connection.dbapi_connection
    assert raw is not None
    raw.set_progress_handler(count, 100)
    try:
        job(connection)
    finally:
        raw.set_progress_handler(None, 0)
    return taken


def test_what_was_kept_long_ago_costs_nothing(tmp_path: Path) -> None:
    taken: dict[int, dict[str, int]] = {}
    everything = ASKED | {"all texts": lambda connection: connection.execute(select(func.sum(revision.c.id))).scalar()}
    for number in (FEW, MANY):
        with Archive.open(tmp_path / str(number), create=True) as archive, archive.begin() as connection:
            add_outlets(connection)
            keep(connection, number, NOW - 200 * DAY, timedelta(minutes=5))
            keep(connection, 20, NOW - timedelta(hours=12), timedelta(minutes=1), other=3)
            taken[number] = {name: steps(connection, job) for name, job in everything.items()}
    grown = {name for name in everything if taken[MANY][name] > 2 * taken[FEW][name] + 20}
    assert grown == {"all texts"}, taken
