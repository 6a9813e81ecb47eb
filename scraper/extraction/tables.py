"""Tables of data, told from tables that only lay a page out."""

from __future__ import annotations

from lxml.html import HtmlElement

from scraper.extraction.passages import plain, text_of

_MOST_ROWS = 5_000
_LONGEST_CELL = 400
_WITHIN_LAYOUT = ("table", "h1", "h2", "h3", "form", "article", "section")


class Tables:
    """The tables of one body: which hold data, and which were taken; each is taken once, whole."""

    def __init__(self) -> None:
        self._rows: dict[HtmlElement, tuple[str, ...]] = {}
        self._taken: set[HtmlElement] = set()

    def holds_data(self, table: HtmlElement) -> bool:
        """Whether a table holds rows of short cells, two columns at least, and none of what lays out a page."""
        if table not in self._rows:
            self._rows[table] = _read_rows(table)
        return bool(self._rows[table])

    def take(self, table: HtmlElement) -> tuple[str, ...]:
        """The rows of a table, its cells divided by tabs; nothing for one that was taken before."""
        if table in self._taken or not self.holds_data(table):
            return ()
        self._taken.add(table)
        return self._rows[table]


def _read_rows(table: HtmlElement) -> tuple[str, ...]:
    """The rows as text; nothing where it is no table of data."""
    if (table.get("role") or "").lower() in ("presentation", "none") or next(
        table.iterdescendants(*_WITHIN_LAYOUT), None
    ) is not None:
        return ()
    rows: list[list[str]] = []
    for _, row in zip(range(_MOST_ROWS), table.iterdescendants("tr"), strict=False):
        cells = [plain(text_of(cell)) for cell in row if cell.tag in ("td", "th")]
        if any(len(cell) > _LONGEST_CELL for cell in cells):
            return ()
        if any(cells):
            rows.append(cells)
    wide = sum(sum(1 for cell in row if cell) > 1 for row in rows)
    if len(rows) < 2 or 2 * wide < len(rows):
        return ()
    return tuple("\t".join(row) for row in rows)
