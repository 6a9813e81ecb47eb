"""Time stamps of manifests (RFC 3161): what to ask an authority, whether its answer holds, and which are missing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select, update

from storage.errors import ArchiveUnusable, StorageError
from storage.models import crawl
from storage.set_order import with_sorted_certificates

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

MAX_STAMP = 65_536
"""Bytes of an authority's answer; one with three certificates has about 6,000."""


class StampWrong(StorageError):
    """An authority's answer is no time stamp of what it was asked for, or not one that is trusted. Ask again, or ask
    another authority; the archive itself is as it was."""


@dataclass(frozen=True, slots=True)
class Unstamped:
    """A run that ended without the time stamp that it should have; `digest` (hex) is what the stamp is for."""

    crawl: int
    authority: str
    digest: str


@dataclass(frozen=True, slots=True)
class StampRequest:
    """A TimeStampReq in DER, and the nonce in it, which the answer must repeat."""

    der: bytes
    nonce: int


def unstamped(connection: Connection, limit: int) -> list[Unstamped]:
    """Runs that have ended and whose time stamp is missing, the newest first: a stamp fixes all runs before it too."""
    statement = (
        select(crawl.c.id, crawl.c.stamp_authority, crawl.c.manifest_digest)
        .where(
            crawl.c.stamp_authority.is_not(None),
            crawl.c.stamp.is_(None),
            crawl.c.manifest_digest.is_not(None),
        )
        .order_by(crawl.c.id.desc())
        .limit(limit)
    )
    return [Unstamped(*row) for row in connection.execute(statement)]


def keep_stamp(connection: Connection, crawl_id: int, digest: str, stamp: bytes) -> bool:
    """Keep the stamp of a run's manifest. False where another process has kept one since, or it is another manifest."""
    statement = (
        update(crawl)
        .where(crawl.c.id == crawl_id, crawl.c.manifest_digest == digest, crawl.c.stamp.is_(None))
        .values(stamp=stamp)
    )
    return connection.execute(statement).rowcount == 1


def stamp_request(digest: str) -> StampRequest:
    """What an authority is asked for a SHA-256 digest (hex): its stamp, with its certificates and a nonce.

    Raises ArchiveUnusable where the library is not installed.
    """
    client = _client()
    stand_in = digest.encode()
    request = client.TimestampRequestBuilder(stand_in, client.HashAlgorithm.SHA256).build()
    # The library hashes data alone, and a manifest may be larger than memory: its digest takes the other's place,
    # which in DER is as long.
    der: bytes = request.as_bytes()
    imprint = hashlib.sha256(stand_in).digest()
    if der.count(imprint) != 1 or request.nonce is None:
        raise StorageError("the library's request is not of the form known", "rfc3161-client", "Report this version.")
    return StampRequest(der.replace(imprint, bytes.fromhex(digest)), request.nonce)


def check_stamp(stamp: bytes, digest: str, *, nonce: int | None = None, trusted: Path | None = None) -> datetime:
    """Check a TimeStampResp in DER against the digest (hex) of a manifest, and give the time (UTC) that it states.

    It must be granted, for this digest by SHA-256, and repeat the nonce where one is given. With `trusted`, a file of
    PEM certificates, its signature must hold and lead to one of them. Raises StampWrong; ArchiveUnusable where the
    library is not installed or the file holds no certificates.
    """
    client = _client()
    if len(stamp) > MAX_STAMP:
        raise StampWrong(f"the answer is longer than {MAX_STAMP} bytes", "time stamp")
    try:
        answer = client.decode_timestamp_response(with_sorted_certificates(stamp))
        granted, said = answer.status in (0, 1), "; ".join(answer.status_string)
    except ValueError as error:
        raise StampWrong(f"the answer is no TimeStampResp ({error})", "time stamp") from None
    if not granted:
        reason = f", saying: {said}" if said else ""
        raise StampWrong(f"the authority refused it (status {answer.status}{reason})", "time stamp")
    try:
        info = answer.tst_info
        imprint, algorithm = info.message_imprint.message, info.message_imprint.hash_algorithm.dotted_string
        stated = info.nonce
        at: datetime = info.gen_time
    except ValueError as error:
        raise StampWrong(f"the answer holds no token that can be read ({error})", "time stamp") from None
    if algorithm != _SHA256 or imprint != bytes.fromhex(digest):
        raise StampWrong("the stamp is for something else", "time stamp")
    if nonce is not None and stated != nonce:
        raise StampWrong("the stamp is the answer to another request (its nonce differs)", "time stamp")
    if trusted is not None:
        _check_signature(stamp, digest, certificates_of(trusted))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def certificates_of(file: Path) -> list[Certificate]:
    """The certificates of a PEM file. Raises ArchiveUnusable where there are none."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(file.read_bytes())
    except OSError as error:
        raise ArchiveUnusable(f"cannot be read ({error.strerror})", str(file)) from error
    except ValueError:
        raise ArchiveUnusable("holds no PEM certificate", str(file), "Give the authority's certificates.") from None


_SHA256 = "2.16.840.1.101.3.4.2.1"
"""The object identifier of SHA-256 (RFC 5754, 2.2)."""


def _check_signature(stamp: bytes, digest: str, trusted: Sequence[Certificate]) -> None:
    client = _client()
    roots = [each for each in trusted if each.issuer == each.subject] or list(trusted)
    verifier = client.VerifierBuilder(
        roots=roots, intermediates=[each for each in trusted if each not in roots]
    ).build()
    try:
        verifier.verify(client.decode_timestamp_response(with_sorted_certificates(stamp)), bytes.fromhex(digest))
    except Exception as error:  # noqa: BLE001 - what a parser makes of a stranger's certificates has many names
        raise StampWrong(f"its signature does not hold by the certificates given ({error})", "time stamp") from None


def _client() -> Any:
    """The library, which is an extra."""
    try:
        import rfc3161_client
    except ImportError:
        raise ArchiveUnusable(
            "the library for time stamps is not installed", "time stamp", "Run: pip install 'presskeep[timestamps]'"
        ) from None
    return rfc3161_client
