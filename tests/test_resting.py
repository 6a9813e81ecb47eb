"""WARC files that rest between runs: who goes on with one, who closes it, and that all is right meanwhile."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from storage import writer
from storage.archive import Archive
from storage.errors import StorageError
from storage.fixity.checking import check
from storage.manifest import kept_manifest
from storage.models import capture, warc_file
from storage.records import Fetch, Kept
from storage.recovery import Recovered, recover
from storage.warc import read_exchange
from tests.keeping import T0
from tests.scheduled import Run, faults, leave, make_yesterdays, one_day, rows, running, states

__all__ = ["one_day"]
pytestmark = pytest.mark.usefixtures("one_day")
NOTHING = Recovered()


def test_runs_of_a_day_share_a_file_which_a_plain_one_closes(archive: Archive) -> None:
    pages: list[tuple[Fetch, Kept]] = []
    crawls = []
    for keep_open in (True, True, True, False):
        assert recover(archive, "nobody", T0) == NOTHING, "there is nothing to mend"
        with running(archive, keep_open=keep_open) as run:
            crawls.append(run.crawl)
            for number in range(2):
                fetch = run.fetch(f"{len(crawls)}-{number}")
                pages.append((fetch, run.writer.keep(fetch).result(20)))
        assert states(archive) == ["open" if keep_open else "closed"]
        assert faults(archive) == []
        for fetch, kept in pages:
            back = read_exchange(archive.folder, kept.warc_path, kept.offset, kept.length)
            assert back == fetch.exchange, "with its certificates and addresses, whoever wrote them"
    with archive.read() as connection:
        row = connection.execute(select(warc_file)).one()
        spans = connection.execute(
            select(capture.c.span_offset, capture.c.span_length).order_by(capture.c.offset)
        ).all()
    data = (archive.warc_folder / row.path).read_bytes()
    assert (row.committed_len, row.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    ends = [0, *(offset + length for offset, length in spans)]
    assert [offset for offset, _ in spans] == ends[:-1]
    assert ends[-1] == len(data)
    assert row.crawl == crawls[-1]
    with archive.read() as connection:
        assert f"warc_file/{row.id}" in "".join(kept_manifest(connection, crawls[-1]))


def test_a_run_without_a_page_leaves_a_file_as_it_found_it_or_closes_it(sqlite_archive: Archive) -> None:
    path = leave(sqlite_archive)
    size = (sqlite_archive.warc_folder / f"{path}.open").stat().st_size
    with running(sqlite_archive, keep_open=True):
        pass
    assert (sqlite_archive.warc_folder / f"{path}.open").stat().st_size == size
    assert faults(sqlite_archive) == []
    with running(sqlite_archive):
        pass
    assert (sqlite_archive.warc_folder / path).stat().st_size == size
    assert (states(sqlite_archive), faults(sqlite_archive)) == (["closed"], [])


def test_a_file_is_closed_by_the_first_run_of_any_outlet_after_its_day(archive: Archive) -> None:
    first, other = leave(archive), leave(archive, "other")
    assert rows(archive) == [(first, "open"), (other, "open")]
    leave(archive, "third")
    assert states(archive) == ["open", "open", "open"], "today's are left to their own outlets"
    first = make_yesterdays(archive, first)
    with running(archive, "other", keep_open=True) as run:
        run.keep("more")
    assert rows(archive)[:2] == [(first, "closed"), (other, "open")]
    with archive.read() as connection:
        assert connection.execute(select(warc_file.c.crawl).where(warc_file.c.path == first)).scalar() == run.crawl
    assert faults(archive) == []
    assert [each.name for each in archive.warc_folder.glob("*.gz")] == [first]


def test_what_a_run_may_not_go_on_with_is_closed_by_it(sqlite_archive: Archive) -> None:
    paths = [make_yesterdays(sqlite_archive, leave(sqlite_archive))]
    paths.append(leave(sqlite_archive))
    with running(sqlite_archive, keep_open=True, roll_bytes=3000) as run:
        paths.append(run.keep("1").warc_path)
    assert rows(sqlite_archive) == [(paths[0], "closed"), (paths[1], "closed"), (paths[2], "closed")]
    assert len(set(paths)) == 3
    assert faults(sqlite_archive) == []


def test_a_file_that_another_process_holds_is_left_to_it(sqlite_archive: Archive) -> None:
    path = leave(sqlite_archive)
    first, second = Run(sqlite_archive, keep_open=True), Run(sqlite_archive, keep_open=True)
    assert recover(sqlite_archive, "nobody", T0).closed == 0
    kept = [each.keep(name).warc_path for name, each in (("a", first), ("b", second))]
    assert kept[0] == path
    assert kept[1] != path
    first.end()
    second.end()
    assert states(sqlite_archive) == ["open", "open"]
    with running(sqlite_archive):
        pass
    assert states(sqlite_archive) == ["closed", "closed"], "one was gone on with, the other closed"
    assert faults(sqlite_archive) == []


def test_machines_that_share_a_database_leave_each_other_their_files(postgres_archive: Archive) -> None:
    archive = postgres_archive
    path = leave(archive)
    with archive.begin() as connection:
        connection.execute(update(warc_file).values(writer="elsewhere/1/2/3"))
    here = leave(archive)
    assert here != path, "its lock may be worth nothing on a shared folder"
    assert rows(archive) == [(path, "open"), (here, "open")]
    place = archive.warc_folder / f"{path}.open"
    away = place.rename(archive.folder / "elsewhere")
    with running(archive) as run:
        assert run.keep("1").warc_path == here
    assert recover(archive, "nobody", T0) == NOTHING, "another machine's folder is not for us to judge"
    away.rename(place)
    path = make_yesterdays(archive, path)
    with running(archive):
        pass
    assert rows(archive) == [(path, "closed"), (here, "closed")]
    assert faults(archive) == []


def test_what_a_killed_run_added_is_adopted_and_the_file_closed(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise StorageError("the database is gone")

    path = leave(archive)
    run = Run(archive, keep_open=True)
    run.keep("committed")
    fetch = run.fetch("appended")
    with monkeypatch.context() as patch:
        patch.setattr(writer, "keep_batch", failing)
        assert isinstance(run.writer.keep(fetch).exception(20), StorageError)
    run.writer.close()
    place = archive.warc_folder / f"{path}.open"
    with place.open("ab") as file:
        file.write(place.read_bytes()[-900:-20])
    assert recover(archive, run.owner, T0) == Recovered(adopted=1, torn=1, closed=1, ended=1)
    assert rows(archive) == [(path, "closed")]
    assert faults(archive) == []
    with archive.read() as connection:
        last = connection.execute(select(capture).order_by(capture.c.id.desc()).limit(1)).one()
    back = read_exchange(archive.folder, path, last.offset, last.length)
    assert (back, last.crawl, last.source) == (fetch.exchange, run.crawl, "recover")


def test_what_a_kill_tore_off_before_anything_was_kept_is_cut_and_the_file_rests_on(sqlite_archive: Archive) -> None:
    path = leave(sqlite_archive)
    place = sqlite_archive.warc_folder / f"{path}.open"
    size = place.stat().st_size
    with place.open("ab") as file:
        file.write(b"torn")
    assert recover(sqlite_archive, "nobody", T0) == Recovered(torn=1)
    assert (place.stat().st_size, states(sqlite_archive)) == (size, ["open"])
    with running(sqlite_archive, keep_open=True) as run:
        assert run.keep("1").warc_path == path
    assert faults(sqlite_archive) == []


def test_a_closing_that_was_killed_at_its_new_name_is_finished_by_the_next_run(sqlite_archive: Archive) -> None:
    path = leave(sqlite_archive)
    (sqlite_archive.warc_folder / f"{path}.open").rename(sqlite_archive.warc_folder / path)
    assert recover(sqlite_archive, "nobody", T0) == NOTHING
    assert faults(sqlite_archive) == []
    with running(sqlite_archive, keep_open=True) as run:
        assert run.keep("1").warc_path != path
    assert states(sqlite_archive) == ["closed", "open"]
    with sqlite_archive.read() as connection:
        assert f"warc_file/{1}" in "".join(kept_manifest(connection, run.crawl))
    assert faults(sqlite_archive) == []


def flip(place: Path) -> None:
    data = bytearray(place.read_bytes())
    data[len(data) // 2] ^= 0x40
    place.write_bytes(data)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte that is another": (flip, "record-altered"),
    "an end that is gone": (lambda place: os.truncate(place, place.stat().st_size - 1), "file-altered"),
    "a file that is gone": (Path.unlink, "file-missing"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damage_of_a_file_that_rests_is_named(sqlite_archive: Archive, what: str) -> None:
    path = leave(sqlite_archive)
    assert list(check(sqlite_archive)) == []
    damage, kind = DAMAGES[what]
    damage(sqlite_archive.warc_folder / f"{path}.open")
    assert kind in {each.kind for each in check(sqlite_archive) if path in each.place}
    assert faults(sqlite_archive) != []


@pytest.mark.parametrize(
    ("length", "kind"), [("committed_len - 1", "row-altered"), ("committed_len + 1", "file-altered")]
)
def test_an_altered_length_of_a_file_that_rests_is_named(sqlite_archive: Archive, length: str, kind: str) -> None:
    leave(sqlite_archive)
    with sqlite_archive.begin() as connection:
        connection.exec_driver_sql(f"UPDATE warc_file SET committed_len = {length}")
    assert kind in {each.kind for each in check(sqlite_archive)}
