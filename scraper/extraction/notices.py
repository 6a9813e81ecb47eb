"""Telling a notice from an article: seizure, block, parking, challenge, log-in, soft 404, default page.

Such pages are short and say one of few things. An article may quote any of them, so a phrase counts only where next to
nothing else stands on the page, or where the page's own title says it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lxml.html import HtmlElement

from scraper.extraction.notice_phrases import CERTAIN, LIKELY, TITLE
from scraper.extraction.passages import Passage, plain, text_of
from scraper.patterns import compile_pattern

SHORT = 1_500
"""Characters of text, links apart, up to which a page can be a notice."""

_BARE = 600
"""Characters of text, links apart, up to which a telling title or a likely phrase makes a notice."""

_PASSWORD_PAGE = 400
_STATED = 6_000
_MOST_READ = 20_000


def find_notice(
    tree: HtmlElement, passages: Sequence[Passage], patterns: Iterable[str] = (), *, says_article: bool = False
) -> str | None:
    """How a page was seen to be a notice ('title', 'phrase', 'password', 'profile'); None where it is none.

    `patterns` are those of the outlet's profile; they are looked for in the alternative texts of images too.
    `says_article`: the page's own metadata call it an article; then its phrases are taken for those of a short one.
    """
    text = plain(" ".join(passage.text for passage in passages))
    unlinked = len(text) - sum(passage.linked for passage in passages)
    title = _title_of(tree)
    if unlinked <= _STATED:
        stated = " ".join((title, text[:_MOST_READ], _alternatives(tree)))
        if any(compile_pattern(pattern).search(stated) for pattern in patterns):
            return "profile"
    if unlinked > SHORT or says_article:
        return None
    said = f"{title}\n{text[:_MOST_READ]}"
    if CERTAIN.search(said):
        return "phrase"
    if unlinked > _BARE:
        return None
    heading = next((heading for element in tree.iter("h1", "h2") if (heading := plain(text_of(element)))), "")
    if any(TITLE.fullmatch(line) for line in (title, heading) if line):
        return "title"
    if LIKELY.search(said):
        return "phrase"
    if unlinked <= _PASSWORD_PAGE:
        if any((entry.get("type") or "").lower() == "password" for entry in tree.iter("input")):
            return "password"
        if CERTAIN.search(_alternatives(tree)):
            return "phrase"
    return None


def _title_of(tree: HtmlElement) -> str:
    return next((plain(element.text or "") for element in tree.iter("title") if (element.text or "").strip()), "")


def _alternatives(tree: HtmlElement) -> str:
    words = (element.get("alt") or element.get("title") or "" for element in tree.iter("img", "area"))
    return " ".join(word for _, word in zip(range(100), words, strict=False) if word)
