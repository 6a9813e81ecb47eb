"""Start-up recovery: take in what a killed run left on the disk, and free what it held."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, bindparam, func, or_, select, text, update

from storage.archive import Archive
from storage.captures import PendingCapture, placed_captures
from storage.closing import is_replaced, remove_replaced, remove_unfinished
from storage.crawls import abandoned_crawls, end_crawl, free_hosts
from storage.errors import ArchiveDamaged, StorageError
from storage.inserting import among
from storage.joining import living, members
from storage.keeping import FileFacts, Run, account, fetch_from, keep_batch
from storage.models import archive as archive_table
from storage.models import capture, crawl, host_lease, outlet_lock, resource, warc_file
from storage.models import outlet as outlet_table
from storage.owners import is_dead, is_local
from storage.records import Fetch
from storage.resting import rests, set_closed
from storage.serial import write_alone
from storage.torn import put_aside
from storage.warc_reading import WholeExchange, payload_sha256, to_exchange, walk
from storage.warc_writing import OPEN, Appended, hold, sync_folder

log = logging.getLogger(__name__)

_BATCH = 64
_RECOVERING = text("SELECT pg_advisory_xact_lock(7355, 0)")


@dataclass(frozen=True, slots=True)
class Recovered:
    """What recovery did: exchanges adopted, torn tails put aside, WARC files closed, leases released, runs ended."""

    adopted: int = 0
    torn: int = 0
    closed: int = 0
    released: int = 0
    ended: int = 0


def recover(archive: Archive, owner: str, now: datetime) -> Recovered:
    """Bring the archive to where no kill is to be seen. Call it with the outlet held, before the run begins.

    For each WARC file that is open with its lock free: exchanges behind the committed length are adopted through T1,
    a torn tail is copied to `warc/torn/` and cut off, and the file is closed, unless the run that wrote to it last has
    ended in order: then it rests until a run goes on with it or closes it (storage.resting). Then leases that expired
    by `now` (UTC of the mapped clock) or whose owner is dead are released, and runs that were killed are ended as
    'killed'. Files that others are writing are left alone, and running it twice does nothing the second time. Whoever
    else recovers the archive meanwhile is waited for.

    Raises ArchiveDamaged, after all else is done, when a file is missing or shorter than what was committed.
    """
    with _one_at_a_time(archive):
        _let_the_dead_finish(archive, owner)
        return _recover(archive, owner, now)


def _recover(archive: Archive, owner: str, now: datetime) -> Recovered:
    damaged: list[str] = []
    adopted = torn = closed = 0
    for path in _open_files(archive):
        try:
            mended = _recover_file(archive, path, now)
        except ArchiveDamaged as error:
            damaged.append(str(error))
            continue
        adopted, torn, closed = adopted + mended.adopted, torn + mended.torn, closed + mended.closed
    released = ended = 0
    with archive.begin() as connection:
        _wait_for_others(connection)
        released = _release(connection, now)
        for each in abandoned_crawls(connection, owner):
            end_crawl(connection, each, "killed", {}, now)
            ended += 1
    if damaged:
        raise ArchiveDamaged("; ".join(damaged), str(archive.warc_folder), "Run a check before anything is written.")
    return Recovered(adopted, torn, closed, released, ended)


@contextmanager
def _one_at_a_time(archive: Archive) -> Iterator[None]:
    """Wait until nobody else recovers the archive: he might be about to take in pages of a run that would be ended
    here, and its manifest would not name them."""
    if archive.engine.dialect.name == "postgresql":
        with archive.begin() as connection:
            connection.execute(_RECOVERING)
            yield
        return
    descriptor = os.open(archive.folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _let_the_dead_finish(archive: Archive, owner: str) -> None:
    """Wait until PostgreSQL has done what processes had asked of it that are dead since: a commit goes on without the
    one who sent it. Everything that a run writes stands under its outlet's lock."""
    with archive.read() as connection:
        abandoned = crawl.c.id.in_(abandoned_crawls(connection, owner))
        found = set(connection.execute(select(crawl.c.outlet).where(abandoned)).scalars())
        if None in found:  # an import, which may write to any
            found = set(connection.execute(select(outlet_table.c.id)).scalars())
    for outlet in sorted(found):
        with archive.begin() as connection:
            write_alone(connection, outlet)


