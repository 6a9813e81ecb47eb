"""The one way from a page to its outcome."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from scraper.extraction.announcing import read_announced
from scraper.extraction.charset import UnknownCharset, decode_page
from scraper.extraction.completing import complete
from scraper.extraction.conventions import clear_page, is_withheld
from scraper.extraction.generic import Read, read_generic
from scraper.extraction.hydration import show_data
from scraper.extraction.kinds import load_kinds, says_article
from scraper.extraction.links import article_links, base_of, canonical_of
from scraper.extraction.notices import find_notice
from scraper.extraction.page import Context, Outcome, Page
from scraper.extraction.passages import Passage, read_passages
from scraper.extraction.repeats import show
from scraper.extraction.rights import read_rights
from scraper.extraction.several import holds_several
from scraper.extraction.structured import Structured, read_structured
from scraper.extraction.teaser import ends_at_wall, is_teaser_of_paid
from scraper.extraction.template import find_template, read_template
from scraper.extraction.tree import Unreadable, parse_page
from scraper.outlet import Outlet
from scraper.selecting import SelectorError

_READABLE = re.compile(
    r"text/html|application/xhtml|text/plain|application/xml|text/xml|application/octet-stream", re.I
)
_MAGIC = (
    b"%PDF-",
    b"\x89PNG",
    b"GIF8",
    b"PK\x03\x04",
    b"\xff\xd8\xff",
    b"RIFF",
    b"\x1f\x8b",
    b"\x00\x00\x01\x00",
    b"ID3",
    b"OggS",
)
_DATA = re.compile(
    rb"^\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,500}?-->\s*)?<(?:rss|feed|urlset|sitemapindex|svg|rdf:RDF)\b",
    re.I | re.S,
)
_TAG = re.compile(r"<[a-z!/][^<>]{0,2000}>", re.I)

_LEAST_PAGE = 250
"""Characters of a whole page, menus and all, below which it holds no article unless it says that it does."""
_LEAST_BODY = 20
"""Characters of a body below which it is a word of the page's frame, whatever the page says of itself."""
_LISTED = 5
"""Links to the outlet's articles from which on a page without an article's template is a listing."""
_HOME_LINKED = 0.6
"""Share of linked text from which on the root of a site is a listing."""


def extract(page: Page, context: Context) -> Outcome:
    """Read a page: what it is, and its article where it is one. Pure: no network, no clock, no state.

    Verdicts: 'article'; 'notice'; 'refused:' empty, not-html, listing, other-kind, no-article, no-headline, too-short,
    several, paywall; 'failed:' charset, too-large, too-deep, profile. Where a refusal can be overruled, `candidate` is
    what would be kept. Raises nothing but MemoryError.
    """
    limits = context.limits
    if not page.content.strip(b"\0 \t\r\n\f"):
        return Outcome(verdict="refused:empty")
    if len(page.content) > limits.page_bytes:
        return Outcome(verdict="failed:too-large")
    if not _is_html(page):
        return Outcome(verdict="refused:not-html")
    try:
        text = decode_page(page.content, page.content_type).text
        if not _TAG.search(text):
            return Outcome(verdict="refused:not-html")
        tree = parse_page(text, elements=limits.elements)
        # lxml makes an element's object anew at each look at it, unless somebody holds it: a tenth of all the time.
        held = list(tree.iter())
        try:
            if is_withheld(tree):
                return Outcome(verdict="refused:empty")
            clear_page(tree)
            passages = read_passages(tree)
            if _length(passages) < _LEAST_PAGE and show_data(tree, elements=limits.elements):
                passages = read_passages(tree)
            if _length(passages) > limits.text_chars:
                return Outcome(verdict="failed:too-large")
            return _read(page, context, tree, passages)
        finally:
            held.clear()
    except UnknownCharset:
        return Outcome(verdict="failed:charset")
    except Unreadable as error:
        return Outcome(verdict="refused:empty" if error.reason == "empty" else f"failed:{error.reason}")
    except RecursionError:
        return Outcome(verdict="failed:too-deep")
    except SelectorError:
        return Outcome(verdict="failed:profile")


def _is_html(page: Page) -> bool:
    kind = (page.content_type or "").partition(";")[0].strip()
    if kind and not _READABLE.match(kind):
        return False
    return not page.content.startswith(_MAGIC) and not _DATA.match(page.content[:2_000])


