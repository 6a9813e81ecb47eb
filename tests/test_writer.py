"""T1 and T2 through the writer's door, on both databases."""

from __future__ import annotations

import errno
import os
from collections import Counter
from concurrent.futures import wait
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import outlets
from storage.archive import Archive
from storage.content import ArticleContent, Block
from storage.errors import StorageError, StorageFull
from storage.finding import MOST_PLACES
from storage.frontier import release
from storage.records import ExtractorName, Fetch, Found, Reading
from storage.storable import storable
from storage.warc import read_exchange
from tests.keeping import (
    EXTRACTOR,
    FORMER,
    HOUR,
    MIRROR,
    PRIMARY,
    T0,
    Work,
    exchange,
    working,
)


def current_text(work: Work, article: int | None) -> str:
    revisions = {row.id: row.body for row in work.rows("revision")}
    number = next(row.current_revision for row in work.rows("article") if row.id == article)
    return str(revisions[number]).split("\n\n")[1]


def test_what_was_kept_reads_back_byte_for_byte(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        sent = exchange(f"https://{PRIMARY}/detail/1", b"x" * 5000, chunked=True)
        kept = work.writer.keep(Fetch(sent, resource, sent.url, "pending", T0, True, None)).result(20)
        assert read_exchange(archive.folder, kept.warc_path, kept.offset, kept.length) == sent
    assert read_exchange(archive.folder, kept.warc_path, kept.offset, kept.length) == sent, "after closing too"
    (row,) = work.rows("warc_file")
    place = archive.warc_folder / row.path
    assert (row.state, row.committed_len) == ("closed", place.stat().st_size)
    assert [each.name for each in archive.warc_folder.iterdir()] == [row.path]


def test_a_fetch_settles_its_resource_and_location(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        url = f"https://{PRIMARY}/detail/1"
        validators = ((b"ETag", b'"a"'), (b"Last-Modified", b"Sun, 01 Mar 2026 12:00:00 GMT"))
        work.keep(resource, url, headers=validators)
        row = work.rows("resource")[0]
        assert (row.outcome, row.attempts, row.lease_owner, row.priority) == ("pending", 0, None, 20)
        assert row.due_at == T0 + 24 * HOUR
        work.keep(resource, url, T0 + HOUR, status=304, outcome="refused:not-modified", body=b"")
        place = work.rows("location")[0]
        assert (place.etag, place.fetched_at) == ('"a"', T0 + HOUR), "a 304 leaves the validators"
        work.fail(resource, url, at=T0 + 2 * HOUR)
        work.keep(resource, url, T0 + 3 * HOUR, status=404, outcome="refused:status-404")
        row = work.rows("resource")[0]
        assert (row.outcome, row.attempts) == ("refused:status-404", 2)
    assert [each.outcome for each in work.rows("capture")] == ["pending", "refused:not-modified", "refused:status-404"]
    assert [each.reason for each in work.rows("fetch_failure")] == ["timeout"]
    counters = {row.name: row.n for row in work.rows("counter")}
    assert counters == {"captures": 3, "failures": 1, "locations": 1, "resources": 1}


def test_an_article_is_new_then_the_same_then_edited(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        first = work.show("1", resource, "A")
        again = work.show("1", resource, "A", at=T0 + HOUR)
        edit = work.show("1", resource, "B", at=T0 + 2 * HOUR)
        back = work.show("1", resource, "A", at=T0 + 3 * HOUR)
        assert [each.novelty for each in (first, again, edit, back)] == ["new", "same", "edit", "edit"]
        assert first.revision == again.revision == back.revision != edit.revision
        assert (work.count("article"), work.count("revision"), work.count("extraction")) == (1, 2, 4)
        assert current_text(work, first.article) == "A", "A, B, A is two revisions and three observations"
        row = next(each for each in work.rows("revision") if each.id == first.revision)
        assert (row.first_at, row.last_at) == (T0, T0 + 3 * HOUR)
    assert work.count("revision_author") == 4
    assert work.count("figure") == 2
    assert {each.outcome for each in work.rows("capture")} == {"article"}


def test_a_mirrors_old_text_is_an_observation_and_never_current(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        article = work.show("1", resource, "old").article
        work.show("1", resource, "new", at=T0 + HOUR)
        stale = work.show("1", resource, "old", host=MIRROR, at=T0 + 2 * HOUR)
        assert (stale.novelty, current_text(work, article)) == ("duplicate", "new")
        with archive.begin() as connection:
            outlets.set_domain_state(connection, work.domains[PRIMARY], "unreachable", T0)
        work.show("1", resource, "old", host=MIRROR, at=T0 + 3 * HOUR)
        assert current_text(work, article) == "new", "what the primary has moved on from stays stale"
        moved = work.show("1", resource, "newer", host=MIRROR, at=T0 + 4 * HOUR)
        # The control: a text that the mirror alone has is current as long as the primary does not serve.
        assert (moved.novelty, current_text(work, article)) == ("edit", "newer")


def test_a_mirror_alone_with_another_text_is_no_edit(sqlite_archive: Archive) -> None:
    with working(sqlite_archive) as work:
        resource = work.find("1")["1"]
        article = work.show("1", resource, "ours").article
        other = work.show("1", resource, "theirs", host=MIRROR, at=T0 + HOUR)
        assert (other.novelty, current_text(work, article)) == ("duplicate", "ours")


@pytest.mark.parametrize("outcome", ["notice", "refused:no-text", "failed:timeout"])
def test_what_is_no_article_never_changes_one(archive: Archive, outcome: str) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        work.show("1", resource, "text")
        before = work.rows("article")
        kept = work.keep(resource, f"https://{FORMER}/detail/1", T0 + HOUR)
        known = work.writer.know(Reading(kept.capture, resource, EXTRACTOR, outcome, T0 + HOUR)).result(20)
        assert (known.article, known.revision, known.novelty) == (None, None, "none")
        assert work.rows("article") == before
        assert (work.count("revision"), work.rows("resource")[0].outcome) == (1, outcome)
        work.show("1", resource, "other", at=T0 + 2 * HOUR)
        assert work.rows("article") != before, "the control: an article's page does change it"


def test_a_changed_extractor_is_no_edit(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        first = work.show("1", resource, "text with chrome")
        url, later, today = f"https://{PRIMARY}/detail/1", T0 + HOUR, ExtractorName("2")
        kept = work.keep(resource, url, later)
        waiting = work.read(kept.capture, resource, "1", "text", extractor=today, at=later)
        assert (waiting.reread, waiting.revision) == (first.capture, None)
        assert work.count("revision") == 1, "nothing is written until the former page is read again"
        again = work.read(first.capture, resource, "1", "text", extractor=today, at=later)
        assert (again.novelty, again.reread) == ("same", None)
        settled = work.read(kept.capture, resource, "1", "text", extractor=today, at=later)
        assert (settled.novelty, settled.revision) == ("same", again.revision)
        assert current_text(work, first.article) == "text"
        assert [row.supersedes for row in work.rows("revision")] == [None, first.revision]
        # The control: the same extractor with another text is an edit.
        edited = work.keep(resource, url, T0 + 2 * HOUR)
        assert work.read(edited.capture, resource, "1", "edited", extractor=today).novelty == "edit"


def test_a_page_that_todays_extractor_cannot_read_again_does_not_loop(sqlite_archive: Archive) -> None:
    with working(sqlite_archive) as work:
        resource = work.find("1")["1"]
        first = work.show("1", resource, "before")
        kept = work.keep(resource, f"https://{PRIMARY}/detail/1", T0 + HOUR)
        today = ExtractorName("2")
        assert work.read(kept.capture, resource, "1", "after", extractor=today).reread == first.capture
        work.writer.know(Reading(first.capture, resource, today, "failed:timeout", T0)).result(20)
        assert work.read(kept.capture, resource, "1", "after", extractor=today).novelty == "edit"


def test_a_reading_given_twice_changes_nothing(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        first = work.show("1", resource, "text")
        before = {table: work.rows(table) for table in ("article", "revision", "extraction", "resource", "counter")}
        again = work.read(first.capture, resource, "1", "another text for the same capture and extractor")
        assert (again.revision, again.novelty) == (first.revision, "same")
        assert before == {table: work.rows(table) for table in before}


def test_a_redirect_to_another_article_binds_both_resources_to_it(archive: Archive) -> None:
    with working(archive) as work:
        resources = work.find("1", "2")
        target = f"https://{PRIMARY}/detail/2"
        with archive.begin() as connection:
            release(connection, work.owner)
        hop = work.keep(
            resources["1"], f"https://{PRIMARY}/detail/1", status=301, outcome="refused:redirect", final=False
        )
        kept = work.keep(resources["1"], target, redirected_from=hop.location)
        known = work.read(kept.capture, resources["1"], "2", "text")
        first, second = work.rows("resource")
        assert (first.article, second.article) == (known.article, known.article)
        assert (first.due_at, second.due_at) == (None, T0 + 24 * HOUR), "the alias is not asked again"
        assert [row.key for row in work.rows("article_key")] == ["2"]
        assert work.rows("capture")[1].origin == f"redirect:{hop.location}"


def test_a_redirect_to_an_unknown_article_makes_its_resource(sqlite_archive: Archive) -> None:
    with working(sqlite_archive) as work:
        resource = work.find("1")["1"]
        kept = work.keep(resource, f"https://{PRIMARY}/detail/9", redirected_from=1)
        known = work.read(kept.capture, resource, "9", "text")
        _, made = work.rows("resource")
        assert (made.key, made.article, made.due_at) == ("9", known.article, T0 + 24 * HOUR)
        assert {row.url: row.resource for row in work.rows("location")}[f"https://{PRIMARY}/detail/9"] == made.id


def test_links_and_announced_hosts_become_known_once(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        found = tuple(Found(f"{n}", "article", f"https://{PRIMARY}/detail/{n}", 10, T0, "1") for n in range(5))
        listing = Found("home/2", "sections", f"https://{PRIMARY}/home/2", 0, T0, "1")
        kept = work.keep(resource, f"https://{PRIMARY}/detail/1")
        known = work.writer.know(
            Reading(kept.capture, resource, EXTRACTOR, "listing", T0, found=found, more=(listing,),
                    announced=("new.example", PRIMARY, "new.example"))
        ).result(20)  # fmt: skip
        assert (known.new_resources, known.new_locations) == (4, 4)
        assert work.count("resource") == 6, "something was new, so the next page is wanted"
        (candidate,) = [row for row in work.rows("domain") if row.source == "announced"]
        assert (candidate.host, candidate.approval) == ("new.example", "candidate")
        kept = work.keep(resource, f"https://{PRIMARY}/detail/1")
        more = (Found("home/3", "sections", f"https://{PRIMARY}/home/3", 0, T0, "1"),)
        known = work.writer.know(
            Reading(kept.capture, resource, EXTRACTOR, "listing", T0, found=found, more=more)
        ).result(20)
        assert (known.new_resources, known.new_locations, work.count("resource")) == (0, 0, 6)


def test_a_resource_keeps_only_so_many_of_its_addresses(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        for page in range(4):
            kept = work.keep(resource, f"https://{PRIMARY}/detail/1")
            urls = [(key, f"https://{PRIMARY}/detail/{key}?id={page}-{n}") for key in "79" for n in range(20)]
            found = tuple(Found(key, "article", url, 10, T0, "1") for key, url in urls if key == "7" or page == 0)
            work.writer.know(Reading(kept.capture, resource, EXTRACTOR, "listing", T0, found=found)).result(20)
        kept_of = Counter(row.url.partition("?")[0].rpartition("/")[2] for row in work.rows("location"))
        assert kept_of == {"1": 1, "7": MOST_PLACES, "9": 20}, "of 80 addresses of one article, and of 20 of another"


@pytest.mark.long
def test_many_readings_in_one_batch_are_compared_with_each_other(archive: Archive) -> None:
    with working(archive) as work:
        resources = work.find(*map(str, range(20)))
        kept = {
            (key, hour): work.keep(resource, f"https://{PRIMARY}/detail/{key}", T0 + hour * HOUR)
            for key, resource in resources.items()
            for hour in range(3)
        }
        texts = ("A", "B", "B")
        futures = {
            (key, hour): work.writer.know(
                Reading(each.capture, resources[key], EXTRACTOR, "article", T0, key, content_of(texts[hour]))
            )
            for (key, hour), each in kept.items()
        }
        wait(futures.values(), 30)
        novelty = [[futures[key, hour].result().novelty for hour in range(3)] for key in resources]
        assert novelty == [["new", "edit", "same"]] * 20
        assert (work.count("article"), work.count("revision")) == (20, 40)


def content_of(text: str) -> ArticleContent:
    return ArticleContent("Headline", (Block("paragraph", text),))


@given(st.text(st.characters() | st.sampled_from("\x00\ud800\udfff")))
def test_storable_text_is_encodable_and_kept_where_it_was(text: str) -> None:
    stored = storable(text)
    stored.encode()
    assert "\x00" not in stored
    try:
        text.encode()
    except UnicodeEncodeError:
        assert stored != text
    else:
        assert stored == text.replace("\x00", "\ufffd")


def test_text_that_no_database_takes_is_kept_with_a_mark(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        kept = work.keep(resource, f"https://{PRIMARY}/detail/1", headers=((b"ETag", b'"\x00\xff"'),))
        known = work.read(kept.capture, resource, "1", "zero \x00 half \ud83d end")
        assert known.novelty == "new"
        assert "zero \ufffd half ? end" in work.rows("revision")[0].body


def test_one_impossible_reading_does_not_harm_its_batch(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        kept = work.keep(resource, f"https://{PRIMARY}/detail/1")
        wrong = work.writer.know(Reading(kept.capture + 999, resource, EXTRACTOR, "notice", T0))
        nameless = work.writer.know(Reading(kept.capture, resource, EXTRACTOR, "article", T0))
        right = work.writer.know(Reading(kept.capture, resource, EXTRACTOR, "article", T0, "1", content_of("A")))
        assert right.result(20).novelty == "new"
        assert isinstance(wrong.exception(20), StorageError)
        assert isinstance(nameless.exception(20), ValueError)


def test_a_job_runs_after_what_was_given_before_and_rolls_back_alone(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        sent = exchange(f"https://{PRIMARY}/detail/1")
        kept = work.writer.keep(Fetch(sent, resource, sent.url, "pending", T0, True, None))

        def job(connection: Any) -> int:
            connection.exec_driver_sql("DELETE FROM counter")
            raise KeyError("mistake")

        seen = work.writer.run(lambda connection: connection.exec_driver_sql("SELECT count(*) FROM capture").scalar())
        assert (seen.result(20), kept.done()) == (1, True)
        assert isinstance(work.writer.run(job).exception(20), KeyError)
        assert work.count("counter") > 0
        assert work.writer.error is None


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, StorageFull), (errno.EIO, StorageError)])
def test_a_failing_disk_is_told_to_all_who_wait_and_loses_nothing(
    sqlite_archive: Archive, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[StorageError]
) -> None:
    with working(sqlite_archive) as work:
        resource = work.find("1")["1"]
        url = f"https://{PRIMARY}/detail/1"
        first = work.keep(resource, url)
        good = work.rows("warc_file")[0].committed_len
        real = os.write
        calls = iter(range(100))

        def failing(descriptor: int, data: Any) -> int:
            if next(calls) == 2:
                raise OSError(number, os.strerror(number))
            return real(descriptor, data[: len(data) // 2])

        monkeypatch.setattr(os, "write", failing)
        futures = [work.writer.keep(Fetch(exchange(url), resource, url, "pending", T0, True, None)) for _ in range(5)]
        errors = [each.exception(20) for each in futures]
        monkeypatch.undo()
        assert {type(each) for each in errors} == {kind}
        assert isinstance(work.writer.fail(None).exception(5), kind), "it takes nothing more"  # type: ignore[arg-type]
    assert work.count("capture") == 1
    (place,) = sqlite_archive.warc_folder.glob("*.open")
    assert place.stat().st_size == good, "what was never accounted for is taken back"
    assert read_exchange(sqlite_archive.folder, first.warc_path, first.offset, first.length).url == url


def test_a_full_queue_holds_its_givers_back(sqlite_archive: Archive) -> None:
    with working(sqlite_archive, max_items=8, max_bytes=10_000) as work:
        resource = work.find("1")["1"]
        url = f"https://{PRIMARY}/detail/1"
        futures = [
            work.writer.keep(Fetch(exchange(url, b"x" * 4000), resource, url, "pending", T0, True, None))
            for _ in range(50)
        ]
        waiting = sum(not each.done() for each in futures)
        assert waiting <= 64 + 2, "at most a batch and what fits the queue"
        wait(futures, 20)
        assert work.count("capture") == 50


def test_files_roll_over_and_each_is_whole(sqlite_archive: Archive) -> None:
    with working(sqlite_archive, roll_bytes=5000) as work:
        resource = work.find("1")["1"]
        kept = [work.keep(resource, f"https://{PRIMARY}/detail/1", body=os.urandom(3000)) for _ in range(6)]
    assert len({each.warc_path for each in kept}) == 3
    assert {row.state for row in work.rows("warc_file")} == {"closed"}
    for each in kept:
        read_exchange(sqlite_archive.folder, each.warc_path, each.offset, each.length)


def test_a_run_that_fetched_nothing_leaves_no_file(sqlite_archive: Archive) -> None:
    with working(sqlite_archive) as work:
        work.fail(work.find("1")["1"], f"https://{PRIMARY}/detail/1")
    assert list(sqlite_archive.warc_folder.iterdir()) == []
