"""Write WARC files: append exchanges, put them on the disk for good, and close the file."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from storage.errors import StorageError, StorageFull
from storage.exchange import Exchange, TlsFacts
from storage.warc_records import EXCHANGE_FIELD, frame, is_chunked, new_record_id, target_uri

OPEN = ".open"
"""What a file's name ends with while a writer may append to it."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Appended:
    """Where an exchange's response record stands (its request record follows at once), and its digests (hex).

    The span reaches from where the exchange before it ended (or from the file's beginning) to the end of this one's
    last record, so that spans cover every byte of a file: what stands between two exchanges (warcinfo, certificates)
    belongs to the later one's. Nothing is known of the span of what an earlier version kept.
    """

    offset: int
    length: int
    member_sha256: str
    payload_sha256: str
    span_offset: int | None = None
    span_length: int | None = None
    span_sha256: str | None = None


class WarcWriter:
    """One open WARC file: `presskeep-PREFIX-TIME-SERIAL-RANDOM.warc.gz`, with `.open` behind it until it is closed.

    The file is locked (flock) as long as it is open, so that recovery leaves it alone. Each record is one gzip
    member; the first is a warcinfo record with the fields given. Every exchange is its response record and, directly
    behind it, its request record, which ends with what recovery needs: an exchange is whole when both are. All
    methods raise StorageFull when no space is left and StorageError when the file cannot be written.
    """

    def __init__(self, folder: Path, warcinfo: Mapping[str, str], *, prefix: str = "archive", serial: int = 0) -> None:
        self.length = 0
        self._folder = folder
        self._digest = hashlib.sha256()
        self._span_offset = 0
        self._span = hashlib.sha256()
        self._chains: dict[tuple[bytes, ...], tuple[str, int]] = {}
        self._folder_synced = False
        with _telling(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self.path, self._file = _create(folder, prefix, serial)
        fields = {"Content-Type": "application/warc-fields", "WARC-Filename": self.path}
        block = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in warcinfo.items())
        try:
            self._write(frame("warcinfo", new_record_id(), datetime.now(UTC), fields, block.encode()))
        except StorageError:
            self.abandon()
            raise

    def append(self, exchange: Exchange, facts: Mapping[str, Any] | None = None) -> Appended:
        """Append an exchange; it is safe after `sync()`. `facts` (JSON values) are kept with it for recovery."""
        chain = self._certificates(exchange) if exchange.tls and exchange.tls.chain else None
        offset = self.length
        response_id, request_id = new_record_id(), new_record_id()
        payload_digest = hashlib.sha256(exchange.payload).hexdigest()
        common = {"WARC-Target-URI": target_uri(exchange.url), "WARC-IP-Address": _address(exchange.peer_address)}
        response = frame(
            "response",
            response_id,
            exchange.started_at,
            common
            | {
                "WARC-Concurrent-To": request_id,
                "WARC-Protocol": _protocol(exchange.tls),
                "WARC-Cipher-Suite": _one_line(exchange.tls.cipher) if exchange.tls else "",
                "WARC-Truncated": exchange.truncated or "",
                # WARC 1.1, 5.9 means the body without transfer coding, warcio's check means the bytes behind the
                # head: where the two differ, the optional field is left out (docs/decisions.md).
                "WARC-Payload-Digest": "" if is_chunked(exchange) else f"sha256:{payload_digest}",
                "Content-Type": "application/http;msgtype=response",
            },
            exchange.response,
        )
        request = frame(
            "request",
            request_id,
            exchange.started_at,
            common
            | {
                "WARC-Concurrent-To": response_id,
                "Content-Type": "application/http;msgtype=request",
                EXCHANGE_FIELD: json.dumps(_facts(exchange, chain) | dict(facts or {}), separators=(",", ":")),
            },
            exchange.request,
        )
        self._write(response + request)
        member_digest = hashlib.sha256(response).hexdigest()
        return Appended(offset, len(response), member_digest, payload_digest, *self._end_span())

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
        assert exchange.tls is not None
        chain = exchange.tls.chain
        if chain not in self._chains:
            record_id, offset = new_record_id(), self.length
            pem = "".join(map(ssl.DER_cert_to_PEM_cert, chain)).encode()
            fields = {
                "WARC-Target-URI": target_uri(exchange.url),
                "Content-Type": "application/pem-certificate-chain",
            }
            self._write(frame("metadata", record_id, exchange.started_at, fields, pem))
            self._chains[chain] = (record_id, offset)
        record_id, offset = self._chains[chain]
        return {"id": record_id, "at": offset}


def sync_folder(folder: Path) -> None:
    """Make names in a folder outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def _facts(exchange: Exchange, chain: dict[str, Any] | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "head": exchange.head_length,
        "elapsed": round(exchange.elapsed, 6),
        "port": exchange.peer_port,
    }
    if exchange.tls:
        facts["tls"] = [exchange.tls.version, exchange.tls.cipher]
    return facts | ({"chain": chain} if chain else {})


def _protocol(tls: TlsFacts | None) -> str:
    """The TLS version as the community's field WARC-Protocol writes it: 'tls/1.3'."""
    return _one_line(tls.version.lower().replace("tlsv", "tls/")) if tls else ""


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return ""  # a proxy that was reached by name or socket: the field is optional


def _one_line(text: str) -> str:
    return " ".join(text.split())


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
