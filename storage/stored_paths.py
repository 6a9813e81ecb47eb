"""Where a WARC file and the records in it lie, by their rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func


def stored_path(table: Any) -> ColumnElement[str]:
    """A WARC file's path as `open_warc` and `read_exchange` take it: relative to the archive's WARC folder, absolute
    where its store is a folder elsewhere. `table` is `warc_file` or an alias of it."""
    return case((table.c.store == "warc", table.c.path), else_=table.c.store + "/" + table.c.path)


def span_start(table: Any) -> ColumnElement[int]:
    """Where a capture's span begins: in a file that was written anew, elsewhere than its manifest says. `table` is
    `capture` or an alias of it."""
    return func.coalesce(table.c.moved_to, table.c.span_offset)
