"""Real pages, fetched from a server under their own URLs without a profile, read no worse than trafilatura does."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from trafilatura import bare_extraction

from tests.crawling import presskeep
from tests.page_server import serving

DATA = Path(__file__).parents[2] / "shared" / "data"
ALL = bool(os.environ.get("PRESSKEEP_ALL_PAGES"))
SETS = ("aeb", "fundus", "fundus-evaluation", "wcxb") if ALL else ("fundus-evaluation",)
"""One set in `.ci/run`, all of them with PRESSKEEP_LONG=1 PRESSKEEP_ALL_PAGES=1."""
NO_LOWER = ("F1", "exact", "verbatim", "title", "date", "authors")
NO_HIGHER = ("alien", "lost", "foreign", "refused")

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the real pages (../shared/data) are not here")


@pytest.fixture(scope="module")
def score() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", DATA / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sets of pages in a folder as score.py expects it."""
    folder = tmp_path_factory.mktemp("pages")
    for name in SETS:
        (folder / name).mkdir()
        lines = (DATA / "pages" / name / "truth.jsonl").read_text("utf-8").splitlines()
        (folder / name / "truth.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
        for line in lines:
            file = json.loads(line)["file"]
            (folder / name / file).symlink_to(DATA / "pages" / name / file)
    return folder


@pytest.fixture(scope="module")
def fetched(sets: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What `presskeep fetch --from` made of each page, by the page's digest."""
    pages: dict[str, bytes] = {}
    digests: dict[str, str] = {}
    for name in SETS:
        for line in (sets / name / "truth.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            html = gzip.decompress((sets / name / row["file"]).read_bytes())
            url = (row.get("url") or f"https://{name}.example/{row['file']}").partition("#")[0]
            url = url if url not in pages else f"https://{name}.example/{row['file']}"
            pages[url], digests[url] = html, hashlib.sha256(html).hexdigest()
    folder = tmp_path_factory.mktemp("fetched")
    listed = folder / "links.txt"
    listed.write_text("\n".join(pages) + "\n", "utf-8")
    with serving(pages, folder) as server:
        ran = presskeep("fetch", "--from", str(listed), "--json", *server.options, timeout=900)
    results = [json.loads(line) for line in ran.out.splitlines()]
    assert len(results) == len(pages), ran.err
    return {digests[each["url"]]: each for each in results}


def by_presskeep(fetched: dict[str, dict[str, Any]]) -> Any:
    def extract(html: bytes, url: str | None) -> dict[str, Any] | None:
        article = fetched[hashlib.sha256(html).hexdigest()]["article"]
        if article is None:
            return None
        published = article["published"]
        return {
            "title": article["headline"],
            "authors": article["authors"],
            "published": published["at"] if isinstance(published, dict) else published,
            "body": article["text"],
        }

    return extract


def by_trafilatura(html: bytes, url: str | None) -> dict[str, Any] | None:
    document = bare_extraction(html, url=url, with_metadata=True, include_comments=False)
    if document is None:
        return None
    return {
        "title": document.title,
        "authors": (document.author or "").split("; ") if document.author else [],
        "published": document.date,
        "body": document.text,
    }


def worse(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The columns in which the first is worse than the second."""
    lower = [each for each in NO_LOWER if each in theirs and ours.get(each, 0.0) < theirs[each] - 1e-9]
    return lower + [each for each in NO_HIGHER if each in theirs and ours.get(each, 1e4) > theirs[each] + 1e-9]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", SETS)
def test_real_pages_are_read_no_worse_than_by_trafilatura(
    name: str, score: ModuleType, sets: Path, fetched: dict[str, dict[str, Any]]
) -> None:
    theirs = score.score(by_trafilatura, sets / name, name)
    ours = score.score(by_presskeep(fetched), sets / name, name)
    table = "\n".join(f"{column:>10} {ours.get(column)} {theirs.get(column)}" for column in NO_LOWER + NO_HIGHER)
    sys.stdout.write(f"{name}: ours, trafilatura's\n{table}\n")
    assert worse(ours, theirs) == [], table

    def cut(html: bytes, url: str | None) -> dict[str, Any] | None:
        found = by_presskeep(fetched)(html, url)
        return {**found, "body": found["body"][: len(found["body"]) // 2]} if found else None

    assert "F1" in worse(score.score(cut, sets / name, name), theirs), "the comparison must see a worse extractor"
