"""Only public addresses are dialled, and what the operator names."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.task import Clock as FakeReactor

from scraper.errors import FetchError, UsageError
from scraper.fetching.addresses import is_literal, is_private_name, is_public, literal_address
from scraper.fetching.mapping import Mapping
from scraper.fetching.resolver import FAILED_SECONDS, MAX_ADDRESSES, MAX_LOOKUPS, GuardedResolver
from tests.fetching_runner import run_fetches
from tests.wire import WireServer, page

FORBIDDEN = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e"]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_public_unicast_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses())
@example(ipaddress.ip_address("64:ff9b::1"))
def test_nothing_passes_that_python_knows_to_be_special(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not any((address.is_multicast, address.is_private, address.is_reserved, address.is_unspecified))
        assert getattr(address, "sixtofour", None) is getattr(address, "teredo", None) is None
        assert getattr(address, "ipv4_mapped", None) is None


_BASES = st.sampled_from([lambda n: str(n), lambda n: hex(n), lambda n: "0" + oct(n)[2:]])


@given(st.integers(0, 2**32 - 1), st.lists(_BASES, min_size=4, max_size=4), st.integers(1, 4))
def test_every_spelling_of_an_ipv4_address_is_read_as_the_c_library_reads_it(
    number: int, bases: list[Any], count: int
) -> None:
    parts = [(number >> shift) & 255 for shift in (24, 16, 8, 0)][: count - 1]
    last = number & (2 ** (8 * (5 - count)) - 1)
    spelling = ".".join(base(part) for base, part in zip(bases, [*parts, last], strict=False))
    assert str(literal_address(spelling)) == socket.inet_ntoa(socket.inet_aton(spelling))


@given(st.text("0123456789abcdefx.", max_size=12))
def test_a_host_is_a_literal_just_when_the_c_library_takes_it_for_one(text: str) -> None:
    try:
        socket.inet_aton(text)
        known = True
    except OSError:
        known = False
    if known and not text.endswith("."):
        assert is_literal(text)


def test_names_of_this_machine_are_private_and_others_are_not() -> None:
    private = [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "printer.local",
        "db.internal",
        "nas.home.arpa",
        "ip6-localhost",
    ]
    assert all(map(is_private_name, private))
    assert not any(map(is_private_name, ("example.org", "localhost.example.org", "local.example", "mylocalhost")))


def test_resolve_and_connect_to_mean_what_they_mean_to_curl() -> None:
    mapping = Mapping.parse(
        ["a.example:443:10.0.0.1,[fd00::1]", "*:8080:10.0.0.2", "moved.example:9443:10.0.0.3", "[::1]:80:10.0.0.4"],
        [
            "c.example:443:127.0.0.1:8443",
            "p.example:::9000",
            ":81:any.example:",
            "n.example:443:moved.example:9443",
            "[2001:db8::1]:443:[::1]:8443",
        ],
    )
    seen = {
        (host, port): (target.host, target.port, target.addresses, target.named)
        for host, port in [
            ("A.example.", 443),
            ("a.example", 80),
            ("b.example", 8080),
            ("c.example", 443),
            ("c.example", 80),
            ("p.example", 443),
            ("x.example", 81),
            ("n.example", 443),
            ("[2001:db8::1]", 443),
            ("::1", 80),
        ]
        for target in [mapping.target(host, port)]
    }
    assert seen == {
        ("A.example.", 443): ("a.example", 443, ("10.0.0.1", "fd00::1"), True),
        ("a.example", 80): ("a.example", 80, (), False),
        ("b.example", 8080): ("b.example", 8080, ("10.0.0.2",), True),
        ("c.example", 443): ("127.0.0.1", 8443, (), True),
        ("c.example", 80): ("c.example", 80, (), False),
        # Only the port changes: no place is named, so the guard stays.
        ("p.example", 443): ("p.example", 9000, (), False),
        ("x.example", 81): ("any.example", 81, (), True),
        ("n.example", 443): ("moved.example", 9443, ("10.0.0.3",), True),
        ("[2001:db8::1]", 443): ("::1", 8443, (), True),
        ("::1", 80): ("::1", 80, ("10.0.0.4",), True),
    }
    assert mapping.names("c.example")
    assert not Mapping.parse(["a.example:443:10.0.0.1"]).names("c.example")


@pytest.mark.parametrize(
    "option", ["", "a", "a:b:c", "a:0:127.0.0.1", "a:80", "a:80:name", "a:99999:127.0.0.1", ":80:127.0.0.1", "a:80:"]
)
def test_a_resolve_that_curl_would_not_take_is_refused_with_an_example(option: str) -> None:
    with pytest.raises(UsageError, match="For example"):
        Mapping.parse([option])


@pytest.mark.parametrize("option", ["", "a:1:b", "a:b:c:d", "a:1:b:99999", "[::1:1:b:2"])
def test_a_connect_to_that_curl_would_not_take_is_refused_with_an_example(option: str) -> None:
    with pytest.raises(UsageError, match="For example"):
        Mapping.parse([], [option])


class Reactor(FakeReactor):
    """Twisted's clock, with the results of threads taken in at `settle`."""

    def __init__(self) -> None:
        super().__init__()
        self.results: queue.Queue[tuple[Any, ...]] = queue.Queue()

    def callFromThread(self, *call: Any) -> None:
        self.results.put(call)

    def settle(self, count: int = 1) -> None:
        for _ in range(count):
            call, *args = self.results.get(timeout=10)
            call(*args)


