"""What repeats on an outlet's pages: blocks counted by domain and month, behind the captures, and what was learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from storage.captures import PendingCapture, is_reduced, placed_captures
from storage.inserting import in_portions, insert_into, insert_missing
from storage.models import block_count, capture, cursor, domain, learnt, location, resource

Window = tuple[int, int]
"""A domain (id) and a month, counted from the year 0, in which captures were made."""

_ARTICLES = 0
"""Stands for all articles of a window in the place of a block, which is never 0."""
_PRUNED_FROM = 100
"""Articles of a window from which on blocks that were seen on less than a fiftieth of them are let go."""
_FIFTIETH = 50


@dataclass(frozen=True, slots=True)
class FreshArticle:
    """The first capture of an article on a domain, behind the cursor."""

    capture: int
    window: Window


@dataclass(frozen=True, slots=True)
class BlockCount:
    """A block: on how many articles of a window it was seen, on how many of these among a body's paragraphs or after
    them."""

    block: int
    n: int
    among: int
    after: int
    sample: str


def counted_until(connection: Connection, outlet: int) -> int:
    """The capture up to which an outlet's are counted."""
    position = connection.execute(_POSITION, {"of_job": _job(outlet)}).scalar_one_or_none()
    return position or 0


def fresh_articles(connection: Connection, outlet: int, after: int, limit: int) -> list[FreshArticle]:
    """The next captures behind one that first showed an article on their domain, in their order."""
    rows = connection.execute(_FRESH, {"of_outlet": outlet, "after": after, "most": limit})
    return [FreshArticle(row[0], (row[2], _month(row[1]))) for row in rows]


_EARLIER, _EARLIER_LOCATION = capture.alias("earlier"), location.alias("earlier_location")
_KNOWN = (
    select(_EARLIER.c.id)
    .join(_EARLIER_LOCATION, _EARLIER_LOCATION.c.id == _EARLIER.c.location)
    .where(
        _EARLIER_LOCATION.c.resource == resource.c.id,
        _EARLIER_LOCATION.c.domain == location.c.domain,
        _EARLIER.c.id < capture.c.id,
        _EARLIER.c.outcome == "article",
    )
)
# The sum keeps SQLite from the index of outlets, by which all captures would be sorted anew.
_FRESH = (
    select(capture.c.id, capture.c.at, location.c.domain)
    .join(location, location.c.id == capture.c.location)
    .join(resource, resource.c.id == location.c.resource)
    .where(resource.c.outlet + 0 == bindparam("of_outlet"))
    .where(capture.c.id > bindparam("after"), capture.c.outcome == "article")
    .where(location.c.domain.is_not(None), ~is_reduced(capture), ~_KNOWN.exists())
    .order_by(capture.c.id)
    .limit(bindparam("most"))
)


def places_of(connection: Connection, captures: Sequence[int]) -> dict[int, PendingCapture]:
    """Where captures lie, by their ids."""
    found: dict[int, PendingCapture] = {}
    for portion in in_portions(captures):
        rows = connection.execute(placed_captures().where(capture.c.id.in_(portion)))
        found.update((row[0], PendingCapture(*row)) for row in rows)
    return found


def articles_counted(connection: Connection, outlet: int) -> dict[Window, int]:
    """How many articles of each window of an outlet were counted."""
    return {(row[0], row[1]): row[2] for row in connection.execute(_COUNTED, {"of_outlet": outlet})}


_COUNTED = select(block_count.c.domain, block_count.c.window, block_count.c.n).where(
    block_count.c.domain.in_(select(domain.c.id).where(domain.c.outlet == bindparam("of_outlet"))),
    block_count.c.hash == _ARTICLES,
)


def blocks_counted(connection: Connection, window: Window, least: int = 1) -> list[BlockCount]:
    """The blocks that were seen on at least so many articles of a window."""
    rows = connection.execute(_BLOCKS, {"of_domain": window[0], "of_window": window[1], "least": least})
    return [BlockCount(row[0], row[1], row[2], row[3], row[4] or "") for row in rows]


_BLOCKS = (
    select(*(block_count.c[name] for name in ("hash", "n", "among", "after", "sample")))
    .where(block_count.c.domain == bindparam("of_domain"), block_count.c.window == bindparam("of_window"))
    .where(block_count.c.hash != _ARTICLES, block_count.c.n >= bindparam("least"))
)


def add_counts(
    connection: Connection,
    outlet: int,
    span: tuple[int, int],
    counts: Mapping[Window, tuple[int, Sequence[BlockCount]]],
) -> bool:
    """Add what was counted on the captures of a span, and move the cursor from its begin to its end; `counts` holds the
    articles of each window, and their blocks. False, with nothing written, where another run was there before."""
    if not _move_cursor(connection, outlet, span):
        return False
    for window, (articles, blocks) in counts.items():
        total = BlockCount(_ARTICLES, articles, 0, 0, "")
        _add(connection, [_row(window, each) for each in (total, *blocks)])
        number = select(block_count.c.n).where(*_of_window(window), block_count.c.hash == _ARTICLES)
        if connection.execute(number).scalar_one() >= _PRUNED_FROM:
            rare = block_count.c.n * _FIFTIETH < number.scalar_subquery()
            connection.execute(delete(block_count).where(*_of_window(window), block_count.c.hash != _ARTICLES, rare))
    return True


def freeze(connection: Connection, outlet: int, digest: str, blocks: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Keep a learnt set of an outlet by its digest, and give what is kept under it: the first stays. It stands at the
    outlet's first domain, and holds what was learnt on all. `at` is UTC."""
    first = select(domain.c.id).where(domain.c.outlet == outlet).order_by(domain.c.rank, domain.c.id).limit(1)
    number = connection.execute(first).scalar_one()
    insert_missing(connection, learnt, [{"digest": digest, "domain": number, "at": at, "hashes": dict(blocks)}])
    kept: dict[str, Any] = connection.execute(select(learnt.c.hashes).where(learnt.c.digest == digest)).scalar_one()
    return kept


_POSITION = select(cursor.c.position).where(cursor.c.job == bindparam("of_job"))


def _job(outlet: int) -> str:
    return f"repeats:{outlet}"


def _month(at: datetime) -> int:
    return 12 * at.year + at.month - 1


def _of_window(window: Window) -> tuple[Any, Any]:
    return block_count.c.domain == window[0], block_count.c.window == window[1]


def _move_cursor(connection: Connection, outlet: int, span: tuple[int, int]) -> bool:
    job, (begin, end) = _job(outlet), span
    insert_missing(connection, cursor, [{"job": job, "position": 0}])
    moved = update(cursor).where(cursor.c.job == job, cursor.c.position == begin).values(position=end)
    return connection.execute(moved).rowcount == 1


def _row(window: Window, each: BlockCount) -> dict[str, Any]:
    sample = each.sample.replace("\0", "").encode("utf-8", "replace").decode()  # as PostgreSQL takes it
    return {
        "domain": window[0],
        "window": window[1],
        "hash": each.block,
        "n": each.n,
        "among": each.among,
        "after": each.after,
        "sample": sample,
    }


def _add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    statement = insert_into(connection, block_count)
    sums = {name: block_count.c[name] + statement.excluded[name] for name in ("n", "among", "after")}
    statement = statement.on_conflict_do_update(index_elements=["domain", "window", "hash"], set_=sums)
    connection.execute(statement, list(rows))
