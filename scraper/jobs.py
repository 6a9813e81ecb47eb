"""Jobs: which outlets are crawled how often, and at what cost, as the configuration file says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from scraper.config import read_table
from scraper.errors import UsageError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_EVERY = re.compile(r"(\d{1,2})(m|h|d)")
_MINUTES = {"m": 1, "h": 60, "d": 1440}
EVERY_MINUTES = 10
"""How many minutes lie between two runs of a job that does not say."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `outlets` are crawled by it, all if there are none; `minutes` lie between two runs, None where it does
    not say. `max_pages`, `max_time` and `max_disk` bound one run, as the command line writes them; `notify` is the
    command that is run where `presskeep health` finds something."""

    name: str
    outlets: tuple[str, ...]
    minutes: int | None = None
    max_pages: int | None = None
    max_time: str | None = None
    max_disk: str | None = None
    notify: str | None = None


def load_jobs(file: Path | None = None, environment: Mapping[str, str] | None = None) -> list[Job]:
    """The jobs of the configuration file: its tables `[jobs.NAME]`; where there are none, one for every outlet.

    Raises UsageError for a table that cannot be read, with what would be right.
    """
    path, table = read_table(file, environment)
    found = table.get("jobs", {})
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise UsageError("is no table of jobs", f"{path}: jobs", "For example: [jobs.presstv]")
    jobs = [_job(name, values, f"{path}: jobs.{name}") for name, values in sorted(found.items())]
    return jobs or [Job("all", ())]


def _job(name: str, values: Mapping[str, Any], which: str) -> Job:
    if not _NAME.fullmatch(name):
        raise UsageError("is no name of a job", which, "It has small letters, digits, - and _.")
    known = {"every", *(field.name for field in fields(Job))} - {"name", "minutes"}
    for key in values:
        if key not in known:
            near = get_close_matches(key, known, 1)
            raise UsageError("there is no such setting", f"{which}.{key}", f"Did you mean {near[0]}?" if near else "")
    outlets = values.get("outlets", [name])
    if not isinstance(outlets, list) or not all(isinstance(each, str) for each in outlets):
        raise UsageError("is no list of names", f"{which}.outlets", 'For example: ["presstv"]; [] means all.')
    texts = {key: values.get(key) for key in ("max_time", "max_disk", "notify")}
    for key, value in texts.items():
        if value is not None and (not isinstance(value, str) or not value.isprintable()):
            raise UsageError("is no text of one line", f"{which}.{key}")
    if texts["notify"] is not None:
        _check_command(texts["notify"], f"{which}.notify")
    pages = values.get("max_pages")
    if pages is not None and (not isinstance(pages, int) or isinstance(pages, bool) or pages < 1):
        raise UsageError(f"{pages!r} is not a number above 0", f"{which}.max_pages")
    minutes = _minutes(values["every"], f"{which}.every") if "every" in values else None
    return Job(name, tuple(outlets), minutes, pages, **texts)


def _check_command(text: str, which: str) -> None:
    """Refuse what is no command, which else is found out when somebody should be told of something."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{text!r} cannot be divided into words ({error})", which) from None
    if not words:
        raise UsageError("names no command", which, 'For example: "mail -s presskeep you@example.org"')


def _minutes(text: object, which: str) -> int:
    """The minutes of `10m`, `2h` or `1d`: a part of an hour or of a day, so that runs come at the same times daily."""
    match = _EVERY.fullmatch(text) if isinstance(text, str) else None
    minutes = int(match[1]) * _MINUTES[match[2]] if match else 0
    if not minutes or (60 % minutes and (minutes % 60 or 1440 % minutes)):
        raise UsageError(f"{text!r} does not divide an hour or a day", which, "For example: 10m, 1h, 6h or 1d.")
    return minutes
