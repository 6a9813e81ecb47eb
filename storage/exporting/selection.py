"""Which captures an export gives out, and where their records stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, or_, select

from storage.models import article, capture, location, resource, warc_file
from storage.stored_paths import stored_path

BATCH = 500
"""Rows, or articles, taken at once."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be given out: all of some outlets, and some articles with those merged into them (all by id)."""

    outlets: tuple[int, ...] = ()
    articles: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """A capture and where its records stand. `span_offset` and `span_length` bound all that was written for it,
    None for what an early version kept. `path` is relative to the WARC folder."""

    id: int
    path: str
    offset: int
    length: int
    member_sha256: str
    span_offset: int | None
    span_length: int | None


def select_captures(connection: Connection, selection: Selection) -> Iterator[Placed]:
    """The selected captures, each with what it refers to as a revisit, in the order in which they stand in the files.

    Memory stays flat however many there are. The order holds for each outlet and each portion of articles.
    """
    for number in selection.outlets:
        yield from _stream(connection, lambda table, number=number: table.c.outlet == number)
    for start in range(0, len(selection.articles), BATCH):
        portion = selection.articles[start : start + BATCH]
        yield from _stream(connection, lambda table, portion=portion: table.c.article.in_(portion))


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


def _stream(connection: Connection, condition: Any) -> Iterator[Placed]:
    result = connection.execution_options(yield_per=BATCH).execute(_statement(condition))
    for rows in result.partitions():
        for row in rows:
            yield Placed(*row)


def _statement(condition: Any) -> Select[Any]:
    other = capture.alias("revisit")
    referred = _of(select(other.c.refers_to), other, condition, "other").where(other.c.refers_to.is_not(None))
    mine = _of(select(capture.c.id.label("mine")), capture, condition, "own")
    columns = ("offset", "length", "member_sha256", "span_offset", "span_length")
    return (
        select(capture.c.id, stored_path(warc_file), *(capture.c[name] for name in columns))
        .join(warc_file, warc_file.c.id == capture.c.warc_file)
        .where(or_(capture.c.id.in_(mine), capture.c.id.in_(referred)))
        .order_by(capture.c.warc_file, capture.c.offset)
    )


def _of(statement: Select[Any], captures: FromClause, condition: Any, name: str) -> Select[Any]:
    places, resources = location.alias(f"{name}_location"), resource.alias(f"{name}_resource")
    wanted: ColumnElement[bool] = condition(resources)
    return (
        statement.select_from(captures)
        .join(places, places.c.id == captures.c.location)
        .join(resources, resources.c.id == places.c.resource)
        .where(wanted)
    )
