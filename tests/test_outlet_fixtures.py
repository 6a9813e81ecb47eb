"""Every profile is held against the pages that lie in its folder of fixtures, written by us in its templates.

A new outlet adds `tests/fixtures/NAME/PAGE.html` with `PAGE.json` beside it, and nothing here.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from scraper.extraction import extract
from scraper.extraction.page import Context, Page
from scraper.profiles import SHIPPED, load_outlet
from storage.content import PrintedDate

FIXTURES = Path(__file__).parent / "fixtures"
PAGES = sorted(page for page in FIXTURES.glob("*/*.html") if (SHIPPED / f"{page.parent.name}.toml").is_file())


@pytest.mark.parametrize("page", PAGES, ids=[f"{page.parent.name}-{page.stem}" for page in PAGES])
def test_a_fixture_is_read_as_its_truth_says(page: Path) -> None:
    truth = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    url, captured = truth.pop("url"), datetime.fromisoformat(truth.pop("captured"))
    outlet = load_outlet(SHIPPED / f"{page.parent.name}.toml")
    outcome = extract(Page(page.read_bytes(), "text/html; charset=utf-8", url, captured), Context(outlet=outlet))
    identified, content = outlet.identify(url), outcome.article
    assert outcome.verdict == "article"
    assert content is not None
    assert identified is not None
    found = {
        "matched": outcome.matched,
        "key": identified.key,
        "kind": content.kind,
        "language": content.language,
        "headline": content.headline,
        "section": list(content.section),
        "authors": list(content.authors),
        "published": dated(content.published),
        "updated": dated(content.updated),
        "paragraphs": content.body.split("\n\n"),
        "figures": [[figure.url, figure.caption, figure.credit] for figure in content.figures],
        "announced": list(outcome.announced),
    }
    assert found == truth


def dated(date: PrintedDate | None) -> list[str] | None:
    return [date.printed, date.at.isoformat()] if date else None


def test_press_tv_has_fixtures_of_both_templates_and_both_languages() -> None:
    pages = [page for page in PAGES if page.parent.name == "presstv"]
    truths = [json.loads(page.with_suffix(".json").read_text(encoding="utf-8")) for page in pages]
    assert {truth["matched"].partition("/")[0] for truth in truths} == {"2014", "2021"}
    assert {truth["language"] for truth in truths} == {"en", "fr"}
