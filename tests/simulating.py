"""Simulated days: `presskeep run` beside a replica that lives by the same leaping clock, and what its server saw."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from scraper.demo.hostsets import HOST_SETS
from scraper.demo.process import Replica, running_replica
from scraper.demo.timeline import FIRST_DAY, GivenDay, Timeline, Volume
from tests.crawling import ROOT, Ran, replica_options

STEP = timedelta(minutes=30, seconds=37)
"""How long one of the replica's days lasts: no multiple of a round's five minutes, where all would be seen at once."""
STEPS = timedelta(days=1) // STEP
"""How many of them begin in a day and a night."""
QUIET = timedelta(hours=8)
"""Before the site begins to change: the first crawl takes hours at a request in ten seconds."""
WEEK, TWO_MONTHS = timedelta(days=7), timedelta(days=60)
NEW, EDITED, WITHDRAWN = 50, 20, 5
_ARTICLE = re.compile(
    r"/(?:story|detail|Detail(?:/\d{4}/\d{2}/\d{2})?|Video/\d{4}/\d{2}/\d{2}|detail/\d{4}/\d{2}/\d{2})/(\d+)"
)


@dataclass(frozen=True)
class Happening:
    """Something that the site did to an article: `age` is the article's age then."""

    key: str
    at: datetime
    age: timedelta


@dataclass(frozen=True)
class Plan:
    """What the site does from its first change on, and when: `born` is when each article was published."""

    new: tuple[Happening, ...]
    edited: tuple[Happening, ...]
    withdrawn: tuple[Happening, ...]
    until: datetime
    born: Mapping[str, datetime]


@dataclass
class Asked:
    """One request in the server's log; `key` is the article's that it asked for, None for other pages."""

    at: datetime
    host: str
    path: str
    status: int
    key: str | None


