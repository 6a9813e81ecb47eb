"""What polls lead to is asked for one after the other, and what has not changed is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from storage.archive import Archive
from storage.frontier import LISTING, add_found, lease
from storage.models import host_lease, location, resource
from storage.records import Found, Reading
from storage.spreading import LONGEST
from tests.keeping import EXTRACTOR, HOUR, MIRROR, PRIMARY, T0, Work, working

NOW = T0 + 5 * HOUR
INDEX = f"https://{PRIMARY}/sitemap.xml"


def part(name: str, *, host: str = PRIMARY, kind: str = "sitemap", lastmod: datetime | None = None) -> Found:
    return Found(f"{kind}:{name}", kind, f"https://{host}/{name}.xml", LISTING, NOW, kind, lastmod=lastmod)


def read_index(work: Work, index: int, parts: Sequence[Found], *, apart: timedelta = HOUR, at: datetime = NOW) -> None:
    kept = work.keep(index, INDEX, at)
    reading = Reading(kept.capture, index, EXTRACTOR, "listing", at, parts=tuple(parts), further_apart=apart)
    work.writer.know(reading).result(20)


def begin(work: Work, *known: Found, fetched_at: datetime = T0 - HOUR) -> int:
    """An index, and parts of it that were fetched before and wait for nothing; gives the index."""
    with work.archive.begin() as connection:
        first = Found("sitemap:index", "sitemap", INDEX, LISTING, T0, "profile")
        add_found(connection, work.outlet, [first, *known], now=T0, crawl=work.crawl)
        taken = lease(connection, work.outlet, work.owner, now=NOW, until=NOW + HOUR, limit=1000)
        numbers = [each.resource for each in taken if each.key != "sitemap:index"]
        idle = {"due_at": None, "lease_owner": None, "lease_until": None}
        connection.execute(update(resource).where(resource.c.id.in_(numbers)).values(idle))
        connection.execute(update(location).where(location.c.resource.in_(numbers)).values(fetched_at=fetched_at))
    return next(each.resource for each in taken if each.key == "sitemap:index")


def due(work: Work) -> dict[str, datetime | None]:
    with work.archive.read() as connection:
        rows = connection.execute(select(resource.c.key, resource.c.due_at)).all()
        return {row.key.partition(":")[2]: row.due_at for row in rows if row.key != "sitemap:index"}


def test_what_was_read_before_is_asked_for_at_distances_on_each_host(archive: Archive) -> None:
    parts = [part("a"), part("b"), part("c", host=MIRROR)]
    with working(archive) as work:
        index = begin(work, *parts)
        read_index(work, index, parts)
        assert due(work) == {"a": NOW, "b": NOW + HOUR, "c": NOW}
        # What waits already keeps its time, what is new is asked for now, and times go on behind those given out.
        more = [part("a"), part("new"), part("d")]
        with archive.begin() as connection:
            add_found(connection, work.outlet, [part("d")], now=T0, crawl=work.crawl)
            connection.execute(update(resource).where(resource.c.key == "sitemap:d").values(due_at=None))
            connection.execute(update(location).where(location.c.fetched_at.is_(None)).values(fetched_at=T0 - HOUR))
        read_index(work, index, more, at=NOW + timedelta(minutes=5))
        assert due(work) == {"a": NOW, "b": NOW + HOUR, "c": NOW, "new": NOW, "d": NOW + 2 * HOUR}


def test_without_a_distance_all_is_asked_for_now(archive: Archive) -> None:
    """The twin: who crawls by hand, or after days, wants all at once."""
    parts = [part("a"), part("b")]
    with working(archive) as work:
        read_index(work, begin(work, *parts), parts, apart=timedelta(0))
        assert due(work) == {"a": NOW, "b": NOW}


def test_archives_by_date_are_read_without_a_pause(archive: Archive) -> None:
    parts = [part("a", kind="datearchive"), part("b", kind="datearchive")]
    with working(archive) as work:
        read_index(work, begin(work, *parts), parts)
        assert due(work) == {"a": NOW, "b": NOW}


@pytest.mark.parametrize(
    ("lastmod", "fetched_at", "is_due"),
    [
        (T0 - 2 * HOUR, T0 - HOUR, False),
        (T0, T0 - HOUR, True),
        (None, T0 - HOUR, True),
        # It is not believed for longer than a day: there are sites that state the same for ever.
        (T0 - 40 * HOUR, NOW - timedelta(days=1), True),
    ],
)
def test_what_has_not_changed_is_not_asked_for(
    archive: Archive, lastmod: datetime | None, fetched_at: datetime, *, is_due: bool
) -> None:
    with working(archive) as work:
        index = begin(work, part("a"), fetched_at=fetched_at)
        read_index(work, index, [part("a", lastmod=lastmod)])
        assert due(work) == {"a": NOW if is_due else None}


def test_a_time_that_a_wrong_clock_gave_out_is_not_waited_for(archive: Archive) -> None:
    with working(archive) as work:
        index = begin(work, part("a"))
        values = {"host": f"{PRIMARY}#listings", "owner": "listings", "until": NOW + 2 * LONGEST}
        with archive.begin() as connection:
            connection.execute(host_lease.insert().values(values))
        read_index(work, index, [part("a")])
        assert due(work) == {"a": NOW}


def test_of_however_many_none_waits_for_more_than_a_week(archive: Archive) -> None:
    parts = [part(str(number)) for number in range(300)]
    with working(archive) as work:
        read_index(work, begin(work, *parts), parts)
        times = sorted(at for at in due(work).values() if at is not None)
        assert (len(times), times[0]) == (300, NOW)
        assert timedelta(days=6) < times[-1] - NOW < LONGEST < 300 * HOUR
