"""Walk an archive without any code of ours: warcio reads its files, SQL its rows, and what does not fit is named.

`walk(connection, folder)` takes a connection of sqlite3 or psycopg, so that a test may break rows in a transaction that
it takes back.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator
from warcio.bufferedreaders import ChunkedDataReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.statusandheaders import StatusAndHeadersParser

IDENTICAL = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
POINTERS = (
    ("capture", "warc_file", "warc_file", "id"),
    ("capture", "location", "location", "id"),
    ("capture", "crawl", "crawl", "id"),
    ("capture", "refers_to", "capture", "id"),
    ("location", "resource", "resource", "id"),
    ("location", "whole_capture", "capture", "id"),
    ("resource", "article", "article", "id"),
    ("article_key", "article", "article", "id"),
    ("article", "current_revision", "revision", "id"),
    ("revision", "article", "article", "id"),
    ("revision", "supersedes", "revision", "id"),
    ("extraction", "revision", "revision", "id"),
    ("extraction", "capture", "capture", "id"),
    ("figure", "revision", "revision", "id"),
    ("reduction", "capture", "capture", "id"),
    ("reduction", "shows", "capture", "id"),
)
"""Columns that point to rows: table, column, and the table and column that must have the value."""


@dataclass(frozen=True)
class Found:
    """A record as it stands in a file; `payload` is the SHA-256 of the body without chunks, None without a body. `told`
    are those of the responses in whose place it stands."""

    kind: str
    length: int
    headers: dict[str, str]
    status: int
    payload: str | None
    told: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.headers.get("warc-record-id", "")

    @property
    def url(self) -> str:
        return self.headers.get("warc-target-uri", "")


@contextmanager
def connected(folder: Path, database: str | None) -> Iterator[Any]:
    """A connection to an archive's database, everything rolled back at the end."""
    if database is None:
        connection: Any = sqlite3.connect(folder / "archive.db")
    else:
        import psycopg

        connection = psycopg.connect(database)
    try:
        yield connection
        connection.rollback()
    finally:
        connection.close()


def walk(connection: Any, folder: Path, *, settled: bool = False, resting: bool = False) -> list[str]:
    """What is wrong with an archive, in words; empty where nothing is.

    What stands behind a file's committed length is no fault, unless all is said to be `settled`: then each file in the
    folder is one of a row, closed, and as long as was committed. With `resting` it may be open all the same, waiting
    for the next run.
    """
    rows = list(connection.execute("SELECT id, path, state, committed_len, sha256 FROM warc_file WHERE store = 'warc'"))
    faults: list[str] = []
    places: dict[int, dict[int, Found]] = {}
    for number, path, state, committed, digest in rows:
        data, wrong = _read(folder / "warc" / path, state, committed, digest, settled=settled, resting=resting)
        faults += [f"{path}: {each}" for each in wrong]
        places[number], wrong = _scan(data[:committed])
        faults += [f"{path}: {each}" for each in wrong]
        faults += [f"{path}: {each}" for each in _spans(connection, number, data[:committed], anew="-reduced." in path)]
    if settled:
        known = {row[1] for row in rows} | (
            {f"{row[1]}.open" for row in rows if row[2] == "open"} if resting else set()
        )
        names = {each.name for each in (folder / "warc").glob("*.warc.gz*")}
        # One that was written anew stays for a while, for those who began to read it.
        known |= {name for name in names if name.replace(".warc.gz.open", "-reduced.warc.gz") in known}
        faults += [f"{name}: no row names this file" for name in sorted(names - known)]
    return faults + _compare(connection, places) + _pointless(connection)


def _read(
    place: Path, state: str, committed: int, digest: str | None, *, settled: bool, resting: bool
) -> tuple[bytes, list[str]]:
    for each in (place, place.with_name(place.name + ".open")):
        if each.exists():
            data = each.read_bytes()
            break
    else:
        return b"", ["the file is not there"]
    faults = []
    if len(data) < committed:
        faults.append(f"{len(data)} bytes, and {committed} were committed")
    if state == "closed" and (len(data) != committed or hashlib.sha256(data).hexdigest() != digest):
        faults.append("not the file that was closed")
    if settled and state != "closed" and not resting:
        faults.append(f"it is {state}")
    if settled and len(data) != committed:
        faults.append(f"{len(data)} bytes, and {committed} were committed")
    return data, faults


