"""Write down what pages, feeds and sitemaps led to: resources of the frontier and their locations."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from storage.dating import Sight, note_sights
from storage.inserting import among, count_up, ids_by, in_portions, insert_missing, update_each
from storage.models import location, resource
from storage.models import outlet as outlet_table
from storage.outlets import DomainMap, domains
from storage.priorities import REVISIT
from storage.records import Found
from storage.urls import canonical_url
from storage.ways import way_bit

log = logging.getLogger(__name__)

QUIET = timedelta(days=7)
"""How long a statement 'not changed since your last fetch' keeps an article from being due."""
SLACK = timedelta(days=1)
"""A postponement or a sighting is written again only when that moves its time by this much."""
MOST_PLACES = 50
"""URLs of one resource that are kept."""
_REMEMBERED = 20_000
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

_PLACES = select(location.c.url_hash, location.c.id, location.c.resource, location.c.last_at).where(
    among(location.c.url_hash)
)
_RESOURCES = select(resource.c.key, resource.c.id).where(
    resource.c.outlet == bindparam("of_outlet"), among(resource.c.key)
)
_OWNER = (
    select(outlet_table.c.name, resource.c.key)
    .join(resource, resource.c.outlet == outlet_table.c.id)
    .join(location, location.c.resource == resource.c.id)
    .where(location.c.url_hash == bindparam("digest", type_=location.c.url_hash.type))
)
_FETCHED = (
    select(
        resource.c.id,
        resource.c.due_at,
        resource.c.attempts,
        resource.c.outcome,
        resource.c.lease_until,
        func.max(location.c.fetched_at, type_=location.c.fetched_at.type),
    )
    .join(location, location.c.resource == resource.c.id)
    .where(among(resource.c.id), resource.c.kind == "article", location.c.fetched_at.is_not(None))
    .group_by(resource.c.id, resource.c.due_at, resource.c.attempts, resource.c.outcome, resource.c.lease_until)
)


@dataclass(frozen=True, slots=True)
class Added:
    """What was not known before. `unusable` counts URLs that are no http(s) URLs; they are logged, not kept."""

    new_resources: int
    new_locations: int
    unusable: int = 0


@dataclass(frozen=True, slots=True)
class Owner:
    """The outlet that a resource belongs to, by name, and the resource's key there."""

    outlet: str
    key: str


@dataclass(frozen=True, slots=True)
class _Sighting:
    group: int
    found: Found
    url: str
    hash: bytes

    @property
    def sight(self) -> Sight:
        found = self.found
        return Sight(way_bit(found.found_by), found.day, found.day_from, found.section, found.due_at)

    @property
    def remembered_as(self) -> bytes:
        """What it is remembered as: a URL that is found by another way is news."""
        return self.hash + bytes((way_bit(self.found.found_by),))


@dataclass(frozen=True, slots=True)
class _Place:
    """A location that is known already."""

    id: int
    resource: int
    last_at: datetime


def add_found(
    connection: Connection, outlet: int, founds: Iterable[Found], *, now: datetime, crawl: int | None = None
) -> Added:
    """Add what was found to the outlet's frontier. `now` is the mapped clock's UTC instant.

    A URL known already keeps the resource that it belongs to. A known resource keeps its due time, but for what a
    `lastmod` states of an article: newer than the last fetch, it is due now (priority REVISIT), unless its fetches
    have been failing; not newer, it is not due for 7 days. A `lastmod` that lies in the future states nothing.
    """
    return add_groups(connection, outlet, (tuple(founds),), now=now, crawl=crawl)[0]


def add_groups(
    connection: Connection,
    outlet: int,
    groups: Sequence[Sequence[Found]],
    *,
    now: datetime,
    crawl: int | None = None,
    domain_map: DomainMap | None = None,
    seen: dict[bytes, datetime] | None = None,
) -> list[Added]:
    """`add_found` for several pages at once; what two of them led to counts for the first.

    `seen` remembers, between calls of one writer, which URLs are known since when, so that the links of a site's
    frame cost no query; it must be emptied after a transaction that was rolled back.
    """
    sightings, unusable = _sightings(groups)
    if seen is not None:
        sightings = _unseen(sightings, seen, now)
    added = [[0, 0] for _ in groups]
    if sightings:
        places = _places(connection, [each.hash for each in sightings])
        strangers = [each for each in sightings if each.hash not in places]
        owners, new = _resources(connection, outlet, strangers, crawl, added)
        strangers = _with_room(connection, strangers, owners, new)
        _add_locations(
            connection, strangers, owners, domain_map or DomainMap(domains(connection, outlet)), now, crawl, added
        )
        _note_seen(connection, places.values(), now)
        note_sights(connection, _sights(sightings, places, owners, new))
        _heed_lastmods(connection, _lastmods(sightings, places, owners, now), now)
        count_up(
            connection,
            outlet,
            {"resources": sum(each[0] for each in added), "locations": sum(each[1] for each in added)},
        )
    return [Added(new[0], new[1], bad) for new, bad in zip(added, unusable, strict=True)]


