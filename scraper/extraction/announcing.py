"""The alternate addresses that a page announces in its outlet's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from scraper.extraction.passages import Passage, plain
from scraper.outlet import Outlet
from scraper.patterns import compile_pattern

_HOST = re.compile(
    r"(?:https?://)?((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,61})(?::\d+)?(?:/\S*)?", re.I
)
_BETWEEN = frozenset(("and", "or", "et", "ou", "و", "-", "–", "|", "•", "&"))
_MOST = 20


def read_announced(passages: Sequence[Passage], outlet: Outlet) -> tuple[str, ...]:
    """The hosts announced, in lower case, each once.

    The outlet's patterns are matched on the page's lines; what their group `hosts` (or `address`) holds is read from
    its start while it goes on naming hosts. An empty list announces nothing.
    """
    text = "\n".join(plain(passage.text) for passage in passages)
    found: dict[str, None] = {}
    for pattern in outlet.announced:
        for _, match in zip(range(_MOST), compile_pattern(pattern).finditer(text), strict=False):
            groups = match.groupdict()
            for host in _leading_hosts(groups.get("hosts") or groups.get("address") or ""):
                found.setdefault(host)
    return tuple(found)[:_MOST]


def _leading_hosts(text: str) -> Iterator[str]:
    for token in re.split(r"[\s,;]+", text.strip()):
        if not token or token.lower() in _BETWEEN:
            continue
        match = _HOST.fullmatch(token.rstrip(".:)").lstrip("("))
        if match is None:
            return
        yield match[1].lower()
