"""Whole crawls of hosts that are dead, silent or hostile: what is asked, what is kept, and what is told."""

from __future__ import annotations

import gzip
import multiprocessing
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from fcntl import ioctl
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from benchmarks.crawl import proportional_bytes
from scraper.demo.process import Replica, running_replica
from tests.crawling import DAY, ROOT, crawl, dangling, look, missing_from, place_options, presskeep, replica_options
from tests.databases import Place
from tests.living import PATIENCE, asked_for, end_of, heed_hangups, living_crawl, open_files, wait_until
from tests.tiers import in_soak

PRIMARY = "www.replica.example"
PLAIN = {"Content-Type": "text/plain"}
ROBOTS = "^/robots"
IMPATIENT = {"PRESSKEEP_REQUEST_TIMEOUT": "3"}
BOMB = 400_000_000
MEMORY = 350_000_000
"""More than a crawl takes, less than it takes to unpack the bomb."""
BLOCKED = (
    "<html><head><title>Attention Required!</title></head><body><h1>Sorry, you have been blocked</h1>"
    "<p>You are unable to access this website. Please enable cookies and reload the page to go on.</p></body></html>"
)


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """Its listings do not tell when an article was changed last, so that a crawl has to look."""
    folder = tmp_path_factory.mktemp("replica")
    with running_replica(articles=20, seed=11, folder=folder, site_options=("--no-lastmod",)) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, replica: Replica) -> Place:
    replica.set_rules([])
    replica.new_requests()
    return Place(tmp_path / "archive", None)


def reasons(place: Place) -> dict[str, set[str]]:
    """Why pages gave no article, by URL, as `status` tells."""
    told = presskeep("status", "--refused", "--json", *place_options(place)).json
    found: dict[str, set[str]] = {}
    for line in told["refused"] + told["failures"]:
        found.setdefault(line["url"], set()).add(line["reason"].rpartition("failed:")[2])
    return found


def paths(replica: Replica) -> list[str]:
    return [each["path"] for each in replica.new_requests()]


def english_articles(replica: Replica) -> list[dict[str, Any]]:
    """The articles that several domains have."""
    return [each for each in replica.articles() if PRIMARY in each["locations"]]


def french_articles(replica: Replica) -> list[dict[str, Any]]:
    """The articles that one domain has."""
    return [each for each in replica.articles() if PRIMARY not in each["locations"]]


def is_article(path: str) -> bool:
    return path.lower().startswith(("/detail/", "/video/", "/story/"))


# Domains


def profile_without_schemes(folder: Path) -> dict[str, str]:
    """The demo's profile where it is not known which scheme its domains serve."""
    text = (ROOT / "spiders" / "outlets" / "demo.toml").read_text()
    (folder / "either.toml").write_text(
        text.replace('scheme = "http"\n', "").replace('name = "demo"', 'name = "either"')
    )
    return {"PRESSKEEP_PROFILES": str(folder)}


@pytest.mark.soak
@pytest.mark.long
def test_where_https_is_dead_and_http_lives_the_domain_is_asked_by_http(
    place: Place, replica: Replica, tmp_path: Path
) -> None:
    """The replica has no TLS: what is sent to its port 443 meets no handshake."""
    environment = profile_without_schemes(tmp_path)
    ran = crawl(place, replica, outlet="either", environment=environment)
    assert ran.code in (0, 1), ran.err
    held = look(place)
    assert missing_from(held, replica.articles()) == []
    assert held.domains[PRIMARY][0] == "serving"

    replica.set_rules([{"drop": True}])
    dead = crawl(Place(tmp_path / "other", None), replica, outlet="either", environment=environment)
    assert dead.code == 3, "the control: with http dead too, it is told"