class Receiver:
    def __init__(self) -> None:
        self.addresses: list[tuple[str, int]] | None = None
        self._found: list[tuple[str, int]] = []

    def resolutionBegan(self, resolution: Any) -> None:
        pass

    def addressResolved(self, address: Any) -> None:
        self._found.append((address.host, address.port))

    def resolutionComplete(self) -> None:
        self.addresses = self._found


def resolver(answers: dict[str, Sequence[str]], **options: Any) -> tuple[GuardedResolver, Reactor, list[str]]:
    asked: list[str] = []

    def lookup(name: str) -> Sequence[str]:
        asked.append(name)
        if name not in answers:
            raise OSError
        return answers[name]

    reactor = Reactor()
    return GuardedResolver(reactor, Mapping(), lookup=lookup, **options), reactor, asked


def ask(guarded: GuardedResolver, host: str, port: int = 80) -> Receiver:
    receiver = Receiver()
    guarded.resolveHostName(receiver, host, port)
    return receiver


def test_of_a_name_with_public_and_private_addresses_the_public_ones_are_dialled() -> None:
    guarded, reactor, _ = resolver({"mixed.example": ["10.0.0.1", "8.8.8.8", "::1", "2606:4700:4700::1111"]})
    receiver = ask(guarded, "mixed.example", 443)
    reactor.settle()
    assert receiver.addresses == [("8.8.8.8", 443), ("2606:4700:4700::1111", 443)]


def test_a_name_that_leads_inside_is_told_from_one_that_leads_nowhere() -> None:
    guarded, reactor, _ = resolver({"inside.example": ["10.0.0.1"]})
    for host, reason in (("inside.example", "private-address"), ("nowhere.example", "dns")):
        receiver = ask(guarded, host)
        reactor.settle()
        assert (receiver.addresses, guarded.explain(host, 80).reason) == ([], reason)
    permissive, reactor, _ = resolver({"inside.example": ["10.0.0.1"]}, allow_private=True)
    receiver = ask(permissive, "inside.example")
    reactor.settle()
    assert receiver.addresses == [("10.0.0.1", 80)]


def test_answers_are_bounded_shared_and_forgotten() -> None:
    guarded, reactor, asked = resolver({"many.example": [f"8.8.8.{last}" for last in range(1, 100)]})
    first, second = ask(guarded, "many.example"), ask(guarded, "many.example")
    reactor.settle()
    assert first.addresses == second.addresses
    assert first.addresses is not None
    assert len(first.addresses) == MAX_ADDRESSES
    assert ask(guarded, "many.example").addresses == first.addresses
    assert asked == ["many.example"]
    until, found = guarded._kept["many.example"]
    guarded._kept["many.example"] = (until - 1000, found)
    ask(guarded, "many.example")
    reactor.settle()
    assert asked == ["many.example"] * 2
    ask(guarded, "gone.example")
    reactor.settle()
    assert guarded._kept["gone.example"][0] < until - 60 + FAILED_SECONDS + 5


