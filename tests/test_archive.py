"""Opening an archive: what is made, what is refused, and that reading changes nothing."""

from __future__ import annotations

import os
import pwd
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from storage import engines, filesystems, models
from storage.archive import DATABASE_NAME, Archive
from storage.errors import (
    ArchiveDamaged,
    ArchiveMissing,
    ArchiveNewer,
    ArchiveUnusable,
    DatabaseLost,
    NetworkFilesystem,
    StorageError,
)
from tests.databases import Place, place_of

_CURSOR = {"job": "test", "position": 1}


def test_an_archive_is_made_once_and_opened_ever_after(empty_place: Place) -> None:
    with pytest.raises(ArchiveMissing):
        Archive.open(empty_place.folder, empty_place.database)
    with pytest.raises(ArchiveMissing):
        Archive.open(empty_place.folder, empty_place.database, write=False)
    assert not empty_place.folder.exists(), "looking makes nothing"
    with Archive.open(empty_place.folder, empty_place.database, create=True) as made:
        assert made.warc_folder == empty_place.folder / "warc"
        assert made.warc_folder.is_dir()
    for options in ({}, {"create": True}, {"write": False}):
        with Archive.open(empty_place.folder, empty_place.database, **options) as opened:
            assert opened.uuid == made.uuid


def test_two_processes_may_make_the_same_archive_at_once(empty_place: Place) -> None:
    found: list[str] = []

    def open_once() -> None:
        with Archive.open(empty_place.folder, empty_place.database, create=True) as archive:
            found.append(archive.uuid)

    threads = [threading.Thread(target=open_once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_killed_creation_leaves_nothing_in_the_way(empty_place: Place) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom storage import migrating\nfrom storage.archive import Archive\n"
        "migrating._name_archive = lambda connection: os._exit(9)\n"
        "Archive.open(Path(sys.argv[1]), sys.argv[2] or None, create=True)\n"
    )
    arguments = [str(empty_place.folder), empty_place.database or ""]
    killed = subprocess.run([sys.executable, "-c", code, *arguments], cwd=Path(__file__).parents[1], check=False)
    assert killed.returncode == 9
    with Archive.open(empty_place.folder, empty_place.database, create=True) as archive, archive.read() as connection:
        assert connection.execute(select(func.count()).select_from(models.article)).scalar() == 0


def test_a_write_is_seen_when_it_is_committed_and_not_before(archive: Archive) -> None:
    with archive.begin() as connection:
        connection.execute(insert(models.cursor).values(_CURSOR))
        with archive.read() as other:
            assert other.execute(select(models.cursor)).all() == []
    with archive.read() as other:
        assert len(other.execute(select(models.cursor)).all()) == 1


def test_a_failed_write_leaves_nothing(archive: Archive) -> None:
    def fail() -> None:
        with archive.begin() as connection:
            connection.execute(insert(models.cursor).values(_CURSOR))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with archive.read() as other:
        assert other.execute(select(models.cursor)).all() == []


def test_a_reader_sees_one_state_throughout(archive: Archive) -> None:
    with archive.read() as reader:
        assert reader.execute(select(models.cursor)).all() == []
        with archive.begin() as connection:
            connection.execute(insert(models.cursor).values(_CURSOR))
        assert reader.execute(select(models.cursor)).all() == []
    with archive.read() as reader:
        assert len(reader.execute(select(models.cursor)).all()) == 1


def test_an_archive_opened_for_reading_cannot_be_written(archive: Archive) -> None:
    place = place_of(archive)
    with (
        Archive.open(place.folder, place.database, write=False) as opened,
        pytest.raises(DBAPIError, match=r"read-?only"),
        opened.begin() as connection,
    ):
        connection.execute(insert(models.cursor).values(_CURSOR))
    with archive.begin() as connection:  # the control
        connection.execute(insert(models.cursor).values(_CURSOR))


def _end_from_outside(connection: Connection) -> None:
    """Let the server end a connection, as it does when it is stopped, and use it once more."""
    own = connection.execute(text("select pg_backend_pid()")).scalar_one()
    with connection.engine.connect() as other:
        other.execute(text("select pg_terminate_backend(:own)"), {"own": own})
    connection.execute(select(models.archive.c.uuid))


def test_a_database_that_goes_while_it_is_read_is_told(postgres_archive: Archive) -> None:
    with pytest.raises(DatabaseLost, match="presskeep_"), postgres_archive.read() as connection:
        _end_from_outside(connection)
    with postgres_archive.read() as connection:
        assert connection.execute(select(models.archive.c.uuid)).scalar_one() == postgres_archive.uuid


def test_foreign_keys_hold(archive: Archive) -> None:
    with pytest.raises(DBAPIError), archive.begin() as connection:
        connection.execute(insert(models.article_key).values(outlet=7, key="x", article=8))


def test_times_are_utc_and_alike_on_both_databases(archive: Archive) -> None:
    at = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=3, minutes=30)))
    with archive.begin() as connection:
        connection.execute(insert(models.robots).values(host="x", at=at, status=200))
        assert connection.execute(select(models.robots.c.at)).scalar() == datetime(
            2026, 3, 1, 8, 30, 0, 123_000, tzinfo=UTC
        )


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_both_databases_cut_a_time_alike(at: datetime) -> None:
    kind = models.UtcTime()
    here, there = sqlite.dialect(), postgresql.dialect()
    stored = kind.process_result_value(kind.process_bind_param(at, here), here)
    assert stored == kind.process_result_value(kind.process_bind_param(at, there), there)
    assert stored is not None
    assert timedelta() <= at - stored < timedelta(milliseconds=1)
    with pytest.raises(ValueError, match="naive"):
        kind.process_bind_param(at.replace(tzinfo=None), here)


