"""`presskeep demo`: the main job against the bundled outlet, offline, told step by step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scraper.cli.articles import article_text
from scraper.cli.crawl import print_report, run_crawls, write_media
from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import counted, one_line, table, write, write_bold, write_error, write_json, write_note
from scraper.cli.run_reports import exit_code, say_errors
from scraper.config import Config, default_archive
from scraper.sentences import sentence_of

if TYPE_CHECKING:
    from scraper.crawling import CrawlReport
    from storage.status import Status
    from storage.views import ArticleView

app = group("Crawl the bundled outlet.")
OUTLET = "demo"
FOLDER = Path("presskeep-demo")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""On the day that the replica shows. The clock leaps from there, so that a polite crawl takes seconds."""
ARTICLE_LINES = 14
SHOWN = 6
_UNTOLD = ("refused:robots-txt",)
"""Kept as evidence of what was permitted, and nobody took it for an article."""


@app.command(cls=PlainCommand)
@configured(media=True)
def demo(
    config: Config,
    articles: Annotated[
        int, typer.Option(min=10, max=1_000_000, metavar="N", help="Articles of the replica.", show_default=True)
    ] = 60,
    seed: Annotated[int, typer.Option(metavar="N", help="Which replica.", show_default=True)] = 7,
    json: JsonOption = False,
) -> int:
    """Crawl the bundled outlet, offline, end to end.

    A replica of a news site runs on this machine: a primary domain, mirrors, a CDN, a French edition, and a domain
    that was seized. Without --archive the archive goes to ./presskeep-demo. A second run goes on with it, and asks for
    what is new alone.
    """
    if config.archive == default_archive() and config.database is None:
        config = replace(config, archive=FOLDER)
    with _replica(articles, seed) as connect_to:
        asking = replace(
            config,
            connect_to=(*connect_to, *config.connect_to),
            time_stamp_authority=None,
            now=config.now or f"leap:{_instant(config).isoformat()}",
        )
        if not json:
            _say_where(config)
            write_error("A replica of a news site runs on this machine; crawling it over all its domains ...")
        reports = _crawl(asking)
    code = exit_code(reports, 1, many=False)
    if code in (0, 1) and json:
        _print_json(config, reports[0], code)
    elif code in (0, 1):
        _tell(config, reports[0])
    elif not json and reports and reports[0].counts["pages"]:
        print_report(reports[0])
    say_errors(reports, "All that was fetched is kept")
    return code


def _say_where(config: Config) -> None:
    """Say which archive it is, and whether the demo goes on with what an earlier one left there."""
    from storage.archive import Archive
    from storage.errors import ArchiveMissing
    from storage.status import article_count

    place = str(config.archive)
    try:
        with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
            articles = article_count(connection, OUTLET)
    except ArchiveMissing:
        articles = 0
    if articles:
        held = counted(articles, "article")
        write_error(f"The archive {place} holds {held} of an earlier run; this one asks for what is new.")
        write_error("To begin anew, delete that folder, or name another by --archive.")
    else:
        write_error(f"The archive goes to {place}.")


def _instant(config: Config) -> datetime:
    """When the demo's crawl begins by its own clock: after what the archive has seen already."""
    from sqlalchemy import func, select

    from storage.archive import Archive
    from storage.errors import ArchiveMissing
    from storage.models import location

    try:
        with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
            last = connection.execute(select(func.max(location.c.fetched_at))).scalar()
    except ArchiveMissing:
        last = None
    return NOON if last is None else max(NOON, last + timedelta(minutes=1))


@contextmanager
def _replica(articles: int, seed: int) -> Iterator[tuple[str, ...]]:
    from scraper.demo.process import running_replica

    with running_replica(articles=articles, seed=seed, truth=False) as replica:
        yield replica.connect_to


def _crawl(config: Config) -> list[CrawlReport]:
    from scraper.crawling import CrawlOptions
    from scraper.profiles import SHIPPED, load_outlet

    return run_crawls(config, [load_outlet(SHIPPED / f"{OUTLET}.toml")], CrawlOptions())


