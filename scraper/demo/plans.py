"""Change files: what happens on which day, said by the test instead of drawn from the seed."""

from __future__ import annotations

import json
from pathlib import Path

from scraper.demo.errors import ReplicaError
from scraper.demo.hostset import HostSet
from scraper.demo.timeline import KEY_STRIDE, MAX_DAYS, GivenDay

_KEYS = ("edited", "withdrawn", "reverted")
_MAX_NEW = 100_000


def read_plan(path: Path, hosts: HostSet) -> dict[int, GivenDay]:
    """Read a change file: JSON lines like {"day": 1, "new": 5, "edited": [100004], "withdrawn": [], "reverted": []}.

    Articles are named by their numbers. ReplicaError names the line that cannot be used.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReplicaError("cannot be read", str(path)) from error
    plan = {}
    for at, line in enumerate(lines, 1):
        if line.strip():
            day, given = _read_day(line, f"{path}, line {at}", hosts)
            plan[day] = given
    return plan


def _read_day(line: str, which: str, hosts: HostSet) -> tuple[int, GivenDay]:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise ReplicaError(f"is no JSON: {error}", which) from error
    if not isinstance(entry, dict) or set(entry) - {"day", "new", *_KEYS}:
        raise ReplicaError("needs day, new, edited, withdrawn, reverted and nothing else", which)
    day, new = entry.get("day"), entry.get("new", 0)
    if not isinstance(day, int) or not 1 <= day <= MAX_DAYS or not isinstance(new, int) or not 0 <= new <= _MAX_NEW:
        raise ReplicaError(f"day is a number from 1 to {MAX_DAYS}, new one from 0 to {_MAX_NEW}", which)
    edited, withdrawn, reverted = (_indexes(entry.get(name, []), which, hosts) for name in _KEYS)
    return day, GivenDay(new, edited, withdrawn, reverted)


def _indexes(keys: object, which: str, hosts: HostSet) -> tuple[int, ...]:
    if not isinstance(keys, list) or not all(str(key).isdigit() for key in keys):
        raise ReplicaError("edited, withdrawn and reverted are lists of articles' numbers", which)
    return tuple((int(key) - hosts.first_key) // KEY_STRIDE for key in keys)
