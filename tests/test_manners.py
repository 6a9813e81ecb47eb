"""Hosts are asked no faster than they wish, and redirects lead no one in circles."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy.http import Request, Response
from scrapy.settings import Settings

from scraper.fetching import manners
from scraper.fetching.manners import MannersMiddleware, retry_after
from tests.fetching_runner import run_fetches
from tests.wire import Answer, Channel, WireServer, page

NOW = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
HTML = b"Content-Type: text/html"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"0", 0),
        (b" 120 ", 120),
        (b"9" * 400, 999_999_999),
        (b"Sun, 01 Mar 2026 06:02:00 GMT", 120),
        (b"Sunday, 01-Mar-26 06:02:00 GMT", 120),
        (b"Sun, 01 Mar 2020 06:02:00 GMT", 0),
        (b"-5", None),
        (b"soon", None),
        (b"\xff", None),
        (b"", None),
        (None, None),
        (b"Fri, 31 Dec 99999999999999999999 23:59:59 GMT", None),
        (b"Fri, 31 Dec 9999 23:59:59 -99999999999999999999", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(value: bytes | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


def once_then(first: bytes, then: bytes) -> Answer:
    """The first request for a path is answered one way, later ones another."""
    counter = itertools.count()

    def answer(channel: Channel) -> None:
        channel.send(then if next(counter) else first)

    return answer


def busy(*fields: bytes, status: bytes = b"429 Too Many Requests") -> bytes:
    return page(b"busy", *fields, status=status)


def fetch(answers: dict[str, Answer], paths: list[str], **job: Any) -> tuple[WireServer, list[dict[str, Any]]]:
    config = {"ignore_robots": True} | job.pop("config", {})
    with WireServer(answers) as server:
        config["connect_to"] = [f"busy.example:80:127.0.0.1:{server.port}"]
        results = run_fetches(config=config, requests=[f"http://busy.example{path}" for path in paths], **job)
    return server, results


def test_a_busy_host_is_left_alone_as_long_as_it_asks_and_then_asked_again() -> None:
    fine = page(b"<p>", HTML)
    server, results = fetch(
        {"/busy": once_then(busy(b"Retry-After: 1"), fine), "/next": fine},
        ["/busy", "/next"],
        settings={"CONCURRENT_REQUESTS_PER_DOMAIN": 1},
    )
    assert [result["outcome"] for result in results[:2]] == ["pending", "pending"]
    first, *later = sorted(entry.at for entry in server.log)
    assert len(later) == 2
    assert all(at - first >= 1 for at in later)


def test_a_long_wish_puts_the_host_off_instead_of_holding_the_crawl() -> None:
    server, results = fetch(
        {"/busy": busy(b"Retry-After: 7200"), "/next": page(b"<p>", HTML)}, ["/busy", "/next"], one_by_one=True
    )
    assert results[0]["outcome"] == "failed:status-429"
    assert results[1]["reason"] == "retry-after"
    until = datetime.fromisoformat(results[1]["until"])
    assert timedelta(minutes=110) < until - datetime.now(UTC) < timedelta(minutes=121)
    assert [entry.path for entry in server.log] == ["/busy"]


def test_a_long_wish_holds_for_what_waits_in_line_already() -> None:
    paths = ["/busy", *(f"/{number}" for number in range(12))]
    fine = page(b"<p>", HTML)
    one_at_once = {"CONCURRENT_REQUESTS_PER_DOMAIN": 1}
    server, results = fetch(
        dict.fromkeys(paths, fine) | {"/busy": busy(b"Retry-After: 7200")}, paths, settings=one_at_once
    )
    assert [entry.path for entry in server.log] == ["/busy"]
    assert [result.get("reason") for result in results].count("retry-after") == 12
    server, _ = fetch(dict.fromkeys(paths, fine), paths, settings=one_at_once)
    assert len(server.log) == 13


def test_where_the_clock_leaps_waiting_for_a_mapped_host_moves_the_clock() -> None:
    start = "2026-03-01T06:00:00+00:00"
    server, results = fetch(
        {"/busy": once_then(busy(b"Retry-After: 7200"), page(b"<p>", HTML))},
        ["/busy"],
        config={"now": f"leap:{start}"},
    )
    assert results[0]["outcome"] == "pending"
    assert datetime.fromisoformat(results[-1]["clock"]) - datetime.fromisoformat(start) >= timedelta(hours=2)
    assert len(server.log) == 2


@pytest.mark.parametrize("delay", [10.0, 0.0])
def test_where_the_clock_leaps_the_delay_between_requests_passes_on_it(delay: float) -> None:
    start = "2026-03-01T06:00:00+00:00"
    _, results = fetch(
        {"/a": page(b"<p>", HTML)},
        ["/a", "/a", "/a", "/a"],
        config={"now": f"leap:{start}"},
        settings={"PRESSKEEP_LEAPING_DELAY": delay},
    )
    passed = datetime.fromisoformat(results[-1]["clock"]) - datetime.fromisoformat(start)
    assert (passed >= timedelta(seconds=30)) is (delay > 0)
    assert passed < timedelta(seconds=60)


def test_back_off_grows_while_a_host_stays_busy() -> None:
    server, results = fetch({"/busy": busy(status=b"503 Service Unavailable")}, ["/busy"])
    assert results[0]["outcome"] == "failed:status-503"
    waits = [later.at - earlier.at for earlier, later in itertools.pairwise(server.log)]
    assert len(waits) == 2
    assert waits[0] >= 1
    assert waits[1] >= 2


def test_of_a_long_wait_it_is_said_once_why_nothing_comes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = 0.0
    monkeypatch.setattr(manners, "monotonic", lambda: passed)
    downloader = SimpleNamespace(slots={})
    settings = Settings({"PRESSKEEP_NOW": NOW.isoformat()})
    crawler: Any = SimpleNamespace(settings=settings, engine=SimpleNamespace(downloader=downloader))
    middleware = MannersMiddleware(crawler)
    request = Request("http://busy.example/")

    def said(**headers: str) -> list[str]:
        caplog.clear()
        middleware.see(Response(request.url, status=503, headers=headers), request)
        return [record.getMessage() for record in caplog.records]

    assert [said() for _ in range(5)] == [[]] * 5, "1, 2, 4, 8 and 16 seconds"
    waits = "busy.example is busy (status 503); it is asked again in {} seconds"
    assert said() == [waits.format(32)]
    assert said() == [], "an answer that was under way with it"
    passed = 33.0
    assert said() == [waits.format(60)]
    passed = 94.0
    assert said(**{"Retry-After": "90"}) == [waits.format(90)]


def test_a_crawl_delay_slows_the_host() -> None:
    robots = page(b"User-agent: *\nCrawl-delay: 0.5\n")
    server, _ = fetch(
        {"/robots.txt": robots, "/a": page(b"<p>", HTML)}, ["/a", "/a", "/a"], config={"ignore_robots": False}
    )
    times = [entry.at for entry in server.logged("/a")]
    assert all(later - earlier >= 0.45 for earlier, later in itertools.pairwise(times))


def redirect(target: str, status: bytes = b"302 Found") -> bytes:
    return page(b"", b"Location: " + target.encode(), status=status)


def test_redirects_are_followed_and_circles_are_named() -> None:
    answers: dict[str, Answer] = {
        "/self": redirect("/self", b"301 Moved Permanently"),
        "/fragment": redirect("/fragment#top"),
        "/a": redirect("/b"),
        "/b": redirect("/a"),
        "/good": redirect("/page", b"308 Permanent Redirect"),
        "/page": page(b"<p>page", HTML),
        "/nowhere": page(b"", status=b"302 Found"),
        "/ftp": redirect("ftp://busy.example/x"),
        "/file": redirect("file:///etc/passwd"),
        "/bad": redirect("http://[bad/"),
        "/user": redirect("http://user:secret@busy.example/page"),
    }
    answers |= {f"/{step}": redirect(f"/{step + 1}") for step in range(20)}
    expected = {
        "/self": "redirect-loop",
        "/fragment": "redirect-loop",
        "/a": "redirect-loop",
        "/good": "pending",
        "/nowhere": "refused:status-302",
        "/ftp": "refused:redirect",
        "/file": "refused:redirect",
        "/bad": "bad-url",
        "/user": "bad-url",
        "/0": "redirect-limit",
    }
    server, results = fetch(answers, list(expected))
    told = [result.get("reason") or result["outcome"] for result in results if "index" in result]
    assert dict(zip(expected, told, strict=True)) == expected
    assert len(server.logged("/self")) == 1
    # The exchange of a circle is there to be kept.
    assert results[0]["exchange"]["status"] == 301
    # Each exchange on the way is announced.
    downloaded = [event["url"] for event in results if event.get("event") == "downloaded"]
    assert "http://busy.example/good" in downloaded
    assert results[3]["hops"] == ["http://busy.example/good"]
