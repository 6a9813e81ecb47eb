"""Write WARC files: append exchanges, put them on the disk for good, and close the file."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from storage.errors import StorageError, StorageFull
from storage.exchange import Exchange
from storage.warc_exchanges import Original, frame_exchange, one_line
from storage.warc_records import frame, new_record_id, target_uri

OPEN = ".open"
"""What a file's name ends with while a writer may append to it."""
_NAME = re.compile(r"presskeep-.+-(\d{8})\d{6}-\d{5}-[0-9a-f]{8}\.warc\.gz", re.DOTALL)
_PIECE = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Appended:
    """Where an exchange's response record stands (its other records follow at once), and its digests (hex).

    The span reaches from where the exchange before it ended (or from the file's beginning) to the end of this one's
    last record, so that spans cover every byte of a file: what stands between two exchanges (warcinfo, certificates)
    belongs to the later one's. Nothing is known of the span of what an earlier version kept. `refers_to` is the
    capture whose payload this one's is.
    """

    offset: int
    length: int
    member_sha256: str
    payload_sha256: str
    span_offset: int | None = None
    span_length: int | None = None
    span_sha256: str | None = None
    refers_to: int | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A file that an earlier writer left open, held: its path without `.open`, the descriptor that has its lock, and
    the length up to which it is whole, where it ends and the last span does."""

    path: str
    descriptor: int
    length: int


def real_time() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(UTC)


class WarcWriter:
    """One open WARC file: `presskeep-PREFIX-TIME-SERIAL-RANDOM.warc.gz`, with `.open` behind it until it is closed.

    The file is locked (flock) as long as it is open, so that recovery leaves it alone. Each record is one gzip
    member; the first is a warcinfo record with the fields given. Every exchange is its response (or revisit) record,
    its request record, and a metadata record with what was noted of it, which is all that recovery needs: an exchange
    is whole when the three are. With `unfinished` it goes on with that file: what it appends begins with a warcinfo
    record of its own, which holds from there on (WARC 1.1, 6.2). `now` tells the time (UTC) by which days pass and
    files are named; records are dated by the real one. All methods raise StorageFull when no space is left and
    StorageError when the file cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        warcinfo: Mapping[str, str],
        *,
        prefix: str = "archive",
        serial: int = 0,
        unfinished: Unfinished | None = None,
        now: Callable[[], datetime] = real_time,
    ) -> None:
        self._folder, self._warcinfo, self._now = folder, dict(warcinfo), now
        self._span = hashlib.sha256()
        self._chains: dict[tuple[bytes, ...], dict[str, Any]] = {}
        self._resolved: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}
        self._introduced = False
        if unfinished is not None:
            self.path, self._file, self.length = unfinished.path, unfinished.descriptor, unfinished.length
            self._day = begun_on(self.path)
            self._digest = None
            self._folder_synced = True
        else:
            self.length = 0
            self._day = now().date()
            self._digest = hashlib.sha256()
            self._folder_synced = False
            with _telling(folder):
                make_folder(folder)
                self.path, self._file = _create(folder, prefix, serial, now())
        self._span_offset = self.length
        if unfinished is None:
            try:
                self._introduce()
            except StorageError:
                self.abandon()
                raise

    def append(
        self, exchange: Exchange, facts: Mapping[str, Any] | None = None, original: Original | None = None
    ) -> Appended:
        """Append an exchange; it is safe after `sync()`. `facts` (JSON values) are kept with it for recovery.

        With `original` it becomes a revisit of that response: its payload must be the same, or its status 304.
        """
        if not self._introduced:
            self._introduce()
        pointers = self._certificates(exchange) | self._addresses(exchange)
        framed = frame_exchange(exchange, facts or {}, pointers, original)
        offset = self.length
        self._write(framed.first + framed.rest)
        return Appended(
            offset,
            len(framed.first),
            hashlib.sha256(framed.first).hexdigest(),
            framed.payload_sha256,
            *self._end_span(),
            refers_to=original.capture if original else None,
        )

    @property
    def descriptor(self) -> int:
        """The open file, to be read; it has the lock."""
        return self._file

    def is_of_another_day(self) -> bool:
        """Whether a day (UTC) has passed since the file was begun, so that it is time for a new one."""
        return self._now().date() != self._day

    def sync(self) -> None:
        """Return when all that was appended, and the file's name, would outlive a loss of power."""
        with _telling(self._folder / self.path):
            os.fsync(self._file)
            if not self._folder_synced:
                sync_folder(self._folder)
                self._folder_synced = True

    def truncate(self, length: int) -> None:
        """Take back what was appended behind `length` bytes. The file can only be abandoned after that."""
        with _telling(self._folder / self.path):
            os.ftruncate(self._file, length)
            os.fsync(self._file)
        self.length = length

    def finish(self) -> str:
        """Give the file its final name; its lock is held until `abandon`. Returns the SHA-256 (hex) of the whole file,
        which is read for it where another writer began it."""
        self.sync()
        place = self._folder / self.path
        with _telling(place):
            digest = self._digest.hexdigest() if self._digest is not None else sha256_of(self._file, self.length)
            place.with_name(place.name + OPEN).rename(place)
            sync_folder(self._folder)
        return digest

    def close(self) -> str:
        """Give the file its final name and free its lock. Returns the SHA-256 (hex) of the whole file."""
        digest = self.finish()
        self.abandon()
        return digest

    def abandon(self) -> None:
        """Free the lock and leave the file as it is, for recovery or for a writer that goes on with it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _end_span(self) -> tuple[int, int, str]:
        """Where the span that ends here begins, its length and digest; the next one begins here."""
        span = self._span_offset, self.length - self._span_offset, self._span.hexdigest()
        self._span_offset, self._span = self.length, hashlib.sha256()
        return span

    def _introduce(self) -> None:
        """Say in a warcinfo record who writes what follows."""
        fields = {"Content-Type": "application/warc-fields", "WARC-Filename": self.path}
        block = "".join(f"{name}: {one_line(value)}\r\n" for name, value in self._warcinfo.items())
        self._write(frame("warcinfo", new_record_id(), datetime.now(UTC), fields, block.encode()))
        self._introduced = True

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        with _telling(self._folder / self.path):
            while view:
                written = os.write(self._file, view)
                view = view[written:]
        if self._digest is not None:
            self._digest.update(data)
        self._span.update(data)
        self.length += len(data)

    def _certificates(self, exchange: Exchange) -> dict[str, Any]:
        """Where the peer's certificates stand in this file: a metadata record, written once for each chain."""
        if exchange.tls is None or not exchange.tls.chain:
            return {}
        chain = exchange.tls.chain
        if chain not in self._chains:
            pem = "".join(map(ssl.DER_cert_to_PEM_cert, chain)).encode()
            # No WARC-Target-URI: replay would take the certificates for another capture of the page.
            fields = {"Content-Type": "application/pem-certificate-chain"}
            self._chains[chain] = self._write_aside("metadata", exchange, fields, pem)
        return {"chain": self._chains[chain]}

    def _addresses(self, exchange: Exchange) -> dict[str, Any]:
        """Where it stands in this file to what the host's name resolved: a record of text/dns for each answer."""
        host = urlsplit(exchange.url).hostname
        if not exchange.addresses or not host:
            return {}
        if (host, exchange.addresses) not in self._resolved:
            # A resolver of the system tells no time to live; RFC 2540, section 2 has the form of the lines.
            lines = [f"{exchange.started_at.astimezone(UTC):%Y%m%d%H%M%S}"]
            lines += [f"{host}.\t0\tIN\t{'AAAA' if ':' in each else 'A'}\t{each}" for each in exchange.addresses]
            fields = {"WARC-Target-URI": target_uri(f"dns:{host}"), "Content-Type": "text/dns"}
            block = "".join(line + "\r\n" for line in lines).encode()
            self._resolved[host, exchange.addresses] = self._write_aside("resource", exchange, fields, block)
        return {"dns": self._resolved[host, exchange.addresses]}

    def _write_aside(self, kind: str, exchange: Exchange, fields: Mapping[str, str], block: bytes) -> dict[str, Any]:
        """Write a record that several exchanges point to; gives its id and place."""
        record_id, offset = new_record_id(), self.length
        self._write(frame(kind, record_id, exchange.started_at, fields, block))
        return {"id": record_id, "at": offset}


