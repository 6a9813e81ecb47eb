"""Samples are drawn by chance alone, and tell what they are asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select, update

from scraper.crawling.frames import draw_listings, listings_of
from storage.archive import Archive
from storage.due import withdraw
from storage.estimating import sampled_days, sampled_old
from storage.frontier import LISTING, NEW, add_found
from storage.models import counter, drawn, resource
from storage.records import Found
from storage.sampling import draw_days, draw_old, is_drawn, measure, open_draws
from tests.keeping import HOUR, PRIMARY, T0, Work, working

DAY = timedelta(days=1)
OLD = date(2025, 1, 1)


@dataclass(frozen=True)
class Grid:
    """An archive by date whose listings are of `step` days, counted from the first of all days."""

    since: date
    step: int

    def listing(self, day: date, at: datetime) -> Found:
        first = date.fromordinal(day.toordinal() // self.step * self.step)
        path = f"/{self.step}/{first}"
        return Found(f"listing::{path}", "datearchive", f"https://{PRIMARY}{path}", LISTING, at, "profile")


def article(key: str) -> Found:
    return Found(key, "article", f"https://{PRIMARY}/detail/{key}", NEW, T0, "sections", day=OLD, day_from="url")


def keep(work: Work, *keys: str) -> dict[str, int]:
    """Articles that are kept, not due, and old."""
    due = work.find(*keys)
    for key in keys:
        work.show(key, due[key], f"Text of {key}.")
    with work.archive.begin() as connection:
        connection.execute(update(resource).values(day=OLD, due_at=T0 + 60 * DAY))
    return due


def listing(path: str) -> Found:
    return Found(f"listing::{path}", "datearchive", f"https://{PRIMARY}{path}", LISTING, T0, "profile")


def test_each_listing_is_as_likely_to_be_drawn_as_any_other() -> None:
    frames = (Grid(date(2026, 1, 1), 1), Grid(date(2025, 6, 3), 7))
    last = date(2026, 1, 30)
    counts: Counter[str] = Counter()
    for seed in range(2000):
        found = draw_listings(frames, last, 8, Random(seed), T0)
        assert len({each.key for each in found}) == 8
        counts.update(each.key for each in found)
    assert sum(key.startswith("listing::/1/") for key in counts) == 30
    expected = 8 * 2000 / len(counts)
    assert all(0.75 * expected < n < 1.25 * expected for n in counts.values())
    newest = date.fromisoformat(max(key for key in counts if key.startswith("listing::/7/")).rpartition("/")[2])
    assert newest + timedelta(days=6) <= last, "a listing that is not over yet is not drawn"


def test_the_listings_of_spans_are_those_of_all_their_days() -> None:
    spans = [(date(2026, 1, 5), date(2026, 1, 20)), (date(2025, 12, 1), date(2025, 12, 1))]
    for step in (1, 7, 30):
        frame = Grid(date(2025, 6, 3), step)
        days = [first + timedelta(days=n) for first, last in spans for n in range((last - first).days + 1)]
        found = [each.key for each in listings_of([frame], spans, T0)]
        assert set(found) == {frame.listing(day, T0).key for day in days}
        assert len(found) == len(set(found))
    assert listings_of([Grid(date(2026, 2, 1), 1)], spans, T0) == []


def test_a_drawn_day_tells_what_of_it_was_kept(archive: Archive) -> None:
    with working(archive) as work:
        keep(work, "1", "2", "3")
        with archive.begin() as connection:
            add_found(connection, work.outlet, [article(str(n)) for n in (4, 5, 6)], now=T0)
            drawn_listings = [listing("/day/1"), listing("/day/2"), listing("/day/3")]
            draw_days(connection, work.outlet, work.crawl, drawn_listings, now=T0, apart=HOUR)
            assert is_drawn(connection, work.outlet, "day", T0)
            assert not is_drawn(connection, work.outlet, "old", T0)
            draws = open_draws(connection, work.outlet, T0)
            times = select(resource.c.due_at).where(resource.c.kind == "datearchive").order_by(resource.c.due_at)
            assert [each - T0 for each in connection.execute(times).scalars()] == [0 * HOUR, HOUR, 2 * HOUR]
            assert sampled_days(connection, "demo", now=T0) is None
            measure(connection, work.outlet, draws["listing::/day/1"], ["1", "2", "4", "5"])
            measure(connection, work.outlet, draws["listing::/day/1"], ["6"])  # its second page
            measure(connection, work.outlet, draws["listing::/day/2"], ["3"])
            assert open_draws(connection, work.outlet, T0).keys() == {"listing::/day/3"}
            found = sampled_days(connection, "demo", now=T0 + DAY)
        assert found is not None
        assert (found.kept.articles, found.kept.clusters, found.unread) == (6, 2, 1)
        assert found.kept.share == pytest.approx(3 / 6)
        # One that turns out to be gone is none that could be kept; one that is denied is missing.
        numbers = {row.key: row.id for row in work.rows("resource")}
        work.keep(numbers["4"], f"https://{PRIMARY}/detail/4", outcome="refused:status-404")
        work.keep(numbers["5"], f"https://{PRIMARY}/detail/5", outcome="refused:status-403")
        work.show("6", numbers["6"], "Found by the sample.")
        with archive.read() as connection:
            found = sampled_days(connection, "demo", now=T0 + DAY)
            assert found is not None
            assert (found.kept.articles, found.kept.share) == (5, pytest.approx(3 / 5))
            assert sampled_days(connection, "demo", now=T0 + 40 * DAY) is None, "it tells nothing of today"
            assert sampled_days(connection, "nobody", now=T0) is None


def test_old_articles_are_drawn_alike_and_tell_what_became_of_them(archive: Archive) -> None:
    with working(archive) as work:
        due = keep(work, *(str(n) for n in range(1, 13)))
        counts: Counter[int] = Counter()
        with archive.begin() as connection:
            connection.execute(update(counter).where(counter.c.name == "articles").values(n=499))
        for seed in range(60):
            with archive.begin() as connection:
                now = T0 + 10 * DAY
                connection.execute(update(resource).values(due_at=T0 + 60 * DAY))
                by, chance = OLD, Random(seed)
                number = draw_old(connection, work.outlet, work.crawl, now=now, published_by=by, most=20, chance=chance)
                assert number == 4, "a hundredth of 499"
        counts.update(row.resource for row in work.rows("drawn"))
        assert set(counts) == set(due.values())
        assert max(counts.values()) < 3 * min(counts.values())
        with archive.begin() as connection:
            connection.execute(drawn.delete().where(drawn.c.draw > 1))
        first, second, third, _ = sorted(row.resource for row in work.rows("drawn"))
        keys = {number: key for key, number in due.items()}
        later = T0 + 11 * DAY
        work.show(keys[first], first, "Another text.", at=later)
        work.show(keys[second], second, f"Text of {keys[second]}.", at=later)
        with archive.begin() as connection:
            withdraw(connection, third, later)
            found = sampled_old(connection, "demo", now=later)
        assert found is not None
        assert (found.drawn, found.fetched, found.edited, found.withdrawn, found.waiting) == (4, 3, 1, 1, 1)
        assert 0 < found.low < 2 / 3 < found.high < 1


@pytest.mark.parametrize("change", ["young", "due", "fetched", "not kept", "too few"])
def test_no_other_article_is_drawn(archive: Archive, change: str) -> None:
    with working(archive) as work:
        keep(work, "1", "2")
        now, by = T0 + 10 * DAY, OLD
        with archive.begin() as connection:
            connection.execute(update(counter).where(counter.c.name == "articles").values(n=100))
            if change == "young":
                by = OLD - DAY
            elif change == "due":
                connection.execute(update(resource).values(due_at=now))
            elif change == "fetched":
                now = T0 + HOUR
            elif change == "too few":
                connection.execute(update(counter).where(counter.c.name == "articles").values(n=99))
            else:
                connection.execute(update(resource).values(outcome="refused:status-404"))
            kept = work.outlet, work.crawl
            assert draw_old(connection, *kept, now=now, published_by=by, most=20, chance=Random(1)) == 0
            connection.execute(update(resource).values(due_at=T0 + 60 * DAY, outcome="article"))
            connection.execute(update(counter).where(counter.c.name == "articles").values(n=100))
            by, now = OLD, T0 + 10 * DAY
            assert draw_old(connection, *kept, now=now, published_by=by, most=20, chance=Random(1)) == 1
