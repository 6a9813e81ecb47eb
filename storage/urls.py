"""Name a URL in one canonical form, so that the same place is the same row."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from urllib.parse import unquote_plus, urlsplit

MAX_LENGTH = 8192
"""Longer URLs are refused; servers refuse them too (RFC 9110 section 4.1 asks for 8000 octets at least)."""
_PLAIN = re.compile(r"https?://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}/[A-Za-z0-9._~/-]*")
"""What most URLs look like that are canonical already; parsing one takes a hundred times as long."""
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_AMBIGUOUS = frozenset(("cid", "eid", "uid", "gid", "clid"))
"""Names that trackers use, and content systems for the number of an item."""


@lru_cache(maxsize=4096)
def canonical_url(url: str) -> str:
    """The canonical form of an http(s) URL; canonical forms stay as they are.

    Parsed as browsers do (WHATWG: case, default port, dot segments, IDNA), then by RFC 3986 section 6.2.2
    (percent-encoding); without credentials, fragment and trackers, the query sorted by name. The scheme stays,
    and so does a trailing slash: servers may tell them apart.

    Raises ValueError for anything but an absolute http(s) URL of at most MAX_LENGTH characters.
    """
    if len(url) > MAX_LENGTH:
        raise ValueError(f"a URL of {len(url)} characters is longer than {MAX_LENGTH}")
    if _PLAIN.fullmatch(url) and "/." not in url and "xn--" not in url:
        return url
    return _parsed(url)


def url_hash(url: str) -> bytes:
    """The SHA-256 of the URL's canonical form. Raises ValueError as canonical_url does."""
    return hashlib.sha256(canonical_url(url).encode()).digest()


def host_of(url: str) -> str:
    """The host of an http(s) URL: lower case, IDNA's ASCII form, no port, no brackets around an IPv6 address.

    Raises ValueError as canonical_url does.
    """
    return urlsplit(canonical_url(url)).hostname or ""


def _parsed(url: str) -> str:
    import ada_url

    parsed = ada_url.URL(url)
    if parsed.protocol not in ("http:", "https:"):
        raise ValueError(f"not an http(s) URL: {url[:200]}")
    hostname = parsed.hostname.rstrip(".")
    if not hostname:
        raise ValueError(f"a URL without a host: {url[:200]}")
    port = f":{parsed.port}" if parsed.port else ""
    query = _clean_query(parsed.search.removeprefix("?"))
    return f"{parsed.protocol}//{hostname}{port}{_normal_escapes(parsed.pathname)}{query and '?' + query}"


def _normal_escapes(text: str) -> str:
    """Unreserved characters as themselves, all other escapes in upper case (RFC 3986 sections 6.2.2.1 and 2)."""

    def normal(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else match[0].upper()

    return _PERCENT.sub(normal, text)


def _clean_query(query: str) -> str:
    """The query without trackers and empty parts, sorted by name; values of one name keep their order."""
    if not query:
        return ""
    parts = [(name, part) for part in _normal_escapes(query).split("&") if (name := part.partition("=")[0]) or part]
    kept = [(name, part) for name, part in parts if not _is_tracker(name, part.partition("=")[2])]
    return "&".join(part for _, part in sorted(kept, key=lambda pair: pair[0]))


def _is_tracker(name: str, value: str) -> bool:
    """Whether courlan knows the parameter as a tracker, taken strictly.

    Its pattern also finds names that only begin like one (`gallery` like `ga`); those name content.
    """
    from courlan.clean import TRACKERS_RE  # 0.15 s of imports, only for URLs with a query

    plain = unquote_plus(name).lower()
    match = TRACKERS_RE.search(plain)
    if match is None or (plain in _AMBIGUOUS and value.isdigit()):
        return False
    return plain[match.end() - 1] == "_" or match.end() == len(plain) or plain[match.end()] in "_-."
