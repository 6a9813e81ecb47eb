"""Copy an archive's database to another one, SQLite or PostgreSQL, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, ForeignKeyConstraint, Table, delete, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import AddConstraint, DropConstraint

from storage.archive import Archive
from storage.blocks import from_json
from storage.content import ArticleContent, Figure
from storage.crawls import HEARTBEAT_LIMIT
from storage.engines import explain, name_of
from storage.errors import ArchiveUnusable, StorageError
from storage.index import index_revisions
from storage.models import figure, metadata, outlet_lock, revision
from storage.owners import is_dead

BATCH = 500
"""Rows read and written at once."""
TRANSIENT = frozenset(("host_lease", "outlet_lock"))
"""Tables of who is at work just now, which a copy begins without."""

Told = Callable[[str, int], None]
"""Is told a table's name and its rows once it was copied."""


def move(
    source: Archive, target: Archive, told: Told = lambda table, rows: None, *, beside_runs: bool = False
) -> dict[str, int]:
    """Copy every row of `source` to `target`, which must be open for writing and hold no outlet yet.

    Gives the rows by table. The source stays as it is; WARC files are not touched, so both are archives of the same
    folder. All happens in one transaction of the target: a kill leaves it empty. Raises ArchiveUnusable where the
    target is not empty, StorageError where a run holds an outlet of the source or a count differs at the end. With
    `beside_runs` runs may go on: the copy holds what was committed when it began.
    """
    try:
        with source.read() as reading, target.begin() as writing:
            _demand_empty(writing, target)
            if not beside_runs:
                _demand_idle(reading, source)
            counts = _copy(reading, writing, told)
            _demand_equal(writing, counts, target)
    except DBAPIError as error:
        raise explain(error, target.engine) from None
    return counts


def _copy(reading: Connection, writing: Connection, told: Told) -> dict[str, int]:
    tables = [table for table in metadata.sorted_tables if table.name not in TRANSIENT]
    writing.execute(delete(metadata.tables["archive"]))
    counts = {}
    with _unchecked(writing):
        for table in tables:
            counts[table.name] = _copy_table(reading, writing, table)
            told(table.name, counts[table.name])
    for table in tables:
        _set_sequence(writing, table)
    _index(writing)
    return counts


def _copy_table(reading: Connection, writing: Connection, table: Table) -> int:
    copied = 0
    for rows in _batches(reading, table):
        writing.execute(insert(table), rows)
        copied += len(rows)
    return copied


def _batches(reading: Connection, table: Table) -> Iterator[Sequence[dict[str, Any]]]:
    """The table's rows in the order of its key, so that memory stays flat whatever its size."""
    result = reading.execution_options(yield_per=BATCH).execute(select(table).order_by(*table.primary_key.columns))
    for part in result.mappings().partitions():
        yield [dict(row) for row in part]


class _unchecked:  # noqa: N801 - reads as a word: with _unchecked(connection)
    """Foreign keys are checked at the end, whole: rows refer to one another in circles (article and revision)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._keys = [
            key
            for table in metadata.sorted_tables
            for key in table.constraints
            if isinstance(key, ForeignKeyConstraint)
        ]

    def __enter__(self) -> None:
        if self._connection.dialect.name == "sqlite":
            self._connection.execute(text("PRAGMA defer_foreign_keys = ON"))  # until this transaction's end
            return
        for key in self._keys:
            self._connection.execute(DropConstraint(key))

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None and self._connection.dialect.name != "sqlite":
            for key in self._keys:
                self._connection.execute(AddConstraint(key))


def _set_sequence(writing: Connection, table: Table) -> None:
    """PostgreSQL's next id; SQLite takes the highest by itself."""
    if writing.dialect.name == "sqlite" or "id" not in table.c:
        return
    highest = writing.execute(select(func.max(table.c.id))).scalar()
    if highest is not None:
        writing.execute(
            text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :id)"), {"name": table.name, "id": highest}
        )


def _index(writing: Connection) -> None:
    """Write the search rows anew: each database has its own form of them."""
    last = -1
    while rows := writing.execute(
        select(revision).where(revision.c.id > last).order_by(revision.c.id).limit(BATCH)
    ).all():
        last = rows[-1].id
        figures: dict[int, list[Figure]] = defaultdict(list)
        wanted = figure.c.revision.in_([row.id for row in rows])
        for row in writing.execute(select(figure).where(wanted).order_by(figure.c.revision, figure.c.position)):
            figures[row.revision].append(Figure(row.url, row.caption, row.credit))
        index_revisions(writing, [(row.id, _content(row, figures[row.id])) for row in rows])


def _content(row: Any, figures: Sequence[Figure]) -> ArticleContent:
    """What search reads of a revision."""
    return ArticleContent(
        headline=row.headline,
        lead=row.lead,
        blocks=from_json(row.blocks),
        authors=tuple(row.authors),
        section=tuple(row.section),
        tags=tuple(row.tags),
        figures=tuple(figures),
    )


def _demand_empty(writing: Connection, target: Archive) -> None:
    if writing.execute(select(func.count()).select_from(metadata.tables["outlet"])).scalar_one():
        raise ArchiveUnusable("holds an archive already", name_of(target.engine), "Name an empty database.")


def _demand_idle(reading: Connection, source: Archive) -> None:
    now = datetime.now(UTC)
    for lock in reading.execute(select(outlet_lock)):
        if now - lock.heartbeat < HEARTBEAT_LIMIT and not is_dead(lock.owner):
            raise StorageError("a run is at work in this archive", name_of(source.engine), "Let it end; then copy.")


def _demand_equal(writing: Connection, counts: dict[str, int], target: Archive) -> None:
    for name, number in counts.items():
        found = writing.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one()
        if found != number:
            raise StorageError(f"table {name} has {found} rows in place of {number}", name_of(target.engine))
