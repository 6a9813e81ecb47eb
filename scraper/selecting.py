"""Selectors of profiles: CSS, or XPath after `xpath:`, compiled once."""

from __future__ import annotations

from functools import lru_cache

from lxml import etree
from lxml.html import HtmlElement

MAX_SELECTOR = 1_000
"""Characters of a selector. Longer ones are refused: nobody can review them."""

_XPATH = "xpath:"


class SelectorError(ValueError):
    """A selector that cannot be used; the message says why."""


@lru_cache(maxsize=4_096)
def compile_selector(selector: str) -> etree.XPath:
    """Compile a selector. Raises SelectorError for one that is no CSS, or no XPath after `xpath:`."""
    if len(selector) > MAX_SELECTOR:
        raise SelectorError(f"is longer than {MAX_SELECTOR} characters")
    if selector.startswith(_XPATH):
        return _compile_xpath(selector.removeprefix(_XPATH).strip())
    return _compile_xpath(_translate_css(selector))


def select(tree: HtmlElement, selector: str) -> list[HtmlElement | str]:
    """What a selector finds, in document order: elements, or texts and attributes where its XPath ends in such."""
    try:
        found = compile_selector(selector)(tree)
    except etree.XPathEvalError as error:
        raise SelectorError(f"cannot be evaluated: {error}") from error
    if isinstance(found, list):
        return [item for item in found if isinstance(item, str | HtmlElement)]
    return [str(found)] if found not in (None, "", False) else []


def _translate_css(selector: str) -> str:
    from cssselect import HTMLTranslator
    from cssselect import SelectorError as CssError

    try:
        return str(HTMLTranslator().css_to_xpath(selector))
    except CssError as error:
        raise SelectorError(f"is no CSS selector: {error}") from error


def _compile_xpath(expression: str) -> etree.XPath:
    try:
        return etree.XPath(expression)
    except etree.XPathSyntaxError as error:
        raise SelectorError(f"is no XPath expression: {error}") from error
