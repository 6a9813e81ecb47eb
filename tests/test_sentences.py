"""Every code of a reason has a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scraper.cli.running import run
from scraper.fetching.reasons import REASONS
from scraper.sentences import SENTENCES, code_of, is_reason, sentence_of
from storage.archive import Archive

ROOT = Path(__file__).parents[1]
_IN_SOURCE = (
    re.compile(r"""["'](?:refused|failed):([a-z][a-z-]+)["']"""),
    re.compile(r"""problem=["']([a-z][a-z-]+)["']"""),
    re.compile(r"""replace\(read, reason=["']([a-z-]+)["']\)"""),
    re.compile(r"""Read\(content, ["']([a-z-]+)["']\)"""),
    re.compile(r"""Unreadable\(["']([a-z-]+)["']\)"""),
    re.compile(r"""tally\.(?:failed|refused)\[["']([a-z-]+)["']\]"""),
)


def codes_in(text: str) -> set[str]:
    return {code for pattern in _IN_SOURCE for code in pattern.findall(text) if not code.startswith("status-")}


def test_every_code_of_the_source_has_a_sentence() -> None:
    files = [file for room in ("scraper", "spiders") for file in (ROOT / room).rglob("*.py")]
    codes = {code for file in files for code in codes_in(file.read_text(encoding="utf-8"))} | REASONS
    assert len(codes) > 35
    assert sorted(codes - SENTENCES.keys()) == []
    assert codes_in('Outcome(verdict="refused:made-up"), Findings(problem="odd")') - SENTENCES.keys() == {
        "made-up",
        "odd",
    }


def test_sentences_stand_in_a_line_and_name_no_code() -> None:
    for code, sentence in SENTENCES.items():
        assert sentence == sentence.strip().rstrip("."), code
        assert "\n" not in sentence
        assert code != sentence
        assert len(sentence) <= 80, code


def test_a_status_is_told_by_its_number_and_name() -> None:
    assert sentence_of("refused:status-404") == "the server answered 404 Not Found"
    assert sentence_of("failed:status-799") == "the server answered 799"
    assert (code_of("overruled:refused:empty"), code_of("notice")) == ("empty", "notice")
    assert sentence_of("refused:not-known-yet") == "not-known-yet"


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("empty", True),
        ("refused:em", True),
        ("failed:timeout", True),
        ("refused", True),
        ("notice", True),
        ("status-599", True),
        ("stat", True),
        ("emty", False),
        ("failed:emty", False),
        ("bogus", False),
    ],
)
def test_a_word_that_no_code_begins_with_is_known_as_such(word: str, known: bool) -> None:
    assert is_reason(word) is known


def test_a_list_by_a_word_that_no_code_begins_with_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Archive.open(tmp_path, create=True).close()
    assert run(["status", "--archive", str(tmp_path), "--reason", "emty"]) == 2
    assert "Did you mean empty?" in capsys.readouterr().err
    assert run(["status", "--archive", str(tmp_path), "--reason", "empty"]) == 0
