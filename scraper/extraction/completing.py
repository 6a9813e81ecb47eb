"""Completing what a template's rules read of a page by what is read of it without a profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from scraper.extraction.generic import Read

_FIELDS = ("headline", "blocks", "lead", "authors", "section", "tags", "figures", "language", "published", "updated")
_CALLED = {"blocks": "body"}
_GUESSES = {"headline": "og:title", "lead": "first paragraph"}
"""What found a field of which a template's rules found nothing."""
_DAY = timedelta(days=1)


def complete(read: Read, other: Read) -> Read:
    """What the template's rules found, and in every field where they found nothing what the other reading has.

    A headline that only og:title states, a lead that is only the first paragraph where the other reading has one of its
    own, a day that only the URL states, and the kind that is every page's count as not found; a picture's credit is
    taken from the same picture. An empty page stays one.
    """
    content, generic = read.content, other.content
    taken: dict[str, Any] = {}
    found = dict(content.found)
    for name in _FIELDS:
        called = _CALLED.get(name, name)
        missing = not getattr(content, name) or (_is_guess(name, found) and not _is_guess(name, generic.found))
        if name == "published" and found.get(name) == "url" and content.published and generic.published:
            missing = abs(content.published.at - generic.published.at) <= _DAY
        if missing and getattr(generic, name):
            taken[name] = getattr(generic, name)
            if called in generic.found:
                found[called] = generic.found[called]
    if content.figures:
        credits: dict[str | None, str | None] = {each.url: each.credit for each in generic.figures if each.url}
        taken["figures"] = tuple(
            each if each.credit else replace(each, credit=credits.get(each.url)) for each in content.figures
        )
    if content.kind == "article":
        taken["kind"] = generic.kind
    whole = replace(content, **taken, found=found)
    body = read.body if content.blocks else other.body
    if not whole.headline:
        return Read(whole, "no-headline", body)
    return Read(whole, None if whole.body else "empty", body)


def _is_guess(name: str, found: Mapping[str, str]) -> bool:
    return name in _GUESSES and found.get(name) == _GUESSES[name]
