"""Mend what a check found, where what is still here proves what stood there; say what cannot be mended."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, select, update

from storage.archive import Archive
from storage.crawls import demand_idle
from storage.errors import ArchiveDamaged
from storage.fixity.findings import Finding
from storage.fixity.members import file_digest
from storage.fixity.state import index_anew, mend_state
from storage.fixity.texts import content_of, figures_of, mend_drawn
from storage.identity import content_digest, text_sha256
from storage.keeping import facts_of_exchange, fetch_from, origin_of, to_millisecond
from storage.manifest import COVERED, draw_manifest, kept_manifest, manifest_digest, row_line
from storage.models import capture, crawl, revision, warc_file
from storage.urls import canonical_url
from storage.warc_reading import open_warc, payload_sha256, read_whole, to_exchange
from storage.warc_records import read_record

_BACKUP = "put the file of a backup in its place"
_UNPROVEN = "nothing here proves what stood there; see the row in a backup"
_WHY_NOT = {
    "file-missing": _BACKUP,
    "file-altered": _BACKUP,
    "file-strange": "`presskeep import` takes it in, if it is yours",
    "record-altered": _BACKUP,
    "record-missing": _BACKUP,
    "record-strange": "`presskeep import` takes such records in, if they are yours",
    "database-damaged": "restore a backup, or dump the database and read it into a new one",
}
"""Why findings of these kinds are beyond repair, or what a person can do."""

_Values = dict[str, Any]


def repair(
    archive: Archive, findings: Sequence[Finding], check_again: Callable[[], Iterable[Finding]]
) -> list[Finding]:
    """Mend what can be mended, in one transaction; gives the findings, each with what became of it.

    Nothing is written that a manifest, a digest or another row does not prove. `check_again` tells what is still
    found after that: what is not is mended. Raises OutletLocked while a run holds an outlet.
    """
    with archive.begin() as connection:
        demand_idle(connection)
        rows = _Rows(archive, connection)
        done = [_mend_one(connection, rows, each) for each in findings]
        mend_drawn(connection, _numbers(findings, "revision_author"), _numbers(findings, "revision_search"))
        if any(each.place.startswith("database") and "revision_fts" in each.what for each in findings):
            index_anew(connection)
        mend_state(connection)
    if not any(each.repaired for each in done):
        return done
    left = {(each.kind, each.place): each for each in check_again()}
    settled = [_settle(each, left.pop((each.kind, each.place), None)) for each in done]
    return settled + [each.beyond_repair("it came to light by the repair") for each in left.values()]


def _settle(done: Finding, left: Finding | None) -> Finding:
    """What a second check says of a finding."""
    if left is None:
        return done if done.repaired else done.mended("gone with the rest")
    return left.beyond_repair(done.repair if not done.repaired else _UNPROVEN)


def _mend_one(connection: Connection, rows: _Rows, finding: Finding) -> Finding:
    if finding.kind in ("state-wrong", "index-wrong"):
        return finding.mended("drawn anew")
    if finding.kind == "manifest-altered":
        return _mend_manifest(connection, finding)
    if finding.kind == "row-altered":
        how = rows.restore(finding.place)
        return finding.mended(how) if how else finding.beyond_repair(_UNPROVEN)
    return finding.beyond_repair(_WHY_NOT.get(finding.kind, _UNPROVEN))


def _mend_manifest(connection: Connection, finding: Finding) -> Finding:
    """Draw a manifest anew where its rows still have its digest; restore the digest where the next crawl names it."""
    number = int(finding.place.partition("/")[2])
    kept = connection.execute(select(crawl.c.manifest_digest).where(crawl.c.id == number)).scalar_one()
    drawn = manifest_digest(connection, number)
    if drawn == kept:
        draw_manifest(connection, number)
        return finding.mended("drawn anew from its rows, which still have its digest")
    named = connection.execute(select(crawl.c.id).where(crawl.c.previous_digest == drawn)).first()
    if named is not None:
        connection.execute(update(crawl).where(crawl.c.id == number).values(manifest_digest=drawn))
        return finding.mended(f"its digest is restored from crawl/{named.id}, which names it")
    return finding.beyond_repair(_UNPROVEN)


def _numbers(findings: Sequence[Finding], table: str) -> list[int]:
    places = (each.place.partition("/") for each in findings)
    return [int(key) for name, _, key in places if name == table and key.isdecimal()]


class _Rows:
    """Restores rows that a manifest covers: of what they may have held, that which the manifest confirms."""

    def __init__(self, archive: Archive, connection: Connection) -> None:
        self._archive, self._connection = archive, connection
        self._digests: dict[int, dict[str, str]] = {}

    def restore(self, name: str) -> str:
        """Restore a row by its name in the manifest; gives how, or nothing where nothing is confirmed."""
        for table, order, columns in COVERED:
            if table.name != name.partition("/")[0] or table.name not in _GUESSES:
                continue
            for row in self._rows(table, order, columns, name):
                return self._restore(table, order, columns, row, name)
        return ""

    def _rows(self, table: Table, order: Sequence[str], columns: Sequence[str], name: str) -> Iterator[Row[Any]]:
        keys = name.partition("/")[2].split(".")
        if len(keys) == len(order) and all(key.isdecimal() for key in keys):
            same = and_(*(table.c[column] == int(key) for column, key in zip(order, keys, strict=True)))
            yield from self._connection.execute(select(table).where(same))

    def _restore(self, table: Table, order: Sequence[str], columns: Sequence[str], row: Row[Any], name: str) -> str:
        wanted = self._digest(row.crawl, name)
        for values, how in _GUESSES[table.name](self._archive, self._connection, row):
            now = [values.get(column, getattr(row, column)) for column in columns]
            if hashlib.sha256(row_line(columns, now)).hexdigest() == wanted:
                same = and_(*(table.c[column] == getattr(row, column) for column in order))
                self._connection.execute(update(table).where(same).values(values))
                return f"restored from {how}; the manifest confirms it"
        return ""

    def _digest(self, crawl_id: int | None, name: str) -> str | None:
        """The digest that a crawl's kept manifest gives for a row."""
        if crawl_id is None:
            return None
        if crawl_id not in self._digests:
            text = "".join(kept_manifest(self._connection, crawl_id))
            lines = (line.partition("  ") for line in text.split("\n") if not line.startswith("#"))
            self._digests = {crawl_id: {name: digest for digest, _, name in lines}}
        return self._digests[crawl_id].get(name)


