"""`presskeep outlets`: what profiles there are, what they say, and whether they still hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from scraper.cli.options import JsonOption, configured, group
from scraper.cli.outlets_new import new
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import one_line, shorten, table, width, write, write_bold, write_error, write_json, write_note
from scraper.config import Config
from scraper.errors import ProfileError
from scraper.sentences import sentence_of

if TYPE_CHECKING:
    from pathlib import Path

    from scraper.checking import PageReading
    from scraper.crawling.looking import OutletLook, SelectorLook
    from scraper.outlet import Outlet

app = group("List, show, check and draft outlet profiles.")
_SAID = {
    "found": "{} found",
    "alternative": "not needed",
    "absent": "none here",
    "missing": "missing",
}
"""What is said of each state of a selector."""
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The outlet's name.")]


@app.command("list", cls=PlainCommand)
@configured()
def list_(config: Config, json: JsonOption = False) -> int:
    """List the outlets that have a profile.

    A hidden one, such as the demo's replica, is left out by `presskeep crawl --all`.
    """
    from scraper.profiles import load_outlet, profile_files, profile_paths

    outlets, broken = [], []
    for file in profile_files(profile_paths(config)).values():
        try:
            outlets.append(load_outlet(file))
        except ProfileError as error:
            broken.append(error)
    shown = sorted(outlets, key=lambda outlet: outlet.name)
    if json:
        write_json({"outlets": [_summary(outlet) for outlet in shown]})
    else:
        rows = [
            [o.name, o.title, o.language, str(len(o.domains)), "hidden from --all" if o.hidden else ""] for o in shown
        ]
        for line in table(rows, ["name", "title", "language", "domains", ""], right=frozenset({3})):
            write(line)
    for problem in broken:
        write_error(f"presskeep: {one_line(str(problem))}")
    return 1 if broken else 0


@app.command(cls=PlainCommand)
@configured()
def show(config: Config, name: NameArgument, json: JsonOption = False) -> int:
    """Show what a profile says."""
    outlet, path = _load(config, name)
    if json:
        write_json({**outlet.model_dump(mode="json"), "file": str(path)})
        return 0
    write_bold(f"{outlet.title} ({outlet.name})")
    write_note(f"language {outlet.language}, zone {outlet.zone}, country {outlet.country}", indent=2)
    write_note(f"profile {path}", indent=2)
    write()
    rows = [
        [domain.host + domain.path, domain.role, domain.edition or "", _years(domain), "" if domain.crawl else "no"]
        for domain in outlet.domains
    ]
    for line in table(rows, ["domain", "role", "edition", "in service", "crawled"]):
        write(line)
    write()
    for line in table([[a.name, _years(a), a.pattern] for a in outlet.articles], ["articles", "published", "pattern"]):
        write(line)
    write()
    for line in table([[d.way, ", ".join(d.start[:3])] for d in outlet.discovery], ["discovery", "begins at"]):
        write(line)
    return 0


@app.command(cls=PlainCommand)
@configured(fetching=True)
def check(
    config: Config,
    name: NameArgument,
    live: Annotated[bool, typer.Option("--live", help="Ask the outlet itself: each selector on one page.")] = False,
    json: JsonOption = False,
) -> int:
    """Check a profile: that it is valid, and with --live that the outlet's pages still fit it.

    Stored pages of the outlet (PAGE.html with PAGE.json in the folder NAME beside the profile) are read field by field.
    --live asks each domain for its home page and one article, says what every selector and every field found there,
    and keeps nothing. A rule may have several selectors: where one finds something, the others are not needed.
    """
    outlet, path = _load(config, name)
    if not live:
        return _check_stored(outlet, path, json=json)
    from scraper.cli.logs import start_logging
    from scraper.crawling.looking import look

    start_logging(config)
    seen = look(config, outlet)
    if json:
        write_json(_look_json(outlet, seen))
    else:
        _print_look(seen)
        _print_reading(seen)
    return 0 if _holds(outlet, seen) else 1


app.command("new", cls=PlainCommand)(configured(fetching=True)(new))


def _check_stored(outlet: Outlet, path: Path, *, json: bool) -> int:
    """Read the outlet's stored pages; 1 where one of them lacks what every article has."""
    from scraper.checking import fixture_pages, read_page

    readings = {file: read_page(outlet, page) for file, page in fixture_pages(outlet.name, path).items()}
    if json:
        pages = [{"page": str(file), **_reading_json(reading)} for file, reading in readings.items()]
        write_json({"outlet": outlet.name, "file": str(path), "valid": True, "pages": pages})
    else:
        write_note(f"{outlet.name}: the profile is valid ({path}). --live asks the outlet itself.")
        for file, reading in readings.items():
            write()
            write_note(f"{one_line(file.name)}: {sentence_of(reading.verdict)} ({reading.matched or 'no template'})")
            _print_fields(reading)
    return 0 if all(_is_whole(reading) for reading in readings.values()) else 1


