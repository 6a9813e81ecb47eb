"""Files of others as the archive knows them: their rows, those of their parts, and how far each has been read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, or_, select

from storage.inserting import among, in_portions, insert_into, insert_missing, update_each
from storage.models import capture, cursor, warc_file
from storage.storable import storable

IMPORTED = "imported"
"""The state of a file that others wrote. Its `sha256` is of the file on the disk, also for its parts; its
`committed_len` is its size, or that of the part that it stands for, 0 where only unpacking would tell; how far it has
been read stands in `cursor` until that is all of it."""
_WRITER = "import"


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """A file of others, or a part of one, as the archive knows it. `read_to`: bytes of it that were read."""

    id: int
    store: str
    path: str
    size: int
    sha256: str
    read_to: int


def file_of(connection: Connection, sha256: str) -> ImportedFile | None:
    """The file with this content, if one was imported before: the file itself, not one of its parts."""
    whole = _FILES.where(warc_file.c.state == IMPORTED, ~warc_file.c.path.contains("#"))
    row = connection.execute(whole.where(warc_file.c.sha256 == sha256).order_by(warc_file.c.id)).first()
    return _as_known(connection, [row])[0] if row is not None else None


def imported_paths(connection: Connection) -> Iterator[tuple[str, str]]:
    """Store and path of every file that was imported; files, not their parts."""
    statement = select(warc_file.c.store, warc_file.c.path).where(
        warc_file.c.state == IMPORTED, ~warc_file.c.path.contains("#")
    )
    for row in connection.execute(statement, execution_options={"yield_per": 1000}):
        yield row[0], row[1]


def add_file(connection: Connection, store: str, path: str, sha256: str, size: int, crawl_id: int) -> ImportedFile:
    """Write down a file of which nothing has been read yet; the row that stands where it is known."""
    (file,) = _add_rows(connection, store, {storable(path): size}, sha256, crawl_id).values()
    return file


def add_parts(
    connection: Connection, file: ImportedFile, sizes: Mapping[str, int], crawl_id: int
) -> dict[str, ImportedFile]:
    """Write parts of a file down as `add_file` does, given by the steps behind its path with the size of each."""
    by_path = {file.path + steps: (steps, size) for steps, size in sizes.items()}
    added = _add_rows(
        connection, file.store, {path: size for path, (_, size) in by_path.items()}, file.sha256, crawl_id
    )
    return {by_path[path][0]: part for path, part in added.items()}


def read_up_to(connection: Connection, file: ImportedFile, position: int) -> None:
    """Say that all of a file up to a place has been read."""
    if position < file.size:
        set_position(connection, _reading(file), position)
        return
    clear_position(connection, _reading(file))
    if position > file.size:  # an early version wrote down as its size how far it had come
        update_each(connection, warc_file, [{"id": file.id, "committed_len": position}])


def forget_file(connection: Connection, file: ImportedFile) -> bool:
    """Take back that a file and its parts were brought in, unless something of it became a capture; gives whether."""
    of_file = _with_parts(file)
    used = select(capture.c.id).join(warc_file, warc_file.c.id == capture.c.warc_file).where(of_file).limit(1)
    if connection.execute(used).first() is not None:
        return False
    connection.execute(delete(cursor).where(cursor.c.job.contains(f":{file.sha256}")))
    connection.execute(delete(warc_file).where(of_file))
    return True


def failures_of(connection: Connection, file: ImportedFile) -> Counter[str]:
    """How many captures of a file and its parts nobody could read, by the reason; what the server refused is none."""
    statement = (
        select(capture.c.outcome, func.count())
        .join(warc_file, warc_file.c.id == capture.c.warc_file)
        .where(
            _with_parts(file), capture.c.outcome.startswith("failed:"), ~capture.c.outcome.startswith("failed:status-")
        )
        .group_by(capture.c.outcome)
    )
    return Counter({row[0].partition(":")[2]: row[1] for row in connection.execute(statement)})


def position_of(connection: Connection, job: str) -> int | None:
    """Where a job stands that outlives its run."""
    return connection.execute(select(cursor.c.position).where(cursor.c.job == job)).scalar_one_or_none()


def positions_of(connection: Connection, jobs: Sequence[str]) -> dict[str, int]:
    """Where those of the jobs stand that are not done."""
    found: dict[str, int] = {}
    for portion in in_portions(jobs):
        found.update((row[0], row[1]) for row in connection.execute(_POSITIONS, {"values": portion}))
    return found


def clear_position(connection: Connection, job: str) -> None:
    """Forget a job that is done."""
    connection.execute(delete(cursor).where(cursor.c.job == job))


def set_position(connection: Connection, job: str, position: int) -> None:
    """Write down where a job stands."""
    set_positions(connection, {job: position})


def set_positions(connection: Connection, positions: Mapping[str, int]) -> None:
    """Write down where each of several jobs stands."""
    if positions:
        statement = insert_into(connection, cursor)
        statement = statement.on_conflict_do_update(
            index_elements=["job"], set_={"position": statement.excluded.position}
        )
        connection.execute(statement, [{"job": job, "position": position} for job, position in positions.items()])


_FILES = select(warc_file.c.id, warc_file.c.store, warc_file.c.path, warc_file.c.committed_len, warc_file.c.sha256)
_OF_STORE = _FILES.where(warc_file.c.store == bindparam("of_store"), among(warc_file.c.path))
_POSITIONS = select(cursor.c.job, cursor.c.position).where(among(cursor.c.job))


def _with_parts(file: ImportedFile) -> ColumnElement[bool]:
    """Rows of a file and of its parts."""
    return and_(
        warc_file.c.store == file.store,
        or_(warc_file.c.path == file.path, warc_file.c.path.startswith(f"{file.path}#", autoescape=True)),
    )


def _add_rows(
    connection: Connection, store: str, sizes: Mapping[str, int], sha256: str, crawl_id: int
) -> dict[str, ImportedFile]:
    """Files or parts by their path, those that were not known before as ones of which nothing has been read."""
    known = _rows_of(connection, store, list(sizes))
    missing = [path for path in sizes if path not in known]
    if missing:
        facts = {"store": store, "writer": _WRITER, "state": IMPORTED, "sha256": sha256, "crawl": crawl_id}
        insert_missing(
            connection, warc_file, [facts | {"path": path, "committed_len": sizes[path]} for path in missing]
        )
        added = {path: replace(file, read_to=0) for path, file in _rows_of(connection, store, missing).items()}
        set_positions(connection, {_reading(file): 0 for file in added.values() if file.size})
        known |= added
    return {path: known[path] for path in sizes}


def _rows_of(connection: Connection, store: str, paths: Sequence[str]) -> dict[str, ImportedFile]:
    rows: list[Any] = []
    for portion in in_portions(paths):
        rows += connection.execute(_OF_STORE, {"of_store": store, "values": portion}).all()
    return {file.path: file for file in _as_known(connection, rows)}


def _as_known(connection: Connection, rows: Sequence[Any]) -> list[ImportedFile]:
    """Files with how far each has been read: all of it, where nothing else stands in `cursor`."""
    files = [
        ImportedFile(each.id, each.store, each.path, each.committed_len, each.sha256, each.committed_len)
        for each in rows
    ]
    positions = positions_of(connection, [_reading(each) for each in files])
    return [replace(each, read_to=positions.get(_reading(each), each.read_to)) for each in files]


def _reading(file: ImportedFile) -> str:
    """The job that reading a file, or a part of one, is in `cursor`."""
    return f"read:{file.sha256}" + "".join(file.path.partition("#")[1:])
