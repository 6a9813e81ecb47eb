"""What shows nothing new is kept as headers and digest alone where the outlet's policies say so, and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from storage import rewriting
from storage.archive import Archive
from storage.captures import capture_at, read_capture
from storage.cdxj_following import follow_warcs
from storage.errors import ArchiveDamaged, DatabaseLost
from storage.finding import resource_at
from storage.fixity.checking import check
from storage.fixity.repairing import repair
from storage.history import history
from storage.keys import resolve
from storage.models import capture, location, reduction, warc_file
from storage.priorities import LISTING, NEW
from storage.records import ExtractorName, Fetch, Found, Known, Reading
from storage.recovery import Recovered, recover
from storage.reducing import set_policies
from storage.views import view_article
from tests.databases import Place, place_of
from tests.keeping import EXTRACTOR, HOUR, T0, content, exchange
from tests.scheduled import ADDRESSES, CHAIN, Run, faults, one_day, running, states

__all__ = ["one_day"]
pytestmark = pytest.mark.usefixtures("one_day")
BODY = os.urandom(3000)


@dataclass
class Days:
    """Runs over an outlet with both policies, at growing times; remembers what was sent by capture."""

    archive: Archive
    policies: tuple[Any, Any] = ("headers", "changed")
    sent: dict[int, Any] = field(default_factory=dict)
    at: Any = T0

    def run(self, *, keep_open: bool = False) -> Run:
        run = Run(self.archive, keep_open=keep_open)
        with self.archive.begin() as connection:
            set_policies(connection, run.outlet, *self.policies)
        return run

    def show(self, run: Run, text: str, *, key: str = "1", body: bytes | None = None, **options: Any) -> int:
        """A capture of an article that shows a text, in a page that is never twice the same."""
        fetch = self.fetch(run, key, "article", body if body is not None else BODY + os.urandom(16))
        kept = run.writer.keep(fetch).result(20)
        self.sent[kept.capture] = fetch.exchange
        self.know(run, kept.capture, fetch.resource, key, text, **options)
        return kept.capture

    def know(
        self, run: Run, capture_id: int, resource: int, key: str, text: str, extractor: ExtractorName = EXTRACTOR
    ) -> Known:
        reading = Reading(capture_id, resource, extractor, "article", at=self.at, key=key, content=content(text))
        return run.writer.know(reading).result(20)

    def list(self, run: Run, *found: str) -> int:
        """A capture of a listing that leads to articles."""
        fetch = self.fetch(run, "listing", "sections", BODY + os.urandom(16))
        kept = run.writer.keep(fetch).result(20)
        self.sent[kept.capture] = fetch.exchange
        founds = tuple(Found(key, "article", f"https://{run.host}/detail/{key}", NEW, T0, "home") for key in found)
        reading = Reading(kept.capture, fetch.resource, EXTRACTOR, "listing", at=self.at, found=founds)
        run.writer.know(reading).result(20)
        return kept.capture

    def fetch(self, run: Run, key: str, kind: str, body: bytes) -> Fetch:
        self.at += HOUR
        url = f"https://{run.host}/detail/{key}"
        with self.archive.begin() as connection:
            found = Found(key, kind, url, NEW if kind == "article" else LISTING, T0, "home")
            resource = resource_at(connection, run.outlet, found, now=T0, crawl=run.crawl)
        sent = replace(exchange(url, body, tls=CHAIN), addresses=ADDRESSES)
        return Fetch(sent, resource, url, "pending", self.at, True, T0 + HOUR)


def reduced(archive: Archive) -> dict[int, tuple[str, int]]:
    """The captures that were reduced: why, and what shows the same."""
    with archive.read() as connection:
        columns = (reduction.c.capture, reduction.c.reason, reduction.c.shows)
        return {row[0]: (row[1], row[2]) for row in connection.execute(select(*columns))}


def pages_are_as_sent(days: Days) -> None:
    """Each capture that is kept whole reads back as it was sent, with its certificates and addresses."""
    gone = reduced(days.archive)
    with days.archive.read() as connection:
        for number, sent in days.sent.items():
            if number in gone:
                with pytest.raises(ArchiveDamaged):
                    capture_at(connection, number)
            else:
                assert read_capture(days.archive.folder, capture_at(connection, number)) == sent


def sizes(archive: Archive) -> int:
    with archive.read() as connection:
        return int(connection.execute(select(func.sum(warc_file.c.committed_len))).scalar_one())


@pytest.mark.parametrize("group", [1, 3, rewriting.GROUP])
def test_a_text_that_did_not_change_is_kept_whole_once_at_its_place(
    archive: Archive, group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "GROUP", group)
    days = Days(archive)
    run = days.run(keep_open=True)
    first = [days.show(run, "A") for _ in range(3)]
    other = days.show(run, "A", key="2")
    run.end()
    run = days.run()
    second = [days.show(run, "B") for _ in range(2)]
    third = [days.show(run, "A") for _ in range(2)]
    before = sizes(archive)
    run.end()
    assert set(reduced(archive)) == {first[1], first[2], second[1], third[1]}
    assert {each[1] for each in reduced(archive).values()} == {first[0], second[0]}
    pages_are_as_sent(days)
    assert other in days.sent
    assert sizes(archive) < 0.7 * before
    assert (states(archive), faults(archive)) == (["closed"], [])
    with archive.read() as connection:
        number = resolve(connection, "demo:1")
        assert [each.kind for each in history(connection, number)] == [
            "first",
            "same",
            "same",
            "edit",
            "same",
            "edit",
            "same",
        ]
        told = {line.id: line.reduced for line in view_article(connection, number).captures}
    assert told == {**dict.fromkeys([first[0], second[0], third[0]]), **dict.fromkeys(reduced(archive), "unchanged")}


def test_a_listing_that_led_to_nothing_new_is_kept_whole_once(archive: Archive) -> None:
    days = Days(archive)
    run = days.run()
    listed = [days.list(run, *found) for found in (("1",), ("1",), ("1", "2"), ("2",), ("2", "1"))]
    run.end()
    assert set(reduced(archive)) == {listed[1], listed[3], listed[4]}
    pages_are_as_sent(days)
    assert faults(archive) == []


def test_a_listing_shows_what_it_last_showed_in_any_earlier_file(archive: Archive) -> None:
    days = Days(archive)
    listed = []
    for found in (("1",), ("1",), ("1",), ("1", "2"), ("1", "2"), ("2",)):
        run = days.run()
        listed.append(days.list(run, *found))
        run.end()
    assert reduced(archive) == {
        listed[1]: ("nothing new", listed[0]),
        listed[2]: ("nothing new", listed[0]),
        listed[4]: ("nothing new", listed[3]),
        listed[5]: ("nothing new", listed[3]),
    }
    pages_are_as_sent(days)
    assert faults(archive) == []


@pytest.mark.parametrize("policies", [("whole", "whole"), ("whole", "changed"), ("headers", "whole")])
def test_each_policy_is_asked_for_by_itself(sqlite_archive: Archive, policies: tuple[str, str]) -> None:
    days = Days(sqlite_archive, policies)
    run = days.run()
    article = [days.show(run, "A") for _ in range(2)]
    listing = [days.list(run, "1") for _ in range(3)]
    run.end()
    wanted = ({article[1]} if policies[0] == "headers" else set()) | (
        set(listing[1:]) if policies[1] == "changed" else set()
    )
    assert set(reduced(sqlite_archive)) == wanted
    assert faults(sqlite_archive) == []


def test_what_is_referred_to_goes_with_what_refers_to_it(archive: Archive) -> None:
    days = Days(archive)
    run = days.run()
    page = BODY + b"twice the same"
    seen = [days.show(run, "A"), days.show(run, "A", body=page), days.show(run, "A", body=page), days.show(run, "A")]
    run.end()
    assert set(reduced(archive)) == set(seen[1:]), "the third is a revisit of the second"
    pages_are_as_sent(days)
    assert faults(archive) == []
    with archive.read() as connection:
        place = connection.execute(select(location).where(location.c.url.endswith("/1"))).one()
    assert (place.whole_capture, place.etag) == (None, None), "no server is asked by what is no more"
    again = days.run()
    seen.append(days.show(again, "A", body=page))
    again.end()
    assert set(reduced(archive)) == set(seen[1:]), "in the next file too"
    assert faults(archive) == []


def test_what_others_refer_to_stays_whole(archive: Archive) -> None:
    days = Days(archive)
    run = days.run()
    page = BODY + b"twice the same"
    seen = [days.show(run, "A"), days.show(run, "A", body=page), days.show(run, "B", body=page), days.show(run, "A")]
    seen.append(days.show(run, "A"))
    run.end()
    assert set(reduced(archive)) == {seen[4]}, "the third, another text, is a revisit of the second"
    with archive.read() as connection:
        assert read_capture(archive.folder, capture_at(connection, seen[2])).payload == days.sent[seen[2]].payload
    assert faults(archive) == []


def test_files_that_come_later_refer_to_what_was_kept_before(sqlite_archive: Archive) -> None:
    days = Days(sqlite_archive)
    seen = []
    for _ in range(3):
        run = days.run()
        seen += [days.show(run, "A"), days.show(run, "A")]
        run.end()
        assert faults(sqlite_archive) == []
    assert reduced(sqlite_archive) == dict.fromkeys(seen[1:], ("unchanged", seen[0]))
    pages_are_as_sent(days)
    assert follow_warcs(sqlite_archive).damaged == []


def test_a_changed_extractor_reads_the_page_that_was_kept(archive: Archive) -> None:
    days = Days(archive)
    run = days.run()
    seen = [days.show(run, "A") for _ in range(3)]
    run.end()
    run, newer = days.run(), ExtractorName("2")
    fetch = days.fetch(run, "1", "article", BODY)
    kept = run.writer.keep(fetch).result(20)
    known = days.know(run, kept.capture, fetch.resource, "1", "A, read better", newer)
    assert known.reread == seen[0], "the newest is headers and digest alone"
    days.know(run, seen[0], fetch.resource, "1", "A, read better", newer)
    known = days.know(run, kept.capture, fetch.resource, "1", "A, read better", newer)
    assert (known.reread, known.novelty) == (None, "same")
    run.end()
    with archive.read() as connection:
        told = {each.capture: each.kind for each in history(connection, known.article or 0)}
    assert told[kept.capture] == "same"
    assert faults(archive) == []


def test_the_new_file_is_read_by_others_and_by_the_index(sqlite_archive: Archive) -> None:
    from warcio.checker import Checker

    days = Days(sqlite_archive)
    run = days.run()
    for _ in range(4):
        days.show(run, "A")
    follow_warcs(sqlite_archive)
    run.end()
    (place,) = sqlite_archive.warc_folder.glob("*.gz")
    checker = Checker(type("Options", (), {"inputs": [str(place)], "verbose": False, "file": None})())
    checker.process_all()
    assert checker.exit_value == 0
    follow_warcs(sqlite_archive)
    lines = b"".join(each.read_bytes() for each in (sqlite_archive.folder / "cdxj").glob("*.cdxj"))
    assert lines.count(b'"mime": "text/html"') == 1, "what cannot be replayed has no line"
    assert list(check(sqlite_archive)) == []


DAMAGES: dict[str, str] = {
    "a reason": "UPDATE reduction SET reason = 'x'",
    "what shows the same": "UPDATE reduction SET shows = capture",
    "a digest": "UPDATE reduction SET sha256 = 'x'",
    "a row that is gone": "DELETE FROM reduction",
    "a place": 'UPDATE capture SET "offset" = "offset" - 1 WHERE id IN (SELECT capture FROM reduction)',
    "where it moved to": "UPDATE capture SET moved_to = moved_to + 1",
    "the payload's digest": "UPDATE capture SET payload_sha256 = 'x' WHERE id IN (SELECT capture FROM reduction)",
}


@pytest.mark.parametrize("what", [*DAMAGES, "a byte"])
def test_a_damage_of_what_was_reduced_is_named(sqlite_archive: Archive, what: str) -> None:
    days = Days(sqlite_archive)
    run = days.run()
    seen = [days.show(run, "A") for _ in range(2)]
    run.end()
    assert list(check(sqlite_archive)) == []
    if what == "a byte":
        (place,) = sqlite_archive.warc_folder.glob("*.gz")
        with sqlite_archive.read() as connection:
            row = connection.execute(select(capture).where(capture.c.id == seen[1])).one()
        data = bytearray(place.read_bytes())
        data[row.offset + row.length // 2] ^= 1
        place.write_bytes(data)
    else:
        with sqlite_archive.begin() as connection:
            connection.exec_driver_sql(DAMAGES[what])
    assert list(check(sqlite_archive)) != []


def test_the_old_file_stays_a_while_for_those_who_began_to_read(
    sqlite_archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = Days(sqlite_archive)
    run = days.run()
    days.show(run, "A")
    days.show(run, "A")
    run.end()
    (old,) = sqlite_archive.warc_folder.glob("*.open")
    now = datetime.now(UTC)
    assert recover(sqlite_archive, "nobody", now) == Recovered()
    assert old.exists()
    assert recover(sqlite_archive, "nobody", now + 2 * HOUR) == Recovered()
    assert not old.exists()
    assert faults(sqlite_archive) == []


def test_a_lost_answer_to_the_commit_loses_no_file(sqlite_archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    days = Days(sqlite_archive)
    run = days.run()
    days.show(run, "A")
    days.show(run, "A")
    begin, lost = Archive.begin, []

    @contextmanager
    def lose_an_answer(archive: Archive) -> Iterator[Connection]:
        with begin(archive) as connection:
            yield connection
            moves = connection.execute(select(func.count()).select_from(reduction)).scalar_one()
        if moves and not lost:
            lost.append(moves)
            raise DatabaseLost("the connection was lost", "the database", "Run the same command again.")

    monkeypatch.setattr(Archive, "begin", lose_an_answer)
    run.end()
    assert lost == [1]
    assert faults(sqlite_archive) == []
    assert states(sqlite_archive) == ["closed"]
    assert recover(sqlite_archive, "nobody", datetime.now(UTC) + 2 * HOUR) == Recovered()
    assert [path.name for path in sqlite_archive.warc_folder.glob("*.open")] == []
    assert faults(sqlite_archive) == []


def die_at(step: str, when: str, n: int) -> None:
    """Make this process die before or after the n-th such step."""
    from sqlalchemy.engine.default import DefaultDialect

    left = n

    def deadly(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0 and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*args, **options)
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return wrapped

    if step == "commit":
        DefaultDialect.do_commit = deadly(DefaultDialect.do_commit)  # type: ignore[method-assign]
    else:
        setattr(os, step, deadly(getattr(os, step)))


def close_and_die(place: Place, step: str, when: str, n: int) -> None:
    with Archive.open(place.folder, place.database) as archive:
        run = Run(archive)
        die_at(step, when, n)
        run.end()


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["fsync", "rename", "commit"])
def test_a_kill_leaves_the_old_file_or_the_new(sqlite_archive: Archive, step: str, when: str) -> None:
    days = Days(sqlite_archive)
    run = days.run(keep_open=True)
    for _ in range(3):
        days.show(run, "A")
    days.list(run, "1")
    days.list(run, "1")
    run.end()
    died, results = 0, set()
    for n in range(1, 20):
        process = multiprocessing.get_context("fork").Process(
            target=close_and_die, args=(place_of(sqlite_archive), step, when, n)
        )
        process.start()
        process.join(60)
        if process.exitcode != -signal.SIGKILL:
            assert process.exitcode == 0
            break
        died += 1
        assert [each for each in check(sqlite_archive) if each.kind != "file-strange"] == [], (step, when, n)
        results.add(len(reduced(sqlite_archive)))
        recover(sqlite_archive, "nobody", T0)
        assert faults(sqlite_archive) == [], (step, when, n)
        pages_are_as_sent(days)
        if states(sqlite_archive) == ["closed"]:  # begin again with a file that rests
            run = days.run(keep_open=True)
            days.show(run, "A")
            days.show(run, "A")
            run.end()
    assert died >= 1
    with running(sqlite_archive):
        pass
    assert reduced(sqlite_archive)
    pages_are_as_sent(days)
    assert faults(sqlite_archive) == []


def test_a_pointer_into_a_file_that_was_written_anew_is_mended(sqlite_archive: Archive) -> None:
    days = Days(sqlite_archive)
    run = days.run()
    days.show(run, "A")
    days.show(run, "A")
    days.show(run, "B")
    run.end()
    with sqlite_archive.begin() as connection:
        whole = f"WHERE id NOT IN ({', '.join(map(str, reduced(sqlite_archive)))})"
        connection.exec_driver_sql(f'UPDATE capture SET "offset" = "offset" + 1 {whole}')
    found = list(check(sqlite_archive))
    assert {each.kind for each in found} == {"row-altered"}
    done = repair(sqlite_archive, found, lambda: check(sqlite_archive))
    assert all(each.repaired for each in done), done
    assert list(check(sqlite_archive)) == []
    pages_are_as_sent(days)
