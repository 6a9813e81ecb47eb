"""The public test data: where they are, their scorer, and its measures as lines of a table.

The pages and the scorer are no part of the project; without them there is nothing to measure.
"""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
SETS = ("aeb", "fundus", "fundus-evaluation", "wcxb")
COLUMNS = (
    "F1", "exact", "verbatim", "lost", "foreign", "alien", "title", "date", "authors", "refused", "others", "pages/s",
)  # fmt: skip
"""The scorer's own, but for `others`: the share of a set's pages that are no articles which are refused."""

Adapter = Callable[[bytes, str | None], dict[str, Any] | None]
"""A page and its URL to what the scorer takes: title, authors, published (ISO 8601), body; None for no article."""


def load_scorer(data: Path = DATA) -> ModuleType | None:
    """The scorer of the test data; None where the data are absent."""
    path = data / "score.py"
    if not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location("presskeep_score", path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_truths(folder: Path) -> list[dict[str, Any]]:
    """What is known of each page of a set."""
    lines = (folder / "truth.jsonl").read_text("utf-8").splitlines()
    truths: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return truths


def is_article(truth: dict[str, Any]) -> bool:
    return bool(truth.get("page_type", "article") == "article")


def measure(scorer: ModuleType, adapter: Adapter, folder: Path) -> dict[str, Any]:
    """The scorer's row for a set, with `others` where the set has such pages."""
    row: dict[str, Any] = scorer.score(adapter, folder, folder.name)
    number = Counter(truth["page_type"] for truth in read_truths(folder) if not is_article(truth))
    refused = sum(row[f"refused {kind}"] * count for kind, count in number.items())
    return {**row, "others": refused / number.total()} if number else row


def cells(row: dict[str, Any]) -> str:
    """A row's measures under COLUMNS; what was not measured is left empty."""
    return "".join(_cell(row.get(column)) for column in COLUMNS)


def _cell(value: float | None) -> str:
    return f"{value:9.4f}" if isinstance(value, float | int) else f"{'':9}"
