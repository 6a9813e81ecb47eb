"""The writer: one thread that appends to the WARC file and writes to the database, in batches."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from storage.archive import Archive
from storage.closing import close_reduced
from storage.engines import FAILED, explain, explain_loss
from storage.errors import StorageError
from storage.keeping import FileFacts, Run, facts_of, keep_batch
from storage.knowing import Knower
from storage.models import outlet as outlet_table
from storage.records import Failure, Fetch, Kept, Known, Reading
from storage.resting import go_on_with, set_closed
from storage.revisits import find_originals, part
from storage.serial import write_alone
from storage.warc_writing import Appended, WarcWriter, real_time

log = logging.getLogger(__name__)
_T = TypeVar("_T")
_Job = Callable[[Connection], Any]

BATCH = 64
"""The most that one batch holds, and so the most that a kill sends out again besides what was in flight."""
LINGER = 0.2
"""Seconds a batch waits at most to be filled, where its writer is not told otherwise."""
SILENCE = 0.04
"""Seconds without anything new after which a batch does not wait for more. A lone page is kept 40 ms after it came."""
_MOST_AT_ONCE = 32
"""The most batches that go without waiting, one after the other, where to wait brought nothing."""


@dataclass(slots=True)
class _Item:
    work: Fetch | Failure | Reading | _Job
    future: Future[Any]
    size: int = 0


class Writer:
    """Keeps what a crawl fetches and learns, from any thread; every future resolves after its commit.

    The methods put work into a queue that is bounded by number and by bytes of bodies: while it is full they block
    (`congested` tells beforehand). When the disk or the database fails, every waiting future gets StorageFull,
    DatabaseLost or StorageError, the writer stops, and so does whatever is given to it later; all that was committed
    is kept. `written` counts the bytes of the records that it has appended.

    It goes on with the WARC file that an earlier run of the outlet left open today, if there is one. With `keep_open`
    it leaves its own so at its end; otherwise it is closed, as is every file of `roll_bytes` or of another day,
    by the time (UTC) that `now` tells. A batch waits up to `linger` seconds to be filled. Where that brings nothing,
    since each page waits to be led to by the one before, the next batches do not wait: ever more, until it brings
    something again.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        crawl: int,
        outlet: int,
        owner: str,
        warcinfo: Mapping[str, str],
        max_items: int = 512,
        max_bytes: int = 64_000_000,
        roll_bytes: int = 1_000_000_000,
        keep_open: bool = False,
        linger: float = LINGER,
        now: Callable[[], datetime] = real_time,
    ) -> None:
        self._archive = archive
        self._run_facts = Run(crawl, outlet, owner)
        self._warcinfo = dict(warcinfo)
        self._max_items, self._max_bytes, self._roll_bytes = max_items, max_bytes, roll_bytes
        self._keep_open = keep_open
        self._linger, self._now = linger, now
        self._at_once = self._to_go_at_once = 0
        self._items: deque[_Item] = deque()
        self._bytes = 0
        self._jobs = 0
        lock = threading.Lock()
        self._arrived = threading.Condition(lock)
        self._room = threading.Condition(lock)
        self._closing = False
        self._error: StorageError | None = None
        self._error_shown = False
        self._thread = threading.Thread(target=self._work, name="storage-writer", daemon=True)
        self._file: WarcWriter | None = None
        self._file_id: int | None = None
        self._serial = 0
        self._prefix = "archive"
        self._knower = Knower(crawl=crawl, outlet=outlet)
        self.written = 0

    def start(self) -> None:
        """Begin to work. Raises StorageError when the database cannot be used."""
        try:
            self._connection = self._archive.engine.connect().execution_options(presskeep_begin="BEGIN IMMEDIATE")
            with self._connection.begin():
                name = select(outlet_table.c.name).where(outlet_table.c.id == self._run_facts.outlet)
                self._prefix = self._connection.execute(name).scalar_one()
            self._go_on()
        except DBAPIError as error:
            raise self._explained(error) from error
        self._thread.start()

    def keep(self, fetch: Fetch) -> Future[Kept]:
        """Keep a finished exchange (T1)."""
        exchange = fetch.exchange
        return self._submit(fetch, len(exchange.response) + len(exchange.payload) + len(exchange.request))

    def fail(self, failure: Failure) -> Future[None]:
        """Write down a fetch that gave no exchange (T1)."""
        return self._submit(failure)

    def know(self, reading: Reading) -> Future[Known]:
        """Write down what was read in a capture (T2)."""
        return self._submit(reading, len(reading.content.body) if reading.content else 0)

    def run(self, job: Callable[[Connection], _T]) -> Future[_T]:
        """Run a job in a transaction of its own on the writer's connection, between batches.

        What was given to the writer before it is committed first. An exception of the job rolls it back and stands
        in its future; the writer goes on.
        """
        return self._submit(job)

    @property
    def congested(self) -> bool:
        """Whether giving more would soon block: time to let no new request begin."""
        return len(self._items) * 2 > self._max_items or self._bytes * 2 > self._max_bytes

    @property
    def error(self) -> StorageError | None:
        """Why the writer stopped, None while it works."""
        return self._error

    def close(self) -> None:
        """Write down all that waits, close the WARC file or leave it to the next run, and stop. Closing twice is no
        error.

        Raises the StorageError that stopped the writer, unless a future has shown it already.
        """
        with self._arrived:
            closing_now = not self._closing
            self._closing = True
            self._arrived.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        if closing_now and self._error is not None and not self._error_shown:
            raise self._error

    def _submit(self, work: Fetch | Failure | Reading | _Job, size: int = 0) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # what is on its way to the disk cannot be called back
        item = _Item(work, future, size)
        with self._room:
            while not (self._error or self._closing) and self._full(size):
                if threading.current_thread() is self._thread:
                    break  # a job that gives more work must not wait for itself
                self._room.wait()
            if self._error or self._closing:
                self._error_shown = True
                future.set_exception(self._error or StorageError("the writer is closed"))
                return future
            self._items.append(item)
            self._bytes += size
            self._jobs += callable(work)
            if len(self._items) in (1, BATCH) or self._jobs:
                self._arrived.notify()  # waking the thread for each item would cost more than the item itself
        return future

    def _full(self, size: int) -> bool:
        if not self._items:
            return False
        return len(self._items) >= self._max_items or self._bytes + size > self._max_bytes

    def _work(self) -> None:
        try:
            while batch := self._take():
                self._write(batch)
            if self._error is None and not (self._keep_open and self._may_grow()):
                self._close_file()
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            self._stop(error, [])
        finally:
            if self._file:
                self._file.abandon()
            self._connection.close()

    def _take(self) -> list[_Item]:
        """The next batch; empty when all is done. A job is somebody waiting, so nothing lingers for it."""
        with self._arrived:
            while not self._items and not self._closing and not self._error:
                self._arrived.wait()
            if self._error:
                return []
            if self._to_go_at_once and len(self._items) < BATCH:
                self._to_go_at_once -= 1
            else:
                self._wait_for_more()
            batch = [self._items.popleft() for _ in range(min(BATCH, len(self._items)))]
            self._bytes -= sum(item.size for item in batch)
            self._jobs -= sum(callable(item.work) for item in batch)
            self._room.notify_all()
        return batch

    def _wait_for_more(self) -> None:
        """Wait until the batch is full or nothing more comes, and note whether that was worth it."""
        found = len(self._items)
        deadline = monotonic() + self._linger
        while self._items and len(self._items) < BATCH and not self._closing and not self._jobs:
            waiting = len(self._items)
            self._arrived.wait(min(SILENCE, max(0.0, deadline - monotonic())))
            if len(self._items) == waiting or monotonic() >= deadline:
                in_vain = len(self._items) == found
                self._at_once = min(2 * self._at_once + 1, _MOST_AT_ONCE) if in_vain else 0
                break
        self._to_go_at_once = self._at_once

    def _write(self, batch: Sequence[_Item]) -> None:
        fetched = [item for item in batch if isinstance(item.work, Fetch)]
        failed = [item for item in batch if isinstance(item.work, Failure)]
        read = [item for item in batch if isinstance(item.work, Reading)]
        jobs = [item for item in batch if callable(item.work)]
        try:
            first, later = _parted(fetched)
            if first or failed:
                self._keep(first, failed)
            if later:
                self._keep(later, [])
            if read:
                self._know(read)
            for item in jobs:
                self._run_job(item)
            if not self._may_grow():
                self._close_file()
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            self._stop(error, batch)

    def _keep(self, fetched: Sequence[_Item], failed: Sequence[_Item]) -> None:
        appended = self._append([item.work for item in fetched if isinstance(item.work, Fetch)])
        failures = [item.work for item in failed if isinstance(item.work, Failure)]
        file = None
        if appended and self._file:
            file = FileFacts(self._file_id, self._file.path, self._run_facts.owner, self._file.length)
        self.written += sum(each.span_length or 0 for _, each in appended)
        with self._connection.begin():
            file_id, kept = keep_batch(self._connection, self._run_facts, file, appended, failures)
        self._file_id = file_id or self._file_id
        for item, each in zip(fetched, kept, strict=True):
            item.future.set_result(each)
        for item in failed:
            item.future.set_result(None)

    def _append(self, fetches: Sequence[Fetch]) -> list[tuple[Fetch, Appended]]:
        """Append a batch's records and see them safe on the disk. On failure the file ends where it ended before."""
        if not fetches:
            return []
        if self._file is None:
            self._file = WarcWriter(
                self._archive.warc_folder, self._warcinfo, prefix=self._prefix, serial=self._serial, now=self._now
            )
            self._serial += 1
        with self._archive.read() as connection:  # reading waits for nobody who writes
            originals = find_originals(connection, self._archive.warc_folder, fetches)
        start = self._file.length
        try:
            appended = [
                (each, self._file.append(each.exchange, facts_of(each, self._run_facts), original))
                for each, original in zip(fetches, originals, strict=True)
            ]
            self._file.sync()
        except StorageError:
            self._take_back(start)
            raise
        return appended

    def _take_back(self, length: int) -> None:
        assert self._file is not None
        try:
            self._file.truncate(length)
        except StorageError as error:
            log.warning("records that were never accounted for stay behind until the next start: %s", error)

    def _know(self, items: Sequence[_Item]) -> None:
        readings = [item.work for item in items if isinstance(item.work, Reading)]
        try:
            with self._connection.begin():
                known = self._knower.know_batch(self._connection, readings)
        except Exception as error:
            self._knower.forget()
            if isinstance(error, FAILED):
                raise
            if len(items) == 1:
                items[0].future.set_exception(error)
                return
            log.warning("a batch of readings is written one by one: %s", error)
            for item in items:
                self._know([item])
            return
        for item, each in zip(items, known, strict=True):
            item.future.set_result(each)

    def _run_job(self, item: _Item) -> None:
        assert callable(item.work)
        try:
            with self._connection.begin():
                write_alone(self._connection, self._run_facts.outlet)
                result = item.work(self._connection)
        except Exception as error:
            if isinstance(error, FAILED):
                raise
            item.future.set_exception(error)
        else:
            item.future.set_result(result)

    def _go_on(self) -> None:
        """Go on with the outlet's file that rests, if there is one."""
        run = self._run_facts
        found = go_on_with(
            self._archive, outlet=run.outlet, crawl=run.crawl, roll_bytes=self._roll_bytes, now=self._now()
        )
        if found is not None:
            self._file_id, unfinished = found
            self._file = WarcWriter(self._archive.warc_folder, self._warcinfo, unfinished=unfinished, now=self._now)

    def _may_grow(self) -> bool:
        """Whether the file, if there is one, is to be gone on with."""
        return self._file is None or (self._file.length < self._roll_bytes and not self._file.is_of_another_day())

    def _close_file(self) -> None:
        if self._file is None or self._file_id is None:
            return
        crawl = self._run_facts.crawl
        if not close_reduced(self._archive, self._file_id, self._file.path, self._file.descriptor, crawl, self._now()):
            digest = self._file.finish()
            with self._connection.begin():
                set_closed(self._connection, self._file_id, digest, crawl)
        self._file.abandon()
        self._file, self._file_id = None, None

    def _stop(self, error: Exception, batch: Sequence[_Item]) -> None:
        ours = self._explained(error)
        # Whoever waits is told, and tells the user: here stands only what is behind it.
        log.info("the writer stops: %s", ours, exc_info=None if ours is error else error)
        with self._room:
            self._error = ours
            waiting = [*batch, *self._items]
            self._items.clear()
            self._bytes = self._jobs = 0
            self._room.notify_all()
        for item in waiting:
            if not item.future.done():
                self._error_shown = True
                item.future.set_exception(ours)

    def _explained(self, error: Exception) -> StorageError:
        if isinstance(error, StorageError):
            return error
        if isinstance(error, FAILED):
            return explain_loss(error, self._archive.engine)
        if isinstance(error, DBAPIError):
            told = explain(error, self._archive.engine)
            return StorageError(told.what, told.which, told.next)
        return StorageError(f"writing failed ({type(error).__name__}: {error})", str(self._archive.folder))


def _parted(fetched: Sequence[_Item]) -> tuple[list[_Item], list[_Item]]:
    """A batch's fetches in two parts: the second refer to what is kept of the first."""
    waits = part([item.work for item in fetched if isinstance(item.work, Fetch)])
    pairs = list(zip(fetched, waits, strict=True))
    return [item for item, wait in pairs if not wait], [item for item, wait in pairs if wait]
