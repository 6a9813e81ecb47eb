"""The ways by which articles are found, kept as bits of one number."""

from __future__ import annotations

from collections.abc import Iterable

FEED, SECTIONS, SITEMAP, DATEARCHIVE, URLS, LINK, OTHER = (1 << bit for bit in range(7))
_BITS = {
    "feed": FEED,
    "sections": SECTIONS,
    "sitemap": SITEMAP,
    "datearchive": DATEARCHIVE,
    "urls": URLS,
    "article": LINK,
}
LISTING_WAYS = ("sitemap", "datearchive", "urls", "sections", "feed")
"""The ways that list articles, those first that can tell of a day that nothing is missing."""
WHOLE_WAYS = ("sitemap", "datearchive", "urls")
"""The ways that list all of a day; sections and feeds show what is newest, and drop it when more comes."""


def way_bit(found_by: str) -> int:
    """The bit of what led to a resource: a way of discovery, a link on an article's page, or anything else."""
    return _BITS.get(found_by, OTHER)


def ways_of(bits: int) -> Iterable[str]:
    """The listing ways whose bits are set."""
    return (way for way in LISTING_WAYS if bits & _BITS[way])
