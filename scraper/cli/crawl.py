"""`presskeep crawl`: an incremental crawl of outlets into the archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scraper.cli.amounts import seconds, size
from scraper.cli.days import span_of
from scraper.cli.gaps import gaps_json, still_missing, write_gaps
from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import (
    counted,
    minute,
    table,
    write,
    write_bold,
    write_json,
    write_note,
)
from scraper.cli.run_reports import exit_code, say_errors
from scraper.cli.stopping import output_may_be_gone, stop_when_terminal_closes
from scraper.config import Config
from scraper.deafness import held_back
from scraper.errors import UsageError
from scraper.sentences import sentence_of

if TYPE_CHECKING:
    from scraper.crawling import CrawlOptions, CrawlReport
    from scraper.crawling.forecasting import Forecast
    from scraper.crawling.planning import PlannedCrawl
    from scraper.outlet import Outlet

app = group("Crawl outlets.")


@app.command(cls=PlainCommand)
@configured(fetching=True, media=True)
def crawl(
    config: Config,
    outlets: Annotated[list[str] | None, typer.Argument(metavar="OUTLET...", help="Names of outlets.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every outlet whose profile is not hidden.")] = False,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="Published on this day or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Published on this day or earlier.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Fetch at most so many articles per outlet.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read listings to their end, though all on them is known.")
    ] = False,
    due: Annotated[
        bool, typer.Option("--due", help="Read only what is due by its own schedule; what has nothing due is left out.")
    ] = False,
    fill: Annotated[
        bool, typer.Option("--fill", help="Go after what is missing, too: failed and untried pages, days with gaps.")
    ] = False,
    max_pages: Annotated[
        int | None, typer.Option("--max-pages", min=1, metavar="N", help="Ask for at most so many pages per outlet.")
    ] = None,
    max_time: Annotated[
        str | None, typer.Option("--max-time", metavar="TIME", help="Stop after so long per outlet, e.g. 45m or 2h.")
    ] = None,
    max_disk: Annotated[
        str | None, typer.Option("--max-disk", metavar="SIZE", help="Write at most about so much per outlet, e.g. 20G.")
    ] = None,
    forecast: Annotated[
        bool,
        typer.Option("--forecast", help="Read the listings and a few articles, and say what the rest would take."),
    ] = False,
    join: Annotated[
        bool, typer.Option("--join", help="Take part in a crawl of the outlet that runs; on PostgreSQL alone.")
    ] = False,
    no_create: Annotated[
        bool, typer.Option("--no-create", help="Make no archive where there is none: its disk may not be mounted.")
    ] = False,
    domain: Annotated[list[str] | None, typer.Option(metavar="HOST", help="Ask only this host; repeatable.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked, and ask nothing.")] = False,
    json: JsonOption = False,
) -> int:
    """Crawl outlets into the archive: what is new, and what may have changed.

    A crawl can be stopped at any time (Ctrl-C, a kill, a power cut): all that was fetched is kept, and the same
    command goes on: so it can where a budget (--max-*) is used up or the disk is nearly full, which ends it with 7.
    Public hosts are asked only with --contact. With --media the styles, images and fonts of the article pages come
    last, within a budget (settings media_*), from whatever public hosts the pages embed them.

    Each listing and each article has its own time to be read again: listings by how much they bring, at most twelve
    an hour a host; articles by their age. `--due` keeps to that and may run every few minutes; without it every
    listing is read now.

    Before the first crawl of a large outlet, `--forecast` reads its listings and forty articles, which are kept, and
    says how many articles wait, how long they take at the pace of its manners, and how much disk. Without `--full` a
    crawl takes at most what fits into a week, the newest articles first, and the next one goes on.

    With `--fill` what `status --gaps` calls missing is asked for whatever its own time, and the archive by date and the
    sitemaps' files are read again in full for the days that have gaps; at the end stands what is missing still, and
    why. --since and --until bound it.

    With `--join` several processes, on one machine or more, crawl an outlet together: what one finds the others fetch
    too, each page once, and all of them together ask a host no more often, and for no more at once, than one would. The
    database must be on PostgreSQL. Where no crawl runs, it begins one. Budgets are each process's own. When one is
    killed, the others go on with what it left; until the last has ended, a crawl without --join ends with 4.

    Examples: presskeep crawl presstv --contact you@example.org; presskeep crawl --all --due
    """
    with held_back():
        from scraper.crawling import Budget, CrawlOptions

        chosen = choose_outlets(config, outlets or [], every=every)
    first, last = span_of(since, until)
    if join and forecast:
        raise UsageError("do not go together", "--join/--forecast", "A forecast asks for little, and is made alone.")
    if due and fill:
        raise UsageError("do not go together", "--due/--fill", "Missing pages are asked for whatever their time.")
    if join:
        _demand_postgresql(config)
    options = CrawlOptions(
        limit=limit,
        since=first,
        until=last,
        domains=tuple(host.lower() for host in domain or ()),
        full=full,
        due=due,
        fill=fill,
        forecast=forecast,
        join=join,
        create=not no_create,
        budget=Budget(
            pages=max_pages,
            seconds=seconds(max_time, "--max-time") if max_time is not None else None,
            disk=size(max_disk, "--max-disk") if max_disk is not None else None,
        ),
    )
    for outlet in chosen:
        _check_domains(outlet, options.domains)
    if dry_run:
        return _plan(config, chosen, options, json=json)
    if no_create:
        _demand_archive(config)
    if due:
        chosen = _due(config, chosen)
    reports = run_crawls(config, chosen, options) if chosen else []
    code = exit_code(reports, len(chosen), many=every)
    missing = still_missing(config, [report.outlet for report in reports], first, last) if fill else ()
    with output_may_be_gone():
        if json:
            told = {"gaps": [gaps_json(each) for each in missing]} if fill else {}
            write_json({"outlets": [report.as_json() for report in reports], "exit_code": code} | told)
        else:
            for report in reports:
                if report.error is None or report.counts["pages"] or report.failures:
                    print_report(report)
            if fill:
                write()
                write_gaps(missing, json=False)
        say_errors(reports, "All that was fetched is kept")
    return code


def _demand_archive(config: Config) -> None:
    """Raise ArchiveMissing, once for all outlets, where there is no archive to go on with."""
    from scraper.crawling.opening import open_existing

    open_existing(config).close()


def _demand_postgresql(config: Config) -> None:
    """Raise UsageError where the archive's database is one that several processes cannot crawl into together."""
    if config.database is None:
        raise UsageError(
            "needs an archive whose database is on PostgreSQL", "--join", "See --database, and `presskeep db move`."
        )


