"""robots.txt by RFC 9309."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scraper.fetching.robots import FRESH, FRESH_UNREACHABLE, MAX_BYTES, StoredRobots, read_robots
from tests.fetching_runner import run_fetches
from tests.wire import Answer, Channel, WireServer, page

AT = datetime(2026, 3, 1, tzinfo=UTC)
AGENT = "Presskeep/1.0 (+mail@example.org)"
TEXT = b"User-agent: *\nDisallow: /private\n"
NOTICE = b"<!DOCTYPE html><html><body>This website has been seized. User-agent: *\nDisallow: /</body></html>"


def stored(status: int, body: bytes = b"") -> StoredRobots:
    return StoredRobots("http://a.example", AT, status, body)


@pytest.mark.parametrize("status", [200, 206])
def test_with_2xx_the_rules_count(status: int) -> None:
    rules = read_robots(stored(status, TEXT), AGENT)
    assert (rules.allows("http://a.example/a", AGENT), rules.allows("http://a.example/private/a", AGENT)) == (
        True,
        False,
    )
    assert rules.until == AT + FRESH


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 301, 310])
def test_with_4xx_or_a_redirect_that_leads_nowhere_all_is_allowed(status: int) -> None:
    rules = read_robots(stored(status, b"User-agent: *\nDisallow: /"), AGENT)
    assert rules.allows("http://a.example/private", AGENT)
    assert rules.until == AT + FRESH


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 0])
def test_with_5xx_429_or_no_answer_nothing_is_allowed_for_a_while(status: int) -> None:
    rules = read_robots(stored(status, b"User-agent: *\nAllow: /"), AGENT)
    assert not rules.allows("http://a.example/", AGENT)
    assert rules.until == AT + FRESH_UNREACHABLE


def test_a_notice_page_served_with_200_is_no_robots_txt() -> None:
    assert read_robots(stored(200, NOTICE), AGENT).allows("http://a.example/", AGENT)
    # The same rules as plain text are one.
    assert not read_robots(stored(200, b"User-agent: *\nDisallow: /"), AGENT).allows("http://a.example/", AGENT)


def test_our_own_group_counts_before_that_for_all() -> None:
    text = b"User-agent: *\nDisallow: /\n\nUser-agent: PressKeep\nDisallow: /admin\nCrawl-delay: 7\n"
    rules = read_robots(stored(200, b"\xef\xbb\xbf" + text), AGENT)
    assert rules.allows("http://a.example/news", AGENT)
    assert not rules.allows("http://a.example/admin", AGENT)
    assert rules.delay(AGENT) == 7
    assert read_robots(stored(200, TEXT), AGENT).delay(AGENT) == 0
    mixed = b"User-agent: otherbot\nUser-agent: presskeep\nDisallow: /a\n\nUser-agent: thirdbot\nDisallow: /\n"
    assert read_robots(stored(200, mixed), AGENT).allows("http://a.example/b", AGENT)
    assert not read_robots(stored(200, mixed), AGENT).allows("http://a.example/a", AGENT)


def test_only_the_first_500_kibibytes_are_read() -> None:
    body = b"User-agent: *\n" + b"#" * MAX_BYTES + b"\nDisallow: /late\n"
    assert read_robots(stored(200, body), AGENT).allows("http://a.example/late", AGENT)


def test_a_robots_txt_of_thousands_of_agents_and_rules_costs_no_more_than_its_length() -> None:
    agents = b"".join(b"User-agent: bot%d\n" % number for number in range(12_000))
    rules = read_robots(stored(200, agents + b"User-agent: *\n" + b"Disallow: /private\n" * 12_000), AGENT)
    assert not rules.allows("http://a.example/private", AGENT)
    assert rules.parsed is not None
    assert len(rules.parsed._user_agents) <= 2


SITES: dict[str, dict[str, Answer]] = {
    "plain": {"/robots.txt": page(TEXT, b"Content-Type: text/plain")},
    "packed": {"/robots.txt": page(gzip.compress(TEXT), b"Content-Encoding: gzip")},
    "absent": {},
    "broken": {"/robots.txt": page(b"oh", status=b"503 Service Unavailable")},
    "busy": {"/robots.txt": page(b"oh", b"Retry-After: 86000", status=b"429 Too Many Requests")},
    "seized": {"/robots.txt": page(NOTICE, b"Content-Type: text/html")},
    "cut": {"/robots.txt": lambda channel: cut_off(channel)},
    "gone": {"/robots.txt": lambda channel: channel.reset()},
    "moved": {"/robots.txt": page(b"", b"Location: http://plain.example/robots.txt", status=b"301 Moved")},
    "looping": {"/robots.txt": page(b"", b"Location: /robots.txt", status=b"302 Found")},
    "far": {f"/{step}": page(b"", b"Location: /%d" % (step + 1), status=b"302 Found") for step in range(1, 9)}
    | {"/robots.txt": page(b"", b"Location: /1", status=b"302 Found"), "/5": page(TEXT)},
    "farther": {f"/{step}": page(b"", b"Location: /%d" % (step + 1), status=b"302 Found") for step in range(1, 9)}
    | {"/robots.txt": page(b"", b"Location: /1", status=b"302 Found")},
    "kept": {},
}


def cut_off(channel: Channel) -> None:
    channel.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nUser-agent: *\n")
    channel.close()


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple[dict[str, WireServer], dict[str, tuple[str, str]], list[dict[str, Any]]]]:
    """Two pages of each site fetched, /open and /private: the outcomes by site, and all events."""
    pages = {
        "/open": page(b"<p>open", b"Content-Type: text/html"),
        "/private": page(b"<p>private", b"Content-Type: text/html"),
    }
    servers = {name: WireServer(answers | pages) for name, answers in SITES.items()}
    for server in servers.values():
        server.__enter__()
    results = run_fetches(
        config={"connect_to": [f"{name}.example:80:127.0.0.1:{server.port}" for name, server in servers.items()]},
        settings={"RETRY_TIMES": 0},
        requests=[f"http://{name}.example{path}" for name in servers for path in pages],
        robots_kept={"http://kept.example": [200, "User-agent: *\nDisallow: /private"]},
    )
    told = [result.get("reason") or result["outcome"] for result in results if "index" in result]
    outcomes = {name: (told[2 * place], told[2 * place + 1]) for place, name in enumerate(servers)}
    yield servers, outcomes, results
    for server in servers.values():
        server.__exit__()


ALLOWED = ("pending", "pending")
OBEYED = ("pending", "robots")
UNREACHABLE = ("robots-unreachable", "robots-unreachable")
EXPECTED = {
    "plain": OBEYED,
    "packed": OBEYED,
    "absent": ALLOWED,
    "broken": UNREACHABLE,
    "busy": UNREACHABLE,
    "seized": ALLOWED,
    "cut": UNREACHABLE,
    "gone": UNREACHABLE,
    "moved": OBEYED,
    "looping": ALLOWED,
    # Five redirects are followed, a sixth is not: then there is no robots.txt (RFC 9309, 2.3.1.2).
    "far": OBEYED,
    "farther": ALLOWED,
    "kept": OBEYED,
}


@pytest.mark.parametrize("name", SITES)
def test_a_site_is_read_as_its_robots_txt_was_answered(
    sites: tuple[dict[str, WireServer], dict[str, tuple[str, str]], list[dict[str, Any]]], name: str
) -> None:
    assert sites[1][name] == EXPECTED[name]


def test_robots_txt_is_asked_for_once_a_host_and_not_at_all_where_it_is_kept(
    sites: tuple[dict[str, WireServer], dict[str, tuple[str, str]], list[dict[str, Any]]],
) -> None:
    asked = {name: len(server.logged("/robots.txt")) for name, server in sites[0].items()}
    assert asked.pop("kept") == 0
    # A failure is tried once more, and the redirect of another site leads here.
    assert (asked.pop("gone"), asked.pop("broken"), asked.pop("plain")) == (2, 2, 2)
    assert set(asked.values()) == {1}
    # What is disallowed is never asked for.
    assert [name for name, server in sites[0].items() if server.logged("/private")] == [
        name for name in SITES if EXPECTED[name] == ALLOWED
    ]


def test_the_exchange_of_a_robots_txt_is_handed_on_and_its_answer_kept(
    sites: tuple[dict[str, WireServer], dict[str, tuple[str, str]], list[dict[str, Any]]],
) -> None:
    events = sites[2]
    handed = {event["url"] for event in events if event.get("event") == "downloaded" and event["robots"]}
    assert "http://plain.example/robots.txt" in handed
    assert "http://seized.example/robots.txt" in handed
    kept = {event["host"]: event["status"] for event in events if event.get("event") == "robots"}
    assert kept["http://plain.example"] == kept["http://moved.example"] == 200
    assert kept["http://broken.example"] == 503
    assert "http://gone.example" not in kept


def test_robots_txt_is_ignored_where_that_is_asked_for() -> None:
    with WireServer({"/robots.txt": page(TEXT), "/private": page(b"<p>", b"Content-Type: text/html")}) as server:
        results = run_fetches(
            config={"connect_to": [f"a.example:80:127.0.0.1:{server.port}"], "ignore_robots": True},
            requests=["http://a.example/private"],
        )
        assert results[0]["outcome"] == "pending"
        assert server.logged("/robots.txt") == []


def test_freshness_is_a_day() -> None:
    assert timedelta(hours=24) == FRESH
