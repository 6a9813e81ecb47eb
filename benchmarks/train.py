"""Train the verdicts on pages and passages from pages with known text: `python -m benchmarks.train`.

Writes `verdicts.json` and `kinds.json` of `scraper/extraction`. With `--folds 6` it writes nothing and says what the
verdicts are worth: each page is scored with forests that saw no page of its site in any set, through the scorer of the
test data; `apart` is how often a passage of the text is rated above one that is not, on the same page (0.5 is chance),
`others` the share of the pages that are no articles which are refused. With `--shuffled`
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
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from courlan import extract_domain

from benchmarks.labelling import label
from benchmarks.reading import read_page
from benchmarks.scoring import COLUMNS, DATA, SETS, Adapter, cells, is_article, load_scorer, measure, read_truths
from scraper.extraction import kinds
from scraper.extraction.charset import decode_page
from scraper.extraction.company import Around
from scraper.extraction.conventions import clear_page
from scraper.extraction.engine import Engine
from scraper.extraction.forest import Forest, Row, Tree
from scraper.extraction.generic import look, see
from scraper.extraction.kinds import Kinds, read_numbers, says_article
from scraper.extraction.metadata import read_metadata
from scraper.extraction.page import Context, Limits
from scraper.extraction.passages import read_passages
from scraper.extraction.signals import BITS, NUMBERS, candidates, read_signals
from scraper.extraction.structured import read_structured
from scraper.extraction.tree import parse_page
from scraper.extraction.verdicts import forest_of

OUT = Path(__file__).resolve().parents[1] / "scraper" / "extraction"
SETTINGS = {
    "objective": "binary", "learning_rate": 0.1, "num_leaves": 16, "min_data_in_leaf": 20, "feature_fraction": 0.3,
    "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 5.0, "max_bin": 63, "force_col_wise": True,
    "deterministic": True, "seed": 1, "verbose": -1,
}  # fmt: skip
TREES = 120
KIND_SETTINGS = {"num_leaves": 6, "min_data_in_leaf": 8, "extra_trees": True}
KIND_TREES = 250
REFUSED = 0.6
"""Share of the pages that are no articles which is to be refused."""
_WEIGHT_OF_OTHERS = 2.0
"""What a page that is no article weighs beside one that is: there are four times as many of these."""
_WEIGHT_OF_LESS, _WEIGHT_OF_BARE = 0.3, 0.2
_WAYS, _FOLDS = 3, 10
_LEAST_HELD = 0.7
"""Share of a known text that must stand on its page for the page to teach anything."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A page with known text: its site, whether it is an article, what its kind is judged by, and for each passage that
    may be of the text its number, its signals, its letters, and whether it is; `missing` is the share of the text that
    no passage holds."""

    name: str
    file: str
    site: str
    is_article: bool
    page: Row
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
    data = read_metadata(
        tree, passages, stated, engine, url=url, captured_at=at, marks_believed=looked.flow is not None
    )
    around: Around = looked.around(data)
    sight = see(tree, passages, looked, data, url=url, says_article=says_article(tree, stated, url))
    orders = candidates(passages, looked.shares)
    body = truth.get("body") or ""
    text = body if isinstance(body, str) else "\n".join(part.strip("[]") for part in body)
    labels = label([passage.text for passage in passages], text)
    return Sample(
        name,
        truth["file"],
        site_of(html, url),
        is_article(truth),
        read_numbers(sight),
        tuple(orders),
        tuple(read_signals(passages, orders, looked.shares, around)),
        tuple(len(passages[order].letters) for order in orders),
        tuple(order in labels.held for order in orders),
        labels.missing,
    )


def read_samples(folder: Path, names: Iterable[str], jobs: int) -> list[Sample]:
    """The samples of all pages of the sets."""
    work = [(name, folder, truth) for name in names for truth in read_truths(folder / name)]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(sample, *zip(*work, strict=True), chunksize=8))


def train(samples: Sequence[Sample]) -> list[Tree]:
    """The trees that tell passages of the text from others."""
    import lightgbm
    import numpy

    taught = [each for each in samples if each.is_article and each.missing <= 1 - _LEAST_HELD and each.rows]
    rows = numpy.array([_spread(row) for each in taught for row in each.rows], numpy.float32)
    held = numpy.array([held for each in taught for held in each.held], numpy.float32)
    weights = numpy.array([weight for each in taught for weight in _weights(each)])
    booster = lightgbm.train(SETTINGS, lightgbm.Dataset(rows, held, weight=weights), TREES)
    return [_tree(each["tree_structure"], _SPREAD_NAMES) for each in booster.dump_model()["tree_info"]]


def train_kinds(samples: Sequence[Sample], seed: int = 1) -> list[Tree]:
    """The trees that tell articles from other pages."""
    import lightgbm
    import numpy

    chance = random.Random(seed)
    taught = [(row, each.is_article, weight) for each in samples for row, weight in _with_less(each.page)]
    taught += [(_bare(each.page, chance), True, _WEIGHT_OF_BARE) for each in samples if each.is_article]
    rows = numpy.array([row for row, _, _ in taught], numpy.float64)
    articles = numpy.array([is_article for _, is_article, _ in taught], numpy.float32)
    weights = numpy.array([weight * (1.0 if is_article else _WEIGHT_OF_OTHERS) for _, is_article, weight in taught])
    settings = SETTINGS | KIND_SETTINGS | {"seed": seed}
    booster = lightgbm.train(settings, lightgbm.Dataset(rows, articles, weight=weights), KIND_TREES)
    return [_tree(each["tree_structure"], _KIND_NAMES) for each in booster.dump_model()["tree_info"]]


def _with_less(page: Row) -> Iterator[tuple[Row, float]]:
    """A page's numbers with what they weigh: as they are, and as if the page had no address, said nothing of itself, or
    both. Pages of news mostly have both, but one must be known without."""
    address = [name.startswith("path_") for name in kinds.NUMBERS]
    said = kinds.NUMBERS.index("headline_words")
    silent = [float(name == "og_none") for name in kinds.NUMBERS[:said]] + page[said:]
    yield page, 1.0
    yield silent, _WEIGHT_OF_LESS
    for each in (page, silent):
        yield [0.0 if hidden else value for hidden, value in zip(address, each, strict=True)], _WEIGHT_OF_LESS


def _bare(page: Row, chance: random.Random) -> Row:
    """An article's numbers as if a part of its text were all that its page holds: a page made by hand is one, too."""
    old = dict(zip(kinds.NUMBERS, page, strict=True))
    part, share = chance.uniform(0.08, 1.0), chance.uniform(0.6, 1.0)
    taken = max(2.0, round(old["taken"] * part))
    letters = max(150.0, old["taken_letters"] * part) / share
    passages = taken + chance.randrange(1, 8)
    links, images = float(chance.randrange(6)), float(chance.randrange(2))
    kept = ("headline_", "sentences", "questions", "quotes", "digits", "capitals", "prices", "years", "taken_median")
    new = {name: value if name.startswith(kept) else 0.0 for name, value in old.items()}
    new |= {
        "og_none": 1.0, "letters": letters, "linked": 12 * links / letters, "passages": passages,
        "tag_p": taken, "tag_a": links, "tag_img": images, "tag_ul": float(chance.randrange(2)),
        "tag_h2": float(chance.randrange(3)), "paragraphs_a_passage": taken / passages,
        "links_a_passage": links / passages, "images_a_passage": images / passages,
        "taken": taken, "taken_letters": letters * share, "taken_share": share, "taken_long": old["taken_long"],
        "taken_linked": 6 * links / letters, "taken_shapes": float(chance.randrange(1, 3)),
        "taken_main_shape": chance.uniform(0.7, 1.0), "taken_paragraphs": chance.uniform(0.7, 1.0),
        "taken_first": 1 / passages, "taken_span": taken / passages, "taken_dense": 1.0,
    }  # fmt: skip
    return [new[name] for name in kinds.NUMBERS]