def run_crawls(config: Config, outlets: Sequence[Outlet], options: CrawlOptions) -> list[CrawlReport]:
    """Crawl outlets, one after the other, showing progress on standard error."""
    with held_back():
        from scraper.cli.logs import start_logging
        from scraper.cli.progress import show_progress
        from scraper.crawling import Job, crawl_outlets

        import_module("scrapy.crawler")  # else it is imported when the run begins, where a signal would break it off
        from spiders.outlet_spider import spider_for
        from spiders.ways import read_listing

    stop_when_terminal_closes()
    jobs = [Job(outlet, spider_for(outlet), options) for outlet in outlets]
    with show_progress() as progress:
        start_logging(config, progress.say)
        return crawl_outlets(config, jobs, read_listing, observe=progress)


def choose_outlets(config: Config, names: Sequence[str], *, every: bool) -> list[Outlet]:
    """The outlets that the command names. Raises UsageError where it names none, or both ways at once."""
    from scraper.profiles import find_outlet, load_outlets, profile_paths

    if every and names:
        raise UsageError("names outlets and asks for all", "--all", "Give names or --all.")
    if every:
        return [outlet for outlet in load_outlets(profile_paths(config)).values() if not outlet.hidden]
    if not names:
        raise UsageError("names no outlet", "crawl", "Give names, or --all; `presskeep outlets list` shows them.")
    paths = profile_paths(config)
    return [find_outlet(name, paths) for name in dict.fromkeys(names)]