def _spans(connection: Any, number: int, data: bytes, *, anew: bool) -> list[str]:
    """Where the spans of a file's captures leave a gap, overlap, or are not what their digests say.

    In one that was written `anew` other records may stand between them.
    """
    faults, end = [], 0
    rows = list(
        connection.execute(
            "SELECT coalesce(moved_to, span_offset), CASE WHEN reduction.capture IS NULL THEN span_length"
            " ELSE length END, coalesce(reduction.sha256, span_sha256), id"
            f" FROM capture LEFT JOIN reduction ON reduction.capture = id WHERE warc_file = {number} ORDER BY 1"
        )
    )
    for offset, length, digest, capture in rows:
        if offset != end and not anew:
            faults.append(f"the span of capture {capture} begins at byte {offset}, and the one before ends at {end}")
        if hashlib.sha256(data[offset : offset + length]).hexdigest() != digest:
            faults.append(f"the span of capture {capture} is not what was kept")
        end = offset + length
    if rows and end != len(data) and not anew:
        faults.append(f"the last span ends at byte {end} of {len(data)}")
    return faults


def _scan(data: bytes) -> tuple[dict[int, Found], list[str]]:
    """The records by offset, and what is wrong with them or between them."""
    records: dict[int, Found] = {}
    faults = []
    iterator = ArchiveIterator(BytesIO(data), no_record_parse=True)
    end = 0
    try:
        for record in iterator:
            block = record.raw_stream.read()
            offset, length = iterator.get_record_offset(), iterator.get_record_length()
            headers = {name.lower(): value for name, value in record.rec_headers.headers}
            records[offset] = found = _found(record.rec_type, length, headers, block)
            end = offset + length
            if headers.get("warc-block-digest") != f"sha256:{hashlib.sha256(block).hexdigest()}":
                faults.append(f"the block digest at byte {offset} does not hold")
            stated = headers.get("warc-payload-digest")
            if stated and found.payload and stated != f"sha256:{found.payload}":
                faults.append(f"the payload digest at byte {offset} does not hold")
    except (ArchiveLoadFailed, EOFError, OSError, ValueError) as error:
        faults.append(f"behind byte {end} nothing can be read: {error}")
    if end != len(data):
        faults.append(f"the last record ends at byte {end} of {len(data)}")
    ids = {found.id for found in records.values()}
    for offset, found in records.items():
        if found.headers.get("warc-concurrent-to", found.id) not in ids:
            faults.append(f"the record at byte {offset} belongs to none in this file")
    return records, faults


def _found(kind: str, length: int, headers: dict[str, str], block: bytes) -> Found:
    if kind not in ("response", "revisit"):
        told = [line.partition(b": ")[2] for line in block.split(b"\r\n") if line.startswith(b"Presskeep-Reduced: ")]
        return Found(kind, length, headers, 0, None, tuple(json.loads(each)["payload_sha256"] for each in told))
    stream = BytesIO(block)
    http = StatusAndHeadersParser(["HTTP/1.0", "HTTP/1.1"]).parse(stream)
    if headers.get("warc-profile") == IDENTICAL:
        return Found(kind, length, headers, int(http.get_statuscode()), None)
    body = stream.read()
    if "chunked" in (http.get_header("transfer-encoding") or "").lower():
        reader = ChunkedDataReader(BytesIO(body))
        body = b"".join(iter(reader.read, b""))
    return Found(kind, length, headers, int(http.get_statuscode()), hashlib.sha256(body).hexdigest())


