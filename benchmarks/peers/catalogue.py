"""Which peers there are, and the versions that are measured.

Pinned is the extractor, and what it parses pages and finds languages with; the rest is what pip finds on the day.
Fundus is not among them: it reads the pages of publishers that it has a parser for, and has no way for others.
"""

from __future__ import annotations

ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "trafilatura": ("trafilatura==2.3.1", "lxml==6.1.3", "lxml-html-clean==0.4.6"),
    "news-please": ("news-please==1.6.16", "newspaper4k==0.9.6", "readability-lxml==0.8.4.1", "lxml==6.1.3"),
    "newspaper4k": ("newspaper4k[bn,hi,ja,np,ta,th,zh]==0.9.6", "lxml==6.1.3", "beautifulsoup4==4.15.0"),
    "readability-lxml": ("readability-lxml==0.9", "lxml==6.1.3", "lxml-html-clean==0.4.6"),
    "resiliparse": ("resiliparse==2.0.1",),
    "justext": ("justext==3.0.2", "lxml==6.1.3", "lxml-html-clean==0.4.6"),
}
"""An environment's name to what pip installs there."""

PEERS: dict[str, str] = {
    "trafilatura": "trafilatura",
    "trafilatura-fast": "trafilatura",
    "trafilatura-precision": "trafilatura",
    "trafilatura-recall": "trafilatura",
    **{name: name for name in ("news-please", "newspaper4k", "readability-lxml", "resiliparse", "justext")},
}
"""A row of the table to its environment; `program.py` says how each reads a page."""
