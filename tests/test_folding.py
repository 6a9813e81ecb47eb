"""Folding levels what readers take for the same, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage.folding import fold, fold_typography, spans, tokens

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@given(_TEXTS)
@example("İ")
@example("ﷺ½ﬁ")
@example("がギ\u09dc")
def test_folding_twice_is_the_same_as_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold_typography(fold_typography(text)) == fold_typography(text)


@given(st.text(st.characters(max_codepoint=127), max_size=20))
@example("`a\x01b`")
def test_plain_text_is_levelled_as_any_other(text: str) -> None:
    assert fold_typography(text) == fold_typography(f"{text}\u200b")


@given(_TEXTS)
@example("ÅﬁＡ½ﷺ")
def test_words_found_for_marking_are_the_words_indexed(text: str) -> None:
    assert [word for word, _, _ in spans(text)] == tokens(text)
    assert all(0 <= start < end <= len(text) for _, start, end in spans(text))


@given(_TEXTS)
def test_words_hold_nothing_that_the_ascii_tokenizer_would_split_or_change(text: str) -> None:
    for word in tokens(text):
        assert all(character.isalnum() or not character.isascii() for character in word), word
        assert word == word.lower() or not word.isascii()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Éléonore à l’Élysée", "eleonore a l'elysee"),
        ("علي كاتب", "علی کاتب"),
        ("مُحَمَّد", "محمد"),
        ("می‌خواهم", "میخواهم"),
        ("١٢٣ ۱۲۳", "123 123"),
        ("Straße", "STRASSE"),
        ("Søren Łódź", "soren lodz"),
        ("İstanbul", "istanbul"),
        ("مؤسسة", "موسسه"),
        ("الـقـدس", "القدس"),
        ("ﻻ", "لا"),
    ],
)
def test_spellings_of_one_word_are_one_word(one: str, other: str) -> None:
    assert tokens(one) == tokens(other)
    assert tokens(one) != tokens(other + "x")


def test_ideographs_are_words_of_their_own() -> None:
    assert tokens("德黑兰 news") == ["德", "黑", "兰", "news"]


def test_indic_vowel_signs_stay() -> None:
    assert tokens("कि") != tokens("की")
    assert len(tokens("हिन्दी समाचार")) == 2


def test_typography_alone_is_levelled_for_digests() -> None:
    printed = "“Iran’s\u00a0talks” — a\u200bgain…\n"
    assert fold_typography(printed) == '"Iran\'s talks" - again...'
    assert fold_typography("Cafe\u0301") == fold_typography("Café")
    assert fold_typography("Café") != fold_typography("Cafe")
    assert fold_typography("IRAN") != fold_typography("Iran")
