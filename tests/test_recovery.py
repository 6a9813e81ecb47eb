"""What a kill leaves behind, and what recovery makes of it, on both databases."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO

import pytest
from sqlalchemy import delete, select, update

from storage import recovery, writer
from storage.archive import Archive
from storage.crawls import begin_crawl, free_outlet, hold_outlet
from storage.errors import ArchiveDamaged, StorageError
from storage.fixity.manifests import check_manifests
from storage.frontier import lease
from storage.models import capture, location, warc_file
from storage.owners import new_owner
from storage.records import Fetch, Reading
from storage.recovery import Recovered, pending, recover
from storage.warc import read_exchange
from storage.warc_reading import walk
from storage.writer import Writer
from tests.databases import Place, place_of
from tests.keeping import EXTRACTOR, HOUR, PRIMARY, T0, Work, begin, content, exchange, working
from tests.living import wait_until
from tests.tiers import in_soak

NOTHING = Recovered()


def leave_unaccounted(work: Work, monkeypatch: pytest.MonkeyPatch, resource: int, key: str) -> Fetch:
    """Append an exchange whose T1 never comes."""

    def failing(*_: object) -> None:
        raise StorageError("the database is gone")

    sent = exchange(f"https://{PRIMARY}/detail/{key}", b"appended, not accounted for")
    fetch = Fetch(sent, resource, sent.url, "pending", T0, True, T0 + HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(writer, "keep_batch", failing)
        assert isinstance(work.writer.keep(fetch).exception(20), StorageError)
    return fetch


def the_file(archive: Archive) -> Path:
    (place,) = archive.warc_folder.glob("*.warc.gz*")
    return place


def test_whole_exchanges_behind_the_committed_length_are_adopted(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working(archive) as work:
        resources = work.find("1", "2")
        work.keep(resources["1"], f"https://{PRIMARY}/detail/1")
        fetch = leave_unaccounted(work, monkeypatch, resources["2"], "2")
    with archive.begin() as connection:
        before = work.count("capture")
        assert before == 1
    assert recover(archive, work.owner, T0) == Recovered(adopted=1, closed=1, ended=1)
    adopted = work.rows("capture")[1]
    assert (adopted.source, adopted.outcome, adopted.at, adopted.crawl) == ("recover", "pending", T0, work.crawl)
    second = work.rows("resource")[1]
    assert (second.lease_owner, second.due_at, second.outcome) == (None, T0 + HOUR, "pending")
    with archive.read() as connection:
        waiting = pending(connection, work.outlet, 10)
    assert [each.key for each in waiting] == ["1", "2"]
    last = waiting[1]
    assert read_exchange(archive.folder, last.warc_path, last.offset, last.length) == fetch.exchange
    assert [row.state for row in work.rows("warc_file")] == ["closed"]
    assert recover(archive, work.owner, T0) == NOTHING


def test_a_torn_tail_is_put_aside_and_the_rest_adopted(
    sqlite_archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working(sqlite_archive) as work:
        resources = work.find("1", "2")
        work.keep(resources["1"], f"https://{PRIMARY}/detail/1")
        leave_unaccounted(work, monkeypatch, resources["2"], "2")
    place = the_file(sqlite_archive)
    good = place.stat().st_size
    tail = place.read_bytes()[-900:-20]
    with place.open("ab") as file:
        file.write(tail)
    assert recover(sqlite_archive, work.owner, T0) == Recovered(adopted=1, torn=1, closed=1, ended=1)
    assert the_file(sqlite_archive).stat().st_size == good
    (aside,) = (sqlite_archive.warc_folder / "torn").iterdir()
    assert aside.read_bytes() == tail
    assert aside.name == f"{the_file(sqlite_archive).name}.at-{good}"
    (row,) = work.rows("warc_file")
    assert row.committed_len == good
    assert row.sha256 == hashlib.sha256(the_file(sqlite_archive).read_bytes()).hexdigest()
    assert recover(sqlite_archive, work.owner, T0) == NOTHING


@pytest.mark.parametrize("left", [1, 2, 40, 400])
def test_a_torn_exchange_without_its_request_is_not_adopted(
    sqlite_archive: Archive, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    archive = sqlite_archive
    with working(archive) as work:
        resources = work.find("1")
        work.keep(resources["1"], f"https://{PRIMARY}/detail/1")
        committed = the_file(archive).stat().st_size
        leave_unaccounted(work, monkeypatch, resources["1"], "1")
    os.truncate(the_file(archive), the_file(archive).stat().st_size - left)
    assert recover(archive, work.owner, T0) == Recovered(torn=1, closed=1, ended=1)
    assert (work.count("capture"), the_file(archive).stat().st_size) == (1, committed)


def test_a_file_without_a_row_is_adopted_and_an_empty_one_removed(
    sqlite_archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working(sqlite_archive) as work:
        resources = work.find("1")
        leave_unaccounted(work, monkeypatch, resources["1"], "1")
    assert work.count("warc_file") == 0
    (sqlite_archive.warc_folder / "empty.warc.gz.open").touch()
    assert recover(sqlite_archive, work.owner, T0) == Recovered(adopted=1, closed=1, ended=1)
    assert [row.path for row in work.rows("warc_file")] == [the_file(sqlite_archive).name]
    assert recover(sqlite_archive, work.owner, T0) == NOTHING


def test_an_exchange_that_names_no_known_run_stays_in_its_file(
    sqlite_archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working(sqlite_archive) as work:
        monkeypatch.setattr(writer, "facts_of", lambda fetch, run: {"crawl": 999})
        leave_unaccounted(work, monkeypatch, work.find("1")["1"], "1")
    size = the_file(sqlite_archive).stat().st_size
    assert recover(sqlite_archive, work.owner, T0).adopted == 0
    assert (the_file(sqlite_archive).stat().st_size, work.count("warc_file")) == (size, 1)


def test_a_file_shorter_than_committed_is_reported_and_the_others_recovered(sqlite_archive: Archive) -> None:
    with working(sqlite_archive, roll_bytes=10) as work:
        resource = work.find("1")["1"]
        for _ in range(2):
            work.keep(resource, f"https://{PRIMARY}/detail/1")
    first, second = (sqlite_archive.warc_folder / row.path for row in work.rows("warc_file"))
    for place in (first, second):
        place.rename(place.with_name(place.name + ".open"))
    with sqlite_archive.begin() as connection:
        connection.execute(update(warc_file).values(state="open", sha256=None))
    os.truncate(first.with_name(first.name + ".open"), 100)
    with pytest.raises(ArchiveDamaged, match=first.name):
        recover(sqlite_archive, work.owner, T0)
    assert [row.state for row in work.rows("warc_file")] == ["open", "closed"]
    assert first.with_name(first.name + ".open").stat().st_size == 100, "nothing is done to what is damaged"
    with pytest.raises(ArchiveDamaged, match=first.name):
        recover(sqlite_archive, work.owner, T0)


def test_a_row_without_file_is_reported_but_not_another_machines(sqlite_archive: Archive) -> None:
    with working(sqlite_archive) as work:
        work.keep(work.find("1")["1"], f"https://{PRIMARY}/detail/1")
    the_file(sqlite_archive).unlink()
    with sqlite_archive.begin() as connection:
        connection.execute(update(warc_file).values(state="open", writer="elsewhere/1/2/3"))
    assert recover(sqlite_archive, work.owner, T0) == Recovered(ended=1)
    with sqlite_archive.begin() as connection:
        connection.execute(update(warc_file).values(writer=work.owner))
    with pytest.raises(ArchiveDamaged, match="is missing"):
        recover(sqlite_archive, work.owner, T0)


def test_a_closing_that_was_killed_before_its_row_is_finished(sqlite_archive: Archive) -> None:
    with working(sqlite_archive) as work:
        work.keep(work.find("1")["1"], f"https://{PRIMARY}/detail/1")
    expected = work.rows("warc_file")
    with sqlite_archive.begin() as connection:
        connection.execute(update(warc_file).values(state="open", sha256=None))
    assert recover(sqlite_archive, work.owner, T0).closed == 1
    assert work.rows("warc_file") == expected


def test_a_file_that_is_being_written_is_left_alone(sqlite_archive: Archive) -> None:
    with working(sqlite_archive) as work:
        work.keep(work.find("1")["1"], f"https://{PRIMARY}/detail/1")
        assert recover(sqlite_archive, work.owner, T0).closed == 0
        assert the_file(sqlite_archive).name.endswith(".open")
        work.keep(work.find("2")["2"], f"https://{PRIMARY}/detail/2")
    assert work.count("capture") == 2


def test_a_database_locked_for_long_stops_the_writer_and_what_it_appended_is_adopted(sqlite_archive: Archive) -> None:
    with working(sqlite_archive) as work:
        resource = work.find("1")["1"]
        url = f"https://{PRIMARY}/detail/1"
        work.writer.run(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout = 50")).result(20)
        with sqlite_archive.begin():
            future = work.writer.keep(Fetch(exchange(url), resource, url, "pending", T0, True, T0 + HOUR))
            error = future.exception(20)
        assert isinstance(error, StorageError)
        assert "locked" in str(error)
        assert work.count("capture") == 0
    assert recover(sqlite_archive, work.owner, T0).adopted == work.count("capture") == 1


def test_leases_of_the_dead_and_expired_ones_are_released(archive: Archive) -> None:
    with working(archive) as work:
        work.find("1")
        child = multiprocessing.get_context("fork").Process(target=os.getpid)
        child.start()
        child.join()
        parts = new_owner().split("/")
        dead = "/".join([parts[0], str(child.pid), "1", "a"])
        with archive.begin() as connection:
            lease(connection, work.outlet, "elsewhere/1/2/3", now=T0 + 2 * HOUR, until=T0 + 4 * HOUR, limit=5)
        assert recover(archive, work.owner, T0 + 3 * HOUR).released == 0, "alive as far as we know, and not expired"
        assert recover(archive, work.owner, T0 + 4 * HOUR).released == 1
        with archive.begin() as connection:
            assert lease(connection, work.outlet, dead, now=T0, until=T0 + HOUR, limit=5)
        assert recover(archive, work.owner, T0).released == 1


def test_runs_of_the_living_are_left_alone(archive: Archive) -> None:
    with working(archive) as work:
        child = multiprocessing.get_context("fork").Process(target=os.getpid)
        child.start()
        child.join()
        host = work.owner.split("/")[0]
        owners = [new_owner(), f"{host}/{child.pid}/1/a", "elsewhere/1/2/3"]
        with archive.begin() as connection:
            for each in owners:
                begin_crawl(connection, work.outlet, "fetch", operator=None, robots_policy="obey", now=T0, owner=each)
        assert recover(archive, new_owner(), T0).ended == 1
        outcomes = {row.owner: row.outcome for row in work.rows("crawl")}
        assert outcomes == {work.owner: None, owners[0]: None, owners[1]: "killed", owners[2]: None}


def test_of_two_who_recover_at_once_neither_ends_a_run_whose_pages_the_other_takes_in(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working(archive) as work:
        resources = work.find("1", "2")
        work.keep(resources["1"], f"https://{PRIMARY}/detail/1")
        leave_unaccounted(work, monkeypatch, resources["2"], "2")
    adopting, go_on = Event(), Event()

    def walk_slowly(file: BinaryIO, start: int) -> Iterator[Any]:
        adopting.set()
        assert go_on.wait(20)
        return walk(file, start)

    monkeypatch.setattr(recovery, "walk", walk_slowly)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(recover, archive, work.owner, T0)
        assert adopting.wait(20)
        second = threads.submit(recover, archive, work.owner, T0)
        wait([second], timeout=0.5)
        go_on.set()
        found = [first.result(20), second.result(20)]
    assert sorted(found, key=lambda each: each.adopted) == [NOTHING, Recovered(adopted=1, closed=1, ended=1)]
    with archive.read() as connection:
        assert list(check_manifests(connection)) == []


SLOW_COMMIT = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON capture DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION dawdle();
"""


