"""What a page states of its use, in one line for a reader."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from storage.rights import Statement

_SHOWN = 5
_LONGEST = 90
_RESERVED = {"1": "text and data mining reserved", "0": "text and data mining not reserved"}


def rights_line(statements: Iterable[Statement]) -> str:
    """The statements in words, each once; '' where there is none. The caller makes them printable."""
    told = list(dict.fromkeys(map(_words, statements)))
    more = f"{len(told) - _SHOWN} more (--json)" if len(told) > _SHOWN else ""
    return "; ".join(filter(None, [*told[:_SHOWN], more]))


def _words(each: Statement) -> str:
    to = f" (to {each.to})" if each.to else ""
    match each.kind:
        case "paywall":
            return "a paywall"
        case "tdm":
            policy = each.by.endswith("policy")
            return _short(f"its policy on mining {each.says}" if policy else _RESERVED.get(each.says, each.says))
        case _:
            return _short(f"{each.kind} {each.says}{to}")


def _short(text: str) -> str:
    return textwrap.shorten(text, _LONGEST, placeholder="…")
