"""`presskeep reextract` on archives that real crawls made over several days of edits.

The broken twins that its rules are held against stand in test_reextract.py.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.history import history
from storage.manifest import manifest_digest
from storage.models import article, capture, crawl, extraction, extractor
from tests.crawling import Ran, place_options, presskeep
from tests.crawling import crawl as crawl_replica
from tests.databases import Place
from tests.tiers import in_soak

SHIPPED = Path(__file__).parents[1] / "spiders" / "outlets" / "demo.toml"
DAYS = 3
SIGKILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    folder = tmp_path_factory.mktemp("replica")
    with running_replica(articles=30, seed=11, days=DAYS + 1, folder=folder, site_options=("--volume", "3,5,1")) as one:
        yield one


@pytest.fixture(scope="module")
def crawled(replica: Replica, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive on SQLite of some days of crawls; to be copied."""
    place = Place(tmp_path_factory.mktemp("crawled") / "archive", None)
    crawl_days(place, replica)
    return place.folder


@pytest.fixture
def place(crawled: Path, tmp_path: Path) -> Place:
    """A copy of the crawled archive."""
    shutil.copytree(crawled, tmp_path / "archive")
    return Place(tmp_path / "archive", None)


def crawl_days(place: Place, replica: Replica) -> None:
    for day in range(DAYS):
        replica.set_day(day)
        ran = crawl_replica(place, replica, day=day)
        assert ran.code in (0, 1), ran.err


def profile_in(folder: Path, lead: str, *, learning: bool = False) -> dict[str, str]:
    """The environment in which the demo's profile takes for the lead what another selector finds, and with `learning`
    names no boilerplate."""
    folder.mkdir(exist_ok=True)
    text = SHIPPED.read_text("utf-8")
    if learning:
        before, _, rest = text.partition("boilerplate = [")
        text = before + rest.partition("]\n\n")[2]
    changed = text.replace("""lead = ['xpath://meta[@name="description"]/@content']""", f"lead = ['{lead}']", 1)
    assert changed != text
    (folder / "demo.toml").write_text(changed, "utf-8")
    return {"PRESSKEEP_PROFILES": str(folder)}


FIRST, OTHER = "xpath://h1 | //h2", "xpath://title"


def read_again(place: Place, *more: str, environment: dict[str, str], **options: Any) -> Ran:
    options.setdefault("now", "2026-07-01T12:00:00Z")
    return presskeep("reextract", "demo", "--json", *place_options(place), *more, environment=environment, **options)


def edits_of(place: Place) -> dict[int, list[tuple[Any, ...]]]:
    """What the history of every article says besides readings."""
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        return {
            number: [
                (each.kind, each.at, each.domain, each.digest, each.number, each.disagrees)
                for each in history(connection, number)
                if each.kind != "reread"
            ]
            for number in connection.execute(select(article.c.id)).scalars()
        }


def count_edits(found: dict[int, list[tuple[Any, ...]]]) -> int:
    return sum(each[0] == "edit" for seen in found.values() for each in seen)


@pytest.mark.either
@pytest.mark.long
def test_every_article_tells_the_same_edits_before_and_after(
    empty_place: Place, replica: Replica, tmp_path: Path
) -> None:
    crawl_days(empty_place, replica)
    before = edits_of(empty_place)
    truth = sum(each["change"] == "edited" for day in range(1, DAYS) for each in replica.changes(day))
    assert count_edits(before) == truth > 0

    first, other = profile_in(tmp_path / "first", FIRST, learning=True), profile_in(tmp_path / "other", OTHER)
    ran = read_again(empty_place, environment=first)
    assert ran.code == 0, ran.err
    counts = ran.json["outlets"][0]["counts"]
    assert counts["changed"] > counts["read"] / 2, "the profile must read other texts for this to tell anything"
    assert edits_of(empty_place) == before

    again = read_again(empty_place, environment=first)
    assert (again.code, again.json["outlets"][0]["counts"]["captures"]) == (0, 0)

    replica.set_day(DAYS)
    crawled = crawl_replica(empty_place, replica, now="2026-07-02T12:00:00Z", environment=first)
    assert crawled.code in (0, 1), crawled.err
    later = edits_of(empty_place)
    learnt = learnt_since(empty_place, "2026-06-30")
    assert [len(digests) for digests in learnt.values()] == [1, 1], "what was learnt changes in no run"
    assert "" not in set().union(*learnt.values())
    assert {number: later[number][: len(seen)] for number, seen in before.items()} == before
    assert read_again(empty_place, environment=other, now="2026-07-03T12:00:00Z").code == 0
    assert edits_of(empty_place) == later