def sync_folder(folder: Path) -> None:
    """Make names in a folder outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, so that they outlive a loss of power.

    The folder's own name is seen safe each time: whoever made it may have been killed before he did.
    """
    missing = [each for each in folder.parents if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in (folder, *missing):
        with suppress(PermissionError):  # a folder that may be passed and not read, such as others' homes
            sync_folder(each.parent)


def lock(descriptor: int) -> bool:
    """Take the lock of an open WARC file without waiting. False when another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def hold(place: Path) -> int | None:
    """Open a WARC file for appending and reading, and take its lock: its descriptor. None when there is no such file,
    or somebody else holds it. OSError when it cannot be opened."""
    try:
        descriptor = os.open(place, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        # The name may stand for another file by now: its writer may have closed it in between.
        held = lock(descriptor) and os.path.samestat(os.fstat(descriptor), place.stat())
    except FileNotFoundError:
        held = False
    if not held:
        os.close(descriptor)
        return None
    return descriptor


def begun_on(path: str) -> date | None:
    """The day (UTC) on which a writer began a file, by its name; None for a name of another kind."""
    named = _NAME.fullmatch(path)
    try:
        return datetime.strptime(named[1], "%Y%m%d").replace(tzinfo=UTC).date() if named else None
    except ValueError:
        return None


def sha256_of(descriptor: int, length: int) -> str:
    """The SHA-256 (hex) of the first bytes of an open file, wherever it was read to."""
    digest, at = hashlib.sha256(), 0
    while at < length and (piece := os.pread(descriptor, min(_PIECE, length - at), at)):
        digest.update(piece)
        at += len(piece)
    return digest.hexdigest()


def _create(folder: Path, prefix: str, serial: int, now: datetime) -> tuple[str, int]:
    while True:
        name = f"presskeep-{prefix}-{now:%Y%m%d%H%M%S}-{serial:05}-{os.urandom(4).hex()}.warc.gz"
        place = folder / (name + OPEN)
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        # Between these two lines a recovery may take the new, empty file for one that a dead writer left, and
        # remove it: then another is made.
        if lock(descriptor) and place.exists():
            return name, descriptor
        os.close(descriptor)


@contextmanager
def _telling(place: Path) -> Iterator[None]:
    """Turns an OSError into our own, which names the file."""
    try:
        yield
    except OSError as error:
        raise explained(error, str(place)) from error


def explained(error: OSError, which: str) -> StorageError:
    """Our error for what the file system refused."""
    if error.errno in _FULL:
        return StorageFull("no space is left", which, "Free space and run the same command again; all kept is safe.")
    return StorageError(f"cannot be written ({error.strerror})", which, "Check the disk and the folder's owner.")
