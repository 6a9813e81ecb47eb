"""What one capture leaves in the evidence: its records, its payload, its certificates, and facts of the connection."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.errors import ArchiveDamaged
from storage.evidence.gathering import CaptureFacts
from storage.exchange import Exchange
from storage.exporting.records import Copied, Given, RecordReader
from storage.exporting.selection import Placed
from storage.rights import rights_from, rights_json
from storage.warc_reading import ANSWERS, open_warc, to_answer

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


@dataclass(frozen=True, slots=True)
class Captured:
    """What a capture leaves. `faults` names what of it is broken and not here, each as one line; `answered`: the answer
    is among the files."""

    files: list[CapturedFile]
    connected: Connected
    faults: list[str] = field(default_factory=list)
    answered: bool = True


def read_captured(archive_folder: Path, facts: CaptureFacts) -> Captured:
    """What a capture leaves, bytes as they stand in the WARC file. Raises ArchiveDamaged where nothing of it is as its
    row says."""
    placed = Placed(
        facts.id,
        facts.warc,
        facts.offset,
        facts.length,
        facts.member_sha256,
        facts.span_offset,
        facts.span_length,
        facts.span_sha256,
    )
    with RecordReader(archive_folder / "warc") as reader:
        given = reader.read(placed)
    faults = list(given.faults)
    records = [*given.own, *given.shared]
    if not records:
        raise ArchiveDamaged("; ".join(faults))
    files = list(_records(archive_folder, facts, given))
    try:
        files += _payload(given, facts)
    except ArchiveDamaged as error:
        faults.append(str(error))
    named = tuple((facts.tls or {}).get("chain_sha256", ()))
    for number, der in enumerate(_chain(records), 1):
        covered = hashlib.sha256(der).hexdigest() in named
        files.append(CapturedFile(f"{'' if covered else 'uncovered-'}certificate-{number}.der", der))
    connected = _connected(given, facts)
    files.append(facts_file(facts, connected))
    return Captured(files, connected, faults, given.answered)


def _payload(given: Given, facts: CaptureFacts) -> Iterator[CapturedFile]:
    answers = (each for each in given.own if each.fields.get("warc-type") in ANSWERS)
    for each in answers:
        yield from payload_files(to_answer(each.fields, each.block, given.notes), facts)


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


def _records(archive_folder: Path, facts: CaptureFacts, given: Given) -> Iterator[CapturedFile]:
    """The stretch of the WARC file that was written for the capture; record by record where no span is known, or one of
    them is broken."""
    shared = [each.member for each in given.shared]
    span = _span(archive_folder, facts) if given.whole else None
    if span is not None:
        yield CapturedFile("records.warc.gz", span)
    else:
        own = [each.member for each in given.own]
        answer = [each for each in own if hashlib.sha256(each).hexdigest() == facts.member_sha256]
        if answer:
            yield CapturedFile("record.warc.gz", answer[0])
        others = [each for each in own if each not in answer]
        if others:
            yield CapturedFile("beside.warc.gz", b"".join(others))
    if shared:  # what captures of one connection share: certificates, and to what the name resolved
        yield CapturedFile("shared.warc.gz", b"".join(shared))


def _span(archive_folder: Path, facts: CaptureFacts) -> bytes | None:
    """All bytes that were written for a capture, warcinfo records among them; None where nothing says which."""
    if facts.span_offset is None or facts.span_length is None or facts.span_sha256 is None:
        return None
    with open_warc(archive_folder / "warc", facts.warc) as file:
        file.seek(facts.span_offset)
        content = file.read(facts.span_length)
    if hashlib.sha256(content).hexdigest() != facts.span_sha256:
        raise ArchiveDamaged("the bytes are not those that were kept", f"{facts.warc}, capture {facts.id}")
    return content


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


def _connected(given: Given, facts: CaptureFacts) -> Connected:
    """By the answer's record, or by that of the request where the answer's is broken."""
    by_kind = {each.fields.get("warc-type", ""): each.fields for each in given.own}
    kinds = (*ANSWERS, "request")
    fields = next((by_kind[kind] for kind in kinds if kind in by_kind), {})
    tls = facts.tls or {}
    return Connected(
        address=fields.get("warc-ip-address", ""),
        port=str(given.notes.get("port", "")),
        protocol=str(tls.get("version") or fields.get("warc-protocol", "")),
        cipher=str(tls.get("cipher") or fields.get("warc-cipher-suite", "")),
        date=fields.get("warc-date", ""),
    )


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
        "origin": facts.shown_origin,
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
        "warc_file": facts.shown_file,
        "offset": facts.offset,
        "length": facts.length,
    }
