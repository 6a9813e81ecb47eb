"""Decisions: what people and rules have settled, and which of that is about an article.

A decision's `subject` names what it is about: an article as `outlet:key`, an outlet's domain as `outlet/host`, with the
path prefix behind it where it has one. What else it names stands in `payload`, in the same form: what an article was
merged into, or split from. `by` is a person, or the rule that decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from storage.labels import keys_of, locations_of
from storage.models import article, decision, outlet

MERGE = "merge"
"""The verb of a decision that makes an article one with another."""
SPLIT = "split"
"""The verb of a decision that takes an article out of another again."""
REHOME = "rehome"
"""The verb by which a run says that an address went to another resource; it is about a location, not an article."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision; `at` is UTC, `crawl` the run that wrote it down, None for one that no manifest covers."""

    id: int
    at: datetime
    by: str
    verb: str
    subject: str
    payload: Any
    crawl: int | None


def article_subject(outlet_name: str, key: str) -> str:
    """How decisions name an article."""
    return f"{outlet_name}:{key}"


def domain_subject(outlet_name: str, domain: str) -> str:
    """How decisions name a domain of an outlet: by its host, and the path prefix if it has one."""
    return f"{outlet_name}/{domain}"


def decisions_of(connection: Connection, articles: Sequence[int]) -> list[Decision]:
    """All decisions that name one of these articles, by whatever key, or a domain at which it was seen; the oldest
    first."""
    subjects = set(_subjects(connection, articles))
    columns = ("id", "at", "by", "verb", "subject", "payload", "crawl")
    statement = (
        select(*(decision.c[name] for name in columns))
        .where(or_(decision.c.subject.in_(sorted(subjects)), decision.c.payload.is_not(None)))
        .where(decision.c.verb != REHOME)
        .order_by(decision.c.at, decision.c.id)
    )
    rows = connection.execute(statement, execution_options={"yield_per": 500})
    found = (Decision(*row) for row in rows)
    return [each for each in found if each.subject in subjects or not subjects.isdisjoint(names_in(each.payload))]


def names_in(payload: Any) -> Iterator[str]:
    """Whatever may be a name in a payload: all its strings, at whatever depth."""
    waiting = [payload]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _subjects(connection: Connection, articles: Sequence[int]) -> Iterator[str]:
    statement = (
        select(article.c.id, outlet.c.name)
        .join(outlet, outlet.c.id == article.c.outlet)
        .where(article.c.id.in_(articles))
    )
    names: dict[int, str] = {row.id: row.name for row in connection.execute(statement)}
    for number, keys in keys_of(connection, articles).items():
        yield from (article_subject(names[number], key) for key in keys)
    for number, places in locations_of(connection, articles).items():
        yield from (domain_subject(names[number], place.domain) for place in places if place.domain is not None)
