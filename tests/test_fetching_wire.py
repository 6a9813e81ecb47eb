"""The exchange is kept as it went over the wire."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.fetching_runner import bytes_of, run_fetches
from tests.wire import Answer, Channel, WireServer, chunked, page

HOST = "news.example"
CHUNKED = b"Transfer-Encoding: chunked"


def closing(data: bytes) -> Answer:
    """An answer that ends with its connection."""

    def answer(channel: Channel) -> None:
        channel.send(data)
        channel.close()

    return answer


def in_pieces(data: bytes) -> Answer:
    """An answer that comes byte by byte."""

    def answer(channel: Channel) -> None:
        for place in range(len(data)):
            channel.send(data[place : place + 1])

    return answer


EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
BARE = b"<html>"
ODD: dict[str, Answer] = {
    "/chunks": b"HTTP/1.1 200 OK\r\n"
    + CHUNKED
    + b"\r\nTrailer: X-Sum\r\n\r\n"
    + b'3;name=value;q="a b"\r\nabc\r\nA\r\n0123456789\r\n0;last\r\nX-Sum: 5\r\nx-other:  6 \r\n\r\n',
    "/pieces": in_pieces(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n\r\n" + chunked(b"abc", b"defgh")),
    "/folds": page(b"folded", b"X-Fold: one", b"  two", b"\tthree", b"Content-Type: text/html"),
    "/barelf": b"HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 6\n\nabcdef",
    "/nocolon": page(b"abc", b"this line has none", b"X-After: yes"),
    "/latin1": page(b"abc", b"X-Name: Caf\xe9 \xff", b'Content-Disposition: inline; filename="na\xefve.html"'),
    "/old": closing(b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\n<html>until the end"),
    "/nocontent": b"HTTP/1.1 204 No Content\r\nX-Empty: yes\r\n\r\n",
    "/notmodified": b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 0\r\n\r\n',
    "/early": EARLY_HINTS + b"HTTP/1.1 100 Continue\r\n\r\n" + page(b"after hints"),
    "/cut": closing(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\n<html>only this"),
    "/cutchunk": closing(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n\r\n64\r\n<html>only this"),
    "/badchunk": closing(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n\r\n3\r\nabc\r\nzz\r\nmore"),
    "/twice": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "/repeated": page(
        b"abc", b"SET-cookie: a=1", b"x-a: 1", b"Set-Cookie: b=2", b"X-A: 2", status=b"200 All Good Here"
    ),
    "/noreason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    "/empty": page(b""),
    "/close": page(b"closing", b"Connection: close"),
    "/kept": page(b"kept alive"),
}
NO_EXCHANGE: dict[str, tuple[Answer, str]] = {
    "/differ": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "bad-response"),
    "/coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: unheard-of\r\n\r\nabcd", "bad-response"),
    "/ssh": (closing(b"SSH-2.0-OpenSSH_9.2\r\n"), "bad-response"),
    "/nothing": (lambda channel: channel.close(), "reset"),
    "/reset": (lambda channel: channel.reset(), "reset"),
    "/halfhead": (closing(b"HTTP/1.1 200 OK\r\nContent-Ty"), "reset"),
}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def tls_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def odd() -> Iterator[tuple[WireServer, dict[str, dict[str, Any]]]]:
    """All odd answers fetched one after the other, by path."""
    answers = ODD | {path: answer for path, (answer, _) in NO_EXCHANGE.items()}
    with WireServer(answers) as server:
        results = run_fetches(
            config={"connect_to": [f"{HOST}:80:127.0.0.1:{server.port}"]},
            requests=[f"http://{HOST}{path}" for path in answers],
            one_by_one=True,
        )
        yield server, dict(zip(answers, results, strict=False))


@pytest.mark.parametrize("path", ODD)
def test_an_odd_answer_is_kept_to_the_byte(odd: tuple[WireServer, dict[str, dict[str, Any]]], path: str) -> None:
    server, results = odd
    exchange = results[path]["exchange"]
    [logged] = server.logged(path)
    sent = bytes(logged.response)
    if path == "/early":
        sent = sent[sent.index(b"HTTP/1.1 200") :]
    assert bytes_of(exchange["response"]) == sent
    assert bytes_of(exchange["request"]) == logged.request
    assert sent[: exchange["head_length"]].endswith((b"\r\n\r\n", b"\n\n"))
    assert exchange["peer"] == ["127.0.0.1", server.port]


@pytest.mark.parametrize("path", NO_EXCHANGE)
def test_what_has_no_head_is_a_named_failure_without_exchange(
    odd: tuple[WireServer, dict[str, dict[str, Any]]], path: str
) -> None:
    result = odd[1][path]
    assert (result["reason"], result["exchange"]) == (NO_EXCHANGE[path][1], None)


def test_the_payload_is_the_body_without_its_chunks(odd: tuple[WireServer, dict[str, dict[str, Any]]]) -> None:
    payload = {path: bytes_of(result["exchange"]["payload"]) for path, result in odd[1].items() if result["exchange"]}
    assert payload["/chunks"] == b"abc0123456789"
    assert payload["/pieces"] == b"abcdefgh"
    assert payload["/badchunk"] == b"abc"
    assert payload["/old"] == b"<html>until the end"
    assert payload["/nocontent"] == payload["/notmodified"] == payload["/empty"] == b""
    assert payload["/twice"] == b"abc"


def test_header_fields_keep_order_case_and_repetition(odd: tuple[WireServer, dict[str, dict[str, Any]]]) -> None:
    _, results = odd
    repeated = results["/repeated"]["exchange"]
    assert repeated["reason"] == "All Good Here"
    assert [field for field in repeated["headers"] if field[0].lower() in ("set-cookie", "x-a")] == [
        ["SET-cookie", "a=1"],
        ["x-a", "1"],
        ["Set-Cookie", "b=2"],
        ["X-A", "2"],
    ]
    assert results["/folds"]["exchange"]["headers"][0] == ["X-Fold", "one two three"]
    assert [name for name, _ in results["/nocolon"]["exchange"]["headers"]] == ["X-After", "Content-Length"]
    assert results["/latin1"]["exchange"]["headers"][0] == ["X-Name", "Café ÿ"]
    assert results["/noreason"]["exchange"]["reason"] == ""


def test_a_cut_body_is_kept_and_named_and_a_whole_one_is_not(odd: tuple[WireServer, dict[str, dict[str, Any]]]) -> None:
    _, results = odd
    truncated = {path: result["exchange"]["truncated"] for path, result in results.items() if result["exchange"]}
    cut = {path: word for path, word in truncated.items() if word}
    assert cut == {"/cut": "disconnect", "/cutchunk": "disconnect", "/badchunk": "unspecified"}
    assert results["/cut"]["outcome"] == "failed:truncated"
    assert results["/old"]["outcome"] == "pending"


def test_connections_are_used_again(odd: tuple[WireServer, dict[str, dict[str, Any]]]) -> None:
    server, _ = odd
    assert server.connections < len(server.log) - 5


def test_over_tls_the_handshake_is_kept_and_the_name_checked(authority: trustme.CA, ca_file: Path) -> None:
    with (
        WireServer(
            {"/a": page(b"<p>secret", b"Content-Type: text/html")}, tls=tls_context(authority, "secure.example")
        ) as good,
        WireServer({"/a": page(b"<p>other")}, tls=tls_context(authority, "other.example")) as wrong_name,
        WireServer({"/a": page(b"<p>self")}, tls=tls_context(trustme.CA(), "untrusted.example")) as untrusted,
    ):
        config = {
            "ca_file": str(ca_file),
            "ignore_robots": True,
            "connect_to": [
                f"secure.example:443:127.0.0.1:{good.port}",
                f"mismatch.example:443:127.0.0.1:{wrong_name.port}",
                f"untrusted.example:443:127.0.0.1:{untrusted.port}",
            ],
        }
        urls = ["https://secure.example/a", "https://mismatch.example/a", "https://untrusted.example/a"]
        kept, mismatch, no_trust, *_ = run_fetches(config=config, requests=urls)
        version, cipher, chain = kept["exchange"]["tls"]
        assert (version, chain) == ("TLSv1.3", 1)
        assert cipher.startswith("TLS_")
        [logged] = good.logged("/a")
        assert bytes_of(kept["exchange"]["response"]) == bytes(logged.response)
        assert bytes_of(kept["exchange"]["request"]) == logged.request
        assert good.names == ["secure.example"]
        assert (mismatch["reason"], no_trust["reason"]) == ("tls", "tls")
        assert wrong_name.log == untrusted.log == []


class Proxy:
    """An HTTP proxy that leads every host to one port, by CONNECT or absolute request line."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.heads: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        self.heads.append(head)
        upstream = socket.create_connection(("127.0.0.1", self._port))
        if head.startswith(b"CONNECT"):
            client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
        else:
            upstream.sendall(head)
        threading.Thread(target=_pump, args=(client, upstream), daemon=True).start()
        _pump(upstream, client)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        sink.close()