def resource_at(connection: Connection, outlet: int, found: Found, *, now: datetime, crawl: int) -> int:
    """The resource that a URL belongs to, of whatever outlet; where it is not known, its key's, made if need be."""
    add_found(connection, outlet, (found,), now=now, crawl=crawl)
    try:
        digest = hashed(found.url)[1]
    except ValueError:
        return _keyed(connection, outlet, found, crawl)  # its location is made when what was fetched is kept
    return _places(connection, [digest])[digest].resource


def _keyed(connection: Connection, outlet: int, found: Found, crawl: int) -> int:
    """The resource of a key, made if need be; that of what can be no URL for us has no location yet."""
    known = resources_by_key(connection, outlet, [found.key])
    if not known:
        values = {"outlet": outlet, "key": found.key, "kind": found.kind, "priority": found.priority}
        insert_missing(connection, resource, [values | {"found_by": found.found_by, "found_crawl": crawl}])
        count_up(connection, outlet, {"resources": 1})
        known = resources_by_key(connection, outlet, [found.key])
    return known[found.key]


def owner_of(connection: Connection, url: str) -> Owner | None:
    """Whose resource a URL is; None for one that is not known."""
    try:
        digest = hashed(url)[1]
    except ValueError:
        return None
    row = connection.execute(_OWNER, {"digest": digest}).first()
    return Owner(*row) if row is not None else None


@lru_cache(maxsize=8192)
def hashed(url: str) -> tuple[str, bytes]:
    """The canonical form of a URL and its hash; remembered, since pages of a site link to the same pages."""
    canonical = canonical_url(url)
    return canonical, hashlib.sha256(canonical.encode()).digest()


def _sightings(groups: Sequence[Sequence[Found]]) -> tuple[list[_Sighting], list[int]]:
    """Each URL once. Where one is seen again with a later `lastmod`, that one counts."""
    by_hash: dict[bytes, _Sighting] = {}
    unusable = [0] * len(groups)
    for group, founds in enumerate(groups):
        for found in founds:
            try:
                url, digest = hashed(found.url)
            except ValueError as error:
                log.warning("a link from %s is left out: %s", found.found_by, error)
                unusable[group] += 1
                continue
            earlier = by_hash.get(digest)
            if earlier is None:
                by_hash[digest] = _Sighting(group, found, url, digest)
            elif found.lastmod and (earlier.found.lastmod is None or found.lastmod > earlier.found.lastmod):
                by_hash[digest] = _Sighting(earlier.group, found, url, digest)
    return list(by_hash.values()), unusable


def _unseen(sightings: Sequence[_Sighting], seen: dict[bytes, datetime], now: datetime) -> list[_Sighting]:
    fresh = [each for each in sightings if each.found.lastmod or seen.get(each.remembered_as, _NEVER) + SLACK <= now]
    if len(seen) > _REMEMBERED:
        seen.clear()
    seen.update((each.remembered_as, now) for each in fresh)
    return fresh


def _places(connection: Connection, hashes: Sequence[bytes]) -> dict[bytes, _Place]:
    places: dict[bytes, _Place] = {}
    for portion in in_portions(hashes):
        for digest, place, owner, last_at in connection.execute(_PLACES, {"values": portion}):
            places[bytes(digest)] = _Place(place, owner, last_at)
    return places


def _resources(
    connection: Connection, outlet: int, strangers: Sequence[_Sighting], crawl: int | None, added: list[list[int]]
) -> tuple[dict[str, int], set[str]]:
    """The resources that the new URLs belong to, by key, and the keys of those made since there was none."""
    first_seen: dict[str, _Sighting] = {}
    for each in strangers:
        first_seen.setdefault(each.found.key, each)
    known = resources_by_key(connection, outlet, list(first_seen))
    missing = [each for key, each in first_seen.items() if key not in known]
    insert_missing(
        connection,
        resource,
        [
            {
                "outlet": outlet,
                "key": each.found.key,
                "kind": each.found.kind,
                "priority": each.found.priority,
                "due_at": each.found.due_at,
                "found_by": each.found.found_by,
                "found_crawl": crawl,
                **(_first_sight(each) if each.found.kind == "article" else _NO_ARTICLE),
            }
            for each in missing
        ],
    )
    for each in missing:
        added[each.group][0] += 1
    made = resources_by_key(connection, outlet, [each.found.key for each in missing])
    return known | made, set(made)


_NO_ARTICLE = {"day": None, "day_from": None, "ways": 0, "section": None}


def _first_sight(each: _Sighting) -> dict[str, Any]:
    sight = each.sight
    day_from = sight.day_from if sight.day is not None else None
    return {"day": sight.day, "day_from": day_from, "ways": sight.way, "section": sight.section}


