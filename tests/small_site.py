"""A small outlet of two domains whose every answer a test decides, with a log of who asked for what at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.crawling import Ran, place_options, presskeep, replica_options
from tests.databases import Place

HOST, MIRROR = "www.small.example", "mirror.small.example"
DAY = "2026/05/30"
NOON = "2026-06-01T12:00:00Z"

PROFILE = """
name = "small"
title = "Small Gazette"
language = "en"
zone = "UTC"
country = "GR"
hidden = true
notices = ['has been seized by the Small Office']

[manners]
delay = 0
concurrency = 4

[[domains]]
host = "www.small.example"
role = "primary"
scheme = "http"

[[domains]]
host = "mirror.small.example"
role = "mirror"
scheme = "http"

[[articles]]
name = "dated"
pattern = '/news/(?P<year>\\d{4})/(?P<month>\\d{2})/(?P<day>\\d{2})/(?P<key>\\d+)$'
example = "http://www.small.example/news/2026/05/30/1"

[[discovery]]
way = "sections"
start = ["/"]
next = ["a.next"]

[[discovery]]
way = "sitemap"
start = ["/sitemap.xml"]

[[templates]]
name = "plain"
detect = ["h1.headline"]
headline = ["h1.headline"]
body = ["div.text"]

[[templates.published]]
select = ["time"]
attribute = "datetime"
formats = ["%Y-%m-%dT%H:%M:%S%z"]
"""


@dataclass(frozen=True)
class Answer:
    """What the site answers; `wait` seconds pass before it does."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0


NO_PAGE = Answer(b"<h1>No such page</h1>", status=404)
Answering = Callable[[str, str], Answer | None]
"""Gives the answer to a request for (host, path); None is no such page."""


@dataclass
class SmallSite:
    """The running site. `answering` may be changed at any time; `asked` holds (host, path) in the order of requests,
    `most` how many requests each host was ever answering at once."""

    port: int
    profile: Path
    answering: Answering
    asked: list[tuple[str, str]] = field(default_factory=list)
    most: Counter[str] = field(default_factory=Counter)

    ca_file: None = None

    @property
    def connect_to(self) -> tuple[str, ...]:
        """Mappings that lead every host here."""
        return f":80:127.0.0.1:{self.port}", f":443:127.0.0.1:{self.port}"

    @property
    def options(self) -> list[str]:
        """Options of the command line that lead every host here."""
        return replica_options(self)

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which the command line knows the profile."""
        return {"PRESSKEEP_PROFILES": str(self.profile)}

    def new_requests(self) -> list[tuple[str, str]]:
        """The requests since the last call."""
        taken, self.asked[:] = list(self.asked), []
        return taken


@contextmanager
def small_site(folder: Path, answering: Answering, profile: str = PROFILE) -> Iterator[SmallSite]:
    """Serve until the block ends. The profile is written to `folder`."""
    file = folder / "small.toml"
    file.write_text(profile)
    at_once: Counter[str] = Counter()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            host = self.headers.get("Host", "").partition(":")[0]
            with lock:
                site.asked.append((host, self.path))
                at_once[host] += 1
                site.most[host] = max(site.most[host], at_once[host])
            answer = site.answering(host, self.path) or NO_PAGE
            time.sleep(answer.wait)
            with lock:
                at_once[host] -= 1
            try:
                self._send(answer)
            except OSError:
                self.close_connection = True  # the client did not wait

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            return  # a client that was killed

    server = Server(("127.0.0.1", 0), Handler)
    site = SmallSite(server.server_address[1], file, answering)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


def crawl_small(place: Place, site: SmallSite, *more: str, now: str = NOON, program: tuple[str, ...] = ()) -> Ran:
    """Crawl the small site."""
    return presskeep(
        "crawl", "small", "--json", *place_options(place), *site.options, *more,
        now=now, environment=site.environment, program=program or ("-m", "scraper.cli"),
    )  # fmt: skip


def article_path(key: int, day: str = DAY) -> str:
    """The path of an article."""
    return f"/news/{day}/{key}"


def article_page(key: int, text: str = "", *, links: str = "") -> Answer:
    """An article's page; `text` goes into its body."""
    paragraphs = "".join(
        f"<p>Paragraph {number} of article {key} tells at some length what happened at the harbour of Port {key}, "
        f"who was there, and what the council is going to decide about it in the week that follows.</p>"
        for number in range(3)
    )
    return Answer(
        f'<!DOCTYPE html><html lang="en"><head><title>Article {key}</title></head><body>'
        f'<h1 class="headline">Article number {key} of the gazette</h1>'
        f'<time datetime="2026-05-30T09:00:00+00:00">30 May</time>'
        f'<div class="text">{paragraphs}<p>{text}</p></div>{links}</body></html>'.encode()
    )


def section(*paths: str, following: str | None = None) -> Answer:
    """A listing of articles, perhaps with a next page."""
    links = "".join(f'<li><a href="{path}">{path}</a></li>' for path in paths)
    turn = f'<a class="next" href="{following}">more</a>' if following else ""
    return Answer(f"<html><head><title>Gazette</title></head><body><ul>{links}</ul>{turn}</body></html>".encode())


def sitemap(*urls: str, lastmod: str | None = None) -> Answer:
    """A URL set."""
    stamp = f"<lastmod>{lastmod}</lastmod>" if lastmod else ""
    inner = "".join(f"<url><loc>{url}</loc>{stamp}</url>" for url in urls)
    return _xml("urlset", inner)


def sitemap_index(*urls: str) -> Answer:
    """A sitemap index."""
    return _xml("sitemapindex", "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls))


def redirect(target: str, status: int = 302) -> Answer:
    """A redirect."""
    return Answer(status=status, headers={"Location": target})


def pages(table: Mapping[str, Answer], host: str = HOST) -> Answering:
    """Answers by path on one host; a host that is not named answers 404 to all."""
    return lambda asked, path: table.get(path) if asked == host else None


def _xml(root: str, inner: str) -> Answer:
    text = f'<?xml version="1.0"?><{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inner}</{root}>'
    return Answer(text.encode(), content_type="application/xml")
