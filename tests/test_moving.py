"""An archive moves between SQLite and PostgreSQL whole, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from storage.archive import Archive
from storage.crawls import free_outlet
from storage.errors import ArchiveUnusable, StorageError
from storage.models import metadata, outlet_lock
from storage.moving import TRANSIENT, move
from storage.search import search
from tests.keeping import HOUR, MIRROR, T0, working


def rows(archive: Archive) -> dict[str, list[Any]]:
    with archive.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
            if table.name not in TRANSIENT
        }


def fill(archive: Archive) -> None:
    """Two articles; one has two revisions and was seen on two domains, so that rows refer to one another in circles."""
    with working(archive) as work:
        for key, resource in work.find("1", "2").items():
            work.show(key, resource, f"Text of {key}.")
        resource = work.rows("resource")[0].id
        work.show("1", resource, "Text of 1, edited.", at=T0 + HOUR)
        work.show("1", resource, "Text of 1, edited.", host=MIRROR, at=T0 + 2 * HOUR)
        work.fail(resource, f"https://{MIRROR}/detail/9")
        with archive.begin() as connection:
            free_outlet(connection, work.outlet, work.owner)


@pytest.fixture
def filled(sqlite_archive: Archive) -> Archive:
    fill(sqlite_archive)
    return sqlite_archive


def test_every_row_arrives_on_postgresql_and_comes_back(filled: Archive, postgres_url: str, tmp_path: Path) -> None:
    before = rows(filled)
    assert len(before["revision"]) == 3
    with Archive.open(filled.folder, postgres_url, create=True, refill=True) as target:
        counts = move(filled, target)
        assert rows(target) == before
        assert counts["revision"] == 3
        with Archive.open(tmp_path / "back", create=True) as back:
            move(target, back)
            assert rows(back) == before


def test_a_moved_archive_is_searched_and_written_like_the_old_one(filled: Archive, postgres_url: str) -> None:
    with Archive.open(filled.folder, postgres_url, create=True, refill=True) as target:
        move(filled, target)
        for query in ("edited", "caption", '"ada writer"', "nothing"):
            with filled.read() as old, target.read() as new:
                assert search(new, query, all_revisions=True) == search(old, query, all_revisions=True)
        with working(target) as work:
            resources = work.find("3")
            assert work.show("3", resources["3"], "A third.").novelty == "new"


def test_a_database_that_holds_an_archive_is_not_written_over(filled: Archive, tmp_path: Path) -> None:
    with Archive.open(tmp_path / "other", create=True) as other:
        move(filled, other)
        kept = rows(other)
        with pytest.raises(ArchiveUnusable, match="holds an archive already"):
            move(filled, other)
        assert rows(other) == kept


def test_an_archive_is_not_copied_under_a_living_run(sqlite_archive: Archive, tmp_path: Path) -> None:
    with working(sqlite_archive), Archive.open(tmp_path / "copy", create=True) as copy:
        with pytest.raises(StorageError, match="a run is at work"):
            move(sqlite_archive, copy)
        with sqlite_archive.begin() as connection:
            connection.execute(delete(outlet_lock))
        assert move(sqlite_archive, copy)["outlet"] == 1


def test_a_copy_that_fails_leaves_the_target_empty(filled: Archive, postgres_url: str) -> None:
    def fail(table: str, rows: int) -> None:
        if table == "capture":
            raise RuntimeError("stopped here")

    with Archive.open(filled.folder, postgres_url, create=True, refill=True) as target:
        with pytest.raises(RuntimeError, match="stopped here"):
            move(filled, target, fail)
        assert rows(target)["outlet"] == []
        assert move(filled, target)["article"] == 2
