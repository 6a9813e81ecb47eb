"""Say of articles' resources which day they are of, which section listed them, and by which ways they were found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, or_, select, update

from storage.inserting import among, in_portions, update_each
from storage.models import resource
from storage.records import DayFrom
from storage.ways import LINK

_RANKS: tuple[DayFrom, ...] = ("seen", "lastmod", "listing", "url", "page")

_KNOWN = select(
    resource.c.id,
    resource.c.ways,
    resource.c.day_from,
    resource.c.section,
    resource.c.due_at,
    resource.c.outcome.is_(None) & resource.c.lease_owner.is_(None),
).where(among(resource.c.id), resource.c.kind == "article")
_DAY = bindparam("new_day", type_=resource.c.day.type)
_READ = (
    update(resource)
    .where(resource.c.id == bindparam("of"), resource.c.kind == "article")
    .where(or_(resource.c.day.is_(None), resource.c.day != _DAY, resource.c.day_from != "page"))
    .values(day=_DAY, day_from="page")
)


@dataclass(frozen=True, slots=True)
class Sight:
    """What one sighting says of an article: the way's bit, the day and what that is known from, the section, and when
    an article that is new is to be fetched."""

    way: int
    day: date | None
    day_from: DayFrom
    section: str | None
    due_at: datetime | None = None

    def joined(self, other: Sight) -> Sight:
        """What both say; the day of the one that knows better."""
        better = max((self, other), key=lambda each: (each.day is not None, _RANKS.index(each.day_from)))
        due_at = min((each.due_at for each in (self, other) if each.due_at is not None), default=None)
        return Sight(self.way | other.way, better.day, better.day_from, self.section or other.section, due_at)


def note_sights(connection: Connection, sights: Mapping[int, Sight]) -> None:
    """Add to known resources what their sightings say; a day that is known from something better stays. One that only
    links led to, and that a listing lists now, comes as soon as if the listing had been first."""
    rows = []
    for portion in in_portions(sorted(sights)):
        for number, ways, day_from, section, due_at, untouched in connection.execute(_KNOWN, {"values": portion}):
            sight = sights[number]
            row: dict[str, object] = {"id": number}
            if sight.way & ~ways:
                row["ways"] = ways | sight.way
            if sight.day is not None and (day_from is None or _RANKS.index(sight.day_from) > _RANKS.index(day_from)):
                row |= {"day": sight.day, "day_from": sight.day_from}
            listed = ways == LINK and sight.way & ~LINK and untouched
            if listed and sight.due_at is not None and due_at is not None and sight.due_at < due_at:
                row["due_at"] = sight.due_at
            if section is None and sight.section is not None:
                row["section"] = sight.section
            if len(row) > 1:
                rows.append(row)
    update_each(connection, resource, rows)


def note_days_read(connection: Connection, days: Iterable[tuple[int, date]]) -> None:
    """Set the days of resources whose pages were read."""
    rows = [{"of": number, "new_day": day} for number, day in sorted(set(days))]
    if rows:
        connection.execute(_READ, rows)
