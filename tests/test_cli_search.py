"""What a search says beside its results: hints on a query that may not mean what was meant."""

from __future__ import annotations

import json

import pytest

from tests.commanding import Run


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("minister AND port", "AND is sought as a word"),
        ("minister or port", "OR in capitals"),
        ("minister NOT port", "-word finds"),
        ("minister outlet:demmo", "is demo meant?"),
        ("minister outlet:zzzz", "it holds demo"),
        ("minister from:2026-05 to:2026-04", "from: (2026-05-01) is after to: (2026-04-30)"),
        ("minister nowhere", "No article here holds nowhere."),
        ("nowhere", "begin*"),
        ("minister -spoke", "Fewer words"),
    ],
)
def test_a_query_that_may_be_meant_otherwise_is_hinted_at(cli: Run, at: tuple[str, ...], query: str, said: str) -> None:
    code, out, err = cli("search", query, *at)
    assert (code, out) == (0, "")
    assert said in err
    assert all(line.startswith(("hint: ", "0 found")) for line in err.splitlines())


@pytest.mark.parametrize(
    "query", ["minister", "minister OR port", '"and or"', "or", "minister -port", "outlet:demo from:2026 to:2026"]
)
def test_a_plain_query_gets_no_hint_on_its_form(cli: Run, at: tuple[str, ...], query: str) -> None:
    _, _, err = cli("search", query, *at)
    assert not [line for line in err.splitlines() if "sought as" in line or "outlet" in line or "from:" in line]
    assert "sought as a word" in cli("search", "a AND b", *at)[2]


def test_hints_leave_json_alone(cli: Run, at: tuple[str, ...]) -> None:
    _, out, err = cli("search", "minister AND port", "--json", *at)
    assert json.loads(out)["total"] == 0
    assert "hint: AND" in err


def test_a_page_past_the_end_names_the_last(cli: Run, at: tuple[str, ...]) -> None:
    code, out, err = cli("search", "again OR port", "--limit", "1", "--page", "9", *at)
    assert (code, out) == (0, "")
    assert err == "2 found; the last page is --page 2\n"
    assert cli("search", "again OR port", "--limit", "1", *at)[2] == "2 found, 1 to 1 shown; --page 2 shows more\n"
    assert cli("search", "again OR port", *at)[2] == "2 found\n"


def test_the_caret_stands_under_the_place_of_a_long_query_on_a_narrow_terminal(
    cli: Run, at: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    code, _, err = cli("search", f"{'before ' * 20}autor:x {'behind ' * 20}", *at)
    said, line, caret = err.splitlines()
    assert (code, "there is no field autor:" in said) == (2, True)
    assert len(line) <= 40
    assert line[caret.index("^") :].startswith("autor:x")
    assert line.strip().startswith("…")
    assert line.endswith("…")


def test_a_query_cannot_move_the_caret_by_turning_the_direction_of_writing(cli: Run, at: tuple[str, ...]) -> None:
    _, _, err = cli("search", "\u202eab autor:x", *at)
    _, line, caret = err.splitlines()
    assert line[caret.index("^") :] == "autor:x"
