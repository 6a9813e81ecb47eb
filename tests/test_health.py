"""`health` holds an outlet against its own history, and wakes a person only when needed."""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.demo.process import Replica, running_replica
from scraper.watching import NotifyFailed, notify
from storage.archive import Archive
from storage.crawls import begin_crawl, end_crawl
from storage.health.concerns import Concern, find_concerns
from storage.health.facts import MOST_TEXTS, HostState, OutletFacts, Run, Yields, gather_facts
from storage.outlets import sync_outlet
from tests.crawling import crawl, place_options, presskeep
from tests.databases import Place

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIELDS = {"authors": 0.95, "published": 1.0, "section": 0.9, "lead": 0.85}


def runs(days: int = 30, *, every: timedelta = 6 * HOUR, until: datetime = NOW) -> tuple[Run, ...]:
    """Crawls as they should be, the last within the usual time."""
    number = int(days * DAY / every)
    times = [until - HOUR - every * back for back in reversed(range(number))]
    return tuple(Run(at, True, 40, 12, 10, 0, 0) for at in times)


def yields(texts: int, **shares: float) -> Yields:
    return Yields(texts, {field: round(texts * share) for field, share in (FIELDS | shares).items()})


def well() -> OutletFacts:
    """An outlet of which there is nothing to say."""
    return OutletFacts(
        name="daily",
        runs=runs(),
        before=yields(900),
        lately=yields(120),
        arrivals=tuple(NOW - HOUR - 30 * timedelta(minutes=back) for back in reversed(range(1400))),
        hosts=(HostState("www.daily.example", "primary", "serving", NOW - 20 * DAY),),
        written=3_000_000_000,
    )


def kinds(facts: OutletFacts, free: int | None = 10**12) -> list[str]:
    return [each.kind for each in find_concerns([facts], NOW, free)]


def lately_unread(facts: OutletFacts) -> OutletFacts:
    border = NOW - 3 * DAY
    return replace(
        facts,
        runs=tuple(run if run.started_at < border else replace(run, articles=2, unread=10) for run in facts.runs),
    )


ILL = {
    "stale": replace(well(), runs=runs(until=NOW - 3 * DAY)),
    "failing": replace(well(), runs=(*well().runs[:-1], replace(well().runs[-1], pages=10, failed=40))),
    "yield": lately_unread(well()),
    "field": replace(well(), lately=yields(120, published=0.05)),
    "host": replace(well(), hosts=(HostState("www.daily.example", "primary", "seized", NOW - DAY),)),
    "silent": replace(well(), arrivals=tuple(at for at in well().arrivals if at < NOW - 2 * DAY)),
}


def test_of_an_outlet_that_is_well_there_is_nothing_to_say() -> None:
    assert kinds(well()) == []


@pytest.mark.parametrize("kind", ILL)
def test_each_ill_is_told_and_no_other(kind: str) -> None:
    assert kinds(ILL[kind]) == [kind]
    (concern,) = find_concerns([ILL[kind]], NOW, None)
    assert concern.outlet == "daily"
    assert concern.what
    assert concern.next


def test_a_disk_that_is_soon_full_is_told_of_all_outlets_together() -> None:
    assert kinds(well(), free=10**9) == ["disk"]
    assert kinds(well(), free=10**10) == []
    both = [well(), replace(well(), name="weekly", written=30_000_000_000)]
    assert [each.kind for each in find_concerns(both, NOW, 10**10)] == ["disk"]


def test_a_first_crawl_alarms_nobody() -> None:
    first = Run(NOW - HOUR, True, 60_000, 50_000, 50_000, 5, 3)
    arrivals = tuple(NOW - HOUR + timedelta(milliseconds=number) for number in range(2000))
    facts = replace(well(), runs=(first,), before=yields(0), lately=yields(2000), arrivals=arrivals, written=10**10)
    assert kinds(facts, free=10**10) == []
    assert [each.kind for each in find_concerns([facts], NOW + 5 * DAY, 10**10)] == ["stale"]


