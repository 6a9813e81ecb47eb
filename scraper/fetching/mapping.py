"""Where the operator says that hosts are: --resolve and --connect-to, with the meaning of curl(1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from scraper.errors import UsageError

_PART = re.compile(r"\[[^\]]*\]|[^:\[\]]*")
ANY = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What is dialled for a URL's host and port.

    `addresses` are given ones; when empty, `host` is to be resolved. `named` says that the operator named this
    place, so that the address guard does not apply to it.
    """

    host: str
    port: int
    addresses: tuple[str, ...] = ()
    named: bool = False


@dataclass(frozen=True, slots=True)
class _Connect:
    host: str
    port: int | None
    to_host: str
    to_port: int | None


@dataclass(frozen=True, slots=True)
class Mapping:
    """All given places. Host names are lower-case, without final dot and brackets; ANY matches each."""

    resolve: tuple[tuple[str, int, tuple[str, ...]], ...] = ()
    connect: tuple[_Connect, ...] = ()

    @classmethod
    def parse(cls, resolve: Iterable[str] = (), connect_to: Iterable[str] = ()) -> Mapping:
        """Read the options' values. Raises UsageError for what curl would not take either."""
        return cls(tuple(map(_parse_resolve, resolve)), tuple(map(_parse_connect, connect_to)))

    def target(self, host: str, port: int) -> Target:
        """Where to go for a host and port of a URL. Of several entries that fit, the first counts.

        As in curl, connect-to is looked at first, and where it leads is then looked up in resolve. A place is named
        when an entry gives its address, or names the host to connect to; an entry that only changes a port names none.
        """
        host = plain(host)
        named = False
        for entry in self.connect:
            if entry.host in (ANY, host) and entry.port in (None, port):
                named = bool(entry.to_host)
                host, port = entry.to_host or host, entry.to_port or port
                break
        for name, at_port, addresses in self.resolve:
            if name in (ANY, host) and at_port == port:
                return Target(host, port, addresses, named=True)
        return Target(host, port, named=named)

    def names(self, host: str) -> bool:
        """Whether an entry gives a place for a host, at whichever port."""
        host = plain(host)
        return any(entry.to_host and entry.host in (ANY, host) for entry in self.connect) or any(
            name in (ANY, host) for name, _, _ in self.resolve
        )


def plain(host: str) -> str:
    """A host as it is compared: lower-case, without brackets and final dot."""
    return host.strip("[]").rstrip(".").lower()


def _parse_resolve(text: str) -> tuple[str, int, tuple[str, ...]]:
    """HOST:PORT:ADDRESS[,ADDRESS]...; HOST may be *, addresses may stand in brackets."""
    parts = _split(text.removeprefix("+"), 2)
    if parts is not None and len(parts) == 3 and parts[0]:
        host, port, rest = parts
        addresses = tuple(part.strip().strip("[]") for part in rest.split(","))
        if _is_port(port) and all(map(_is_address, addresses)):
            return ANY if host == "*" else plain(host), int(port), addresses
    raise UsageError(f"{text!r} is no HOST:PORT:ADDRESS", "--resolve", "For example: example.org:443:127.0.0.1")


def _parse_connect(text: str) -> _Connect:
    """HOST1:PORT1:HOST2:PORT2, each part may be empty."""
    parts = _split(text, 3)
    if parts is not None and len(parts) == 4:
        host, port, to_host, to_port = parts
        if all(not value or _is_port(value) for value in (port, to_port)):
            return _Connect(plain(host), _port(port), plain(to_host), _port(to_port))
    raise UsageError(
        f"{text!r} is no HOST1:PORT1:HOST2:PORT2", "--connect-to", "For example: example.org:443:127.0.0.1:8443"
    )


def _split(text: str, colons: int) -> list[str] | None:
    """The parts before each of the first so many colons, and the rest; brackets keep their colons."""
    parts = []
    place = 0
    for _ in range(colons):
        found = _PART.match(text, place)
        if found is None or text[found.end() : found.end() + 1] != ":":
            return None
        parts.append(found.group())
        place = found.end() + 1
    return [*parts, text[place:]]


def _port(text: str) -> int | None:
    return int(text) if text else None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 65536


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