def _compare(connection: Any, places: dict[int, dict[int, Found]]) -> list[str]:
    """Captures against records, in both directions."""
    faults = []
    rows = {
        row[0]: row[1:]
        for row in connection.execute(
            'SELECT capture.id, warc_file, "offset", length, status, payload_sha256, refers_to, url, outcome'
            " FROM capture JOIN location ON location.id = capture.location"
        )
    }
    reduced = dict(
        connection.execute("SELECT capture, moved_to FROM reduction JOIN capture ON id = capture").fetchall()
    )
    taken = set()
    for number, (file, offset, length, status, payload, refers_to, url, _) in rows.items():
        if file not in places:
            continue
        taken.add((file, offset))
        found = places[file].get(offset)
        if number in reduced:
            found = places[file].get(reduced[number])
            if found is None or found.length != length or payload not in found.told[offset - reduced[number] :][:1]:
                faults.append(f"capture {number}: no record in its response's place tells of it")
            continue
        if found is None or found.kind != ("response" if refers_to is None else "revisit"):
            faults.append(f"capture {number}: no record of its kind stands at byte {offset}")
            continue
        if (found.length, found.status) != (length, status):
            faults.append(f"capture {number}: length or status is not the record's")
        if found.url != url:
            faults.append(f"capture {number}: {found.url} is not {url}")
        if found.payload is not None and found.payload != payload:
            faults.append(f"capture {number}: another payload")
        if refers_to is not None:
            faults += _compare_original(number, found, payload, rows.get(refers_to), places)
    for file, records in places.items():
        for offset, found in records.items():
            if found.kind in ("response", "revisit") and (file, offset) not in taken:
                faults.append(f"no capture points to the {found.kind} of {found.url} at byte {offset}")
    return faults


def _compare_original(
    number: int, revisit: Found, payload: str, row: Any, places: dict[int, dict[int, Found]]
) -> list[str]:
    """A revisit against the response that it refers to."""
    original = places.get(row[0], {}).get(row[1]) if row is not None else None
    if original is None or original.kind != "response":
        return [f"capture {number}: what it refers to is not there"]
    faults = []
    named = tuple(revisit.headers.get(f"warc-refers-to{part}") for part in ("", "-target-uri", "-date"))
    if named != (original.id, original.url, original.headers.get("warc-date")):
        faults.append(f"capture {number}: its record names another than the one that it refers to")
    if revisit.payload is None:
        stated = revisit.headers.get("warc-payload-digest")
        if original.payload != payload or stated != f"sha256:{payload}":
            faults.append(f"capture {number}: the payload that it refers to is another")
    return faults


def _pointless(connection: Any) -> list[str]:
    """Rows that point to none, articles without a text, and texts that no capture showed."""
    faults = []
    for table, column, target, key in POINTERS:
        statement = (
            f"SELECT count(*) FROM {table} AS a LEFT JOIN {target} AS b ON a.{column} = b.{key}"
            f" WHERE a.{column} IS NOT NULL AND b.{key} IS NULL"
        )
        faults += _counted(connection, statement, f"{table}.{column} points to no {target}")
    faults += _counted(
        connection, "SELECT count(*) FROM article WHERE current_revision IS NULL", "an article has no text"
    )
    faults += _counted(
        connection,
        "SELECT count(*) FROM revision WHERE id NOT IN (SELECT revision FROM extraction WHERE revision IS NOT NULL)",
        "no capture showed a text",
    )
    faults += _counted(
        connection,
        "SELECT count(*) FROM reduction WHERE shows IN (SELECT capture FROM reduction)",
        "what was reduced is shown by what was reduced",
    )
    faults += _counted(
        connection,
        "SELECT count(*) FROM reduction WHERE reason = 'unchanged' AND NOT EXISTS (SELECT 1 FROM extraction AS a"
        " JOIN extraction AS b ON a.revision = b.revision AND a.text_sha256 = b.text_sha256"
        " WHERE a.capture = reduction.capture AND b.capture = shows)",
        "what was reduced showed another text",
    )
    faults += _counted(
        connection,
        "SELECT count(*) FROM capture WHERE outcome = 'article' AND NOT EXISTS"
        " (SELECT 1 FROM extraction WHERE capture = capture.id AND revision IS NOT NULL)",
        "a capture of an article gave no text",
    )
    return faults


def _counted(connection: Any, statement: str, what: str) -> list[str]:
    ((count,),) = connection.execute(statement).fetchall()
    return [f"{what}: {count} times"] if count else []
