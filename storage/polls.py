"""Remember how much each listing brought, and tell how much is to be expected of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from storage.clocks import TOLERANCE
from storage.due import NO_LISTINGS
from storage.frontier import next_due
from storage.inserting import among, in_portions, insert_missing, update_each
from storage.models import crawl, location, poll, resource

MEMORY = timedelta(days=14)
"""After so long what a listing brought counts half: news sites change their habits."""
_PRIOR_FOUND, _PRIOR = 1, timedelta(days=1)
"""What is thought of a listing before it was polled: one new article a day."""


@dataclass(frozen=True, slots=True)
class Polled:
    """A listing that is polled by itself. `hosts` show it; `polled_at` is when it was polled last (UTC; None: never);
    `found` new articles came of it in `seconds`; `rate` is how many are to be expected in an hour. `due_at` is when it
    is polled next (UTC), if that is known."""

    resource: int
    is_feed: bool
    hosts: frozenset[str]
    polled_at: datetime | None
    found: int
    seconds: int
    due_at: datetime | None = None

    @property
    def rate(self) -> float:
        return 3600 * (self.found + _PRIOR_FOUND) / (self.seconds + _PRIOR.total_seconds())

    def read(self, at: datetime, found: int) -> Polled:
        """The listing after one more poll, which led to `found` articles that nothing else had led to before."""
        # What stood there already at first sight tells nothing of how often something comes.
        since, found = (self.polled_at, found) if self.polled_at is not None else (at, 0)
        total, seconds = self.found + found, self.seconds + max(0, round((at - since).total_seconds()))
        if seconds > MEMORY.total_seconds():
            total, seconds = total // 2, seconds // 2
        return replace(self, polled_at=at, found=total, seconds=seconds)


def polled_listings(connection: Connection, outlet: int, keys: Collection[str]) -> dict[int, Polled]:
    """The outlet's listings of these keys, by resource, with what is known of them."""
    kinds: dict[int, tuple[str, datetime | None]] = {}
    hosts: dict[int, set[str]] = {}
    known: dict[int, tuple[datetime | None, int, int]] = {}
    for portion in in_portions(list(dict.fromkeys(keys))):
        for number, kind, due_at, url in connection.execute(_PLACES, {"of_outlet": outlet, "values": portion}):
            kinds[number] = kind, due_at
            hosts.setdefault(number, set()).add(url.split("/", 3)[2])
    for numbers in in_portions(list(hosts)):
        rows = connection.execute(_POLLS, {"values": numbers})
        known.update((row.resource, (row.polled_at, row.found, row.seconds)) for row in rows)
    return {
        number: Polled(
            number, kinds[number][0] == "feed", frozenset(names), *known.get(number, (None, 0, 0)), kinds[number][1]
        )
        for number, names in hosts.items()
    }


def due_from(connection: Connection, outlet: int, now: datetime, *, max_priority: int) -> datetime:
    """From when on (UTC) a crawl of an outlet has anything to do; up to `now` means at once.

    At once where the last crawl did not come to its end or is still to come, since the clock was set back, and a day
    after it began at the latest.
    """
    last = connection.execute(_LAST_CRAWL, {"of_outlet": outlet}).one_or_none()
    if last is None or last.outcome != "finished" or last.started_at > now + TOLERANCE:
        return now
    latest: datetime = last.started_at + timedelta(days=1)
    due = next_due(connection, outlet, max_priority=max_priority)
    return latest if due is None else min(due, latest)


def begin_polling(connection: Connection, outlet: int, keys: Collection[str], now: datetime) -> None:
    """Make the listings of these keys due that are due at no time, as an earlier version left them."""
    for portion in in_portions(list(keys)):
        connection.execute(_BEGIN, {"of_outlet": outlet, "values": portion, "now": now})


def note_poll(connection: Connection, polled: Polled, due_at: datetime) -> None:
    """Write down a poll, and when the next one is due; a listing that somebody is fetching keeps its lease."""
    values = {"polled_at": polled.polled_at, "found": polled.found, "seconds": polled.seconds}
    if not connection.execute(_NOTE, {"of_resource": polled.resource, **values}).rowcount:
        insert_missing(connection, poll, [{"resource": polled.resource, **values}])
    update_each(connection, resource, [{"id": polled.resource, "due_at": due_at}])


# Statements are built once: `run` polls thousands of times a day.

_OF_OUTLET = bindparam("of_outlet", type_=resource.c.outlet.type)
_PLACES = (
    select(resource.c.id, resource.c.kind, resource.c.due_at, location.c.url)
    .join(location, location.c.resource == resource.c.id)
    .where(resource.c.outlet == _OF_OUTLET, among(resource.c.key))
    .where(resource.c.found_by == "profile", resource.c.kind.not_in(NO_LISTINGS))
)
_POLLS = select(poll).where(among(poll.c.resource))
_LAST_CRAWL = (
    select(crawl.c.outcome, crawl.c.started_at)
    .where(crawl.c.outlet == _OF_OUTLET, crawl.c.kind == "crawl")
    .order_by(crawl.c.id.desc())
    .limit(1)
)
_BEGIN = (
    update(resource)
    .where(resource.c.outlet == _OF_OUTLET, among(resource.c.key), resource.c.due_at.is_(None))
    .where(resource.c.lease_owner.is_(None), resource.c.kind.not_in(NO_LISTINGS))
    .values(due_at=bindparam("now", type_=resource.c.due_at.type))
)
_NOTE = update(poll).where(poll.c.resource == bindparam("of_resource"))