@pytest.mark.soak
@pytest.mark.long
@pytest.mark.parametrize("commit", [8, in_soak(9)])
def test_a_run_that_is_killed_is_gone_on_with(place: Place, tmp_path: Path, commit: int) -> None:
    before = edits_of(place)
    changed = profile_in(tmp_path / "first", FIRST)
    killed = read_again(place, environment=changed, program=("-m", "tests.killing", "after-commit", str(commit)))
    assert killed.code in SIGKILLED, killed.err
    read = readings_since(place, "2026-06-30")
    ran = read_again(place, environment=changed)
    assert ran.code == 0, ran.err
    counts = ran.json["outlets"][0]["counts"]
    total = captures_read(place)
    assert read < total
    assert read + counts["read"] == total == readings_since(place, "2026-06-30")
    assert edits_of(place) == before
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        runs = connection.execute(select(crawl).where(crawl.c.kind == "reextract").order_by(crawl.c.id)).all()
        assert [run.outcome for run in runs] == ["killed", "finished"]
        assert [run.manifest_digest for run in runs] == [manifest_digest(connection, run.id) for run in runs]


@pytest.mark.soak
@pytest.mark.long
def test_the_command_tells_what_it_did(place: Place, tmp_path: Path) -> None:
    changed = profile_in(tmp_path / "first", FIRST)
    said = presskeep("reextract", *place_options(place), environment=changed)
    assert said.code == 0, said.err
    assert said.out.splitlines()[0] == "demo: done"
    assert "read again: " in said.out
    again = presskeep("reextract", *place_options(place), environment=changed)
    assert "has read every page already" in again.out
    strange = presskeep("reextract", "nobody", *place_options(place))
    assert strange.code == 2
    assert "is no outlet of this archive" in strange.err
    key = next(iter(presskeep("search", "the", "--json", "--limit", "1", *place_options(place)).json["hits"]))["key"]
    then = presskeep("show", key, "--as-of", "2026-06-10", "--json", *place_options(place)).json
    now = presskeep("show", key, "--json", *place_options(place)).json
    assert (then["key"], then["as_of"]) == (now["key"], "2026-06-10T23:59:59.999999Z")
    assert now["as_of"] is None
    assert len(then["revisions"]) < len(now["revisions"])
    early = presskeep("show", key, "--as-of", "2026-05-01", *place_options(place))
    assert early.code == 2
    assert "was not in the archive" in early.err
    assert presskeep("show", key, "--as-of", "spring", *place_options(place)).code == 2


def learnt_since(place: Place, day: str) -> dict[int, set[str]]:
    """By what was learnt the readings of each run since a day went, by digest."""
    statement = (
        select(extraction.c.crawl, extractor.c.learnt_digest)
        .join(extractor, extractor.c.id == extraction.c.extractor)
        .where(extraction.c.at >= datetime.fromisoformat(day).replace(tzinfo=UTC))
    )
    found: dict[int, set[str]] = {}
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        for run, digest in connection.execute(statement):
            found.setdefault(run, set()).add(digest)
    return found


def captures_read(place: Place) -> int:
    """Captures of pages that were read at all."""
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        statement = select(func.count(func.distinct(extraction.c.capture))).join(
            capture, capture.c.id == extraction.c.capture
        )
        listed = connection.execute(statement.where(capture.c.outcome == "listing")).scalar_one()
        number: int = connection.execute(statement).scalar_one() - listed
        return number


def readings_since(place: Place, day: str) -> int:
    """Readings made since a day."""
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        since = datetime.fromisoformat(day).replace(tzinfo=UTC)
        number: int = connection.execute(
            select(func.count()).select_from(extraction).where(extraction.c.at >= since)
        ).scalar_one()
        return number
