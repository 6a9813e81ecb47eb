"""The weights by which signals become a verdict: a forest of small decision trees, read from readable data.

`verdicts.json` holds it: `trees` are questions, {"if": number, "most": limit, "then": ..., "else": ...} or
{"if": set, "has": member, ...}, which end in numbers whose sum is the log-odds of a passage being of the text.
`python -m benchmarks.train` writes it.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from scraper.extraction.signals import BITS, NUMBERS, Row

SURE = 4.0
"""Log-odds at which the trees that are left are not asked any more."""
_ASK_SURE_EVERY = 20

Tree = dict[str, Any] | float
"""A question with its two answers, or the number at the end."""


class Forest:
    """Decision trees as one function. Compiled, since each page asks them some ten thousand times."""

    def __init__(self, trees: list[Tree]) -> None:
        self._log_odds = _compile(trees)

    def probability(self, row: Row) -> float:
        """How likely it is, from 0 to 1, that the passage with these signals is of the article's text."""
        return 1 / (1 + math.exp(-self._log_odds(row)))


@cache
def load_forest() -> Forest:
    """The forest that comes with the package."""
    data = json.loads(files("scraper.extraction").joinpath("verdicts.json").read_text("utf-8"))
    return Forest(data["trees"])


def _compile(trees: list[Tree]) -> Callable[[Row], float]:
    """The function that adds up what the trees say of a row."""
    steps: list[ast.stmt] = [ast.parse("total = 0.0").body[0]]
    for number, tree in enumerate(trees, 1):
        steps.append(ast.AugAssign(ast.Name("total", ast.Store()), ast.Add(), _expression(tree)))
        if number % _ASK_SURE_EVERY == 0:
            steps += ast.parse(f"if not -{SURE} < total < {SURE}: return total", mode="exec").body
    steps += ast.parse("return total").body
    function = ast.parse("def log_odds(row): pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = steps
    module = ast.fix_missing_locations(ast.Module([function], []))
    names: dict[str, Any] = {}
    # It is made of numbers and of places in the row alone.
    exec(compile(module, "verdicts.json", "exec"), names)
    compiled: Callable[[Row], float] = names["log_odds"]
    return compiled


def _expression(tree: Tree) -> ast.expr:
    if not isinstance(tree, dict):
        return ast.Constant(float(tree))
    value = ast.Subscript(ast.Name("row", ast.Load()), ast.Constant(_slot(tree["if"])), ast.Load())
    question: ast.expr
    if "has" in tree:
        bit = 1 << BITS[tree["if"]].index(tree["has"])
        question = ast.BinOp(value, ast.BitAnd(), ast.Constant(bit))
    else:
        question = ast.Compare(value, [ast.LtE()], [ast.Constant(float(tree["most"]))])
    return ast.IfExp(question, _expression(tree["then"]), _expression(tree["else"]))


@cache
def _slot(name: str) -> int:
    return NUMBERS.index(name) if name in NUMBERS else len(NUMBERS) + list(BITS).index(name)
