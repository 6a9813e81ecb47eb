"""`presskeep export jsonl`: the texts of articles, a JSON object a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scraper.cli.export_choice import ForceOption, QueryOption, TargetArgument, choose
from scraper.cli.options import JsonOption
from scraper.cli.printing import counted, json_line, one_line, write_error, write_json
from scraper.cli.show import content_of, text_json
from scraper.cli.stopping import stop_cleanly
from scraper.config import Config
from scraper.errors import UsageError

if TYPE_CHECKING:
    from storage.views import ArticleView

Write = Callable[[str], object]


def jsonl(
    config: Config,
    targets: TargetArgument = None,
    query: QueryOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The file to make; else standard output.")
    ] = None,
    all_revisions: Annotated[
        bool, typer.Option("--all-revisions", help="A line for each text of an article, not for the current one alone.")
    ] = False,
    force: ForceOption = False,
    json: JsonOption = False,
) -> int:
    """Export the articles of outlets, or those that are named or found, as JSON Lines: one article a line.

    A line holds what `presskeep show --json` prints but for the captures: keys, addresses, the text with its blocks and
    dates, and the digests of all texts with the times when they were captured (docs/json.md). A file appears when it is
    whole; a run that is stopped leaves nothing.

    Examples: presskeep export jsonl presstv --out presstv.jsonl; presskeep export jsonl --query 'from:2026' | jq .key
    """
    from storage.archive import Archive
    from storage.exporting import article_texts

    if out is None and (force or json):
        raise UsageError("is for a file", "--force" if force else "--json", "Name it by --out.")
    stop_cleanly()
    done = _Given()
    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        selection = choose(connection, targets or [], query)
        with _written(out, force=force) as write:
            for view in article_texts(connection, selection, done.damaged.append, all_revisions=all_revisions):
                write(json_line(text_json(view, content_of(view.text, view.kind))))
                done.count(view)
            if not done.texts and not done.damaged:
                raise UsageError("there is no article of that in the archive", "export", "Nothing was written.")
    return _report(done, out, json=json)


@dataclass(slots=True)
class _Given:
    """Counts of what was given out; `damaged` names what could not be read, each as one line."""

    articles: int = 0
    texts: int = 0
    damaged: list[str] = field(default_factory=list)
    _last: int | None = None

    def count(self, view: ArticleView) -> None:
        """Count a text; those of an article come one after the other."""
        self.texts += 1
        self.articles += view.id != self._last
        self._last = view.id


@contextmanager
def _written(out: Path | None, *, force: bool) -> Iterator[Write]:
    """Within it, what writes lines: to a file that is there whole at the end or not at all, or on standard output."""
    import sys

    from scraper.cli.progress import say_now_and_then
    from storage.exporting import new_file

    if out is None:
        yield sys.stdout.write
        return
    say = say_now_and_then()
    with new_file(out, force=force) as file:

        def write(line: str) -> None:
            file.write(line.encode("ascii"))
            say(f"{file.tell() / 1e6:.0f} MB so far")

        yield write


def _report(done: _Given, out: Path | None, *, json: bool) -> int:
    from scraper.cli.running import DAMAGED, DONE

    code = DAMAGED if done.damaged else DONE
    if json and out is not None:
        write_json(
            {
                "file": str(out),
                "articles": done.articles,
                "texts": done.texts,
                "bytes": out.stat().st_size,
                "damaged": done.damaged,
                "exit_code": code,
            }
        )
        return code
    for line in done.damaged:
        write_error(f"left out: {one_line(line)}")
    if out is not None:
        write_error(f"{one_line(str(out))}: {counted(done.texts, 'text')} of {counted(done.articles, 'article')}")
    return code