@pytest.mark.soak
@pytest.mark.long
def test_a_domain_that_falls_silent_in_mid_crawl_is_left_and_the_next_one_asked(place: Place, replica: Replica) -> None:
    replica.set_rules([{"host": PRIMARY, "first": 20, "delay": 60}])
    ran = crawl(place, replica, environment=IMPATIENT)
    assert ran.code in (0, 1), ran.err
    assert f"{PRIMARY} stopped answering (timeout); the crawl goes on without it" in ran.err
    held = look(place)
    assert held.domains[PRIMARY][0] == "unreachable"
    english = english_articles(replica)
    assert [each["key"] for each in english if each["key"] not in held.headlines] == []
    served = [each for each in english if "article" in held.outcomes.get(each["locations"][PRIMARY], ())]
    assert len(served) < len(english), "the control: it had not served all when it fell silent"


@pytest.mark.long
@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"drop": True}, "none of its hosts could be reached"),
        ({"delay": 60}, "none of its hosts could be reached"),
        ({"status": 403}, "none of its hosts served it"),
        ({"status": 503}, "none of its hosts served it"),
    ],
    ids=["dropped", "silent", "forbidden", "out-of-service"],
)
def test_with_no_domain_alive_the_crawl_says_so(
    place: Place, replica: Replica, rule: dict[str, Any], words: str
) -> None:
    replica.set_rules([rule])
    ran = crawl(place, replica, environment={"PRESSKEEP_REQUEST_TIMEOUT": "1"})
    assert ran.code == 3, ran.err
    told = [line for line in ran.err.splitlines() if line.startswith("presskeep: ")]
    assert len(told) == 1
    assert words in told[0]
    assert ran.json["exit_code"] == 3


# robots.txt


@pytest.mark.long
def test_what_robots_txt_disallows_is_not_fetched(place: Place, replica: Replica) -> None:
    replica.set_rules([{"path": ROBOTS, "body": "User-agent: *\nDisallow: /Detail/\n", "headers": PLAIN}])
    ran = crawl(place, replica)
    asked = paths(replica)
    assert [path for path in asked if path.startswith("/Detail/")] == []
    assert [path for path in asked if path.startswith("/Section/")], "what it allows is fetched"
    assert ran.code == 1
    assert ran.json["outlets"][0]["counts"]["failures"]["robots"] > 0
    assert {"robots"} in reasons(place).values()

    replica.set_rules([])
    assert crawl(place, replica, "--ignore-robots", hour=13).code in (0, 1)
    assert [path for path in paths(replica) if path.startswith("/Detail/")], "the control: it is there to be fetched"


@pytest.mark.long
@pytest.mark.parametrize(
    "answer",
    [
        in_soak({"body": "User-agent: *\nDisallow: /\n", "headers": PLAIN}, id="all"),
        pytest.param({"status": 503}, id="503"),
        in_soak({"drop": True}, id="dropped"),
        in_soak({"endless": True, "headers": PLAIN, "drip": 0.1}, id="endless"),
    ],
)
def test_where_robots_txt_disallows_all_or_cannot_be_had_nothing_is_fetched(
    place: Place, replica: Replica, answer: dict[str, Any]
) -> None:
    """RFC 9309, 2.3.1.4: unreachable means disallow."""
    replica.set_rules([{"path": ROBOTS, **answer}])
    ran = crawl(place, replica, environment={"PRESSKEEP_REQUEST_TIMEOUT": "1"})
    asked = paths(replica)
    assert asked, "robots.txt was asked for"
    assert [path for path in asked if path != "/robots.txt"] == []
    assert ran.code in (1, 3), ran.err
    assert any(word.startswith("robots") for word in ran.json["outlets"][0]["counts"]["failures"])

    replica.set_rules([])
    assert crawl(place, replica, "--limit", "2", hour=14, now="2026-06-02T14:00:00Z").code in (0, 1)
    assert [path for path in paths(replica) if is_article(path)], "the control: it is fetched once it may be"


@pytest.mark.soak
@pytest.mark.long
def test_where_there_is_no_robots_txt_all_is_fetched(place: Place, replica: Replica) -> None:
    replica.set_rules([{"path": ROBOTS, "status": 404}])
    assert crawl(place, replica).code in (0, 1)
    assert missing_from(look(place), replica.articles()) == []


# Answers

