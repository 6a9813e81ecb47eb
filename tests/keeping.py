"""What the tests of storage's writing side share: exchanges, contents, and an archive with a run under way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from storage import crawls, outlets
from storage.archive import Archive
from storage.content import ArticleContent, Block, Figure, PrintedDate
from storage.exchange import Exchange, TlsFacts, Truncation
from storage.frontier import NEW, add_found, lease
from storage.models import metadata
from storage.owners import new_owner
from storage.records import DomainFacts, ExtractorName, Failure, Fetch, Found, Kept, Known, Reading
from storage.writer import Writer

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PRIMARY, MIRROR, FORMER = "news.example", "mirror.example", "old.example"
EXTRACTOR = ExtractorName("1")


def exchange(
    url: str,
    body: bytes = b"<html>text</html>",
    *,
    status: int = 200,
    headers: tuple[tuple[bytes, bytes], ...] = ((b"Content-Type", b"text/html; charset=utf-8"),),
    chunked: bool = False,
    tls: TlsFacts | None = None,
    truncated: Truncation | None = None,
) -> Exchange:
    """An exchange as a server would give it."""
    wire = body
    if chunked:
        headers = (*headers, (b"Transfer-Encoding", b"chunked"))
        pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
        wire = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = b"HTTP/1.1 %d Reason\r\n" % status + b"".join(b"%b: %b\r\n" % each for each in headers) + b"\r\n"
    request = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"
    return Exchange(
        url, request, head + wire, len(head), body, status, "Reason", headers,
        datetime.now(UTC), 0.25, "127.0.0.1", 443, tls, truncated,
    )  # fmt: skip


def content(text: str = "One paragraph.", *, headline: str = "Headline", at: datetime = T0) -> ArticleContent:
    """An article's content; different text, another revision."""
    return ArticleContent(
        headline=headline,
        blocks=(Block("heading", "Part", level=2), Block("paragraph", text), Block("list", items=("a", "b"))),
        lead="Lead.",
        authors=("Ada Writer", "Ben Editor"),
        section=("News", "Politics"),
        tags=("tag",),
        figures=(Figure("https://news.example/a.jpg", "A caption", "A credit"),),
        language="en",
        published=PrintedDate(at, "1 March 2026 12:00", "minute", "UTC"),
        found={"headline": "h1"},
    )


@dataclass
class Work:
    """A run under way: an outlet of three domains, a crawl, and its writer."""

    archive: Archive
    outlet: int
    crawl: int
    owner: str
    writer: Writer
    domains: dict[str, int]

    def find(self, *keys: str, host: str = PRIMARY) -> dict[str, int]:
        """Put articles into the frontier; gives their resources by key."""
        with self.archive.begin() as connection:
            founds = [Found(key, "article", f"https://{host}/detail/{key}", NEW, T0, "home") for key in keys]
            add_found(connection, self.outlet, founds, now=T0, crawl=self.crawl)
            taken = lease(connection, self.outlet, self.owner, now=T0, until=T0 + HOUR, limit=1000)
        return {each.key: each.resource for each in taken}

    def keep(self, resource: int, url: str, at: datetime = T0, **facts: Any) -> Kept:
        outcome = facts.pop("outcome", "pending")
        final = facts.pop("final", True)
        redirected_from = facts.pop("redirected_from", None)
        fetch = Fetch(exchange(url, **facts), resource, url, outcome, at, final, at + 24 * HOUR, redirected_from)
        return self.writer.keep(fetch).result(20)

    def fail(self, resource: int, url: str, reason: str = "timeout", at: datetime = T0) -> None:
        self.writer.fail(Failure(resource, url, reason, at, True, at + HOUR)).result(20)

    def read(self, capture: int, resource: int, key: str, text: str = "One paragraph.", **facts: Any) -> Known:
        facts.setdefault("at", T0)
        reading = Reading(
            capture, resource, facts.pop("extractor", EXTRACTOR), "article", key=key, content=content(text), **facts
        )
        return self.writer.know(reading).result(20)

    def show(self, key: str, resource: int, text: str, *, host: str = PRIMARY, at: datetime = T0) -> Known:
        """Keep and read a page of an article."""
        kept = self.keep(resource, f"https://{host}/detail/{key}", at, body=text.encode())
        return self.read(kept.capture, resource, key, text, at=at)

    def count(self, table: str) -> int:
        with self.archive.read() as connection:
            number: int = connection.execute(select(func.count()).select_from(metadata.tables[table])).scalar_one()
            return number

    def rows(self, table: str) -> list[Any]:
        chosen = metadata.tables[table]
        with self.archive.read() as connection:
            return list(connection.execute(select(chosen).order_by(*chosen.primary_key.columns)))


def begin(archive: Archive) -> tuple[int, int, str, dict[str, int]]:
    """An outlet with a primary, a mirror and a former domain, and a crawl of it: outlet, crawl, owner, domains."""
    owner = new_owner()
    facts = [
        DomainFacts(PRIMARY, "", "primary", "en", None, None, 0),
        DomainFacts(MIRROR, "", "mirror", "en", None, None, 1),
        DomainFacts(FORMER, "", "former", "en", None, None, 2),
    ]
    with archive.begin() as connection:
        outlet = outlets.sync_outlet(connection, "demo", "profile", facts, T0)
        crawls.hold_outlet(connection, outlet, owner)
        crawl = crawls.begin_crawl(
            connection, outlet, "crawl", operator=None, robots_policy="obey", now=T0, owner=owner
        )
        numbers = {each.host: each.id for each in outlets.domains(connection, outlet)}
    return outlet, crawl, owner, numbers


@contextmanager
def working(archive: Archive, **limits: int) -> Iterator[Work]:
    """A run under way; its writer is closed at the end."""
    outlet, crawl, owner, numbers = begin(archive)
    writer = Writer(archive, crawl=crawl, outlet=outlet, owner=owner, warcinfo={"software": "test"}, **limits)
    writer.start()
    try:
        yield Work(archive, outlet, crawl, owner, writer, numbers)
    finally:
        writer.close()
