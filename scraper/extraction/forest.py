"""Weights as a forest of small decision trees, read from readable data and compiled to one function.

Trees are questions, {"if": number, "most": limit, "then": ..., "else": ...} or {"if": set, "has": member, ...}, which
end in numbers whose sum is the log-odds of the thing being what it is asked for.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

SURE = 4.0
"""Log-odds at which the trees that are left are not asked any more."""
_ASK_SURE_EVERY = 20

Row = list[float]
"""The numbers of one thing, and behind them its sets as bits."""
Tree = dict[str, Any] | float
"""A question with its two answers, or the number at the end."""


class Forest:
    """Decision trees over rows of these `numbers`, and of these `sets` with their members, as one function: compiled,
    since each page asks it some ten thousand times."""

    def __init__(
        self, trees: list[Tree], numbers: Sequence[str], sets: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self.log_odds: Callable[[Row], float] = _Compiler(tuple(numbers), dict(sets or {})).compile(trees)
        """The sum of what the trees say of a row."""

    def probability(self, row: Row) -> float:
        """How likely it is, from 0 to 1."""
        return 1 / (1 + math.exp(-self.log_odds(row)))


class _Compiler:
    def __init__(self, numbers: tuple[str, ...], sets: dict[str, tuple[str, ...]]) -> None:
        self._sets = sets
        self._slots = {name: at for at, name in enumerate((*numbers, *sets))}

    def compile(self, trees: list[Tree]) -> Callable[[Row], float]:
        """The function that adds up what the trees say of a row."""
        steps: list[ast.stmt] = [ast.parse("total = 0.0").body[0]]
        for number, tree in enumerate(trees, 1):
            steps.append(ast.AugAssign(ast.Name("total", ast.Store()), ast.Add(), self._expression(tree)))
            if number % _ASK_SURE_EVERY == 0:
                steps += ast.parse(f"if not -{SURE} < total < {SURE}: return total", mode="exec").body
        steps += ast.parse("return total").body
        function = ast.parse("def log_odds(row): pass").body[0]
        assert isinstance(function, ast.FunctionDef)
        function.body = steps
        module = ast.fix_missing_locations(ast.Module([function], []))
        names: dict[str, Any] = {}
        # It is made of numbers and of places in the row alone.
        exec(compile(module, "forest", "exec"), names)
        compiled: Callable[[Row], float] = names["log_odds"]
        return compiled

    def _expression(self, tree: Tree) -> ast.expr:
        if not isinstance(tree, dict):
            return ast.Constant(float(tree))
        value = ast.Subscript(ast.Name("row", ast.Load()), ast.Constant(self._slots[tree["if"]]), ast.Load())
        question: ast.expr
        if "has" in tree:
            bit = 1 << self._sets[tree["if"]].index(tree["has"])
            question = ast.BinOp(value, ast.BitAnd(), ast.Constant(bit))
        else:
            question = ast.Compare(value, [ast.LtE()], [ast.Constant(float(tree["most"]))])
        return ast.IfExp(question, self._expression(tree["then"]), self._expression(tree["else"]))