def _is_whole(reading: PageReading) -> bool:
    return reading.verdict == "article" and all(each.state != "missing" for each in reading.fields)


def _reading_json(reading: PageReading) -> dict[str, Any]:
    return {
        "verdict": reading.verdict,
        "matched": reading.matched,
        "fields": [
            {"field": each.field, "state": each.state, "by": each.by, "sample": each.sample} for each in reading.fields
        ],
    }


def _print_fields(reading: PageReading) -> None:
    rows = [
        [each.field, _SAID[each.state].format("").strip(), shorten(one_line(each.by), 40), shorten(each.sample, 60)]
        for each in reading.fields
    ]
    for line in table(rows, ["field", "", "by", "says"]):
        write(line)


def _load(config: Config, name: str) -> tuple[Outlet, Any]:
    from scraper.profiles import find_outlet, profile_files, profile_paths

    paths = profile_paths(config)
    return find_outlet(name, paths), profile_files(paths)[name]


def _summary(outlet: Outlet) -> dict[str, Any]:
    return {
        "name": outlet.name,
        "title": outlet.title,
        "language": outlet.language,
        "hidden": outlet.hidden,
        "domains": [{"host": d.host, "path": d.path, "role": d.role} for d in outlet.domains],
    }


def _years(era: Any) -> str:
    return f"{era.since or ''} to {era.until or ''}".strip() if era.since or era.until else ""


def _holds(outlet: Outlet, seen: OutletLook) -> bool:
    """Whether a template fits the article: it was detected there, and its headline and body were found."""
    if seen.article is None:
        return False
    for template in outlet.templates:
        found = {each.rule for each in seen.selectors if each.template == template.name and each.count}
        if {"detect", "headline", "body"} <= found:
            return True
    return not outlet.templates


def _look_json(outlet: Outlet, seen: OutletLook) -> dict[str, Any]:
    return {
        "outlet": outlet.name,
        "holds": _holds(outlet, seen),
        "hosts": [{"host": h.host, "role": h.role, "answer": h.answer} for h in seen.hosts],
        "article": seen.article,
        "pattern": seen.pattern,
        "reading": _reading_json(seen.reading) if seen.reading is not None else None,
        "selectors": [
            {
                "template": s.template,
                "rule": s.rule,
                "selector": s.selector,
                "found": s.count,
                "state": s.state,
                "sample": s.sample,
            }
            for s in seen.selectors
        ],
    }


def _print_look(seen: OutletLook) -> None:
    for line in table([[h.host, h.role, sentence_of(h.answer)] for h in seen.hosts], ["domain", "role", "answer"]):
        write(line)
    write()
    if seen.article is None:
        write_note("No home page led to an article that the profile's URL patterns know.")
        return
    write_note(f"article {seen.article} ({seen.pattern})")
    for name in dict.fromkeys(each.template for each in seen.selectors):
        rules = [each for each in seen.selectors if each.template == name]
        if not any(each.rule == "detect" and each.count for each in rules):
            write_note(f"template {name}: not the one of this page")
            continue
        write(f"template {name}:")
        for rule in dict.fromkeys(each.rule for each in rules):
            write(f"  {rule}")
            for each in rules:
                if each.rule == rule:
                    _print_selector(each)


def _print_reading(seen: OutletLook) -> None:
    if seen.reading is not None:
        write()
        write_note(f"read as a crawl reads it: {sentence_of(seen.reading.verdict)}")
        _print_fields(seen.reading)


def _print_selector(seen: SelectorLook) -> None:
    """A selector stays whole, so that it can be copied; below it the first text that it found."""
    write(one_line(f"{_SAID[seen.state].format(seen.count)}").rjust(14) + f"  {one_line(seen.selector)}")
    if seen.sample:
        write(" " * 18 + shorten(seen.sample, max(width() - 18, 20)))
