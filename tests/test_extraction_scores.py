"""On real pages with known truth we are nowhere behind trafilatura.

A few pages of each set are scored here; all of them by `python -m benchmarks.extraction`.
"""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.extraction import extract_page, worse
from benchmarks.reading import trafilatura_page
from benchmarks.scoring import DATA, SETS, load_scorer

PAGES_A_SET = 5


@pytest.fixture(scope="module")
def scorer() -> ModuleType:
    module = load_scorer()
    if module is None:
        pytest.skip(f"the public test data are not there: {DATA}")
    return module


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, scorer: ModuleType) -> Path:
    """The smallest article pages of each set, as one set."""
    folder = tmp_path_factory.mktemp("sample")
    lines = []
    for name in SETS:
        source = DATA / "pages" / name
        truths = [json.loads(line) for line in (source / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
        articles = [truth for truth in truths if truth.get("page_type", "article") == "article"]
        articles.sort(key=lambda truth: (source / truth["file"]).stat().st_size)
        for truth in articles[:PAGES_A_SET]:
            file = f"{name}-{truth['file']}"
            shutil.copyfile(source / truth["file"], folder / file)
            lines.append(json.dumps({**truth, "file": file}, ensure_ascii=False))
    (folder / "truth.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_no_measure_of_quality_is_behind_trafilaturas(scorer: ModuleType, sample: Path) -> None:
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    theirs = scorer.score(trafilatura_page, sample, "sample")
    read: dict[bytes, dict[str, object] | None] = {}

    def ours_once(html: bytes, url: str | None) -> dict[str, object] | None:
        read[html] = extract_page(html, url)
        return read[html]

    ours = scorer.score(ours_once, sample, "sample")
    assert ours["errors"] == 0
    assert worse(ours, theirs) == []

    def half(html: bytes, url: str | None) -> dict[str, object] | None:
        """A broken twin: it loses the second half of every body."""
        found = read[html]
        return found and {**found, "body": str(found["body"])[: len(str(found["body"])) // 2]}

    assert {"F1", "lost"} <= set(worse(scorer.score(half, sample, "sample"), theirs))


def test_pages_that_are_no_articles_never_become_any() -> None:
    pages = DATA / "notices" / "pages"
    if not pages.is_dir():
        pytest.skip(f"the public test data are not there: {DATA}")
    kept = []
    for path in sorted(pages.iterdir()):
        _, _, html = path.read_bytes().partition(b"-->")
        if extract_page(html, f"https://news.example/{path.stem}") is not None:
            kept.append(path.name)
    assert not kept
