"""Every end of a fetch has one stable word."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from typing import Any

import pytest
import scrapy.exceptions
import twisted.internet.error
from scrapy.core.downloader.handlers.http11 import TunnelError
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.web import _newclient, client
from twisted.web.http import PotentialDataLoss, _DataLoss, _MalformedChunkedDataError

from scraper.errors import FetchError
from scraper.fetching import reasons
from scraper.fetching.outcomes import outcome_of
from scraper.fetching.reasons import DEFINITE, REASONS, TRANSIENT, Declined, reason_of
from storage.exchange import Exchange, Truncation


def exception_classes(*modules: Any) -> list[type[BaseException]]:
    return [
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception) and not issubclass(kind, Warning)
    ]


def instance(kind: type[BaseException]) -> BaseException:
    """An instance, made without its constructor where that asks for more."""
    return kind.__new__(kind)


@pytest.mark.parametrize(
    "kind", exception_classes(scrapy.exceptions, twisted.internet.error, _newclient), ids=lambda kind: kind.__qualname__
)
def test_every_error_of_scrapy_and_twisted_has_a_word(kind: type[BaseException]) -> None:
    assert reason_of(instance(kind)) in REASONS


def wrapped(error: BaseException) -> Exception:
    """An error as Scrapy passes it on: inside Twisted's, inside its own."""
    outer = scrapy.exceptions.DownloadFailedError("failed")
    outer.__cause__ = client.ResponseFailed([Failure(error), Failure(_DataLoss())])
    return outer


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (scrapy.exceptions.CannotResolveHostError(), "dns"),
        (scrapy.exceptions.DownloadConnectionRefusedError(), "refused"),
        (scrapy.exceptions.DownloadTimeoutError(), "timeout"),
        (scrapy.exceptions.ResponseDataLossError(), "truncated"),
        (scrapy.exceptions.NotSupported("ftp"), "bad-url"),
        (twisted.internet.error.NoRouteError(), "unreachable"),
        (twisted.internet.error.ConnectionLost(), "reset"),
        (twisted.internet.error.TCPTimedOutError(), "timeout"),
        (_newclient.ResponseNeverReceived([Failure(twisted.internet.error.ConnectionDone())]), "reset"),
        (client.ResponseFailed([Failure(_newclient.ParseError("bad", b""))]), "bad-response"),
        (client.ResponseFailed([Failure(KeyError("gzip"))]), "bad-response"),
        (client.ResponseFailed([Failure(ValueError("lengths"))]), "bad-response"),
        (wrapped(_MalformedChunkedDataError("chunk")), "bad-response"),
        (wrapped(FetchError("head-too-large", "head")), "head-too-large"),
        (TunnelError("502"), "proxy"),
        (CancelledError(), "cancelled"),
        (PotentialDataLoss(), "truncated"),
        (OSError("odd"), "unreachable"),
        (ValueError("no host"), "bad-url"),
        (Declined("robots", "disallowed"), "robots"),
        (FetchError("no-such-word", "x"), "unexpected"),
        (ZeroDivisionError(), "unexpected"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_error_is_named_for_its_cause(error: BaseException, word: str) -> None:
    assert reason_of(error) == word


def test_the_table_in_the_docstring_is_the_vocabulary() -> None:
    assert reasons.__doc__ is not None
    rows = [line.split("|") for line in reasons.__doc__.splitlines() if line.startswith("| ")][1:]
    documented = {row[1].strip(): row[3].strip() == "yes" for row in rows}
    assert documented == {word: word in TRANSIENT for word in REASONS}
    assert not TRANSIENT & DEFINITE


def exchange(
    status: int = 200,
    mime: str = "text/html; charset=utf-8",
    payload: bytes = b"<p>",
    truncated: Truncation | None = None,
    **fields: str,
) -> Exchange:
    headers = {"Content-Type": mime} | {name.replace("_", "-"): value for name, value in fields.items()}
    return Exchange(
        url="http://a.example/",
        request=b"",
        response=b"",
        head_length=0,
        payload=payload,
        status=status,
        reason="",
        headers=tuple((name.encode(), value.encode()) for name, value in headers.items() if value),
        started_at=datetime.now(UTC),
        elapsed=0,
        peer_address="127.0.0.1",
        peer_port=80,
        truncated=truncated,
    )


@pytest.mark.parametrize(
    ("kept", "outcome"),
    [
        (exchange(), "pending"),
        (exchange(mime="application/xhtml+xml"), "pending"),
        (exchange(mime=""), "pending"),
        (exchange(mime="text/plain", payload=b"\xef\xbb\xbf\n<!doctype html>"), "pending"),
        (exchange(mime="", payload=b"\x1f\x8b", Content_Encoding="gzip"), "pending"),
        (exchange(mime="text/plain", payload=b"just text"), "refused:not-html"),
        (exchange(mime="application/pdf", payload=b"%PDF"), "refused:not-html"),
        (exchange(payload=b""), "refused:empty"),
        (exchange(status=404), "refused:status-404"),
        (exchange(status=451), "refused:status-451"),
        (exchange(status=301, Location="/b"), "refused:redirect"),
        (exchange(status=300), "refused:status-300"),
        (exchange(status=304), "refused:not-modified"),
        (exchange(status=204, payload=b""), "refused:empty"),
        (exchange(status=429), "failed:status-429"),
        (exchange(status=503), "failed:status-503"),
        (exchange(truncated="disconnect"), "failed:truncated"),
        (exchange(truncated="length"), "failed:too-large"),
        (exchange(truncated="time"), "failed:timeout"),
    ],
)
def test_what_became_of_an_exchange_is_told_by_its_head(kept: Exchange, outcome: str) -> None:
    assert outcome_of(kept) == outcome


def test_a_listing_may_be_of_any_type() -> None:
    assert outcome_of(exchange(mime="application/rss+xml", payload=b"<rss>"), listing=True) == "pending"
    assert outcome_of(exchange(mime="application/rss+xml", payload=b"<rss>")) == "refused:not-html"
