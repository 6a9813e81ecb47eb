"""Which texts the rows of an evidence lead to an address: what README.txt's check of the texts finds by a shell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def shown_texts(rows: Mapping[str, bytes]) -> frozenset[str]:
    """The digests of the texts that extractions read from captures of known addresses, where all these rows are among
    the ones given, by name."""
    found = set()
    for name, line in rows.items():
        if not name.startswith("extraction/"):
            continue
        extraction = json.loads(line)
        text = _row(rows, "revision", extraction["revision"])
        capture = _row(rows, "capture", extraction["capture"])
        if text and capture and _row(rows, "location", capture["location"]):
            found.add(str(text["digest"]))
    return frozenset(found)


def _row(rows: Mapping[str, bytes], table: str, number: object) -> dict[str, Any]:
    """A row's columns; nothing where it is not among them."""
    columns: dict[str, Any] = json.loads(rows.get(f"{table}/{number}", b"{}"))
    return columns
