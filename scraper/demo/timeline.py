"""When articles appear, change and vanish: the replica's days.

Day 0 holds the first N articles, dated over the fifteen years before it, denser towards its end. Each later day adds
some, edits some and withdraws some. A day's plan depends on the seed and the plans before it, never on what was asked.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from scraper.demo.chance import share, stream
from scraper.demo.hostset import HostSet

FIRST_DAY = datetime(2026, 6, 1, tzinfo=UTC)
LIFE = timedelta(days=5480)
MAX_DAYS = 50_000
DAY = timedelta(days=1)
KEY_STRIDE = 4


@dataclass(frozen=True, slots=True)
class Volume:
    """How much happens on a day after day 0."""

    new: int = 5
    edited: int = 3
    withdrawn: int = 1


@dataclass(frozen=True, slots=True)
class GivenDay:
    """A day as a change file says it: how many are new, and the indexes of the articles that change."""

    new: int = 0
    edited: tuple[int, ...] = ()
    withdrawn: tuple[int, ...] = ()
    reverted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """What one day does, by articles' indexes: `new` and then `edited`, `withdrawn`, `reverted` to the first text."""

    day: int
    new: range
    edited: tuple[int, ...] = ()
    withdrawn: tuple[int, ...] = ()
    reverted: tuple[int, ...] = ()


class Timeline:
    """The times of `size` articles (day 0) and of what follows. Indexes count from 0, the oldest.

    `plan` replaces the volume of single days, by day; `first` is the moment of day 0, and `length` how long a day
    lasts: with shorter ones the site changes by the hour.
    """

    def __init__(
        self,
        seed: int,
        size: int,
        hosts: HostSet,
        volume: Volume = Volume(),
        plan: Mapping[int, GivenDay] | None = None,
        first: datetime = FIRST_DAY,
        length: timedelta = DAY,
    ) -> None:
        self.seed, self.size, self.first, self.length = seed, size, first, length
        self.zone = ZoneInfo(hosts.zone)
        self._hosts = hosts
        self._volume = volume
        self._given = dict(plan or {})
        self._days = [PlannedDay(0, range(size))]
        self._edits: dict[int, list[int]] = {}
        self._reverts: set[tuple[int, int]] = set()
        self._gone: dict[int, int] = {}

    def planned(self, day: int) -> PlannedDay:
        """What a day does; the days before it are planned on the way."""
        while len(self._days) <= day:
            self._plan_next()
        return self._days[day]

    def total(self, day: int) -> int:
        """How many articles have appeared by the end of a day, the withdrawn ones counted."""
        return self.planned(day).new.stop

    def moment(self, day: int) -> datetime:
        """The instant at which a day's state is shown."""
        return self.first + day * self.length

    def day_of(self, moment: datetime) -> int:
        """The day whose state an instant shows."""
        return min(max(0, (moment - self.first) // self.length), MAX_DAYS)

    def published(self, index: int) -> datetime:
        """When an article appeared, to the second; never decreasing with the index.

        In the hour that a zone's clock repeats, the earlier instant is taken, since pages print no zone.
        """
        if index < self.size:
            # Squared, so that a third of a small site still reaches back into the old era of pages.
            age = LIFE * ((self.size - index - 0.5) / self.size) ** 2
            at = self.first - age
        else:
            day = self._born(index)
            new = self.planned(day).new
            at = self.moment(day - 1) + self.length * (index - new.start + 1) / (len(new) + 1)
        at = at.replace(microsecond=0)
        return at - timedelta(hours=1) if at.astimezone(self.zone).fold else at

    def updated(self, index: int, day: int) -> datetime | None:
        """When an article was last edited as a day shows it, to the minute; None where it never was."""
        edits = self.edits(index, day)
        if edits:
            before = timedelta(minutes=30 + index % 600) * (self.length / DAY)
            return (self.moment(edits[-1]) - before).replace(second=0, microsecond=0)
        if index >= self.size or share(self.seed, "updated", index) > 0.25:
            return None
        delay = timedelta(minutes=20 + int(share(self.seed, "delay", index) * 2800))
        at = (self.published(index) + delay).replace(second=0)
        if at.astimezone(self.zone).fold:
            at += timedelta(hours=1)
        return at if at < self.first else None

    def edits(self, index: int, day: int) -> list[int]:
        """The days up to `day` on which an article was edited."""
        self.planned(day)
        days = self._edits.get(index)
        return days[: bisect_right(days, day)] if days else []

    def reverts(self, index: int, day: int) -> bool:
        """Whether the edit of that day brought back the first text."""
        return (index, day) in self._reverts

    def withdrawn(self, index: int, day: int) -> bool:
        """Whether an article is gone on a day."""
        self.planned(day)
        return self._gone.get(index, day + 1) <= day

    def withdrawn_status(self, index: int) -> int:
        """How the server says that an article is gone."""
        return 410 if share(self.seed, "gone", index) < 0.5 else 404

    def key(self, index: int) -> int:
        """An article's number. Between the numbers of two articles stand pages that are none."""
        base = self._hosts.first_key + KEY_STRIDE * index
        reserved = self._hosts.reserved
        jitter = int(share(self.seed, "key", index) * (KEY_STRIDE - 1))
        return next(base + k % 3 for k in range(jitter, jitter + 3) if base + k % 3 not in reserved)

    def index(self, key: int, day: int) -> int | None:
        """The index of the article of that number, None where none has appeared by that day."""
        index = (key - self._hosts.first_key) // KEY_STRIDE
        return index if 0 <= index < self.total(day) and self.key(index) == key else None

    def between(self, first: date, last: date, day: int) -> range:
        """The indexes of articles published from one local day to another, both included, as a day knows them."""
        known = range(self.total(day))
        local = lambda index: self.published(index).astimezone(self.zone).date()  # noqa: E731
        return range(bisect_left(known, first, key=local), bisect_right(known, last, key=local))

    def _born(self, index: int) -> int:
        return bisect_right(self._days, index, key=lambda plan: plan.new.stop)

    def _plan_next(self) -> None:
        day = len(self._days)
        before = self._days[-1].new.stop
        given = self._given.get(day)
        plan = self._take(day, before, given) if given else self._draw(day, before)
        self._days.append(plan)
        for index in plan.edited + plan.reverted:
            self._edits.setdefault(index, []).append(day)
        self._reverts.update((index, day) for index in plan.reverted)
        self._gone.update((index, day) for index in plan.withdrawn)

    def _take(self, day: int, before: int, given: GivenDay) -> PlannedDay:
        known = [
            tuple(index for index in indexes if 0 <= index < before and index not in self._gone)
            for indexes in (given.edited, given.withdrawn, given.reverted)
        ]
        return PlannedDay(day, range(before, before + given.new), *known)

    def _draw(self, day: int, before: int) -> PlannedDay:
        rng = stream(self.seed, "day", day)
        # News is edited while it is young: among the newest 400, so that a large site's old pages rest.
        alive = [index for index in range(max(0, before - 400), before) if index not in self._gone]
        wanted = min(len(alive), self._volume.edited + self._volume.withdrawn)
        chosen = rng.sample(alive, wanted)
        edited = tuple(sorted(chosen[: self._volume.edited]))
        withdrawn = tuple(sorted(chosen[self._volume.edited :]))
        return PlannedDay(day, range(before, before + self._volume.new), edited, withdrawn)
