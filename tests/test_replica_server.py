"""The replica's server: its manners, its misbehaviour, its log, its signals and its command line."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPConnection, HTTPResponse, IncompleteRead
from pathlib import Path

import pytest

from scraper.demo.__main__ import main
from scraper.demo.errors import ReplicaError
from scraper.demo.process import Replica, running_replica

HOME = "www.replica.example"


@pytest.fixture(scope="module")
def replica() -> Iterator[Replica]:
    """A running replica of 40 articles, with TLS."""
    with running_replica(articles=40, seed=5, tls=True, days=1) as running:
        yield running


@pytest.fixture(autouse=True)
def behaving(replica: Replica) -> Iterator[None]:
    yield
    replica.set_rules([])
    replica.set_day(0)


def ask(
    replica: Replica, path: str, host: str = HOME, method: str = "GET", timeout: float = 10, **headers: str
) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", replica.port, timeout=timeout)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers={"Host": host, **sent})
    response = connection.getresponse()
    try:
        return response, response.read()
    finally:
        connection.close()


def test_hosts_on_one_port_are_told_apart_by_name(replica: Replica) -> None:
    bodies = {host: ask(replica, "/", host)[1] for host in replica.hosts if not host.startswith(("images", "video"))}
    assert len(set(bodies.values())) == len(bodies)
    assert ask(replica, "/", "www.elsewhere.example")[0].status == 421
    assert ask(replica, "/", f"{HOME}:80")[1] == bodies[HOME]


def test_mappings_lead_every_host_to_the_ports(replica: Replica) -> None:
    assert f"{HOME}:80:127.0.0.1:{replica.port}" in replica.connect_to
    assert f"{HOME}:443:127.0.0.1:{replica.tls_port}" in replica.connect_to
    assert len(replica.connect_to) == 2 * len(replica.hosts)


def test_unchanged_pages_are_not_sent_again(replica: Replica) -> None:
    path = replica.articles()[30]["locations"][HOME].partition(HOME)[2]
    first, body = ask(replica, path)
    assert first.status == 200
    assert len(body) > 1000
    for headers in ({"If_None_Match": first.headers["ETag"]}, {"If_Modified_Since": first.headers["Last-Modified"]}):
        again, nothing = ask(replica, path, **headers)
        assert (again.status, nothing) == (304, b"")
    changed, _ = ask(replica, path, If_None_Match='"other"', If_Modified_Since=first.headers["Last-Modified"])
    assert changed.status == 200


def test_gzip_and_head_are_answered(replica: Replica) -> None:
    plain = ask(replica, "/")[1]
    packed, body = ask(replica, "/", Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == plain
    head, nothing = ask(replica, "/", method="HEAD")
    assert (head.status, nothing, int(head.headers["Content-Length"])) == (200, b"", len(plain))
    assert ask(replica, "/", method="DELETE")[0].status == 405


def test_connections_are_kept_and_pipelined_requests_answered_in_order(replica: Replica) -> None:
    with socket.create_connection(("127.0.0.1", replica.port), timeout=10) as raw:
        raw.sendall(f"GET /robots.txt HTTP/1.1\r\nHost: {HOME}\r\n\r\n".encode() * 2)
        raw.sendall(f"GET /nothing HTTP/1.1\r\nHost: {HOME}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"200", b"404"]


def test_what_is_no_request_is_refused(replica: Replica) -> None:
    for rubbish in (
        b"rubbish\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000,
    ):
        with socket.create_connection(("127.0.0.1", replica.port), timeout=10) as raw:
            raw.sendall(rubbish)
            assert raw.recv(100).startswith(b"HTTP/1.1 400 ")


def test_tls_is_served_under_an_authority_of_its_own(replica: Replica) -> None:
    context = ssl.create_default_context(cafile=str(replica.ca_file))
    assert replica.tls_port
    with (
        socket.create_connection(("127.0.0.1", replica.tls_port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=HOME) as secure,
    ):
        secure.sendall(f"GET /sitemap.xml HTTP/1.1\r\nHost: {HOME}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: secure.recv(65_536), b""))
    assert f"https://{HOME}/sitemap-1.xml".encode() in answer
    with (
        socket.create_connection(("127.0.0.1", replica.tls_port), timeout=10) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(raw, server_hostname="www.elsewhere.example")


def test_every_request_is_logged_whole(replica: Replica) -> None:
    replica.new_requests()
    ask(replica, "/robots.txt", User_Agent="tester")
    ask(replica, "/nothing", "www.replica-mirror.example")
    first, second = replica.new_requests()
    assert (first["host"], first["path"], first["method"], first["status"]) == (HOME, "/robots.txt", "GET", 200)
    assert first["headers"]["user-agent"] == "tester"
    assert (second["host"], second["status"]) == ("www.replica-mirror.example", 404)
    assert second["n"] == first["n"] + 1
    assert second["connection"] != first["connection"]


def test_the_day_is_set_while_it_runs(replica: Replica) -> None:
    withdrawn = next(change for change in replica.changes(1) if change["change"] == "withdrawn")
    host, url = next(iter(withdrawn["locations"].items()))
    path = url.partition(host)[2]
    assert ask(replica, path, host)[0].status == 200
    replica.set_day(1)
    assert ask(replica, path, host)[0].status == withdrawn["status"]
    with pytest.raises(ReplicaError, match="a day is a number"):
        replica.order("day", {"day": -1})


def test_rules_give_status_headers_and_redirects(replica: Replica) -> None:
    replica.set_rules(
        [
            {"path": "^/robots", "status": 503, "headers": {"Retry-After": "7"}, "last": 1},
            {"path": "^/loop", "redirect": "self"},
            {"path": "^/inside", "redirect": "http://10.0.0.1/", "status": 301},
            {"host": "french.*", "days": [1], "status": 500, "body": "no"},
        ]
    )
    busy, _ = ask(replica, "/robots.txt")
    assert (busy.status, busy.headers["Retry-After"]) == (503, "7")
    assert ask(replica, "/robots.txt")[0].status == 200
    loop, _ = ask(replica, "/loop")
    assert (loop.status, loop.headers["Location"]) == (302, f"http://{HOME}/loop")
    inside, _ = ask(replica, "/inside")
    assert (inside.status, inside.headers["Location"]) == (301, "http://10.0.0.1/")
    assert ask(replica, "/", "french.replica.example")[0].status == 200
    replica.set_day(1)
    assert ask(replica, "/", "french.replica.example")[1] == b"no"


def test_rules_break_bodies_and_connections(replica: Replica) -> None:
    whole = ask(replica, "/")[1]
    replica.set_rules(
        [
            {"path": "^/$", "truncate": 100},
            {"path": "^/Live", "length": 50},
            {"host": "www.replica-mirror.*", "first": 3, "drop": True},
            {"path": "^/bomb", "bomb": 3_000_000},
        ]
    )
    with pytest.raises(IncompleteRead) as cut:
        ask(replica, "/")
    assert cut.value.partial == whole[:100]
    with pytest.raises(IncompleteRead):
        ask(replica, "/Live")
    mirror = "www.replica-mirror.example"
    assert [ask(replica, "/Default/Schedule", mirror)[0].status for _ in range(2)] == [200, 200]
    for path in ("/Default/Schedule", "/other"):
        with pytest.raises((ConnectionResetError, BadStatusLine)):
            ask(replica, path, mirror)
    assert replica.requests()[-1]["status"] == 0
    bomb, body = ask(replica, "/bomb")
    assert bomb.headers["Content-Encoding"] == "gzip"
    assert len(body) < 10_000
    assert len(gzip.decompress(body)) == 3_000_000


def test_rules_delay_drip_and_never_end(replica: Replica) -> None:
    replica.set_rules(
        [
            {"path": "^/slow", "delay": 0.3},
            {"path": "^/robots", "drip": 0.05},
            {"path": "^/endless", "endless": True},
        ]
    )
    begun = time.monotonic()
    ask(replica, "/slow")
    assert time.monotonic() - begun >= 0.3
    with pytest.raises(TimeoutError):
        ask(replica, "/slow", timeout=0.05)
    assert ask(replica, "/robots.txt")[1].startswith(b"User-agent")
    connection = HTTPConnection("127.0.0.1", replica.port, timeout=10)
    connection.request("GET", "/endless", headers={"Host": HOME})
    assert len(connection.getresponse().read(5_000_000)) == 5_000_000
    connection.close()
    assert ask(replica, "/robots.txt")[0].status == 200


def test_a_bell_signals_a_process_and_writes_to_a_fifo_at_the_nth_request(replica: Replica, tmp_path: Path) -> None:
    fifo = tmp_path / "bell"
    os.mkfifo(fifo)
    listening = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as sleeper:
        now = replica.stats()["requests"]
        replica.ring_at(now + 3, pid=sleeper.pid, signal="KILL", file=fifo)
        for _ in range(2):
            ask(replica, "/robots.txt")
        assert sleeper.poll() is None
        ask(replica, "/robots.txt")
        assert sleeper.wait(10) == -signal.SIGKILL
    assert os.read(listening, 100).decode() == f"{now + 3}\n"
    os.close(listening)
    with pytest.raises(ReplicaError, match="a pid or a file"):
        replica.ring_at(5)


def test_the_server_ends_on_sigterm_and_with_whoever_started_it() -> None:
    command = [sys.executable, "-m", "scraper.demo", "serve", "--articles", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        assert json.loads(server.stdout.readline())["articles"] == 10
        server.terminate()
        assert server.wait(10) == 0
    with subprocess.Popen([*command, "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stdin
        server.stdout.readline()
        server.stdin.close()
        assert server.wait(10) == 0


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["serve", "--articles", "9"], "not a number from 10 to 1000000"),
        (["serve", "--rules", "nowhere.json"], "nowhere.json: cannot be read"),
        (["serve", "--bell", "soon"], "'soon' is no bell"),
        (["serve", "--now", "yesterday"], "is no instant"),
        (["generate"], "--out"),
        (["generate", "--out", "/dev/null/truth"], "cannot be written"),
        (["steal"], "invalid choice"),
    ],
)
def test_wrong_usage_is_one_line_and_code_two(
    options: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(options)
    except SystemExit as left:
        code = left.code
    said = capsys.readouterr().err
    assert code == 2
    assert complaint in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ('{"rules": [{"path": "("}]}', "no regular expression"),
        ('{"rules": [{"speed": 3}]}', "unknown key 'speed'"),
        ('{"rules": [{"status": "503"}]}', "wrong type"),
        ('{"rules": [{"status": 99}]}', "not between"),
        ('{"rules": [{"headers": {"A": "b\\r\\nC: d"}}]}', "line break"),
        ("[[rules", "neither JSON"),
        ("{}", "a list named 'rules'"),
    ],
)
def test_a_wrong_rule_is_named(rule: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules.json"
    file.write_text(rule, "utf-8")
    assert main(["serve", "--rules", str(file)]) == 2
    assert complaint in capsys.readouterr().err


def test_rules_may_be_written_in_toml(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text('[[rules]]\npath = "^/robots"\nstatus = 500\n', "utf-8")
    with running_replica(articles=10, rules=file, truth=False) as running:
        assert ask(running, "/robots.txt")[0].status == 500
        assert ask(running, "/")[0].status == 200


def test_the_clock_sets_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESSKEEP_NOW", "leap:2026-06-03T12:00:00Z")
    with running_replica(articles=10, truth=False, day=None) as running:
        assert running.stats()["day"] == 2
