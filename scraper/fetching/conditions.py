"""Conditional requests (RFC 9110, 13): a server that knows what we have need not send it again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy import Request

CONDITIONAL = "conditional"
"""The key of a request's meta that says that it was asked by conditions."""
_HEADERS = ("If-None-Match", "If-Modified-Since")
_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_DATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")


def conditions(etag: str | None, last_modified: str | None) -> dict[str, str]:
    """The headers that ask for a page unless it is the one whose validators these are; none where they are not what
    a server may send (RFC 9110, 8.8.3 and 5.6.7). The date goes out alone where there is no tag, which is exacter."""
    if etag is not None and _ENTITY_TAG.fullmatch(etag):
        return {"If-None-Match": etag}
    if last_modified is not None and _DATE.fullmatch(last_modified):
        return {"If-Modified-Since": last_modified}
    return {}


def drop_conditions(request: Request) -> None:
    """Ask without conditions: another address is asked, of which they do not speak."""
    for name in _HEADERS:
        request.headers.pop(name, None)
    request.meta.pop(CONDITIONAL, None)