def _sights(
    sightings: Sequence[_Sighting], places: dict[bytes, _Place], owners: dict[str, int], new: set[str]
) -> dict[int, Sight]:
    """What the sightings say of articles that were known before, by resource."""
    sights: dict[int, Sight] = {}
    for each in sightings:
        place = places.get(each.hash)
        if each.found.kind != "article" or (place is None and each.found.key in new):
            continue
        owner = place.resource if place else owners[each.found.key]
        sights[owner] = sights[owner].joined(each.sight) if owner in sights else each.sight
    return sights


def resources_by_key(connection: Connection, outlet: int, keys: Sequence[str]) -> dict[str, int]:
    """The ids of the outlet's resources, by key."""
    found: dict[str, int] = {}
    for portion in in_portions(keys):
        rows = connection.execute(_RESOURCES, {"of_outlet": outlet, "values": portion})
        found.update((row[0], row[1]) for row in rows)
    return found


def _add_locations(
    connection: Connection,
    strangers: Sequence[_Sighting],
    owners: dict[str, int],
    domain_map: DomainMap,
    now: datetime,
    crawl: int | None,
    added: list[list[int]],
) -> None:
    rows = []
    for each in strangers:
        home = domain_map.find(each.url)
        rows.append(
            location_row(
                each.url, each.hash, owners[each.found.key], home.id if home else None, each.found.how, now, crawl
            )
        )
        added[each.group][1] += 1
    insert_missing(connection, location, rows)


def location_row(
    url: str, digest: bytes, owner: int, domain: int | None, how: str, at: datetime, crawl: int | None
) -> dict[str, Any]:
    """A row for a location first seen `at`."""
    return {
        "resource": owner,
        "domain": domain,
        "url": url,
        "url_hash": digest,
        "how": how,
        "first_at": at,
        "last_at": at,
        "crawl": crawl,
    }


def add_location(connection: Connection, row: dict[str, Any]) -> int:
    """Insert a location unless its URL is known, and give the id of the one that is there then."""
    insert_missing(connection, location, [row])
    return ids_by(connection, location, "url_hash", [row["url_hash"]])[row["url_hash"]]


def _with_room(
    connection: Connection, strangers: Sequence[_Sighting], owners: dict[str, int], new: set[str]
) -> list[_Sighting]:
    """The new URLs of resources that have not MOST_PLACES of them yet: a site that gives every link an id of its own
    would fill the archive with addresses of the same few pages."""
    known = sorted({owners[each.found.key] for each in strangers if each.found.key not in new})
    places: Counter[int] = Counter()
    for portion in in_portions(known):
        counted = select(location.c.resource, func.count()).where(location.c.resource.in_(portion))
        places.update({row[0]: row[1] for row in connection.execute(counted.group_by(location.c.resource))})
    kept = []
    for each in strangers:
        owner = owners[each.found.key]
        places[owner] += 1
        if places[owner] <= MOST_PLACES:
            kept.append(each)
    if len(kept) < len(strangers):
        log.info("%d further addresses of known pages are left out", len(strangers) - len(kept))
    return kept


def _note_seen(connection: Connection, places: Iterable[_Place], now: datetime) -> None:
    """Move the last time seen on, to the day: a link in the site's frame is seen on every page of it."""
    update_each(
        connection, location, [{"id": each.id, "last_at": now} for each in places if each.last_at + SLACK <= now]
    )


def _lastmods(
    sightings: Sequence[_Sighting], places: dict[bytes, _Place], owners: dict[str, int], now: datetime
) -> dict[int, datetime]:
    """The latest credible `lastmod` of each resource."""
    stated: dict[int, datetime] = {}
    for each in sightings:
        lastmod = each.found.lastmod
        if lastmod is None or lastmod > now:
            continue
        place = places.get(each.hash)
        owner = place.resource if place else owners[each.found.key]
        stated[owner] = max(lastmod, stated.get(owner, lastmod))
    return stated


def _heed_lastmods(connection: Connection, stated: dict[int, datetime], now: datetime) -> None:
    due, quiet = [], []
    for portion in in_portions(list(stated)):
        rows = connection.execute(_FETCHED, {"values": portion})
        for each, due_at, attempts, outcome, lease_until, fetched_at in rows:
            if lease_until is not None and lease_until > now:
                continue  # being fetched at this moment: what comes sets its time
            if stated[each] > fetched_at:
                if attempts == 0 and (due_at is None or due_at > now):
                    due.append({"id": each, "due_at": now, "priority": REVISIT})
            elif outcome == "article" and due_at is not None and due_at < now + QUIET - SLACK:
                # A fetch that showed no article (a seizure notice) says nothing against asking elsewhere.
                quiet.append({"id": each, "due_at": now + QUIET})
    update_each(connection, resource, due)
    update_each(connection, resource, quiet)
