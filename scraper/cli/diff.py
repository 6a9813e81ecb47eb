"""`presskeep diff`: what changed between two texts."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import printable, styled, width, write, write_json
from scraper.cli.show import KEY_HELP, ids_by_number
from scraper.config import Config
from scraper.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from storage.diffing import Change, Run
    from storage.views import Diff, RevisionText

app = group("Show what changed.")
_SIGNS = {"insert": "+", "delete": "-", "replace": "~", "equal": " "}


@app.command(cls=PlainCommand)
@configured()
def diff(
    config: Config,
    old: Annotated[str, typer.Argument(metavar="A", help=KEY_HELP)],
    new: Annotated[
        str | None, typer.Argument(metavar="B", help="The same, or a number of A's texts; without it, A's last change.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Show what changed from one text to another, by paragraphs and within them by words.

    A and B may be beginnings of digests (`presskeep history` lists them) or other keys. With A alone, the article's
    newest text is compared with the one before it.
    """
    from storage.archive import Archive
    from storage.views import diff as compare

    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        before, after = _pair(connection, old, new)
        found = compare(connection, before, after)
    if json:
        write_json(diff_json(found))
    else:
        _print(found)
    return 0


def _pair(connection: Connection, old: str, new: str | None) -> tuple[int, int]:
    """The ids of the two revisions."""
    from storage.keys import find_revision, resolve_revision
    from storage.views import view_article

    article, named = resolve_revision(connection, old)
    view = view_article(connection, article)
    known = ids_by_number(view)
    if new is None:
        if named is not None:
            return named, view.text.id
        if len(known) < 2:
            raise UsageError("has one text only", view.key, "Name another article or text as B.")
        place = known.index(view.text.id) if view.text.id in known else len(known) - 1
        return known[place - 1] if place else known[1], known[place]
    if new.isdecimal() and int(new) <= len(known):
        return named or view.text.id, find_revision(connection, article, new, known)
    other, other_named = resolve_revision(connection, new)
    return named or view.text.id, other_named or view_article(connection, other).text.id


def diff_json(found: Diff) -> dict[str, Any]:
    """A comparison with stable keys (docs/json.md)."""
    return {
        "old": _name(found.old),
        "new": _name(found.new),
        "headline": [_run_json(run) for run in found.headline],
        "lead": [_run_json(run) for run in found.lead],
        "authors": [_change_json(change) for change in found.authors],
        "body": [_change_json(change) for change in found.body],
        "captions": [_change_json(change) for change in found.captions],
    }


def _name(text: RevisionText) -> dict[str, Any]:
    return {"digest": text.digest, "number": text.number}


def _run_json(run: Run) -> dict[str, Any]:
    return {"verb": run.verb, "old": run.old, "new": run.new}


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "verb": change.verb,
        "old": change.old,
        "new": change.new,
        "runs": [_run_json(run) for run in change.runs],
    }


def _print(found: Diff) -> None:
    write(f"from {found.old.digest[:12]} to {found.new.digest[:12]}")
    same = True
    for title, runs in (("headline", found.headline), ("lead", found.lead)):
        if any(run.verb != "equal" for run in runs):
            same = False
            write()
            write(title)
            _print_text("~", _marked(runs))
    for title, changes in (("authors", found.authors), ("text", found.body), ("captions", found.captions)):
        changed = [change for change in changes if change.verb != "equal"]
        if changed:
            same = False
            write()
            write(title)
            for change in changed:
                _print_text(_SIGNS[change.verb], _line(change))
    if same:
        write("Nothing that counts as text differs.")


def _line(change: Change) -> str:
    if change.runs:
        return _marked(change.runs)
    return printable(" ".join((change.new if change.new is not None else change.old or "").split()))


def _marked(runs: Sequence[Run]) -> str:
    """Words that went and came: [-old-] {+new+}, as in git's word diff; in colours on a terminal."""
    parts = []
    for run in runs:
        old, new = printable(run.old.replace("\n", " ")), printable(run.new.replace("\n", " "))
        if run.verb == "equal":
            parts.append(old)
            continue
        if old:
            parts.append(f"[-{old}-]")
        if new:
            parts.append(f"{{+{new}+}}")
    return "".join(parts)


def _print_text(sign: str, text: str) -> None:
    colours = {"+": "\x1b[32m", "-": "\x1b[31m"} if styled() else {}
    lines = textwrap.wrap(text, width() - 4) or [""]
    for number, line in enumerate(lines):
        start, end = (colours[sign], "\x1b[0m") if sign in colours else ("", "")
        print(f"{start}{sign if number == 0 else ' '} {line}{end}")  # noqa: T201 - made printable already
