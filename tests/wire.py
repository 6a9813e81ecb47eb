"""A raw socket server for tests: answers byte for byte as told, and logs both directions."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Answer = bytes | Callable[["Channel"], None]


@dataclass
class Logged:
    """One request as it came, and what was sent back; `at` is real time in seconds."""

    path: str
    request: bytes
    at: float
    response: bytearray = field(default_factory=bytearray)


class Channel:
    """What an answering function talks through. `close()` ends the connection, `reset()` breaks it."""

    def __init__(self, connection: socket.socket, logged: Logged) -> None:
        self.connection = connection
        self.logged = logged
        self.open = True

    def send(self, data: bytes, *, log: bool = True) -> None:
        if log:
            self.logged.response += data
        self.connection.sendall(data)

    def close(self) -> None:
        self.open = False

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.open = False


class WireServer:
    """Listens on a free port of loopback. `answers` maps paths to what is sent; others get 404.

    An answer of bytes is sent at once; it ends the connection when it says `Connection: close` or gives no length.
    """

    def __init__(self, answers: Mapping[str, Answer], *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"):
        self.answers = dict(answers)
        self.log: list[Logged] = []
        self.connections = 0
        self.names: list[str | None] = []
        self._tls = tls
        if tls is not None:
            tls.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> WireServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def logged(self, path: str) -> list[Logged]:
        """The requests for a path, in order."""
        return [entry for entry in self.log if entry.path == path]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            while self._serve_one(connection):
                pass
        except OSError:
            # The client went away, or broke the handshake off: its right.
            pass
        finally:
            connection.close()

    def _serve_one(self, connection: socket.socket) -> bool:
        request = b""
        while b"\r\n\r\n" not in request:
            data = connection.recv(65536)
            if not data:
                return False
            request += data
        path = request.split(b" ", 2)[1].decode("latin-1")
        logged = Logged(path, request, time.monotonic())
        self.log.append(logged)
        channel = Channel(connection, logged)
        answer = self.answers.get(path, self.answers.get("*", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
        if callable(answer):
            answer(channel)
            return channel.open
        channel.send(answer)
        head = answer.partition(b"\r\n\r\n")[0].lower()
        return b"connection: close" not in head and (b"content-length" in head or b"chunked" in head)


def page(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """A plain response with a length."""
    head = [b"HTTP/1.1 " + status, *fields, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    """A body in chunks, with its end."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailer + b"\r\n"
