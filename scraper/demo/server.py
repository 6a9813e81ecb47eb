"""The replica's server: one loopback port for every host, one for the control, one more with TLS when wanted."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path

from scraper.demo.errors import ReplicaError
from scraper.demo.service import Service
from scraper.demo.wire import Connection, Handler


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where to listen, on loopback alone: port 0 takes a free one. `tls` holds certificate and key."""

    port: int = 0
    control: int = 0
    tls_port: int = 0
    tls: tuple[Path, Path] | None = None


async def serve(
    service: Service, endpoints: Endpoints, greeting: dict[str, object], *, until_stdin_closes: bool
) -> None:
    """Serve until SIGTERM or SIGINT; the first line printed is JSON with the ports and the greeting.

    With `until_stdin_closes` the server also ends with the process that started it, however that one ended.
    """
    loop = asyncio.get_running_loop()
    connections: set[Connection] = set()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    servers = [
        await _listen(service.answer, connections, endpoints.port),
        await _listen(service.control, connections, endpoints.control),
    ]
    ports: dict[str, object] = {"port": _port(servers[0]), "control": _port(servers[1])}
    if endpoints.tls:
        servers.append(await _listen(service.answer, connections, endpoints.tls_port, endpoints.tls))
        ports["tls_port"] = _port(servers[2])
    sys.stdout.write(json.dumps({**ports, "pid": os.getpid(), **greeting}, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 4096) else stop.set())
    await stop.wait()
    for server in servers:
        server.close()
    for connection in list(connections):
        connection.close()
    # A turn of the loop lets the transports say goodbye; what is still being sent slowly is cut.
    await asyncio.sleep(0)


async def _listen(
    handler: Handler, connections: set[Connection], port: int, tls: tuple[Path, Path] | None = None
) -> asyncio.Server:
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    scheme = "https" if tls else "http"
    try:
        return await asyncio.get_running_loop().create_server(
            lambda: Connection(handler, connections, scheme), "127.0.0.1", port, ssl=context, backlog=512
        )
    except OSError as error:
        raise ReplicaError(
            f"cannot listen: {error.strerror or error}", f"port {port}", "Port 0 takes a free one"
        ) from error


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port
