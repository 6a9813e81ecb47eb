"""When a listing is polled again: the more new articles it brings, the sooner, within what a host is asked for.

Over all articles the delays are least where each listing is polled in proportion to the square root of how much it
brings: with rates r, and n polls an hour for all, a listing waits sum(sqrt(r)) / (n * sqrt(r)) hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import sqrt

from storage.polls import Polled

FEED_POLLS, OTHER_POLLS = 6, 3
"""Polls an hour of a host's feeds, and of its other listings; those have both where it has no feed."""
FURTHER_APART = timedelta(minutes=75)
"""The time between two of the pages of a host to which polls lead: a section's next, a sitemap's parts. So hardly an
hour holds two of them, though some are late."""
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=1)
EARLY = 10
"""A listing is due this part of its time early: a schedule that comes every ten minutes would else just miss it."""
UNREAD = timedelta(hours=1)
"""When a listing is polled again whose reading never came to its end."""


class Polling:
    """The polls of one outlet's listings, those that its profile names; what others lead to is read with them."""

    def __init__(self, listings: Mapping[int, Polled]) -> None:
        self._listings = dict(listings)
        self._polled_before = max((each.polled_at for each in listings.values() if each.polled_at), default=None)

    def __contains__(self, resource: int) -> bool:
        """Whether a listing is polled by itself."""
        return resource in self._listings

    @property
    def resources(self) -> frozenset[int]:
        """The listings that are polled by themselves."""
        return frozenset(self._listings)

    def read(self, resource: int, at: datetime, found: int) -> Polled:
        """Note that a listing was read at `at` (UTC) and brought `found` new articles."""
        polled = self._listings[resource] = self._listings[resource].read(at, found)
        return polled

    def interval(self, resource: int, host: str) -> timedelta:
        """How long a listing waits between two polls on a host, so that all of them find as much as they can."""
        own = self._listings[resource]
        group = self._group(own, host)
        weight = sum(sqrt(each.rate) for each in group)
        return max(SHORTEST, min(self._gap(own, host) * weight / sqrt(own.rate), LONGEST))

    def next_poll(self, resource: int, host: str, at: datetime, *, rest: timedelta = timedelta(0)) -> datetime:
        """When a listing that was polled at `at` (UTC) is polled again on a host, after `rest` at the earliest; it is
        noted.

        No two polls of its group fall closer together than what the host is asked for allows: after a first crawl all
        would come at once.
        """
        own = self._listings[resource]
        gap = self._gap(own, host)
        interval = self.interval(resource, host)
        due = at + max(interval - interval / EARLY, rest)
        taken = sorted(
            each.due_at
            for each in self._group(own, host)
            if each is not own and each.due_at is not None and each.due_at > due - gap
        )
        for other in taken:
            if other >= due + gap:
                break
            due = max(due, other + gap)
        self._listings[resource] = replace(own, due_at=due)
        return due

    def further_apart(self, begun_at: datetime) -> timedelta:
        """How far apart what polls lead to is asked for by a run that began at an instant (UTC); not at all where the
        last poll before it lies a day back: there is much to make up for."""
        recent = self._polled_before is not None and begun_at - self._polled_before < LONGEST
        return FURTHER_APART if recent else timedelta(0)

    def _group(self, own: Polled, host: str) -> list[Polled]:
        """The listings among which a host's polls are shared out: its feeds, or its other listings."""
        sharing = (each for each in self._listings.values() if host in each.hosts or each is own)
        return [each for each in sharing if each.is_feed is own.is_feed]

    def _gap(self, own: Polled, host: str) -> timedelta:
        """The time between two polls of a listing's group on a host."""
        if own.is_feed:
            return timedelta(hours=1) / FEED_POLLS
        has_feeds = any(each.is_feed and host in each.hosts for each in self._listings.values())
        return timedelta(hours=1) / (OTHER_POLLS if has_feeds else OTHER_POLLS + FEED_POLLS)
