"""The first door to the network: names become addresses here, and only permitted ones come out.

Whatever Scrapy dials (pages, robots.txt, feeds, redirects, proxies) asks the reactor's resolver first, with address
literals too, and dials what it answers; so no name can be resolved a second time to something else. The answer may
carry another port: that is how --connect-to moves one. Host names in TLS stay those of the URL.
"""

from __future__ import annotations

import socket
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IHostnameResolver, IHostResolution
from zope.interface import implementer

from scraper.errors import FetchError
from scraper.fetching.addresses import is_private_name, is_public, literal_address
from scraper.fetching.mapping import Mapping, Target, plain

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

Lookup = Callable[[str], Sequence[str]]

MAX_ADDRESSES = 8
"""Addresses of one name that are tried."""
MAX_LOOKUPS = 8
"""Lookups (threads) at once; others wait."""
MAX_KEPT = 1000
KEPT_SECONDS = 60.0
FAILED_SECONDS = 5.0


def look_up(name: str) -> Sequence[str]:
    """The addresses of a name, IPv4 and IPv6, in the system's order of preference. Raises OSError for none."""
    answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in answers]


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Nothing to undo: an answer that no one waits for is kept for the next who asks."""


class _Lookups:
    """System lookups in few daemon threads, so that neither a flood nor a stuck name server holds more or the exit."""

    def __init__(self, reactor: Any, lookup: Lookup, timeout: float) -> None:
        self._reactor, self._lookup, self._timeout = reactor, lookup, timeout
        self._waiting: dict[str, list[Callable[[tuple[str, ...]], None]]] = {}
        self._queue: deque[str] = deque()
        self._running = 0

    def ask(self, name: str, tell: Callable[[tuple[str, ...]], None]) -> None:
        """Look a name up and tell its addresses, none when none came in time. Who asks meanwhile shares the answer."""
        if name in self._waiting:
            self._waiting[name].append(tell)
            return
        self._waiting[name] = [tell]
        self._reactor.callLater(self._timeout, self._answer, name, (), self._waiting[name])
        self._queue.append(name)
        self._start()

    def _start(self) -> None:
        while self._queue and self._running < MAX_LOOKUPS:
            name = self._queue.popleft()
            if name in self._waiting:
                self._running += 1
                Thread(target=self._run, args=(name, self._waiting[name]), name="resolve", daemon=True).start()

    def _run(self, name: str, asked: list[Callable[[tuple[str, ...]], None]]) -> None:
        try:
            found = tuple(dict.fromkeys(self._lookup(name)))[:MAX_ADDRESSES]
        except (OSError, ValueError):
            # ValueError: UnicodeError for labels that no resolver takes.
            found = ()
        self._reactor.callFromThread(self._end, name, found, asked)

    def _end(self, name: str, found: tuple[str, ...], asked: list[Callable[[tuple[str, ...]], None]]) -> None:
        self._running -= 1
        self._answer(name, found, asked)
        self._start()

    def _answer(self, name: str, found: tuple[str, ...], asked: list[Callable[[tuple[str, ...]], None]]) -> None:
        if self._waiting.get(name) is asked:
            del self._waiting[name]
            for tell in asked:
                tell(found)


@implementer(IHostnameResolver)
class GuardedResolver:
    """Resolves names to public addresses, and to what the operator named. A TWISTED_DNS_RESOLVER of Scrapy.

    `permitted` are hosts with the port they are permitted at (0: as a proxy's, which Scrapy asks for without port).
    """

    def __init__(
        self,
        reactor: Any,
        mapping: Mapping,
        *,
        allow_private: bool = False,
        permitted: frozenset[tuple[str, int]] = frozenset(),
        timeout: float = 10.0,
        lookup: Lookup = look_up,
    ) -> None:
        self.mapping = mapping
        self.allow_private = allow_private
        self._reactor = reactor
        self._permitted = permitted
        self._lookups = _Lookups(reactor, lookup, timeout)
        self._kept: OrderedDict[str, tuple[float, tuple[str, ...]]] = OrderedDict()

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: Any) -> GuardedResolver:
        """Scrapy gives the crawler process here, whose settings count."""
        settings = crawler.settings
        return cls(
            reactor,
            Mapping.parse(settings.getlist("PRESSKEEP_RESOLVE"), settings.getlist("PRESSKEEP_CONNECT_TO")),
            allow_private=settings.getbool("PRESSKEEP_ALLOW_PRIVATE"),
            permitted=proxy_places(settings.get("PRESSKEEP_PROXY")),
            timeout=settings.getfloat("DNS_TIMEOUT"),
        )

    def install_on_reactor(self) -> None:
        self._reactor.installNameResolver(self)

    def resolveHostName(  # noqa: N802, the interface's name
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> Any:
        """Tell the receiver each address that may be dialled for a host and port; none when there is none.

        `explain` says afterwards why there was none.
        """
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        target = self.target(hostName, portNumber)

        def tell(found: tuple[str, ...]) -> None:
            for address in self._permit(target, found):
                kind = IPv6Address if ":" in address else IPv4Address
                if addressTypes is None or kind in addressTypes:
                    resolutionReceiver.addressResolved(kind("TCP", address, target.port))
            resolutionReceiver.resolutionComplete()

        def keep_and_tell(found: tuple[str, ...]) -> None:
            self._keep(target.host, found)
            tell(found)

        known = self._known(target)
        if known is not None:
            tell(known)
        else:
            self._lookups.ask(target.host, keep_and_tell)
        return resolution

    def target(self, host: str, port: int) -> Target:
        """Where a URL's host and port lead, by the operator's mapping."""
        target = self.mapping.target(host, port)
        if not target.named and (self.allow_private or (plain(host), port) in self._permitted):
            return Target(target.host, target.port, target.addresses, named=True)
        return target

    def answers(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses that a name lookup gave for a host, those not dialled too; none where none was needed."""
        target = self.target(host, port)
        if target.addresses or literal_address(target.host) is not None or target.host != plain(host):
            return ()
        return self._kept.get(target.host, (0.0, ()))[1]

    def explain(self, host: str, port: int) -> FetchError:
        """Why a host and port that were just asked for gave no address."""
        target = self.target(host, port)
        if not target.named and (is_private_name(target.host) or self._known(target)):
            return private_address(host)
        return FetchError("dns", "the name does not resolve", host, "Check the name and the network.")

    def check_unresolved(self, host: str, port: int) -> None:
        """Refuse a name or literal that is private by its form: all that can be checked where a proxy resolves.

        Raises FetchError with the reason `private-address`.
        """
        target = self.target(host, port)
        literal = literal_address(target.host)
        private = is_private_name(target.host) if literal is None else not is_public(str(literal))
        if private and not target.named:
            raise private_address(host)

    def _known(self, target: Target) -> tuple[str, ...] | None:
        """The addresses of a target, where they need no lookup."""
        if target.addresses:
            return target.addresses
        if is_private_name(target.host) and not target.named:
            return ()
        literal = literal_address(target.host)
        if literal is not None:
            return (str(literal),)
        until, addresses = self._kept.get(target.host, (0.0, ()))
        return addresses if until > monotonic() else None

    def _permit(self, target: Target, found: tuple[str, ...]) -> tuple[str, ...]:
        return found if target.named else tuple(filter(is_public, found))

    def _keep(self, name: str, found: tuple[str, ...]) -> None:
        self._kept[name] = (monotonic() + (KEPT_SECONDS if found else FAILED_SECONDS), found)
        self._kept.move_to_end(name)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)


def private_address(host: str) -> FetchError:
    """The error for a host that is not public."""
    return FetchError(
        "private-address",
        "not a public address",
        host,
        "To permit exactly this host, give --resolve or --connect-to; to permit all, --allow-private.",
    )


def proxy_places(proxy: str | None) -> frozenset[tuple[str, int]]:
    """The host of the operator's proxy with the ports at which Scrapy asks for it."""
    if not proxy:
        return frozenset()
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    host = plain(parts.hostname or "")
    return frozenset({(host, 0), (host, parts.port or (443 if parts.scheme == "https" else 80))})
