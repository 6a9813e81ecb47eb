"""The names of an extractor: its own version, and the digest of the profile that it worked with."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scraper.outlet import Outlet

EXTRACTOR_VERSION = "11"
"""Raised whenever the same page could read differently than before; a changed extractor is no edit of an article."""

_READING = (
    "language", "languages", "zone", "key_scope", "domains", "host_patterns", "articles", "never", "edition_select",
    "templates", "boilerplate", "announced", "notices",
)  # fmt: skip


def profile_digest(outlet: Outlet | None) -> str:
    """SHA-256 (hex) over what of a profile decides how pages read; '' without a profile.

    Manners and ways of discovery are left out: asking more slowly changes no text.
    """
    if outlet is None:
        return ""
    rules = outlet.model_dump(mode="json", include=set(_READING))
    for template in rules["templates"]:
        if not template["fallback"]:
            del template["fallback"]  # so that a profile without it keeps the digest that it had before there was one
    canonical = json.dumps(rules, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
