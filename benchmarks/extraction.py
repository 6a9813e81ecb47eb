"""Extraction's quality on real pages with known truth, ours beside trafilatura's: `python -m benchmarks.extraction`.

The pages and the scorer are public test data that are no part of the project; without them there is nothing to measure,
and the command says so. `extract_page` is the adapter that the scorer calls, with no profile and nothing learnt.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from scraper.extraction import extract
from scraper.extraction.page import Context, Page
from storage.content import PrintedDate, zone_of

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
SETS = ("aeb", "fundus", "fundus-evaluation", "wcxb")
HIGHER = ("F1", "exact", "verbatim", "title", "date", "authors", "pages/s")
LOWER = ("lost", "foreign", "alien", "refused")
_COLUMNS = ("F1", "exact", "verbatim", "lost", "foreign", "alien", "title", "date", "authors", "refused", "pages/s")

Adapter = Callable[[bytes, str | None], dict[str, Any] | None]


def extract_page(html: bytes, url: str | None) -> dict[str, Any] | None:
    """Read a page without a profile: title, authors, published (ISO 8601), body; None for what is no article."""
    return read_page(html, url, Context())


def read_page(html: bytes, url: str | None, context: Context) -> dict[str, Any] | None:
    """Read a page in a context, as extract_page() gives it. Of an article that a paywall cut short it is what is there:
    the truths hold that too, and that the archive keeps no such text is no matter of how well it was found."""
    outcome = extract(Page(html, None, url or "", datetime.now(UTC)), context)
    article = outcome.candidate if outcome.verdict == "refused:paywall" else outcome.article
    if article is None:
        return None
    return {
        "title": article.headline,
        "authors": list(article.authors),
        "published": iso_date(article.published),
        "body": article.body,
    }


def trafilatura_page(html: bytes, url: str | None) -> dict[str, Any] | None:
    """What trafilatura makes of the page by itself."""
    from trafilatura import bare_extraction
    from trafilatura.settings import Document

    document = bare_extraction(html, url=url, with_metadata=True, include_comments=False)
    if not isinstance(document, Document):
        return None
    return {
        "title": document.title,
        "authors": [name.strip() for name in (document.author or "").split(";") if name.strip()],
        "published": document.date,
        "body": document.text,
    }


def iso_date(moment: PrintedDate | None) -> str | None:
    """A date in ISO 8601 as the page means it: in its own zone, or as a day where it states no more."""
    if moment is None:
        return None
    local = moment.at.astimezone(zone_of(moment.zone))
    return local.date().isoformat() if moment.precision == "day" else local.isoformat()


def worse(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The measures of quality in which we fall behind."""
    behind = [key for key in HIGHER[:-1] if key in ours and ours[key] < theirs[key]]
    return behind + [key for key in LOWER if key in ours and ours[key] > theirs[key]]


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


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.extraction", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=Path, default=DATA / "pages", help="folder of the page sets")
    parser.add_argument("--sets", default=",".join(SETS), help="sets to measure, divided by commas")
    options = parser.parse_args(arguments)
    scorer = load_scorer()
    if scorer is None:
        print(f"no test data at {DATA}: nothing to measure", file=sys.stderr)
        return 2
    logging.disable(logging.CRITICAL)
    print(f"{'set':18}{'':14}" + "".join(f"{column:>9}" for column in _COLUMNS))
    behind: dict[str, list[str]] = {}
    for name in options.sets.split(","):
        rows = [scorer.score(adapter, options.pages / name, name) for adapter in (extract_page, trafilatura_page)]
        for label, row in zip(("presskeep", "trafilatura"), rows, strict=True):
            print(f"{name:18}{label:14}" + "".join(_cell(row.get(column)) for column in _COLUMNS), flush=True)
        behind[name] = worse(*rows)
    for name, measures in behind.items():
        if measures:
            print(f"{name}: behind in {', '.join(measures)}")
    return 1 if any(behind.values()) else 0


def _cell(value: float | None) -> str:
    return f"{value:9.4f}" if isinstance(value, float | int) else f"{'':9}"


if __name__ == "__main__":
    sys.exit(main())
