"""Say in words how a field of an article was found: what `--why` prints."""

from __future__ import annotations

from collections.abc import Mapping

from scraper.cli.printing import fold, one_line

_WORDS = {
    "json-ld": "JSON-LD",
    "json-ld breadcrumb": "JSON-LD's breadcrumb",
    "json-ld page": "JSON-LD's page around the article",
    "microdata": "microdata",
    "byline": "the byline that the page prints",
    "content": "the element that holds the page's text",
    "trafilatura": "trafilatura's reading of the page",
    "verdicts": "verdicts on its passages",
    "h1": "the first h1 element",
    "h2": "a heading that ends the title element",
    "title": "the title element",
    "text": "the words of the text",
    "html lang": "the html element's lang attribute",
    "url": "the URL",
    "template": "a rule of the profile's template",
    "first paragraph": "the body's first paragraph",
    "metadata": "the page's metadata",
    "time element": "the time of day from a time element",
    "date line": "a line that prints a date",
    "updated": "which is that of an update",
    "marked": "a time element that is marked as the date of publication",
    "breadcrumb": "the breadcrumb that the page prints",
    "rel=category": "links to a category",
    "rel=tag": "links that are marked as tags",
    "links to tags": "links to tags",
}
_BEHIND = {"title": "the time of day from a title attribute"}
"""What a code means behind another one."""
_TOLD = frozenset(("repeated",))
"""Not fields, but what is told of them in words already."""
_PROPERTIES = ("og:", "article:", "twitter:")
_META = frozenset(
    (
        "author", "citation_publication_date", "date", "datemodified", "datepublished", "description", "headline",
        "last-modified", "lastmod", "parsely-pub-date", "pubdate", "publication_date", "publish-date", "publishdate",
        "sailthru.date",
    )
)  # fmt: skip


def found_lines(found: Mapping[str, str]) -> list[str]:
    """A line for each field, folded where a terminal ends."""
    size = max((len(name) for name in found), default=0)
    return [
        line
        for name, how in sorted(found.items())
        for line in fold(f"{name.ljust(size)}  {one_line(how if name in _TOLD else way_in_words(how))}", 0, size + 2)
    ]


def way_in_words(how: str) -> str:
    """How a field was found: a code of extraction's, in words; anything else is a selector of a profile."""
    first, *others = how.split(", ")
    words = [_word(first), *(_BEHIND.get(part) or _word(part) for part in others)]
    if all(words):
        return ", ".join(words)
    return f"the profile's selector {how}"


def _word(code: str) -> str:
    if code.startswith(_PROPERTIES):
        return f"meta property {code}"
    if code in _META or code.startswith(("dc.", "dcterms.")):
        return f"meta name {code}"
    return _WORDS.get(code, "")
