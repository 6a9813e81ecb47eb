"""One HTTP exchange as it went over the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Truncation = Literal["length", "time", "disconnect", "unspecified"]
"""Why a body is cut: the vocabulary of WARC 1.1, section 5.13 (WARC-Truncated)."""


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What the TLS handshake of a connection established.

    `chain` holds the peer's certificates in DER, leaf first.
    """

    version: str
    cipher: str
    chain: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its response, byte for byte, with the facts of their connection.

    `request` and `response` are whole messages as they crossed the wire, chunk framing included;
    interim (1xx) responses are left out. `head_length` counts the bytes of the response up to and
    including the empty line after its head. `payload` is the body without transfer coding, its
    content coding kept. `headers` keeps order, case and repetition. `started_at` is real time in
    UTC (never the mapped clock), `elapsed` seconds. `truncated` says why the body is incomplete,
    None for a whole one. `addresses` is what the host's name resolved to, empty where no name was asked for.
    """

    url: str
    request: bytes = field(repr=False)
    response: bytes = field(repr=False)
    head_length: int
    payload: bytes = field(repr=False)
    status: int
    reason: str
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    started_at: datetime
    elapsed: float
    peer_address: str
    peer_port: int
    tls: TlsFacts | None = None
    truncated: Truncation | None = None
    addresses: tuple[str, ...] = ()

    def header(self, name: str) -> str | None:
        """The first value of a header, by case-insensitive name; bytes read as Latin-1 (RFC 9110, 5.5)."""
        wanted = name.lower().encode("latin-1")
        for key, value in self.headers:
            if key.lower() == wanted:
                return value.decode("latin-1").strip()
        return None
