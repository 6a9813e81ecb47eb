"""An archive that cannot be written opens for reading, as another user and beside whatever SQLite left there."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.errors import ArchiveUnusable
from storage.models import outlet
from tests.crawling import ROOT, Ran, crawl, look, presskeep
from tests.databases import Place
from tests.living import living_crawl, wait_until


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    with running_replica(articles=200, seed=12, folder=tmp_path_factory.mktemp("replica")) as running:
        yield running


@pytest.fixture
def place() -> Iterator[Place]:
    """Where another user can come to: the folders that pytest makes are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="presskeep-read-only-"))
    folder.chmod(0o755)
    yield Place(folder / "archive", None)
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    shutil.rmtree(folder)


def read(place: Place, *arguments: str) -> Ran:
    """Run a command as another user, who may write nothing."""
    warm = place.folder.parent / "warm"
    return presskeep(
        *arguments, "--archive", str(place.folder),
        program=("-m", "tests.as_stranger", str(warm)), environment={"HOME": str(place.folder.parent)},
    )  # fmt: skip


def close_for_writing(place: Place) -> None:
    shutil.rmtree(place.folder.parent / "warm", ignore_errors=True)
    shutil.copytree(place.folder, place.folder.parent / "warm")
    subprocess.run(["chmod", "-R", "a-w,a+rX", place.folder], check=True)


def files_of(place: Place) -> dict[str, int]:
    return {
        str(path.relative_to(place.folder)): path.stat().st_size for path in place.folder.rglob("*") if path.is_file()
    }


def demand_all_reads(place: Place, articles: int) -> None:
    """Search, show, history, status and exports work, and leave nothing behind."""
    before = files_of(place)
    status = read(place, "status", "--json")
    assert (status.code, status.json["articles"]) == (0, articles), status.err
    found = read(place, "search", "outlet:demo", "--json")
    assert found.code == 0, found.err
    key = found.json["hits"][0]["key"]
    for command in ("show", "history"):
        assert read(place, command, key, "--json").code == 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        for kind, name in (("warc", "a.warc.gz"), ("wacz", "a.wacz"), ("evidence", "a.zip")):
            exported = read(place, "export", kind, key, "--out", f"{folder}/{name}")
            assert exported.code == 0, exported.err
            assert (Path(folder) / name).stat().st_size > 1000
    assert files_of(place) == before


@pytest.mark.long
def test_a_closed_archive_is_read_by_another_user(replica: Replica, place: Place) -> None:
    assert crawl(place, replica, "--limit", "15").code in (0, 1)
    assert not list(place.folder.glob("archive.db-*"))
    close_for_writing(place)
    demand_all_reads(place, len(look(Place(place.folder.parent / "warm", None)).headlines))
    # The control: what needs to write is refused, and says so.
    for command in (("db", "upgrade"), ("replay", "--index")):
        refused = read(place, *command)
        assert (refused.code, "cannot be written" in refused.err) == (2, True), refused.err


@pytest.mark.soak
@pytest.mark.long
def test_an_archive_with_the_log_of_a_killed_run_is_read_with_what_the_log_holds(
    replica: Replica, place: Place
) -> None:
    with living_crawl(place, replica) as process:
        wait_until(lambda: has_articles_table(place), "an archive")
        # What one reader still sees is not overtaken in the database: what comes later stays in the log.
        with closing(sqlite3.connect(f"file:{place.folder / 'archive.db'}?mode=ro", uri=True)) as reader:
            reader.execute("BEGIN")
            (seen,) = reader.execute("SELECT count(*) FROM article").fetchone()
            wait_until(lambda: kept_articles(place) > seen + 5, "some articles")
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    names = {path.name for path in place.folder.glob("archive.db-*")}
    assert names == {"archive.db-wal", "archive.db-shm"}
    assert (place.folder / "archive.db-wal").stat().st_size > 0
    copied = Place(place.folder.parent / "copied", None)
    shutil.copytree(place.folder, copied.folder)
    articles = len(look(copied).headlines)
    shutil.rmtree(copied.folder)
    close_for_writing(place)
    demand_all_reads(place, articles)
    # The control: without the log there are fewer, so it was read.
    subprocess.run(["chmod", "u+w", place.folder], check=True)
    for name in names:
        (place.folder / name).unlink()
    close_for_writing(place)
    without = read(place, "status", "--json")
    assert without.code != 0 or without.json["articles"] < articles


@pytest.mark.soak
@pytest.mark.long
def test_a_log_that_cannot_be_read_is_told(replica: Replica, place: Place) -> None:
    assert crawl(place, replica, "--limit", "3").code in (0, 1)
    (place.folder / "archive.db-wal").write_bytes(b"x" * 5000)
    close_for_writing(place)
    told = read(place, "status")
    assert (told.code, "was not merged" in told.err) == (2, True), told.err


@pytest.mark.long
def test_another_user_reads_while_a_run_writes(replica: Replica, place: Place) -> None:
    (place.folder.parent / "warm").mkdir()
    Archive.open(place.folder.parent / "warm", create=True).close()
    with living_crawl(place, replica) as process:
        wait_until(lambda: kept_articles(place) > 3, "some articles")
        seen = read(place, "status", "--json")
        assert process.poll() is None
    assert seen.code == 0, seen.err
    assert seen.json["captures"] > 3


def test_what_began_to_change_while_it_was_read_is_told(place: Place, tmp_path: Path) -> None:
    Archive.open(place.folder, create=True).close()
    close_for_writing(place)
    program = f"""
import sys
from pathlib import Path
from sqlalchemy import select
from storage.archive import Archive
from storage.errors import ArchiveUnusable
from storage.models import outlet
from tests.as_stranger import become_stranger
with Archive.open(Path({str(place.folder.parent / "warm")!r}), write=False) as archive, archive.read() as connection:
    connection.execute(select(outlet.c.name)).all()
become_stranger()
with Archive.open(Path({str(place.folder)!r}), write=False) as archive:
    with archive.read() as connection:
        print(connection.execute(select(outlet.c.name)).all(), flush=True)
    try:
        with archive.read() as connection:
            print(connection.execute(select(outlet.c.name)).all(), flush=True)
            sys.stdin.readline()
    except ArchiveUnusable as error:
        print(error, flush=True)
    with archive.read() as connection:
        print(connection.execute(select(outlet.c.name)).all(), flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as reader:  # fmt: skip
        assert reader.stdout is not None
        assert reader.stdin is not None
        assert [reader.stdout.readline().strip() for _ in range(2)] == ["[]", "[]"]
        subprocess.run(["chmod", "-R", "u+w", place.folder], check=True)
        with Archive.open(place.folder) as archive, archive.begin() as connection:
            connection.execute(outlet.insert().values(name="one"))
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert "a run began to write while it was read" in reader.stdout.readline()
        assert reader.stdout.readline().strip() == "[('one',)]"


def has_articles_table(place: Place) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{place.folder / 'archive.db'}?mode=ro", uri=True)) as connection:
            connection.execute("SELECT count(*) FROM article")
    except sqlite3.OperationalError:
        return False
    return True


def kept_articles(place: Place) -> int:
    try:
        return len(look(place).headlines)
    except ArchiveUnusable:
        return 0
