"""What the tests of re-extraction share: a paper whose pages are kept and read by real extraction under its profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from scraper.config import Config
from scraper.crawling.reading import Reader, ReadResult, ReadTask
from scraper.extraction import EXTRACTOR_VERSION, profile_digest
from scraper.extraction.learnt import Learnt
from scraper.extraction.page import Limits
from scraper.outlet import Outlet
from scraper.profiles import load_outlet
from scraper.reextracting import RereadReport, reextract
from storage.archive import Archive
from storage.crawls import end_crawl, free_outlet
from storage.history import Observation, history
from storage.models import article, article_key, crawl, revision
from storage.records import ExtractorName, Known, Reading
from tests.databases import place_of
from tests.keeping import HOUR, MIRROR, PRIMARY, T0, Work, exchange, working

PROFILE = f"""
name = "demo"
title = "The Daily"
language = "en"
zone = "UTC"
country = "GR"

[[domains]]
host = "{PRIMARY}"
role = "primary"

[[domains]]
host = "{MIRROR}"
role = "mirror"

[[articles]]
name = "numbered"
pattern = '/detail/(?P<key>\\d+)$'
example = "https://{PRIMARY}/detail/1"

[[discovery]]
way = "feed"
start = ["/rss.xml"]

[[templates]]
name = "page"
detect = ["h1.title"]
headline = ["h1.title"]
body = ["div.text"]
"""
"""Reads all of a page's text."""
WITHOUT_NOTES = PROFILE + 'drop = ["p.note"]\n'
"""Leaves notes out: the text of every page that has one differs from what PROFILE reads."""
WITHOUT_LAST = PROFILE + 'drop = ["p.last"]\n'
FILLER = (
    "The council met in the old hall by the harbour and spoke about the new bridge for three hours that evening.",
    "Several members asked for a second survey of the river bed before any of the money is spent on the pillars.",
)


def page(*paragraphs: str, note: str = "", last: str = "", headline: str = "Council speaks about the bridge") -> bytes:
    """An article's page. `note` and `last` are paragraphs that some profiles leave out."""
    texts = "".join(f"<p>{text}</p>" for text in (*FILLER, *paragraphs))
    texts += f'<p class="note">{note}</p>' if note else ""
    texts += f'<p class="last">{last}</p>' if last else ""
    return (
        f"<html lang=en><head><title>{headline}</title></head><body><h1 class=title>{headline}</h1>"
        f"<div class=text>{texts}</div></body></html>"
    ).encode()


@dataclass
class Paper:
    """An outlet whose pages are kept as a crawl keeps them, at the hours given, and read by a profile."""

    work: Work
    folder: Path
    outlet: Outlet
    learnt: Learnt | None = None
    resources: dict[str, int] = field(default_factory=dict)
    tasks: dict[int, ReadTask] = field(default_factory=dict)

    def show(
        self,
        key: str,
        body: bytes,
        *,
        host: str = PRIMARY,
        hour: int = 0,
        path: str = "/detail/{}",
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Known:
        """Keep and read a page, as a crawl does: where its text waits for the one before, that is read again."""
        if key not in self.resources:
            self.resources |= self.work.find(key)
        url, at = f"https://{host}{path.format(key)}", T0 + hour * HOUR
        headers = ((b"Content-Type", b"text/html; charset=utf-8"), *headers)
        kept = self.work.keep(self.resources[key], url, at, body=body, headers=headers)
        answer = exchange(url, body, headers=headers)
        self.tasks[kept.capture] = ReadTask.of(answer, outlet=self.outlet.name, kind="article", key=key, at=at)
        known = self._know(kept.capture)
        if known.reread is not None:
            self._know(known.reread, at)
            known = self._know(kept.capture)
        return known

    def _know(self, capture: int, read_at: datetime | None = None) -> Known:
        task = replace(self.tasks[capture], learnt=self.learnt.pack() if self.learnt else None)
        assert task.key is not None
        result = Reader({self.outlet.name: self.outlet}, Limits(), None).read(task)
        return self.work.writer.know(self._reading(capture, result, task.key, read_at or task.at)).result(20)

    def _reading(self, capture: int, result: ReadResult, key: str, at: datetime) -> Reading:
        return Reading(
            capture=capture,
            resource=self.resources[key],
            extractor=ExtractorName(
                EXTRACTOR_VERSION, profile_digest(self.outlet), self.learnt.digest if self.learnt else ""
            ),
            outcome=result.outcome,
            at=at,
            key=result.key,
            content=result.content,
            rights=result.rights,
        )


@contextmanager
def printing(archive: Archive, folder: Path, profile: str = PROFILE) -> Iterator[Paper]:
    """A paper whose crawl goes on within the block, and has ended after it."""
    with working(archive) as work:
        yield Paper(work, folder, profile_of(folder, profile))
    with archive.begin() as connection:
        end_crawl(connection, work.crawl, "finished", {}, T0)
        free_outlet(connection, work.outlet, work.owner)


def profile_of(folder: Path, profile: str) -> Outlet:
    """Write a profile down where `read_again` finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "demo.toml").write_text(profile)
    return load_outlet(folder / "demo.toml")


def read_again(
    archive: Archive, folder: Path, profile: str, *, hour: int = 1000, jobs: int = 2, **options: Any
) -> RereadReport:
    """Read the paper's captures again by a profile, in this process; `hour` is the time by the mapped clock."""
    profile_of(folder, profile)
    place = place_of(archive)
    settings = {name: options.pop(name) for name in ("page_seconds", "max_page_bytes") if name in options}
    config = Config(
        archive=place.folder,
        database=place.database,
        profiles=(folder,),
        workers=jobs,
        now=(T0 + hour * HOUR).isoformat(),
        **settings,
    )
    (report,) = reextract(config, "demo", **options)
    return report


def told(archive: Archive, key: str = "1") -> list[Observation]:
    """The history of an article by its key."""
    with archive.read() as connection:
        return history(connection, owner_of(archive, key))


def owner_of(archive: Archive, key: str) -> int:
    """The article that a key names."""
    with archive.read() as connection:
        number: int = connection.execute(select(article_key.c.article).where(article_key.c.key == key)).scalar_one()
        return number


def edits(observations: Sequence[Observation]) -> list[tuple[Any, ...]]:
    """What an article's history says that is not about reading: nothing of it may change by reading again."""
    return [
        (each.kind, each.at, each.domain, each.digest, each.number, each.disagrees)
        for each in observations
        if each.kind != "reread"
    ]


def current_body(archive: Archive, key: str = "1") -> str:
    """The text that is current."""
    with archive.read() as connection:
        body: str = connection.execute(
            select(revision.c.body)
            .join(article, article.c.current_revision == revision.c.id)
            .join(article_key, article_key.c.article == article.c.id)
            .where(article_key.c.key == key)
        ).scalar_one()
        return body


def rereading_crawls(archive: Archive) -> list[Any]:
    """The runs of re-extraction."""
    with archive.read() as connection:
        return list(connection.execute(select(crawl).where(crawl.c.kind == "reextract").order_by(crawl.c.id)))