def test_through_a_proxy_the_exchange_with_the_site_is_kept_and_no_secret(authority: trustme.CA, ca_file: Path) -> None:
    with (
        WireServer({"http://plain.example/a": page(b"<p>plain")}) as plain,
        WireServer({"/a": page(b"<p>tunnelled")}, tls=tls_context(authority, "secure.example")) as secure,
    ):
        for server, url, key in (
            (plain, "http://plain.example/a", "http://plain.example/a"),
            (secure, "https://secure.example/a", "/a"),
        ):
            proxy = Proxy(server.port)
            [result, *_] = run_fetches(
                config={
                    "proxy": f"http://user:geheim@127.0.0.1:{proxy.port}",
                    "ignore_robots": True,
                    "ca_file": str(ca_file),
                },
                requests=[url],
            )
            [logged] = server.logged(key)
            exchange = result["exchange"]
            assert bytes_of(exchange["response"]) == bytes(logged.response)
            assert b"CONNECT" not in bytes_of(exchange["request"])
            assert b"roxy-Authorization" not in bytes_of(exchange["request"])
            assert b"Proxy-Authorization: Basic " in proxy.heads[0]
            sent = b"".join(line for line in logged.request.splitlines(True) if not line.startswith(b"Proxy-Auth"))
            assert bytes_of(exchange["request"]) == sent


def test_a_proxy_that_cannot_be_had_is_named_and_private_names_do_not_go_to_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    results = run_fetches(
        config={"proxy": f"http://127.0.0.1:{port}", "ignore_robots": True},
        requests=["http://public.example/", "http://127.0.0.1/", "http://localhost/", "http://0x7f.1/"],
    )
    reasons = [result.get("reason") for result in results]
    assert reasons[:4] == ["proxy", "private-address", "private-address", "private-address"]
