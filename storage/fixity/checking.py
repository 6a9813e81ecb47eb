"""Check a whole archive: database, files, manifests, texts, and what is drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from storage.archive import Archive
from storage.fixity.files import Told, check_files
from storage.fixity.findings import Finding
from storage.fixity.index_files import check_index
from storage.fixity.manifests import check_manifests
from storage.fixity.stamped import StampPolicy, check_stamps
from storage.fixity.state import check_state
from storage.fixity.texts import check_texts
from storage.inserting import in_portions
from storage.models import capture, crawl, location, revision, warc_file
from storage.unreadable import any_text


def check(
    archive: Archive,
    *,
    jobs: int = 1,
    told: Told = lambda done, total: None,
    anchors: tuple[str, ...] = (),
    stamps: StampPolicy = StampPolicy(),  # noqa: B008 - a value that nobody can change
) -> Iterator[Finding]:
    """Name everything in the archive that is not as it was kept, as one state of the database shows it.

    A crawl may go on meanwhile: what it adds is not looked at. `jobs` processes read the WARC files; `told` hears of
    their progress. `anchors` are manifest digests that were written down elsewhere: each must be in the chain.
    `stamps` says what is wanted of time stamps.
    """
    with archive.read() as connection, any_text(connection):
        steps: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
            ("the database", lambda: _check_database(connection)),
            ("WARC files", lambda: check_files(archive, connection, jobs=jobs, told=told)),
            ("manifests", lambda: check_manifests(connection, anchors)),
            ("time stamps", lambda: check_stamps(connection, stamps)),
            ("texts", lambda: check_texts(connection)),
            ("what is drawn from other rows", lambda: check_state(connection)),
            ("the index of captures", lambda: check_index(archive)),
        )
        for name, step in steps:
            try:
                yield from step()
            except DBAPIError as error:
                yield Finding("database-damaged", "database", f"{name} cannot be read: {error.orig}")
                if connection.dialect.name == "postgresql":
                    return  # its transaction is lost


@dataclass(frozen=True, slots=True)
class Held:
    """How much there is to check: WARC files and their bytes, captures, texts, and crawls with a manifest."""

    files: int
    bytes: int
    captures: int
    revisions: int
    crawls: int


def count_held(archive: Archive) -> Held:
    """Count what a check looks at."""
    with archive.read() as connection:
        files, size = connection.execute(select(func.count(), func.sum(warc_file.c.committed_len))).one()
        captures, revisions = (
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (capture, revision)
        )
        crawls = connection.execute(select(func.count(crawl.c.manifest_digest))).scalar_one()
    return Held(files, int(size or 0), captures, revisions, crawls)  # PostgreSQL sums to a Decimal


def pages_at(archive: Archive, captures: Collection[int]) -> dict[int, tuple[str, datetime]]:
    """The URL and the instant of captures, by id; of those whose row can be read."""
    found: dict[int, tuple[str, datetime]] = {}
    statement = select(capture.c.id, location.c.url, capture.c.at).join(location, location.c.id == capture.c.location)
    with archive.read() as connection:
        for portion in in_portions(sorted(captures)):
            for number, url, at in connection.execute(statement.where(capture.c.id.in_(portion))):
                found[number] = url, at
    return found


def _check_database(connection: Connection) -> Iterator[Finding]:
    """What the database itself finds; PostgreSQL keeps its constraints and checks its pages by itself."""
    if connection.dialect.name != "sqlite":
        return
    for (told,) in connection.exec_driver_sql("PRAGMA integrity_check(100)").all():
        if told != "ok":
            yield Finding("database-damaged", "database", str(told))
    for table, row, target, _ in connection.exec_driver_sql("PRAGMA foreign_key_check").all():
        yield Finding("row-strange", f"{table}/{row}", f"it points to a row of {target} that is not there")
