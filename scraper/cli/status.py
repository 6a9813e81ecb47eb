"""`presskeep status`: what the archive holds, what it refused, and how its crawls went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scraper.cli.days import span_of
from scraper.cli.gaps import DAYS_SHOWN, gaps_of, write_gaps
from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import (
    counted,
    minute,
    one_line,
    table,
    write,
    write_bold,
    write_error,
    write_json,
    write_note,
)
from scraper.config import Config
from scraper.errors import UsageError
from scraper.sentences import SENTENCES, code_of, is_reason, sentence_of

if TYPE_CHECKING:
    from storage.status import CrawlLine, Failed, Refused, Status

app = group("Show the archive's state.")
CRAWLS_SHOWN = 5
LINES_SHOWN = 100


@app.command(cls=PlainCommand)
@configured()
def status(
    config: Config,
    outlet: Annotated[str | None, typer.Argument(metavar="OUTLET", help="One outlet alone.")] = None,
    refused: Annotated[
        bool, typer.Option("--refused", help="List pages that are no articles, and those that failed, by reason.")
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="WORD", help="Of those, the ones whose reason's code begins so, e.g. empty."),
    ] = None,
    gaps: Annotated[
        bool, typer.Option("--gaps", help="Say by day and section what is known, kept and missing, and what lists it.")
    ] = False,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="Of the gaps, those of this day or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Of the gaps, those of this day or earlier.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, metavar="N", help="Lines listed. [default: 100; 30 days with --gaps]"),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Show counts, domains, announced addresses and crawls of the archive.

    --refused lists what is no article and what failed, by reason, with each reason's code for --reason; `presskeep
    fetch --any --save URL` takes a page all the same.

    --gaps counts articles by their day of publication in the outlet's zone, as far as URL, page or listing tell it
    (else the day they were first seen), beside what each source lists of the day; a dash says that no listing of that
    day was read. The newest days with gaps are shown; `presskeep crawl OUTLET --fill` goes after them.
    """
    from storage.archive import Archive
    from storage.status import failures, outlet_names
    from storage.status import refused as refused_pages
    from storage.status import status as status_of

    wanted, listed = refused or reason is not None, limit or LINES_SHOWN
    first, last = span_of(since, until)
    if gaps and wanted:
        raise UsageError("are two lists", "--gaps/--refused", "Ask for one of them at a time.")
    if not gaps and (first or last):
        raise UsageError("is for gaps alone", "--since/--until", "Add --gaps.")
    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        known = outlet_names(connection) if outlet is not None or gaps else ()
        if outlet is not None and outlet not in known:
            raise UsageError("is no outlet of this archive", outlet, f"It holds: {', '.join(known) or 'none'}.")
        if gaps:
            names = [outlet] if outlet is not None else known
            found = gaps_of(connection, config, names, since=first, until=last, limit=limit or DAYS_SHOWN)
        elif wanted:
            lines = refused_pages(connection, outlet, reason=reason, limit=listed)
            failed = failures(connection, outlet, reason=reason, limit=listed)
            if reason is not None and not lines and not failed and not is_reason(reason):
                near = get_close_matches(reason, SENTENCES, 1)
                say = f"Did you mean {near[0]}?" if near else "`presskeep status --refused` names each reason's code."
                raise UsageError("no reason's code begins so", f"--reason {reason}", say)
        else:
            state = status_of(connection, outlet)
    if gaps:
        write_gaps(found, json=json)
    elif wanted and json:
        write_json(_lists_json(lines, failed))
    elif wanted:
        _print_refused(lines, failed, listed, reason)
    elif json:
        write_json(status_json(state))
    else:
        _print(state)
    return 0


def status_json(state: Status) -> dict[str, Any]:
    """The state with stable keys (docs/json.md)."""
    return {
        "articles": state.articles,
        "revisions": state.revisions,
        "captures": state.captures,
        "locations": state.locations,
        "media": state.media,
        "outlets": [asdict(each) for each in state.outlets],
        "domains": [asdict(each) for each in state.domains],
        "candidates": [{"outlet": each.outlet, "host": each.host, "at": each.state_at} for each in state.candidates],
        "refused": _by_code(state.reasons, "refused:"),
        "notices": state.reasons.get("notice", 0),
        "failures": _by_code(state.reasons, "failed:"),
        "crawls": [_crawl_json(line) for line in state.crawls],
    }


