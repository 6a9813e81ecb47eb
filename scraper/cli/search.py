"""`presskeep search`: find articles of the archive."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import (
    fold,
    minute,
    one_line,
    printable,
    styled,
    width,
    write,
    write_bold,
    write_error,
    write_json,
)
from scraper.config import Config
from scraper.errors import UsageError

if TYPE_CHECKING:
    from storage.search import Hit
    from storage.snippets import Snippet

app = group("Search.")


@app.command(cls=PlainCommand, context_settings={"ignore_unknown_options": True})
@configured()
def search(
    config: Config,
    query: Annotated[list[str], typer.Argument(metavar="QUERY...", help="What is sought, as told above.")],
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Results a page.", show_default=True)] = 20,
    page: Annotated[int, typer.Option(min=1, metavar="N", help="Which page.", show_default=True)] = 1,
    all_revisions: Annotated[bool, typer.Option("--all-revisions", help="Older texts of articles too.")] = False,
    json: JsonOption = False,
) -> int:
    """Search the archive, newest first.

    Words must all be there; "a phrase" stands side by side; -word must not be there; one OR other; begin* finds what
    begins so. Fields: title: author: section: outlet: domain: from: to:, as in from:2026-03 to:2026-04-15. Case,
    accents and ways of writing Arabic letters make no difference.

    Example: presskeep search '"nuclear talks" OR sanctions' section:politics from:2026
    """
    from storage.archive import Archive
    from storage.hints import hints
    from storage.search import search as find

    if option := next((word for word in query if word.startswith("--")), None):
        raise UsageError(f"there is no such option: {option}", "search", "See presskeep search --help.")
    text = " ".join(_quoted(word) for word in query) if len(query) > 1 else query[0]
    offset = (page - 1) * limit
    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        found = find(connection, text, limit=limit, offset=offset, all_revisions=all_revisions)
        told = hints(connection, text, found=found.total, all_revisions=all_revisions)
    for each in told:
        write_error(f"hint: {one_line(each)}")
    if json:
        write_json({"query": text, "total": found.total, "offset": offset, "hits": [hit_json(h) for h in found.hits]})
        return 0
    for hit in found.hits:
        _print_hit(hit)
    write_error(_range(found.total, offset, len(found.hits), limit))
    return 0


def _range(total: int, offset: int, shown: int, limit: int) -> str:
    """Which of all results are shown, and how to see others."""
    if shown == total:
        return f"{total} found"
    if not shown:
        return f"{total} found; the last page is --page {(total - 1) // limit + 1}"
    more = f"; --page {offset // limit + 2} shows more" if offset + shown < total else ""
    return f"{total} found, {offset + 1} to {offset + shown} shown{more}"


def hit_json(hit: Hit) -> dict[str, Any]:
    """A hit with stable keys (docs/json.md)."""
    return {
        "key": hit.key,
        "outlet": hit.outlet,
        "kind": hit.kind,
        "digest": hit.digest,
        "current": hit.current,
        "headline": plain(hit.headline),
        "snippet": [{"text": part.text, "hit": part.hit} for part in hit.snippet.parts],
        "published": hit.published_at,
        "published_day": hit.published_day,
        "published_precision": hit.precision,
        "section": list(hit.section),
        "authors": list(hit.authors),
        "url": hit.url,
        "withdrawn": hit.withdrawn,
    }


def _quoted(word: str) -> str:
    """A word of the command line; the shell took the quotes of a phrase, which are given back."""
    return f'"{word}"' if any(c.isspace() for c in word) and '"' not in word and ":" not in word else word


def _print_hit(hit: Hit) -> None:
    write_bold(plain(hit.headline))
    when = str(hit.published_day or "") or minute(hit.published_at)
    facts = [when, " > ".join(hit.section), hit.key, "" if hit.current else f"older text {hit.digest[:12]}"]
    if hit.withdrawn:
        facts.append("withdrawn")
    for line in fold("  ".join(one_line(fact) for fact in facts if fact), 2):
        write(line)
    for line in _snippet_lines(hit.snippet):
        print("  " + line)  # noqa: T201 - made printable already, and underlined since
    write()


def plain(snippet: Snippet) -> str:
    """The snippet's text without marks."""
    return "".join(part.text for part in snippet.parts)


def _snippet_lines(snippet: Snippet) -> list[str]:
    """The snippet wrapped; what was found is underlined where colours may be."""
    start, end = ("\x0e", "\x0f") if styled() else ("", "")
    lines = textwrap.wrap(_one_line(snippet, start, end), width() - 2)
    return [line.replace("\x0e", "\x1b[4m").replace("\x0f", "\x1b[24m") for line in lines]


def _one_line(snippet: Snippet, start: str, end: str) -> str:
    """The snippet on one line, each part made printable before the marks are put around hits."""
    from storage.snippets import Part
    from storage.snippets import Snippet as Marked

    parts = [Part(printable(part.text), part.hit) for part in snippet.parts]
    return Marked(tuple(parts), snippet.before, snippet.after).marked(start, end)
