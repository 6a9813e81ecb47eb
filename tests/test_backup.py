"""Backups at any moment of a crawl, each restored: nothing dangles, and the crawl goes on to every article once."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.backup import back_up, read_listing, restore
from storage.errors import ArchiveDamaged, ArchiveUnusable
from storage.models import crawl as crawl_table
from storage.models import outlet_lock, resource
from tests.crawling import NOON, Ran, crawl, dangling, look, missing_from, place_options, presskeep
from tests.databases import Place
from tests.living import living_crawl, wait_until
from tests.sharing import made_once
from tests.tiers import in_soak

BACKUPS = int(os.environ.get("PRESSKEEP_BACKUPS", "2"))
"""Backups at random moments: 2 in .ci/run, 50 in `make soak`."""
ARTICLES = 24


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    with running_replica(articles=ARTICLES, seed=11, folder=tmp_path_factory.mktemp("replica")) as running:
        yield running


@pytest.fixture(scope="module")
def whole(replica: Replica, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An archive of one crawl that ended."""

    def crawl_once(folder: Path) -> None:
        assert crawl(Place(folder / "archive", None), replica).code in (0, 1)

    return Place(made_once(tmp_path_factory, "one-crawl", crawl_once) / "archive", None)


@pytest.fixture
def copy(whole: Place, tmp_path: Path) -> Place:
    """The same, to be changed."""
    shutil.copytree(whole.folder, tmp_path / "archive")
    return Place(tmp_path / "archive", None)


def take(place: Place, folder: Path) -> None:
    with Archive.open(place.folder, place.database, write=False) as archive:
        taken = back_up(archive, folder)
    assert taken.damaged == []


def verified(place: Place) -> Ran:
    return presskeep("verify", "--json", *place_options(place))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.long
def test_backups_at_random_moments_of_a_crawl_restore_whole_and_go_on(replica: Replica, tmp_path: Path) -> None:
    seed = int(os.environ.get("PRESSKEEP_SEED", "20260601"))
    chance, taken, began, under_way = random.Random(seed), 0, time.monotonic(), 0
    while taken < BACKUPS:
        place, backups = Place(tmp_path / f"archive-{taken}", None), tmp_path / f"backups-{taken}"
        with living_crawl(place, replica) as process:
            wait_until(partial(is_there, place), "the crawl's archive")
            while taken < BACKUPS:
                time.sleep(chance.random() * 2)
                running = process.poll() is None
                take(place, backups)
                under_way += running
                restored = Place(tmp_path / f"restored-{taken}", None)
                restore(backups, restored.folder)
                assert dangling(restored) == [], f"backup {taken}, seed {seed}"
                checked = verified(restored)
                assert checked.code == 0, f"backup {taken}, seed {seed}: {checked.out}"
                goes_on(restored, replica, began)
                shutil.rmtree(restored.folder)
                taken += 1
                if not running:
                    break
    assert under_way > 0, "a backup must have been taken beside a crawl for this test to tell anything"


def is_there(place: Place) -> bool:
    try:
        Archive.open(place.folder, write=False).close()
    except ArchiveUnusable:
        return False
    return True


def goes_on(restored: Place, replica: Replica, began: float) -> None:
    """A crawl of the restored archive comes to every article once, though the crawl of the other one still lives."""
    now = (NOON + timedelta(seconds=time.monotonic() - began)).isoformat()
    ran = crawl(restored, replica, now=now)
    assert ran.code in (0, 1), ran.err
    truth = replica.articles()
    held = look(restored)
    assert missing_from(held, truth) == []
    assert held.revisions == len(truth)
    assert dangling(restored) == []
    assert verified(restored).code == 0


@pytest.mark.soak
@pytest.mark.long
def test_the_checks_see_a_restored_archive_that_lacks_a_record(copy: Place, tmp_path: Path) -> None:
    take(copy, tmp_path / "backups")
    restored = Place(tmp_path / "restored", None)
    restore(tmp_path / "backups", restored.folder)
    assert dangling(restored) == []
    file = max((restored.folder / "warc").glob("*.warc.gz"), key=lambda path: path.stat().st_size)
    os.truncate(file, file.stat().st_size - 10)
    assert dangling(restored) != []
    assert verified(restored).code == 5


@pytest.mark.soak
@pytest.mark.long
def test_closed_files_are_copied_once_and_open_ones_grow(replica: Replica, tmp_path: Path) -> None:
    place, backups = Place(tmp_path / "archive", None), tmp_path / "backups"
    assert crawl(place, replica).code in (0, 1)
    with Archive.open(place.folder, write=False) as archive:
        first = back_up(archive, backups)
        second = back_up(archive, backups)
    assert first.copied == sum(each.length for each in first.listing.files) > 0
    assert (second.copied, second.kept) == (0, len(first.listing.files))
    assert len(list(backups.glob("database-*"))) == 1
    before = {path.name: path.stat().st_ino for path in (backups / "warc").iterdir()}
    assert crawl(place, replica, day=1).code in (0, 1)
    with Archive.open(place.folder, write=False) as archive:
        third = back_up(archive, backups)
    after = {path.name: path.stat().st_ino for path in (backups / "warc").iterdir()}
    assert before.items() <= after.items()
    assert third.copied == sum(each.length for each in third.listing.files if each.path not in before)


