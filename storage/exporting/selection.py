"""Which captures an export gives out, and where their records stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, select, union

from storage.captures import is_reduced
from storage.exporting.marks import Marks
from storage.exporting.requisites import ReadNeeds, requisites_of
from storage.inserting import in_portions
from storage.models import article, capture, location, resource, warc_file
from storage.stored_paths import span_start, stored_path

BATCH = 500
"""Rows taken at once."""

_Condition = Callable[[FromClause], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be given out: all of some outlets, and some articles with those merged into them (all by id)."""

    outlets: tuple[int, ...] = ()
    articles: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """A capture and where its records stand. `span_offset` and `span_length` bound all that was written for it, and
    `span_sha256` (hex) is over that; None for what an early version kept. `path` is relative to the WARC folder."""

    id: int
    path: str
    offset: int
    length: int
    member_sha256: str
    span_offset: int | None
    span_length: int | None
    span_sha256: str | None = None


def select_captures(
    connection: Connection, selection: Selection, read_needs: ReadNeeds | None = None
) -> Iterator[Placed]:
    """The selected captures, each once and with what it refers to as a revisit, in the order in which they stand in the
    files. That holds for each outlet, each portion of articles, and each of what they need.

    With `read_needs` the articles bring what their pages need to look as they did: all captures of each requisite.
    Those are few, since one that was kept is not asked for again, and a viewer takes the one that is nearest to its
    page. Memory stays flat however many there are.
    """
    given = Marks()
    for condition in _conditions(connection, selection, read_needs):
        yield from (placed for placed in _stream(connection, condition) if given.add(placed.id))


def _conditions(connection: Connection, selection: Selection, read_needs: ReadNeeds | None) -> Iterator[_Condition]:
    """What is said of the resources that are given out, one portion after the other."""
    for number in selection.outlets:
        yield lambda table, number=number: table.c.outlet == number  # type: ignore[misc]
    for portion in in_portions(selection.articles):
        yield lambda table, portion=portion: table.c.article.in_(portion)  # type: ignore[misc]
    if read_needs is not None:
        for requisites in requisites_of(connection, selection.articles, read_needs):
            yield lambda table, requisites=requisites: table.c.id.in_(requisites)  # type: ignore[misc]


def with_merged(connection: Connection, articles: Sequence[int]) -> tuple[int, ...]:
    """The articles, each once and followed by those that were merged into it, directly or through others."""
    rows = connection.execute(select(article.c.id, article.c.merged_into).where(article.c.merged_into.is_not(None)))
    merged: dict[int, list[int]] = {}
    for number, into in rows:
        merged.setdefault(into, []).append(number)
    found = dict.fromkeys(articles)
    waiting = list(found)
    while waiting:
        for number in merged.get(waiting.pop(), ()):
            if number not in found:
                found[number] = None
                waiting.append(number)
    return tuple(found)


def _stream(connection: Connection, condition: _Condition) -> Iterator[Placed]:
    result = connection.execution_options(yield_per=BATCH).execute(_statement(condition))
    for rows in result.partitions():
        for row in rows:
            yield Placed(*row)


def _statement(condition: _Condition) -> Select[Any]:
    other = capture.alias("revisit")
    referred = _of(select(other.c.refers_to), other, condition, "other").where(other.c.refers_to.is_not(None))
    mine = _of(select(capture.c.id.label("mine")), capture, condition, "own")
    own = capture.c
    columns = (own.offset, own.length, own.member_sha256, span_start(capture), own.span_length, own.span_sha256)
    return (
        select(capture.c.id, stored_path(warc_file), *columns)
        .join(warc_file, warc_file.c.id == capture.c.warc_file)
        .where(capture.c.id.in_(union(mine, referred)), ~is_reduced(capture))
        .order_by(capture.c.warc_file, capture.c.offset)
    )


def _of(statement: Select[Any], captures: FromClause, condition: _Condition, name: str) -> Select[Any]:
    places, resources = location.alias(f"{name}_location"), resource.alias(f"{name}_resource")
    return (
        statement.select_from(captures)
        .join(places, places.c.id == captures.c.location)
        .join(resources, resources.c.id == places.c.resource)
        .where(condition(resources))
    )
