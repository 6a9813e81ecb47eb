"""What a page states of what may be done with it: the statements, and the form in which a capture keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal, get_args

from storage.exchange import Exchange
from storage.storable import storable

RightsKind = Literal["robots", "tdm", "paywall", "licence", "copyright"]
KINDS: tuple[str, ...] = get_args(RightsKind)
MOST = 6
"""Statements of one kind that are kept."""
LONGEST = 300
"""Characters of one statement that are kept; what is longer ends in an ellipsis."""
_HEADERS = frozenset(("x-robots-tag", "tdm-reservation", "tdm-policy", "link"))
_MOST_HEADERS, _LONGEST_HEADER = 20, 2_000


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a page, or the answer that brought it, states of its use.

    `kind` is 'robots' (what search engines and others may do), 'tdm' (text and data mining), 'paywall', 'licence' or
    'copyright'; `by` names what states it ('meta robots', 'header x-robots-tag', 'json-ld isAccessibleForFree');
    `says` is its value as printed; `to` the agent that it speaks to alone, None for everybody.
    """

    kind: RightsKind
    by: str
    says: str
    to: str | None = None


def stating_headers(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    """The headers of an answer that can state something of its use, their names in lower case: the first twenty, of at
    most 2,000 characters each."""
    headers = ((name.decode("latin-1").strip().lower(), value) for name, value in exchange.headers)
    stating = ((name, value.decode("latin-1").strip()[:_LONGEST_HEADER]) for name, value in headers if name in _HEADERS)
    return tuple(islice(stating, _MOST_HEADERS))


def bounded(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """The statements that are kept, by kind, each once: MOST of a kind, of LONGEST characters."""
    by_kind: dict[str, dict[Statement, None]] = {kind: {} for kind in KINDS}
    for each in statements:
        if len(by_kind[each.kind]) < MOST:
            by_kind[each.kind][Statement(each.kind, _cut(each.by), _cut(each.says), each.to and _cut(each.to))] = None
    return tuple(each for kept in by_kind.values() for each in kept)


def rights_json(statements: Iterable[Statement]) -> list[dict[str, str | None]]:
    """Statements as a capture's row keeps them."""
    return [asdict(each) for each in bounded(statements)]


def rights_from(value: Any) -> tuple[Statement, ...] | None:
    """The statements of a capture's row; None where nobody looked for them, or they cannot be read any more."""
    if not isinstance(value, list):
        return None
    found = [each for each in value if isinstance(each, dict) and each.get("kind") in KINDS]
    return tuple(Statement(each["kind"], str(each.get("by")), str(each.get("says")), each.get("to")) for each in found)


def _cut(text: str) -> str:
    text = storable(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
