"""A revision's digest: the same words give the same name, other words another."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.content import ArticleContent, Block, Figure, PrintedDate
from storage.identity import content_digest, text_sha256

_CONTENT = ArticleContent(
    headline="Iran's talks go on",
    lead='The minister said "no".',
    blocks=(
        Block("paragraph", "First - and last."),
        Block("heading", "More", level=2),
        Block("list", items=("a", "b")),
    ),
    authors=("A Reporter",),
    section=("News", "Politics"),
    figures=(Figure("https://example.org/1.jpg", "A caption...", "Agency"),),
    published=PrintedDate(datetime(2020, 11, 15, tzinfo=UTC), "15 November 2020", "day", "Asia/Tehran"),
)

_SAME = {
    "apostrophe": replace(_CONTENT, headline="Iran’s talks go on"),
    "quotation marks and space": replace(_CONTENT, lead="The minister\u00a0said “no”. "),
    "dash": replace(_CONTENT, blocks=(Block("paragraph", "First — and\u200b last."), *_CONTENT.blocks[1:])),
    "ellipsis": replace(_CONTENT, figures=(Figure("https://example.org/1.jpg", "A caption…", "Agency"),)),
    "section": replace(_CONTENT, section=("World",)),
    "tags": replace(_CONTENT, tags=("iran",)),
    "date": replace(_CONTENT, published=None),
    "image address": replace(_CONTENT, figures=(Figure("https://cdn.example/2.jpg", "A caption...", "Agency"),)),
    "empty embed": replace(_CONTENT, blocks=(*_CONTENT.blocks, Block("embed"))),
}
_OTHER = {
    "word": replace(_CONTENT, headline="Iran's talks go off"),
    "case": replace(_CONTENT, headline="Iran's Talks go on"),
    "lead": replace(_CONTENT, lead=None),
    "author": replace(_CONTENT, authors=()),
    "caption": replace(_CONTENT, figures=()),
    "kind of block": replace(_CONTENT, blocks=(Block("quote", "First - and last."), *_CONTENT.blocks[1:])),
    "level": replace(_CONTENT, blocks=(_CONTENT.blocks[0], Block("heading", "More", level=3), _CONTENT.blocks[2])),
    "items": replace(_CONTENT, blocks=(*_CONTENT.blocks[:2], Block("list", items=("a b",)))),
    "order": replace(_CONTENT, blocks=_CONTENT.blocks[::-1]),
}


@pytest.mark.parametrize("change", _SAME)
def test_typography_dates_and_addresses_make_no_revision_but_another_exact_form(change: str) -> None:
    assert content_digest(_SAME[change]) == content_digest(_CONTENT)
    assert text_sha256(_SAME[change]) != text_sha256(_CONTENT)


@pytest.mark.parametrize("change", _OTHER)
def test_other_words_make_a_revision(change: str) -> None:
    assert content_digest(_OTHER[change]) != content_digest(_CONTENT)


def test_the_digest_of_a_known_content_never_changes() -> None:
    """Archives hold these names for good: a change here is a migration."""
    assert content_digest(_CONTENT) == "8deba81d0cc93ac3174d3c4b82a05b57424b76f68f361fe91500ad390143fcee"


@given(st.lists(st.text(min_size=1), max_size=4), st.lists(st.text(min_size=1), max_size=4))
def test_paragraphs_that_differ_in_letters_differ_in_digest(one: list[str], other: list[str]) -> None:
    first, second = (
        replace(
            _CONTENT, blocks=tuple(Block("paragraph", f"x{text.encode('utf-8', 'replace').hex()}") for text in texts)
        )
        for texts in (one, other)
    )
    same = [t.encode("utf-8", "replace") for t in one] == [t.encode("utf-8", "replace") for t in other]
    assert (content_digest(first) == content_digest(second)) == same


def test_the_digest_is_the_same_in_every_process() -> None:
    code = (
        "from storage.content import ArticleContent, Block\nfrom storage.identity import content_digest\n"
        "print(content_digest(ArticleContent('h', (Block('paragraph', 'p'),))))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert printed == {content_digest(ArticleContent("h", (Block("paragraph", "p"),)))}
