"""Train the verdicts on passages from pages with known text: `python -m benchmarks.train`.

Writes `scraper/extraction/verdicts.json`. With `--folds 6` it writes nothing and says what the verdicts are worth:
each page is scored with a forest that saw no page of its site in any set, through the scorer of the test data; `apart`
is how often a passage of the text is rated above one that is not, on the same page (0.5 is chance). With `--shuffled`
the forests learn from labels dealt out at random within each page, and `apart` must collapse: all that is left to learn
is which pages hold much text.

Needs LightGBM (`pip install '.[train]'`); what it makes needs nothing.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import math
import random
import statistics
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from courlan import extract_domain

from benchmarks.extraction import DATA, SETS, load_scorer, read_page
from benchmarks.labelling import label
from scraper.extraction.charset import decode_page
from scraper.extraction.company import Around
from scraper.extraction.conventions import clear_page
from scraper.extraction.engine import Engine
from scraper.extraction.forest import Forest, Tree
from scraper.extraction.generic import look
from scraper.extraction.metadata import read_metadata
from scraper.extraction.page import Context, Limits
from scraper.extraction.passages import read_passages
from scraper.extraction.signals import BITS, NUMBERS, Row, candidates, read_signals
from scraper.extraction.structured import read_structured
from scraper.extraction.tree import parse_page

OUT = Path(__file__).resolve().parents[1] / "scraper" / "extraction" / "verdicts.json"
SETTINGS = {
    "objective": "binary", "learning_rate": 0.1, "num_leaves": 16, "min_data_in_leaf": 20, "feature_fraction": 0.3,
    "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 5.0, "max_bin": 63, "force_col_wise": True,
    "deterministic": True, "seed": 1, "verbose": -1,
}  # fmt: skip
TREES = 120
_LEAST_HELD = 0.7
"""Share of a known text that must stand on its page for the page to teach anything."""
_COLUMNS = ("F1", "exact", "verbatim", "lost", "foreign", "alien", "title", "date", "authors", "refused", "pages/s")


@dataclass(frozen=True, slots=True)
class Sample:
    """A page with known text: its site, and for each passage that may be of the text its number, its signals, its
    letters, and whether it is; `missing` is the share of the text that no passage holds."""

    name: str
    file: str
    site: str
    orders: tuple[int, ...]
    rows: tuple[Row, ...]
    letters: tuple[int, ...]
    held: tuple[bool, ...]
    missing: float


def site_of(html: bytes, url: str | None) -> str:
    """The registered domain of a page; a page without one is a site of its own."""
    return (extract_domain(url) if url else None) or hashlib.sha256(html).hexdigest()


def sample(name: str, folder: Path, truth: dict[str, Any]) -> Sample:
    """Read the signals and labels of a page."""
    html = gzip.decompress((folder / name / truth["file"]).read_bytes())
    url, at = truth.get("url") or "", datetime.now(UTC)
    tree = parse_page(decode_page(html, None).text, elements=Limits().elements)
    clear_page(tree)
    passages = read_passages(tree)
    stated = read_structured(tree)
    engine = Engine(tree, url, at)
    looked = look(tree, passages, stated, engine)
    around: Around = looked.around(read_metadata(tree, stated, engine, url=url, captured_at=at))
    orders = candidates(passages, looked.shares)
    body = truth.get("body") or ""
    text = body if isinstance(body, str) else "\n".join(part.strip("[]") for part in body)
    labels = label([passage.text for passage in passages], text)
    return Sample(
        name,
        truth["file"],
        site_of(html, url),
        tuple(orders),
        tuple(read_signals(passages, orders, looked.shares, around)),
        tuple(len(passages[order].letters) for order in orders),
        tuple(order in labels.held for order in orders),
        labels.missing,
    )


def read_samples(folder: Path, names: Iterable[str], jobs: int) -> list[Sample]:
    """The samples of all articles of the sets."""
    work = [(name, folder, truth) for name in names for truth in _truths(folder / name)]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(sample, *zip(*work, strict=True), chunksize=8))


def train(samples: Sequence[Sample]) -> list[Tree]:
    """The trees that tell passages of the text from others."""
    import lightgbm
    import numpy

    taught = [each for each in samples if each.missing <= 1 - _LEAST_HELD and each.rows]
    rows = numpy.array([_spread(row) for each in taught for row in each.rows], numpy.float32)
    held = numpy.array([held for each in taught for held in each.held], numpy.float32)
    weights = numpy.array([weight for each in taught for weight in _weights(each)])
    booster = lightgbm.train(SETTINGS, lightgbm.Dataset(rows, held, weight=weights), TREES)
    return [_tree(each["tree_structure"]) for each in booster.dump_model()["tree_info"]]


def deal_out(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """The samples with their labels at random within each page."""
    chance = random.Random(seed)
    return [
        Sample(
            each.name, each.file, each.site, each.orders, each.rows, each.letters,
            tuple(chance.sample(each.held, len(each.held))), each.missing,
        )
        for each in samples
    ]  # fmt: skip


def folds_of(samples: Sequence[Sample], count: int) -> dict[str, int]:
    """A fold for every site."""
    sites = sorted({each.site for each in samples})
    random.Random(0).shuffle(sites)
    return {site: at % count for at, site in enumerate(sites)}


def told_apart(forest: Forest, samples: Sequence[Sample]) -> dict[str, list[float]]:
    """For each page of each set, the share of pairs of a passage of the text and one that is not in which the first is
    rated higher."""
    found: dict[str, list[float]] = {}
    for each in samples:
        rated = [(forest.probability(row), held) for row, held in zip(each.rows, each.held, strict=True)]
        others = sorted(likely for likely, held in rated if not held)
        above = [
            (bisect_left(others, likely) + bisect_right(others, likely)) / (2 * len(others))
            for likely, held in rated
            if held and others
        ]
        if above:
            found.setdefault(each.name, []).append(statistics.mean(above))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, or score by cross-validation."""
    parser = argparse.ArgumentParser(prog="benchmarks.train", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=Path, default=DATA / "pages", help="folder of the page sets")
    parser.add_argument("--sets", default=",".join(SETS), help="sets to learn from, divided by commas")
    parser.add_argument("--folds", type=int, help="score by cross-validation over sites; write nothing")
    parser.add_argument("--shuffled", action="store_true", help="with --folds: with labels at random")
    parser.add_argument("--jobs", type=int, default=2, help="processes that read pages")
    parser.add_argument("--out", type=Path, default=OUT, help="the file to write")
    options = parser.parse_args(arguments)
    names = options.sets.split(",")
    missing = [name for name in names if not (options.pages / name / "truth.jsonl").is_file()]
    if missing:
        print(f"no pages at {options.pages / missing[0]}: nothing to learn from", file=sys.stderr)
        return 2
    samples = read_samples(options.pages, names, options.jobs)
    print(f"{len(samples)} pages of {len({each.site for each in samples})} sites", flush=True)
    if options.folds:
        _score(options.pages, names, samples, options.folds, shuffled=options.shuffled)
        return 0
    options.out.write_text(_written(train(samples), samples), "utf-8")
    print(f"wrote {options.out.name}: {TREES} trees, {options.out.stat().st_size:,} bytes")
    return 0


