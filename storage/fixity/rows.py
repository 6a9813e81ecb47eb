"""Restore rows that a manifest covers: of what they may have held, that which the manifest confirms."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Row, Table, and_, select, update
from sqlalchemy.exc import IntegrityError

from storage.fixity.binding_repair import restore_bindings
from storage.fixity.digests import TABLES, KeptDigests
from storage.fixity.exchanges import Records
from storage.fixity.guessing import GUESSES
from storage.fixity.text_repair import ReadAgain, restore_texts
from storage.manifest import draw_manifest, kept_manifest, manifest_digest
from storage.models import crawl

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANTS = ("started_at", "ended_at")
_ASIDE: Mapping[str, Callable[[int], Mapping[str, Any]]] = {
    "capture": lambda number: {"offset": -(1 << 40) - number},
    "location": lambda number: {"url_hash": hashlib.sha256(f"aside/{number}".encode()).digest()},
    "warc_file": lambda number: {"path": f"aside/{number}"},
}
"""Values that no other row of a table has, in the columns that must differ."""
_HEAD = ("kind", "operator", "robots_policy", *_INSTANTS, "outcome", "stamp_authority", "previous_digest")


def restore_rows(
    records: Records, names: Sequence[str], read_again: ReadAgain | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    """Restore altered and missing rows, by their names in the manifest; gives how, for each that could be, and of texts
    that could not be read again, why.

    A row may be needed to restore another, so that it is tried again as long as any could be.
    """
    digests = KeptDigests(records.connection, names)
    done = restore_bindings(records.connection, digests, names)
    _restore_all(records, digests, names, done)
    if read_again is None:
        return done, {}
    texts, why_not = restore_texts(records, digests, [name for name in names if name not in done], read_again)
    if texts:
        done |= texts
        _restore_all(records, digests, names, done)
    return done, why_not


def restore_crawl(connection: Connection, number: int) -> str:
    """Restore a crawl's own row from the beginning of its manifest, where that is whole; gives how, '' where not."""
    text = "".join(kept_manifest(connection, number))
    digest = hashlib.sha256(text.encode()).hexdigest()
    if not _is_known(connection, number, digest):
        return ""
    try:
        facts = json.loads(text.split("\n", 2)[1].removeprefix("# "))
        values = {name: facts[name] for name in _HEAD}
        values |= {name: _EPOCH + timedelta(milliseconds=facts[name]) for name in _INSTANTS}
    except (IndexError, KeyError, TypeError, ValueError):
        return ""
    connection.execute(update(crawl).where(crawl.c.id == number).values(values))
    return "restored from its manifest" if manifest_digest(connection, number) == digest else ""


def restore_manifest(connection: Connection, number: int) -> str:
    """Draw a manifest anew where its rows still have its digest; restore the digest where the next crawl names it."""
    kept = connection.execute(select(crawl.c.manifest_digest).where(crawl.c.id == number)).scalar_one()
    drawn = manifest_digest(connection, number)
    if drawn == kept:
        draw_manifest(connection, number)
        return "drawn anew from its rows, which still have its digest"
    named = connection.execute(select(crawl.c.id).where(crawl.c.previous_digest == drawn)).first()
    if named is not None:
        connection.execute(update(crawl).where(crawl.c.id == number).values(manifest_digest=drawn))
        return f"its digest is restored from crawl/{named.id}, which names it"
    return ""


def _restore_all(records: Records, digests: KeptDigests, names: Sequence[str], done: dict[str, str]) -> None:
    tried = True
    while tried:
        tried = False
        blocked: dict[str, _Blocked] = {}
        for name in names:
            if name in done:
                continue
            found = _restore(records, digests, name)
            if isinstance(found, str) and found:
                done[name] = found
                tried = True
            elif isinstance(found, _Blocked):
                blocked[name] = found
        if blocked and not tried:
            done |= (exchanged := _write_together(records.connection, blocked))
            tried = bool(exchanged)


@dataclass(frozen=True, slots=True)
class _Blocked:
    """A row that is known and could not be written, since another stands in its way; `aside` is how to let it stand in
    the way of none."""

    table: Table
    same: ColumnElement[bool]
    aside: Mapping[str, Any]
    values: Mapping[str, Any]
    how: str


def _restore(records: Records, digests: KeptDigests, name: str) -> str | _Blocked:
    """Restore a row; gives how, or nothing where nothing is confirmed."""
    table_name, _, key = name.partition("/")
    kept, guess = digests.get(name), GUESSES.get(table_name)
    keys = key.split(".")
    if kept is None or guess is None or not all(each.isdecimal() for each in keys):
        return ""
    table, order, _ = TABLES[table_name]
    same = and_(*(table.c[column] == int(each) for column, each in zip(order, keys, strict=True)))
    row: Row[Any] | None = records.connection.execute(select(table).where(same)).one_or_none()
    if row is not None and row.crawl != kept.crawl and digests.confirm(name, row._asdict()):
        records.connection.execute(update(table).where(same).values(crawl=kept.crawl))
        return f"given back to crawl/{kept.crawl}, whose manifest names it"
    before = row._asdict() if row is not None else {"id": int(keys[0])}
    blocked: str | _Blocked = ""
    for values, source in guess(records, int(keys[0]), row):
        if digests.confirm(name, {**before, **values}):
            how = f"restored from {source}; the manifest confirms it"
            values = {**values, "crawl": kept.crawl}
            statement = (
                update(table).where(same).values(values)
                if row is not None
                else table.insert().values({**before, **values})
            )
            if _write(records.connection, statement):
                return how
            if row is not None and table_name in _ASIDE:
                blocked = _Blocked(table, same, _ASIDE[table_name](int(keys[0])), values, how)
    return blocked


def _write_together(connection: Connection, blocked: dict[str, _Blocked]) -> dict[str, str]:
    """Write rows that stand in each other's way, as those do that were exchanged; gives how each was restored."""
    while blocked:
        with connection.begin_nested() as attempt:
            for each in blocked.values():
                connection.execute(update(each.table).where(each.same).values(each.aside))
            stuck = [
                name
                for name, each in blocked.items()
                if not _write(connection, update(each.table).where(each.same).values(each.values))
            ]
            if not stuck:
                return {name: each.how for name, each in blocked.items()}
            attempt.rollback()
        blocked = {name: each for name, each in blocked.items() if name not in stuck}
    return {}


def _write(connection: Connection, statement: Executable) -> bool:
    """Write a row, unless another stands in its way: that may be one which is restored next."""
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except IntegrityError:
        return False
    return True


def _is_known(connection: Connection, number: int, digest: str) -> bool:
    """Whether a manifest's digest stands with its crawl, or with the one that follows."""
    known = (crawl.c.id == number) & (crawl.c.manifest_digest == digest) | (crawl.c.previous_digest == digest)
    return connection.execute(select(crawl.c.id).where(known)).first() is not None
