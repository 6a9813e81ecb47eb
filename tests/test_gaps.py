"""`status --gaps` says of each day what is known, kept and missing, and what its sources list."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from storage.archive import Archive
from storage.finding import add_found
from storage.frontier import LISTING, NEW, lease
from storage.gaps import DayCount, Gaps, gaps
from storage.listings import note_listings
from storage.outlets import sync_outlet
from storage.records import Coverage, DayFrom, Found, Reading
from storage.spans import Span, cut, holds, join
from tests.commanding import Run, cli, options_of
from tests.databases import place_of
from tests.keeping import EXTRACTOR, HOUR, PRIMARY, T0, Work, working

__all__ = ["cli"]

DAY1, DAY2, DAY3 = date(2026, 2, 1), date(2026, 2, 2), date(2026, 2, 3)
TODAY = date(2026, 3, 1)


def article(key: str, day: date | None, by: str, *, section: str | None = None) -> Found:
    url = f"https://{PRIMARY}/detail/{key}"
    return Found(key, "article", url, NEW, T0, by, day=day, day_from="url", section=section)


def listing(way: str, path: str) -> Found:
    return Found(f"listing::{path}", way, f"https://{PRIMARY}{path}", LISTING, T0, "profile")


def find(work: Work, *founds: Found) -> dict[str, int]:
    """Put resources into the frontier; gives those that are due by key."""
    with work.archive.begin() as connection:
        add_found(connection, work.outlet, founds, now=T0, crawl=work.crawl)
        taken = lease(connection, work.outlet, work.owner, now=T0, until=T0 + HOUR, limit=1000)
    return {each.key: each.resource for each in taken}


def read_listing(work: Work, resource: int, path: str, coverage: Coverage, *founds: Found) -> None:
    kept = work.keep(resource, f"https://{PRIMARY}{path}")
    reading = Reading(kept.capture, resource, EXTRACTOR, "listing", T0, found=founds, coverage=coverage)
    work.writer.know(reading).result(20)


def ask(work: Work, limit: int = 30, since: date | None = None, until: date | None = None) -> Gaps:
    with work.archive.read() as connection:
        return gaps(connection, "demo", today=TODAY, limit=limit, since=since, until=until)


def counts(day: DayCount) -> tuple[int, int, int, int, int]:
    return day.known, day.kept, day.refused, day.failed, day.untried


def test_a_day_tells_what_is_known_kept_and_missing_and_why(archive: Archive) -> None:
    with working(archive) as work:
        founds = [article(str(n), DAY1 if n < 6 else DAY2, "sections", section="/world") for n in range(1, 8)]
        due = find(work, *founds)
        for key in ("1", "6", "7"):
            work.show(key, due[key], f"Text of {key}.")
        work.keep(due["2"], f"https://{PRIMARY}/detail/2", outcome="refused:status-404")
        work.keep(due["3"], f"https://{PRIMARY}/detail/3", outcome="refused:status-403")
        work.fail(due["4"], f"https://{PRIMARY}/detail/4", "timeout")
        found = ask(work)
        (day,) = found.days
        assert day.day == DAY1
        assert counts(day) == (5, 1, 2, 1, 1)
        assert day.missing == 3, "the page that is gone is no gap, the one that was denied is"
        assert day.reasons == {"failed:timeout": 1, "refused:status-403": 1, "refused:status-404": 1, "untried": 1}
        assert counts(found.total) == (7, 3, 2, 1, 1)
        (section,) = day.sections
        assert (section.section, section.known, section.kept) == ("News / Politics", 5, 1)
        # What is missing is found: the day is whole.
        for key in ("3", "4", "5"):
            work.show(key, due[key], f"Text of {key}.", at=T0 + HOUR)
        assert ask(work).days == ()
        assert ask(work).days_with_gaps == 0


def test_a_day_is_told_beside_what_each_source_lists_of_it(archive: Archive) -> None:
    with working(archive) as work:
        due = find(work, listing("sitemap", "/map.xml"), listing("datearchive", "/day/1"), listing("feed", "/rss"))
        both, one = article("1", DAY1, "sitemap"), article("2", DAY1, "datearchive")
        read_listing(work, due["listing::/map.xml"], "/map.xml", Coverage(1, ((DAY1, 1),), DAY1, DAY3), both)
        again = article("1", DAY1, "datearchive")
        read_listing(work, due["listing::/day/1"], "/day/1", Coverage(2, ((DAY1, 2),), DAY1, DAY1), again, one)
        read_listing(work, due["listing::/rss"], "/rss", Coverage(0), article("3", DAY2, "feed"))
        found = ask(work)
        assert {day.day: dict(day.listed) for day in found.days} == {
            DAY1: {"sitemap": 1, "datearchive": 2, "feed": None},
            DAY2: {"sitemap": 0, "datearchive": None, "feed": 1},
        }
        assert found.denominators == ("sitemap", "datearchive")
        assert {each.way: (each.listings, each.read, each.articles) for each in found.sources} == {
            "sitemap": (1, 1, 1),
            "datearchive": (1, 1, 2),
            "feed": (1, 1, 1),
        }


def test_what_a_listing_lists_beyond_what_is_known_is_a_gap(archive: Archive) -> None:
    with working(archive) as work:
        due = find(work, listing("datearchive", "/day/1"), article("1", DAY1, "feed"))
        work.show("1", due["1"], "Text.")
        read_listing(work, due["listing::/day/1"], "/day/1", Coverage(3, ((DAY1, 3),), DAY1, DAY1))
        (day,) = ask(work).days
        assert (day.day, day.known, day.missing, day.listed["datearchive"]) == (DAY1, 1, 0, 3)


def test_days_that_no_listing_was_read_of_and_those_that_gave_nothing_show(archive: Archive) -> None:
    with working(archive) as work:
        paths = ["/day/1", "/day/3", "/day/4"]
        due = find(work, *(listing("datearchive", path) for path in paths), article("1", DAY1, "feed"))
        work.show("1", due["1"], "Text.")
        last = article("9", date(2026, 2, 10), "datearchive")
        read_listing(work, due["listing::/day/1"], "/day/1", Coverage(1, ((DAY1, 1),), DAY1, DAY1))
        read_listing(work, due["listing::/day/3"], "/day/3", Coverage(0, (), DAY3, date(2026, 2, 5)))
        span = date(2026, 2, 8), date(2026, 2, 10)
        read_listing(work, due["listing::/day/4"], "/day/4", Coverage(1, ((span[1], 1),), *span), last)
        told = [(each.why, each.first, each.last, each.way) for each in ask(work).stretches]
        assert told == [
            ("unread", date(2026, 2, 6), date(2026, 2, 7), None),
            ("empty", DAY3, date(2026, 2, 5), "datearchive"),
            ("unread", DAY2, DAY2, None),
        ]
        # Read again with articles, the days that gave nothing are no gap.
        with archive.begin() as connection:
            whole = Coverage(2, ((DAY3, 2),), DAY2, date(2026, 2, 7))
            note_listings(connection, [(due["listing::/day/3"], T0, whole)])
        assert ask(work).stretches == ()


def test_an_outlet_without_listings_of_whole_days_has_no_denominator(archive: Archive, cli: Run) -> None:
    with working(archive) as work:
        due = find(work, listing("feed", "/rss"))
        read_listing(work, due["listing::/rss"], "/rss", Coverage(0), article("3", DAY2, "feed"))
        found = ask(work)
        assert (found.denominators, found.stretches) == ((), ())
        code, out, err = cli("status", "--gaps", "demo", *options_of(place_of(archive)))
        assert (code, err) == (0, "")
        assert "No source can be a denominator" in out
        due = find(work, listing("datearchive", "/day/2"))
        read_listing(work, due["listing::/day/2"], "/day/2", Coverage(1, ((DAY2, 1),), DAY2, DAY2))
        assert "No source can be a denominator" not in cli("status", "--gaps", *options_of(place_of(archive)))[1]


def test_the_newest_days_are_shown_and_all_are_counted(archive: Archive) -> None:
    with working(archive) as work:
        find(work, *(article(str(n), DAY1 + timedelta(days=n), "sections") for n in range(9)))
        found = ask(work, limit=2)
        assert [day.day for day in found.days] == [date(2026, 2, 9), date(2026, 2, 8)]
        assert (found.days_with_gaps, found.total.untried) == (9, 9)
        some = ask(work, since=DAY2, until=DAY3)
        assert ([day.day for day in some.days], some.total.known) == ([DAY3, DAY2], 2)


def test_a_better_known_day_takes_the_place_of_a_worse_one(archive: Archive) -> None:
    url = f"https://{PRIMARY}/detail/1"
    due: dict[str, int] = {}
    stated: tuple[tuple[date, DayFrom, date], ...] = (
        (DAY3, "seen", DAY3),
        (DAY2, "lastmod", DAY2),
        (DAY3, "seen", DAY2),
        (DAY1, "listing", DAY1),
        (DAY2, "lastmod", DAY1),
    )
    with working(archive) as work:
        for day, day_from, expected in stated:
            due |= find(work, Found("1", "article", url, NEW, T0, "sitemap", day=day, day_from=day_from))
            assert [each.day for each in ask(work).days] == [expected]
        kept = work.keep(due["1"], url)
        work.read(kept.capture, due["1"], "1", published_day=DAY3)
        assert work.rows("resource")[0].day == DAY3


def test_the_command_tells_programs_the_same_and_refuses_what_makes_no_sense(archive: Archive, cli: Run) -> None:
    with working(archive) as work:
        find(work, article("1", DAY1, "sections", section="/\x1b[31mworld"))
    place = options_of(place_of(archive))
    code, out, _ = cli("status", "--gaps", "demo", "--json", *place)
    assert code == 0
    assert '"day": "2026-02-01"' in out
    code, out, _ = cli("status", "--gaps", "demo", *place)
    assert "2026-02-01" in out
    assert "\x1b" not in out
    for wrong in (("--gaps", "--refused"), ("--since", "2026-01-01"), ("--gaps", "--since", "soon"), ("--gaps", "no")):
        assert cli("status", *wrong, *place)[0] == 2


def test_another_outlets_days_are_not_counted(archive: Archive) -> None:
    with working(archive) as work:
        find(work, article("1", DAY1, "sections"))
        with archive.begin() as connection:
            other = sync_outlet(connection, "other", "profile", [], T0)
            add_found(connection, other, [Found("x", "article", "https://o.example/x", NEW, T0, "feed")], now=T0)
        assert ask(work).total.known == 1
        with archive.read() as connection:
            assert gaps(connection, "nobody", today=TODAY).total.known == 0


DAYS = st.integers(0, 60).map(lambda n: DAY1 + timedelta(days=n))
SPANS = st.lists(st.tuples(DAYS, st.integers(0, 9)).map(lambda each: (each[0], each[0] + timedelta(days=each[1]))))


def days_of(spans: list[Span]) -> set[date]:
    return {first + timedelta(days=n) for first, last in spans for n in range((last - first).days + 1)}


@given(SPANS, SPANS)
def test_spans_are_joined_and_cut_as_the_days_in_them(spans: list[Span], out: list[Span]) -> None:
    joined = join(spans)
    assert days_of(joined) == days_of(spans)
    assert days_of(cut(joined, join(out))) == days_of(spans) - days_of(out)
    assert {day for day in days_of(spans) | days_of(out) if holds(joined, day)} == days_of(spans)