def _print_json(config: Config, report: CrawlReport, code: int) -> None:
    from scraper.cli.status import status_json

    state, _ = _look(config)
    write_json({"archive": str(config.archive), **report.as_json(), "exit_code": code, "status": status_json(state)})


def _look(config: Config) -> tuple[Status, ArticleView | None]:
    """The archive as it is now, and an article that several domains show."""
    from storage.archive import Archive
    from storage.keys import resolve
    from storage.search import search
    from storage.status import status
    from storage.views import view_article

    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        hits = search(connection, f"outlet:{OUTLET}", limit=20).hits
        views = (view_article(connection, resolve(connection, hit.key)) for hit in hits)
        best = max(views, key=_worth_showing, default=None)
        return status(connection, OUTLET), best


def _worth_showing(view: ArticleView) -> tuple[bool, bool, int, int]:
    """A plain article with a lead, seen on many domains, says most."""
    domains = len({line.domain for line in view.locations})
    return view.kind == "article", view.text.lead is not None, domains, -view.id


def _tell(config: Config, report: CrawlReport) -> None:
    state, view = _look(config)
    counts = report.counts
    write_bold("What was done")
    write_note(
        f"{counted(counts['pages'], 'page')} asked for and kept as evidence; {counted(counts['new'], 'new article')}, "
        f"{counted(counts['edits'], 'edit')}.",
        indent=2,
    )
    write_media(counts["media"])
    if not counts["new"] and not counts["edits"]:
        write_note("Nothing on the site was new to the archive.", indent=2)
    shown = sum(each.articles for each in state.domains)
    kept = counted(state.articles, "article")
    write_note(f"The archive holds {kept}, each once; its domains show {counted(shown, 'page')} of them.", 2)
    _tell_domains(state)
    _tell_refused(config)
    if view is not None:
        _tell_article(view)
    _tell_commands(config, view)


def _tell_domains(state: Status) -> None:
    write()
    write_bold("What serves, what is seized, and what was found through which domain")
    rows = [[d.host, d.role, d.state, str(d.articles), str(d.captures)] for d in state.domains]
    for line in table(rows, ["domain", "role", "state", "articles", "fetched"], right=frozenset({3, 4}), indent=2):
        write(line)
    write_note("An article is fetched once, from the domain that serves; the others' listings tell its other", 2)
    write_note("addresses, and a few copies on mirrors are fetched to compare.", 2)
    for each in state.candidates:
        write_note(f"{each.host} is announced on the outlet's own pages: recorded, and not crawled.", 2)


def _tell_refused(config: Config) -> None:
    from storage.archive import Archive
    from storage.status import refused

    write()
    write_bold("What was refused, and why")
    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        lines = [each for each in refused(connection, OUTLET, limit=SHOWN + 100) if each.reason not in _UNTOLD]
    for line in lines[:SHOWN]:
        write(f"  {one_line(line.url)}")
        write_note(sentence_of(line.reason), indent=4)
    if len(lines) > SHOWN:
        write(f"  and {len(lines) - SHOWN} more")
    if not lines:
        write("  nothing")


def _tell_article(view: ArticleView) -> None:
    from scraper.cli.show import content_of

    write()
    write_bold(f"An article as archived: {view.key}")
    lines = article_text(content_of(view.text, view.kind), indent=2)
    for line in lines[:ARTICLE_LINES]:
        write(f"  {line}".rstrip())
    if len(lines) > ARTICLE_LINES:
        write("  ...")
    write(f"  seen at {len(view.locations)} addresses:")
    for place in view.locations[:4]:
        write(f"    {one_line(place.url)}")


def _tell_commands(config: Config, view: ArticleView | None) -> None:
    import shlex
    import sys

    program = sys.argv[0] if "/" in sys.argv[0] and not sys.argv[0].endswith(".py") else "presskeep"
    program = str(Path(program).relative_to(Path.cwd())) if Path(program).is_relative_to(Path.cwd()) else program
    where = f"--archive {shlex.quote(str(config.archive))}"
    write()
    write_bold("Three commands to go on with")
    write(f"  {program} search 'minister OR port' {where}")
    if view is not None:
        write(f"  {program} history {shlex.quote(view.key)} {where}")
    write(f"  {program} status --refused {where}")
