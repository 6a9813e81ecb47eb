"""What one capture leaves in the evidence: its records, its payload, its certificates, and facts of the connection."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import ArchiveDamaged
from storage.evidence.gathering import CaptureFacts
from storage.exchange import Exchange
from storage.exporting.records import Copied, RecordReader
from storage.exporting.selection import Placed
from storage.rights import rights_from, rights_json
from storage.warc_reading import open_warc, read_exchange
from storage.warc_records import FACTS_FIELD

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_CODED = {"gzip": "payload.gz", "x-gzip": "payload.gz", "br": "payload.br", "zstd": "payload.zst"}
_PIECE = 1 << 20
_GROWN_LIMIT = 1 << 30


@dataclass(frozen=True, slots=True)
class CapturedFile:
    """A file of a capture. Its name tells whether the capture's row states its SHA-256 (`checks`)."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Connected:
    """Whom the capture was asked of, as its records say: address and port, TLS version and cipher, '' where none."""

    address: str
    port: str
    protocol: str
    cipher: str
    date: str


def read_captured(archive_folder: Path, facts: CaptureFacts) -> tuple[list[CapturedFile], Connected]:
    """The files of a capture, bytes as they stand in the WARC file. Raises ArchiveDamaged where they are not what the
    row says."""
    placed = Placed(
        facts.id, facts.warc, facts.offset, facts.length, facts.member_sha256, facts.span_offset, facts.span_length
    )
    with RecordReader(archive_folder / "warc") as reader:
        records = reader.read(placed)
    files = list(_records(archive_folder, facts, records))
    files += payload_files(read_exchange(archive_folder, facts.warc, facts.offset, facts.length), facts)
    chain = _chain(records)
    named = tuple((facts.tls or {}).get("chain_sha256", ()))
    for number, der in enumerate(chain, 1):
        covered = hashlib.sha256(der).hexdigest() in named
        files.append(CapturedFile(f"{'' if covered else 'uncovered-'}certificate-{number}.der", der))
    connected = _connected(records, facts)
    files.append(facts_file(facts, connected))
    return files, connected


def payload_files(exchange: Exchange, facts: CaptureFacts) -> Iterator[CapturedFile]:
    """The body as it was served, without transfer coding; nothing where the capture refers to another's, or has none.
    Raises ArchiveDamaged where it is not the one that was kept."""
    payload = exchange.payload
    if hashlib.sha256(payload).hexdigest() != facts.payload_sha256:
        if facts.refers_to is None:
            raise ArchiveDamaged("the payload is not the one that was kept", f"{facts.warc}, capture {facts.id}")
    elif payload:
        coding = (exchange.header("content-encoding") or "").strip().lower()
        name = _CODED.get(coding, "payload.bin")
        whole = name != "payload.gz" or _unpacks(payload)
        yield CapturedFile(name if whole else "payload.bin", payload)


def facts_file(facts: CaptureFacts, connected: Connected, imported: Mapping[str, Any] | None = None) -> CapturedFile:
    """What the archive knows of the capture; `imported` says where its records stood."""
    told = _facts(facts, connected) | ({"imported": imported} if imported else {})
    text = json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    return CapturedFile("facts.json", text.encode("utf-8", "backslashreplace"))


def _records(archive_folder: Path, facts: CaptureFacts, records: list[Copied]) -> Iterator[CapturedFile]:
    """The stretch of the WARC file that was written for the capture; where no span is known, record by record."""
    if facts.span_sha256 is not None and facts.span_offset is not None and facts.span_length is not None:
        span = _stretch(archive_folder, facts.warc, facts.span_offset, facts.span_length)
        _demand(span, facts.span_sha256, facts)
        yield CapturedFile("records.warc.gz", span)
        outside = [each.member for each in records if each.member not in span]
        if outside:  # what captures of one connection share: certificates, and to what the name resolved
            yield CapturedFile("shared.warc.gz", b"".join(outside))
        return
    member = _stretch(archive_folder, facts.warc, facts.offset, facts.length)
    _demand(member, facts.member_sha256, facts)
    yield CapturedFile("record.warc.gz", member)
    others = [each.member for each in records if each.member != member]
    if others:
        yield CapturedFile("beside.warc.gz", b"".join(others))


def _stretch(archive_folder: Path, path: str, offset: int, length: int) -> bytes:
    with open_warc(archive_folder / "warc", path) as file:
        file.seek(offset)
        return file.read(length)


def _demand(content: bytes, sha256: str, facts: CaptureFacts) -> None:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArchiveDamaged("the bytes are not those that were kept", f"{facts.warc}, capture {facts.id}")


def _unpacks(payload: bytes) -> bool:
    """Whether zcat(1) unpacks it: its end may not have come, and it may grow to more than can be waited for."""
    rest, size = payload, 0
    while rest:
        member = zlib.decompressobj(31)
        while not member.eof:
            try:
                out = member.decompress(rest, _PIECE)
            except zlib.error:
                return False
            rest, size = member.unconsumed_tail, size + len(out)
            if size > _GROWN_LIMIT or not (out or rest or member.eof):
                return False
        rest = member.unused_data
    return True


def _chain(records: list[Copied]) -> list[bytes]:
    for each in records:
        if each.fields.get("content-type") == "application/pem-certificate-chain":
            return list(map(ssl.PEM_cert_to_DER_cert, _PEM.findall(each.block.decode("ascii", "replace"))))
    return []


def _connected(records: list[Copied], facts: CaptureFacts) -> Connected:
    response: dict[str, str] = {}
    port = ""
    for each in records:
        kind = each.fields.get("warc-type")
        if kind in ("request", "metadata"):
            port = port or _port(each)
        elif kind in ("response", "revisit"):
            response = dict(each.fields)
    tls = facts.tls or {}
    return Connected(
        address=response.get("warc-ip-address", ""),
        port=port,
        protocol=str(tls.get("version") or response.get("warc-protocol", "")),
        cipher=str(tls.get("cipher") or response.get("warc-cipher-suite", "")),
        date=response.get("warc-date", ""),
    )


def _port(record: Copied) -> str:
    """The server's port, from the notes of the fetch; early versions noted it in a field of the request."""
    if record.fields.get("content-type") == "application/warc-fields":
        lines = (line.partition(":") for line in record.block.decode("utf-8", "replace").splitlines())
        return next((value.strip() for name, _, value in lines if name == "serverPort"), "")
    try:
        found = json.loads(record.fields.get(FACTS_FIELD.lower(), "{}"))
    except ValueError:
        return ""
    return str(found.get("port", "")) if isinstance(found, dict) else ""


def _facts(facts: CaptureFacts, connected: Connected) -> dict[str, Any]:
    rights = rights_from(facts.rights)
    return {
        "capture": facts.id,
        "run": facts.crawl,
        "url": facts.url,
        "at": facts.at.isoformat(),
        "warc_date": connected.date,
        "status": facts.status,
        "outcome": facts.outcome,
        "rights": None if rights is None else rights_json(rights),
        "source": facts.source,
        "origin": facts.origin,
        "truncated": facts.truncated,
        "ip_address": connected.address or None,
        "port": int(connected.port) if connected.port.isdecimal() else None,
        "tls_version": connected.protocol or None,
        "tls_cipher": connected.cipher or None,
        "certificates_sha256": list((facts.tls or {}).get("chain_sha256", ())),
        "payload_sha256": facts.payload_sha256,
        "member_sha256": facts.member_sha256,
        "span_sha256": facts.span_sha256,
        "refers_to": facts.refers_to,
        "warc_file": facts.warc,
        "offset": facts.offset,
        "length": facts.length,
    }