def test_what_the_database_still_commits_for_one_that_was_killed_is_not_taken_in_again(
    postgres_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "reported"
    log.touch()
    with Archive.open(tmp_path / "archive", postgres_url, create=True) as archive:
        outlet, crawl, owner, _ = begin(archive)
        add(archive, outlet, ["1"], owner, crawl)
        with archive.begin() as connection:
            connection.exec_driver_sql(SLOW_COMMIT)
        archive.engine.dispose()
        child = multiprocessing.get_context("fork").Process(target=crawl_all, args=(place_of(archive), log))
        child.start()
        wait_until(lambda: is_committing(archive), "the commit of its page")
        assert child.pid
        os.kill(child.pid, signal.SIGKILL)
        child.join(60)
        assert is_committing(archive), "the database has not heard of its death"
        assert recover(archive, new_owner(), T0).adopted == 0
        check(archive, log)
        with archive.read() as connection:
            assert connection.execute(select(capture.c.crawl)).all() == [(2,)]
            assert list(check_manifests(connection)) == []


def is_committing(archive: Archive) -> bool:
    with archive.read() as connection:
        sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query = 'COMMIT'"
        return bool(connection.exec_driver_sql(sleeping).scalar_one())


# Kills. A child works through the archive and kills itself at one of these moments; the parent recovers and checks.

ARTICLES = 12
MOMENTS = ("half a write", "after a write", "before fsync", "after fsync", "before commit", "after commit")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(archive: Archive, moment: str, number: int) -> None:
    """Make this process die at the n-th such moment."""
    calls = iter(range(number, -1, -1))

    def around(call: Callable[..., Any], *, before: Callable[..., None], after: Callable[..., None]) -> Any:
        def wrapped(*args: Any) -> Any:
            last = next(calls) == 0
            if last:
                before(*args)
            result = call(*args)
            if last:
                after(*args)
            return result

        return wrapped

    def nothing(*_: Any) -> None: ...

    def dies(*_: Any) -> None:
        die()

    def half(descriptor: int, data: Any) -> None:
        real_write(descriptor, data[: len(data) // 2])
        die()

    real_write = os.write
    if moment == "half a write":
        os.write = around(os.write, before=half, after=nothing)
    elif moment == "after a write":
        os.write = around(os.write, before=nothing, after=dies)
    elif moment == "before fsync":
        os.fsync = around(os.fsync, before=dies, after=nothing)
    elif moment == "after fsync":
        os.fsync = around(os.fsync, before=nothing, after=dies)
    else:
        dialect = archive.engine.dialect
        before, after = (dies, nothing) if moment == "before commit" else (nothing, dies)
        dialect.do_commit = around(dialect.do_commit, before=before, after=after)  # type: ignore[method-assign]


def crawl_all(place: Place, log: Path, moment: str | None = None, number: int = 0) -> None:
    """Recover, then fetch and read all that is due, four at once; says in `log` what was reported as done."""
    with Archive.open(place.folder, place.database) as archive, log.open("ab", buffering=0) as done:
        owner = new_owner()
        with archive.begin() as connection:
            hold_outlet(connection, 1, owner)
        recover(archive, owner, T0)
        with archive.begin() as connection:
            crawl = begin_crawl(connection, 1, "crawl", operator=None, robots_policy="obey", now=T0)
        at_work = Writer(archive, crawl=crawl, outlet=1, owner=owner, warcinfo={"software": "test"})
        at_work.start()
        if moment:
            arm(archive, moment, number)
        with archive.read() as connection:
            waiting = [(each.capture, each.resource, each.key) for each in pending(connection, 1, 100)]
        while True:
            batch = at_work.run(
                lambda connection: lease(connection, 1, owner, now=T0, until=T0 + HOUR, limit=4)
            ).result(20)
            fetches = {
                each: at_work.keep(
                    Fetch(exchange(each.locations[0].url, os.urandom(200).hex().encode()), each.resource,
                          each.locations[0].url, "pending", T0, True, T0 + 24 * HOUR)
                )
                for each in batch
            }  # fmt: skip
            for each, future in fetches.items():
                kept = future.result(20)
                done.write(f"kept {kept.capture}\n".encode())
                waiting.append((kept.capture, each.resource, each.key))
            readings = {
                number: at_work.know(
                    Reading(number, resource, EXTRACTOR, "article", T0, key=key, content=content(f"Text of {key}"))
                )
                for number, resource, key in waiting
            }
            for number, future in readings.items():
                future.result(20)
                done.write(f"known {number}\n".encode())
            waiting.clear()
            if not batch:
                break
        at_work.close()


def check(archive: Archive, log: Path) -> None:
    """Everything reported is there, everything pointed at is on the disk, and nothing is there twice."""
    lines = [line.split() for line in log.read_text().splitlines()]
    with archive.read() as connection:
        rows = connection.execute(
            select(capture.c.id, capture.c.outcome, capture.c.offset, capture.c.length, warc_file.c.path,
                   capture.c.payload_sha256, location.c.url)
            .join(warc_file, warc_file.c.id == capture.c.warc_file)
            .join(location, location.c.id == capture.c.location)
        ).all()  # fmt: skip
        for row in connection.execute(select(warc_file)):
            assert (archive.warc_folder / row.path).stat().st_size == row.committed_len
            assert row.state == "closed"
    outcomes = {row.id: row.outcome for row in rows}
    for word, number in lines:
        assert int(number) in outcomes, f"capture {number} was reported and is gone"
        assert word == "kept" or outcomes[int(number)] == "article"
    for row in rows:
        seen = read_exchange(archive.folder, row.path, row.offset, row.length)
        assert seen.url == row.url
        assert hashlib.sha256(seen.payload).hexdigest() == row.payload_sha256
    twice = [each for each, times in Counter(row.payload_sha256 for row in rows).items() if times > 1]
    assert not twice, "an exchange is there twice"


@pytest.mark.long
@pytest.mark.either
@pytest.mark.parametrize("seed", [1, in_soak(2)])
def test_a_kill_at_any_moment_loses_nothing_that_was_reported(archive: Archive, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    log = tmp_path / "reported"
    log.touch()
    outlet, crawl, owner, _ = begin(archive)
    assert outlet == 1
    keys = [f"{number}" for number in range(ARTICLES * len(MOMENTS))]
    made = Recovered()
    for turn, moment in enumerate(chance.sample(MOMENTS, len(MOMENTS))):
        keys_now = keys[turn * ARTICLES : (turn + 1) * ARTICLES]
        add(archive, outlet, keys_now, owner, crawl)
        archive.engine.dispose()
        limit = 8 if moment.endswith("write") else 3 if moment.endswith("fsync") else 6
        child = multiprocessing.get_context("fork").Process(
            target=crawl_all, args=(place_of(archive), log, moment, chance.randrange(limit))
        )
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL, f"{moment}: ended with {child.exitcode}"
        found = recover(archive, new_owner(), T0)
        made = Recovered(made.adopted + found.adopted, made.torn + found.torn)
        check(archive, log)
        assert recover(archive, new_owner(), T0) == NOTHING
    crawl_all(place_of(archive), log)
    check(archive, log)
    with archive.read() as connection:
        captures = connection.execute(select(location.c.url).join(capture, capture.c.location == location.c.id))
        fetched = Counter(captures.scalars())
        titles = connection.exec_driver_sql("SELECT count(*), count(DISTINCT id) FROM article").one()
    assert tuple(titles) == (len(keys), len(keys))
    assert len(fetched) == len(keys)
    assert made.adopted > 0, "some kill fell between the disk and the database"
    assert made.torn > 0, "some kill fell into a write"


def add(archive: Archive, outlet: int, keys: list[str], owner: str, crawl: int) -> None:
    from storage.frontier import NEW, add_found
    from storage.records import Found

    with archive.begin() as connection:
        free_outlet(connection, outlet, owner)
        add_found(
            connection,
            outlet,
            [Found(key, "article", f"https://{PRIMARY}/detail/{key}", NEW, T0, "home") for key in keys],
            now=T0,
            crawl=crawl,
        )


def test_the_check_after_a_kill_sees_what_is_missing_or_there_twice(sqlite_archive: Archive, tmp_path: Path) -> None:
    archive, log = sqlite_archive, tmp_path / "reported"
    log.touch()
    outlet, crawl, owner, _ = begin(archive)
    add(archive, outlet, ["1", "2"], owner, crawl)
    crawl_all(place_of(archive), log)
    check(archive, log)
    place = the_file(archive)
    good = place.read_bytes()
    place.write_bytes(good[:-1])
    with pytest.raises(AssertionError):
        check(archive, log)
    place.write_bytes(good[:-50] + bytes(50))
    with pytest.raises(ArchiveDamaged):
        check(archive, log)
    place.write_bytes(good)
    with archive.begin() as connection:
        row = dict(connection.execute(select(capture)).first()._mapping)  # type: ignore[union-attr]
        connection.execute(capture.insert().values(row | {"id": 99, "offset": row["offset"] - 1}))
    with pytest.raises((AssertionError, ArchiveDamaged)):
        check(archive, log)
    with archive.begin() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.execute(delete(capture).where(capture.c.id == 99))
    check(archive, log)
    log.write_text(log.read_text() + "kept 98\n")
    with pytest.raises(AssertionError, match="98"):
        check(archive, log)


def test_adopting_is_bounded_by_batches(sqlite_archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "_BATCH", 2)
    with working(sqlite_archive) as work:
        resources = work.find("1")

        def failing(*_: object) -> None:
            raise StorageError("the database is gone")

        monkeypatch.setattr(writer, "keep_batch", failing)
        sent = [exchange(f"https://{PRIMARY}/detail/1", str(number).encode()) for number in range(5)]
        futures = [
            work.writer.keep(Fetch(each, resources["1"], each.url, "pending", T0, True, T0 + HOUR)) for each in sent
        ]
        assert all(isinstance(each.exception(20), StorageError) for each in futures)
    found = recover(sqlite_archive, work.owner, T0)
    assert found.adopted == work.count("capture") > 0
    assert recover(sqlite_archive, work.owner, T0) == NOTHING
