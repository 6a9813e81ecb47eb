"""The start addresses of discovery rules: paths with placeholders, filled in and recognised again."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

from scraper.outlet import Domain

_VALUES = {
    "from": r"\d{4}-\d\d-\d\d",
    "to": r"\d{4}-\d\d-\d\d",
    "page": r"\d{1,6}",
    "number": r"\d{1,18}",
}
_PLACEHOLDER = re.compile(r"\{(from|to|page|number)\}")


def fill_start(start: str, **values: object) -> str:
    """A start with its placeholders filled; those without a value stay."""
    return _PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), start)


def match_start(start: str, path: str) -> dict[str, str] | None:
    """The values with which a start was filled to give a path with query; None where it was not.

    Parameters of the query may stand in any order, and an empty one may be missing: URLs are kept in canonical form.
    """
    path_pattern, parameters = _compile(start)
    parts = urlsplit(path)
    match = path_pattern.fullmatch(parts.path or "/")
    if match is None:
        return None
    values = match.groupdict()
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not given.keys() <= parameters.keys():
        return None
    for name, pattern in parameters.items():
        found = pattern.fullmatch(given.get(name, ""))
        if found is None:
            return None
        for key, value in found.groupdict().items():
            if values.setdefault(key, value) != value:
                return None
    return values


def address_of(domain: Domain, start: str) -> str | None:
    """The URL of a path on a domain; a whole URL stays where it is, and is no other domain's."""
    if "://" in start:
        return start if urlsplit(start).hostname == domain.host else None
    return f"{domain.scheme or 'https'}://{domain.host}{domain.path.rstrip('/')}/{start.removeprefix('/')}"


def path_of(url: str, domain: Domain | None = None) -> str:
    """A URL's path with query, without the domain's prefix."""
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    prefix = domain.path.rstrip("/") if domain is not None else ""
    return path.removeprefix(prefix) or "/"


def closeness(start: str, path: str) -> int:
    """How closely a path belongs to a start: more than its length where it is one of its fillings, else the length of
    the start's fixed beginning, which sections' further pages share; 0 for a path that begins otherwise."""
    start = path_of(start) if "://" in start else start
    if match_start(start, path) is not None:
        return 2 * len(start)
    fixed = start.partition("{")[0]
    return len(fixed) if path.startswith(fixed) else 0


@lru_cache(maxsize=256)
def _compile(start: str) -> tuple[re.Pattern[str], dict[str, re.Pattern[str]]]:
    parts = urlsplit(start if "://" in start else f"//{start}" if start.startswith("//") else start)
    query = {name: re.compile(_pattern(value)) for name, value in parse_qsl(parts.query, keep_blank_values=True)}
    return re.compile(_pattern(parts.path or "/")), query


def _pattern(text: str) -> str:
    """The pattern of a piece of a start; a placeholder that stands twice has one value."""
    pattern, position, seen = "", 0, set()
    for match in _PLACEHOLDER.finditer(text):
        name = match[1]
        pattern += re.escape(text[position : match.start()])
        pattern += f"(?P={name})" if name in seen else f"(?P<{name}>{_VALUES[name]})"
        seen.add(name)
        position = match.end()
    return pattern + re.escape(text[position:])
