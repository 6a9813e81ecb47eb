"""What a crawl may cost: pages, time and disk, and the space that it leaves free. Beyond it nothing more is asked."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from scraper.errors import ScraperError

if TYPE_CHECKING:
    from datetime import datetime

GO_ON = "All that was fetched is kept; the same command goes on."


class BudgetSpent(ScraperError):
    """A crawl stopped since its budget was used up, or too little space was left. The same command goes on."""

    exit_code = 7


@dataclass(frozen=True, slots=True)
class Budget:
    """The bounds of one crawl; None is no bound. `pages` counts what is asked for besides robots.txt, redirects and
    retries, `seconds` run by the crawl's clock, `disk` counts the bytes of its records as they lie in WARC files.

    `free` bytes of the archive's disk are left free: without a bound of its own too, a crawl ends before others who
    write there are in need.
    """

    pages: int | None = None
    seconds: float | None = None
    disk: int | None = None
    free: int = 0


class Account:
    """What one crawl has spent of its budget."""

    def __init__(self, budget: Budget, folder: Path) -> None:
        self._budget, self._folder = budget, folder
        self._over = False
        self.began_at: datetime | None = None
        self.asked = 0

    def begin(self, now: datetime) -> None:
        """Time counts from now on."""
        self.began_at = now

    def passed(self, now: datetime) -> timedelta:
        """How long the crawl has gone on."""
        return now - self.began_at if self.began_at is not None else timedelta(0)

    @property
    def pages_left(self) -> int | None:
        """How many pages may still be asked for; None: as many as there are."""
        return None if self._budget.pages is None else max(0, self._budget.pages - self.asked)

    def time_left(self, now: datetime) -> timedelta | None:
        """How much longer the crawl may go on; None: as long as it likes."""
        return None if self._budget.seconds is None else timedelta(seconds=self._budget.seconds) - self.passed(now)

    def is_over(self, now: datetime) -> bool:
        """Whether its time is used up. Once it is, it stays so: what was leased and not sent yet is given back then."""
        left = self.time_left(now)
        self._over = self._over or (left is not None and left <= timedelta(0))
        return self._over

    def spent(self, now: datetime, written: int) -> str | None:
        """What is used up, in words; None while there is something of everything. `written` is in bytes."""
        budget = self._budget
        if budget.pages is not None and self.pages_left == 0:
            return f"its budget of {_counted(budget.pages, 'page')} is used up"
        if budget.seconds is not None and self.is_over(now):
            return f"its budget of {_counted(budget.seconds, 'second')} is used up"
        if budget.disk is not None and written >= budget.disk:
            return f"its budget of {_counted(budget.disk, 'byte')} on disk is used up"
        if budget.free and (free := shutil.disk_usage(self._folder).free) < budget.free:
            return f"only {free:,} bytes are free on its disk, and min_free_bytes asks for {budget.free:,}"
        return None


def _counted(number: float, noun: str) -> str:
    return f"{f'{number:,}'.removesuffix('.0')} {noun}{'' if number == 1 else 's'}"