def least_odds(samples: Sequence[Sample], count: int) -> float:
    """The log-odds of being an article below which pages are refused: as many of those that are none as REFUSED says,
    judged by trees that saw no page of their sites, the mean over some ways to divide the sites."""
    found = []
    for way in range(_WAYS):
        folds = folds_of(samples, count, seed=way)
        odds: list[float] = []
        for fold in range(count):
            forest = Forest(train_kinds([each for each in samples if folds[each.site] != fold]), kinds.NUMBERS)
            judged = [each for each in samples if folds[each.site] == fold and not each.is_article]
            odds += [kinds.article_odds(forest, each.page) for each in judged]
        found.append(sorted(odds)[math.ceil(REFUSED * len(odds)) - 1] if odds else -math.inf)
    return statistics.mean(found)


def deal_out(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """The samples with their labels at random within each page."""
    chance = random.Random(seed)
    return [
        Sample(
            each.name, each.file, each.site, each.is_article, each.page,
            each.orders, each.rows, each.letters, tuple(chance.sample(each.held, len(each.held))), each.missing,
        )
        for each in samples
    ]  # fmt: skip


def folds_of(samples: Sequence[Sample], count: int, *, seed: int = 0) -> dict[str, int]:
    """A fold for every site."""
    sites = sorted({each.site for each in samples})
    random.Random(seed).shuffle(sites)
    return {site: at % count for at, site in enumerate(sites)}


@dataclass(frozen=True, slots=True)
class Folds:
    """The fold of each site; for each fold the samples of all others, and the forest that they taught, which saw no
    page of the fold's sites in any set."""

    of: dict[str, int]
    lessons: tuple[list[Sample], ...]
    forests: tuple[Forest, ...]


def cross_validate(samples: Sequence[Sample], count: int) -> Folds:
    """Divide the samples' sites into folds, and train a forest on passages for each."""
    folds = folds_of(samples, count)
    lessons = tuple([each for each in samples if folds[each.site] != fold] for fold in range(count))
    return Folds(folds, lessons, tuple(forest_of(train(each)) for each in lessons))


def read_unseen(folds: Folds) -> Adapter:
    """Our extraction, with verdicts that saw no page of the page's site; what judges kinds of pages is trained here."""
    others = len(folds.lessons) - 1
    judges = [Kinds(Forest(train_kinds(each), kinds.NUMBERS), least_odds(each, others)) for each in folds.lessons]

    def read(html: bytes, url: str | None) -> dict[str, Any] | None:
        fold = folds.of.get(site_of(html, url), 0)
        return read_page(html, url, Context(forest=folds.forests[fold], kinds=judges[fold]))

    return read


def told_apart(forest: Forest, samples: Sequence[Sample]) -> dict[str, list[float]]:
    """For each page of each set, the share of pairs of a passage of the text and one that is not in which the first is
    rated higher."""
    found: dict[str, list[float]] = {}
    for each in samples:
        if not each.is_article:
            continue
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
    parser.add_argument("--out", type=Path, default=OUT, help="the folder to write to")
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
    passages = {"what": "Log-odds of a passage being of its article's text", "pages": len(samples)}
    pages = {
        "what": "Log-odds of a page being an article",
        "pages": len(samples),
        "least": round(least_odds(samples, _FOLDS), 3),
    }
    for file, head, trees in (("verdicts", passages, train(samples)), ("kinds", pages, train_kinds(samples))):
        place = options.out / f"{file}.json"
        place.write_text(_written(head, trees), "utf-8")
        print(f"wrote {place.name}: {len(trees)} trees, {place.stat().st_size:,} bytes")
    return 0


def _score(folder: Path, names: Sequence[str], samples: Sequence[Sample], count: int, *, shuffled: bool) -> None:
    folds = cross_validate(deal_out(samples, 1) if shuffled else samples, count)
    by_set: dict[str, list[float]] = {}
    for fold, forest in enumerate(folds.forests):
        for name, values in told_apart(forest, [each for each in samples if folds.of[each.site] == fold]).items():
            by_set.setdefault(name, []).extend(values)
    scorer = load_scorer()
    if shuffled or scorer is None:
        for name, values in by_set.items():
            print(f"{name:18} apart {statistics.mean(values):.4f}")
        return
    adapter = read_unseen(folds)
    print(f"{'set':18}{'apart':>9}" + "".join(f"{column:>9}" for column in COLUMNS))
    for name in names:
        row = measure(scorer, adapter, folder / name)
        print(f"{name:18}{statistics.mean(by_set[name]):9.4f}" + cells(row), flush=True)


def _spread(row: Row) -> list[float]:
    """A row with each member of its sets as a number of its own."""
    sets = zip(row[len(NUMBERS) :], BITS.values(), strict=True)
    return [*row[: len(NUMBERS)], *(int(held) >> at & 1 for held, members in sets for at in range(len(members)))]


_Names = Sequence[tuple[str, str | None]]
_SPREAD_NAMES: _Names = [
    *((name, None) for name in NUMBERS),
    *((name, one) for name, all_ in BITS.items() for one in all_),
]


_KIND_NAMES: _Names = [(name, None) for name in kinds.NUMBERS]


def _weights(each: Sample) -> list[float]:
    """Long passages weigh more, and pages of many passages less than their number would have it."""
    weights = [math.sqrt(min(letters, 400)) / 10 + 0.3 for letters in each.letters]
    return [10 * weight / math.sqrt(sum(weights)) for weight in weights]


def _tree(node: dict[str, Any], names: _Names) -> Tree:
    """A tree in the form that scraper.extraction.forest reads."""
    if "leaf_value" in node:
        return round(float(node["leaf_value"]), 4)
    name, member = names[node["split_feature"]]
    left, right = _tree(node["left_child"], names), _tree(node["right_child"], names)
    if member is not None:
        return {"if": name, "has": member, "then": right, "else": left}
    return {"if": name, "most": float(f"{node['threshold']:.6g}"), "then": left, "else": right}


def _written(head: dict[str, Any], trees: Sequence[Tree]) -> str:
    head = {**head, "what": f"{head['what']}; written by `python -m benchmarks.train`"}
    lines = ",\n".join(json.dumps(tree, separators=(",", ":")) for tree in trees)
    return json.dumps(head)[:-1] + f', "trees": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    sys.exit(main())