def _read(page: Page, context: Context, tree: HtmlElement, passages: list[Passage]) -> Outcome:
    outlet = context.outlet
    base = base_of(tree, page.url)
    stated = read_structured(tree)
    outcome = Outcome(
        verdict="article",
        canonical=canonical_of(tree, base),
        links=article_links(tree, base, outlet),
        rights=read_rights(tree, stated, base),
    )
    template = find_template(tree, outlet, page.captured_at.date()) if outlet else None
    calls_itself = says_article(tree, stated, page.url)
    if outlet is None or template is None:
        patterns = outlet.notices if outlet else ()
        if find_notice(tree, passages, patterns, says_article=calls_itself):
            return replace(outcome, verdict="notice")
    identified = outlet.identify(page.url) if outlet else None
    matched = "/".join(
        part for part in (template.name if template else "", identified.pattern if identified else "") if part
    )
    outcome = replace(outcome, matched=matched)
    if outlet is not None and template is not None:
        read = read_template(
            tree, stated, outlet, template, page=page, base=base, identified=identified, learnt=context.learnt
        )
        if template.fallback:
            other = _read_without_template(page, context, tree, passages, stated, says_article=calls_itself)
            read = complete(read, other)
        outcome = replace(outcome, announced=read_announced(passages, outlet))
    else:
        read = _read_without_template(page, context, tree, passages, stated, says_article=calls_itself)
        # The page's text, and the body's too: some pages hold their text in scripts alone.
        least = 0 if calls_itself else _LEAST_PAGE
        held = max(_length(passages), len(read.content.body))
        if read.reason is None and (held < least or len(read.content.body) < _LEAST_BODY):
            read = replace(read, reason="too-short")
        if read.reason in (None, "other-kind") and holds_several(tree, passages, stated, page.url):
            read = replace(read, reason="several")
    body = "" if read.reason == "empty" else read.content.body
    if read.reason in (None, "empty", "too-short", "other-kind") and (
        is_teaser_of_paid(tree, stated, body) or ends_at_wall(tree, stated, read.body)
    ):
        read = replace(read, reason="paywall")
    if context.showing:
        outcome = replace(outcome, shown=show(passages, read.body))
    return _judge(page, outlet, read, outcome, passages, known=identified is not None)


def _read_without_template(
    page: Page, context: Context, tree: HtmlElement, passages: list[Passage], stated: Structured, *, says_article: bool
) -> Read:
    outlet = context.outlet
    languages = tuple(dict.fromkeys((outlet.language, *outlet.languages.values()))) if outlet else ()
    return read_generic(
        tree,
        passages,
        stated,
        url=page.url,
        captured_at=page.captured_at,
        zone=outlet.timezone if outlet else UTC,
        languages=languages,
        forest=context.forest,
        # Where there is a profile, an address says what is an article.
        kinds=(context.kinds or load_kinds()) if outlet is None else None,
        says_article=says_article,
        learnt=context.learnt,
    )


def _judge(
    page: Page, outlet: Outlet | None, read: Read, outcome: Outcome, passages: list[Passage], *, known: bool
) -> Outcome:
    """An article, or a refusal that says why; a page at no article's address is none unless a person says so."""
    content = read.content
    candidate = content if content.headline or content.blocks else None
    if read.reason is not None:
        return replace(outcome, verdict=f"refused:{read.reason}", candidate=candidate)
    if outlet is not None and not known:
        # Without an article's template, links to articles are all that such a page is for.
        reason = "listing" if not outcome.matched and len(outcome.links) >= _LISTED else "no-article"
        return replace(outcome, verdict=f"refused:{reason}", candidate=candidate)
    if outlet is None and _is_home(page.url) and _linked_share(passages) > _HOME_LINKED:
        return replace(outcome, verdict="refused:listing", candidate=candidate)
    return replace(outcome, article=content)


def _is_home(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.hostname) and parts.path in ("", "/") and not parts.query


def _length(passages: list[Passage]) -> int:
    return sum(len(passage.text) for passage in passages)


def _linked_share(passages: list[Passage]) -> float:
    return sum(passage.linked for passage in passages) / max(1, _length(passages))
