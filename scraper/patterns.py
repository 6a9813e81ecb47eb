"""The regular expressions of profiles: compiled once, bounded, refused where they could run away."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_PATTERN = 1_000
"""Characters of a pattern. Longer ones are refused: nobody can review them."""

MAX_SUBJECT = 2_048
"""Characters of the URL that a pattern is tried on. Longer URLs are no article's."""


class PatternError(ValueError):
    """A pattern that cannot be used; the message says why."""


@lru_cache(maxsize=4_096)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a profile's pattern. Raises PatternError for one that is wrong, too long or could run away."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"is longer than {MAX_PATTERN} characters")
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternError(f"is no regular expression: {error}") from error
    if repeats_without_anchor(pattern):
        raise PatternError("repeats a group in which everything is itself of any length, which can take for ever")
    return compiled


def repeats_without_anchor(pattern: str) -> bool:
    """Tell whether an unbounded repeat stands around a group that holds no element of fixed length.

    `(a+)+` and `(\\w+\\s*)*` have exponentially many ways to match; `(?:/[^/]+)*` has one, as each turn must take a
    slash. This is a check of shape, not a proof: the bound on what patterns are tried on holds beside it.
    """
    groups = [_Group()]
    position = 0
    while position < len(pattern):
        position = _read_element(pattern, position, groups)
        if groups[0].dangerous:
            return True
    return False


class _Group:
    """What a group (or one of its branches) is made of so far."""

    __slots__ = ("dangerous", "fixed", "loose_branch", "unbounded")

    def __init__(self) -> None:
        self.fixed = False
        self.unbounded = False
        self.loose_branch = False
        self.dangerous = False

    def end_branch(self) -> None:
        self.loose_branch = self.loose_branch or (self.unbounded and not self.fixed)
        self.fixed = self.unbounded = False


_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)
_OPENING = re.compile(r"\(\?(?:P<\w+>|<?[=!]|[aiLmsux-]*:|>|[aiLmsux]+\)|#[^)]*\)|P=\w+\))")


def _read_element(pattern: str, position: int, groups: list[_Group]) -> int:
    character = pattern[position]
    if character == "(":
        opening = _OPENING.match(pattern, position)
        end = opening.end() if opening else position + 1
        if not (opening and opening.group().endswith(")")):
            groups.append(_Group())
        return end
    if character == "|":
        groups[-1].end_branch()
        return position + 1
    if character == ")" and len(groups) > 1:
        return _close_group(pattern, position + 1, groups)
    if character in "^$":
        return position + 1
    end = position + (2 if character == "\\" else 1)
    if character == "[" and (whole := _CLASS.match(pattern, position)):
        end = whole.end()
    return _note(pattern, end, groups, unbounded_inside=False, fixed_inside=True)


def _close_group(pattern: str, position: int, groups: list[_Group]) -> int:
    group = groups.pop()
    fixed, unbounded = group.fixed, group.unbounded
    group.end_branch()
    if group.loose_branch and _unbounded(_QUANTIFIER.match(pattern, position)):
        groups[0].dangerous = True
    return _note(pattern, position, groups, unbounded_inside=unbounded or group.loose_branch, fixed_inside=fixed)


def _note(pattern: str, position: int, groups: list[_Group], *, unbounded_inside: bool, fixed_inside: bool) -> int:
    quantifier = _QUANTIFIER.match(pattern, position)
    group = groups[-1]
    if quantifier is None:
        group.fixed = group.fixed or fixed_inside
        group.unbounded = group.unbounded or unbounded_inside
        return position
    group.unbounded = group.unbounded or unbounded_inside or _unbounded(quantifier)
    return quantifier.end()


def _unbounded(quantifier: re.Match[str] | None) -> bool:
    """A possessive repeat gives nothing back, so it cannot run away."""
    if quantifier is None or (quantifier.group().endswith("+") and len(quantifier.group()) > 1):
        return False
    return quantifier.group()[0] in "*+" or quantifier.group().rstrip("?").endswith(",}")
