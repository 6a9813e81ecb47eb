"""What the commands print on terminals of several widths: nothing is cut, addresses stay whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from storage.archive import Archive
from tests.commanding import on_terminal, options_of
from tests.databases import place_of
from tests.keeping import MIRROR, PRIMARY, working
from tests.tiers import in_soak

LONG = f"https://{PRIMARY}/a/long/way/of/folders/to/a/page/that/is/no/article/at/all"
COMMANDS = (
    ("status",),
    ("status", "--refused"),
    ("search", "minister"),
    ("show", "1"),
    ("show", "1", "--why"),
    ("history", "1"),
    ("outlets", "list"),
    ("outlets", "show", "demo"),
    ("outlets", "show", "presstv"),
    ("search", "--help"),
    ("db", "move", "--help"),
)


@pytest.fixture
def place(sqlite_archive: Archive) -> tuple[str, ...]:
    """The options that name an archive with an article on two domains, and a page with a long address."""
    with working(sqlite_archive) as work:
        resources = work.find("1", "2", "3")
        work.show("1", resources["1"], "The minister spoke of the harbour, the ferry and the tide barrier.")
        work.show("1", resources["1"], "The minister spoke of the harbour and the tide barrier.", host=MIRROR)
        work.keep(resources["2"], LONG, outcome="refused:no-article")
        work.keep(resources["3"], f"https://{PRIMARY}/3", status=404, outcome="refused:status-404")
    return options_of(place_of(sqlite_archive))


@pytest.mark.long
@pytest.mark.parametrize("columns", [40, in_soak(80), in_soak(120)])
def test_nothing_is_wider_than_the_terminal_but_what_must_stay_whole(place: tuple[str, ...], columns: int) -> None:
    for command in COMMANDS:
        where = place if command[-1] != "--help" else ()
        shown = on_terminal(columns, *command, *where)
        wide = [line for line in shown.splitlines() if len(line) > columns]
        # An address, a pattern or a file's name stands alone on its line, or behind its column's name.
        named = re.compile(r"(pattern|begins at|selector) ")
        assert not [line for line in wide if " " in named.sub("", line.strip(), count=1)], command
        assert "…" not in shown.replace(" …", ""), command
        assert "\x1b" not in shown


def test_an_address_can_be_copied_from_the_narrowest_terminal(place: tuple[str, ...]) -> None:
    assert LONG in on_terminal(40, "status", "--refused", *place).split()
    assert f"https://{MIRROR}/detail/1" in on_terminal(40, "show", "1", *place).split()


@pytest.mark.parametrize("columns", [40, 80])
def test_the_help_of_a_group_tells_its_commands_in_whole_sentences(columns: int) -> None:
    _, listed = on_terminal(columns, "db", "--help").split("Commands:")
    assert "and change nothing else." in " ".join(listed.split())
    assert "..." not in listed


def test_a_table_that_does_not_fit_names_each_value(place: tuple[str, ...]) -> None:
    assert "articles 1, revisions 2" in on_terminal(40, "status", *place)
    assert re.search(r"^outlet +articles +revisions", on_terminal(80, "status", *place), re.M)


def test_no_color_and_a_pipe_get_no_colours(place: tuple[str, ...]) -> None:
    assert "\x1b[1m" in on_terminal(80, "status", *place, colours=True)
    assert "\x1b" not in on_terminal(80, "status", *place)


@pytest.mark.soak
@pytest.mark.long
def test_the_demo_s_second_run_says_that_it_goes_on_with_the_same_archive(tmp_path: Path) -> None:
    command = ("demo", "--articles", "10", "--archive", str(tmp_path / "archive"))
    first, second = on_terminal(40, *command), on_terminal(40, *command)
    assert "of an earlier run" not in " ".join(first.split())
    assert "holds 10 articles of an earlier run; this one asks for what is new" in " ".join(second.split())
    assert "Nothing on the site was new" in second
    assert "Nothing on the site was new" not in first
    # Commands stay on one line, so that they can be pasted; addresses are alone on theirs.
    lines = re.sub(r"\x1b\[[0-9?]*[A-Za-z]", "", second).splitlines()  # without what the live table moves the cursor by
    assert not [line for line in lines if len(line) > 40 and " " in line.strip() and "demo" not in line]
