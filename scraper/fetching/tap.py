"""The second door to the network: what crosses a connection is kept, byte for byte, and bounded.

Leans on private names of Scrapy and Twisted, since nothing public shows the bytes; tests/test_fetching_names.py fails
when they move.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

from scrapy.core.downloader.handlers.http11 import _LenientHTTPClientParser
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from twisted.web._newclient import HTTP11ClientProtocol
from twisted.web.client import _HTTP11ClientFactory
from twisted.web.iweb import IResponse

from scraper.errors import FetchError
from scraper.fetching.tls import facts_of
from storage.exchange import TlsFacts

LINGER_SECONDS = 5.0
"""How long a connection that we closed may wait for the peer to close too."""
MAX_FRAMING = 1_000_000
"""Bytes of chunk framing beyond which they may not outnumber those of the body (a flood of tiny chunks)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one response may take: bytes on the wire in all, and bytes of its head (interim responses included)."""

    wire: int
    head: int


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection."""

    address: str
    port: int
    tls: TlsFacts | None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a response is not taken further. Not an error yet: one that was raised would hold the response's frames."""

    reason: str
    what: str

    def error(self) -> FetchError:
        return FetchError(self.reason, self.what)


class Tap:
    """One request and its response, as they cross a connection.

    `start`, `head_end` and `end` are places in the bytes received: where the final response begins (after interim
    ones), its body begins, and it ends. `head_end` is 0 until the head has come, `end` None until the whole has.
    """

    __slots__ = (
        "chunked",
        "clean",
        "end",
        "fault",
        "head_end",
        "limits",
        "payload",
        "payload_size",
        "peer",
        "request_parts",
        "size",
        "start",
        "wire",
    )

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.request_parts: list[bytes] = []
        self.wire = BytesIO()
        self.size = 0
        self.start = 0
        self.head_end = 0
        self.end: int | None = None
        self.chunked = False
        self.payload = BytesIO()
        self.payload_size = 0
        self.peer: Peer | None = None
        self.clean = True
        self.fault: Fault | None = None

    def receive(self, data: bytes) -> None:
        self.wire.write(data)
        self.size += len(data)

    def receive_payload(self, data: bytes) -> None:
        """Take a part of the body. Without chunks it stands in `wire` as it is, so it is not kept twice."""
        if self.chunked:
            self.payload.write(data)
            self.payload_size += len(data)

    def find_fault(self) -> Fault | None:
        """What of that which came exceeds a limit."""
        if not self.head_end:
            return head_too_large(self.limits.head) if self.size > self.limits.head else None
        if self.size - self.start > self.limits.wire:
            return too_large(self.limits.wire)
        if self.chunked and self.size - self.head_end - self.payload_size > max(MAX_FRAMING, self.payload_size):
            return Fault("bad-response", "more chunk framing than body")
        return None

    def request(self) -> bytes:
        """The request as sent, but for the line that is a proxy's business and a secret (RFC 9110, 11.7.2)."""
        return b"".join(
            part for part in self.request_parts if not part[:20].lower().startswith(b"proxy-authorization:")
        )

    def messages(self) -> tuple[bytes, int, bytes]:
        """The response as received, the length of its head, and its payload. Ends the tap: its buffers are freed."""
        received = self.wire.getvalue()
        self.wire = BytesIO()
        end = self.size if self.end is None else self.end
        response = received if self.start == 0 and end == self.size else received[self.start : end]
        head_length = self.head_end - self.start
        if self.chunked:
            payload = self.payload.getvalue()
            self.payload = BytesIO()
        else:
            payload = response[head_length:]
        return response, head_length, payload


def too_large(limit: int) -> Fault:
    return Fault("too-large", f"the response exceeds {limit:,} bytes")


def head_too_large(limit: int) -> Fault:
    return Fault("head-too-large", f"the response's head exceeds {limit:,} bytes")


_LINE_END = re.compile(rb"\r?\n")


