"""The tree of errors is drawn whole."""

from __future__ import annotations

import re
from pathlib import Path

import scraper.errors

_CLASS = re.compile(r"^class (\w+)\(([\w., ]+)\):", re.MULTILINE)


def test_the_tree_names_every_error_of_its_kind() -> None:
    sources = Path(scraper.errors.__file__).parent.rglob("*.py")
    bases = {name: of for each in sources for name, of in _CLASS.findall(each.read_text("utf-8"))}
    tree = {"ScraperError"}
    while grown := {name for name, of in bases.items() if tree & set(of.split(", "))} - tree:
        tree |= grown
    drawn = set(re.findall(r"[├└]── (\w+)", scraper.errors.__doc__ or ""))
    assert "ContactMissing" in tree
    assert drawn == tree - {"ScraperError"}
