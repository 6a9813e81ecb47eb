"""How alike two grey pictures are: the mean structural similarity (SSIM; Wang, Bovik, Sheikh, Simoncelli 2004)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

_CELL, _WINDOW = 4, 8
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def similarity(one: bytes, other: bytes, width: int) -> float:
    """From -1 to 1, which is the same picture: over windows of 8 x 8 pixels that stand 4 apart.

    A byte is a pixel, row by row; the sides are multiples of 4.
    """
    assert len(one) == len(other) > 0
    sums = [
        _windows(values, width)
        for values in (
            one, other, [a * a for a in one], [b * b for b in other], [a * b for a, b in zip(one, other, strict=True)],
        )
    ]  # fmt: skip
    scores = [_score(*window) for window in zip(*sums, strict=True)]
    return sum(scores) / len(scores)


def _windows(values: bytes | list[int], width: int) -> Iterable[int]:
    """The sum of each window: four cells of 4 x 4 pixels."""
    bands = []
    for start in range(0, len(values), width * _CELL):
        rows = [values[start + n * width : start + (n + 1) * width] for n in range(_CELL)]
        columns = list(map(sum, zip(*rows, strict=True)))
        bands.append([sum(columns[x : x + _CELL]) for x in range(0, width, _CELL)])
    for above, below in pairwise(bands):
        tall = list(map(sum, zip(above, below, strict=True)))
        yield from map(sum, pairwise(tall))


def _score(a: int, b: int, aa: int, bb: int, ab: int) -> float:
    n = _WINDOW * _WINDOW
    mean_a, mean_b = a / n, b / n
    variances = aa / n - mean_a**2 + bb / n - mean_b**2
    covariance = ab / n - mean_a * mean_b
    light = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    return light * (2 * covariance + _C2) / (variances + _C2)
