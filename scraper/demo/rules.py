"""Misbehaviour by rule: which requests are answered wrongly, and how.

A rule file is JSON or TOML with a list `rules`. Of the rules that match a request, the first that is still in force
applies. A rule counts the requests that it matches by host, path and day; `first` and `last` say for which of them it
is in force, so that `{"host": "www.replica.example", "first": 30, "drop": true}` is a host that stops answering at the
30th request.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from scraper.demo.errors import ReplicaError

_MAX_RULES = 10_000
_MAX_BOMB = 4_000_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `host` is a shell pattern, `path` a regular expression searched in path and query.

    When it holds it may: give another `status`, `headers` and `body`; wait `delay` seconds; send only the first
    `truncate` bytes of the body and close; claim a Content-Length that is wrong by `length` bytes; send the body in
    pieces of 64 bytes, `drip` seconds apart; `redirect` to an address ('self' is the one asked for) with 302, or the
    status given; `drop` the connection unanswered; send a gzip `bomb` of so many bytes; send an `endless` body;
    put a `nonce` into each page of markup, which then is never unchanged.
    """

    host: str = "*"
    path: str = ""
    days: tuple[int, ...] = ()
    first: int = 1
    last: int | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    delay: float = 0.0
    truncate: int | None = None
    length: int = 0
    drip: float = 0.0
    redirect: str | None = None
    drop: bool = False
    bomb: int = 0
    endless: bool = False
    nonce: bool = False


class RuleBook:
    """Rules with the counts of the requests that they matched."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = [(rule, re.compile(rule.path)) for rule in rules]
        self._counts = [0] * len(self._rules)

    def find(self, host: str, target: str, day: int) -> Rule | None:
        """The rule that applies to a request, which every matching rule counts."""
        chosen: Rule | None = None
        for at, (rule, path) in enumerate(self._rules):
            if not fnmatchcase(host, rule.host) or not path.search(target) or (rule.days and day not in rule.days):
                continue
            self._counts[at] += 1
            if chosen is None and rule.first <= self._counts[at] <= (rule.last or self._counts[at]):
                chosen = rule
        return chosen


def read_rules(path: Path) -> list[Rule]:
    """Read a rule file; ReplicaError names what is wrong."""
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise ReplicaError(f"cannot be read: {error.strerror}", str(path)) from error
    except ValueError as error:
        raise ReplicaError(f"is neither JSON nor, named .toml, TOML: {error}", str(path)) from error
    return parse_rules(data, str(path))


def parse_rules(data: object, which: str) -> list[Rule]:
    """Check rules as read from a file or the control port."""
    entries = data.get("rules") if isinstance(data, Mapping) else data
    if not isinstance(entries, list) or len(entries) > _MAX_RULES:
        raise ReplicaError(
            "needs a list named 'rules'", which, 'For example {"rules": [{"path": "^/Detail/", "status": 503}]}'
        )
    return [_rule(entry, f"{which}, rule {at}") for at, entry in enumerate(entries, 1)]


def _rule(entry: object, which: str) -> Rule:
    if not isinstance(entry, Mapping):
        raise ReplicaError("is not a table", which)
    values: dict[str, Any] = {}
    for name, value in entry.items():
        if name not in _KINDS:
            raise ReplicaError(f"unknown key {name!r}", which, f"Known are {', '.join(sorted(_KINDS))}")
        if not isinstance(value, _KINDS[name]) or (isinstance(value, bool) and _KINDS[name] is not bool):
            raise ReplicaError(f"{name} = {value!r} is of the wrong type", which)
        values[name] = value
    if "headers" in values:
        values["headers"] = tuple((str(name), str(value)) for name, value in values["headers"].items())
    if "days" in values:
        values["days"] = tuple(values["days"]) if isinstance(values["days"], list) else (values["days"],)
    rule = Rule(**values)
    _check(rule, which)
    return rule


def _check(rule: Rule, which: str) -> None:
    try:
        re.compile(rule.path)
    except re.error as error:
        raise ReplicaError(f"path is no regular expression: {error}", which) from error
    if rule.status is not None and not 200 <= rule.status <= 599:
        raise ReplicaError(f"status {rule.status} is not between 200 and 599", which)
    if min(rule.delay, rule.drip, rule.bomb, rule.first - 1, rule.truncate or 0) < 0 or rule.bomb > _MAX_BOMB:
        raise ReplicaError("a number is negative or too large", which)
    if any("\n" in text or "\r" in text for header in rule.headers for text in header) or "\n" in (rule.redirect or ""):
        raise ReplicaError("a header holds a line break", which)


_TYPES: dict[str, Any] = {
    "str": str,
    "str | None": str,
    "int": int,
    "int | None": int,
    "float": (int, float),
    "bool": bool,
    "tuple[int, ...]": (int, list),
    "tuple[tuple[str, str], ...]": Mapping,
}
_KINDS = {field.name: _TYPES[str(field.type)] for field in fields(Rule)}
