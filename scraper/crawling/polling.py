"""When a listing is polled again: the more new articles it brings, the sooner, within what a host is asked for.

Over all articles the delays are least where each listing is polled in proportion to the square root of how much it
brings: with rates r, and n polls an hour for all, a listing waits sum(sqrt(r)) / (n * sqrt(r)) hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import sqrt

from storage.polls import Polled

FEED_POLLS, OTHER_POLLS = 6, 4
"""Polls an hour of a host's feeds, and of its other listings; those have both where it has no feed."""
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=1)
UNREAD = timedelta(hours=1)
"""When a listing is polled again whose reading never came to its end."""


class Polling:
    """The polls of one outlet's listings, those that its profile names; what others lead to is read with them."""

    def __init__(self, listings: Mapping[int, Polled]) -> None:
        self._listings = dict(listings)

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
        """How long a listing waits between two polls on a host."""
        own = self._listings[resource]
        sharing = [each for each in self._listings.values() if host in each.hosts or each is own]
        feeds = [each for each in sharing if each.is_feed]
        group = feeds if own.is_feed else [each for each in sharing if not each.is_feed]
        polls = FEED_POLLS if own.is_feed else OTHER_POLLS + (0 if feeds else FEED_POLLS)
        weight = sum(sqrt(each.rate) for each in group)
        return max(SHORTEST, min(timedelta(hours=weight / (polls * sqrt(own.rate))), LONGEST))
