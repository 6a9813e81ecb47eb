"""`presskeep outlets new`: drafts the profile of a site, and says what it is unsure of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scraper.cli.options import JsonOption
from scraper.cli.printing import counted, one_line, table, write, write_json, write_note
from scraper.config import Config
from scraper.errors import UsageError
from scraper.sentences import sentence_of

if TYPE_CHECKING:
    from scraper.crawling.apart import Drafted
    from scraper.drafting.drafting import Draft
    from scraper.drafting.survey import Sight


def new(
    config: Config,
    url: Annotated[str, typer.Argument(metavar="URL", help="The site's home page.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The outlet's name; else that of its domain.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to write; else NAME.toml in the folder of your profiles."),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Look at a site and write a profile for it.

    It asks for the home page, robots.txt, feeds, sitemaps and some ten articles (25 requests at most, by the rules of
    robots.txt), finds URL patterns and selectors that the articles agree on, and says what it is unsure of. Nothing is
    archived, and no file is overwritten.
    """
    from scraper.cli.logs import start_logging
    from scraper.crawling.apart import draft_apart
    from scraper.crawling.surveying import survey_site
    from spiders.ways import read_listing

    if name is not None or out is not None:
        _free_file(config, name or _stem(out), out)
    start_logging(config)
    sight = survey_site(config, url, read_listing)
    from scraper.drafting.drafting import name_for

    name = name or (_stem(out) if out is not None else name_for(sight.place.host))
    file = _free_file(config, name, out)
    drafted = draft_apart(sight, name, memory=max(config.page_memory, 1_500_000_000))
    if drafted.draft is None:
        return _tell_nothing(url, sight, drafted, json=json)
    text = _text(drafted.draft, url, sight)
    _write_new(file, text, drafted.draft)
    if json:
        write_json(_as_json(drafted, sight, file))
    else:
        _print(drafted, sight, file)
    return 0


def _stem(out: Path | None) -> str:
    return out.stem if out is not None else ""


def _free_file(config: Config, name: str, out: Path | None) -> Path:
    """Where the profile goes. Raises UsageError where something stands there, or the name is another profile's."""
    import re

    from scraper.profiles import profile_files, profile_paths

    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise UsageError(
            "is no outlet's name: lower-case letters, digits, hyphens", name, "For example: --name courier"
        )
    if out is not None and out.stem != name:
        raise UsageError(
            f"a profile's file is called as its outlet: {name}.toml", f"--out {out}", f"Add --name {out.stem}"
        )
    known = profile_files(profile_paths(config)).get(name)
    if known is not None and (out is None or known.resolve() != out.resolve()):
        raise UsageError(f"there is a profile of that name: {known}", name, "Give another by --name.")
    file = out or _folder(config) / f"{name}.toml"
    if file.exists():
        raise UsageError("stands there already, and is not overwritten", str(file), "Move it, or give --out or --name.")
    return file


def _folder(config: Config) -> Path:
    """The folder of the user's profiles: the last one that the configuration names, else the usual one."""
    from scraper.config import config_folder

    return next((path for path in reversed(config.profiles) if path.is_dir()), config_folder() / "outlets")


def _text(draft: Draft, url: str, sight: Sight) -> str:
    from scraper.drafting.writing import write_profile

    return write_profile(draft, url=url, day=sight.home.captured_at.date())


def _write_new(file: Path, text: str, draft: Draft) -> None:
    """Write the profile where nothing stands, once it has been read again as every profile is."""
    import tempfile

    from scraper.profiles import load_outlet

    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / f"{draft.outlet.name}.toml"
        trial.write_text(text, encoding="utf-8")
        load_outlet(trial)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
    except FileExistsError:
        raise UsageError("stands there already, and is not overwritten", str(file), "Give --out or --name.") from None
    except OSError as error:
        raise UsageError(f"cannot be written ({error.strerror})", str(file), "Give another place by --out.") from error


def _as_json(drafted: Drafted, sight: Sight, file: Path) -> dict[str, Any]:
    draft = drafted.draft
    assert draft is not None
    return {
        "outlet": draft.outlet.name,
        "file": str(file),
        "articles": len(sight.articles) - len(drafted.refused),
        "requests": sight.requests,
        "stopped": sight.stopped or None,
        "fields": [
            {"field": doubt.field, "found": doubt.count, "of": doubt.of, "sure": doubt.sure, "note": doubt.note}
            for doubt in draft.doubts
        ],
        "refused": dict(drafted.refused),
    }


def _print(drafted: Drafted, sight: Sight, file: Path) -> None:
    draft = drafted.draft
    assert draft is not None
    write(f"{one_line(draft.outlet.title)} ({draft.outlet.name}): {file}")
    looked_at = counted(len(sight.articles) - len(drafted.refused), "article")
    write_note(f"{looked_at} looked at, {counted(sight.requests, 'request')}", indent=2)
    if sight.stopped:
        write_note(f"the look ended early, after {sight.stopped}", indent=2)
    write()
    rows = [
        [doubt.field, f"{doubt.count} of {doubt.of}", "sure" if doubt.sure else one_line(doubt.note)]
        for doubt in draft.doubts
    ]
    for line in table(rows, ["field", "found", ""], right=frozenset({1})):
        write(line)
    for page, reason in drafted.refused.items():
        write_note(f"no article: {one_line(page)} ({sentence_of(reason)})")
    write()
    write_note(f"Next: presskeep outlets check {draft.outlet.name} --live, then presskeep crawl {draft.outlet.name}")


def _tell_nothing(url: str, sight: Sight, drafted: Drafted, *, json: bool) -> int:
    """No article was found: nothing is written, and what was looked at is listed (exit code 1)."""
    if json:
        write_json(
            {"outlet": None, "requests": sight.requests, "refused": drafted.refused, "failed": dict(sight.failed)}
        )
        return 1
    write(f"No article was found at {one_line(url)}; nothing was written.")
    for page, reason in {**drafted.refused, **sight.failed}.items():
        write_note(f"{one_line(page)}: {sentence_of(reason)}")
    return 1
