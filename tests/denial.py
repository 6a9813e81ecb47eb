"""Deny every connection of the tests to an address that they did not open themselves.

Loaded by tests/conftest.py. It listens to Python's audit events, so that it sees every socket of this process
whichever library makes it; processes that a test starts get the same through PRESSKEEP_TEST_DENIAL, which
tests/denial_site/sitecustomize.py reads. Loopback and Unix sockets are permitted: what listens there is the tests' own.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

_SITE = Path(__file__).parent / "denial_site"
_SENDING = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
_LOOKING_UP = frozenset(("socket.getaddrinfo", "socket.gethostbyname"))
_LOCAL_NAMES = frozenset(("", "localhost", "localhost.localdomain", "ip6-localhost"))


class OutsideConnection(PermissionError):
    """A test, or what it tests, wanted to leave this machine."""


def deny_outside(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook. Raises OutsideConnection."""
    if event in _SENDING:
        used, address = arguments[0], arguments[1] if len(arguments) > 1 else None
        if getattr(used, "family", None) in (socket.AF_INET, socket.AF_INET6) and address is not None:
            _demand_local(str(address[0]), event)
    elif event in _LOOKING_UP:
        host = arguments[0]
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
        if not _is_local(name) and name != socket.gethostname():
            raise OutsideConnection(errno.EPERM, f"{event}: a test asked the name service for {name!r}")


def _demand_local(host: str, event: str) -> None:
    if not _is_local(host):
        raise OutsideConnection(errno.EPERM, f"{event}: a test wanted to reach {host}, which it did not open itself")


def _is_local(host: str) -> bool:
    if host.lower().rstrip(".") in _LOCAL_NAMES:
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback or address.is_unspecified


def install() -> None:
    """Deny from now on, in this process and in those that it starts. An audit hook cannot be taken back."""
    if os.environ.get("PRESSKEEP_TEST_DENIAL"):
        return  # begun by sitecustomize, in a process that a test (or pytest-xdist) started
    os.environ["PRESSKEEP_TEST_DENIAL"] = "1"
    parts = [str(_SITE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(part for part in parts if part))
    sys.addaudithook(deny_outside)


def pytest_configure() -> None:
    """Begin before any test module is imported."""
    install()