WRONGS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "bomb": ({"bomb": BOMB}, {"too-large"}),
    "cut": ({"truncate": 300}, {"truncated"}),
    "endless": ({"endless": True}, {"too-large", "timeout"}),
    "too-long": ({"length": 500}, {"truncated", "timeout"}),
    "too-short": ({"length": -200}, {"truncated", "bad-encoding"}),
    "slow": ({"drip": 0.5}, {"timeout"}),
    "empty": ({"body": ""}, {"empty"}),
    "no-page": ({"body": "%PDF-1.4", "headers": {"Content-Type": "application/pdf"}}, {"not-html"}),
    "no-gzip": ({"body": "<p>Hello</p>", "headers": {"Content-Encoding": "gzip"}}, {"bad-encoding"}),
    "blocked": ({"body": BLOCKED}, {"too-short", "blocked", "notice"}),
    "broken": ({"status": 500}, {"status-500"}),
}
"""What a host may answer instead of an article, and the reasons that may be told for it."""


LASTING = ("endless", "slow")
"""Those that are waited for; an article that one domain has is waited for once."""


def build_bomb(replica: Replica, key: str) -> None:
    """Ask for it once: the replica answers nobody else while it builds it."""
    connection = HTTPConnection("127.0.0.1", replica.port, timeout=60)
    connection.request("GET", f"/{key}", headers={"Host": PRIMARY})
    connection.getresponse()
    connection.close()


class Watch:
    """Looks at the memory of a process and all below it, and keeps the most."""

    def __init__(self, pid: int) -> None:
        self.most = 0
        self._pid, self._ended = pid, Event()
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(0.05):
            with suppress(OSError):  # it ended between two looks
                self.most = max(self.most, proportional_bytes(self._pid))

    def end(self) -> int:
        self._ended.set()
        self._thread.join()
        return self.most


def unpack_carelessly() -> None:
    """What a crawl must not do with a bomb."""
    unpacked = gzip.decompress(gzip.compress(bytes(BOMB), 1))
    time.sleep(0.5 if unpacked else 0)


@pytest.mark.long
def test_hostile_answers_are_named_and_never_become_articles(place: Place, replica: Replica) -> None:
    truth = replica.articles()
    brief = [name for name in WRONGS if name not in LASTING]
    wrong = dict(zip(brief, (each["key"] for each in english_articles(replica)), strict=False))
    wrong |= dict(zip(LASTING, (each["key"] for each in french_articles(replica)), strict=False))
    assert wrong.keys() == WRONGS.keys()
    replica.set_rules([{"path": key, **WRONGS[name][0]} for name, key in wrong.items()])
    build_bomb(replica, wrong["bomb"])
    with living_crawl(place, replica, environment=IMPATIENT) as process:
        watch = Watch(process.pid)
        ran = end_of(process)
        most = watch.end()
    assert ran.code == 1, ran.err
    held, why = look(place), reasons(place)
    assert [name for name, key in wrong.items() if key in held.locations] == []
    assert held.revisions == len(held.headlines) == len(truth) - len(wrong), "the others are all there"
    for name, key in wrong.items():
        told = set().union(*(words for url, words in why.items() if key in url))
        assert {word.removeprefix("refused:") for word in told} & WRONGS[name][1], (name, told)
    assert dangling(place) == []
    assert 0 < most < MEMORY
    careless = multiprocessing.get_context("spawn").Process(target=unpack_carelessly)
    careless.start()
    watch = Watch(careless.pid or 0)
    careless.join()
    assert watch.end() > MEMORY, "the bound sees who unpacks it"

    replica.set_rules([])
    assert crawl(place, replica, now="2026-06-03T12:00:00Z").code in (0, 1)
    assert missing_from(look(place), truth) == [], "the control: each is an article once it is answered as one"


