"""Profiles that were written from saved pages are held against real pages of their outlets, field by field.

The pages are no part of the project: without ../shared/data/pages the tests skip.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks.reading import read_page
from benchmarks.scoring import DATA, SETS, load_scorer, measure, read_truths
from scraper import checking
from scraper.extraction.links import canonical_of
from scraper.extraction.page import Context, Page
from scraper.extraction.tree import parse_page
from scraper.outlet import Outlet
from scraper.profiles import SHIPPED, load_outlet

AT = datetime(2026, 9, 1, tzinfo=UTC)
LEAST = {"euronews": 4, "inews": 7, "cnbc": 7}
"""Of how many of the given pages each profile was written."""
STATED = {
    "euronews": ("lead", "section", "tags", "figures"),
    "inews": ("lead", "tags", "figures"),
    "cnbc": ("section",),
}
"""What all of these pages have, beside what every article has."""
HIGHER, LOWER = ("F1", "exact", "title", "date", "authors"), ("lost", "refused", "errors")


@dataclass(frozen=True)
class Known:
    """A real page: the set that it is of, what is known of it, its bytes and its address."""

    part: str
    truth: dict[str, Any]
    content: bytes
    url: str


@pytest.fixture(scope="module")
def scorer() -> ModuleType:
    scorer = load_scorer()
    if scorer is None:
        pytest.skip(f"there are no real pages at {DATA}")
    return scorer


@cache
def outlet_named(name: str) -> Outlet:
    return load_outlet(SHIPPED / f"{name}.toml")


@cache
def known_pages(name: str) -> tuple[Known, ...]:
    """The given pages that are at an address of the outlet, by the truth or by their own canonical link."""
    outlet = outlet_named(name)
    return tuple(page for part in SETS for page in all_pages(part) if outlet.owns(page.url))


@cache
def all_pages(part: str) -> tuple[Known, ...]:
    folder = DATA / "pages" / part
    return tuple(read_known(folder)) if folder.is_dir() else ()


def read_known(folder: Path) -> Iterator[Known]:
    for truth in read_truths(folder):
        content = gzip.decompress((folder / truth["file"]).read_bytes())
        url = truth.get("url") or canonical_of(parse_page(content.decode("utf-8", "replace"), elements=500_000), "")
        if url:
            yield Known(folder.name, truth, content, url)


@pytest.mark.parametrize("name", LEAST)
def test_every_real_page_of_the_outlet_is_read_field_by_field(scorer: ModuleType, name: str) -> None:
    outlet, pages = outlet_named(name), known_pages(name)
    assert len(pages) >= LEAST[name]
    for page in pages:
        reading = checking.read_page(outlet, Page(page.content, None, page.url, AT))
        missing = [each.field for each in reading.fields if each.state == "missing"]
        by = {each.field: each.by for each in reading.fields if each.state == "found"}
        assert (reading.verdict, missing) == ("article", []), page.url
        assert reading.matched.count("/") == 1, "a template and a form of address"
        assert set(STATED[name]) <= set(by), page.url
        rules = {selector for template in outlet.templates for selector in (*template.headline, *template.body)}
        assert {by["headline"], by["body"]} <= rules, "the profile's own selectors, not the reading without one"


@pytest.mark.long
@pytest.mark.parametrize("name", LEAST)
def test_with_its_profile_no_field_is_read_worse_than_without(scorer: ModuleType, name: str, tmp_path: Path) -> None:
    outlet = outlet_named(name)
    measured = set()
    for folder in sets_of(known_pages(name), tmp_path):
        ours, plain = (
            measure(scorer, lambda html, url, context=context: read_page(html, url, context), folder)
            for context in (Context(outlet=outlet), Context())
        )
        measured |= set(ours) & {*HIGHER, *LOWER}
        worse = {key for key in HIGHER if ours.get(key, 0) < plain.get(key, 0)}
        worse |= {key for key in LOWER if ours.get(key, 0) > plain.get(key, 0)}
        assert worse == set(), (folder.name, ours, plain)
    assert measured == {*HIGHER, *LOWER}


def sets_of(pages: tuple[Known, ...], folder: Path) -> Iterator[Path]:
    """The sets of these pages as the scorer takes them, each page with its address."""
    for part in dict.fromkeys(page.part for page in pages):
        mine = [page for page in pages if page.part == part]
        (folder / part).mkdir()
        for page in mine:
            (folder / part / page.truth["file"]).write_bytes(gzip.compress(page.content, 1))
        lines = [json.dumps({**page.truth, "url": page.url}) for page in mine]
        (folder / part / "truth.jsonl").write_text("\n".join(lines), encoding="utf-8")
        yield folder / part
