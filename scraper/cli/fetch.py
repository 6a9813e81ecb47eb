"""`presskeep fetch`: single pages of any news site, now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scraper.cli.articles import article_json, article_markdown, article_text
from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import one_line, write, write_error, write_json, write_json_line
from scraper.cli.stopping import stop_when_terminal_closes
from scraper.config import Config
from scraper.errors import ProfileError, UsageError

if TYPE_CHECKING:
    from scraper.cli.sheets import ResultSheet
    from scraper.crawling.oneoff import FetchResult
    from scraper.outlet import Outlet
    from storage.content import ArticleContent

app = group("Fetch pages.")
COLUMNS = (
    "outcome", "status", "final_url", "key", "headline", "lead", "authors", "published", "updated", "section",
    "language", "kind", "text", "fetched_at",
)  # fmt: skip
"""The columns of a result sheet, beside those of the list."""
_OVERRULED = "overruled:"
"""Goes before the outcome of a page that --any took."""


@app.command(cls=PlainCommand)
@configured(fetching=True)
def fetch(
    config: Config,
    urls: Annotated[list[str] | None, typer.Argument(metavar="URL...", help="Pages to fetch.")] = None,
    listed: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="A list of URLs: text, or CSV with a column url; - is stdin."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write a CSV with the list's columns; run again, it goes on."),
    ] = None,
    save: Annotated[bool, typer.Option("--save", help="Keep pages and articles in the archive.")] = False,
    take_any: Annotated[bool, typer.Option("--any", help="Take pages that do not look like articles too.")] = False,
    why: Annotated[bool, typer.Option("--why", help="Say how each field was found.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    json: JsonOption = False,
) -> int:
    """Fetch single pages of any news site and print the articles.

    Nothing is kept without --save. A page that is no article is declined with a reason; --any takes it all the same.
    With several URLs, --json prints one object a line.

    Examples: presskeep fetch https://example.org/news/1 --why; presskeep fetch --from links.csv --out result.csv
    """
    if bool(urls) == bool(listed):
        raise UsageError("needs either URLs or --from", "fetch", "For example: presskeep fetch https://example.org/1")
    if out is not None and listed is None:
        raise UsageError("needs a list", "--out", "Name it by --from.")
    stop_when_terminal_closes()
    summary = Summary()
    if out is not None and listed is not None:
        finished = _fetch_to_sheet(config, listed, out, summary, save=save, take_any=take_any)
    else:
        from scraper.cli.sheets import read_list

        asked = read_list(listed).urls if listed is not None else [url.strip() for url in urls or ()]
        show = _shower(json=json, lines=len(asked) > 1 or listed is not None, markdown=markdown, why=why)
        finished = _fetch(config, asked, InOrder(show, summary, take_any=take_any), save=save, take_any=take_any)
    summary.print(quiet=json or len(summary) == 1)
    return 7 if not finished else summary.exit_code


class Summary:
    """Counts what became of the pages, and knows the exit code."""

    def __init__(self) -> None:
        self.articles = 0
        self.answered = 0
        self.misses: dict[str, int] = {}
        self.unreached = 0

    def __len__(self) -> int:
        return self.articles + sum(self.misses.values())

    def add(self, result: FetchResult, content: ArticleContent | None) -> None:
        """Count one page."""
        if content is not None:
            self.articles += 1
        else:
            self.misses[result.outcome] = self.misses.get(result.outcome, 0) + 1
        self.unreached += not result.reached

    def add_answered(self, outcomes: Iterable[str]) -> None:
        """Count what an earlier run of the same list answered, so that the exit code speaks of the whole list."""
        for outcome in outcomes:
            self.answered += 1
            if outcome == "article" or outcome.startswith(_OVERRULED):
                self.articles += 1
            else:
                self.misses[outcome] = self.misses.get(outcome, 0) + 1

    def print(self, *, quiet: bool) -> None:
        """Say on standard error what became of several pages."""
        if quiet and not self.answered:
            return
        named = "".join(f", {number} {outcome}" for outcome, number in sorted(self.misses.items()))
        before = f" ({self.answered} of them answered before)" if self.answered else ""
        write_error(one_line(f"{self.articles} articles{named}{before}"))

    @property
    def exit_code(self) -> int:
        """0: all are articles; 3: none could be reached; 1: some are not."""
        if len(self) and self.unreached == len(self):
            return 3
        return 1 if self.misses else 0


Show = Callable[["FetchResult", "ArticleContent | None"], None]


class InOrder:
    """Shows results in the order in which they were asked, as soon as that can be."""

    def __init__(self, show: Show, summary: Summary, *, take_any: bool) -> None:
        self._show, self._summary, self._take_any = show, summary, take_any
        self._waiting: dict[int, FetchResult] = {}
        self._next = 0

    def __call__(self, result: FetchResult) -> None:
        self._waiting[result.index] = result
        while self._next in self._waiting:
            ready = self._waiting.pop(self._next)
            content = taken(ready, take_any=self._take_any)
            self._summary.add(ready, content)
            self._show(ready, content)
            self._next += 1


def taken(result: FetchResult, *, take_any: bool) -> ArticleContent | None:
    """The content to show: an article, or with `take_any` whatever could be read."""
    return result.content or (result.candidate if take_any else None)


def result_json(result: FetchResult, content: ArticleContent | None) -> dict[str, Any]:
    """A result with stable keys (docs/json.md)."""
    return {
        "url": result.url,
        "final_url": result.final_url,
        "outcome": result.outcome,
        "status": result.status,
        "fetched_at": result.fetched_at,
        "matched": result.matched,
        "key": result.key,
        "article": article_json(content) if content is not None else None,
    }


def _fetch(
    config: Config, urls: Sequence[str], on_result: Callable[[FetchResult], None], *, save: bool, take_any: bool
) -> bool:
    from scraper.cli.logs import start_logging
    from scraper.crawling.oneoff import fetch_pages

    start_logging(config.log_level)
    outlets = _usable_outlets(config)
    if not save:
        return fetch_pages(config, urls, outlets, on_result)
    from scraper.crawling.saving import Saver

    with Saver(config, take_any=take_any) as saver:
        return fetch_pages(config, urls, outlets, on_result, saver=saver)


def _usable_outlets(config: Config) -> dict[str, Outlet]:
    """The outlets whose profiles can be used; a broken one is named, and does not keep other pages from being read."""
    from scraper.profiles import load_outlet, profile_files, profile_paths

    outlets = {}
    for name, file in profile_files(profile_paths(config)).items():
        try:
            outlets[name] = load_outlet(file)
        except ProfileError as error:
            write_error(f"presskeep: {one_line(str(error))} (this profile is left out)")
    return outlets


def _fetch_to_sheet(config: Config, file: Path, out: Path, summary: Summary, *, save: bool, take_any: bool) -> bool:
    from scraper.cli.sheets import ResultSheet, read_list

    listed = read_list(file)
    sheet: ResultSheet = ResultSheet(out, listed, COLUMNS)
    summary.add_answered(sheet.answered.values())
    asked = [url for url in listed.urls if url not in sheet.answered]

    def add(result: FetchResult) -> None:
        content = taken(result, take_any=take_any)
        summary.add(result, content)
        sheet.add(result.url, _cells(result, content))

    try:
        return _fetch(config, asked, add, save=save, take_any=take_any) if asked else True
    finally:
        sheet.finish()


def _cells(result: FetchResult, content: ArticleContent | None) -> list[str]:
    """The values of COLUMNS."""
    overruled = content is not None and result.content is None
    outcome = _OVERRULED + result.outcome if overruled else result.outcome
    head = [outcome, str(result.status or ""), result.final_url, result.key or ""]
    at = result.fetched_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    if content is None:
        return [*head, *[""] * 9, at]
    return [
        *head,
        content.headline,
        content.lead or "",
        "; ".join(content.authors),
        content.published.at.isoformat().replace("+00:00", "Z") if content.published else "",
        content.updated.at.isoformat().replace("+00:00", "Z") if content.updated else "",
        " > ".join(content.section),
        content.language or "",
        content.kind,
        content.body,
        at,
    ]


def _shower(*, json: bool, lines: bool, markdown: bool, why: bool) -> Show:
    def show(result: FetchResult, content: ArticleContent | None) -> None:
        if json:
            (write_json_line if lines else write_json)(result_json(result, content))
        elif content is None:
            write_error(f"presskeep: {one_line(result.url)}: {explain(result)}")
        else:
            for line in article_markdown(content) if markdown else article_text(content):
                write(line)
            if why:
                _print_why(result, content)
            if result.key:
                write_error(f"saved as {one_line(result.key)}")

    return show


def explain(result: FetchResult) -> str:
    """Why there is no article, in words."""
    kind, _, reason = result.outcome.partition(":")
    if kind == "refused" and result.candidate is not None:
        return f"declined as no article ({one_line(reason)}). --any takes it all the same."
    if kind == "refused":
        return f"declined as no article ({one_line(reason)})."
    if kind == "notice":
        return "shows a notice in place of the page (blocked, seized, parked or the like)."
    return f"could not be fetched or read ({one_line(reason or kind)})."


def _print_why(result: FetchResult, content: ArticleContent) -> None:
    write("")
    write(f"profile rules: {result.matched or 'none (no profile knows this site)'}")
    size = max((len(name) for name in content.found), default=0)
    for name, how in sorted(content.found.items()):
        write(f"{name.ljust(size)}  {one_line(how)}")
