"""Give addresses and keys back to what they belonged to at first, as the manifest of the run that added them proves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from sqlalchemy import Column, Connection, select, update

from storage.fixity.digests import KeptDigests
from storage.manifest import row_line
from storage.models import article, article_key, location, resource

_HOW = "given back to what the manifest confirms"


def restore_bindings(connection: Connection, digests: KeptDigests, names: Sequence[str]) -> dict[str, str]:
    """Restore what bindings of these names (as manifests have them) say, where one candidate has the kept digest; gives
    how, for each that could be. An address that was moved since goes where its last move says, by another rule."""
    done = {}
    for name in names:
        table, _, key = name.partition("/")
        kept = digests.get(name)
        if kept is None:
            continue
        if table == "location_resource" and key.isdecimal():
            restored = _restore_location(connection, int(key), kept.sha256)
        elif table == "article_key_article" and key.partition(".")[0].isdecimal():
            outlet, _, word = key.partition(".")
            restored = _restore_key(connection, int(outlet), unquote(word), kept.sha256)
        else:
            continue
        if restored:
            done[name] = _HOW
    return done


def _restore_location(connection: Connection, number: int, sha256: str) -> bool:
    for candidate in _ids(connection, resource.c.id):
        if _digest(("id", "resource"), (number, candidate)) == sha256:
            connection.execute(update(location).where(location.c.id == number).values(resource=candidate))
            return True
    return False


def _restore_key(connection: Connection, outlet: int, key: str, sha256: str) -> bool:
    for candidate in _ids(connection, article.c.id):
        if _digest(("outlet", "key", "article"), (outlet, key, candidate)) == sha256:
            row = (article_key.c.outlet == outlet, article_key.c.key == key)
            connection.execute(update(article_key).where(*row).values(article=candidate))
            return True
    return False


def _ids(connection: Connection, column: Column[int]) -> Iterator[int]:
    statement = select(column).order_by(column)
    yield from connection.execute(statement, execution_options={"yield_per": 5000}).scalars()


def _digest(columns: Sequence[str], values: Sequence[object]) -> str:
    return hashlib.sha256(row_line(columns, values)).hexdigest()