def test_a_stuck_name_server_holds_few_threads_and_no_one_for_long() -> None:
    release = threading.Event()
    running: list[str] = []

    def stuck(name: str) -> Sequence[str]:
        running.append(name)
        release.wait(10)
        return ["8.8.8.8"]

    reactor = Reactor()
    guarded = GuardedResolver(reactor, Mapping(), lookup=stuck, timeout=5)
    receivers = [ask(guarded, f"host{number}.example") for number in range(MAX_LOOKUPS * 3)]
    assert len(running) == MAX_LOOKUPS
    reactor.advance(5)
    assert [receiver.addresses for receiver in receivers] == [[]] * len(receivers)
    release.set()
    reactor.settle(MAX_LOOKUPS)
    assert len(running) == MAX_LOOKUPS
    # Threads are free again.
    receiver = ask(guarded, "later.example")
    reactor.settle()
    assert receiver.addresses == [("8.8.8.8", 80)]


def test_where_a_proxy_resolves_names_and_literals_are_checked_by_their_form() -> None:
    guarded, _, _ = resolver({})
    for host in ("localhost", "127.1", "0x7f000001", "::1", "10.0.0.1", "printer.local"):
        with pytest.raises(FetchError, match="not a public address"):
            guarded.check_unresolved(host, 80)
    guarded.check_unresolved("example.org", 80)
    guarded.check_unresolved("8.8.8.8", 80)


FORMS = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST.",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "127.1",
    "0177.1",
    "0x7f.0.0.1",
    "127.0.0.1.",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:0:0:1]",
    "0.0.0.0",
    "0",
    "user:secret@127.0.0.1",
]


def test_no_spelling_of_this_machine_is_dialled_by_any_way_unless_private_addresses_are_allowed() -> None:
    with WireServer({"*": page(b"inside", b"Content-Type: text/html")}) as inside:
        here = [f"http://{form}:{inside.port}/form" for form in FORMS]
        redirects = {
            f"/to{place}": page(b"", b"Location: " + url.encode(), status=b"302 Found")
            for place, url in enumerate(here)
        }
        robots = page(b"", b"Location: http://127.0.0.1:%d/robots.txt" % inside.port, status=b"301 Moved")
        with WireServer(redirects | {"/robots.txt": robots}) as outside:
            urls = [*here, *(f"http://outside.example{path}" for path in redirects)]
            exempt = {"presskeep_robots": True}
            job: dict[str, Any] = {
                # The last obeys a robots.txt that redirects here.
                "requests": [*({"url": url, "meta": exempt} for url in urls), "http://outside.example/to0"],
                "config": {"connect_to": [f"outside.example:80:127.0.0.1:{outside.port}"]},
            }
            results = run_fetches(**job)
            *reasons, obeying = [result.get("reason") for result in results if "index" in result]
            expected = ["bad-url" if "@" in form else "private-address" for form in FORMS]
            assert (reasons, obeying) == (expected * 2, "private-address")
            assert inside.log == []
            # The same server is reached, in the same spellings, where that is allowed.
            job["config"] |= {"allow_private": True}
            results = run_fetches(**job)
            *reached, obeying = [result.get("outcome") for result in results if "index" in result]
            assert obeying == "pending"
            dialled = [form for form, outcome in zip(FORMS * 2, reached, strict=True) if outcome == "pending"]
            assert set(FORMS) - set(dialled) <= {"[::1]", "[0:0:0:0:0:0:0:1]", "user:secret@127.0.0.1"}
            assert len(inside.logged("/form")) == len(dialled) + 1
            # By the redirect of the other robots.txt, and for the page that a redirect led to.
            assert len(inside.logged("/robots.txt")) == 2


def test_a_mapping_permits_exactly_what_it_names() -> None:
    with WireServer({"*": page(b"here", b"Content-Type: text/html")}) as server:
        results = run_fetches(
            config={
                "resolve": [f"named.example:{server.port}:127.0.0.1"],
                "connect_to": [
                    f"moved.invalid:443:127.0.0.1:{server.port}",
                    f"moved.invalid:80:127.0.0.1:{server.port}",
                ],
                "ignore_robots": True,
            },
            requests=[
                f"http://named.example:{server.port}/",
                "http://moved.invalid/",
                f"http://127.0.0.1:{server.port}/",
                f"http://moved.invalid:{server.port}/",
                f"http://other.invalid:{server.port}/",
            ],
        )
    told = [result.get("reason") or result["outcome"] for result in results[:5]]
    assert told == ["pending", "pending", "private-address", "dns", "dns"]
    hosts = [entry.request.split(b"Host: ")[1].split(b"\r\n")[0] for entry in server.log]
    assert sorted(hosts) == [b"moved.invalid", b"named.example:%d" % server.port]
