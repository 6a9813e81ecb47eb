"""CSS selectors that describe an element as the pages of one template have it: by property, class, id, or its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from lxml.html import HtmlElement

from scraper.extraction.conventions import classes_of

_CLASS = re.compile(r"-?[A-Za-z_][A-Za-z_-]*(?:\d[A-Za-z_-]+)*\d?")
"""Class names as people write them: a number within them is a page's, or a program's that builds style sheets."""
_MADE = re.compile(
    r"^(?:css|sc|jsx|jss|emotion|svelte|astro)-|__(?=[a-z]*[A-Z])[A-Za-z0-9_-]{5,}$|^[a-z]{1,2}(?:_[a-z]{1,2})?$"
)
_HASHED = re.compile(r"([A-Za-z][\w-]{3,}?(?:__(?=\w{0,7}[A-Z\d])|-(?=[A-Za-z]+$)))([A-Za-z\d]{5,8})")
"""What people called a part, and the hash that CSS Modules or styled-components put behind it at every build."""
_WORDS = re.compile(r"[A-Z]?[a-z]+(?:[A-Z][a-z]+)*\d?")
_DATA = re.compile(r"data-[a-z]+(?:-[a-z]+)*")
_DATA_VALUE = re.compile(r"[A-Za-z]+(?:[-_][A-Za-z]+)*")
_MOST_DATA = 3
_UTILITY = re.compile(
    r"^-?(?:[mp][trblxy]?-|text-|font-|flex|grid|items-|justify-|w-|h-|bg-|border|rounded|d-|col-|col$|row$|container"
    r"|has-|align|is-|lh-|fw\d?|f\d|measure|tracked|mv\d|ph\d|clearfix$|active$|hidden$|block$|inline)"
)
_PLACES = ("article", "main", "header", "footer")
_TELLING = frozenset(("h1", "h2", "time", "address"))
"""Elements that say what they are by their tag: with a place alone, any other would take in what stands there too."""
_ABOVE = 4
_MOST_ABOVE = 3


def describe(element: HtmlElement) -> Iterator[str]:
    """Selectors that find an element, from what is said of it alone to what only its place says."""
    tag = tag_of(element)
    yield from _own(element, tag)
    named = 0
    for depth, above in enumerate(element.iterancestors()):
        if depth >= _ABOVE or named >= _MOST_ABOVE or above.tag in ("body", "html"):
            break
        for name in stable_classes(above)[:2]:
            named += 1
            yield f"{tag_of(above)}.{name} {tag}"
    if tag not in _TELLING:
        return
    for place in _PLACES:
        if any(above.tag == place for above in element.iterancestors()):
            yield f"{place} {tag}"
    parent = element.getparent()
    if parent is not None and parent.tag in _PLACES:
        yield f"{tag_of(parent)} > {tag}"


def tag_of(element: HtmlElement) -> str:
    """An element's tag."""
    return element.tag if isinstance(element.tag, str) else ""


def stable_classes(element: HtmlElement) -> list[str]:
    """The classes of an element that name what it is, those that only style it last; none that a program made up."""
    names = [name for name in (element.get("class") or "").split() if _CLASS.fullmatch(name) and not _is_made(name)]
    return sorted(dict.fromkeys(names), key=lambda name: bool(_UTILITY.match(name)))


def hashed_classes(element: HtmlElement) -> list[str]:
    """What stands before the hash in those classes of an element that a program made of a name and a hash."""
    matches = (_HASHED.fullmatch(name) for name in (element.get("class") or "").split())
    return list(dict.fromkeys(match[1] for match in matches if match and not _WORDS.fullmatch(match[2])))


def is_styling(name: str) -> bool:
    """Whether a class only styles."""
    return bool(_UTILITY.match(name))


def _is_made(name: str) -> bool:
    match = _HASHED.fullmatch(name)
    return bool(_MADE.search(name) or (match and not _WORDS.fullmatch(match[2])))


def describe_meta(element: HtmlElement) -> str | None:
    """The selector of a meta element by its name."""
    for attribute in ("property", "name", "itemprop"):
        name = element.get(attribute) or ""
        if re.fullmatch(r"[\w:.\-]{2,60}", name):
            return f'meta[{attribute}="{name}"]'
    return None


def _own(element: HtmlElement, tag: str) -> Iterator[str]:
    for attribute in ("itemprop", "rel"):
        for name in (element.get(attribute) or "").split():
            if re.fullmatch(r"[A-Za-z]{2,40}", name) and name not in ("nofollow", "noopener", "bookmark", "external"):
                yield f'{tag}[{attribute}~="{name}"]'
    for name in stable_classes(element)[:5]:
        yield f"{tag}.{name}"
    identity = element.get("id") or ""
    if _CLASS.fullmatch(identity) and classes_of(element) != frozenset((identity,)):
        yield f"{tag}#{identity}"
    for prefix in hashed_classes(element)[:2]:
        yield f'{tag}[class*="{prefix}"]'
    named = ((name, value) for name, value in element.attrib.items() if _is_telling(str(name), str(value)))
    for name, value in islice(named, _MOST_DATA):
        yield f'{tag}[{name}="{value}"]'


def _is_telling(name: str, value: str) -> bool:
    """Whether a data attribute calls its element something, as those for tests and for analytics do."""
    return bool(_DATA.fullmatch(name)) and 4 <= len(value) <= 40 and bool(_DATA_VALUE.fullmatch(value))