@pytest.mark.parametrize("write", [True, False])
def test_an_archive_at_a_migration_unknown_to_us_is_refused(archive: Archive, *, write: bool) -> None:
    with archive.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    place = place_of(archive)
    with pytest.raises(ArchiveNewer, match="Upgrade Presskeep"):
        Archive.open(place.folder, place.database, write=write)


def test_a_newer_archive_is_read_while_it_allows_that_and_never_written(archive: Archive) -> None:
    place = place_of(archive)
    with archive.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(update(models.archive).values(schema=models.SCHEMA + 1, min_reader=models.SCHEMA))
    Archive.open(place.folder, place.database, write=False).close()
    with pytest.raises(ArchiveNewer):
        Archive.open(place.folder, place.database)
    with archive.begin() as connection:
        connection.execute(update(models.archive).values(min_reader=models.SCHEMA + 1))
    with pytest.raises(ArchiveNewer):
        Archive.open(place.folder, place.database, write=False)


def test_what_is_no_archive_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    path.write_bytes(b"some notes of mine, and no database " * 50)
    before = path.read_bytes()
    with pytest.raises(ArchiveUnusable, match="no archive"):
        Archive.open(tmp_path, create=True)
    assert path.read_bytes() == before
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    with pytest.raises(ArchiveUnusable, match="no archive"):
        Archive.open(tmp_path, create=True)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("notes",)]
    connection.close()


def test_a_postgresql_database_with_tables_of_our_names_is_left_alone(postgres_url: str, tmp_path: Path) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE article (mine text)"))
    with pytest.raises(ArchiveUnusable, match="no archive"):
        Archive.open(tmp_path, postgres_url, create=True)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE article RENAME TO note"))
    engine.dispose()
    Archive.open(tmp_path, postgres_url, create=True).close()  # other people's tables are no hindrance


def test_a_file_in_the_way_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for options in ({"create": True}, {"write": False}):
        with pytest.raises(ArchiveUnusable):
            Archive.open(tmp_path / "file", **options)
        with pytest.raises(ArchiveUnusable):
            Archive.open(tmp_path / "file" / "below", **options)


@pytest.mark.parametrize("emptied", [True, False], ids=["emptied", "gone"])
@pytest.mark.parametrize("options", [{"create": True}, {}, {"write": False}], ids=["create", "write", "read"])
def test_a_lost_database_beside_warc_files_is_told_and_never_made_anew(
    empty_place: Place, options: dict[str, bool], emptied: bool
) -> None:
    place = empty_place.folder, empty_place.database
    warcs = empty_place.folder / "warc"
    warcs.mkdir(parents=True)
    if emptied:
        (empty_place.folder / DATABASE_NAME).touch()
    (warcs / "presskeep-a.warc.gz").write_bytes(b"kept")
    with pytest.raises(ArchiveDamaged, match="restore"):
        Archive.open(*place, **options)
    (warcs / "presskeep-a.warc.gz").unlink()
    if options.get("create"):
        Archive.open(*place, **options).close()  # the control: without a WARC file there is nothing to lose
    else:
        with pytest.raises(ArchiveMissing):
            Archive.open(*place, **options)


def test_a_network_file_system_is_refused_by_its_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(filesystems, "MOUNTINFO", mounts)
    place = tmp_path / "a b"

    def mount(kind: str, *, above: str = "ext4") -> None:
        escaped = str(place).replace(" ", "\\040")
        mounts.write_text(
            f"1 0 8:1 / / rw - {above} /dev/sda1 rw\n2 1 0:5 / {escaped} rw,relatime shared:7 - {kind} server:/x rw\n"
        )

    for kind in ("nfs4", "cifs", "9p", "fuse.sshfs", "fuse.rclone"):
        mount(kind)
        with pytest.raises(NetworkFilesystem, match="PostgreSQL"):
            Archive.open(place, create=True)
        with pytest.raises(NetworkFilesystem):
            Archive.open(place / "below" / "it", create=True)
    assert not place.exists()
    mount("ext4", above="nfs")
    Archive.open(place, create=True).close()  # the control: a local disk mounted below a network's
    mounts.unlink()
    Archive.open(place).close()  # where there is no mountinfo, nothing is known


