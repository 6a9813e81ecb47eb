"""Values in the database that cannot be what they were: a check names their rows, whoever else uses one is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from sqlalchemy import Connection

from storage.errors import ArchiveDamaged


class Unreadable:
    """Stands where a value was that is not of its column's type any more. `raw` is what stands in the database.

    To use it in any way raises ArchiveDamaged.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: object) -> None:
        self.raw = raw

    def _refuse(self, *_: object) -> NoReturn:
        raise ArchiveDamaged(
            "holds a value that cannot be read", "the archive's database", "`presskeep verify` says in which row."
        )

    __bool__ = __len__ = __iter__ = __getitem__ = __contains__ = __lt__ = __gt__ = __le__ = __ge__ = _refuse
    __add__ = __sub__ = __radd__ = __rsub__ = _refuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        self._refuse()


@contextmanager
def any_text(connection: Connection) -> Iterator[None]:
    """Within it, bytes of a text that are no UTF-8 come as lone surrogates, where SQLite's driver would give up the
    whole answer. PostgreSQL lets no such text in."""
    raw = connection.connection.dbapi_connection
    if not isinstance(raw, sqlite3.Connection):
        yield
        return
    before = raw.text_factory
    raw.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        raw.text_factory = before
