"""A server for stored pages under their own URLs, over http and https, for any host that is asked for."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import trustme


@dataclass(frozen=True)
class PageServer:
    """Where the pages are served; `options` lead every host there and trust its certificates. `asked` holds the URLs
    of the requests, in their order."""

    http: int
    https: int
    ca_file: Path
    asked: list[str] = field(default_factory=list)

    @property
    def options(self) -> list[str]:
        """Options of the command line."""
        return [
            "--connect-to", f":80:127.0.0.1:{self.http}",
            "--connect-to", f":443:127.0.0.1:{self.https}",
            "--ca-file", str(self.ca_file),
        ]  # fmt: skip


@contextmanager
def serving(
    pages: Mapping[str, bytes],
    folder: Path,
    content_type: str = "text/html",
    *,
    redirects: Mapping[str, str] | None = None,
) -> Iterator[PageServer]:
    """Serve pages by URL, whatever its scheme, until the block ends; anything else is 404. `redirects` go by scheme."""
    by_place = {place_of(url): page for url, page in pages.items()}
    targets = dict(redirects or {})
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            host = self.headers.get("Host", "").partition(":")[0]
            url = f"{'https' if isinstance(self.connection, ssl.SSLSocket) else 'http'}://{host}{self.path}"
            asked.append(url)
            page, target = by_place.get((host, self.path)), targets.get(url)
            self.send_response(301 if target else 200 if page is not None else 404)
            if target:
                self.send_header("Location", target)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(page or b"")))
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, format: str, *args: object) -> None:
            return

    authority = trustme.CA()
    ca_file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    plain = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    secure = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    secure.socket = _by_name(authority).wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
    for server in (plain, secure):
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield PageServer(plain.server_address[1], secure.server_address[1], ca_file, asked)
    finally:
        for server in (plain, secure):
            server.shutdown()
            server.server_close()


def place_of(url: str) -> tuple[str, str]:
    """Host and path of a request for a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _by_name(authority: trustme.CA) -> ssl.SSLContext:
    """A context that makes a certificate for whatever name a client asks for."""
    made: dict[str, ssl.SSLContext] = {}

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        name = name or "localhost"
        if name not in made:
            made[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(name).configure_cert(made[name])
        connection.context = made[name]

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    context.sni_callback = choose  # type: ignore[assignment]
    return context
