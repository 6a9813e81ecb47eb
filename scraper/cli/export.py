"""`presskeep export`: give out what the archive holds, in the forms that others read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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

TargetArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[OUTLET|KEY]...", help="Outlets, or articles as `presskeep show` takes them."),
]
QueryOption = Annotated[
    str | None, typer.Option("--query", metavar="QUERY", help="Articles that a search finds, as in `presskeep search`.")
]
OutOption = Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to make.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]


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


def choose(connection: Connection, targets: Sequence[str], query: str | None) -> Selection:
    """The outlets and articles that the command names. Raises UsageError where it names nothing, KeyUnknown and
    KeyAmbiguous for what is neither an outlet nor a KEY."""
    from sqlalchemy import select

    from storage.exporting import Selection, with_merged
    from storage.keys import resolve
    from storage.models import outlet

    if not targets and query is None:
        raise UsageError("names nothing to export", "export", "Give an outlet, a KEY, or --query.")
    outlets: list[int] = []
    articles: list[int] = []
    for target in dict.fromkeys(targets):
        number = connection.execute(select(outlet.c.id).where(outlet.c.name == target)).scalar()
        if number is not None:
            outlets.append(number)
        else:
            articles.append(resolve(connection, target))
    if query is not None:
        articles += _found(connection, query)
    return Selection(tuple(outlets), with_merged(connection, _elsewhere(connection, articles, outlets)))


def _found(connection: Connection, query: str) -> Sequence[int]:
    """The articles that a search finds, all of them."""
    from storage.search import MAX_LIMIT, search

    found: list[int] = []
    while True:
        page = search(connection, query, limit=MAX_LIMIT, offset=len(found))
        found += [hit.article for hit in page.hits]
        if len(found) >= page.total or not page.hits:
            return found


def _elsewhere(connection: Connection, articles: Sequence[int], outlets: Sequence[int]) -> Sequence[int]:
    """Those of the articles that are not of the outlets, which are given out whole."""
    from sqlalchemy import select

    from storage.inserting import in_portions
    from storage.models import article

    if not outlets:
        return articles
    covered: set[int] = set()
    for portion in in_portions(articles):
        statement = select(article.c.id).where(article.c.id.in_(portion), article.c.outlet.in_(outlets))
        covered.update(connection.execute(statement).scalars())
    return [number for number in articles if number not in covered]


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
    from time import monotonic

    from scraper.cli.progress import PLAIN_SECONDS

    last = monotonic()

    def told(done: Exported) -> None:
        nonlocal last
        now = monotonic()
        if now - last >= PLAIN_SECONDS:
            last = now
            write_error(f"{done.captures} captures, {done.size / 1e6:.0f} MB so far")

    return told