@pytest.mark.long
def test_an_article_once_kept_is_not_overwritten_by_what_is_none(place: Place, replica: Replica) -> None:
    crawl(place, replica)
    before = look(place)
    assert missing_from(before, replica.articles()) == []
    wrong = ("cut", "empty", "no-page", "no-gzip", "blocked", "broken")
    keys = [each["key"] for each in replica.articles()]
    rules = [{"path": f"{key}", **WRONGS[wrong[at % len(wrong)]][0]} for at, key in enumerate(keys)]
    replica.set_rules(rules)
    replica.new_requests()
    ran = crawl(place, replica, now="2026-07-20T12:00:00Z")
    assert ran.code in (0, 1, 3), ran.err
    asked = {key for path in paths(replica) for key in keys if key in path}
    assert len(asked) > len(wrong), "they were visited again, and answered wrongly"
    after = look(place)
    assert (after.headlines, after.bodies, after.revisions) == (before.headlines, before.bodies, before.revisions)
    assert after.locations == before.locations

    replica.set_rules([])
    replica.set_day(1)
    try:
        assert crawl(place, replica, now="2026-09-20T12:00:00Z").code in (0, 1)
    finally:
        replica.set_day(0)
    assert look(place).bodies != before.bodies, "the control: an edit is seen"


# Signals, as a terminal sends them: to the crawl and to all its workers


class Terminal:
    """A terminal in which one command runs in the foreground."""

    def __init__(self, *command: str, environment: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        self.shown = b""
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, preexec_fn=self._take, close_fds=True
        )
        os.close(slave)
        self._reading = Thread(target=self._read, daemon=True)
        self._reading.start()

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def hang_up(self) -> None:
        """What the terminal's window does when it is closed: its end goes, and the kernel sends SIGHUP."""
        os.close(self._master)

    def end(self) -> int:
        """The exit code. Raises TimeoutExpired where the command does not end, or waits for what is slow."""
        try:
            return self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self._reading.join(10)

    @staticmethod
    def _take() -> None:
        heed_hangups()
        os.setsid()
        ioctl(0, termios.TIOCSCTTY, 0)

    def _read(self) -> None:
        try:
            while piece := os.read(self._master, 4096):
                self.shown += piece
        except OSError:
            return  # hung up


def in_terminal(place: Place, replica: Replica) -> Terminal:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PRESSKEEP_")}
    variables |= {"PYTHONPATH": str(ROOT), "PRESSKEEP_NOW": DAY.format(day=1, hour=12), "TERM": "xterm"}
    variables["PRESSKEEP_REQUEST_TIMEOUT"] = str(4 * PATIENCE)
    options = [*place_options(place), *replica_options(replica)]
    return Terminal(sys.executable, "-m", "scraper.cli", "crawl", "demo", *options, environment=variables)


def interrupt(terminal: Terminal) -> None:
    terminal.type(b"\x03")


def interrupt_twice(terminal: Terminal) -> None:
    terminal.type(b"\x03")
    wait_until(lambda: b"^C" in terminal.shown, "the first Ctrl-C")
    terminal.type(b"\x03")


@pytest.mark.long
@pytest.mark.parametrize("end", [interrupt, in_soak(interrupt_twice), in_soak(Terminal.hang_up)])
def test_a_terminal_ends_a_crawl_that_waits_for_a_slow_answer(
    place: Place, replica: Replica, end: Callable[[Terminal], None]
) -> None:
    replica.set_rules([{"first": 60, "delay": 2 * PATIENCE}])
    come = asked_for(replica, 61)
    terminal = in_terminal(place, replica)
    wait_until(come, "a slow answer")
    end(terminal)
    assert terminal.end() == 7, terminal.shown
    if end is not Terminal.hang_up:
        told = b" ".join(terminal.shown.split())  # it is folded where the terminal ends
        assert b"stopped. All that was fetched is kept; the same command goes on." in told
    assert b"Traceback" not in terminal.shown
    assert open_files(place) == []
    assert dangling(place) == []

    assert missing_from(look(place), replica.articles()), "the check sees a crawl that was broken off"
    replica.set_rules([])
    assert crawl(place, replica, now="2026-06-01T12:20:00Z").code in (0, 1)
    assert missing_from(look(place), replica.articles()) == []
