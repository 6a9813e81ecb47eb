"""To which resource an address belonged at first, and to which it was moved: each move is a decision of its run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, bindparam, cast, func, literal, select
from sqlalchemy.sql.selectable import Subquery

from storage.decisions import REHOME
from storage.models import decision, location

_RULE = "redirect"
"""Who decided: the rule that an address which a redirect led to goes to the article that it shows."""


def note_move(connection: Connection, place: int, source: int, target: int, *, at: datetime, crawl: int) -> None:
    """Write down that an address (location) left a resource for another one."""
    payload = {"from": source, "to": target}
    values = {"at": at, "by": _RULE, "verb": REHOME, "subject": f"{location.name}/{place}", "payload": payload}
    connection.execute(decision.insert().values(**values, crawl=crawl))


def first_resources(connection: Connection, crawl: int) -> Iterator[Sequence[Any]]:
    """Id and first resource of every location that a run added, by id, wherever those were moved since."""
    rows = connection.execute(_FIRST_OF_CRAWL, {"of_crawl": crawl}, execution_options={"yield_per": 500})
    for place, now, payload in rows:
        yield place, now if payload is None else _named(payload, "from")


def strayed(connection: Connection) -> Iterator[tuple[int, int]]:
    """Each location that belongs to another resource than it was moved to last, and that resource."""
    statement = _moves(func.max).where(decision.c.id.is_not(None)).order_by(location.c.id)
    for place, now, payload in connection.execute(statement, execution_options={"yield_per": 500}):
        if isinstance(target := _named(payload, "to"), int) and target != now:
            yield place, target


def left(connection: Connection) -> set[int]:
    """The resources that an address was taken from: they show what it led to, though no address of theirs does."""
    moves = select(decision.c.payload).where(decision.c.verb == REHOME)
    sources = (_named(payload, "from") for (payload,) in connection.execute(moves))
    return {each for each in sources if isinstance(each, int)}


def _moves(which: Any) -> Select[Any]:
    """Every location's id and resource, with what its first or last move says."""
    one = _one_each(which)
    return (
        select(location.c.id, location.c.resource, decision.c.payload)
        .outerjoin(one, one.c.subject == _subject())
        .outerjoin(decision, decision.c.id == one.c.id)
    )


def _one_each(which: Any) -> Subquery:
    moves = select(decision.c.subject, which(decision.c.id).label("id")).where(decision.c.verb == REHOME)
    return moves.group_by(decision.c.subject).subquery()


def _subject() -> ColumnElement[str]:
    return literal(f"{location.name}/").concat(cast(location.c.id, Text))


def _named(payload: Any, name: str) -> Any:
    """What a move names; the payload itself where that is none."""
    return payload.get(name, payload) if isinstance(payload, Mapping) else payload


_FIRST_OF_CRAWL = _moves(func.min).where(location.c.crawl == bindparam("of_crawl")).order_by(location.c.id)
