"""Turns and seats at a host that several processes ask: one after the other, and no clock that was wrong stops them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from storage.archive import Archive
from storage.models import host_lease
from storage.turns import give_seats, take_seat, take_turn
from tests.keeping import T0

HOST = "www.news.example"
SECOND, HOUR, YEAR = timedelta(seconds=1), timedelta(hours=1), timedelta(days=365)
ELSEWHERE = "another-machine/1/2/3"


def test_turns_come_one_after_the_other(postgres_archive: Archive) -> None:
    with postgres_archive.begin() as connection:
        waits = [take_turn(connection, HOST, 10 * SECOND, now=T0 + number * SECOND) for number in range(3)]
        assert waits == [timedelta(0), 9 * SECOND, 18 * SECOND]
        assert take_turn(connection, HOST, 10 * SECOND, now=T0 + HOUR) == timedelta(0)


@pytest.mark.parametrize(("ahead", "waited"), [(HOUR, HOUR), (YEAR, timedelta(0))])
def test_a_turn_that_a_wrong_clock_gave_out_is_not_waited_for(
    postgres_archive: Archive, ahead: timedelta, waited: timedelta
) -> None:
    with postgres_archive.begin() as connection:
        take_turn(connection, HOST, SECOND, now=T0 + ahead - SECOND)
        assert take_turn(connection, HOST, SECOND, now=T0) == waited
        assert take_turn(connection, HOST, SECOND, now=T0 + waited) == SECOND


def test_a_seat_is_taken_until_it_is_given_back_or_held_for_longer_than_anybody_holds_it(
    postgres_archive: Archive,
) -> None:
    with postgres_archive.begin() as connection:
        seats = [take_seat(connection, HOST, ELSEWHERE, 2) for _ in range(3)]
        assert seats == [f"{HOST}#1", f"{HOST}#2", None]
        give_seats(connection, ELSEWHERE, [f"{HOST}#2"])
        assert take_seat(connection, HOST, ELSEWHERE, 2) == f"{HOST}#2"
        late = update(host_lease).where(host_lease.c.host == f"{HOST}#1").values(until=datetime.now(UTC) + YEAR)
        connection.execute(late)
        assert take_seat(connection, HOST, ELSEWHERE, 2) == f"{HOST}#1"
        assert take_seat(connection, HOST, ELSEWHERE, 2) is None