@given(st.integers(0, 9), st.floats(0, 1))
def test_few_texts_prove_nothing(texts: int, share: float) -> None:
    facts = replace(well(), lately=yields(texts, authors=share, published=share))
    assert kinds(facts) == []


def test_a_quiet_weekend_of_a_small_paper_is_no_silence() -> None:
    arrivals = tuple(NOW - 2 * DAY - DAY * back for back in reversed(range(28)))  # one a day
    assert kinds(replace(well(), arrivals=arrivals)) == []
    assert kinds(replace(well(), arrivals=tuple(at - 9 * DAY for at in arrivals))) == ["silent"]


def test_of_an_outlet_that_prints_much_it_is_said_how_much_came() -> None:
    arrivals = tuple(NOW - 2 * DAY - DAY / 500 * back for back in reversed(range(MOST_TEXTS)))
    (concern,) = find_concerns([replace(well(), arrivals=arrivals)], NOW, None)
    assert (concern.kind, "where 500 a day came before" in concern.what) == ("silent", True), concern.what


@pytest.mark.parametrize(("days", "found"), [(0, []), (7, ["stale"]), (400, ["stale"])])
def test_an_outlet_that_nobody_crawls_any_more_is_not_forgotten(archive: Archive, days: int, found: list[str]) -> None:
    with archive.begin() as connection:
        outlet = sync_outlet(connection, "daily", "profile", [], NOW)
        assert gather_facts(connection, NOW) == []
        begun = begin_crawl(connection, outlet, "crawl", operator=None, robots_policy="obey", now=NOW - days * DAY)
        end_crawl(connection, begun, "finished", {"pages": 3}, NOW - days * DAY)
        facts = gather_facts(connection, NOW)
    assert [each.name for each in facts] == ["daily"]
    assert [each.kind for each in find_concerns(facts, NOW, None)] == found


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    folder = tmp_path_factory.mktemp("replica")
    with running_replica(articles=30, seed=4, folder=folder) as running:
        yield running


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, replica: Replica) -> Place:
    place = Place(tmp_path_factory.mktemp("archive") / "archive", None)
    assert crawl(place, replica).code in (0, 1)
    return place


@pytest.mark.long
def test_the_command_ends_with_6_and_tells_whom_it_should(place: Place, tmp_path: Path) -> None:
    fine = presskeep("health", *place_options(place), now="2026-06-01T13:00:00Z")
    assert (fine.code, fine.out, fine.err) == (0, "Nothing needs a person (1 outlet looked at).\n", "")

    hook = tmp_path / "hook.py"
    hook.write_text("import pathlib, sys\npathlib.Path(sys.argv[1]).write_text(sys.stdin.read())\n")
    told, figures = tmp_path / "told", tmp_path / "presskeep.prom"
    ran = presskeep(
        "health", "--json", "--notify", f"{sys.executable} {hook} '{told}'", "--prometheus", str(figures),
        *place_options(place), now="2026-06-05T13:00:00Z",
    )  # fmt: skip
    assert ran.code == 6
    (concern,) = ran.json["concerns"]
    assert (concern["kind"], concern["outlet"]) == ("stale", "demo")
    assert [json.loads(line) for line in told.read_text().splitlines()] == ran.json["concerns"]
    text = figures.read_text()
    assert 'presskeep_concerns{outlet="demo"} 1\n' in text
    assert text.count("# TYPE ") == 7
    people = presskeep("health", *place_options(place), now="2026-06-05T13:00:00Z")
    assert people.code == 6
    assert people.out.startswith("demo: stale\n")