def _by_code(reasons: Mapping[str, int], verdict: str) -> dict[str, int]:
    """The numbers of the outcomes of one verdict, by the reason's code, as the counts of a run have them."""
    return {code_of(outcome): number for outcome, number in reasons.items() if outcome.startswith(verdict)}


def _crawl_json(line: CrawlLine) -> dict[str, Any]:
    return {
        "id": line.id,
        "outlet": line.outlet,
        "kind": line.kind,
        "started": line.started_at,
        "ended": line.ended_at,
        "outcome": line.outcome,
        "counts": dict(line.counts),
        "manifest": line.manifest,
    }


def _lists_json(lines: Sequence[Refused], failed: Sequence[Failed]) -> dict[str, Any]:
    """Pages that are no articles, and pages and fetches that failed: those that came and could not be read first."""
    unreadable = [each for each in lines if each.reason.startswith("failed:")]
    return {
        "refused": [_line_json(each, each.reason) for each in lines if not each.reason.startswith("failed:")],
        "failures": [
            *(_line_json(each, code_of(each.reason)) for each in unreadable),
            *(_line_json(each, each.reason) for each in failed),
        ],
    }


def _line_json(line: Refused | Failed, reason: str) -> dict[str, Any]:
    return {"outlet": line.outlet, "url": line.url, "reason": reason, "at": line.at}


def _print(state: Status) -> None:
    write_bold(
        f"{counted(state.articles, 'article')}, {counted(state.revisions, 'revision')}, "
        f"{counted(state.captures, 'capture')}, {counted(state.locations, 'location')}"
    )
    media, missing = state.media, sum(each.media_missing for each in state.outlets)
    if media or missing:
        told = f"; {missing} more could not be had or were left out for the budget" if missing else ""
        write_note(f"{media} styles, images, fonts and icons of article pages{told}")
    rows = [
        [o.name, *map(str, (o.articles, o.revisions, o.refused, o.notices, o.failed)), _days(o.first_day, o.last_day)]
        for o in state.outlets
    ]
    if rows:
        write()
        header = ["outlet", "articles", "revisions", "refused", "notices", "failed", "published"]
        for line in table(rows, header, right=frozenset({1, 2, 3, 4, 5})):
            write(line)
    rows = [[d.host + d.path, d.role, d.state, str(d.articles), str(d.captures)] for d in state.domains]
    if rows:
        write()
        for line in table(rows, ["domain", "role", "state", "articles", "captures"], right=frozenset({3, 4})):
            write(line)
    for each in state.candidates:
        write_note(f"{each.host} was announced by {each.outlet}; it is not in the profile and not crawled")
    if state.reasons:
        write()
        rows = [[sentence_of(reason), str(number), code_of(reason)] for reason, number in state.reasons.items()]
        for line in table(rows, ["why a page is no article", "pages", "--reason"], right=frozenset({1})):
            write(line)
    if state.crawls:
        write()
        rows = [
            [minute(c.started_at), c.outlet or "", c.kind, c.outcome or "not ended", _counted(c)]
            for c in state.crawls[:CRAWLS_SHOWN]
        ]
        for line in table(rows, ["begun, UTC", "outlet", "run", "outcome", ""]):
            write(line)


def _counted(line: CrawlLine) -> str:
    names = ("pages", "new", "edits")
    return ", ".join(f"{line.counts[name]} {name}" for name in names if isinstance(line.counts.get(name), int))


def _days(first: Any, last: Any) -> str:
    return f"{first} to {last}" if first else ""


def _print_refused(lines: tuple[Refused, ...], failed: tuple[Failed, ...], limit: int, reason: str | None) -> None:
    """URLs below the reason that they share, the newest first."""
    pages: dict[str, dict[str, None]] = {}
    listed: list[Refused | Failed] = [*lines, *failed]
    for each in listed:
        pages.setdefault(code_of(each.reason), {})[each.url] = None
    for place, (code, urls) in enumerate(pages.items()):
        if place:
            write()
        write_bold(f"{sentence_of(code)} (--reason {code})")
        for url in urls:
            write(f"  {one_line(url)}")
    if not pages:
        write_error("no page was refused, and none failed" + (f", for a reason like {reason}" if reason else ""))
    if limit in (len(lines), len(failed)):
        write_error(f"the newest {limit} are shown; --limit shows more")
