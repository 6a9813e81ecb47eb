"""No response takes more memory or time than it may, and each breach is named."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from typing import Any

import pytest

from scraper.errors import FetchError
from scraper.fetching.decoding import decode
from tests.fetching_runner import bytes_of, run_fetches
from tests.wire import Answer, Channel, WireServer, page

HOST = "hostile.example"
MEGABYTE = 1_000_000
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def endless(start: bytes, part: bytes, *, most: int = 400 * MEGABYTE, every: float = 0) -> Answer:
    """An answer that goes on until the client has enough."""

    def answer(channel: Channel) -> None:
        channel.send(start, log=False)
        sent = 0
        while sent < most:
            channel.send(part, log=False)
            sent += len(part)
            if every:
                time.sleep(every)
        channel.close()

    return answer


BIG = b"x" * 65_536
BOMB = gzip.compress(bytes(64 * MEGABYTE))
HOSTILE: dict[str, tuple[Answer, str, str | None]] = {
    # path: answer, reason, how the kept exchange is truncated (None: none is kept)
    "/declared": (endless(OK + b"Content-Length: 9999999999\r\n\r\n", BIG), "too-large", "length"),
    "/head": (endless(OK, b"X-More: yes\r\n" * 1000), "head-too-large", None),
    "/line": (endless(OK + b"X-Long: ", BIG), "head-too-large", None),
    "/interim": (endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 500), "head-too-large", None),
    "/extension": (endless(CHUNKED + b"3;name=", BIG), "bad-response", "unspecified"),
    "/extensions": (endless(CHUNKED, (b"1;" + b"e" * 900 + b"\r\nx\r\n") * 50), "bad-response", "length"),
    "/trailers": (endless(CHUNKED + b"3\r\nabc\r\n0\r\n", b"X-More: yes\r\n" * 1000), "bad-response", "unspecified"),
    "/tiny": (endless(CHUNKED, b"1\r\nx\r\n" * 10_000), "bad-response", "length"),
    "/afterwards": (endless(page(b"whole", b"Connection: close"), BIG), "", None),
    "/body": (endless(OK + b"\r\n", BIG), "too-large", "length"),
    "/chunks": (endless(CHUNKED, b"10000\r\n" + BIG + b"\r\n"), "too-large", "length"),
}
SLOW: dict[str, tuple[Answer, str, str | None]] = {
    "/slowbody": (endless(OK + b"\r\n", b"x", every=0.05, most=400), "timeout", "time"),
    "/slowhead": (endless(OK, b"X-A: b\r\n", every=0.05, most=3200), "timeout", None),
    "/silent": (lambda channel: time.sleep(6), "timeout", None),
    "/quick": (endless(OK + b"\r\n", b"x", every=0.01, most=20), "", None),
    "/stalled": (endless(OK + b"Content-Length: 100\r\n\r\nabc", b"", every=0.05, most=1), "timeout", "time"),
}


def fetch_hostile(answers: dict[str, tuple[Answer, str, str | None]], **config: Any) -> dict[str, dict[str, Any]]:
    with WireServer({path: answer for path, (answer, *_) in answers.items()}) as server:
        results = run_fetches(
            config={"connect_to": [f"{HOST}:80:127.0.0.1:{server.port}"], "ignore_robots": True} | config,
            settings={"RETRY_ENABLED": False},
            requests=[f"http://{HOST}{path}" for path in answers],
            one_by_one=True,
        )
    return dict(zip(answers, results, strict=False))


@pytest.mark.long
def test_no_hostile_response_grows_memory_by_50_megabytes_and_each_is_named() -> None:
    results = fetch_hostile(HOSTILE)
    for path, (_, reason, truncated) in HOSTILE.items():
        result = results[path]
        exchange = result["exchange"]
        if truncated == "unspecified":
            # A body that goes wrong is kept like one that breaks off.
            assert (result["outcome"], exchange["truncated"]) == ("failed:truncated", truncated), path
        else:
            assert (result.get("reason", ""), exchange and exchange["truncated"]) == (reason, truncated), path
    # In the order of what each may take, so that none hides in the peak of one before.
    assert max(result["grown"] for result in results.values()) < 50 * MEGABYTE
    assert sum(results[path]["grown"] for path in results if path not in ("/body", "/chunks")) < 10 * MEGABYTE
    assert bytes_of(results["/afterwards"]["exchange"]["payload"]) == b"whole"
    assert results["/body"]["exchange"]["size"] < 16.2 * MEGABYTE
    # The measure sees growth where the bound is lifted.
    lifted = fetch_hostile({"/body": HOSTILE["/body"]}, max_wire_bytes=120 * MEGABYTE)
    assert lifted["/body"]["grown"] > 50 * MEGABYTE


def test_large_and_packed_responses_stay_within_50_megabytes_and_a_cut_one_is_no_whole_page() -> None:
    text = gzip.compress(b"<html>" + b"words and more words " * 5000)
    body = b"<p>" + b"y" * 15_900_000
    fields = (b"Content-Type: text/html", b"Content-Encoding: gzip")
    answers: dict[str, tuple[Answer, str, str | None]] = {
        "/bomb": (page(BOMB, *fields), "", None),
        "/cut": (page(text[:-20], *fields), "", None),
        "/whole": (page(text, *fields), "", None),
        "/plain": (page(body, b"Content-Type: text/html"), "", None),
        "/inchunks": (CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body), "", None),
    }
    results = fetch_hostile(answers)
    assert all(result["outcome"] == "pending" for result in results.values())
    assert max(result["grown"] for result in results.values()) < 50 * MEGABYTE
    assert results["/plain"]["exchange"]["payload_size"] == len(body)
    assert results["/inchunks"]["exchange"]["payload_size"] == len(body)
    payloads = {path: bytes_of(result["exchange"]["payload"]) for path, result in results.items()}
    with pytest.raises(FetchError) as bomb:
        decode(payloads["/bomb"], "gzip", limit=16 * MEGABYTE)
    with pytest.raises(FetchError) as cut:
        decode(payloads["/cut"], "gzip", limit=16 * MEGABYTE)
    assert (bomb.value.reason, cut.value.reason) == ("too-large", "truncated")
    assert decode(payloads["/whole"], "gzip", limit=16 * MEGABYTE).startswith(b"<html>words")


def test_no_sender_holds_its_slot_longer_than_its_limit() -> None:
    held: list[socket.socket] = []
    with (
        WireServer({path: answer for path, (answer, *_) in SLOW.items()}) as server,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        # A handshake that never comes.
        threading.Thread(target=lambda: held.append(listener.accept()[0]), daemon=True).start()
        results = run_fetches(
            config={
                "connect_to": [
                    f"{HOST}:80:127.0.0.1:{server.port}",
                    f"{HOST}:443:127.0.0.1:{listener.getsockname()[1]}",
                ],
                "ignore_robots": True,
                "request_timeout": 2.0,
            },
            settings={"RETRY_ENABLED": False},
            requests=[*(f"http://{HOST}{path}" for path in SLOW), f"https://{HOST}/", "http://name.invalid/"],
        )
    for path, result in zip(SLOW, results, strict=False):
        _, reason, truncated = SLOW[path]
        assert (result.get("reason", ""), result["exchange"] and result["exchange"]["truncated"]) == (
            reason,
            truncated,
        ), path
    # The same sender with time enough is no failure.
    assert results[list(SLOW).index("/quick")]["outcome"] == "pending"
    assert bytes_of(results[list(SLOW).index("/stalled")]["exchange"]["payload"]) == b"abc"
    assert [result["reason"] for result in results[len(SLOW) : len(SLOW) + 2]] == ["timeout", "dns"]
