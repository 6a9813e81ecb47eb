"""History is drawn from observations: first, same, edit, reread, along each domain's line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from storage import models
from storage.archive import Archive
from storage.diffing import compare, compare_words
from storage.history import Observation, history
from storage.records import ExtractorName, Reading
from storage.views import diff
from tests.keeping import HOUR, MIRROR, PRIMARY, T0, Work, working


@pytest.fixture
def work(archive: Archive) -> Iterator[Work]:
    with working(archive) as begun:
        yield begun


def told(work: Work, article: int | None) -> list[Observation]:
    assert article is not None
    with work.archive.read() as connection:
        return history(connection, article)


def test_a_text_that_came_back_is_two_revisions_and_three_observations(work: Work) -> None:
    resource = work.find("1")["1"]
    article = work.show("1", resource, "A").article
    work.show("1", resource, "A", at=T0 + HOUR)
    work.show("1", resource, "B", at=T0 + 2 * HOUR)
    work.show("1", resource, "A", at=T0 + 3 * HOUR)
    seen = told(work, article)
    assert [(each.kind, each.number) for each in seen] == [("first", 1), ("same", 1), ("edit", 2), ("edit", 1)]
    assert [each.at for each in seen] == [T0 + hours * HOUR for hours in range(4)]
    assert {each.domain for each in seen} == {PRIMARY}
    assert len({each.digest for each in seen}) == 2
    assert all(each.text_sha256 and each.url == f"https://{PRIMARY}/detail/1" for each in seen)


def test_a_mirror_that_shows_another_text_disagrees_and_is_no_edit(work: Work) -> None:
    resource = work.find("1")["1"]
    article = work.show("1", resource, "old").article
    work.show("1", resource, "new", at=T0 + HOUR)
    work.show("1", resource, "old", host=MIRROR, at=T0 + 2 * HOUR)
    work.show("1", resource, "new", at=T0 + 3 * HOUR)
    work.show("1", resource, "third", host=MIRROR, at=T0 + 4 * HOUR)
    seen = told(work, article)
    assert [(each.domain, each.kind, each.disagrees) for each in seen] == [
        (PRIMARY, "first", False),
        (PRIMARY, "edit", False),
        (MIRROR, "same", False),
        (PRIMARY, "same", False),
        (MIRROR, "edit", False),
    ]


def test_the_first_text_of_a_line_that_nobody_else_showed_disagrees(work: Work) -> None:
    resource = work.find("1")["1"]
    article = work.show("1", resource, "ours").article
    work.show("1", resource, "theirs", host=MIRROR, at=T0 + HOUR)
    assert [(each.kind, each.disagrees) for each in told(work, article)] == [("first", False), ("first", True)]


def test_a_changed_extractor_is_reread_and_no_edit(work: Work) -> None:
    resource = work.find("1")["1"]
    first = work.show("1", resource, "text with chrome")
    today, later = ExtractorName("2"), T0 + HOUR
    kept = work.keep(resource, f"https://{PRIMARY}/detail/1", later)
    assert work.read(kept.capture, resource, "1", "text", extractor=today, at=later).reread == first.capture
    work.read(first.capture, resource, "1", "text", extractor=today, at=later)
    work.read(kept.capture, resource, "1", "text", extractor=today, at=later)
    seen = told(work, first.article)
    assert [(each.kind, each.number, each.extractor) for each in seen] == [
        ("first", 1, "1"),
        ("reread", 2, "2"),
        ("same", 2, "2"),
    ]
    assert [each.at for each in seen] == [T0, T0, later]
    assert seen[1].read_at == later
    # The control: the same extractor finds another text.
    edited = work.keep(resource, f"https://{PRIMARY}/detail/1", later + HOUR)
    work.read(edited.capture, resource, "1", "edited", extractor=today, at=later + HOUR)
    assert told(work, first.article)[-1].kind == "edit"


def test_where_todays_extractor_saw_nothing_before_the_texts_stand_as_read(work: Work) -> None:
    resource = work.find("1")["1"]
    first = work.show("1", resource, "before")
    kept = work.keep(resource, f"https://{PRIMARY}/detail/1", T0 + HOUR)
    today = ExtractorName("2")
    work.writer.know(Reading(first.capture, resource, today, "failed:timeout", T0)).result(20)
    work.read(kept.capture, resource, "1", "after", extractor=today)
    assert [each.kind for each in told(work, first.article)] == ["first", "edit"]


def test_the_history_of_a_merged_article_is_told_with_the_one_that_stands(work: Work) -> None:
    resources = work.find("1", "2")
    one, two = (work.show(key, resources[key], key, at=T0 + int(key) * HOUR).article for key in "12")
    with work.archive.begin() as connection:
        connection.execute(update(models.article).where(models.article.c.id == two).values(merged_into=one))
    assert [(each.number, each.url[-1]) for each in told(work, one)] == [(1, "1"), (2, "2")]


def test_both_databases_tell_the_same(sqlite_archive: Archive, postgres_archive: Archive) -> None:
    told_by = []
    for archive in (sqlite_archive, postgres_archive):
        with working(archive) as begun:
            resource = begun.find("1")["1"]
            for hour, (text, host) in enumerate((("a", PRIMARY), ("b", MIRROR), ("b", PRIMARY), ("a", MIRROR))):
                article = begun.show("1", resource, text, host=host, at=T0 + hour * HOUR).article
            told_by.append(told(begun, article))
    assert told_by[0] == told_by[1]
    assert len(told_by[0]) == 4


def test_a_diff_shows_paragraphs_then_words(work: Work) -> None:
    resource = work.find("1")["1"]
    one = work.show("1", resource, "The minister said no to the talks.").revision
    two = work.show("1", resource, "The minister said yes to the talks.", at=T0 + HOUR).revision
    assert one is not None
    assert two is not None
    with work.archive.read() as connection:
        changed = diff(connection, one, two)
        same = diff(connection, one, one)
    assert [each.verb for each in changed.body] == ["equal", "replace", "equal", "equal"]
    runs = changed.body[1].runs
    assert [(run.old, run.new) for run in runs if run.verb != "equal"] == [("no", "yes")]
    assert [run.verb for run in changed.headline] == ["equal"]
    assert (changed.old.number, changed.new.number) == (1, 2)
    assert {each.verb for each in (*same.body, *same.authors, *same.captions)} == {"equal"}


_PARAGRAPHS = st.lists(st.text(st.sampled_from("ab \n."), max_size=12), max_size=8)


@given(_PARAGRAPHS, _PARAGRAPHS)
def test_a_diff_tells_both_texts_whole(old: list[str], new: list[str]) -> None:
    changes = compare(old, new)
    assert [each.old for each in changes if each.old is not None] == old
    assert [each.new for each in changes if each.new is not None] == new
    for each in changes:
        assert (each.verb == "equal") == (each.old == each.new)
        if each.runs:
            assert ("".join(run.old for run in each.runs), "".join(run.new for run in each.runs)) == (
                each.old,
                each.new,
            )


def test_a_diff_of_endless_texts_is_capped() -> None:
    words = [f"w{number}" for number in range(9000)]
    (run,) = compare_words(" ".join(words), " ".join(reversed(words)))
    assert run.verb == "replace"
    old, new = [f"p{number}" for number in range(5000)], [f"p{number}" for number in range(5001)]
    assert [each.new for each in compare(old, new) if each.verb != "equal"] == ["p5000"]
