"""The names by which people know articles: keys and the best URL, for many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from storage.models import article, article_key, domain, location, resource

_PORTION = 500
_UNRANKED = 1_000_000
_HOW = ("fetched", "canonical", "linked", "imported")


@dataclass(frozen=True, slots=True)
class LocationLine:
    """A URL at which an article was seen. `domain` is host and path prefix, None where it is no domain of the
    outlet; times are UTC; `fetched_at` None where it was never fetched from there."""

    url: str
    how: str
    domain: str | None
    role: str | None
    state: str | None
    first_at: datetime
    last_at: datetime
    fetched_at: datetime | None


def keys_of(connection: Connection, articles: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The keys of each article, the shortest first, then by code point."""
    found: dict[int, list[str]] = {each: [] for each in articles}
    for portion in _portions(articles):
        statement = select(article_key.c.article, article_key.c.key).where(article_key.c.article.in_(portion))
        for owner, key in connection.execute(statement):
            found[owner].append(key)
    return {owner: tuple(sorted(keys, key=lambda key: (len(key), key))) for owner, keys in found.items()}


def locations_of(connection: Connection, articles: Sequence[int]) -> dict[int, tuple[LocationLine, ...]]:
    """The locations of each article, the best first: by rank of their domain, then how they were seen, then URL."""
    found: dict[int, list[tuple[tuple[int, int, str], LocationLine]]] = {each: [] for each in articles}
    for portion in _portions(articles):
        statement = (
            select(
                resource.c.article, location, domain.c.host, domain.c.path, domain.c.role, domain.c.state, domain.c.rank
            )
            .join(location, location.c.resource == resource.c.id)
            .outerjoin(domain, domain.c.id == location.c.domain)
            .where(resource.c.article.in_(portion))
        )
        for row in connection.execute(statement):
            line = LocationLine(
                row.url,
                row.how,
                None if row.host is None else row.host + row.path,
                row.role,
                row.state,
                row.first_at,
                row.last_at,
                row.fetched_at,
            )
            how = _HOW.index(row.how) if row.how in _HOW else len(_HOW)
            rank = _UNRANKED if row.rank is None else row.rank
            found[row.article].append(((rank, how, row.url), line))
    return {owner: tuple(line for _, line in sorted(lines, key=lambda pair: pair[0])) for owner, lines in found.items()}


def family_of(connection: Connection, number: int) -> tuple[int, ...]:
    """An article and all that were merged into it, directly or through others, in the order of their ids."""
    family, fresh = {number}, [number]
    while fresh:
        statement = select(article.c.id).where(article.c.merged_into.in_(fresh))
        fresh = [each for each in connection.execute(statement).scalars() if each not in family]
        family.update(fresh)
    return tuple(sorted(family))


def _portions(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), _PORTION):
        yield numbers[start : start + _PORTION]
