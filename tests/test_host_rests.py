"""How long a host asked to be left alone is remembered, and no longer."""

from __future__ import annotations

from datetime import timedelta

from storage.archive import Archive
from storage.crawls import hold_hosts
from storage.host_rests import LONGEST, note_rest, rests_of
from tests.keeping import HOUR, PRIMARY, T0, begin

SECOND = timedelta(seconds=1)


def test_a_rest_is_known_until_it_ends_and_the_last_wish_holds(archive: Archive) -> None:
    with archive.begin() as connection:
        note_rest(connection, "a.example", T0 + HOUR)
        note_rest(connection, "b.example", T0 + HOUR)
        note_rest(connection, "b.example", T0 + 2 * HOUR)
        hosts = ["a.example", "b.example", "c.example"]
        ends = {"a.example": T0 + HOUR, "b.example": T0 + 2 * HOUR}
        assert rests_of(connection, hosts, T0) == ends
        assert rests_of(connection, hosts[1:], T0 + HOUR) == {"b.example": ends["b.example"]}
        assert rests_of(connection, hosts, T0 + 2 * HOUR) == {}


def test_a_rest_that_a_wrong_clock_wrote_down_is_not_waited_for(archive: Archive) -> None:
    with archive.begin() as connection:
        note_rest(connection, "a.example", T0 + LONGEST)
        assert rests_of(connection, ["a.example"], T0) == {"a.example": T0 + LONGEST}
        assert rests_of(connection, ["a.example"], T0 - SECOND) == {}


def test_who_holds_a_host_is_not_touched_by_its_rest(archive: Archive) -> None:
    _, _, owner, _ = begin(archive)
    with archive.begin() as connection:
        note_rest(connection, PRIMARY, T0 + HOUR)
        assert hold_hosts(connection, [PRIMARY], owner, T0, T0 + HOUR) == {PRIMARY}
        assert rests_of(connection, [PRIMARY], T0) == {PRIMARY: T0 + HOUR}
