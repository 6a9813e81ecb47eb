"""`presskeep show`: one article of the archive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scraper.cli.articles import article_json, article_markdown, article_text
from scraper.cli.finding import found_lines
from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import minute, one_line, write, write_json, write_note
from scraper.cli.rights import rights_line
from scraper.config import Config
from scraper.errors import UsageError
from storage.content import ArticleContent, PrintedDate
from storage.rights import rights_json

if TYPE_CHECKING:
    from storage.labels import LocationLine
    from storage.views import ArticleView, CaptureLine, DateLine, RevisionText

app = group("Show an article.")
KEY_HELP = "outlet:key, a key that is unique, any URL of the article, or the beginning of a digest."
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help=KEY_HELP)]
LOCATIONS_SHOWN = 12
REPLAYS_SHOWN = 6


@app.command(cls=PlainCommand)
@configured()
def show(
    config: Config,
    key: KeyArgument,
    revision: Annotated[
        str | None,
        typer.Option("--revision", metavar="N", help="Which text: its number, or the beginning of its digest."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME", help="As the archive had it then: a day (its end, UTC) or an instant."),
    ] = None,
    why: Annotated[bool, typer.Option("--why", help="Say how each field was found.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, the article alone.")] = False,
    json: JsonOption = False,
) -> int:
    """Show an article as it is now, or as it was: its text, where it was seen, and its revisions.

    KEY is outlet:key, a key that is unique, any URL at which the article was seen, or the beginning of a revision's
    digest. --as-of shows what the archive said at a time: from what it had captured and read until then.

    Examples: presskeep show presstv:638540; presskeep show https://www.presstv.ir/Detail/2020/11/15/638540/;
    presskeep show presstv:638540 --as-of 2026-03-01
    """
    if json and markdown:
        raise UsageError("cannot go together with --json", "--markdown", "Leave one of them out.")
    if as_of is not None and revision is not None:
        raise UsageError("cannot go together with --revision", "--as-of", "Leave one of them out.")
    until = _instant(as_of) if as_of is not None else None
    view = load_view(config, key, revision) if until is None else load_view_as_of(config, key, until)
    content = content_of(view.text, view.kind)
    if json:
        write_json(view_json(view, content, replay_addresses(config, view)) | {"as_of": until})
        return 0
    for line in article_markdown(content) if markdown else article_text(content):
        write(line)
    if why:
        write()
        for line in found_lines({**view.text.found}):
            write(line)
        write_note(f"read by extractor {view.text.extractor}")
    if not markdown:
        _print_facts(view, until)
        _print_replays(view, replay_addresses(config, view))
    return 0


def load_view(config: Config, key: str, revision: str | None) -> ArticleView:
    """Read the article that KEY names. Raises KeyUnknown, KeyAmbiguous."""
    from storage.archive import Archive
    from storage.keys import find_revision, resolve_revision
    from storage.views import view_article

    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        article, named = resolve_revision(connection, key)
        view = view_article(connection, article, named)
        if revision is None:
            return view
        return view_article(connection, article, find_revision(connection, article, revision, ids_by_number(view)))


def load_view_as_of(config: Config, key: str, at: datetime) -> ArticleView:
    """Read the article that KEY names as the archive had it at an instant. Raises KeyUnknown, KeyAmbiguous."""
    from storage.archive import Archive
    from storage.as_of import view_as_of
    from storage.keys import resolve

    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        return view_as_of(connection, resolve(connection, key), at)


def replay_addresses(config: Config, view: ArticleView) -> dict[int, str]:
    """Where `presskeep replay` shows each capture, by the capture's id; one whose record cannot be read has none."""
    from storage.replaying import DEFAULT_BASE, replay_address

    folder = config.archive / "warc"
    found = {each.id: replay_address(folder, each.warc, each.offset, DEFAULT_BASE) for each in view.captures}
    return {number: address for number, address in found.items() if address is not None}


def _instant(text: str) -> datetime:
    """An instant in UTC; a day means its end. Raises UsageError."""
    try:
        if len(text) == len("2026-03-01"):
            return datetime.combine(date.fromisoformat(text), time.max, UTC)
        at = datetime.fromisoformat(text)
    except ValueError:
        example = "For example: --as-of 2026-03-01, or --as-of 2026-03-01T12:00:00Z."
        raise UsageError(f"{text!r} is neither a day nor an instant", "--as-of", example) from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def ids_by_number(view: ArticleView) -> list[int]:
    """The ids of an article's texts in the order in which they were first seen."""
    return list({line.number: line.id for line in reversed(view.revisions) if line.number is not None}.values())[::-1]


