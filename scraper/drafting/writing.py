"""Writing a drafted profile as TOML, with what it is unsure of as comments at its top."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from scraper.drafting.drafting import Doubt, Draft, unsure

_WIDTH = 118


def write_profile(draft: Draft, *, url: str, day: date) -> str:
    """The profile's text (TOML 1.0). `day` is when the site was looked at."""
    lines = [
        f"# {_plain(draft.outlet.title)}",
        "#",
        f"# Drafted by `presskeep outlets new {_plain(url)}` from its public pages as they were on {day.isoformat()}.",
        f"# `presskeep outlets check {draft.outlet.name} --live` tells what holds today.",
    ]
    doubts = unsure(draft.doubts)
    if doubts:
        lines += ["#", "# Unsure (field: pages that gave it, of those looked at):"]
        lines += [f"#   {_line(doubt)}" for doubt in doubts]
    lines.append("")
    lines += _write(draft.table, "")
    return "\n".join(lines).rstrip("\n") + "\n"


def _line(doubt: Doubt) -> str:
    return _plain(f"{doubt.field}: {doubt.count} of {doubt.of}; {doubt.note}")


def _plain(text: str) -> str:
    """Text for a comment: one line, no control characters, which TOML forbids there."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:200]


def _write(table: dict[str, Any], prefix: str) -> Iterator[str]:
    """A table's own values first, then the tables in it, as TOML wants it."""
    for key, value in table.items():
        if not _is_tables(value):
            yield f"{key} = {_value(value)}"
    for key, value in table.items():
        if _is_tables(value):
            for each in value:
                yield ""
                yield f"[[{prefix}{key}]]"
                yield from _write(each, f"{prefix}{key}.")


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        parts = [_value(each) for each in value]
        line = f"[{', '.join(parts)}]"
        return line if len(line) <= _WIDTH else "[\n" + "".join(f"  {part},\n" for part in parts) + "]"
    return _string(str(value))


def _string(text: str) -> str:
    """A string: literal where it holds a backslash or a quotation mark and can be, else basic."""
    if ("\\" in text or '"' in text) and "'" not in text and text.isprintable():
        return f"'{text}'"
    # JSON's escapes are all TOML's too; DEL is the one control character that JSON lets stand.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