_Guess = Callable[[Archive, Connection, Row[Any]], Iterator[tuple[_Values, str]]]


def _guess_capture(archive: Archive, connection: Connection, row: Row[Any]) -> Iterator[tuple[_Values, str]]:
    """What the records say that the capture points to."""
    path = connection.execute(select(warc_file.c.path).where(warc_file.c.id == row.warc_file)).scalar_one()
    before = connection.execute(
        select(capture.c.span_offset + capture.c.span_length)
        .where(capture.c.warc_file == row.warc_file, capture.c.offset < row.offset)
        .order_by(capture.c.offset.desc())
        .limit(1)
    ).scalar()
    try:
        with open_warc(archive.warc_folder, path) as file:
            whole = read_whole(file, row.offset)
            exchange = to_exchange(whole, file)
            fetch = fetch_from(whole.facts, exchange)
            start = before or 0
            file.seek(start)
            span = file.read(whole.end - start)
    except (ArchiveDamaged, KeyError, TypeError, ValueError):
        return
    values = {
        "member_sha256": whole.response.member_sha256,
        "payload_sha256": payload_sha256(whole, exchange),
        "at": to_millisecond(fetch.at),
        "span_offset": start,
        "span_length": len(span),
        "span_sha256": hashlib.sha256(span).hexdigest(),
        "origin": origin_of(fetch),
        **facts_of_exchange(exchange),
    }
    for source in (row.source, "live", "recover"):
        yield values | {"source": source}, "its records"


def _guess_location(archive: Archive, connection: Connection, row: Row[Any]) -> Iterator[tuple[_Values, str]]:
    """The URL that its captures' records name, or the hash of the URL."""
    urls = [row.url]
    captured = select(warc_file.c.path, capture.c.offset, capture.c.at).join_from(capture, warc_file)
    moments = [row.first_at]
    for path, offset, at in connection.execute(
        captured.where(capture.c.location == row.id).order_by(capture.c.at).limit(1)
    ):
        moments.append(at)
        try:
            with open_warc(archive.warc_folder, path) as file:
                urls.append(canonical_url(read_record(file, offset).fields.get("warc-target-uri", "")))
        except (ArchiveDamaged, ValueError):
            continue
    for url, how, first_at in product(urls, (row.how, "fetched", "linked", "canonical", "imported"), moments):
        digest = hashlib.sha256(url.encode()).digest()
        yield {"url": url, "url_hash": digest, "how": how, "first_at": first_at}, "its URL and its records"


def _guess_revision(archive: Archive, connection: Connection, row: Row[Any]) -> Iterator[tuple[_Values, str]]:
    """What follows from the text: its digest and its plain form."""
    try:
        content = content_of(row, figures_of(connection, [row.id]).get(row.id, ()))
        digest = content_digest(content)
    except (AttributeError, KeyError, TypeError, ValueError):
        return
    for values in ({"digest": digest}, {"body": content.body}, {"digest": digest, "body": content.body}):
        yield values, "its text"


def _guess_extraction(archive: Archive, connection: Connection, row: Row[Any]) -> Iterator[tuple[_Values, str]]:
    """What its capture and its revision say."""
    outcome = connection.execute(select(capture.c.outcome).where(capture.c.id == row.capture)).scalar()
    forms = [row.text_sha256]
    shown = connection.execute(select(revision).where(revision.c.id == row.revision)).one_or_none()
    if shown is not None:
        forms.append(text_sha256(content_of(shown, figures_of(connection, [shown.id]).get(shown.id, ()))))
    for form, told in product(forms, (row.outcome, outcome)):
        yield {"text_sha256": form, "outcome": told}, "its capture and its text"


def _guess_file(archive: Archive, connection: Connection, row: Row[Any]) -> Iterator[tuple[_Values, str]]:
    """What the file itself is."""
    try:
        digest, size = file_digest(archive.warc_folder, row.path)
    except ArchiveDamaged:
        return
    yield {"sha256": digest, "committed_len": size}, "the file"


_GUESSES: dict[str, _Guess] = {
    "capture": _guess_capture,
    "location": _guess_location,
    "revision": _guess_revision,
    "extraction": _guess_extraction,
    "warc_file": _guess_file,
}
"""What a row of a table may have held before, with where that comes from."""
