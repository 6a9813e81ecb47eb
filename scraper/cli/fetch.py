"""`presskeep fetch`: single pages of any news site, now."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from scraper.cli.articles import article_json, article_markdown, article_text
from scraper.cli.finding import found_lines
from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import counted, one_line, shorten, write, write_error, write_json, write_json_line, write_note
from scraper.cli.stopping import stop_when_terminal_closes
from scraper.config import Config
from scraper.errors import ProfileError, UsageError
from scraper.sentences import sentence_of
from storage.rights import rights_json

if TYPE_CHECKING:
    from scraper.cli.sheets import ResultSheet
    from scraper.crawling.oneoff import FetchResult
    from scraper.crawling.tally import Tally
    from scraper.outlet import Outlet
    from storage.content import ArticleContent, PrintedDate

app = group("Fetch pages.")
COLUMNS = (
    "outcome", "why_not", "status", "final_url", "key", "headline", "lead", "authors", "published", "updated",
    "section", "language", "kind", "text", "fetched_at",
)  # fmt: skip
"""The columns of a result sheet, beside those of the list."""
_EXAMPLE = "For example: presskeep fetch https://example.org/1"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?!\d)")
"""A scheme, if it is none of a host with a port."""
_WRONG = "failed:bad-url"
_NO_URL = "failed:no-url"
_BEGINNING = "refused:paywall"
_REDIRECT = "refused:redirect"
_SHOWN = 300
"""Characters of an address that a server's redirect names, which are shown."""
_OVERRULED = "overruled:"
"""Goes before the outcome of a page that --any took."""