def _score(folder: Path, names: Sequence[str], samples: Sequence[Sample], count: int, *, shuffled: bool) -> None:
    taught = deal_out(samples, 1) if shuffled else samples
    folds = folds_of(samples, count)
    forests = [Forest(train([each for each in taught if folds[each.site] != fold])) for fold in range(count)]
    by_set: dict[str, list[float]] = {}
    for fold, forest in enumerate(forests):
        for name, values in told_apart(forest, [each for each in samples if folds[each.site] == fold]).items():
            by_set.setdefault(name, []).extend(values)
    scorer = load_scorer()
    if shuffled or scorer is None:
        for name, values in by_set.items():
            print(f"{name:18} apart {statistics.mean(values):.4f}")
        return

    def adapter(html: bytes, url: str | None) -> dict[str, Any] | None:
        fold = folds.get(site_of(html, url), 0)
        return read_page(html, url, Context(forest=forests[fold]))

    print(f"{'set':18}{'apart':>9}" + "".join(f"{column:>9}" for column in _COLUMNS))
    for name in names:
        row = scorer.score(adapter, folder / name, name)
        cells = [statistics.mean(by_set[name]), *(row.get(column) for column in _COLUMNS)]
        print(f"{name:18}" + "".join(f"{cell:9.4f}" if cell is not None else f"{'':9}" for cell in cells), flush=True)


def _truths(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "truth.jsonl").read_text("utf-8").splitlines()
    truths: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [truth for truth in truths if truth.get("page_type", "article") == "article"]


def _spread(row: Row) -> list[float]:
    """A row with each member of its sets as a number of its own."""
    sets = zip(row[len(NUMBERS) :], BITS.values(), strict=True)
    return [*row[: len(NUMBERS)], *(int(held) >> at & 1 for held, members in sets for at in range(len(members)))]


_SPREAD_NAMES = [*((name, None) for name in NUMBERS), *((name, one) for name, all_ in BITS.items() for one in all_)]


def _weights(each: Sample) -> list[float]:
    """Long passages weigh more, and pages of many passages less than their number would have it."""
    weights = [math.sqrt(min(letters, 400)) / 10 + 0.3 for letters in each.letters]
    return [10 * weight / math.sqrt(sum(weights)) for weight in weights]


def _tree(node: dict[str, Any]) -> Tree:
    """A tree in the form that scraper.extraction.forest reads."""
    if "leaf_value" in node:
        return round(float(node["leaf_value"]), 4)
    name, member = _SPREAD_NAMES[node["split_feature"]]
    left, right = _tree(node["left_child"]), _tree(node["right_child"])
    if member is not None:
        return {"if": name, "has": member, "then": right, "else": left}
    return {"if": name, "most": float(f"{node['threshold']:.6g}"), "then": left, "else": right}


def _written(trees: Sequence[Tree], samples: Sequence[Sample]) -> str:
    head = {
        "what": "Log-odds of a passage being of its article's text; written by `python -m benchmarks.train`",
        "pages": len(samples),
    }
    lines = ",\n".join(json.dumps(tree, separators=(",", ":")) for tree in trees)
    return json.dumps(head)[:-1] + f', "trees": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    sys.exit(main())