def _look(folder: Path, *, write: bool) -> str:
    """Open an archive as someone who may read its files alone, and say what was seen."""
    if os.geteuid() != 0:
        return _seen(folder, write=write)
    receiver, sender = os.pipe()
    child = os.fork()  # root may write anything, so a child that gives root up has a look
    if child == 0:
        try:
            nobody = pwd.getpwnam("nobody")
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            os.write(sender, _seen(folder, write=write).encode())
        finally:
            os._exit(0)
    os.close(sender)
    os.waitpid(child, 0)
    with os.fdopen(receiver, encoding="utf-8") as said:
        return said.read()


def _seen(folder: Path, *, write: bool) -> str:
    try:
        with Archive.open(folder, write=write) as archive, archive.read() as connection:
            return f"{archive.uuid} {len(connection.execute(select(models.cursor)).all())}"
    except StorageError as error:
        return f"{type(error).__name__}: {error}"


@pytest.fixture
def read_only_copy(sqlite_archive: Archive) -> Iterator[Path]:
    """A copy of an archive, taken while its log holds a row, that everyone may read and nobody write."""
    with sqlite_archive.begin() as connection:
        connection.execute(insert(models.cursor).values(_CURSOR))
    with tempfile.TemporaryDirectory(dir="/tmp") as parent:  # pytest's own folders are closed to other users
        Path(parent).chmod(0o755)
        folder = Path(parent) / "archive"
        shutil.copytree(sqlite_archive.folder, folder)
        _set_modes(folder, 0o555, 0o444)
        yield folder
        _set_modes(folder, 0o755, 0o644)


def _set_modes(folder: Path, of_folders: int, of_files: int) -> None:
    folder.chmod(0o755)
    for each in folder.rglob("*"):
        each.chmod(of_folders if each.is_dir() else of_files)
    folder.chmod(of_folders)


def test_a_folder_that_cannot_be_written_can_be_read(read_only_copy: Path, sqlite_archive: Archive) -> None:
    assert _look(read_only_copy, write=False) == f"{sqlite_archive.uuid} 1", "beside the log of a writer"
    assert _look(read_only_copy, write=True).startswith("ArchiveUnusable")
    _set_modes(read_only_copy, 0o755, 0o644)
    (read_only_copy / "archive.db-shm").unlink()
    _set_modes(read_only_copy, 0o555, 0o444)
    assert "was not merged" in _look(read_only_copy, write=False), "a log without its index cannot be read"
    _set_modes(read_only_copy, 0o755, 0o644)
    Archive.open(read_only_copy).close()  # merges the log
    _set_modes(read_only_copy, 0o555, 0o444)
    before = sorted(each.name for each in read_only_copy.iterdir())
    assert before == ["archive.db", "warc"]
    assert _look(read_only_copy, write=False) == f"{sqlite_archive.uuid} 1"
    assert sorted(each.name for each in read_only_copy.iterdir()) == before
    read_only_copy.chmod(0o000)
    assert _look(read_only_copy, write=False).startswith("ArchiveUnusable")


def test_reading_leaves_no_files_behind(sqlite_archive: Archive) -> None:
    folder = sqlite_archive.folder
    sqlite_archive.close()
    before = sorted(each.name for each in folder.iterdir())
    with Archive.open(folder, write=False) as opened, opened.read() as connection:
        connection.execute(select(models.cursor)).all()
    assert sorted(each.name for each in folder.iterdir()) == before


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@127.0.0.1:9/none",
        "postgresql://me@127.0.0.1:9/none?password=s3cret",
        "postgres://me:s3cret@127.0.0.1:9/none",
        "mysql://me:s3cret@127.0.0.1/none",
        "not a url s3cret",
        "postgresql://me:s3cret@127.0.0.1:nine/none",
    ],
)
def test_no_error_prints_a_password(url: str, tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ArchiveUnusable) as caught:
        Archive.open(tmp_path, url)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_driver_is_named_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ArchiveUnusable, match=r"pip install 'presskeep\[postgres\]'"):
        Archive.open(tmp_path, "postgresql://me@127.0.0.1/none")


def test_an_sqlite_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "LEAST_SQLITE", (99, 0, 0))
    with pytest.raises(ArchiveUnusable, match=r"99\.0\.0"):
        Archive.open(tmp_path, create=True)


def test_reading_needs_neither_alembic_nor_the_other_database(sqlite_archive: Archive) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom storage.archive import Archive\n"
        "from storage import history, keys, search, status, views\n"
        "with Archive.open(Path(sys.argv[1]), write=False) as archive, archive.read() as connection:\n"
        "    search.search(connection, 'iran \"a b\"')\n    status.status(connection)\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
        "print(*[name for name in sys.modules if 'postgresql' in name])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(sqlite_archive.folder)],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded, dialects = run.stdout.split("\n")[:2]
    assert "sqlalchemy" in loaded.split(), "the control"
    assert not {"alembic", "courlan", "scrapy", "trafilatura", "psycopg", "lxml", "pydantic"} & set(loaded.split())
    assert dialects == ""
