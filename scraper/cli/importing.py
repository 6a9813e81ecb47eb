"""`presskeep import`: take in what others archived."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import counted, one_line, write_bold, write_error, write_json, write_note
from scraper.cli.stopping import output_may_be_gone, stop_cleanly
from scraper.config import Config
from scraper.errors import ScraperError
from scraper.sentences import sentence_of
from storage.errors import StorageError

if TYPE_CHECKING:
    from scraper.importing.reporting import FileReport, ImportReport
    from scraper.outlet import Outlet

app = group("Take in what others archived.")

BAD_SHOWN = 100
"""Bad records of a file that are printed; --json names up to a thousand."""


@app.command(cls=PlainCommand)
@configured(stamping=True)
def import_(
    config: Config,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, or folders of them.")],
    outlet: Annotated[
        str | None,
        typer.Option("--outlet", metavar="NAME", help="Only this outlet's pages; auto: pages of any host as well."),
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Refer to the files where they are, in place of a copy.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Take in WARC, ARC and WACZ files, lists of URLs, news-please's JSON and ArchiveBox folders.

    Files are copied byte for byte into the archive, and indexed there. Article pages of the outlets that have a
    profile are archived, each as of the day when it was captured: an older text that is imported later does not
    become what is current. URLs of a list become due, for the next crawl of their outlet.

    A record that is damaged is named, with the byte where it begins, and all others are taken. It can be stopped at any
    time; the same command goes on, and what is in the archive already is not taken twice.

    Examples: presskeep import old-crawl/*.warc.gz; presskeep import saved.wacz --outlet auto
    """
    from scraper.cli.estimate import show_estimate
    from scraper.cli.logs import start_logging
    from scraper.cli.sheets import read_list
    from scraper.importing.run import import_sources

    stop_cleanly()
    with show_estimate("done") as estimate:
        start_logging(config, estimate.say)
        report = import_sources(
            config,
            [Path(each) for each in files],
            _outlets(config, outlet),
            lambda file: read_list(file).urls,
            any_host=outlet == "auto",
            link=link,
            observe=estimate,
        )
    code = exit_code(report)
    with output_may_be_gone():
        if json:
            write_json(report_json(report) | {"exit_code": code})
        else:
            print_report(report, any_host=outlet == "auto")
        if report.error is not None:
            write_error(f"presskeep: {one_line(str(report.error))}")
        elif not report.finished:
            write_error("presskeep: stopped. All that was taken in is kept; the same command goes on.")
    return code


def exit_code(report: ImportReport) -> int:
    """0: all was taken; 1: something could not be, and is named; 7: stopped early; else what the error says."""
    if report.error is not None:
        return report.error.exit_code if isinstance(report.error, ScraperError | StorageError) else 1
    if not report.finished:
        return 7
    return 1 if report.failed else 0


def report_json(report: ImportReport) -> dict[str, Any]:
    """A report with stable keys (docs/json.md)."""
    return {
        "finished": report.finished,
        "error": str(report.error) if report.error is not None else None,
        "counts": report.tally.as_counts(),
        "files": [_file_json(each) for each in report.files],
    }


def print_report(report: ImportReport, *, any_host: bool) -> None:
    """A report for people; `any_host`: pages of every host were asked for."""
    for each in report.files:
        _print_file(each, any_host=any_host)
    tally = report.tally
    write_bold(f"{counted(tally.captures, 'capture')} kept, {counted(tally.read, 'page')} read")
    if tally.articles:
        write_note(
            f"{counted(tally.articles, 'article page')}: {tally.new} new, {tally.edits} edited, "
            f"{tally.duplicates} known",
            indent=2,
        )
    if tally.notices:
        write_note(f"{counted(tally.notices, 'notice')} in place of a page", indent=2)
    for title, reasons in (("refused", tally.refused), ("failed", tally.failed)):
        for reason, number in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
            write_note(f"{number} {title}: {sentence_of(reason)}", indent=2)


def _outlets(config: Config, chosen: str | None) -> dict[str, Outlet]:
    """The outlet that is named, or all whose profiles can be used."""
    from scraper.errors import ProfileError
    from scraper.profiles import find_outlet, load_outlet, profile_files, profile_paths

    paths = profile_paths(config)
    if chosen is not None and chosen != "auto":
        found = find_outlet(chosen, paths)
        return {found.name: found}
    outlets = {}
    for name, file in profile_files(paths).items():
        try:
            outlets[name] = load_outlet(file)
        except ProfileError as error:
            write_error(f"presskeep: {one_line(str(error))} (this profile is left out)")
    return outlets


def _file_json(report: FileReport) -> dict[str, Any]:
    return {
        "source": report.source,
        "outcome": report.outcome,
        "reason": report.reason or None,
        "path": report.path or None,
        "records": report.records,
        "captures": report.captures,
        "held": report.held,
        "unresolved_revisits": report.unresolved,
        "urls": report.urls or None,
        "failed_before": dict(report.failed_before),
        "bad_records": report.bad_count,
        "bad": [
            {"part": part or None, "offset": bad.offset, "inside": bad.inside, "uri": bad.uri, "reason": bad.reason}
            for part, bad in report.bad
        ],
    }


def _print_file(report: FileReport, *, any_host: bool) -> None:
    from scraper.importing.reporting import BAD_NAMED

    reason = f" ({report.reason})" if report.reason else ""
    write_bold(one_line(f"{report.source}: {report.outcome}{reason}"))
    if report.outcome == "imported":
        write_note(f"{counted(report.records, 'record')}, {report.captures} of them captures now", indent=2)
        if report.records and not (report.captures or report.held or report.bad_count or report.unresolved):
            hint = "" if any_host else "; --outlet auto takes those of any host"
            write_note(f"no new page of an outlet that was asked for{hint}", indent=2)
    elif report.outcome == "known" and not report.failed:
        write_note("all of it that was asked for is in the archive already", indent=2)
    if report.held:
        write_note(f"{counted(report.held, 'record')} passed over: the archive wrote them itself", indent=2)
    if report.urls:
        counts = report.urls
        write_note(
            f"{counted(counts['due'], 'URL')} due now, {counts['known']} known before; {counts['no_article']} of no "
            f"article, {counts['no_outlet']} of no outlet that has a profile",
            indent=2,
        )
    if report.unresolved:
        revisits = counted(report.unresolved, "revisit")
        write_note(f"{revisits} of a payload that is not in the archive; its file may be imported later", indent=2)
    for part, bad in report.bad[:BAD_SHOWN]:
        inside = f", {bad.inside} bytes into what unpacks there" if bad.inside else ""
        uri = f" ({bad.uri[:200]})" if bad.uri else ""
        write_note(
            one_line(f"bad record at byte {bad.offset}{inside}{part and f' of {part[1:]}'}{uri}: {bad.reason}"),
            indent=2,
        )
    unnamed = report.bad_count - min(BAD_SHOWN, len(report.bad))
    if unnamed:
        write_note(f"and {counted(unnamed, 'bad record')} more; --json names up to {BAD_NAMED:,}", indent=2)
    for reason, number in sorted(report.failed_before.items()):
        write_note(f"{number} failed in an earlier import: {sentence_of(reason)}", indent=2)
