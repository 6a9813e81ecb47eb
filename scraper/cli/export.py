"""`presskeep export`: give out what the archive holds, in the forms that others read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scraper.cli.export_articles import jsonl
from scraper.cli.export_choice import ForceOption, QueryOption, TargetArgument, choose
from scraper.cli.export_evidence import evidence
from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import counted, one_line, write_error, write_json
from scraper.cli.stopping import stop_cleanly
from scraper.config import Config
from scraper.errors import UsageError
from scraper.sentences import sentence_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from storage.archive import Archive
    from storage.exporting import Exported, ReadNeeds, Selection

app = group("Give out what the archive holds, in the forms that others read.")

OutOption = Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to make.")]


@app.command(cls=PlainCommand)
@configured()
def warc(
    config: Config,
    out: OutOption,
    targets: TargetArgument = None,
    query: QueryOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> int:
    """Export the captures of outlets or articles as a WARC file.

    The records are copied byte for byte: responses, requests, and the certificates of their connections. Articles bring
    what was kept of what their pages need to look as they did (--media). The file appears when it is whole; a run that
    is stopped leaves nothing.

    Examples: presskeep export warc presstv --out presstv.warc.gz; presskeep export warc presstv:638540 --out a.warc.gz
    """
    from storage.archive import Archive
    from storage.exporting import export_warc, new_file, select_captures

    stop_cleanly()
    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        selection = choose(connection, targets or [], query)
        unread = Unread()
        with new_file(out, force=force) as file, _needs(config, archive, connection, selection, unread) as read_needs:
            captures = select_captures(connection, selection, read_needs)
            about = _about(archive.uuid, targets or [], query)
            done = export_warc(file, out.name, archive.warc_folder, captures, about, _teller())
            _demand_something(done)
    return _report(done, out, unread.lines, json=json)


@app.command(cls=PlainCommand)
@configured()
def wacz(
    config: Config,
    out: OutOption,
    targets: TargetArgument = None,
    query: QueryOption = None,
    sign: Annotated[
        Path | None, typer.Option("--sign", metavar="KEYFILE", help="Sign it with this key: ECDSA P-384, PEM.")
    ] = None,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="What viewers show as title.")] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> int:
    """Export the captures of outlets or articles as a WACZ, which viewers such as replayweb.page open.

    It holds the WARC records as `presskeep export warc` writes them, their index, each text of the articles with its
    headline, and the digests of all. The file appears when it is whole; a run that is stopped leaves nothing.

    Examples: presskeep export wacz presstv:638540 --out a.wacz; presskeep export wacz --query 'from:2026' --out b.wacz
    """
    from storage.archive import Archive
    from storage.exporting import export_wacz, load_signer, new_file, page_lines, select_captures

    stop_cleanly()
    signer = load_signer(sign, _software()) if sign else None
    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        selection = choose(connection, targets or [], query)
        unread = Unread()
        with new_file(out, force=force) as file, _needs(config, archive, connection, selection, unread) as read_needs:
            done = export_wacz(
                file,
                archive.warc_folder,
                select_captures(connection, selection, read_needs),
                page_lines(connection, selection),
                _about(archive.uuid, targets or [], query),
                _teller(),
                title=title or _named(targets or [], query),
                scratch=out.parent,
                signer=signer,
            )
            _demand_something(done)
    return _report(done, out, unread.lines, json=json)


app.command(cls=PlainCommand)(configured()(jsonl))
app.command(cls=PlainCommand)(configured()(evidence))


class Unread:
    """Collects the pages and stylesheets of which it could not be read what they need, each as one line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, url: str, outcome: str) -> None:
        self.lines.append(f"{url}: {sentence_of(outcome)}")


@contextmanager
def _needs(
    config: Config, archive: Archive, connection: Connection, selection: Selection, unread: Unread
) -> Iterator[ReadNeeds | None]:
    """Within it, what reads pages for what they need; None where that would find nothing."""
    from storage.exporting import keeps_requisites

    if not selection.articles or not keeps_requisites(connection):
        yield None
        return
    from scraper.crawling.needing import needs_reader

    with needs_reader(config, archive.folder, unread) as read_needs:
        yield read_needs


def _demand_something(done: Exported) -> None:
    """Raises UsageError where nothing was exported: no file is made then."""
    if not done.captures and not done.damaged:
        raise UsageError("there is no capture of that in the archive", "export", "Nothing was written.")


def _software() -> str:
    from scraper.crawling.describing import own_version

    return f"Presskeep/{own_version()}"


def _named(targets: Sequence[str], query: str | None) -> str:
    return one_line(", ".join([*targets, *([f"search: {query}"] if query is not None else [])]))[:200]


def _about(archive: str, targets: Sequence[str], query: str | None) -> dict[str, str]:
    """What the warcinfo record says of the export."""
    return {
        "software": _software(),
        "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "isPartOf": f"urn:uuid:{archive}",
        "description": f"captures of {_named(targets, query)}, as they stand in the archive",
    }


def _report(done: Exported, out: Path, unread: Sequence[str], *, json: bool) -> int:
    from scraper.cli.running import DAMAGED, DONE, FAILURES

    code = DAMAGED if done.damaged else FAILURES if unread else DONE
    if json:
        write_json(
            {
                "file": str(out),
                "captures": done.captures,
                "records": done.records,
                "pages": done.pages,
                "bytes": out.stat().st_size,
                "damaged": done.damaged,
                "unread": unread,
                "exit_code": code,
            }
        )
        return code
    for line in done.damaged:
        write_error(f"left out: {one_line(line)}")
    for line in unread:
        write_error(f"what it needs to look as it did is not known: {one_line(line)}")
    pages = f" and {counted(done.pages, 'page')}" if done.pages else ""
    write_error(
        f"{one_line(str(out))}: {counted(done.records, 'record')} of {counted(done.captures, 'capture')}{pages}"
    )
    return code


def _teller() -> Callable[[Exported], None]:
    """Says now and then on standard error how an export goes."""
    from scraper.cli.progress import say_now_and_then

    say = say_now_and_then()
    return lambda done: say(f"{done.captures} captures, {done.size / 1e6:.0f} MB so far")
