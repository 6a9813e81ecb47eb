"""The replica's command line: `python -m scraper.demo serve` and `generate`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from scraper.demo.errors import ReplicaError
from scraper.demo.hostset import HostSet
from scraper.demo.hostsets import HOST_SETS
from scraper.demo.plans import read_plan
from scraper.demo.requestlog import Bell, RequestLog
from scraper.demo.rules import RuleBook, read_rules
from scraper.demo.server import Endpoints, serve
from scraper.demo.service import Service, parse_bell
from scraper.demo.site import Site
from scraper.demo.timeline import MAX_DAYS, Timeline, Volume
from scraper.demo.truth import write_truth
from scraper.errors import UsageError
from scraper.fetching.clock import Clock, clock_from

MIN_ARTICLES, MAX_ARTICLES = 10, 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 2 for wrong usage, with one line that says what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "generate":
            write_truth(_site(options), options.out, options.days, options.scheme)
        else:
            _serve(options)
    except ReplicaError as error:
        sys.stderr.write(f"replica: {error}\n")
        return error.exit_code
    return 0


def _serve(options: argparse.Namespace) -> None:
    site = _site(options)
    timeline = site.catalogue.timeline
    bells = [_bell(text) for text in options.bell]
    rules = RuleBook(read_rules(options.rules) if options.rules else ())
    clock = _clock(options.now) if options.now and options.day is None else None
    day = _day(clock, timeline, options.day or 0)
    greeting: dict[str, object] = {
        "hosts": [host.name for host in site.hosts.hosts],
        "host_set": site.hosts.name,
        "articles": timeline.size,
        "seed": timeline.seed,
        "day": day(),
    }
    with ExitStack() as stack:
        endpoints = Endpoints(options.port, options.control)
        if options.tls:
            # Imported here alone, since making certificates loads a large library.
            from scraper.demo.tls import make_certificates

            folder = options.tls_folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="replica-")))
            made = make_certificates(folder, [host.name for host in site.hosts.hosts])
            endpoints = replace(endpoints, tls_port=options.tls_port, tls=(made.certificate, made.key))
            greeting["ca_file"] = str(made.authority)
        try:
            log = stack.enter_context(RequestLog(options.log, clock))
        except OSError as error:
            raise ReplicaError(f"cannot be written: {error.strerror}", str(options.log)) from error
        service = Service(site, log, rules, bells, day)
        asyncio.run(serve(service, endpoints, greeting, until_stdin_closes=options.until_stdin_closes))


def _site(options: argparse.Namespace) -> Site:
    hosts: HostSet = HOST_SETS[options.host_set]
    if options.lag:
        lagging = tuple(replace(host, lag=options.lag) if host.role == "mirror" else host for host in hosts.hosts)
        hosts = replace(hosts, hosts=lagging)
    plan = read_plan(options.changes, hosts) if options.changes else None
    length = timedelta(seconds=options.day_seconds)
    timeline = Timeline(options.seed, options.articles, hosts, Volume(*options.volume), plan, length=length)
    return Site(hosts, timeline, lastmod=not options.no_lastmod)


def _clock(now: str) -> Clock:
    try:
        return clock_from(now)
    except UsageError as error:
        raise ReplicaError(error.what, error.which, error.next) from error


def _day(clock: Clock | None, timeline: Timeline, day: int) -> Callable[[], int]:
    """The day by the clock, where one is set: it stands still unless the clock leaps."""
    if clock is None:
        return lambda: day
    if not clock.leaps:
        still = timeline.day_of(clock.now())
        return lambda: still
    return lambda: timeline.day_of(clock.now())


def _bell(text: str) -> Bell:
    number, colon, rest = text.partition(":")
    target, _, name = rest.partition(":")
    if not number.isdigit() or not colon or not target:
        raise ReplicaError(f"{text!r} is no bell", "--bell", "For example 30:4711:KILL or 30:/tmp/fifo")
    if target.isdigit():
        return parse_bell({"request": int(number), "pid": int(target), "signal": name or "TERM"})
    return parse_bell({"request": int(number), "file": rest})


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"replica: {message}. See {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m scraper.demo",
        description="A news site made from a seed number, to test crawlers against. See docs/replica.md.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = _Parser(add_help=False)
    common.add_argument(
        "--articles",
        type=_between(MIN_ARTICLES, MAX_ARTICLES),
        default=60,
        metavar="N",
        help="articles of day 0 (default: 60)",
    )
    common.add_argument(
        "--seed", type=int, default=7, metavar="S", help="the number that everything is made from (default: 7)"
    )
    common.add_argument(
        "--host-set",
        "--hosts",
        choices=sorted(HOST_SETS),
        default="demo",
        help="whose host names and sections (default: demo)",
    )
    common.add_argument(
        "--volume",
        type=_volume,
        default=(5, 3, 1),
        metavar="N,E,W",
        help="new, edited and withdrawn articles a day (default: 5,3,1)",
    )
    common.add_argument(
        "--day-seconds", type=_between(60, 86_400), default=86_400, metavar="S",
        help="how long a day lasts (default: 86400); in shorter ones the site changes by the hour",
    )  # fmt: skip
    common.add_argument("--changes", type=Path, metavar="FILE", help="JSON lines that say what single days change")
    common.add_argument(
        "--lag", type=_between(0, MAX_DAYS), default=0, metavar="DAYS", help="how far mirrors are behind (default: 0)"
    )
    common.add_argument("--no-lastmod", action="store_true", help="sitemaps without lastmod")

    server = commands.add_parser(
        "serve", parents=[common], help="serve the site on loopback", description="Serve the site until SIGTERM."
    )
    server.add_argument("--port", type=_between(0, 65535), default=0, help="port for all hosts (default: a free one)")
    server.add_argument(
        "--control", type=_between(0, 65535), default=0, metavar="PORT", help="control port (default: a free one)"
    )
    server.add_argument("--tls", action="store_true", help="a second port with TLS, under an authority made for it")
    server.add_argument(
        "--tls-port", type=_between(0, 65535), default=0, metavar="PORT", help="that port (default: a free one)"
    )
    server.add_argument(
        "--tls-folder", type=Path, metavar="DIR", help="where to put the certificates (default: a temporary folder)"
    )
    server.add_argument("--log", type=Path, metavar="FILE", help="append a JSON line for each request")
    server.add_argument("--rules", type=Path, metavar="FILE", help="misbehaviour: a JSON or TOML file of rules")
    server.add_argument(
        "--day", type=_between(0, MAX_DAYS), metavar="N", help="the day to show (default: by the clock, else 0)"
    )
    server.add_argument(
        "--now", default=os.environ.get("PRESSKEEP_NOW"), metavar="INSTANT", help="the clock (default: PRESSKEEP_NOW)"
    )
    server.add_argument(
        "--bell",
        action="append",
        default=[],
        metavar="N:PID[:SIGNAL]|N:FILE",
        help="signal a process or write a line at request N",
    )
    server.add_argument("--until-stdin-closes", action="store_true", help="end when standard input closes")

    generator = commands.add_parser(
        "generate", parents=[common], help="write the truth", description="Write every article's exact fields to files."
    )
    generator.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the files")
    generator.add_argument(
        "--days", type=_between(0, MAX_DAYS), default=0, metavar="D", help="days after day 0 to describe (default: 0)"
    )
    generator.add_argument(
        "--scheme", choices=("http", "https"), default="http", help="scheme of the addresses (default: http)"
    )
    return parser


def _between(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
        return int(text)

    return number


def _volume(text: str) -> tuple[int, int, int]:
    parts = text.split(",")
    if len(parts) != 3 or not all(part.isdigit() and len(part) < 6 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 5,3,1")
    new, edited, withdrawn = map(int, parts)
    return new, edited, withdrawn


if __name__ == "__main__":
    sys.exit(main())
