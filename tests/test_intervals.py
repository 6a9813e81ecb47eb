"""The interval of a share covers the truth as often as it says, whatever the holes are like."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.intervals import Cluster, Share, estimate, student, wilson

ONE = st.integers(0, 80).flatmap(lambda n: st.builds(Cluster, st.just(n), st.integers(0, n)))
CLUSTERS = st.lists(ONE, max_size=60)
RUNS = 200
SCATTERED, DAYS, BOTH, HALF = (0.05, 0.0, 1), (0.0, 0.05, 1), (0.02, 0.05, 4), (0.5, 0.0, 1)
"""Kinds of holes: the share of articles that are missing here and there, that of days missing whole, and how many of
those follow one another."""


def published(chance: Random, days: int, a_day: int, holes: tuple[float, float, int]) -> list[Cluster]:
    """A made-up outlet: each day what was published and what of it is kept."""
    scattered, whole, together = holes
    lost: set[int] = set()
    while len(lost) < whole * days:
        first = chance.randrange(days)
        lost |= {(first + n) % days for n in range(together)}
    clusters = []
    for day in range(days):
        listed = max(0, round(chance.gauss(a_day, a_day**0.5)))
        kept = 0 if day in lost else sum(chance.random() >= scattered for _ in range(listed))
        clusters.append(Cluster(listed, kept))
    return clusters


def covered(holes: tuple[float, float, int], a_day: int, drawn: int, *, narrowed: float = 1.0) -> float:
    """In which share of seeded runs the interval, perhaps narrowed about its middle, covers the truth."""
    hits = 0
    for seed in range(RUNS):
        chance = Random(f"{holes} {a_day} {drawn} {seed}")
        outlet = published(chance, 300, a_day, holes)
        truth = sum(each.kept for each in outlet) / sum(each.listed for each in outlet)
        found = estimate(chance.sample(outlet, drawn))
        assert found is not None
        middle, half = (found.low + found.high) / 2, narrowed * (found.high - found.low) / 2
        hits += middle - half <= truth <= middle + half
    return hits / RUNS


@pytest.mark.long
@pytest.mark.parametrize("drawn", [15, 20, 140])
@pytest.mark.parametrize("a_day", [4, 30])
@pytest.mark.parametrize("holes", [SCATTERED, DAYS, BOTH, HALF])
def test_the_interval_covers_the_truth(holes: tuple[float, float, int], a_day: int, drawn: int) -> None:
    assert covered(holes, a_day, drawn) >= 0.93


@pytest.mark.parametrize("holes", [SCATTERED, DAYS, BOTH, HALF])
def test_an_interval_half_as_wide_does_not(holes: tuple[float, float, int]) -> None:
    assert covered(holes, 4, 60, narrowed=0.5) < 0.93


def test_an_outlet_without_holes_is_never_called_incomplete_for_sure() -> None:
    found = estimate([Cluster(5, 5)] * 20)
    assert found is not None
    assert (found.share, found.high) == (1.0, 1.0)
    assert 0.75 < found.low < 0.95
    more = estimate([Cluster(5, 5)] * 600)
    assert more is not None
    assert more.low > 0.99


@given(CLUSTERS)
def test_the_share_lies_in_its_interval_and_both_are_shares(clusters: list[Cluster]) -> None:
    found = estimate(clusters)
    if found is None:
        assert not any(each.listed for each in clusters)
        return
    assert 0.0 <= found.low <= found.share <= found.high <= 1.0
    assert found.articles == sum(each.listed for each in clusters)


def test_one_day_tells_nothing() -> None:
    assert estimate([]) is None
    assert estimate([Cluster(0, 0), Cluster(10, 9)]) == Share(0.9, 0.0, 1.0, 1, 10)


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228), (19, 2.093), (120, 1.980)]
)
def test_students_quantiles_are_those_of_the_tables(freedom: int, quantile: float) -> None:
    assert student(freedom, 0.95) == pytest.approx(quantile, rel=0.01)


def test_wilsons_interval_is_that_of_the_textbooks() -> None:
    low, high = wilson(0.9, 100, 1.96)
    assert (round(low, 3), round(high, 3)) == (0.826, 0.945)