@pytest.mark.long
@pytest.mark.parametrize("moment", ["before-fsync", in_soak("after-fsync")])
def test_a_backup_killed_at_any_moment_leaves_the_one_before(
    copy: Place, replica: Replica, tmp_path: Path, moment: str
) -> None:
    backups = tmp_path / "backups"
    take(copy, backups)
    first = read_listing(backups)
    assert crawl(copy, replica, day=1).code in (0, 1)
    killed = 0
    for n in range(1, 30):
        place = Place(tmp_path / f"restored-{n}", None)
        program = ("-m", "tests.killing", moment, str(n))
        ran = presskeep("backup", str(backups), *place_options(copy), program=program)
        restore(backups, place.folder)
        assert dangling(place) == []
        if ran.code == 0:
            break
        assert ran.code in (-signal.SIGKILL, 128 + signal.SIGKILL), ran.err
        killed += 1
        counts = read_listing(backups)
        assert counts is not None
        assert counts == first or len(counts.files) > len(first.files if first else ())
    assert killed > 2
    assert read_listing(backups) != first
    assert look(place).headlines == look(copy).headlines


@pytest.mark.long
@pytest.mark.parametrize("moment", [in_soak("before-fsync"), "after-fsync"])
def test_a_restoring_killed_at_any_moment_goes_on_and_twice_is_as_once(
    copy: Place, tmp_path: Path, moment: str
) -> None:
    backups = tmp_path / "backups"
    take(copy, backups)
    place = Place(tmp_path / "restored", None)
    killed = 0
    for n in range(1, 30):
        program = ("-m", "tests.killing", moment, str(n))
        ran = presskeep("restore", str(backups), *place_options(place), program=program)
        if ran.code == 0:
            break
        assert ran.code in (-signal.SIGKILL, 128 + signal.SIGKILL), ran.err
        killed += 1
        if (place.folder / "archive.db").exists():
            assert dangling(place) == []
        if n % 2:
            shutil.rmtree(place.folder, ignore_errors=True)
    assert killed >= 2
    assert dangling(place) == []
    before = files_of(place.folder)
    again = presskeep("restore", str(backups), *place_options(place), "--json")
    assert (again.code, again.json["files_copied"]) == (0, 0)
    assert files_of(place.folder) == before


def test_nothing_of_who_was_at_work_is_restored(replica: Replica, tmp_path: Path) -> None:
    place, restored = Place(tmp_path / "archive", None), Place(tmp_path / "restored", None)
    with living_crawl(place, replica):
        wait_until(lambda: leases(place) > 0, "a lease")
        take(place, tmp_path / "backups")
    restore(tmp_path / "backups", restored.folder)
    assert leases(place) > 0
    assert leases(restored) == 0
    with Archive.open(restored.folder, write=False) as archive, archive.read() as connection:
        assert connection.execute(select(func.count()).select_from(outlet_lock)).scalar_one() == 0
        assert connection.execute(select(crawl_table.c.owner)).scalars().all() == [None]


def leases(place: Place) -> int:
    try:
        with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
            statement = select(func.count()).select_from(resource).where(resource.c.lease_owner.is_not(None))
            number: int = connection.execute(statement).scalar_one()
            return number
    except ArchiveUnusable:
        return 0


