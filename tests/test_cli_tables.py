"""Tables on a pipe: every cell stands whole, and a hostile one does not widen the others' rows."""

from __future__ import annotations

from scraper.cli.printing import WIDEST, table


def test_a_name_of_300_characters_widens_its_own_row_alone() -> None:
    long = "a" * 300
    rows = [["news.example", "primary", "12"], [long, "mirror", "3"]]
    header, first, second = table(rows, ["domain", "role", "articles"], right=frozenset({2}))
    assert max(len(header), len(first)) <= WIDEST + 30
    assert second.split() == [long, "mirror", "3"]
    assert first.index("primary") == header.index("role") == WIDEST + 2


def test_short_cells_are_aligned_as_they_need() -> None:
    lines = table([["one", "x"], ["longer", "y"]], ["a", "b"])
    assert [line.index(each) for line, each in zip(lines, ("b", "x", "y"), strict=True)] == [8, 8, 8]