def pending(
    connection: Connection, outlet: int, limit: int, *, after: int = 0, crawls: Sequence[int] | None = None
) -> list[PendingCapture]:
    """Captures of the outlet that wait to be read, oldest first, with ids greater than `after`; of these crawls alone,
    if any are given."""
    statement = _PENDING if crawls is None else _PENDING.where(capture.c.crawl.in_(crawls))
    facts = {"of_outlet": outlet, "after": after, "most": limit}
    return [PendingCapture(*row) for row in connection.execute(statement, facts)]


_PENDING = (
    placed_captures()
    # The sum keeps SQLite from beginning with the outlet's resources, and so with all that was ever captured of it: few
    # captures wait, if any.
    .where(capture.c.outcome == "pending", resource.c.outlet + 0 == bindparam("of_outlet"))
    .where(capture.c.id > bindparam("after"))
    .order_by(capture.c.id)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    committed_len: int
    writer: str
    state: str = "open"


def _recover_file(archive: Archive, path: str, now: datetime) -> Recovered:
    """Bring one file in order that is open by the database or by its name, if nobody holds it."""
    place = archive.warc_folder / (path + OPEN)
    if is_replaced(archive, path):
        remove_replaced(archive, path, now)
        return Recovered()
    with _locked(place) as file:
        row = _row_of(archive, path)  # read while nobody else may write to it
        if file is not None:
            remove_unfinished(archive, path)
            return _Mender(archive, path, row, file).mend()
        if row is None or row.state != "open" or place.exists():
            return Recovered()
    place = archive.warc_folder / path
    with _locked(place) as file:
        if file is not None:
            return _finish_closing(archive, place, row, file)
    if place.exists() or not is_local(row.writer):
        return Recovered()  # held, or another machine's file: it is not for us to judge
    raise ArchiveDamaged(f"is missing, though {row.committed_len} bytes were committed", str(place))


@contextmanager
def _locked(place: Path) -> Iterator[BinaryIO | None]:
    """Open a WARC file and take its lock; None when it is gone or somebody writes to it."""
    descriptor = hold(place)
    if descriptor is None:
        yield None
        return
    with os.fdopen(descriptor, "r+b") as file:
        yield file


class _Mender:
    """Brings one WARC file and its row together."""

    def __init__(self, archive: Archive, path: str, row: _Row | None, file: BinaryIO) -> None:
        self._archive, self._path, self._row, self._file = archive, path, row, file
        self._place = archive.warc_folder / (path + OPEN)
        self._adopted = 0

    def mend(self) -> Recovered:
        size = os.fstat(self._file.fileno()).st_size
        committed = self._row.committed_len if self._row else 0
        _check_length(self._place, size, self._row)
        good = self._adopt(committed)
        torn = 0
        if good < size:
            piece = put_aside(self._file, self._archive.warc_folder, self._path, good)
            said = "%d bytes at the end of %s had broken off; they are kept in warc/%s"
            log.warning(said, size - good, self._path, piece)
            torn = 1
        if self._row is None:
            self._place.unlink()  # nothing whole but, at most, the warcinfo record that every file begins with
            sync_folder(self._place.parent)
            return Recovered(torn=torn)
        if not self._adopted and _rests(self._archive, self._row):
            return Recovered(torn=torn)
        digest = _sha256(self._file)
        self._place.rename(self._archive.warc_folder / self._path)
        sync_folder(self._place.parent)
        _set_closed(self._archive, self._row.id, digest)
        return Recovered(adopted=self._adopted, torn=torn, closed=1)

    def _adopt(self, committed: int) -> int:
        """Adopt what stands whole behind the committed length; gives the length up to which the file is good.

        The batch that was being written is at most 64 exchanges long, but another count does no harm.
        """
        good = committed
        portion: list[WholeExchange] = []
        for found in walk(self._file, committed):
            if isinstance(found, WholeExchange):
                portion.append(found)
                good = found.end
            if len(portion) == _BATCH:
                self._keep(portion, good)
                portion = []
        if portion or (self._row is not None and good > committed):
            self._keep(portion, good)
        return good

    def _keep(self, portion: Sequence[WholeExchange], good: int) -> None:
        """T1 for adopted exchanges, in one transaction."""
        os.fsync(self._file.fileno())  # a record may be whole in memory and not on the disk yet, and so may a name
        sync_folder(self._place.parent)
        writer = self._row.writer if self._row else _writer_of(portion)
        with self._archive.begin() as connection:
            facts = FileFacts(self._row.id if self._row else None, self._path, writer, good)
            file = replace(facts, id=account(connection, facts))
            for run, fetches in self._by_run(connection, portion, self._row.committed_len if self._row else 0):
                keep_batch(connection, run, file, fetches)
                self._adopted += len(fetches)
        assert file.id is not None
        self._row = _Row(file.id, good, writer)

    def _by_run(
        self, connection: Connection, portion: Sequence[WholeExchange], start: int
    ) -> list[tuple[Run, list[tuple[Fetch, Appended]]]]:
        """The exchanges by their run; `start` is where the span of the first begins."""
        runs: dict[Run, list[tuple[Fetch, Appended]]] = {}
        for whole in portion:
            try:
                exchange = to_exchange(whole, self._file)
                fetch = fetch_from(whole.facts, exchange)
                run = _run_of(connection, whole, fetch)
                refers_to = _referred(connection, whole)
            except (KeyError, TypeError, ValueError, StorageError) as error:
                # Not ours to guess: the bytes stay in the file, which a check or an import can read.
                log.error(
                    "an exchange in %s at byte %d cannot be adopted: %s", self._path, whole.response.offset, error
                )
                continue
            response = whole.response
            payload = payload_sha256(whole, exchange)
            length = response.end - response.offset
            end = whole.end
            span = start, end - start, _sha256(self._file, start, end)
            appended = Appended(response.offset, length, response.member_sha256, payload, *span, refers_to=refers_to)
            start = end
            runs.setdefault(run, []).append((fetch, appended))
        return list(runs.items())


def _writer_of(portion: Sequence[WholeExchange]) -> str:
    return str(portion[0].facts.get("owner", "")) if portion else ""


def _run_of(connection: Connection, whole: WholeExchange, fetch: Fetch) -> Run:
    """Which run an exchange belongs to; its crawl and resource must stand in this database."""
    run = Run(int(whole.facts["crawl"]), int(whole.facts["outlet"]), str(whole.facts["owner"]), "recover")
    known_crawl = connection.execute(select(crawl.c.id).where(crawl.c.id == run.crawl)).first()
    known_resource = connection.execute(
        select(resource.c.id).where(resource.c.id == fetch.resource, resource.c.outlet == run.outlet)
    ).first()
    if known_crawl is None or known_resource is None:
        raise StorageError("its crawl or resource is not in this database", fetch.url)
    return run


def _referred(connection: Connection, whole: WholeExchange) -> int | None:
    """The capture that a revisit refers to, which must stand in this database."""
    if "refers_to" not in whole.facts:
        return None
    number = int(whole.facts["refers_to"])
    if connection.execute(select(capture.c.id).where(capture.c.id == number)).first() is None:
        raise StorageError("what it refers to is not in this database", str(number))
    return number


def _open_files(archive: Archive) -> Iterator[str]:
    """All files that are open by the database or by their name, those with a row first."""
    with archive.read() as connection:
        paths = set(connection.execute(_OPEN_PATHS).scalars())
    yield from sorted(paths)
    names = sorted(archive.warc_folder.glob("*" + OPEN)) if archive.warc_folder.is_dir() else []
    yield from (name for place in names if (name := place.name.removesuffix(OPEN)) not in paths)


def _row_of(archive: Archive, path: str) -> _Row | None:
    with archive.read() as connection:
        row = connection.execute(_FILE_AT, {"of_path": path}).first()
    return _Row(*row) if row else None


def _rests(archive: Archive, row: _Row) -> bool:
    with archive.read() as connection:
        return rests(connection, row.id)


def _finish_closing(archive: Archive, place: Path, row: _Row, file: BinaryIO) -> Recovered:
    """Finish the closing of a file whose writer was killed between its new name and its row's. A file that rests is
    closed by the run that begins next, under its manifest."""
    _check_length(place, os.fstat(file.fileno()).st_size, row)
    sync_folder(place.parent)
    if _rests(archive, row):
        return Recovered()
    return Recovered(closed=int(_set_closed(archive, row.id, _sha256(file))))


def _check_length(place: Path, size: int, row: _Row | None) -> None:
    if row is not None and size < row.committed_len:
        raise ArchiveDamaged(f"holds {size} bytes, though {row.committed_len} were committed", str(place))


def _set_closed(archive: Archive, file_id: int, digest: str) -> bool:
    """Close a file's row. It belongs to the run that wrote the file, unless that run's manifest is drawn already."""
    of_file = select(capture.c.crawl).where(capture.c.warc_file == file_id)
    run = select(func.max(crawl.c.id)).where(crawl.c.id.in_(of_file), crawl.c.ended_at.is_(None)).scalar_subquery()
    with archive.begin() as connection:
        return set_closed(connection, file_id, digest, run)


def _wait_for_others(connection: Connection) -> None:
    """Let no other process recover at the same time, nor write to the outlets that something is leased of."""
    connection.execute(_ONLY_ONE)
    for outlet in sorted(connection.execute(_LEASED_OF).scalars()):
        write_alone(connection, outlet)


def _release(connection: Connection, now: datetime) -> int:
    """Release leases that expired and leases and locks of the dead."""
    owners = connection.execute(_LESSEES).scalars()
    dead = [each for each in owners if each is not None and is_dead(each)]
    result = connection.execute(_FREE_LEASED, {"values": dead, "now": now})
    for holder in connection.execute(_HOST_HOLDERS).scalars().all():
        if is_dead(holder):
            free_hosts(connection, holder)
    for outlet, holder in connection.execute(_LOCKS).all():
        if is_dead(holder) and not living(members(connection, outlet, holder)):
            connection.execute(outlet_lock.delete().where(outlet_lock.c.owner == holder))
    return result.rowcount


# Statements are built once: each crawl begins with them, of which `run` makes hundreds a day.

_OPEN_PATHS = select(warc_file.c.path).where(warc_file.c.state == "open", warc_file.c.store == "warc")
_FILE_AT = select(*(warc_file.c[name] for name in ("id", "committed_len", "writer", "state"))).where(
    warc_file.c.path == bindparam("of_path"), warc_file.c.store == "warc"
)
_ONLY_ONE = select(archive_table.c.uuid).with_for_update()
_LEASED_OF = select(resource.c.outlet).where(resource.c.lease_owner.is_not(None)).distinct()
_LESSEES = select(resource.c.lease_owner).where(resource.c.lease_owner.is_not(None)).distinct()
_FREE_LEASED = (
    update(resource)
    .where(resource.c.lease_owner.is_not(None))
    .where(
        or_(
            among(resource.c.lease_owner),
            resource.c.lease_until <= bindparam("now", type_=resource.c.lease_until.type),
        )
    )
    .values(lease_owner=None, lease_until=None)
)
_HOST_HOLDERS = select(host_lease.c.owner).distinct()
_LOCKS = select(outlet_lock.c.outlet, outlet_lock.c.owner)


def _sha256(file: BinaryIO, start: int = 0, end: int | None = None) -> str:
    file.seek(start)
    digest = hashlib.sha256()
    left = os.fstat(file.fileno()).st_size - start if end is None else end - start
    while left and (piece := file.read(min(left, 1 << 20))):
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()
