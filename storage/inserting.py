"""Inserting what may be there already, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, Update, bindparam, select, update

from storage.models import counter

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

_T = TypeVar("_T")
Insert: TypeAlias = "sqlite.Insert | postgresql.Insert"

PARAMETERS = 500
"""Values in one IN list: below SQLite's limit of 999 in old builds, and few enough to keep a statement's plan small."""


def insert_into(connection: Connection, table: Table) -> Insert:
    """An INSERT that knows ON CONFLICT: the one place where the two dialects differ in name."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: Table) -> Insert:
    """An INSERT that knows ON CONFLICT in a dialect's words, for statements that are built once."""
    if dialect == "postgresql":  # imported where it is used: the other database's dialect takes 30 ms
        from sqlalchemy.dialects.postgresql import insert as insert_there

        return insert_there(table)
    from sqlalchemy.dialects.sqlite import insert as insert_here

    return insert_here(table)


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose unique values are not there yet; leave the others as they are."""
    if rows:
        connection.execute(_insert_or_leave(connection.dialect.name, table), list(rows))


def count_up(connection: Connection, outlet: int, amounts: Mapping[str, int]) -> None:
    """Add to the outlet's counters. Names are taken in order, so that two processes cannot block each other."""
    rows = [{"outlet": outlet, "name": name, "n": n} for name, n in sorted(amounts.items()) if n]
    if rows:
        connection.execute(_count_up(connection.dialect.name), rows)


def update_each(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Set columns of rows by their `id`; one statement for all rows that set the same columns."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        names = tuple(name for name in row if name != "id")
        alike.setdefault(names, []).append({"of_id": row["id"]} | {f"set_{name}": row[name] for name in names})
    for names, parameters in alike.items():
        connection.execute(_update_by_id(table, names), parameters)


def among(column: Column[Any]) -> ColumnElement[bool]:
    """Whether a column's value is one of those that a statement is executed with as `values`.

    A statement with it can be built once, at import: building one takes longer than executing it.
    """
    return column.in_(bindparam("values", expanding=True))


def in_portions(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Cut values into portions that fit one IN list."""
    for start in range(0, len(values), PARAMETERS):
        yield values[start : start + PARAMETERS]


def ids_by(connection: Connection, table: Table, column: str, values: Sequence[Any]) -> dict[Any, int]:
    """The ids of the rows whose `column` is one of the values, by value."""
    found: dict[Any, int] = {}
    for portion in in_portions(values):
        rows = connection.execute(_ids_by(table, column), {"values": portion})
        found.update((row[0], row[1]) for row in rows)
    return found


# Statements are built once for each use: SQLAlchemy takes longer to build and to recognise one than to execute it.


@cache
def _insert_or_leave(dialect: str, table: Table) -> Insert:
    return insert_for(dialect, table).on_conflict_do_nothing()


@cache
def _count_up(dialect: str) -> Insert:
    statement = insert_for(dialect, counter)
    return statement.on_conflict_do_update(
        index_elements=["outlet", "name"], set_={"n": counter.c.n + statement.excluded.n}
    )


@cache
def _update_by_id(table: Table, names: tuple[str, ...]) -> Update:
    values: dict[str, Any] = {name: bindparam(f"set_{name}") for name in names}
    return update(table).where(table.c.id == bindparam("of_id")).values(values)


@cache
def _ids_by(table: Table, column: str) -> Select[Any, int]:
    return select(table.c[column], table.c.id).where(among(table.c[column]))
