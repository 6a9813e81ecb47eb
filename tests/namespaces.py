"""A network of its own, which a test can take away: a network namespace with its loopback interface."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Network:
    """A namespace by name; programs started by `before` are in it."""

    name: str

    @property
    def before(self) -> tuple[str, ...]:
        return "ip", "netns", "exec", self.name

    def take_down(self) -> None:
        """Take the interface down: what is sent is lost, and nothing can be dialled."""
        _ip("-n", self.name, "link", "set", "lo", "down")

    def bring_up(self) -> None:
        _ip("-n", self.name, "link", "set", "lo", "up")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that this thread makes within the block are in the namespace, and stay there."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there)
            try:
                yield
            finally:
                _enter(here)
        finally:
            os.close(here)
            os.close(there)


@pytest.fixture
def network() -> Iterator[Network]:
    """A network of the test's own; skips where none can be made."""
    made = Network(f"presskeep-{secrets.token_hex(4)}")
    if shutil.which("ip") is None:
        pytest.skip("ip (iproute2) is not installed")
    if subprocess.run(["ip", "netns", "add", made.name], capture_output=True).returncode:
        pytest.skip("a network namespace can be made by root alone")
    try:
        made.bring_up()
        yield made
    finally:
        _ip("netns", "delete", made.name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _enter(descriptor: int) -> None:
    """setns(2), which Python has from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
