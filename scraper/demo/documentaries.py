"""Documentary pages: no news, yet numbered from the counter that the articles share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from scraper.demo.catalogue import BLOCK, Catalogue
from scraper.demo.timeline import KEY_STRIDE

_AFTER = 7


@dataclass(frozen=True, slots=True)
class Documentary:
    """One documentary's page."""

    key: int
    title: str
    path: str
    published: datetime
    place: str


def documentaries(catalogue: Catalogue, day: int) -> Iterator[Documentary]:
    """One documentary for each twenty articles, the newest first."""
    for index in range((catalogue.timeline.total(day) - 1 - _AFTER) // BLOCK * BLOCK + _AFTER, 0, -BLOCK):
        yield _documentary(catalogue, index)


def documentary_at(catalogue: Catalogue, key: int, day: int) -> Documentary | None:
    """The documentary of a number, None where there is none."""
    index, rest = divmod(key - catalogue.hosts.first_key, KEY_STRIDE)
    if rest != KEY_STRIDE - 1 or index % BLOCK != _AFTER or not 0 <= index < catalogue.timeline.total(day):
        return None
    return _documentary(catalogue, index)


def _documentary(catalogue: Catalogue, index: int) -> Documentary:
    # The last number of an article's share of the counter is never an article's.
    key = catalogue.hosts.first_key + KEY_STRIDE * index + KEY_STRIDE - 1
    place = catalogue.topic(index).place
    published = catalogue.timeline.published(index)
    local = published.astimezone(catalogue.timeline.zone)
    slug = "-".join("".join(letter if letter.isascii() and letter.isalnum() else " " for letter in place).split())
    return Documentary(
        key, f"Golden days of {place}", f"/doc/Detail/{local:%Y/%m/%d}/{key}/Golden-{slug}-", published, place
    )
