"""Where a WARC file lies, by its row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case


def stored_path(table: Any) -> ColumnElement[str]:
    """A WARC file's path as `open_warc` and `read_exchange` take it: relative to the archive's WARC folder, absolute
    where its store is a folder elsewhere. `table` is `warc_file` or an alias of it."""
    return case((table.c.store == "warc", table.c.path), else_=table.c.store + "/" + table.c.path)
