"""Which passages of a page are its article's text: a verdict on each from all that speaks for and against it.

`verdicts.json` holds the weights, in the form of scraper.extraction.forest; `python -m benchmarks.train` writes it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from scraper.extraction.company import CHOSEN, Around
from scraper.extraction.forest import Forest, Tree
from scraper.extraction.passages import Passage
from scraper.extraction.signals import BITS, NUMBERS, candidates, read_signals

_MOST_PASSAGES = 20_000
_MOST_JUDGED = 5_000
_COMPANY = 0.2
"""How much a passage's verdict follows that of the passages whose elements are alike."""
_LEAST_COMPANY = 3
_MOST_LETTERS = 600
_ALIKE = 0.5
"""Share of the letters that verdicts and engine agree on below which one of them is wrong as a whole."""
_DOUBT = 0.2
"""Share of the letters on which the verdicts may be wrong by their own account from which on the engine is believed."""
_SMALLEST = 1e-4


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The numbers of the passages that are of the text, and whether the verdicts are in doubt as a whole, so that the
    engine's choice is the better one."""

    chosen: tuple[int, ...]
    doubtful: bool


def forest_of(trees: list[Tree]) -> Forest:
    """Trees over the signals of passages."""
    return Forest(trees, NUMBERS, BITS)


@cache
def load_forest() -> Forest:
    """The forest that comes with the package."""
    data = json.loads(files("scraper.extraction").joinpath("verdicts.json").read_text("utf-8"))
    return forest_of(data["trees"])


def judge(passages: Sequence[Passage], shares: Mapping[int, float], around: Around, forest: Forest) -> Verdicts:
    """Judge every passage. `shares` are those of the passages that the engine took, by number. A page of more passages
    than any article has is left to the engine."""
    orders = candidates(passages, shares)
    if len(passages) > _MOST_PASSAGES or len(orders) > _MOST_JUDGED:
        return Verdicts((), doubtful=True)
    likely = [forest.probability(row) for row in read_signals(passages, orders, shares, around)]
    likely = _with_company([passages[order] for order in orders], likely)
    letters = [len(passages[order].letters) for order in orders]
    least = weigh(likely, letters)
    chosen = tuple(order for order, each in zip(orders, likely, strict=True) if each >= least)
    engine = {order for order, share in shares.items() if share >= CHOSEN}
    doubt = _doubt(likely, letters)
    doubtful = bool(engine) and doubt > _DOUBT and agreement(passages, set(chosen), engine) < _ALIKE
    return Verdicts(chosen, doubtful)


def _with_company(passages: Sequence[Passage], likely: Sequence[float]) -> list[float]:
    """The verdicts, each drawn a little to that on all passages whose elements are alike."""
    alike: dict[tuple[str | None, ...], list[int]] = {}
    for at, passage in enumerate(passages):
        element = passage.element
        parent = element.getparent()
        of_parent = parent.get("class") if parent is not None else None
        alike.setdefault((str(element.tag), element.get("class"), of_parent), []).append(at)
    odds = [_log_odds(each) for each in likely]
    drawn = list(odds)
    for group in alike.values():
        if len(group) < _LEAST_COMPANY:
            continue
        weights = [math.sqrt(len(passages[at].letters) + 1) for at in group]
        mean = sum(odds[at] * weight for at, weight in zip(group, weights, strict=True)) / sum(weights)
        for at in group:
            drawn[at] = (1 - _COMPANY) * odds[at] + _COMPANY * mean
    return [1 / (1 + math.exp(-each)) for each in drawn]


def _log_odds(likely: float) -> float:
    bounded = min(max(likely, _SMALLEST), 1 - _SMALLEST)
    return math.log(bounded / (1 - bounded))


def weigh(likely: Sequence[float], letters: Sequence[int]) -> float:
    """The likelihood from which on a passage is taken so that the text as a whole is expected to be best.

    The F1 to expect is best where all is taken that is at least half as likely as that F1 (Lipton, Elkan and
    Narayanaswamy, Optimal Thresholding of Classifiers to Maximize F1 Measure, 2014): where all is in doubt, more.
    """
    weights = [min(each, _MOST_LETTERS) for each in letters]
    expected = sum(each * weight for each, weight in zip(likely, weights, strict=True))
    best = 1.0
    for _ in range(30):
        taken = [(each, weight) for each, weight in zip(likely, weights, strict=True) if each >= best / 2]
        total = sum(weight for _, weight in taken) + expected
        following = 2 * sum(each * weight for each, weight in taken) / total if total else 0.0
        if abs(following - best) < _SMALLEST:
            break
        best = following
    return best / 2


def _doubt(likely: Sequence[float], letters: Sequence[int]) -> float:
    wrong = sum(min(each, 1 - each) * weight for each, weight in zip(likely, letters, strict=True))
    return wrong / max(1.0, sum(each * weight for each, weight in zip(likely, letters, strict=True)))


def agreement(passages: Sequence[Passage], one: set[int], other: set[int]) -> float:
    """The share of the letters of both that is in both."""
    both = sum(len(passages[order].letters) for order in one & other)
    return both / max(1, sum(len(passages[order].letters) for order in one | other))
