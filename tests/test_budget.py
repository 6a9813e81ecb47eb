"""What a crawl may cost is used up when it has been spent, to the page, and said in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scraper.crawling.budget import Account, Budget

T0 = datetime(2026, 6, 1, 12, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("budget", "pages", "passed", "written", "said"),
    [
        (Budget(pages=1), 1, timedelta(0), 0, "its budget of 1 page is used up"),
        (Budget(pages=5000), 5000, timedelta(0), 0, "its budget of 5,000 pages is used up"),
        (Budget(seconds=1.0), 0, timedelta(seconds=1), 0, "its budget of 1 second is used up"),
        (Budget(seconds=5400.0), 0, timedelta(hours=1.5), 0, "its budget of 5,400 seconds is used up"),
        (Budget(seconds=0.5), 0, timedelta(seconds=0.5), 0, "its budget of 0.5 seconds is used up"),
        (Budget(disk=1), 0, timedelta(0), 1, "its budget of 1 byte on disk is used up"),
        (Budget(disk=2000), 0, timedelta(0), 2000, "its budget of 2,000 bytes on disk is used up"),
    ],
)
def test_a_budget_is_used_up_by_its_last_unit(
    tmp_path: Path, budget: Budget, pages: int, passed: timedelta, written: int, said: str
) -> None:
    before, account = Account(budget, tmp_path), Account(budget, tmp_path)
    for each in (before, account):
        each.begin(T0)
    before.asked, account.asked = pages - 1, pages
    assert before.spent(T0 + passed - MILLISECOND, written - 1) is None
    assert account.spent(T0 + passed, written) == said


def test_time_that_is_used_up_stays_so_though_the_clock_is_set_back(tmp_path: Path) -> None:
    account = Account(Budget(seconds=60), tmp_path)
    account.begin(T0)
    assert [account.is_over(T0 + timedelta(seconds=second)) for second in (59, 60, 1)] == [False, True, True]
