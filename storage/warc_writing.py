"""Write WARC files: append exchanges, put them on the disk for good, and close the file."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from storage.errors import StorageError, StorageFull
from storage.exchange import Exchange
from storage.warc_exchanges import Original, frame_exchange, one_line
from storage.warc_records import frame, new_record_id, target_uri

OPEN = ".open"
"""What a file's name ends with while a writer may append to it."""
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


class WarcWriter:
    """One open WARC file: `presskeep-PREFIX-TIME-SERIAL-RANDOM.warc.gz`, with `.open` behind it until it is closed.

    The file is locked (flock) as long as it is open, so that recovery leaves it alone. Each record is one gzip
    member; the first is a warcinfo record with the fields given. Every exchange is its response (or revisit) record,
    its request record, and a metadata record with what was noted of it, which is all that recovery needs: an exchange
    is whole when the three are. All methods raise StorageFull when no space is left and StorageError when the file
    cannot be written.
    """

    def __init__(self, folder: Path, warcinfo: Mapping[str, str], *, prefix: str = "archive", serial: int = 0) -> None:
        self.length = 0
        self._folder = folder
        self._day = datetime.now(UTC).date()
        self._digest = hashlib.sha256()
        self._span_offset = 0
        self._span = hashlib.sha256()
        self._chains: dict[tuple[bytes, ...], dict[str, Any]] = {}
        self._resolved: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}
        self._folder_synced = False
        with _telling(folder):
            make_folder(folder)
            self.path, self._file = _create(folder, prefix, serial)
        fields = {"Content-Type": "application/warc-fields", "WARC-Filename": self.path}
        block = "".join(f"{name}: {one_line(value)}\r\n" for name, value in warcinfo.items())
        try:
            self._write(frame("warcinfo", new_record_id(), datetime.now(UTC), fields, block.encode()))
        except StorageError:
            self.abandon()
            raise

    def append(
        self, exchange: Exchange, facts: Mapping[str, Any] | None = None, original: Original | None = None
    ) -> Appended:
        """Append an exchange; it is safe after `sync()`. `facts` (JSON values) are kept with it for recovery.

        With `original` it becomes a revisit of that response: its payload must be the same, or its status 304.
        """
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

    def is_of_another_day(self) -> bool:
        """Whether a day (UTC) has passed since the file was begun, so that it is time for a new one."""
        return datetime.now(UTC).date() != self._day

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

    def close(self) -> str:
        """Give the file its final name and free its lock. Returns the SHA-256 (hex) of the whole file."""
        self.sync()
        with _telling(self._folder / self.path):
            (self._folder / (self.path + OPEN)).rename(self._folder / self.path)
            sync_folder(self._folder)
        self.abandon()
        return self._digest.hexdigest()

    def abandon(self) -> None:
        """Free the lock and leave the file as it is, for recovery."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _end_span(self) -> tuple[int, int, str]:
        """Where the span that ends here begins, its length and digest; the next one begins here."""
        span = self._span_offset, self.length - self._span_offset, self._span.hexdigest()
        self._span_offset, self._span = self.length, hashlib.sha256()
        return span

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        with _telling(self._folder / self.path):
            while view:
                written = os.write(self._file, view)
                view = view[written:]
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


def _create(folder: Path, prefix: str, serial: int) -> tuple[str, int]:
    while True:
        moment = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
        name = f"presskeep-{prefix}-{moment}-{serial:05}-{os.urandom(4).hex()}.warc.gz"
        place = folder / (name + OPEN)
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
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