@app.command(cls=PlainCommand)
@configured(fetching=True, media=True)
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

    Nothing is kept without --save, and with --media what the page needs to look as it did too. Of a page that is no
    article it is said why; --any takes it all the same. With several URLs, --json prints one object a line. --out
    writes a CSV in place of printing.

    Examples: presskeep fetch https://example.org/news/1 --why; presskeep fetch --from links.csv --out result.csv
    """
    if bool(urls) == bool(listed):
        raise UsageError("needs either URLs or --from", "fetch", _EXAMPLE)
    if out is not None and listed is None:
        raise UsageError("needs a list", "--out", "Name it by --from.")
    _demand_one_form({"--out": out is not None, "--json": json, "--markdown": markdown})
    if out is not None and why:
        raise UsageError("is for what is printed, and --out writes a CSV", "--why", "Leave one of them out.")
    asked_for = [url.strip() for url in urls or ()]
    for url in asked_for:
        _demand_page(url)
    stop_when_terminal_closes()
    summary = Summary()
    if out is not None and listed is not None:
        finished = _fetch_to_sheet(config, listed, out, summary, save=save, take_any=take_any)
    else:
        from scraper.cli.sheets import read_list

        asked = asked_for
        if listed is not None:
            rows = read_list(listed)
            asked = rows.urls
            summary.add_without_url(rows.without_url)
        show = _shower(json=json, lines=len(asked) > 1 or listed is not None, markdown=markdown, why=why)
        finished = _fetch(config, asked, InOrder(show, summary, take_any=take_any), save=save, take_any=take_any)
    summary.print(quiet=json or len(summary) == 1)
    return 7 if not finished else summary.exit_code


def _demand_one_form(given: dict[str, bool]) -> None:
    """Raise UsageError where the command line asks for two forms of output at once."""
    asked = [option for option, is_given in given.items() if is_given]
    if len(asked) > 1:
        raise UsageError(f"cannot go together with {asked[0]}", asked[1], "Leave one of them out.")


def _demand_page(url: str) -> None:
    """Raise UsageError for what is never the URL of a page, before anything is asked."""
    scheme = _SCHEME.match(url)
    if scheme is not None and scheme[1].lower() not in ("http", "https"):
        near = get_close_matches(scheme[1].lower(), ("https", "http"), 1)
        meant = f"Is {near[0]}:{url[scheme.end() :]} meant?" if near else _EXAMPLE
        raise UsageError(f"{scheme[1]} is neither http nor https", one_line(url), meant)
    try:
        parts = urlsplit(url if scheme else f"https://{url}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or any(character.isspace() for character in parts.netloc):
        raise UsageError("is no URL of a page: it names no host", one_line(url) or "''", _EXAMPLE)
    if "@" in parts.netloc:
        raise UsageError(
            "is not asked for with a user name in it", one_line(url), "Leave out what stands before the @."
        )


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
        self.unreached += not (result.reached or result.outcome == _WRONG)

    def add_answered(self, outcomes: Iterable[str]) -> None:
        """Count what an earlier run of the same list answered, so that the exit code speaks of the whole list."""
        for outcome in outcomes:
            self.answered += 1
            if outcome == "article" or outcome.startswith(_OVERRULED):
                self.articles += 1
            else:
                self.misses[outcome] = self.misses.get(outcome, 0) + 1

    def add_without_url(self, rows: int) -> None:
        """Count the rows of a list that name no URL."""
        if rows:
            self.misses[_NO_URL] = rows

    def print(self, *, quiet: bool) -> None:
        """Say on standard error what became of several pages."""
        if quiet and not self.answered:
            return
        before = f" ({self.answered} of them answered before)" if self.answered else ""
        write_error(f"{self.articles} of {counted(len(self), 'page')} read as articles{before}")
        for outcome, number in sorted(self.misses.items(), key=lambda item: (-item[1], item[0])):
            write_error(f"  {number}: {one_line(sentence_of(outcome))}")

    @property
    def exit_code(self) -> int:
        """0: all are articles; 3: none could be reached, wrong URLs left aside; 1: some are not."""
        unasked = self.misses.get(_WRONG, 0) + self.misses.get(_NO_URL, 0)
        if self.unreached and self.unreached + unasked == len(self):
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
            self._show(ready, content or beginning(ready))
            self._next += 1


def taken(result: FetchResult, *, take_any: bool) -> ArticleContent | None:
    """The content to show: an article, or with `take_any` whatever could be read."""
    return result.content or (result.candidate if take_any else None)


def beginning(result: FetchResult) -> ArticleContent | None:
    """What a page shows of an article that is paid for: no article, and yet what there is to quote."""
    return result.candidate if result.outcome == _BEGINNING else None


def result_json(result: FetchResult, content: ArticleContent | None) -> dict[str, Any]:
    """A result with stable keys (docs/json.md)."""
    return {
        "url": result.url,
        "final_url": result.final_url,
        "outcome": result.outcome,
        "led_to": result.led_to,
        "status": result.status,
        "fetched_at": result.fetched_at,
        "matched": result.matched,
        "key": result.key,
        "rights": None if result.rights is None else rights_json(result.rights),
        "article": article_json(content) if content is not None else None,
    }


def _fetch(
    config: Config, urls: Sequence[str], on_result: Callable[[FetchResult], None], *, save: bool, take_any: bool
) -> bool:
    from scraper.cli.logs import start_logging
    from scraper.crawling.oneoff import fetch_pages

    start_logging(config)
    outlets = _usable_outlets(config)
    if not save:
        return fetch_pages(config, urls, outlets, on_result)
    from scraper.crawling.saving import Saver

    with Saver(config, take_any=take_any) as saver:
        finished = fetch_pages(config, urls, outlets, on_result, saver=saver)
    _say_media(saver.tally)
    return finished


def _say_media(tally: Tally) -> None:
    """Say on standard error what became of what the saved pages need, where it was asked for."""
    missing = sum(tally.media_missing.values())
    if tally.media or missing or tally.media_left_out:
        write_error(
            f"{tally.media} styles, images, fonts and icons kept, {tally.media_bytes / 1_000_000:.1f} MB; "
            f"{missing} could not be had, {tally.media_left_out} left out for the budget"
        )


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
    summary.add_without_url(listed.without_url)
    asked = [url for url in listed.urls if url not in sheet.answered]

    def add(result: FetchResult) -> None:
        content = taken(result, take_any=take_any)
        summary.add(result, content)
        sheet.add(result.url, _cells(result, content, beginning(result)))

    try:
        return _fetch(config, asked, add, save=save, take_any=take_any) if asked else True
    finally:
        sheet.finish()


def _cells(result: FetchResult, content: ArticleContent | None, begun: ArticleContent | None) -> list[str]:
    """The values of COLUMNS; `begun` is what is shown of an article that is paid for."""
    overruled = content is not None and result.content is None
    outcome = _OVERRULED + result.outcome if overruled else result.outcome
    why_not = "" if result.content is not None else reason_told(result)
    head = [outcome, why_not, str(result.status or ""), result.final_url, result.key or ""]
    at = _instant(result.fetched_at.replace(microsecond=0))
    content = content or begun
    if content is None:
        return [*head, *[""] * (len(COLUMNS) - len(head) - 1), at]
    return [
        *head,
        content.headline,
        content.lead or "",
        "; ".join(content.authors),
        _printed(content.published),
        _printed(content.updated),
        " > ".join(content.section),
        content.language or "",
        content.kind,
        content.body,
        at,
    ]


def _printed(date: PrintedDate | None) -> str:
    """A date for a sheet: the day where the page states no more than that, else the instant with the page's offset."""
    if date is None:
        return ""
    return str(date.day) if date.precision == "day" else _instant(date.local)


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


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
            if content is result.candidate and result.outcome == _BEGINNING:
                write_error(f"presskeep: {one_line(result.url)}: {one_line(sentence_of(result.outcome))}")
            if result.key:
                write_error(f"saved as {one_line(result.key)}")

    return show


def explain(result: FetchResult) -> str:
    """Why there is no article, in words."""
    kind, _, _ = result.outcome.partition(":")
    sentence = one_line(reason_told(result))
    if kind == "refused" and result.candidate is not None:
        return f"no article: {sentence}. --any takes it all the same."
    return f"{'could not be fetched or read' if kind == 'failed' else 'no article'}: {sentence}."


def reason_told(result: FetchResult) -> str:
    """The sentence for an outcome, with the address to which a redirect led in vain."""
    sentence = sentence_of(result.outcome)
    if result.led_to is None:
        return sentence
    target = shorten(result.led_to, _SHOWN)
    if result.outcome == _REDIRECT:
        return f"{sentence}, which is not asked: {target}"
    return f"{sentence}; the server redirected to {target}"


def _print_why(result: FetchResult, content: ArticleContent) -> None:
    write("")
    write_note(f"profile rules: {result.matched or 'none (no profile knows this site)'}")
    for line in found_lines(content.found):
        write(line)
