"""Streams of random numbers that depend on the seed and on what they are for, and on nothing else."""

from __future__ import annotations

from hashlib import blake2b
from random import Random


def stream(seed: int, *purpose: str | int) -> Random:
    """A stream for one purpose, the same on every machine and in every process (`hash` is salted, so not used)."""
    return Random(_number(seed, purpose))


def share(seed: int, *purpose: str | int) -> float:
    """One number in [0, 1) for one purpose; cheaper than a stream."""
    return _number(seed, purpose) / 2**64


def _number(seed: int, purpose: tuple[str | int, ...]) -> int:
    text = f"{seed}/{'/'.join(map(str, purpose))}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