def header_fields(head: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """The fields of a head in their order, names as they came, folded lines joined by a space (RFC 9112, 5.2).

    Lines without colon, which browsers skip too, are not among them.
    """
    fields: list[tuple[bytes, bytes]] = []
    for line in _LINE_END.split(head)[1:]:
        if line[:1] in (b" ", b"\t"):
            if fields:
                name, value = fields.pop()
                fields.append((name, value + b" " + line.strip()))
            continue
        name, colon, value = line.partition(b":")
        if colon:
            fields.append((name, value.strip()))
    return tuple(fields)


class _RecordingTransport:
    """A transport lent to one request, that keeps what is written."""

    def __init__(self, transport: Any, parts: list[bytes]) -> None:
        self._transport = transport
        self._parts = parts

    def write(self, data: bytes) -> None:
        self._parts.append(data)
        self._transport.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:  # noqa: N802, Twisted's name
        parts = list(data)
        self._parts.extend(parts)
        self._transport.writeSequence(parts)

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802, Twisted's name
        self._transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:  # noqa: N802, Twisted's name
        self._transport.unregisterProducer()


class TapParser(_LenientHTTPClientParser):
    """Tells the tap where head and message end. Set as the class of Twisted's parser, so it adds no state but `tap`."""

    tap: Tap

    def allHeadersReceived(self) -> None:  # noqa: N802, Twisted's name
        tap = self.tap
        place = tap.size - len(self._buffer)
        if place > tap.limits.head:
            raise head_too_large(tap.limits.head).error()
        if 100 <= self.response.code < 200:
            # An interim response is no part of the exchange that is kept.
            tap.start = place
        else:
            tap.head_end = place
            tap.chunked = self.connHeaders.hasHeader(b"transfer-encoding")
        super().allHeadersReceived()  # type: ignore[no-untyped-call]

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802, Twisted's name
        raise head_too_large(self.MAX_LENGTH).error()

    def _finished(self, rest: bytes) -> None:
        self.tap.end = self.tap.size - len(rest)
        super()._finished(rest)  # type: ignore[no-untyped-call]


class TapProtocol(HTTP11ClientProtocol):
    """A client connection whose every response carries its tap as `response.presskeep_tap`."""

    def __init__(self, quiescent: Callable[[Any], None], limits: Limits) -> None:
        super().__init__(quiescent)  # type: ignore[no-untyped-call]
        self._limits = limits
        self._tap: Tap | None = None
        self._peer: Peer | None = None
        self._lingering: Any = None

    def request(self, request: Any) -> Deferred[IResponse]:
        """Send a request. The deferred fires once the response's head has come."""
        tap = self._tap = Tap(self._limits)
        write = request.writeTo
        request.writeTo = lambda transport: write(_RecordingTransport(transport, tap.request_parts))
        try:
            response: Deferred[IResponse] = super().request(request)
        finally:
            del request.writeTo
        if self._parser is not None:
            # HTTP11ClientProtocol.request names its parser's class; Scrapy's own protocol replaces it like this.
            self._parser.__class__ = TapParser
            cast("TapParser", self._parser).tap = tap

        def attach(response: Any) -> Any:
            response.presskeep_tap = tap
            return response

        return response.addCallback(attach)

    def dataReceived(self, bytes: bytes) -> None:  # noqa: N802, Twisted's names
        tap = self._tap
        if self._parser is None or tap is None:
            # Nothing is awaited: a peer that goes on sending after the end is cut off.
            self._abort()
            return
        if self._peer is None:
            self._peer = self._see_peer()
        tap.peer = self._peer
        tap.receive(bytes)
        super().dataReceived(bytes)  # type: ignore[no-untyped-call]
        if tap.end is None and self._parser is not None:
            tap.fault = tap.find_fault()
            if tap.fault is not None:
                self._abort()
                self._disconnectParser(Failure(tap.fault.error()))  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # noqa: N802, Twisted's name
        if self._tap is not None:
            self._tap.clean = isinstance(reason.value, ConnectionDone)
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _giveUp(self, reason: Failure) -> None:  # noqa: N802, Twisted's name
        """Close, and do not trust the peer to do the same: over TLS Twisted would wait for it without end."""
        super()._giveUp(reason)  # type: ignore[no-untyped-call]
        if not isinstance(reason.value, ConnectionDone):
            self._abort()
        elif self._state != "CONNECTION_LOST" and self._lingering is None:
            from twisted.internet import reactor

            self._lingering = cast("Any", reactor).callLater(LINGER_SECONDS, self._abort)

    def _abort(self) -> None:
        cast("Any", self.transport).abortConnection()

    def _see_peer(self) -> Peer:
        transport = cast("Any", self.transport)
        peer = transport.getPeer()
        return Peer(peer.host, peer.port, facts_of(transport.getHandle()))


class TapFactory(_HTTP11ClientFactory):
    """Builds the connections of a pool. `limits` is set on a subclass, since the pool makes the factory."""

    noisy = False
    limits: Limits

    def buildProtocol(self, addr: IAddress | None) -> TapProtocol:  # noqa: N802, Twisted's name
        return TapProtocol(self._quiescentCallback, self.limits)


def factory_with(limits: Limits) -> type[TapFactory]:
    """The factory class whose connections have these limits."""
    return type("LimitedTapFactory", (TapFactory,), {"limits": limits})