def print_report(report: CrawlReport) -> None:
    """A report for people."""
    counts = report.counts
    outcome = "done" if report.finished and report.error is None else "not finished"
    write_bold(f"{report.outlet}: {outcome}")
    write_note(
        f"{counts['articles']} article pages read: {counts['new']} new, {counts['edits']} edited, "
        f"{counts['duplicates']} known",
        indent=2,
    )
    write_note(
        f"{counted(counts['pages'], 'page')} kept, {counts['unchanged']} said to be unchanged; "
        f"{counted(counts['listings'], 'listing')} and {counted(counts['notices'], 'notice')} read",
        indent=2,
    )
    if counts["earlier"]:
        write_note(f"{counted(counts['earlier'], 'page')} read that earlier runs had kept", indent=2)
    for title, reasons in (("refused", counts["refused"]), ("failed", counts["failures"])):
        for reason, number in sorted(reasons.items(), key=_most_first):
            write_note(f"{number} {title}: {sentence_of(reason)}", indent=2)
    write_media(counts["media"])
    if report.forecast is not None:
        write_note(forecast_line(report.forecast), indent=2)
    rows = [[host, str(pages)] for host, pages in sorted(counts["domains"].items(), key=_most_first)]
    for line in table(rows, ["host", "pages"], right=frozenset({1}), indent=2) if rows else ():
        write(line)


def forecast_line(forecast: Forecast) -> str:
    """What the rest of an outlet would take, for people."""
    if not forecast.pages:
        return "no article waits to be fetched"
    disk = f", {amount_of(forecast.disk)} on disk" if forecast.disk is not None else ""
    return f"{counted(forecast.pages, 'article')} more to fetch: about {length_of(forecast.seconds)}{disk}"


def amount_of(number: int) -> str:
    """A number of bytes, roughly, for people."""
    unit, name = (1e9, "GB") if number >= 1e9 else (1e6, "MB")
    return f"{number / unit:.1f} {name}"


def length_of(seconds: float) -> str:
    """A length of time, roughly, for people."""
    for name, unit in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * unit:
            return f"{seconds / unit:.1f} {name}s"
    return f"{seconds:.0f} seconds"


def write_media(media: Mapping[str, Any]) -> None:
    """What became of the requisites of pages, where there were any."""
    if any(media.values()):
        left = f", {media['left_out']} left out for the budget (settings media_*)" if media["left_out"] else ""
        size = f"{media['bytes'] / 1_000_000:.1f} MB"
        write_note(f"{media['kept']} styles, images, fonts and icons of article pages kept, {size}{left}", indent=2)
    for reason, number in sorted(media["missing"].items(), key=_most_first):
        write_note(f"{number} of them missing: {sentence_of(reason)}", indent=2)


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _check_domains(outlet: Outlet, hosts: Sequence[str]) -> None:
    for host in hosts:
        if outlet.domain_of(host) is None:
            known = ", ".join(domain.host for domain in outlet.crawled_domains())
            raise UsageError(f"is no domain of {outlet.name}", f"--domain {host}", f"Its domains: {known}.")


def _due(config: Config, outlets: Sequence[Outlet]) -> list[Outlet]:
    from scraper.crawling.planning import outlets_due
    from scraper.fetching.clock import clock_from

    return outlets_due(config, outlets, clock_from(config.now).now())


def _plan(config: Config, outlets: Sequence[Outlet], options: CrawlOptions, *, json: bool) -> int:
    from scraper.crawling.planning import plan_crawl
    from scraper.fetching.clock import clock_from
    from spiders.outlet_spider import OutletSpider

    now = clock_from(config.now).now()
    plans = [plan_crawl(config, outlet, OutletSpider.seeds(outlet, now, options), now) for outlet in outlets]
    if json:
        write_json({"planned": [{"outlet": p.outlet, "at": p.at, "listings": p.listings, "due": p.due} for p in plans]})
    else:
        for plan in plans:
            _print_plan(plan)
    return 0


def _print_plan(plan: PlannedCrawl) -> None:
    write_bold(f"{plan.outlet}: would begin with {sum(plan.listings.values())} listings, as of {minute(plan.at)} UTC")
    for line in table(
        [[host, str(number)] for host, number in plan.listings.items()], ["host", "listings"],
        right=frozenset({1}), indent=2,
    ):  # fmt: skip
        write(line)
    due = ", ".join(f"{number} {kind}" for kind, number in plan.due.items()) or "nothing yet"
    write(f"  due in the archive: {due}")
