"""`presskeep reextract`: read every kept page again with today's extractor."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from scraper.cli.days import day
from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import counted, write_bold, write_json, write_note
from scraper.cli.run_reports import exit_code, report_json, say_errors
from scraper.cli.stopping import output_may_be_gone, stop_when_terminal_closes
from scraper.config import Config
from scraper.sentences import sentence_of

if TYPE_CHECKING:
    from scraper.reextracting import RereadReport

app = group("Read kept pages again.")


@app.command(cls=PlainCommand)
@configured(stamping=True)
def reextract(
    config: Config,
    outlet: Annotated[str | None, typer.Argument(metavar="OUTLET", help="One outlet alone.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DAY", help="Captured on this day (UTC) or later.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, max=1024, metavar="N", help="Processes that read; one for each core.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Read every kept page again with today's extractor and profiles; nothing is asked of any host.

    What the extractor makes of a page is added to what earlier ones made of it: texts get better, `presskeep history`
    tells no other edits than before, and `presskeep show --as-of` tells what was known before. A page that it refuses
    keeps the text that it had. Listings are not read again: what they led to is known.

    It can be stopped at any time; the same command goes on, and where all is read it does nothing.

    Examples: presskeep reextract presstv; presskeep reextract --since 2026-03-01 --jobs 8
    """
    from scraper.cli.estimate import show_estimate
    from scraper.cli.logs import start_logging
    from scraper.reextracting import reextract as read_again

    stop_when_terminal_closes()
    begin = datetime.combine(day(since), time(), UTC) if since else None
    config = replace(config, workers=jobs or len(os.sched_getaffinity(0)))
    with show_estimate("pages") as estimate:
        start_logging(config, estimate.say)
        reports = read_again(
            config, outlet, since=begin, observe=lambda name, tally: estimate(name, tally.read, tally.captures)
        )
    code = exit_code(reports, len(reports), many=outlet is None)
    with output_may_be_gone():
        if json:
            write_json({"outlets": [report_json(report) for report in reports], "exit_code": code})
        else:
            for report in reports:
                print_report(report)
        say_errors(reports, "All that was read is kept")
    return code


def print_report(report: RereadReport) -> None:
    """A report for people."""
    counts = report.counts
    write_bold(f"{report.outlet}: {'done' if report.finished and report.error is None else 'not finished'}")
    if not counts["captures"] and report.finished:
        write_note("today's extractor has read every page already", indent=2)
        return
    write_note(
        f"{counts['read']} of {counted(counts['captures'], 'page')} read again: "
        f"{counts['same']} with the text as it was known, {counts['changed']} with another",
        indent=2,
    )
    if counts["gained"]:
        write_note(f"{counts['gained']} are articles that were not taken for one before", indent=2)
    if counts["lost"]:
        write_note(f"{counts['lost']} are not taken for articles any more; their texts are kept", indent=2)
    for title, reasons in (("refused", counts["refused"]), ("failed", counts["failures"])):
        for reason, number in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
            write_note(f"{number} {title}: {sentence_of(reason)}", indent=2)
