"""Finding a known text in a page's passages, as training does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.labelling import label

_WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=9)
_LINE = st.lists(_WORD, min_size=7, max_size=30).map(" ".join)


@given(st.lists(st.tuples(_LINE, st.booleans()), min_size=1, max_size=12, unique_by=lambda part: part[0]))
def test_passages_are_held_that_the_text_is_made_of(parts: list[tuple[str, bool]]) -> None:
    chosen = [line for line, taken in parts if taken]
    found = label([line for line, _ in parts], "\n\n".join(chosen))
    held = {at for at, (_, taken) in enumerate(parts) if taken}
    assert held <= found.held
    assert found.missing == 0
    assert all(_shares_words(parts[at][0], chosen) for at in found.held - held)


def test_of_passages_that_say_the_same_one_is_held() -> None:
    line = "The council voted on Monday to rebuild the old pier at once."
    assert len(label([line, line], line).held) == 1
    assert len(label([line, line], f"{line} {line}").held) == 2


def test_a_short_passage_is_held_where_the_text_has_it() -> None:
    lines = [
        "A first long paragraph that says what happened.",
        "Share",
        "What now?",
        "A second long one, on costs too.",
    ]
    found = label(lines, "\n".join((lines[0], lines[2], lines[3])))
    assert found.held == {0, 2, 3}


def test_a_text_on_one_line_is_found_too() -> None:
    lines = [f"Paragraph number {at} of a page tells this and that about thing {at}." for at in range(20)]
    found = label(["Menu", *lines, "Imprint"], " ".join(lines))
    assert found.held == set(range(1, 21))


def test_what_stands_nowhere_is_missing() -> None:
    found = label(
        ["Something else entirely stands on this page today."], "The text that was known has other words in it."
    )
    assert not found.held
    assert found.missing == 1


def _shares_words(line: str, chosen: list[str]) -> bool:
    words = line.split()
    text = " ".join(chosen)
    runs = [" ".join(words[at : at + 4]) for at in range(len(words) - 3)]
    return sum(run in text for run in runs) >= len(runs) / 2
