"""Somebody who may write to the archive deletes, reorders, splices or recomputes its history: time stamps name it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, select, update

from scraper.demo.process import running_replica
from storage import models
from storage.archive import Archive
from storage.fixity.checking import check
from storage.fixity.findings import Finding
from storage.fixity.stamped import StampPolicy
from storage.manifest import draw_manifest, kept_manifest
from tests.crawling import crawl, presskeep
from tests.databases import Place
from tests.time_stamps import Authority, openssl, running_authority

pytest.importorskip("rfc3161_client", reason="rfc3161-client is not installed")
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl(1) is not here")
HOURS = (12, 13, 14)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with running_authority(tmp_path_factory.mktemp("authority")) as running:
        yield running


@pytest.fixture(scope="module")
def kept(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of three crawls, each with a time stamp."""
    place = Place(tmp_path_factory.mktemp("kept") / "archive", None)
    stamped = ("--time-stamp-authority", authority.url, "--time-stamp-ca", str(authority.root), "--allow-private")
    with running_replica(articles=12, seed=3) as replica:
        for hour in HOURS:
            assert crawl(place, replica, *stamped, hour=hour).code == 0
    return place.folder


@pytest.fixture
def copy(kept: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept, tmp_path / "copy")
    return tmp_path / "copy"


def found_in(folder: Path, authority: Authority) -> list[Finding]:
    with Archive.open(folder, write=False) as archive:
        return list(check(archive, stamps=StampPolicy(demanded=True, trusted=authority.root)))


def recompute(connection: Connection, first: int = 1) -> None:
    """Draw every manifest from a crawl on anew, each following the one before, as if nothing had happened."""
    numbers = list(connection.execute(select(models.crawl.c.id).order_by(models.crawl.c.id)).scalars())
    previous = None
    for number in numbers:
        of_crawl = models.crawl.c.id == number
        if number >= first:
            connection.execute(update(models.crawl).where(of_crawl).values(previous_digest=previous))
            digest = draw_manifest(connection, number)
            connection.execute(update(models.crawl).where(of_crawl).values(manifest_digest=digest))
        previous = connection.execute(select(models.crawl.c.manifest_digest).where(of_crawl)).scalar_one()


def delete_a_failure_of_memory(connection: Connection) -> None:
    """An article's history is made another: its reading is deleted."""
    one = select(models.extraction.c.capture).where(models.extraction.c.outcome == "listing").limit(1).scalar_subquery()
    connection.execute(delete(models.extraction).where(models.extraction.c.capture == one))
    recompute(connection)


def reorder(connection: Connection) -> None:
    """The second and the third crawl change places in the chain."""
    rows = {row.id: row for row in connection.execute(select(models.crawl))}
    for number, other in ((2, 3), (3, 2)):
        values = {"started_at": rows[other].started_at, "ended_at": rows[other].ended_at}
        connection.execute(update(models.crawl).where(models.crawl.c.id == number).values(**values))
    recompute(connection, 2)


def splice(connection: Connection) -> None:
    """A run that never was is put between two others."""
    row = dict(connection.execute(select(models.crawl).where(models.crawl.c.id == 2)).one()._mapping)
    row |= {"id": 9, "stamp": row["stamp"], "manifest_digest": None}
    connection.execute(models.crawl.insert().values(**row))
    of_spliced = models.crawl.c.id == 9
    digest = draw_manifest(connection, 9)
    connection.execute(update(models.crawl).where(of_spliced).values(manifest_digest=digest))
    connection.execute(update(models.crawl).where(models.crawl.c.id == 2).values(previous_digest=digest))
    digest = draw_manifest(connection, 2)
    connection.execute(update(models.crawl).where(models.crawl.c.id == 2).values(manifest_digest=digest))
    connection.execute(update(models.crawl).where(models.crawl.c.id == 3).values(previous_digest=digest))
    digest = draw_manifest(connection, 3)
    connection.execute(update(models.crawl).where(models.crawl.c.id == 3).values(manifest_digest=digest))


def rewrite(connection: Connection) -> None:
    """The whole history is recomputed, with another operator."""
    connection.execute(update(models.crawl).values(operator="someone else"))
    recompute(connection)


def rewrite_without_stamps(connection: Connection) -> None:
    """The same, and every trace of stamps is taken away."""
    connection.execute(update(models.crawl).values(operator="someone else", stamp=None, stamp_authority=None))
    recompute(connection)


INSIDERS: dict[str, tuple[Callable[[Connection], None], set[str]]] = {
    "deleted": (delete_a_failure_of_memory, {"stamp-wrong"}),
    "reordered": (reorder, {"stamp-wrong"}),
    "spliced": (splice, {"stamp-wrong"}),
    "recomputed": (rewrite, {"stamp-wrong"}),
    "recomputed, stamps removed": (rewrite_without_stamps, {"stamp-missing"}),
}


@pytest.mark.long
def test_stamps_hold_and_openssl_says_so_too(kept: Path, authority: Authority, tmp_path: Path) -> None:
    assert found_in(kept, authority) == []
    options = ("--time-stamp-authority", authority.url, "--time-stamp-ca", str(authority.root))
    ran = presskeep("verify", "--archive", str(kept), *options)
    assert ran.code == 0
    with Archive.open(kept, write=False) as archive, archive.read() as connection:
        for number, stamp in connection.execute(select(models.crawl.c.id, models.crawl.c.stamp)):
            (tmp_path / "manifest").write_text("".join(kept_manifest(connection, number)))
            (tmp_path / "stamp.tsr").write_bytes(stamp)
            verified = openssl("ts", "-verify", "-data", tmp_path / "manifest", "-in", tmp_path / "stamp.tsr",
                               "-CAfile", authority.root)  # fmt: skip
            assert "Verification: OK" in verified


@pytest.mark.long
@pytest.mark.parametrize("case", INSIDERS)
def test_an_insider_is_named_by_the_stamps(copy: Path, authority: Authority, case: str) -> None:
    commit, kinds = INSIDERS[case]
    with Archive.open(copy) as archive, archive.begin() as connection:
        commit(connection)
    found = found_in(copy, authority)
    assert kinds <= {each.kind for each in found}
    with Archive.open(copy, write=False) as archive:
        without = list(check(archive, stamps=StampPolicy()))
    if case == "recomputed, stamps removed":
        assert not [each for each in without if each.kind.startswith(("stamp", "row", "chain", "manifest"))]


@pytest.mark.long
def test_a_stamp_by_a_stranger_does_not_count(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with running_authority(tmp_path / "other", "Stranger") as stranger:
        found = found_in(copy, stranger)
    assert {each.kind for each in found} == {"stamp-wrong"}
    assert len(found) == len(HOURS)


@pytest.mark.long
def test_a_stamp_that_never_came_is_named(copy: Path, authority: Authority) -> None:
    with Archive.open(copy) as archive, archive.begin() as connection:
        connection.execute(update(models.crawl).where(models.crawl.c.id == 2).values(stamp=None))
    assert [(each.kind, each.place) for each in found_in(copy, authority)] == [("stamp-missing", "crawl/2")]
