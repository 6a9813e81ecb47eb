"""The replica as a process: start it, ask it, stop it. For the demo, tests and benchmarks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from scraper.demo.errors import ReplicaError

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Replica:
    """A running replica.

    `port` serves every host over http, `tls_port` over https (None without TLS). `connect_to` maps each host's ports
    80 and 443 to them, as HOST:PORT:127.0.0.1:PORT. `log` is the file of requests, `truth` the folder of truth files,
    `ca_file` the authority to trust.
    """

    port: int
    control: int
    tls_port: int | None
    hosts: tuple[str, ...]
    pid: int
    log: Path
    truth: Path
    ca_file: Path | None = None
    _read: list[int] = field(default_factory=lambda: [0], repr=False)

    @property
    def connect_to(self) -> tuple[str, ...]:
        """Mappings for every host. Without TLS port 443 leads to the plain port, where a handshake fails at once."""
        secure = self.tls_port or self.port
        return tuple(
            f"{host}:{port}:127.0.0.1:{local}"
            for host in self.hosts
            for port, local in ((80, self.port), (443, secure))
        )

    def set_day(self, day: int) -> None:
        """Show another day from the next request on."""
        self.order("day", {"day": day})

    def set_rules(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Misbehave by these rules from now on, their counts starting anew; none ends all misbehaviour."""
        self.order("rules", {"rules": list(rules)})

    def ring_at(self, request: int, *, pid: int | None = None, signal: str = "TERM", file: Path | None = None) -> None:
        """Signal a process, or write a line to a file or FIFO, before the n-th request since the start is answered."""
        self.order("bell", {"request": request, "pid": pid, "signal": signal, "file": str(file) if file else None})

    def stats(self) -> dict[str, Any]:
        """Day, requests so far, CPU seconds and peak memory (kilobytes) of the server."""
        return self.order("stats")

    def requests(self) -> list[dict[str, Any]]:
        """All requests so far, from the log."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]

    def new_requests(self) -> list[dict[str, Any]]:
        """The requests since the last call."""
        found = self.requests()
        seen, self._read[0] = self._read[0], len(found)
        return found[seen:]

    def articles(self) -> list[dict[str, Any]]:
        """The articles of day 0, from the truth."""
        return [json.loads(line) for line in (self.truth / "articles.jsonl").read_text("utf-8").splitlines()]

    def changes(self, day: int) -> list[dict[str, Any]]:
        """What a day changed, from the truth."""
        return [json.loads(line) for line in (self.truth / f"day-{day}.jsonl").read_text("utf-8").splitlines()]

    def order(self, name: str, value: object = None) -> dict[str, Any]:
        """Send an order to the control port; ReplicaError when it is refused."""
        connection = HTTPConnection("127.0.0.1", self.control, timeout=_START_SECONDS)
        try:
            if value is None:
                connection.request("GET", f"/__replica__/{name}")
            else:
                connection.request("POST", f"/__replica__/{name}", json.dumps(value))
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ReplicaError(str(answer.get("error", response.status)), f"control {name}")
        return answer


@contextmanager
def running_replica(
    *,
    articles: int = 60,
    seed: int = 7,
    host_set: str = "demo",
    day: int | None = 0,
    days: int = 3,
    folder: Path | None = None,
    rules: Path | None = None,
    tls: bool = False,
    truth: bool = True,
    site_options: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Iterator[Replica]:
    """Run a replica on loopback until the block ends; the server also ends when this process does.

    Log, truth (of day 0 and `days` after it; `truth=False` leaves it out) and certificates go to `folder`, by default
    one that is removed at the end. `site_options` are further ones that `serve` and `generate` share, such as
    `--no-lastmod`; `options` further ones of `serve`. A `day` of None goes by PRESSKEEP_NOW. ReplicaError says why the
    server did not start.
    """
    with tempfile.TemporaryDirectory(prefix="replica-") as temporary:
        home = folder or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        site = ["--articles", str(articles), "--seed", str(seed), "--host-set", host_set, *site_options]
        if truth:
            scheme = "https" if tls else "http"
            _run("generate", [*site, "--days", str(days), "--scheme", scheme, "--out", str(home / "truth")])
        log = home / "requests.jsonl"
        log.touch()
        command = ["serve", *site, "--log", str(log), "--until-stdin-closes", *options]
        command += [] if day is None else ["--day", str(day)]
        command += ["--rules", str(rules)] if rules else []
        command += ["--tls", "--tls-folder", str(home / "tls")] if tls else []
        with _server(command) as greeting:
            yield Replica(
                port=greeting["port"],
                control=greeting["control"],
                tls_port=greeting.get("tls_port"),
                hosts=tuple(greeting["hosts"]),
                pid=greeting["pid"],
                log=log,
                truth=home / "truth",
                ca_file=Path(greeting["ca_file"]) if tls else None,
            )


@contextmanager
def _server(command: Sequence[str]) -> Iterator[dict[str, Any]]:
    pipe = subprocess.PIPE
    # A group of its own: Ctrl-C in a terminal ends the crawl, which then ends this; not the hosts under the crawl.
    with subprocess.Popen(
        _python(command), stdin=pipe, stdout=pipe, stderr=pipe, env=_environment(), process_group=0
    ) as process:
        assert process.stdout
        assert process.stderr
        try:
            first = process.stdout.readline()
            if not first:
                raise ReplicaError("did not start", "replica", process.stderr.read().decode("utf-8", "replace").strip())
            yield json.loads(first)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _run(command: str, options: Sequence[str]) -> None:
    done = subprocess.run(_python([command, *options]), capture_output=True, text=True, check=False, env=_environment())
    if done.returncode:
        raise ReplicaError(f"could not {command}", "replica", done.stderr.strip())


def _environment() -> dict[str, str]:
    """This process' environment, in which the child finds the same code whatever the working folder is."""
    home = str(Path(__file__).resolve().parents[2])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, home])}


def _python(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "scraper.demo", *arguments]
