"""`presskeep run`: the jobs of the configuration file in the foreground, as containers want it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from scraper.cli.amounts import seconds, size
from scraper.cli.crawl import choose_outlets
from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import counted, minute, one_line, write_error, write_json_line
from scraper.cli.stopping import output_may_be_gone, stop_when_terminal_closes
from scraper.config import Config
from scraper.deafness import held_back
from scraper.errors import UsageError

if TYPE_CHECKING:
    from scraper.crawling import CrawlReport, Watched
    from scraper.jobs import Job
    from storage.health import Concern

app = group("Run the jobs.")
STOPPED = 7


@app.command(cls=PlainCommand)
@configured(fetching=True, media=True)
def run(
    config: Config,
    outlets: Annotated[
        list[str] | None, typer.Argument(metavar="OUTLET...", help="Only these; else those of all jobs.")
    ] = None,
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="End after so long, e.g. 12h; else at a signal.")
    ] = None,
    no_create: Annotated[
        bool, typer.Option("--no-create", help="Make no archive where there is none: its disk may not be mounted.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Crawl outlets whenever something of theirs is due, until a signal: what a schedule does, in the foreground.

    Jobs are the tables [jobs.NAME] of the configuration file (docs/configuration.md); without any, every outlet is
    looked after. Rounds begin each `every` of a job (5 minutes where it does not say), its budget
    holds for each round, and its `notify` is run once a day for each finding of `presskeep health`, which is asked each
    hour. Several outlets are crawled at the same time. Each round prints a line, with --json an object, if it did
    anything. SIGTERM and Ctrl-C end it within seconds, with all kept and the exit code 0.

    Examples: presskeep run --contact you@example.org; presskeep run presstv --for 12h
    """
    span = timedelta(seconds=seconds(lasting, "--for")) if lasting is not None else None
    with held_back():
        from scraper.cli.logs import start_logging
        from scraper.crawling import keep_crawling
        from scraper.crawling.opening import open_existing
        from scraper.jobs import load_jobs
        from spiders.ways import read_listing

        import_module("scrapy.crawler")  # else it is imported when the run begins, where a signal would break it off

    jobs = load_jobs()
    if no_create:
        open_existing(config).close()
    watched = watch(config, jobs, outlets or (), create=not no_create)
    stop_when_terminal_closes()
    start_logging(config)
    write_error(f"presskeep: looking after {counted(len(watched), 'outlet')}: {', '.join(w.name for w in watched)}")

    def tell(report: CrawlReport) -> None:
        with output_may_be_gone():
            if json:
                write_json_line(report.as_json())
            elif report.error is not None or report.counts["pages"] or report.failures:
                write_error(one_line(f"{minute(report.ended_at)} {round_line(report)}"))

    watcher = _Watcher(config, [*jobs, *_job_of_the_rest(jobs, [each.name for each in watched])])
    whole = keep_crawling(config, watched, read_listing, tell=tell, care=watcher.look, lasting=span)
    return 0 if whole else STOPPED


def watch(config: Config, jobs: Sequence[Job], names: Sequence[str], *, create: bool = True) -> list[Watched]:
    """The outlets of the jobs, or those named, each with its job's budget and times. Without `create` there must be an
    archive.

    Raises UsageError for an outlet that stands in two jobs, and where there is none.
    """
    from scraper.crawling import Budget, CrawlOptions, Watched
    from scraper.crawling import Job as CrawlJob
    from scraper.crawling.rounds import EVERY
    from spiders.outlet_spider import spider_for

    found: dict[str, tuple[str, Watched]] = {}
    for job in jobs:
        budget = Budget(
            pages=job.max_pages,
            seconds=seconds(job.max_time, f"jobs.{job.name}.max_time") if job.max_time is not None else None,
            disk=size(job.max_disk, f"jobs.{job.name}.max_disk") if job.max_disk is not None else None,
        )
        every = timedelta(minutes=job.minutes) if job.minutes is not None else EVERY
        for outlet in choose_outlets(config, job.outlets, every=not job.outlets):
            if outlet.name in found:
                which = f"jobs.{found[outlet.name][0]} and jobs.{job.name}"
                raise UsageError(f"both have the outlet {outlet.name}", which, "Let one of them have it.")
            crawl = CrawlJob(outlet, spider_for(outlet), CrawlOptions(due=True, budget=budget, create=create))
            found[outlet.name] = job.name, Watched(crawl, every)
    for outlet in choose_outlets(config, names, every=False) if names else ():
        if outlet.name not in found:
            crawl = CrawlJob(outlet, spider_for(outlet), CrawlOptions(due=True, create=create))
            found[outlet.name] = "", Watched(crawl)
    chosen = [each for name, (_, each) in found.items() if not names or name in names]
    if not chosen:
        raise UsageError("there is no outlet to look after", "run", "`presskeep outlets list` shows them.")
    return chosen


def round_line(report: CrawlReport) -> str:
    """What a round did, in one line."""
    counts = report.counts
    parts = [
        f"{report.outlet}: {counted(counts['pages'], 'page')}",
        f"{counts['new']} new",
        f"{counts['edits']} edited",
        f"{counts['unchanged']} unchanged",
    ]
    if counts["refused"]:
        parts.append(f"{sum(counts['refused'].values())} refused")
    if report.failures:
        parts.append(counted(report.failures, "failure"))
    line = ", ".join(parts)
    return f"{line}. {report.error}" if report.error is not None else line


def _job_of_the_rest(jobs: Sequence[Job], names: Sequence[str]) -> Iterator[Job]:
    """A job for those of the outlets that no other has, so that what ails them is said too."""
    from scraper.jobs import Job

    rest = tuple(name for name in names if not any(name in job.outlets or not job.outlets for job in jobs))
    if rest:
        yield Job("", rest)


class _Watcher:
    """Tells each job's command what needs a person, and says once a day what no command is told."""

    def __init__(self, config: Config, jobs: Sequence[Job]) -> None:
        self._config, self._jobs = config, jobs
        self._said: dict[tuple[str | None, str], datetime] = {}

    def look(self, now: datetime, stopped: Callable[[], bool]) -> None:
        """Look at the archive at an instant (UTC), until `stopped`."""
        from scraper.watching import NotifyFailed, check_health, notify

        facts, concerns = check_health(self._config, now)
        for job in self._jobs:
            looked_at = [each.name for each in facts if not job.outlets or each.name in job.outlets]
            own = [each for each in concerns if each.outlet is None or each.outlet in looked_at]
            if job.notify is None:
                self._say(own, now)
                continue
            try:
                notify(job.notify, own, looked_at, self._config.archive, now, stopped=stopped)
            except NotifyFailed as error:
                write_error(f"presskeep: {one_line(str(error))}")

    def _say(self, concerns: Sequence[Concern], now: datetime) -> None:
        from scraper.watching import TELL_AGAIN

        self._said = {each: at for each, at in self._said.items() if timedelta(0) <= now - at < TELL_AGAIN}
        for each in concerns:
            if (each.outlet, each.kind) not in self._said:
                self._said[each.outlet, each.kind] = now
                named = each.outlet or "the archive"
                write_error(one_line(f"{minute(now)} {named}: {each.kind}: {each.what}. {each.next}"))