def content_of(text: RevisionText, kind: str) -> ArticleContent:
    """A revision in the form that pages are printed in."""
    return ArticleContent(
        headline=text.headline,
        blocks=text.blocks,
        kind=kind,  # type: ignore[arg-type]
        lead=text.lead,
        authors=text.authors,
        section=text.section,
        tags=text.tags,
        figures=text.figures,
        language=text.language,
        published=_date(text.published),
        updated=_date(text.updated),
        found=text.found,
    )


def view_json(view: ArticleView, content: ArticleContent, replays: Mapping[int, str]) -> dict[str, Any]:
    """An article with stable keys (docs/json.md); `replays` holds the addresses of captures by their ids."""
    return text_json(view, content) | {"captures": [_capture_json(line, replays) for line in view.captures]}


def text_json(view: ArticleView, content: ArticleContent) -> dict[str, Any]:
    """An article at one of its texts with stable keys (docs/json.md), without its captures."""
    return {
        "key": view.key,
        "keys": list(view.keys),
        "outlet": view.outlet,
        "digest": view.text.digest,
        "number": view.text.number,
        "current": view.current,
        "published_day": view.published_day,
        "first_seen": view.first_at,
        "withdrawn": view.withdrawn_at,
        "extractor": view.text.extractor,
        "article": article_json(content),
        "revisions": [
            {
                "number": line.number,
                "digest": line.digest,
                "headline": line.headline,
                "first_seen": line.first_at,
                "last_seen": line.last_at,
                "current": line.current,
            }
            for line in view.revisions
        ],
        "locations": [
            {
                "url": line.url,
                "how": line.how,
                "domain": line.domain,
                "role": line.role,
                "state": line.state,
                "first_seen": line.first_at,
                "last_seen": line.last_at,
                "fetched": line.fetched_at,
            }
            for line in view.locations
        ],
    }


def _capture_json(line: CaptureLine, replays: Mapping[int, str]) -> dict[str, Any]:
    return {
        "at": line.at,
        "url": line.url,
        "status": line.status,
        "outcome": line.outcome,
        "payload_sha256": line.payload_sha256,
        "warc": line.warc,
        "offset": line.offset,
        "length": line.length,
        "replay": replays.get(line.id),
        "reduced": line.reduced,
        "rights": None if line.rights is None else rights_json(line.rights),
    }


def _date(line: DateLine | None) -> PrintedDate | None:
    if line is None:
        return None
    return PrintedDate(line.at, line.printed or "", line.precision or "second", line.zone or "UTC")  # type: ignore[arg-type]


def _print_facts(view: ArticleView, as_of: datetime | None) -> None:
    write()
    state = "as it is now" if view.current else "an older text"
    if as_of is not None:
        state = f"as the archive had it at {minute(as_of)} UTC" + (", and as it is now" if view.current else "")
    number = f"revision {view.text.number} of {len(view.revisions)}, " if view.text.number else ""
    write_note(f"{view.key}  {view.text.digest[:12]}  {number}{state}")
    if view.withdrawn_at is not None:
        write_note(f"withdrawn by the outlet: seen {minute(view.withdrawn_at)} UTC")
    for place in view.locations[:LOCATIONS_SHOWN]:
        write(f"  {one_line(place.url)}")
        write_note(", ".join([place.role or "no domain of the outlet", place.how, _seen(place)]), indent=4)
    if len(view.locations) > LOCATIONS_SHOWN:
        write(f"  and {len(view.locations) - LOCATIONS_SHOWN} more; --json lists all")
    if view.captures:
        newest = view.captures[0]
        how = ", kept as headers and digest" if newest.reduced else ""
        at = f"at byte {newest.offset} of warc/{newest.warc}"
        write_note(f"newest capture {minute(newest.at)} UTC{how}, {at}", indent=2)
    shown = next((each.rights for each in view.captures if each.outcome == "article" and each.rights is not None), ())
    if stated := rights_line(shown):
        write_note(f"states of its use: {one_line(stated)}", indent=2)


def _print_replays(view: ArticleView, replays: Mapping[int, str]) -> None:
    """Where the captures that showed a text are replayed, the newest first."""
    shown = [each for each in view.captures if each.outcome == "article" and each.id in replays]
    if shown:
        write_note("as kept, while `presskeep replay` runs:", indent=2)
    for each in shown[:REPLAYS_SHOWN]:
        write(f"    {one_line(replays[each.id])}")
    if len(shown) > REPLAYS_SHOWN:
        write(f"    and {len(shown) - REPLAYS_SHOWN} more; --json lists all")


def _seen(place: LocationLine) -> str:
    return f"last seen {minute(place.last_at)} UTC"
