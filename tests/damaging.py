"""Damage a copy of an archive at seeded places, and tell for each damage whether a check named it."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.fixity.findings import Finding
from storage.manifest import COVERED

_KEYS = {table.name: order for table, order, _ in COVERED}
_COLUMNS = {table.name: [name for name in columns if name not in order] for table, order, columns in COVERED}


@dataclass(frozen=True)
class Damage:
    """One damage: what it is, and which finding names it."""

    what: str
    is_named_by: Callable[[Finding], bool]


def unnamed(damages: Sequence[Damage], findings: Sequence[Finding]) -> list[str]:
    """The damages that no finding names."""
    return [each.what for each in damages if not any(each.is_named_by(finding) for finding in findings)]


def damage(folder: Path, seed: int, count: int) -> list[Damage]:
    """Damage an archive on SQLite, nobody else at work, at `count` places: members, the index of captures, manifests,
    and covered columns."""
    chance = random.Random(seed)
    database = sqlite3.connect(folder / "archive.db")
    spans = _spans(database)
    damages: list[Damage] = []
    seen: set[Any] = set()
    while len(damages) < count:
        way = chance.choice((_flip_file, _flip_file, _flip_index, _flip_manifest, _flip_column, _flip_column))
        made = way(chance, folder, database, spans, seen)
        damages += [made] if made else []
    database.commit()
    database.close()
    return damages


def _spans(database: sqlite3.Connection) -> list[tuple[str, int, int, int]]:
    """Path, beginning, end and capture of every span."""
    return list(
        database.execute(
            "SELECT path, span_offset, span_offset + span_length, capture.id FROM capture"
            " JOIN warc_file ON warc_file.id = capture.warc_file ORDER BY capture.id"
        )
    )


def _flip_file(
    chance: random.Random, folder: Path, database: sqlite3.Connection, spans: Any, seen: set[Any]
) -> Damage | None:
    path = chance.choice(sorted({each[0] for each in spans}))
    place = folder / "warc" / path
    data = bytearray(place.read_bytes())
    at = chance.randrange(len(data))
    if (path, at) in seen:
        return None
    seen.add((path, at))
    data[at] ^= 1 << chance.randrange(8)
    place.write_bytes(data)
    owners = {f"(capture/{number})" for file, start, end, number in spans if file == path and start <= at < end}
    assert len(owners) == 1, "a byte under no span, or under two"

    def is_named_by(finding: Finding) -> bool:
        return finding.kind.startswith("record-") and any(finding.place.endswith(owner) for owner in owners)

    return Damage(f"byte {at} of {path}, {owners}", is_named_by)


def _flip_index(
    chance: random.Random, folder: Path, database: sqlite3.Connection, spans: Any, seen: set[Any]
) -> Damage | None:
    place = chance.choice(sorted((folder / "cdxj").glob("*.*")))
    data = bytearray(place.read_bytes())
    at = chance.randrange(len(data))
    if (place.name, at) in seen:
        return None
    seen.add((place.name, at))
    data[at] ^= 1 << chance.randrange(8)
    place.write_bytes(data)
    # Once the file that names the others is damaged, there is nothing to check those by.
    places = {f"cdxj/{place.name}", "cdxj/index.json"}
    return Damage(f"byte {at} of {place.name}", lambda finding: finding.place in places)


def _flip_manifest(
    chance: random.Random, folder: Path, database: sqlite3.Connection, spans: Any, seen: set[Any]
) -> Damage | None:
    crawl, n, text = chance.choice(database.execute("SELECT crawl, n, text FROM manifest_part").fetchall())
    at = chance.randrange(len(text))
    altered = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
    database.execute("UPDATE manifest_part SET text = ? WHERE crawl = ? AND n = ?", (altered, crawl, n))

    def is_named_by(finding: Finding) -> bool:
        return finding.kind == "manifest-altered" and finding.place == f"crawl/{crawl}"

    return Damage(f"character {at} of the manifest of crawl {crawl}", is_named_by)


def _flip_column(
    chance: random.Random, folder: Path, database: sqlite3.Connection, spans: Any, seen: set[Any]
) -> Damage | None:
    table = chance.choice([name for name in _COLUMNS if _COLUMNS[name]])
    column = chance.choice(_COLUMNS[table])
    keys = _KEYS[table]
    rows = database.execute(
        f'SELECT "{column}", {", ".join(keys)} FROM {table} WHERE crawl IS NOT NULL'
        if table != "figure"
        else f'SELECT "{column}", {", ".join(keys)} FROM {table}'
    ).fetchall()
    if not rows:
        return None
    value, *key = chance.choice(rows)
    altered = _altered(chance, value)
    if altered == value or (table, column, *key) in seen:
        return None
    seen.add((table, column, *key))
    same = " AND ".join(f"{name} = ?" for name in keys)
    try:
        database.execute(f'UPDATE {table} SET "{column}" = ? WHERE {same}', (altered, *key))
    except sqlite3.IntegrityError:
        return None
    name = f"{table}/" + ".".join(str(part) for part in key)

    def is_named_by(finding: Finding) -> bool:
        # Where the manifest's line for the row is damaged as well, the row is told as one that it does not name.
        return finding.kind in ("row-altered", "row-strange") and finding.place == name

    return Damage(f"{name}, {column}", is_named_by)


def _altered(chance: random.Random, value: Any) -> Any:
    if isinstance(value, int):
        return value ^ (1 << chance.randrange(8))
    if isinstance(value, bytes) and value:
        at = chance.randrange(len(value))
        return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
    if isinstance(value, str) and value:
        if value[0] in "[{" and chance.random() < 0.5 and (inner := _altered_json(chance, value)) is not None:
            return inner  # else it may be no JSON any more
        at = chance.randrange(len(value))
        return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
    return value


def _altered_json(chance: random.Random, text: str) -> str | None:
    """JSON with one string in it altered."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    strings = list(_strings(value))
    if not strings:
        return text
    old = chance.choice(strings)
    return text.replace(json.dumps(old), json.dumps(old[:-1] + chr(ord(old[-1]) ^ 1)), 1)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.isascii():
        yield from [value] if value else []
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, dict):
        yield from _strings(list(value.values()))
