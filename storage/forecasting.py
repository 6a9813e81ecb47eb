"""What is known of a frontier that was not fetched yet: how many new articles wait, and how large those kept are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlalchemy import Connection, func, select, update

from storage.frontier import NEW, Leased, read_leased
from storage.inserting import in_portions
from storage.models import capture, extraction, location, resource, revision
from storage.urls import host_of


@dataclass(frozen=True, slots=True)
class Sizes:
    """The article pages of a crawl: how many, their bytes in WARC files, and the characters of their texts."""

    pages: int
    warc_bytes: int
    characters: int


def waiting_by_host(connection: Connection, outlet: int) -> dict[str, int]:
    """How many new articles wait to be fetched, by the host that showed each first."""
    first = (
        select(func.min(location.c.id))
        .join(resource, resource.c.id == location.c.resource)
        .where(resource.c.outlet == outlet, resource.c.priority == NEW, resource.c.kind == "article")
        .where(resource.c.due_at.is_not(None))
        .group_by(resource.c.id)
    )
    hosts: Counter[str] = Counter()
    urls = select(location.c.url).where(location.c.id.in_(first))
    for url in connection.execute(urls, execution_options={"yield_per": 1000}).scalars():
        hosts[host_of(url)] += 1
    return dict(hosts)


def lease_some_new(
    connection: Connection, outlet: int, owner: str, number: int, *, now: datetime, until: datetime
) -> list[Leased]:
    """Lease so many of the new articles that wait, drawn by chance whatever their age. Call it in a write
    transaction."""
    wanted = (
        select(resource.c.id)
        .where(resource.c.outlet == outlet, resource.c.priority == NEW, resource.c.kind == "article")
        .where(resource.c.due_at <= now, resource.c.lease_owner.is_(None))
        .order_by(resource.c.id)
    )
    drawn = _draw(connection.execute(wanted, execution_options={"yield_per": 1000}).scalars(), number)
    for portion in in_portions(drawn):
        connection.execute(
            update(resource).where(resource.c.id.in_(portion)).values(lease_owner=owner, lease_until=until)
        )
    return read_leased(connection, drawn)


def sizes_of(connection: Connection, crawl: int) -> Sizes:
    """The article pages that a crawl kept, listings and all else left out."""
    row = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(func.coalesce(capture.c.span_length, capture.c.length)), 0),
            func.coalesce(func.sum(func.length(revision.c.body)), 0),
        )
        .select_from(capture)
        .join(extraction, extraction.c.capture == capture.c.id)
        .join(revision, revision.c.id == extraction.c.revision)
        .where(capture.c.crawl == crawl)
    ).one()
    return Sizes(*map(int, row))


def _draw(ids: Iterable[int], number: int) -> list[int]:
    """A draw of so many of a stream of ids (Vitter's algorithm R); the same each time for the same ids."""
    chance = Random(0)
    drawn: list[int] = []
    for n, each in enumerate(ids):
        if n < number:
            drawn.append(each)
        elif (place := chance.randrange(n + 1)) < number:
            drawn[place] = each
    return drawn
