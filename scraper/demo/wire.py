"""HTTP/1.1 on an asyncio connection: requests in, replies out, right or deliberately wrong."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

MAX_HEAD = 65_536
MAX_BODY = 4_000_000
_IDLE_SECONDS = 120.0
_PIECE = 65_536
_HANDSHAKE = b"\x16"
"""What TLS begins with (RFC 8446, 5.1). Without its own refusal a client would wait for its time-out."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are in lower case; `host` is without port; `connection` numbers the connection."""

    method: str
    target: str
    version: str
    headers: dict[str, str]
    body: bytes
    connection: int
    scheme: str

    @property
    def host(self) -> str:
        return self.headers.get("host", "").rpartition("@")[2].partition(":")[0].lower().rstrip(".")


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out. `body` is as sent, coded if it is coded; the rest are the wrongs of scraper.demo.rules.Rule."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay: float = 0.0
    truncate: int | None = None
    length: int = 0
    drip: float = 0.0
    drop: bool = False
    endless: bool = False


Handler = Callable[[Request], Reply]


class Connection(asyncio.Protocol):
    """One client's connection; requests are answered one after another, in order."""

    _numbers = iter(range(1, 2**62))

    def __init__(self, handler: Handler, open_connections: set[Connection], scheme: str = "http") -> None:
        self._handler, self._open, self._scheme = handler, open_connections, scheme
        self._number = next(self._numbers)
        self._buffer = b""
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(self)
        self._watch_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        if self._task:
            self._task.cancel()
        if self._idle:
            self._idle.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._serve()
        elif len(self._buffer) > MAX_HEAD + MAX_BODY:
            self.close()

    def close(self) -> None:
        """Close once what is written has been sent."""
        self._transport.close()

    def _serve(self) -> None:
        """Answer the requests in the buffer until one has to wait."""
        while self._task is None and not self._transport.is_closing():
            try:
                request = self._read()
            except ValueError as error:
                self._send(
                    Request("GET", "", "HTTP/1.1", {"connection": "close"}, b"", self._number, self._scheme),
                    _refusal(error),
                )
                return
            if request is None:
                break
            self._send(request, self._handler(request))
        self._watch_idle()

    def _read(self) -> Request | None:
        """Take one whole request out of the buffer; None while it is not there. ValueError for what is none."""
        if self._buffer[:1] == _HANDSHAKE:
            raise ValueError("a TLS handshake on a port without TLS")
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > MAX_HEAD:
            if len(self._buffer) > MAX_HEAD:
                raise ValueError("the head is too long")
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise ValueError("no request line")
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError("a header without colon")
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "0")
        if not length.isdigit() or len(length) > 9 or int(length) > MAX_BODY or "transfer-encoding" in headers:
            raise ValueError("a body that is not taken")
        body_end = end + 4 + int(length)
        if len(self._buffer) < body_end:
            return None
        body, self._buffer = self._buffer[end + 4 : body_end], self._buffer[body_end:]
        target = parts[1]
        if target.startswith("http://"):
            # RFC 9112 section 3.2.2: an absolute target's host replaces the Host header.
            host, slash, path = target[7:].partition("/")
            headers["host"], target = host, slash + path or "/"
        return Request(parts[0], target, parts[2], headers, body, self._number, self._scheme)

    def _send(self, request: Request, reply: Reply) -> None:
        if reply.drop:
            self._abort()
            return
        keep = request.version == "HTTP/1.1" and request.headers.get("connection", "").lower() != "close"
        keep = keep and reply.truncate is None and reply.length <= 0 and not reply.endless
        head = _head(reply, keep=keep)
        body = b"" if request.method == "HEAD" or reply.status in (204, 304) else reply.body
        if not (reply.delay or reply.drip or reply.endless or reply.truncate is not None):
            self._transport.write(head + body)
            if not keep:
                self.close()
            return
        self._task = asyncio.get_running_loop().create_task(self._send_slowly(head, body, reply, keep))

    async def _send_slowly(self, head: bytes, body: bytes, reply: Reply, keep: bool) -> None:
        await asyncio.sleep(reply.delay)
        self._transport.write(head)
        if reply.endless:
            while not self._transport.is_closing():
                self._transport.write(b"<p>And so on.</p>\n" * (_PIECE // 18))
                await self._writable.wait()
                await asyncio.sleep(reply.drip)
            return
        body = body[: reply.truncate]
        size = 64 if reply.drip else max(1, len(body))
        for at in range(0, len(body), size):
            self._transport.write(body[at : at + size])
            await asyncio.sleep(reply.drip)
        self._task = None
        if keep:
            self._serve()
        else:
            self.close()

    def _abort(self) -> None:
        """Reset the connection, as a host does that has gone away."""
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _watch_idle(self) -> None:
        if self._idle:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._close_idle)

    def _close_idle(self) -> None:
        if self._task is None:
            self.close()


def _refusal(error: ValueError) -> Reply:
    return Reply(400, (("Content-Type", "text/plain; charset=utf-8"),), f"Bad request: {error}.\n".encode())


def _head(reply: Reply, *, keep: bool) -> bytes:
    lines = [_status_line(reply.status), f"Date: {formatdate(usegmt=True)}", "Server: replica"]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    if not reply.endless and reply.status not in (204, 304):
        lines.append(f"Content-Length: {max(0, len(reply.body) + reply.length)}")
    lines.append(f"Connection: {'keep-alive' if keep else 'close'}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unnamed"
    return f"HTTP/1.1 {status} {phrase}"
