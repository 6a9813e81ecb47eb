"""The WARC 1.1 records of one exchange: response or revisit, request, and what was noted of the fetch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from storage.exchange import Exchange, TlsFacts
from storage.warc_records import FACTS_FIELD, frame, is_chunked, new_record_id, target_uri

IDENTICAL = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
"""The profiles of revisit records: WARC 1.1, sections 6.7.2 and 6.7.3."""


@dataclass(frozen=True, slots=True)
class Original:
    """The response that a revisit refers to: its capture, and id, URL and date of its record as they stand there."""

    capture: int
    record_id: str
    url: str
    date: str


@dataclass(frozen=True, slots=True)
class Framed:
    """The records of an exchange as gzip members: the response's or revisit's own, and those that follow it."""

    first: bytes
    rest: bytes
    payload_sha256: str


def frame_exchange(
    exchange: Exchange, facts: Mapping[str, Any], pointers: Mapping[str, Any], original: Original | None
) -> Framed:
    """Frame an exchange. `facts` are kept for recovery, `pointers` say where its certificates and addresses stand."""
    response_id, request_id = new_record_id(), new_record_id()
    payload_digest = hashlib.sha256(exchange.payload).hexdigest()
    common = {"WARC-Target-URI": target_uri(exchange.url), "WARC-IP-Address": _address(exchange.peer_address)}
    first = _frame_response(exchange, response_id, request_id, common, payload_digest, original)
    request = frame(
        "request",
        request_id,
        exchange.started_at,
        common | {"WARC-Concurrent-To": response_id, "Content-Type": "application/http;msgtype=request"},
        exchange.request,
    )
    # No WARC-Target-URI: an index would take the notes for another capture of the page (the field may be left out).
    # The date is the exchange's: records of one capture event have the same (WARC 1.1, 5.4).
    notes = frame(
        "metadata",
        new_record_id(),
        exchange.started_at,
        {"WARC-Concurrent-To": response_id, "Content-Type": "application/warc-fields"},
        _notes(exchange, facts, pointers, original),
    )
    return Framed(first, request + notes, payload_digest)


def _frame_response(
    exchange: Exchange,
    response_id: str,
    request_id: str,
    common: Mapping[str, str],
    payload_digest: str,
    original: Original | None,
) -> bytes:
    block, truncated, digest = exchange.response, exchange.truncated or "", f"sha256:{payload_digest}"
    revisit: dict[str, str] = {}
    if original is not None:
        identical = exchange.status != 304
        revisit = {
            "WARC-Profile": IDENTICAL if identical else NOT_MODIFIED,
            "WARC-Refers-To": original.record_id,
            "WARC-Refers-To-Target-URI": original.url,
            "WARC-Refers-To-Date": original.date,
        }
        if identical:
            block, truncated = exchange.response[: exchange.head_length], "length"
        else:
            digest = ""
    elif is_chunked(exchange):
        # WARC 1.1, 5.9 means the body without transfer coding, warcio's check means the bytes behind the head: where
        # the two differ, the optional field is left out (docs/decisions.md).
        digest = ""
    fields = {
        "WARC-Concurrent-To": request_id,
        "WARC-Protocol": protocol(exchange.tls),
        "WARC-Cipher-Suite": one_line(exchange.tls.cipher) if exchange.tls else "",
        "WARC-Truncated": truncated,
        "WARC-Payload-Digest": digest,
        "Content-Type": "application/http;msgtype=response",
    }
    kind = "revisit" if original is not None else "response"
    return frame(kind, response_id, exchange.started_at, {**common, **revisit, **fields}, block)


def _notes(
    exchange: Exchange, facts: Mapping[str, Any], pointers: Mapping[str, Any], original: Original | None
) -> bytes:
    """A block of warc-fields: how long the fetch took, what the connection was, and one line of JSON for recovery."""
    known: dict[str, Any] = {
        "head": exchange.head_length,
        "elapsed": round(exchange.elapsed, 6),
        "port": exchange.peer_port,
        **pointers,
    }
    lines = {"fetchTimeMs": str(round(exchange.elapsed * 1000)), "serverPort": str(exchange.peer_port)}
    if exchange.tls:
        known["tls"] = [exchange.tls.version, exchange.tls.cipher]
        leaf = hashlib.sha256(exchange.tls.chain[0]).hexdigest() if exchange.tls.chain else ""
        lines |= {
            "tlsVersion": one_line(exchange.tls.version),
            "tlsCipher": one_line(exchange.tls.cipher),
            "certificateSha256": leaf,
        }
    if original is not None:
        known["refers_to"] = original.capture
    if target_uri(exchange.url) != exchange.url:
        known["url"] = exchange.url
    lines[FACTS_FIELD] = json.dumps(known | dict(facts), separators=(",", ":"))
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value).encode()


def protocol(tls: TlsFacts | None) -> str:
    """The TLS version as the community's field WARC-Protocol writes it: 'tls/1.3'."""
    return one_line(tls.version.lower().replace("tlsv", "tls/")) if tls else ""


def one_line(text: str) -> str:
    """A text that cannot end its line."""
    return " ".join(text.split())


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return ""  # a proxy that was reached by name or socket: the field is optional
