"""Which domain is asked, and when one is left."""

from __future__ import annotations

from time import monotonic

from scraper.crawling.routing import FAILURES_TO_LEAVE, Route
from scraper.profiles import SHIPPED, load_outlet
from storage.outlets import DomainRow

PRIMARY = "www.replica.example"


def route() -> Route:
    outlet = load_outlet(SHIPPED / "demo.toml")
    rows = [
        DomainRow(
            rank + 1, each.host, each.path, each.role, each.edition, None, None, "profile", "approved", rank, None,
            "unknown", None,
        )
        for rank, each in enumerate(outlet.crawled_domains())
    ]  # fmt: skip
    return Route(outlet, rows)


def test_attempts_that_were_under_way_together_are_one_failure_of_their_domain() -> None:
    together, in_a_row = route(), route()
    url = f"http://{PRIMARY}/Detail/2026/05/21/100572/Ashby"
    sent_at = monotonic()
    for _ in range(10 * FAILURES_TO_LEAVE):
        assert together.failed(url, "timeout", sent_at=sent_at) is None
    assert together.is_alive(url)
    for _ in range(FAILURES_TO_LEAVE - 1):
        assert in_a_row.failed(url, "timeout", sent_at=monotonic()) is None
    left = in_a_row.failed(url, "timeout", sent_at=monotonic())
    assert left is not None, "the control: one after the other they are failures enough"
    assert left.domain.host == PRIMARY
    assert not in_a_row.is_alive(url)


def test_a_domain_to_which_the_proxy_opens_no_way_is_left() -> None:
    asked = route()
    url = f"http://{PRIMARY}/Detail/2026/05/21/100572/Ashby"
    for _ in range(2 * FAILURES_TO_LEAVE):
        assert asked.failed(url, "truncated", sent_at=monotonic()) is None, "the control: that speaks of the page alone"
    lefts = [asked.failed(url, "proxy", sent_at=monotonic()) for _ in range(FAILURES_TO_LEAVE)]
    assert [left is not None for left in lefts] == [False] * (FAILURES_TO_LEAVE - 1) + [True]


def test_an_answer_between_them_begins_the_count_anew() -> None:
    asked = route()
    url = f"http://{PRIMARY}/Detail/2026/05/21/100572/Ashby"
    for _ in range(3 * FAILURES_TO_LEAVE):
        assert asked.failed(url, "timeout", sent_at=monotonic()) is None
        asked.answered(url)
    assert asked.is_alive(url)
