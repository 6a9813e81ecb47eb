"""The frontier: what is found, what is due, and who fetches it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, event, select, update

from storage.archive import Archive
from storage.due import finish, make_due, make_due_elsewhere, make_due_failed
from storage.frontier import (
    COPY,
    LISTING,
    NEW,
    REVISIT,
    Added,
    add_found,
    extend,
    lease,
    next_due,
    release,
    sample_copies,
)
from storage.models import location, resource
from storage.records import Found
from tests.keeping import HOUR, MIRROR, PRIMARY, T0, Work, begin, working

DAY = timedelta(days=1)


def article(key: str, *, host: str = PRIMARY, priority: int = NEW, due_at: datetime | None = T0,
            lastmod: datetime | None = None, how: str = "linked") -> Found:  # fmt: skip
    return Found(key, "article", f"https://{host}/detail/{key}", priority, due_at, "home", how, lastmod)


def take(connection: Connection, outlet: int, owner: str = "a", *, now: datetime = T0, limit: int = 100) -> list[str]:
    return [each.key for each in lease(connection, outlet, owner, now=now, until=now + HOUR, limit=limit)]


def test_what_is_found_twice_is_one_resource_with_its_locations(archive: Archive) -> None:
    outlet, crawl, _, domains = begin(archive)
    with archive.begin() as connection:
        founds = [
            article("1"),
            article("1", host=MIRROR),
            article("1", host="unknown.example"),
            Found("1", "article", f"HTTPS://{PRIMARY.upper()}:443/detail/1?utm_source=feed#top", NEW, T0, "feed"),
        ]
        assert add_found(connection, outlet, founds, now=T0, crawl=crawl) == Added(1, 3)
        assert add_found(connection, outlet, founds, now=T0 + HOUR, crawl=crawl) == Added(0, 0)
        (leased,) = lease(connection, outlet, "a", now=T0, until=T0 + HOUR, limit=5)
        assert [(each.host, each.domain) for each in leased.locations] == [
            (PRIMARY, domains[PRIMARY]),
            (MIRROR, domains[MIRROR]),
            ("unknown.example", None),
        ]
        assert (leased.fetched, leased.attempts, leased.kind, leased.priority) == (False, 0, "article", NEW)


def test_a_location_keeps_its_resource_and_the_day_it_was_seen_last(archive: Archive) -> None:
    outlet, crawl, _, _ = begin(archive)
    with archive.begin() as connection:
        add_found(connection, outlet, [article("1")], now=T0, crawl=crawl)
        other = Found("2", "article", f"https://{PRIMARY}/detail/1", NEW, T0, "home")
        assert add_found(connection, outlet, [other], now=T0 + HOUR) == Added(0, 0)
        last = select(location.c.last_at)
        assert connection.execute(last).scalar_one() == T0
        add_found(connection, outlet, [other], now=T0 + DAY)
        assert connection.execute(last).scalar_one() == T0 + DAY


def test_what_is_no_url_is_left_out_and_told(sqlite_archive: Archive, caplog: pytest.LogCaptureFixture) -> None:
    outlet, _, _, _ = begin(sqlite_archive)
    with sqlite_archive.begin() as connection:
        bad = Found("x", "article", "http://[", NEW, T0, "home")
        assert add_found(connection, outlet, [bad, article("1")], now=T0) == Added(1, 1, unusable=1)
    assert "left out" in caplog.text


def test_the_lowest_number_goes_first_and_then_the_longest_due(archive: Archive) -> None:
    outlet, _, _, _ = begin(archive)
    with archive.begin() as connection:
        founds = [
            article("copy", priority=COPY),
            article("late", due_at=T0 - HOUR),
            article("later"),
            article("revisit", priority=REVISIT, due_at=T0 - DAY),
            article("not yet", due_at=T0 + HOUR),
            article("never", due_at=None),
            Found("home", "sections", f"https://{PRIMARY}/", LISTING, T0, "profile"),
        ]
        add_found(connection, outlet, founds, now=T0)
        assert next_due(connection, outlet) == T0 - DAY
        assert next_due(connection, outlet, after_priority=REVISIT) == T0
        listings = lease(connection, outlet, "a", now=T0, until=T0 + HOUR, limit=9, max_priority=LISTING)
        assert [each.key for each in listings] == ["home"]
        assert take(connection, outlet, limit=2) == ["late", "later"]
        assert take(connection, outlet) == ["revisit", "copy"]
        assert next_due(connection, outlet) == T0 + HOUR
        everything = ["home", "late", "later", "not yet", "revisit", "copy"]
        assert take(connection, outlet, "b", now=T0 + HOUR) == everything, "what was leased until then may be taken"


def test_a_lease_holds_until_it_ends_is_prolonged_or_released(archive: Archive) -> None:
    outlet, _, _, _ = begin(archive)
    with archive.begin() as connection:
        add_found(connection, outlet, [article("1")], now=T0)
        assert take(connection, outlet, "a") == ["1"]
        assert take(connection, outlet, "b") == []
        assert extend(connection, "a", T0 + 3 * HOUR) == 1
        assert take(connection, outlet, "b", now=T0 + 2 * HOUR) == []
        assert (release(connection, "b"), release(connection, "a")) == (0, 1)
        assert take(connection, outlet, "b") == ["1"]


def test_nobody_leases_again_what_he_holds_though_his_clock_has_leapt(archive: Archive) -> None:
    outlet, _, _, _ = begin(archive)
    with archive.begin() as connection:
        add_found(connection, outlet, [article("1")], now=T0)
        assert take(connection, outlet, "a") == ["1"]
        assert take(connection, outlet, "a", now=T0 + DAY) == []
        # The lease has ended all the same: whoever else asks gets it, and then its first holder is another.
        assert take(connection, outlet, "b", now=T0 + DAY) == ["1"]
        assert take(connection, outlet, "a", now=T0 + 2 * DAY) == ["1"]


def test_a_listing_that_gained_a_place_while_it_was_fetched_is_due_again(archive: Archive) -> None:
    outlet, _, _, _ = begin(archive)

    def part(host: str) -> Found:
        return Found("part", "sitemap", f"https://{host}/part.xml", LISTING, T0, "sitemap")

    with archive.begin() as connection:
        add_found(connection, outlet, [part(PRIMARY)], now=T0)
        (leased,) = lease(connection, outlet, "a", now=T0, until=T0 + HOUR, limit=1)
        known = {leased.resource: {place.id for place in leased.locations}}
        add_found(connection, outlet, [part(MIRROR)], now=T0)
        assert make_due(connection, [part(MIRROR).url], T0, since=T0) == 0, "somebody is fetching it"
        assert make_due_elsewhere(connection, known, T0) == 0
        finish(connection, leased.resource, "listing", None)
        assert take(connection, outlet) == []
        assert make_due_elsewhere(connection, known, T0) == 1
        (again,) = lease(connection, outlet, "a", now=T0, until=T0 + HOUR, limit=1)
        finish(connection, leased.resource, "listing", None)
        known = {again.resource: {place.id for place in again.locations}}
        assert make_due_elsewhere(connection, known, T0) == 0, "with what it was leased with, it has gained nothing"
        assert make_due_elsewhere(connection, {}, T0) == 0


def test_a_listing_that_gave_nothing_is_due_again_unless_its_host_asked_for_rest(archive: Archive) -> None:
    outlet, _, _, _ = begin(archive)
    outcomes = {
        "timeout": "failed:timeout",
        "reset": "failed:reset",
        "rest": "failed:retry-after",
        "busy": "failed:status-503",
        "gone": "refused:status-404",
        "read": "listing",
    }
    listings = [Found(name, "section", f"https://{PRIMARY}/{name}", LISTING, T0, "profile") for name in outcomes]
    with archive.begin() as connection:
        add_found(connection, outlet, listings, now=T0)
        for each in lease(connection, outlet, "a", now=T0, until=T0 + HOUR, limit=10):
            finish(connection, each.resource, outcomes[each.key], T0 + HOUR)
        assert take(connection, outlet) == []
        assert make_due_failed(connection, [each.url for each in listings], T0) == 2
        assert sorted(take(connection, outlet)) == ["reset", "timeout"]
        assert make_due_failed(connection, [each.url for each in listings], T0) == 0, "they are being fetched"


def test_several_processes_never_lease_the_same(archive: Archive) -> None:
    outlet, _, _, _ = begin(archive)
    with archive.begin() as connection:
        add_found(connection, outlet, [article(str(number)) for number in range(200)], now=T0)
    taken: dict[str, list[str]] = {}

    def work(owner: str) -> None:
        mine = taken.setdefault(owner, [])
        while True:
            with archive.begin() as connection:
                got = take(connection, outlet, owner, limit=7)
            if not got:
                return
            mine.extend(got)

    threads = [threading.Thread(target=work, args=(owner,)) for owner in "abcd"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    everything = [key for keys in taken.values() for key in keys]
    assert len(everything) == len(set(everything)) == 200


def test_postgresql_passes_over_what_another_process_is_taking(postgres_archive: Archive) -> None:
    outlet, _, _, _ = begin(postgres_archive)
    with postgres_archive.begin() as connection:
        add_found(connection, outlet, [article("1"), article("2")], now=T0)
    with postgres_archive.begin() as first, postgres_archive.begin() as second:
        assert take(first, outlet, "a", limit=1) == ["1"]
        assert take(second, outlet, "b", limit=1) == ["2"], "without waiting for the first"


def fetched(work: Work, *keys: str) -> None:
    for key, number in work.find(*keys).items():
        work.show(key, number, f"Text of {key}")


def due(archive: Archive) -> dict[str, tuple[datetime | None, int]]:
    with archive.read() as connection:
        rows = connection.execute(select(resource.c.key, resource.c.due_at, resource.c.priority))
        return {row.key: (row.due_at, row.priority) for row in rows}


def test_a_stated_change_makes_an_article_due_and_no_change_keeps_it_from_it(archive: Archive) -> None:
    with working(archive) as work:
        fetched(work, "changed", "same", "future", "silent")
        now = T0 + 2 * HOUR
        states = [
            article("changed", lastmod=T0 + HOUR),
            article("same", lastmod=T0 - HOUR),
            article("future", lastmod=now + HOUR),
            article("silent"),
            article("unknown", lastmod=T0),
        ]
        with archive.begin() as connection:
            add_found(connection, work.outlet, states, now=now)
        assert due(archive) == {
            "changed": (now, REVISIT),
            "same": (now + 7 * DAY, REVISIT),
            "future": (T0 + DAY, REVISIT),
            "silent": (T0 + DAY, REVISIT),
            "unknown": (T0, NEW),
        }
        with archive.begin() as connection:
            add_found(connection, work.outlet, states, now=now + HOUR)
        assert due(archive)["same"] == (now + 7 * DAY, REVISIT), "moved on only once a day"


def test_a_stated_change_does_not_hasten_what_keeps_failing(sqlite_archive: Archive) -> None:
    with working(sqlite_archive) as work:
        fetched(work, "1")
        number = next(row.id for row in work.rows("resource"))
        work.fail(number, f"https://{PRIMARY}/detail/1", at=T0 + HOUR)
        before = due(sqlite_archive)
        with sqlite_archive.begin() as connection:
            add_found(connection, work.outlet, [article("1", lastmod=T0 + HOUR)], now=T0 + HOUR)
        assert due(sqlite_archive) == before
        with sqlite_archive.begin() as connection:
            connection.execute(update(resource).values(attempts=0))
            add_found(connection, work.outlet, [article("1", lastmod=T0 + HOUR)], now=T0 + HOUR)
        assert due(sqlite_archive)["1"][0] == T0 + HOUR, "the control"


@pytest.mark.long
@pytest.mark.parametrize(("new", "per_mille", "wanted"), [(3, 10, 3), (20, 10, 5), (31, 200, 7)])
def test_a_sample_of_the_new_articles_is_drawn_by_seed_alone(
    sqlite_archive: Archive, new: int, per_mille: int, wanted: int
) -> None:
    archive = sqlite_archive
    with working(archive) as work:
        fetched(work, *map(str, range(new)))
        with archive.read() as connection:
            drawn = [each.key for each in sample_copies(connection, work.outlet, work.crawl, per_mille=per_mille)]
            again = [each.key for each in sample_copies(connection, work.outlet, work.crawl, per_mille=per_mille)]
            other = [
                each.key for each in sample_copies(connection, work.outlet, work.crawl, per_mille=per_mille, seed=1)
            ]
            assert sample_copies(connection, work.outlet, work.crawl + 1) == []
        assert len(set(drawn)) == len(drawn) == wanted
        assert drawn == again
        assert new == 3 or drawn != other


def test_leasing_reads_no_more_when_the_frontier_grows(sqlite_archive: Archive) -> None:
    archive = sqlite_archive
    outlet, _, _, _ = begin(archive)
    plans: list[str] = []

    def explain(connection: Connection, _c: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("SELECT") and "resource.due_at" in statement:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
            plans.extend(str(row[3]) for row in rows)

    with archive.begin() as connection:
        add_found(connection, outlet, [article(str(number)) for number in range(10)], now=T0)
    event.listen(archive.engine, "before_cursor_execute", explain)
    with archive.begin() as connection:
        assert len(take(connection, outlet)) == 10
        next_due(connection, outlet)
    event.remove(archive.engine, "before_cursor_execute", explain)
    reading = [plan for plan in plans if "resource" in plan]  # the rest says how what they read is put together
    assert reading
    assert all("ix_resource_due" in plan for plan in reading), plans
    assert not any("TEMP B-TREE" in plan and "ORDER BY" in plan and "LAST" not in plan for plan in plans), plans
