"""`presskeep health`: what needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import counted, one_line, write, write_bold, write_error, write_json, write_note
from scraper.config import Config
from scraper.errors import UsageError

if TYPE_CHECKING:
    from storage.health import Concern, OutletFacts

app = group("Say what needs a person.")
NEEDED = 6
"""The exit code where something needs a person."""


@app.command(cls=PlainCommand)
@configured()
def health(
    config: Config,
    outlet: Annotated[str | None, typer.Argument(metavar="OUTLET", help="One outlet alone.")] = None,
    notify: Annotated[
        str | None,
        typer.Option("--notify", metavar="COMMAND", help="Run this where something is found; it reads JSON lines."),
    ] = None,
    prometheus: Annotated[
        Path | None,
        typer.Option("--prometheus", metavar="FILE", help="Write figures for node_exporter's textfile collector."),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Hold each outlet against its own history and say what needs a person.

    An outlet that is not crawled any more or brings nothing new, pages that yield no text or no dates as they did
    (a changed template), a domain that refuses or shows a notice, a crawl most of whose fetches fail, a disk that is
    soon full. Ends with 0 where nothing is found and with 6 where something is. Nothing is asked of any host.

    Examples: presskeep health; presskeep health --notify 'mail -s presskeep you@example.org'
    """
    from scraper.fetching.clock import clock_from
    from scraper.replacing import replace_text
    from scraper.watching import NotifyFailed, check_health
    from scraper.watching import notify as notify_of

    now = clock_from(config.now).now()
    facts, concerns = check_health(config, now, outlet)
    if json:
        write_json({"concerns": [asdict(each) for each in concerns], "outlets": [each.name for each in facts]})
    else:
        _print(concerns, len(facts))
    if notify is not None:
        try:
            notify_of(notify, concerns, [each.name for each in facts], config.archive, now)
        except NotifyFailed as error:
            write_error(f"presskeep: {one_line(str(error))}. What it should tell stands above.")
    if prometheus is not None:
        try:
            replace_text(prometheus, metrics(facts, concerns, now))
        except OSError as error:
            unwritten = UsageError(f"cannot be written ({error.strerror})", f"--prometheus {prometheus}")
            if not concerns:
                raise unwritten from error
            write_error(f"presskeep: {one_line(str(unwritten))}")
    return NEEDED if concerns else 0


def metrics(facts: Sequence[OutletFacts], concerns: Sequence[Concern], now: datetime) -> str:
    """The figures in Prometheus' text format (version 0.0.4 of the exposition format)."""
    lines: list[str] = []

    def add(name: str, about: str, values: Sequence[tuple[str | None, float]]) -> None:
        lines.extend((f"# HELP presskeep_{name} {about}", f"# TYPE presskeep_{name} gauge"))
        lines.extend(f'presskeep_{name}{{outlet="{outlet or ""}"}} {value:g}' for outlet, value in values)

    last = [(each.name, each.runs[-1]) for each in facts]
    found = [(name, sum(each.outlet == name for each in concerns)) for name in (*(name for name, _ in last), None)]
    add("concerns", "Findings that need a person; without an outlet those of the archive.", found)
    add(
        "last_crawl_seconds", "Age of the last crawl.", [(n, (now - run.started_at).total_seconds()) for n, run in last]
    )
    add("last_crawl_finished", "Whether the last crawl came to its end.", [(n, run.finished) for n, run in last])
    add("last_crawl_pages", "Exchanges that the last crawl kept.", [(n, run.pages) for n, run in last])
    add("last_crawl_failed", "Fetches of the last crawl that gave nothing.", [(n, run.failed) for n, run in last])
    add("new_articles", "New articles in the last three days.", [(each.name, _lately(each, now)) for each in facts])
    lines += ["# HELP presskeep_checked_seconds When this was written.", "# TYPE presskeep_checked_seconds gauge"]
    lines.append(f"presskeep_checked_seconds {now.timestamp():.0f}")
    return "\n".join(lines) + "\n"


def _lately(facts: OutletFacts, now: datetime) -> int:
    from storage.health.facts import LATELY

    return sum(at >= now - LATELY for at in facts.arrivals)


def _print(concerns: Sequence[Concern], outlets: int) -> None:
    if not concerns:
        write(
            f"Nothing needs a person ({counted(outlets, 'outlet')} looked at)."
            if outlets
            else "No crawl of an outlet has ended yet."
        )
        return
    for each in concerns:
        write_bold(f"{each.outlet or 'the archive'}: {each.kind}")
        write_note(f"{each.what}. {each.next}", indent=2)