@pytest.mark.long
def test_a_finding_is_told_once_a_day(place: Place, tmp_path: Path) -> None:
    hook, told = tmp_path / "hook.py", tmp_path / "told"
    hook.write_text("import sys\nopen(sys.argv[1], 'a').write(sys.stdin.read())\n")
    lines = []
    for now in ("2026-06-10T06:00:00Z", "2026-06-10T06:10:00Z", "2026-06-11T05:50:00Z", "2026-06-11T06:10:00Z"):
        ran = presskeep(
            "health", "--notify", f"{sys.executable} {hook} '{told}'", *place_options(place), now=now
        )  # fmt: skip
        assert (ran.code, ran.err) == (6, "")
        lines.append(told.read_text().count("\n"))
    assert lines == [1, 1, 1, 2]


def test_each_command_is_told_of_its_own_outlets(tmp_path: Path) -> None:
    now = datetime(2026, 6, 10, 6, tzinfo=UTC)
    ours, theirs = (Concern("stale", name, "nothing was crawled", "Look.") for name in ("ours", "theirs"))
    full = Concern("disk", None, "the disk is full", "Free space.")

    def told(command: str, *found: Concern, minutes: int) -> bool:
        names = ["ours"] if ours in found else ["theirs"]
        return notify(command, found, names, tmp_path, now + timedelta(minutes=minutes))

    assert told("true ours", ours, full, minutes=0)
    assert told("true theirs", theirs, full, minutes=0), "another command has not heard of the disk"
    assert not told("true ours", ours, full, minutes=10), "nor was it forgotten what the first was told"
    assert not told("true theirs", theirs, full, minutes=10)
    assert told("true one", ours, minutes=20)
    assert told("true one", theirs, minutes=20), "two jobs may have the same command"
    assert not told("true one", ours, minutes=30)
    assert told("true ours", ours, full, minutes=1450)


def test_a_command_that_takes_long_ends_with_the_run(tmp_path: Path) -> None:
    concern = Concern("disk", None, "the disk is full", "Free space.")
    now = datetime(2026, 6, 10, 6, tzinfo=UTC)
    with pytest.raises(NotifyFailed, match="told to stop"):
        notify("sleep 600", [concern], [], tmp_path, now, stopped=lambda: True)
    assert notify("true", [concern], [], tmp_path, now), "it was not told"


def test_a_command_that_takes_long_ends_with_all_that_it_started(tmp_path: Path) -> None:
    held, started, script = tmp_path / "held", tmp_path / "started", tmp_path / "hook.sh"
    os.mkfifo(held)
    script.write_text(f"exec 9> '{held}'\nsleep 600 &\ntouch '{started}'\nwait\n")
    concern = Concern("disk", None, "the disk is full", "Free space.")
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(NotifyFailed, match="told to stop"):
            notify(f"sh {script}", [concern], [], tmp_path, NOW, stopped=started.exists)
        closed, _, _ = select.select([reader], [], [], 30)  # readable as soon as nobody holds the other end
    finally:
        os.close(reader)
    assert closed


@pytest.mark.long
def test_what_a_hook_prints_is_no_output_of_ours(place: Place) -> None:
    ran = presskeep("health", "--json", "--notify", "echo told", *place_options(place), now="2026-06-16T13:00:00Z")
    assert (ran.code, ran.err) == (6, "told\n")
    assert ran.json["concerns"]


def test_a_full_disk_is_told_though_no_crawl_could_end() -> None:
    now = datetime(2026, 6, 10, 6, tzinfo=UTC)
    assert [each.kind for each in find_concerns([], now, 100, 200)] == ["disk"]
    assert find_concerns([], now, 300, 200) == []


@pytest.mark.long
@pytest.mark.parametrize("hook", ["/nowhere/at/all", "'", "false", ""])
def test_a_hook_that_fails_hides_nothing(place: Place, hook: str) -> None:
    ran = presskeep("health", "--notify", hook, *place_options(place), now="2026-06-07T13:00:00Z")
    assert (ran.code, "demo: stale" in ran.out) == (6, True)
    assert ran.err.startswith("presskeep: --notify: ")
    assert ran.err.count("\n") == 1
