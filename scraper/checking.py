"""Checking a profile against a page: which selectors find something, and what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from scraper.extraction.charset import UnknownCharset, decode_page
from scraper.extraction.page import Limits, Page
from scraper.extraction.tree import Unreadable, parse_page
from scraper.outlet import Outlet, Template
from scraper.profile_checks import template_selectors
from scraper.selecting import select

_SAMPLE = 100


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
