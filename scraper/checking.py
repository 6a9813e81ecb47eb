"""Checking a profile against a page: which selectors find something, what each field says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from lxml.html import HtmlElement

from scraper.errors import ProfileError
from scraper.extraction import extract
from scraper.extraction.charset import UnknownCharset, decode_page
from scraper.extraction.page import Context, Limits, Page
from scraper.extraction.tree import Unreadable, parse_page
from scraper.outlet import Outlet, Template
from scraper.profile_checks import template_selectors
from scraper.selecting import select
from storage.content import ArticleContent, Figure, PrintedDate

_SAMPLE = 100
_LEAST = ("headline", "body", "published", "language")
"""Fields that every article has."""
_OTHERS = ("lead", "authors", "section", "updated", "tags", "figures")


@dataclass(frozen=True, slots=True)
class FieldReading:
    """What a page says of one field, read by its profile. `state` is 'found', 'missing', or 'absent' for what not every
    article has; `by` tells what found it (a selector, 'json-ld', 'text', ...), `sample` is its beginning."""

    field: str
    state: Literal["found", "missing", "absent"]
    by: str = ""
    sample: str = ""


@dataclass(frozen=True, slots=True)
class PageReading:
    """A page as its profile reads it: the verdict of extraction, which template and pattern held, its fields."""

    verdict: str
    matched: str
    fields: tuple[FieldReading, ...]


def read_page(outlet: Outlet, page: Page) -> PageReading:
    """Read a page as a crawl would, field by field."""
    outcome = extract(page, Context(outlet=outlet))
    content = outcome.article or outcome.candidate
    return PageReading(outcome.verdict, outcome.matched, tuple(_fields(content)) if content is not None else ())


def fixture_pages(name: str, file: Path) -> dict[Path, Page]:
    """The stored pages of an outlet, which lie in the folder NAME beside its profile, or in a checkout among the tests'
    fixtures: each PAGE.html with a PAGE.json that states its `url` and when it was `captured`."""
    found: dict[Path, Page] = {}
    for folder in (file.parent / name, Path(__file__).parents[1] / "tests" / "fixtures" / name):
        for html in sorted(folder.glob("*.html")):
            try:
                stated = json.loads(html.with_suffix(".json").read_text("utf-8"))
                at = datetime.fromisoformat(stated["captured"])
                found[html] = Page(html.read_bytes(), "text/html; charset=utf-8", str(stated["url"]), at)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise ProfileError(
                    f"states no page ({error})", str(html.with_suffix(".json")), 'It holds "url" and "captured"'
                ) from error
    return found


@dataclass(frozen=True, slots=True)
class FieldCheck:
    """What one selector of a profile finds on a page.

    `template` names the era, `field` is the selector's key without index ('headline', 'figures[0].caption'). `sample`
    is the beginning of the first text (or attribute) found, '' where an element without text was found.
    """

    template: str
    field: str
    selector: str
    found: bool
    sample: str = ""


def check_page(outlet: Outlet, page: Page) -> list[FieldCheck]:
    """Try every selector of the template that holds for the page; of all templates where none does.

    Empty for a page that is no readable HTML, and for a profile without templates.
    """
    try:
        tree = parse_page(decode_page(page.content, page.content_type).text, elements=Limits().elements)
    except (UnknownCharset, Unreadable):
        return []
    holding = [template for template in outlet.templates if any(select(tree, each) for each in template.detect)]
    return [check for template in holding[:1] or outlet.templates for check in _check_template(tree, template)]


def missing_fields(checks: Sequence[FieldCheck]) -> list[str]:
    """The fields of which no selector found anything: those that the profile has lost, in its order."""
    found = {(check.template, check.field) for check in checks if check.found}
    fields = dict.fromkeys((check.template, check.field) for check in checks)
    return [f"{template}: {field}" for template, field in fields if (template, field) not in found]


def _fields(content: ArticleContent) -> Iterator[FieldReading]:
    for name in (*_LEAST, *_OTHERS):
        value = getattr(content, name)
        sample = _in_words(value)
        if sample:
            yield FieldReading(name, "found", content.found.get(name, ""), sample[:_SAMPLE])
        else:
            yield FieldReading(name, "missing" if name in _LEAST else "absent")


def _in_words(value: object) -> str:
    """A field's value on one line."""
    if isinstance(value, PrintedDate):
        return f"{value.at.isoformat()} ({value.printed})"
    if isinstance(value, tuple):
        parts = (
            f"{each.url or ''} {each.caption or ''}".strip() if isinstance(each, Figure) else str(each)
            for each in value
        )
        return ", ".join(parts)
    return " ".join(str(value or "").split())


def _check_template(tree: HtmlElement, template: Template) -> Iterator[FieldCheck]:
    for key, selector in template_selectors(template):
        field = key.rpartition("[")[0]
        found = [item for root in _roots(tree, template, field) for item in select(root, selector)]
        yield FieldCheck(template.name, field, selector, bool(found), _sample(found))


def _roots(tree: HtmlElement, template: Template, field: str) -> list[HtmlElement]:
    """Where a field is looked for: within the figures for what figures hold, else the whole page."""
    table, _, name = field.partition("].")
    if not table.startswith("figures[") or name == "select":
        return [tree]
    figure = template.figures[int(table.removeprefix("figures["))]
    for selector in figure.select:
        roots = [item for item in select(tree, selector) if not isinstance(item, str)]
        if roots:
            return roots
    return []


def _sample(found: Sequence[HtmlElement | str]) -> str:
    for item in found:
        text = item if isinstance(item, str) else item.text_content() or item.get("content") or ""
        line = " ".join(text.split())
        if line:
            return line[:_SAMPLE]
    return ""
