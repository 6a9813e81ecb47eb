"""What pages of outlets without a profile are named by: their registrable domain, and their address."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from storage.urls import canonical_url

if TYPE_CHECKING:
    from tldextract import TLDExtract


def registrable_domain(url: str) -> str:
    """The registrable domain of a URL's host, by the public suffix list that is bundled; an address as it stands."""
    host = urlsplit(url).hostname or ""
    found = _public_suffixes()(host)
    return found.top_domain_under_public_suffix or host


def page_key(url: str, outlet: str) -> str:
    """The identity of a page of an ad-hoc outlet: its canonical URL without scheme and the outlet's own host.

    What can be no URL for us, though it was fetched, is its own.
    """
    try:
        parts = urlsplit(canonical_url(url))
    except ValueError:
        return url
    host = (parts.netloc or "").removeprefix("www.")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return path if host == outlet else host + path


@lru_cache(maxsize=1)
def _public_suffixes() -> TLDExtract:
    """The bundled list, taken in once: that costs a thousand times what asking it does."""
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None)
