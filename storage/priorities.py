"""The order in which due resources are fetched: a lower number goes first."""

from __future__ import annotations

LISTING = 0
NEW = 10
FILL = 15
REVISIT = 20
COPY = 30
MEDIA = 40
ALL = (LISTING, NEW, FILL, REVISIT, COPY, MEDIA)