@pytest.mark.long
def test_a_damaged_backup_restores_no_archive(copy: Place, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    take(copy, backups)
    for file in [*(backups / "warc").glob("*.gz"), *backups.glob("database-*/archive.db"), backups / "backup.json"]:
        content = file.read_bytes()
        flipped = bytearray(content)
        flipped[len(content) // 2] ^= 1
        file.write_bytes(bytes(flipped))
        place = tmp_path / "restored"
        with pytest.raises(ArchiveDamaged):
            restore(backups, place)
        assert not (place / "archive.db").exists()
        file.write_bytes(content)
        shutil.rmtree(place, ignore_errors=True)
    restore(backups, place)
    assert dangling(Place(place, None)) == []


@pytest.mark.long
def test_a_file_that_was_damaged_in_the_archive_is_told_and_replaces_no_good_copy(copy: Place, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    take(copy, backups)
    good = files_of(backups / "warc")
    file = next((copy.folder / "warc").glob("*.warc.gz"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    ran = presskeep("backup", str(backups), *place_options(copy))
    assert ran.code == 0  # it stands in the backup already, and is not read again
    assert files_of(backups / "warc") == good
    fresh = presskeep("backup", str(tmp_path / "fresh"), *place_options(copy), "--json")
    assert fresh.code == 5
    assert file.name in fresh.json["damaged"][0]


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "a/../../evil", "", ".", "a\\b", "a//b"])
def test_a_listing_leads_nowhere_else(copy: Place, tmp_path: Path, path: str) -> None:
    backups = tmp_path / "backups"
    take(copy, backups)
    listing = json.loads((backups / "backup.json").read_text())
    listing["files"][0]["path"] = path
    (backups / "backup.json").write_text(json.dumps(listing))
    with pytest.raises(ArchiveDamaged, match="no list of a backup"):
        restore(backups, tmp_path / "deep" / "restored")
    assert not (tmp_path / "deep").exists()


def test_places_that_cannot_be_are_refused(copy: Place, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    take(copy, backups)
    other, strange = tmp_path / "other", tmp_path / "strange"
    Archive.open(other, create=True).close()
    strange.mkdir()
    (strange / "letter.txt").write_text("mine")
    with Archive.open(copy.folder, write=False) as archive:
        for folder in (copy.folder, copy.folder / "backups", copy.folder.parent, strange):
            with pytest.raises(ArchiveUnusable):
                back_up(archive, folder)
    with Archive.open(other, write=False) as archive, pytest.raises(ArchiveUnusable, match="another archive"):
        back_up(archive, backups)
    for folder in (other, copy.folder):
        before = files_of(folder)
        with pytest.raises(ArchiveUnusable):
            restore(backups, folder)
        assert files_of(folder) == before
    with pytest.raises(ArchiveUnusable, match="no backup"):
        restore(strange, tmp_path / "restored")


def test_a_place_where_no_folder_can_be_made_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    Archive.open(tmp_path / "archive", create=True).close()
    with Archive.open(tmp_path / "archive", write=False) as archive:
        with pytest.raises(ArchiveUnusable, match="cannot be written") as told:
            back_up(archive, file / "backups")
        assert (told.value.exit_code, file.read_text()) == (2, "mine")
        assert not back_up(archive, tmp_path / "backups").damaged


def test_what_is_left_of_an_archive_whose_database_is_gone_is_in_the_way(copy: Place, tmp_path: Path) -> None:
    backups, log = tmp_path / "backups", copy.folder / "archive.db-wal"
    take(copy, backups)
    with sqlite3.connect(copy.folder / "archive.db") as later:
        later.execute("UPDATE revision SET headline = 'Later than the backup'")
        later.commit()
        left = log.read_bytes()
    later.close()
    (copy.folder / "archive.db").unlink()
    log.write_bytes(left)
    file = next((copy.folder / "warc").glob("*.warc.gz"))
    open_one = file.with_name(file.name + ".open")
    for way in (
        lambda: None,
        lambda: (log.unlink(), file.write_bytes(file.read_bytes() + b"more")),
        lambda: file.rename(open_one),
    ):
        way()
        before = files_of(copy.folder)
        with pytest.raises(ArchiveUnusable, match="in the way"):
            restore(backups, copy.folder)
        assert files_of(copy.folder) == before
    open_one.unlink()
    restore(backups, copy.folder)
    assert verified(copy).code == 0
    shutil.rmtree(copy.folder)
    restore(backups, copy.folder)
    log.write_bytes(left)
    assert verified(copy).code == 5, "a log that was left is taken for the database's own"


@pytest.mark.parametrize("name", ["notes.txt", "photos/one.jpg", ".hidden"])
def test_files_of_something_else_are_in_the_way(copy: Place, tmp_path: Path, name: str) -> None:
    take(copy, tmp_path / "backups")
    folder = tmp_path / "other"
    (folder / "lost+found").mkdir(parents=True)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("mine")
    before = files_of(folder)
    with pytest.raises(ArchiveUnusable, match="in the way") as told:
        restore(tmp_path / "backups", folder)
    assert name.partition("/")[0] in str(told.value)
    assert files_of(folder) == before
    (folder / name).unlink()
    if (folder / name).parent != folder:
        (folder / name).parent.rmdir()
    for _ in range(2):
        restore(tmp_path / "backups", folder)
    assert verified(Place(folder, None)).code == 0


@pytest.mark.soak
@pytest.mark.long
def test_an_archive_on_postgresql_is_backed_up_and_restored_to_either(
    replica: Replica, postgres_url: str, tmp_path: Path
) -> None:
    place, backups, began = Place(tmp_path / "archive", postgres_url), tmp_path / "backups", time.monotonic()
    with living_crawl(place, replica):
        wait_until(lambda: leases_on(place) > 0, "a lease")
        time.sleep(1)
        take(place, backups)
    restored = Place(tmp_path / "restored", None)
    restore(backups, restored.folder)
    assert dangling(restored) == []
    goes_on(restored, replica, began)


def leases_on(place: Place) -> int:
    with Archive.open(place.folder, place.database, create=True) as archive, archive.read() as connection:
        statement = select(func.count()).select_from(resource).where(resource.c.lease_owner.is_not(None))
        number: int = connection.execute(statement).scalar_one()
        return number


def test_a_backup_is_restored_to_postgresql(copy: Place, postgres_url: str, tmp_path: Path) -> None:
    backups, place = tmp_path / "backups", Place(tmp_path / "restored", postgres_url)
    take(copy, backups)
    for _ in range(2):
        restore(backups, place.folder, place.database)
        assert dangling(place) == []
    assert look(place) == look(copy)
    assert verified(place).code == 0