@dataclass
class Lived:
    """What came of the simulated days."""

    plan: Plan
    asked: list[Asked]
    ran: Ran
    folder: Path
    by_key: dict[str, list[Asked]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for each in self.asked:
            if each.key is not None:
                self.by_key[each.key].append(each)


def plan_days(days: int, *, articles: int, seed: int) -> tuple[Plan, list[dict[str, Any]]]:
    """Draw what happens in so many days, and write it as lines of a change file. Edits and withdrawals fall upon
    articles of all ages, most of them young, as news is."""
    rng = random.Random(seed)
    first = QUIET // STEP + 1
    steps = range(first, first + days * STEPS)
    lines: dict[int, dict[str, list[int] | int]] = {step: {"new": 0, "edited": [], "withdrawn": []} for step in steps}
    for day in range(days):
        own = steps[day * STEPS : (day + 1) * STEPS]
        for step in rng.choices(own, k=NEW):
            lines[step]["new"] += 1  # type: ignore[operator]
    given = {step: GivenDay(new=int(line["new"])) for step, line in lines.items()}  # type: ignore[call-overload]
    timeline = Timeline(seed, articles, HOST_SETS["demo"], Volume(0, 0, 0), given, length=STEP)
    born = [timeline.published(index) for index in range(timeline.total(steps[-1]))]
    happened: dict[str, list[Happening]] = {"new": [], "edited": [], "withdrawn": []}
    gone: set[int] = set()
    for day in range(days):
        own = steps[day * STEPS : (day + 1) * STEPS]
        moments = [(step, "edited") for step in rng.choices(own, k=EDITED)]
        moments += [(step, "withdrawn") for step in rng.choices(own, k=WITHDRAWN)]
        for step, name in sorted(moments):
            at = timeline.moment(step)
            index = _draw(rng, timeline, born[: timeline.total(step - 1)], step, gone)
            if timeline.key(index) in lines[step]["edited"]:  # type: ignore[operator]
                continue
            lines[step][name].append(timeline.key(index))  # type: ignore[union-attr]
            happened[name].append(Happening(str(timeline.key(index)), at, at - timeline.published(index)))
            if name == "withdrawn":
                gone.add(index)
    for step in steps:
        planned = timeline.planned(step)
        happened["new"] += [Happening(str(timeline.key(i)), timeline.moment(step), timedelta(0)) for i in planned.new]
    until = timeline.moment(steps[-1])
    by_key = {str(timeline.key(index)): at for index, at in enumerate(born)}
    plan = Plan(tuple(happened["new"]), tuple(happened["edited"]), tuple(happened["withdrawn"]), until, by_key)
    return plan, [{"day": step, **line} for step, line in lines.items()]


def _draw(rng: random.Random, timeline: Timeline, born: Sequence[datetime], step: int, gone: set[int]) -> int:
    """An article that is still there: three of four under a week old, one of eight up to two months, the rest older."""
    at = timeline.moment(step)
    lot = rng.random()
    while True:
        oldest = WEEK if lot < 0.75 else TWO_MONTHS if lot < 0.875 else timedelta(days=6000)
        young = [index for index, born_at in enumerate(born) if index not in gone and at - born_at <= oldest]
        if young:
            return rng.choice(young)
        lot = 1.0


def live(
    folder: Path,
    days: int,
    *,
    articles: int = 120,
    seed: int = 5,
    program: Sequence[str] = ("-m", "scraper.cli"),
    manners: str = "",
    rules: Sequence[Mapping[str, Any]] = (),
    timeout: float = 3000,
) -> Lived:
    """Let `presskeep run` look after a replica for so many simulated days, at a request in ten seconds a host.

    `manners` adds lines to the profile's, and by `rules` the replica misbehaves.
    """
    plan, lines = plan_days(days, articles=articles, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    changes = folder / "changes.jsonl"
    changes.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    (folder / "simulated.toml").write_text(_profile(manners), "utf-8")
    now = f"leap:{FIRST_DAY.isoformat()}@{folder / 'clock'}"
    with _replica_by_clock(folder, changes, now, articles, seed) as replica:
        replica.set_rules(rules)
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PRESSKEEP_")}
        variables |= {
            "PYTHONPATH": str(ROOT), "PRESSKEEP_NOW": now, "PRESSKEEP_LOG_LEVEL": "WARNING",
            "PRESSKEEP_PROFILES": str(folder / "simulated.toml"),
        }  # fmt: skip
        hours = (plan.until - FIRST_DAY) // timedelta(hours=1) + 1
        command = [
            sys.executable, *program, "run", "simulated", "--json", "--archive", str(folder / "archive"),
            "--for", f"{hours}h", *replica_options(replica),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=timeout, check=False)
        asked = [_asked(line) for line in replica.requests()]
    return Lived(plan, asked, Ran(done.returncode, done.stdout, done.stderr), folder)


@contextmanager
def _replica_by_clock(folder: Path, changes: Path, now: str, articles: int, seed: int) -> Iterator[Replica]:
    # What happens stands in the plan alone; sitemaps say nothing of changes, so that visits must find them.
    site = ["--changes", str(changes), "--day-seconds", str(int(STEP.total_seconds())), "--volume", "0,0,0"]
    site += ["--no-lastmod"]
    with running_replica(
        articles=articles, seed=seed, day=None, truth=False, folder=folder / "site", site_options=site,
        options=["--now", now],
    ) as replica:  # fmt: skip
        yield replica


def _profile(manners: str) -> str:
    """The bundled outlet's profile under another name, at a request in ten seconds."""
    text = (ROOT / "spiders" / "outlets" / "demo.toml").read_text("utf-8")
    for old, new in (
        ('name = "demo"', 'name = "simulated"'),
        ("hidden = true\n", ""),
        ("delay = 0\nconcurrency = 8", f"delay = 10\nconcurrency = 1\n{manners}"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    return text


def _asked(line: Mapping[str, Any]) -> Asked:
    match = _ARTICLE.match(line["path"])
    return Asked(
        datetime.fromisoformat(line["at"]), line["host"], line["path"], line["status"], match[1] if match else None
    )


def share_within(happenings: Sequence[Happening], lived: Lived, span: timedelta, statuses: Sequence[int]) -> float:
    """The share of happenings that a request with one of the statuses saw within `span`."""
    seen = 0
    for each in happenings:
        times = [asked.at for asked in lived.by_key[each.key] if asked.at >= each.at and asked.status in statuses]
        seen += bool(times) and min(times) - each.at <= span
    return seen / len(happenings)
