"""`export jsonl`: articles as JSON Lines, each as `show --json` prints it but for the captures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from storage.archive import Archive
from storage.models import article, article_key
from tests.commanding import Run, options_of
from tests.crawling import Ran
from tests.databases import Place
from tests.keeping import HOUR, MIRROR, PRIMARY, T0, working

TEXTS = (("1", "One text."), ("2", "Two."), ("1", "Another text of sanctions."), ("3", "Three\n<b>\u202e\x9b\u0633."))


@pytest.fixture
def place(empty_place: Place) -> Place:
    """An archive of three articles, the first with two texts, the older of which a mirror shows too."""
    with (
        Archive.open(empty_place.folder, empty_place.database, create=True) as archive,
        working(archive) as work,
    ):
        resources = work.find("1", "2", "3")
        for number, (key, text) in enumerate(TEXTS):
            work.show(key, resources[key], text, at=T0 + number * HOUR)
        work.show("1", resources["1"], TEXTS[0][1], host=MIRROR, at=T0 + 5 * HOUR)
    return empty_place


@pytest.fixture
def run(cli: Run, place: Place) -> Callable[..., Ran]:
    """Runs a command on the archive."""
    return lambda *arguments: Ran(*cli(*arguments, *options_of(place)))


@pytest.fixture
def export(run: Callable[..., Ran]) -> Callable[..., Ran]:
    return lambda *arguments: run("export", "jsonl", *arguments)


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_is_what_show_prints_but_for_the_captures(export: Callable[..., Ran], run: Callable[..., Ran]) -> None:
    ran = export("demo")
    assert (ran.code, ran.err) == (0, "")
    lines = lines_of(ran.out)
    assert [each["key"] for each in lines] == ["demo:1", "demo:2", "demo:3"]
    for line in lines:
        shown = run("show", line["key"], "--json").json
        assert shown.pop("captures"), "show tells the captures"
        del shown["as_of"]
        assert line == shown
    first = lines[0]
    assert TEXTS[2][1] in first["article"]["text"]
    assert first["article"]["published"]["precision"] == "minute"
    assert {each["url"] for each in first["locations"]} == {f"https://{host}/detail/1" for host in (PRIMARY, MIRROR)}
    assert [each["current"] for each in first["revisions"]].count(True) == 1
    assert len({each["digest"] for each in first["revisions"]}) == 2
    assert ran.out.isascii(), "nothing of a page steers a terminal"


def test_each_text_of_an_article_is_a_line_where_all_are_asked_for(
    export: Callable[..., Ran], run: Callable[..., Ran]
) -> None:
    lines = lines_of(export("demo:1", "--all-revisions").out)
    assert [each["article"]["blocks"][1]["text"] for each in lines] == [TEXTS[0][1], TEXTS[2][1]]
    assert [(each["number"], each["current"]) for each in lines] == [(1, False), (2, True)]
    for each in lines:
        shown = run("show", each["digest"], "--json").json
        assert (shown["article"], shown["current"]) == (each["article"], each["current"])
    assert len(lines_of(export("demo:1").out)) == 1


def test_what_is_named_and_found_is_given_once(export: Callable[..., Ran]) -> None:
    ran = export("demo:2", "demo:1", "demo:1", "--query", "sanctions")
    assert sorted(each["key"] for each in lines_of(ran.out)) == ["demo:1", "demo:2"]
    assert [each["key"] for each in lines_of(export("--query", "sanctions").out)] == ["demo:1"]
    assert len(lines_of(export("demo", "demo:1", "--query", "sanctions").out)) == 3


def test_what_was_merged_into_an_article_is_told_as_part_of_it(export: Callable[..., Ran], place: Place) -> None:
    with Archive.open(place.folder, place.database) as archive, archive.begin() as connection:
        numbers = {row.key: row.article for row in connection.execute(article_key.select())}
        merged = update(article).where(article.c.id == numbers["3"]).values(merged_into=numbers["1"])
        connection.execute(merged)
        connection.execute(update(article_key).where(article_key.c.key == "3").values(article=numbers["1"]))
    for arguments in (("demo",), ("demo:3", "demo:2")):
        lines = lines_of(export(*arguments).out)
        assert sorted(each["key"] for each in lines) == ["demo:1", "demo:2"]
        (one,) = [each for each in lines if each["key"] == "demo:1"]
        assert one["keys"] == ["1", "3"]
        assert len(one["revisions"]) == 3
    texts = lines_of(export("demo:1", "--all-revisions").out)
    assert len({each["digest"] for each in texts}) == len(texts) == 3


def test_a_file_is_made_whole_or_not_at_all(export: Callable[..., Ran], tmp_path: Path) -> None:
    out = tmp_path / "articles.jsonl"
    told = export("demo", "--out", str(out), "--json").json
    assert told == {
        "file": str(out), "articles": 3, "texts": 3, "bytes": out.stat().st_size, "damaged": [], "exit_code": 0,
    }  # fmt: skip
    assert out.read_text() == export("demo").out
    again = export("demo:1", "--out", str(out))
    assert (again.code, "is there already" in again.err) == (2, True)
    assert len(lines_of(out.read_text())) == 3
    assert export("demo:1", "--out", str(out), "--force", "--all-revisions").err.endswith("2 texts of 1 article\n")
    assert len(lines_of(out.read_text())) == 2
    nothing = export("--query", "unheardof", "--out", str(tmp_path / "none.jsonl"))
    assert (nothing.code, "no article of that" in nothing.err) == (2, True)
    assert sorted(tmp_path.glob("*.jsonl*")) == [out]
    assert export("demo", "--json").code == 2, "standard output is for the lines"


def test_an_article_that_cannot_be_read_is_named_and_the_others_given(export: Callable[..., Ran], place: Place) -> None:
    assert export("demo").code == 0
    with Archive.open(place.folder, place.database) as archive, archive.begin() as connection:
        owner = connection.execute(select(article.c.outlet).limit(1)).scalar_one()
        textless = insert(article).values(outlet=owner, kind="article", first_at=T0)
        (number,) = connection.execute(textless).inserted_primary_key
    ran = export("demo")
    assert [each["key"] for each in lines_of(ran.out)] == ["demo:1", "demo:2", "demo:3"]
    assert (ran.code, ran.err.count("left out: ")) == (5, 1)
    assert f"article {number}" in ran.err
