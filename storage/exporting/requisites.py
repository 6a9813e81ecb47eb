"""Find what articles need to look as they did: stylesheets, images, fonts and icons that their pages led to.

A requisite is kept once, on the account of the article that led to it first. So what an article needs is found by
reading its pages again, and the stylesheets and redirects that they name: the addresses on them are looked up among
those that the archive holds as media.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from sqlalchemy import Connection, func, or_, select

from storage.captures import PendingCapture, placed_captures
from storage.exporting.marks import Marks
from storage.inserting import among, in_portions
from storage.models import capture, extraction, location, resource
from storage.urls import url_hash

MEDIA = "media"
READ_AT_ONCE = 16
"""Pages that are given to be read at once: each may name some 2,000 addresses of 2 kB."""

ReadNeeds = Callable[[Sequence[PendingCapture]], Iterable[Sequence[str]]]
"""Reads kept pages, stylesheets and redirects; gives for each the addresses (canonical URLs) that it names."""


def keeps_requisites(connection: Connection) -> bool:
    """Whether the archive holds any requisite."""
    return connection.execute(select(resource.c.id).where(resource.c.kind == MEDIA).limit(1)).first() is not None


def requisites_of(connection: Connection, articles: Sequence[int], read_needs: ReadNeeds) -> Iterator[Sequence[int]]:
    """The requisites (resources, each once, in portions) of all texts that articles (by id) showed.

    What stylesheets name is followed as far as the archive holds it. Memory stays flat however many there are.
    """
    met = Marks()
    for portion in in_portions(articles):
        for pages in _some(_pages(connection, portion)):
            yield from _needed(connection, pages, read_needs, met)


def _needed(
    connection: Connection, captures: Sequence[int], read_needs: ReadNeeds, met: Marks
) -> Iterator[Sequence[int]]:
    """What kept pages need, and in turn the stylesheets and redirects among that."""
    waiting = list(captures)
    while waiting:
        now, waiting = waiting[:READ_AT_ONCE], waiting[READ_AT_ONCE:]
        places = [PendingCapture(*row) for row in connection.execute(_PLACED, {"values": now})]
        for addresses in read_needs(places):
            for portion in in_portions(addresses):
                found = [each for each in _kept_at(connection, portion) if met.add(each)]
                if found:
                    yield found
                    waiting += connection.execute(_LEADING, {"values": found}).scalars()


def _pages(connection: Connection, articles: Sequence[int]) -> list[int]:
    """The captures that showed a text of the articles; of those of one location with the same payload, the first."""
    return list(connection.execute(_SHOWN, {"values": articles}).scalars())


def _some(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), READ_AT_ONCE):
        yield numbers[start : start + READ_AT_ONCE]


def _kept_at(connection: Connection, addresses: Sequence[str]) -> list[int]:
    """The requisites that stand at these addresses, by whichever scheme, as viewers find them too."""
    hashes = {url_hash(f"{scheme}://{each.partition('://')[2]}") for each in addresses for scheme in ("https", "http")}
    return [
        number
        for portion in in_portions(list(hashes))
        for number in connection.execute(_AT, {"values": portion}).scalars()
    ]


_PLACED = placed_captures().where(among(capture.c.id)).order_by(capture.c.warc_file, capture.c.offset)
_SHOWN = (
    select(func.min(capture.c.id))
    .join(location, location.c.id == capture.c.location)
    .join(resource, resource.c.id == location.c.resource)
    .join(extraction, extraction.c.capture == capture.c.id)
    .where(among(resource.c.article), extraction.c.revision.is_not(None))
    .group_by(capture.c.location, capture.c.payload_sha256)
    .order_by(func.min(capture.c.id))
)
_AT = (
    select(resource.c.id)
    .join(location, location.c.resource == resource.c.id)
    .where(among(location.c.url_hash), resource.c.kind == MEDIA)
)
_LEADING = (
    select(capture.c.id)
    .join(location, location.c.id == capture.c.location)
    .where(
        among(location.c.resource),
        or_(capture.c.mime == "text/css", capture.c.mime.is_(None), capture.c.status.between(300, 399)),
    )
    .order_by(capture.c.id)
)
