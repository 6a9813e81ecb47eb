"""From the bytes of a page to an article, purely.

`extract(page, context) -> Outcome` is the one verb; `EXTRACTOR_VERSION` and `profile_digest` name who read a page.
Nothing here asks the network, the database or the time. The verbs load lazily, for they bring trafilatura.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scraper.extraction.extracting import extract as extract
    from scraper.extraction.version import EXTRACTOR_VERSION as EXTRACTOR_VERSION
    from scraper.extraction.version import profile_digest as profile_digest

__all__ = ["EXTRACTOR_VERSION", "extract", "profile_digest"]

_HOMES = {"extract": "extracting", "EXTRACTOR_VERSION": "version", "profile_digest": "version"}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{home}"), name)
