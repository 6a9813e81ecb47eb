"""Re-extraction: kept pages are read again, texts get better, and no history is rewritten."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import select, update

from scraper.reextracting import RereadTally
from storage import history as history_module
from storage import judging, models
from storage.archive import Archive
from storage.as_of import view_as_of
from storage.errors import KeyUnknown, OutletLocked
from storage.history import Observation, history
from storage.judging import telling
from storage.manifest import manifest_digest
from tests.keeping import HOUR, MIRROR, PRIMARY, T0
from tests.rereading import (
    PROFILE,
    WITHOUT_LAST,
    WITHOUT_NOTES,
    Paper,
    current_body,
    edits,
    owner_of,
    page,
    printing,
    profile_of,
    read_again,
    rereading_crawls,
    told,
)

CALM = page("A.", note="Follow us.", last="End.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where profiles are."""
    return tmp_path / "profiles"


def busy_paper(paper: Paper) -> None:
    """An article that changed and came back, on two domains, with a note that came and went, and a page refused."""
    for hour, (text, note) in enumerate([("A.", "One."), ("B.", "One."), ("A.", "Two."), ("A.", ""), ("B.", "")]):
        paper.show("1", page(text, note=note, last="End."), hour=2 * hour)
        paper.show("1", page("A." if hour < 3 else text, note="One."), host=MIRROR, hour=2 * hour + 1)
    paper.show("1", b"<html><body><h1 class=title>Nothing</h1></body></html>", hour=20)
    paper.show("2", CALM)


def test_reading_again_adds_readings_and_changes_no_edit(archive: Archive, folder: Path) -> None:
    with printing(archive, folder) as paper:
        busy_paper(paper)
    before = {key: told(archive, key) for key in "12"}
    assert [each.kind for each in before["1"]].count("edit") == 5
    for hour, profile in enumerate((WITHOUT_NOTES, WITHOUT_LAST, WITHOUT_NOTES + 'lead = ["p.note"]\n'), 1):
        report = read_again(archive, folder, profile, hour=hour * 1000)
        assert (report.finished, report.error, report.counts["read"]) == (True, None, 12)
        for key in "12":
            assert edits(told(archive, key)) == edits(before[key]), f"reading {hour} of {key}"
    again = [each for each in told(archive) if each.kind == "reread"]
    assert len(again) == 3 * 10
    assert {each.read_at > T0 + 999 * HOUR for each in again} == {True}


