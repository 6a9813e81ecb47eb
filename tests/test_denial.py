"""No test leaves this machine: and the guard that says so is seen to work."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import AbstractContextManager

import pytest

OUTSIDE = "192.0.2.1"
"""An address of TEST-NET-1 (RFC 5737), which nobody has."""


def denied() -> AbstractContextManager[object]:
    """Expect that the guard, and not the network, refuses."""
    return pytest.raises(PermissionError, match=r"a test (wanted to reach|asked the name service)")


def test_a_deliberate_outside_connection_is_denied() -> None:
    with socket.socket() as outside, denied():
        outside.connect((OUTSIDE, 80))


def test_an_outside_connection_by_ipv6_is_denied() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with socket.socket(socket.AF_INET6) as outside, denied():
        outside.connect(("2001:db8::1", 80))


def test_a_datagram_to_an_outside_address_is_denied() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as outside, denied():
        outside.sendto(b"", (OUTSIDE, 53))


def test_an_outside_name_is_not_looked_up() -> None:
    with denied():
        socket.getaddrinfo("www.example.org", 443)


def test_twisted_s_connections_are_denied_too() -> None:
    program = (
        "from twisted.internet import reactor\n"
        "from twisted.internet.protocol import Factory\n"
        "from twisted.internet.endpoints import TCP4ClientEndpoint\n"
        f"wanted = TCP4ClientEndpoint(reactor, {OUTSIDE!r}, 80, timeout=2).connect(Factory())\n"
        "wanted.addErrback(lambda failure: print(failure.getErrorMessage()))\n"
        "wanted.addBoth(lambda _: reactor.stop())\n"
        "reactor.run()\n"
    )
    result = _run(program)
    assert "not permitted" in result.stdout


def test_a_process_that_a_test_starts_is_denied_too() -> None:
    result = _run(f"import socket; socket.create_connection(({OUTSIDE!r}, 80), timeout=1)")
    assert result.returncode != 0
    assert "OutsideConnection" in result.stderr


def test_loopback_is_permitted_since_tests_serve_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=dict(os.environ)
    )