def test_a_twin_that_calls_every_new_text_an_edit_is_seen(
    sqlite_archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above: without the rules of storage.judging, readings are told as edits."""
    with printing(sqlite_archive, folder) as paper:
        busy_paper(paper)
    before = edits(told(sqlite_archive))
    read_again(sqlite_archive, folder, WITHOUT_NOTES)
    assert edits(told(sqlite_archive)) == before

    def newest_alone(last: judging.Observation, extractor: int, digest: str, *, crawl: int | None = None) -> str:
        return "same" if last.digest == digest else "edit"

    monkeypatch.setattr(history_module, "judge", newest_alone)
    assert edits(told(sqlite_archive)) != before


def test_an_edit_is_called_so_only_when_the_last_capture_was_read_again(
    archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with printing(archive, folder) as paper:
        paper.show("1", CALM)
        paper.show("2", CALM)
        paper.outlet = profile_of(folder, WITHOUT_NOTES)
        assert paper.show("1", CALM, hour=1).novelty == "same"
        monkeypatch.setattr("storage.deciding.judge", lambda last, extractor, digest: "edit")
        assert paper.show("2", CALM, hour=1).novelty == "edit", "the control: a twin without the rule"


def test_a_crawl_after_reading_again_finds_the_edits_that_there_are(archive: Archive, folder: Path) -> None:
    with printing(archive, folder) as paper:
        paper.show("1", page("A.", note="One."))
        paper.show("1", page("A.", note="One."), host=MIRROR, hour=1)
    read_again(archive, folder, WITHOUT_NOTES)
    with printing(archive, folder, WITHOUT_NOTES) as later:
        later.resources = {"1": resource_of(archive, "1")}
        assert later.show("1", page("A.", note="Two."), hour=2000).novelty == "same"
        assert later.show("1", page("B.", note="Two."), hour=2001).novelty == "edit"
        assert later.show("1", page("A."), host=MIRROR, hour=2002).novelty == "same"
    kinds = [(each.domain, each.kind) for each in told(archive) if each.kind != "reread"]
    assert kinds == [(PRIMARY, "first"), (MIRROR, "same"), (PRIMARY, "same"), (PRIMARY, "edit"), (MIRROR, "same")]
    before = edits(told(archive))
    read_again(archive, folder, WITHOUT_LAST, hour=3000)
    read_again(archive, folder, PROFILE, hour=4000)
    assert edits(told(archive)) == before


def test_the_current_text_is_what_the_new_extractor_reads_in_the_capture_that_was_current(
    archive: Archive, folder: Path
) -> None:
    with printing(archive, folder) as paper:
        paper.show("1", page("Old.", note="One."))
        paper.show("1", page("New.", note="One."), hour=1)
        paper.show("1", page("Old.", note="One."), host=MIRROR, hour=2)
    assert "New." in current_body(archive)
    report = read_again(archive, folder, WITHOUT_NOTES)
    assert (report.counts["changed"], report.counts["same"]) == (3, 0)
    body = current_body(archive)
    assert "New." in body
    assert "One." not in body


def test_a_page_that_is_refused_now_keeps_its_text(archive: Archive, folder: Path) -> None:
    with printing(archive, folder) as paper:
        paper.show("1", CALM)
        paper.show("2", CALM)
    before, text = told(archive), current_body(archive)
    strict = PROFILE.replace("'/detail/(?P<key>\\d+)$'", "'/detail/(?P<key>[2-9])$'").replace("/detail/1", "/detail/2")
    report = read_again(archive, folder, strict)
    assert (report.counts["lost"], report.counts["same"]) == (1, 1)
    assert told(archive) == before
    assert current_body(archive) == text
    assert outcomes(archive) == ["refused:no-article", "article"]


def test_a_page_that_was_refused_and_is_an_article_now_becomes_one_with_its_captures_date(
    archive: Archive, folder: Path
) -> None:
    strict = PROFILE.replace("'/detail/(?P<key>\\d+)$'", "'/detail/(?P<key>[2-9])$'").replace("/detail/1", "/detail/2")
    with printing(archive, folder, strict) as paper:
        assert paper.show("1", page("A."), hour=1).article is None
        paper.show("1", page("B."), hour=2)
        paper.show("2", CALM, hour=3)
    report = read_again(archive, folder, PROFILE)
    assert (report.counts["gained"], report.counts["same"]) == (2, 1)
    found = told(archive)
    assert [(each.kind, each.at) for each in found] == [("first", T0 + HOUR), ("edit", T0 + 2 * HOUR)]
    with archive.read() as connection:
        number = owner_of(archive, "1")
        row = connection.execute(select(models.article).where(models.article.c.id == number)).one()
        bound = connection.execute(select(models.resource.c.article, models.resource.c.outcome)).all()
    assert row.first_at == T0 + HOUR
    assert "B." in current_body(archive)
    assert set(bound) == {(number, "article"), (owner_of(archive, "2"), "article")}
    # What is read once more is no edit, and what came to light stays as it is told.
    read_again(archive, folder, WITHOUT_LAST, hour=2000)
    assert edits(told(archive)) == edits(found)


def test_a_refused_page_between_two_articles_changes_no_edit_when_it_is_read(archive: Archive, folder: Path) -> None:
    loose = PROFILE.replace("/detail/(?P<key>", "/(?:detail|other)/(?P<key>")
    with printing(archive, folder) as paper:
        paper.show("1", page("A."), hour=1)
        assert paper.show("1", page("B."), hour=2, path="/other/{}").article is None
        paper.show("1", page("C."), hour=3)
    before = edits(told(archive))
    assert [each[0] for each in before] == ["first", "edit"]
    report = read_again(archive, folder, loose)
    assert (report.counts["gained"], report.counts["same"]) == (1, 2)
    assert edits(told(archive)) == before
    assert [each.kind for each in told(archive)].count("reread") == 3


def test_reading_twice_does_nothing_the_second_time(archive: Archive, folder: Path) -> None:
    with printing(archive, folder) as paper:
        busy_paper(paper)
    read_again(archive, folder, WITHOUT_NOTES)
    tables = ("extraction", "revision", "article", "crawl", "capture", "resource")
    before = {name: rows(archive, name) for name in tables}
    (run,) = rereading_crawls(archive)
    assert (run.outcome, run.counts["read"]) == ("finished", 12)
    with archive.read() as connection:
        assert run.manifest_digest == manifest_digest(connection, run.id)
    report = read_again(archive, folder, WITHOUT_NOTES, hour=2000)
    assert (report.finished, report.counts["captures"]) == (True, 0)
    assert before == {name: rows(archive, name) for name in tables}


def test_only_captures_since_a_day_are_read(sqlite_archive: Archive, folder: Path) -> None:
    with printing(sqlite_archive, folder) as paper:
        for hour in (0, 24, 48):
            paper.show("1", CALM, hour=hour)
    assert read_again(sqlite_archive, folder, WITHOUT_NOTES, since=T0 + 24 * HOUR).counts["read"] == 2
    assert read_again(sqlite_archive, folder, WITHOUT_NOTES).counts["read"] == 1


def test_an_outlet_that_another_run_holds_is_left_alone(archive: Archive, folder: Path) -> None:
    with printing(archive, folder) as paper:
        paper.show("1", CALM)
        report = read_again(archive, folder, WITHOUT_NOTES)
        assert isinstance(report.error, OutletLocked)
        assert report.error.exit_code == 4
    assert rereading_crawls(archive) == []
    assert read_again(archive, folder, WITHOUT_NOTES).counts["read"] == 1


@pytest.mark.either
@pytest.mark.long
def test_an_interrupted_run_is_gone_on_with(archive: Archive, folder: Path) -> None:
    with printing(archive, folder) as paper:
        for number in range(150):
            paper.show("1", page(f"Text {number}.", note="One."), hour=number)

    def interrupt(name: str, tally: RereadTally) -> None:
        if tally.read:
            os.kill(os.getpid(), signal.SIGINT)

    first = read_again(archive, folder, WITHOUT_NOTES, observe=interrupt)
    assert not first.finished
    assert 0 < first.counts["read"] < 150
    second = read_again(archive, folder, WITHOUT_NOTES, hour=2000)
    assert second.finished
    assert first.counts["read"] + second.counts["read"] == 150
    assert [run.outcome for run in rereading_crawls(archive)] == ["stopped: interrupted", "finished"]
    assert [each.kind for each in told(archive)].count("reread") == 150
    assert [each.kind for each in told(archive)].count("edit") == 149


def test_a_page_that_never_ends_costs_its_seconds_alone(sqlite_archive: Archive, folder: Path) -> None:
    with printing(sqlite_archive, folder) as paper:
        for number in range(1, 20):
            paper.show(str(number), page("a" * (60 if number == 9 else 3) + "!"))
    hanging = PROFILE.replace('country = "GR"', "country = \"GR\"\nboilerplate = ['^(?:a|aa)+$']")
    report = read_again(sqlite_archive, folder, hanging, page_seconds=2)
    assert report.counts["failures"] == {"timeout": 1}
    assert report.counts["same"] == 18
    assert "aaa" in current_body(sqlite_archive, "9")
    assert read_again(sqlite_archive, folder, hanging, hour=2000, page_seconds=2).counts["captures"] == 0


def test_a_record_that_is_damaged_is_named_and_all_others_are_read(sqlite_archive: Archive, folder: Path) -> None:
    with printing(sqlite_archive, folder) as paper:
        for number in "123":
            paper.show(number, CALM)
    (second,) = [row for row in rows(sqlite_archive, "capture") if row.id == 2]
    (file,) = (sqlite_archive.folder / "warc").glob("*.warc.gz")
    whole = file.read_bytes()
    middle = second.offset + second.length // 2
    file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    report = read_again(sqlite_archive, folder, WITHOUT_NOTES)
    assert report.error is not None
    assert f"{file.name} at byte {second.offset}" in str(report.error)
    assert (report.counts["changed"], report.counts["failures"]) == (2, {"record-damaged": 1})
    file.write_bytes(whole)
    assert read_again(sqlite_archive, folder, WITHOUT_NOTES).counts["changed"] == 1


def test_what_the_archive_said_then_can_still_be_asked(archive: Archive, folder: Path) -> None:
    with printing(archive, folder) as paper:
        paper.show("1", page("Old.", note="One."), hour=1)
        paper.show("1", page("New.", note="One."), hour=20)
    read_again(archive, folder, WITHOUT_NOTES, hour=1000)
    number = owner_of(archive, "1")

    def said(hour: int) -> tuple[bool, bool, int | None, int, list[str]]:
        with archive.read() as connection:
            view = view_as_of(connection, number, T0 + hour * HOUR)
        return (
            "New." in view.text.body, "One." in view.text.body, view.text.number, len(view.revisions),
            [each.outcome for each in view.captures],
        )  # fmt: skip

    assert said(1) == (False, True, 1, 1, ["article"])
    assert said(20) == (True, True, 2, 2, ["article", "article"])
    assert said(999) == said(20)
    assert said(1001) == (True, False, 4, 4, ["article", "article"])
    with archive.read() as connection, pytest.raises(KeyUnknown, match="was not in the archive"):
        view_as_of(connection, number, T0)


def test_what_a_domain_in_service_showed_then_is_what_was_current_then(archive: Archive, folder: Path) -> None:
    with printing(archive, folder) as paper:
        paper.show("1", page("Primary."), hour=1)
        paper.show("1", page("Mirror."), host=MIRROR, hour=2)
        primary = paper.work.domains[PRIMARY]
    with archive.begin() as connection:
        event = {"domain": primary, "at": T0 + 10 * HOUR, "state": "seized"}
        connection.execute(models.domain_event.insert().values(**event))
        connection.execute(update(models.domain).where(models.domain.c.id == primary).values(state="seized"))
    number = owner_of(archive, "1")
    with archive.read() as connection:
        assert "Primary." in view_as_of(connection, number, T0 + 9 * HOUR).text.body
        assert "Mirror." in view_as_of(connection, number, T0 + 11 * HOUR).text.body


def test_both_databases_tell_the_same(sqlite_archive: Archive, postgres_archive: Archive, tmp_path: Path) -> None:
    found: list[list[Observation]] = []
    for archive in (sqlite_archive, postgres_archive):
        folder = tmp_path / archive.engine.dialect.name
        with printing(archive, folder) as paper:
            busy_paper(paper)
        read_again(archive, folder, WITHOUT_NOTES, jobs=1)
        with archive.read() as connection:
            found.append(history(connection, owner_of(archive, "1")))
    plain = [[(each.kind, each.at, each.domain, each.digest, each.number) for each in seen] for seen in found]
    assert plain[0] == plain[1]


def test_edits_are_told_along_first_readings_however_an_article_came_to_light() -> None:
    def seen(number: int, *reads: tuple[int, str | None, int]) -> judging.Observation:
        return judging.Observation(number, T0, PRIMARY, [judging.ReadBy(*each) for each in reads])

    at_once = seen(1, (1, "a", 1), (2, "b", 5))
    later = seen(2, (1, None, 1), (2, "c", 5))
    assert telling([at_once, later]) == {1}
    assert telling([later, seen(3, (1, None, 2), (2, "d", 5))]) == {2, 3}
    assert telling([later, seen(3, (1, None, 2), (3, "d", 6))]) == {2}
    assert telling([later, seen(3, (2, "d", 7)), seen(4, (1, None, 3), (2, "e", 8))]) == {2, 3}
    assert telling([]) == set()


def outcomes(archive: Archive) -> list[str]:
    """What each capture came to, in their order."""
    return [row.outcome for row in rows(archive, "capture")]


def rows(archive: Archive, table: str) -> list[object]:
    """All rows of a table."""
    chosen = models.metadata.tables[table]
    with archive.read() as connection:
        return list(connection.execute(select(chosen).order_by(*chosen.primary_key.columns)))


def resource_of(archive: Archive, key: str) -> int:
    """The resource that a key names."""
    with archive.read() as connection:
        statement = select(models.resource.c.id).where(models.resource.c.key == key)
        number: int = connection.execute(statement).scalar_one()
        return number
