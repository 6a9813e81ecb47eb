"""Check what is drawn from other rows or rules what is done next, and draw it anew where it makes no sense."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Literal

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    true,
    update,
)

from storage.captures import is_reduced
from storage.fixity.articles import (
    dated_otherwise,
    mend_dates,
    mend_days,
    mend_mergers,
    merged_otherwise,
    of_another_day,
    strange_kind,
)
from storage.fixity.bindings import (
    begins_otherwise,
    mend_beginnings,
    mend_moves,
    mend_shown,
    moved_by_hand,
    shows_another,
)
from storage.fixity.current import mend_misplaced, mend_outdated, misplaced, outdated
from storage.fixity.findings import Finding
from storage.fixity.texts import content_of, figures_of
from storage.index import index_revisions, revision_search
from storage.inserting import count_up
from storage.models import article, capture, counter, extraction, fetch_failure, location, resource, revision
from storage.priorities import COPY, FILL, LISTING, MEDIA, NEW, REVISIT

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""No due time and no lease lies outside these."""
NOT_MODIFIED = 304
_LIMIT = 1000
"""Faults against one rule that are named one by one."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """What must hold of a table's rows: who breaks it, and how that is drawn anew."""

    table: str
    what: str
    broken: Callable[[Connection], Iterator[str]]
    mend: Callable[[Connection], None]
    kind: Literal["state-wrong", "index-wrong"] = "state-wrong"


def check_state(connection: Connection) -> Iterator[Finding]:
    """Name every row that breaks a rule, up to 1,000 a rule."""
    for rule in _RULES:
        for key in islice(rule.broken(connection), _LIMIT):
            yield Finding(rule.kind, f"{rule.table}/{key}", rule.what)


def mend_state(connection: Connection) -> None:
    """Draw anew whatever breaks a rule, in the write transaction given."""
    for rule in _RULES:
        if next(rule.broken(connection), None) is not None:
            rule.mend(connection)


# What a capture came to: a copy of its newest reading.

_later = extraction.alias("later")
_newest = select(func.max(_later.c.at)).where(_later.c.capture == capture.c.id).correlate(capture).scalar_subquery()
_told_by_newest = select(extraction.c.capture).where(
    extraction.c.capture == capture.c.id, extraction.c.at == _newest, extraction.c.outcome == capture.c.outcome
)
_other_outcome = and_(
    select(extraction.c.capture).where(extraction.c.capture == capture.c.id).exists(), ~_told_by_newest.exists()
)


def _mend_outcomes(connection: Connection) -> None:
    outcome = (
        select(extraction.c.outcome)
        .where(extraction.c.capture == capture.c.id)
        .order_by(extraction.c.at.desc(), extraction.c.extractor.desc())
        .limit(1)
    )
    connection.execute(update(capture).where(_other_outcome).values(outcome=outcome.scalar_subquery()))


# Whose payload a capture has that came without one: of the very digest that its row states. An answer that nothing has
# changed (304) states none; it means the last whole answer at its own address before it.

_original = capture.alias("original")
_unchanged = and_(capture.c.status == NOT_MODIFIED, capture.c.source != "import")
_fits = case(
    (_unchanged, _original.c.location == capture.c.location),
    (capture.c.status != NOT_MODIFIED, _original.c.payload_sha256 == capture.c.payload_sha256),
    else_=true(),
)
_other_payload = and_(
    capture.c.refers_to.is_not(None),
    ~select(_original.c.id).where(_original.c.id == capture.c.refers_to, _fits).exists(),
)


def _mend_references(connection: Connection) -> None:
    here = and_(_original.c.refers_to.is_(None), _original.c.truncated.is_(None), ~is_reduced(_original))
    whole = and_(here, _original.c.status == 200)
    last = select(func.max(_original.c.id)).where(_fits, whole, _original.c.id < capture.c.id)
    found = last.correlate(capture).scalar_subquery()
    connection.execute(update(capture).where(_other_payload, found.is_not(None)).values(refers_to=found))


# When a text was seen: from the first to the last capture that showed it.

_first_shown, _last_shown = (
    select(bound(capture.c.at))
    .join(extraction, extraction.c.capture == capture.c.id)
    .where(extraction.c.revision == revision.c.id)
    .correlate(revision)
    .scalar_subquery()
    for bound in (func.min, func.max)
)
_other_times = or_(revision.c.first_at != _first_shown, revision.c.last_at != _last_shown)


def _mend_times(connection: Connection) -> None:
    connection.execute(update(revision).where(_other_times).values(first_at=_first_shown, last_at=_last_shown))


def _leave(connection: Connection) -> None:
    """Nothing here says what it was."""


# The frontier: leases, attempts, order and due times.

_in_sense = (EARLIEST, LATEST)
_due_out = and_(resource.c.due_at.is_not(None), ~resource.c.due_at.between(*_in_sense))
_lease_out = or_(
    resource.c.lease_owner.is_(None) != resource.c.lease_until.is_(None),
    and_(resource.c.lease_until.is_not(None), ~resource.c.lease_until.between(*_in_sense)),
)
_attempts_out = or_(resource.c.attempts < 0, resource.c.attempts > 1_000_000)
_priority_out = resource.c.priority.not_in((LISTING, NEW, FILL, REVISIT, COPY, MEDIA))
_no_frontier = or_(_due_out, _lease_out, _attempts_out, _priority_out)


def _mend_frontier(connection: Connection) -> None:
    fetched = (
        select(location.c.id).where(location.c.resource == resource.c.id, location.c.fetched_at.is_not(None)).exists()
    )
    order = case(
        (resource.c.kind == "media", MEDIA), (resource.c.kind != "article", LISTING), (fetched, REVISIT), else_=NEW
    )
    connection.execute(
        update(resource)
        .where(_no_frontier)
        .values(
            due_at=case((_due_out, literal(datetime.now(UTC), resource.c.due_at.type)), else_=resource.c.due_at),
            lease_owner=case((_lease_out, None), else_=resource.c.lease_owner),
            lease_until=case((_lease_out, None), else_=resource.c.lease_until),
            attempts=case((_attempts_out, 0), else_=resource.c.attempts),
            priority=case((_priority_out, order), else_=resource.c.priority),
        )
    )


# Locations: the last sight is not before the first.

_turned = location.c.last_at < location.c.first_at


def _mend_locations(connection: Connection) -> None:
    connection.execute(update(location).where(_turned).values(last_at=location.c.first_at))


# Counters: as many as there are rows.


def _true_counts(connection: Connection) -> dict[tuple[int, str], int]:
    placed = resource.join(location, location.c.resource == resource.c.id)
    sources: dict[str, tuple[Column[int], FromClause]] = {
        "articles": (article.c.outlet, article),
        "revisions": (article.c.outlet, article.join(revision, revision.c.article == article.c.id)),
        "resources": (resource.c.outlet, resource),
        "locations": (resource.c.outlet, placed),
        "captures": (resource.c.outlet, placed.join(capture, capture.c.location == location.c.id)),
        "failures": (resource.c.outlet, placed.join(fetch_failure, fetch_failure.c.location == location.c.id)),
    }
    counts = {}
    for name, (owner, source) in sources.items():
        statement = select(owner, func.count()).select_from(source).group_by(owner)
        counts.update({(outlet, name): n for outlet, n in connection.execute(statement)})
    return counts


def _kept_counts(connection: Connection) -> dict[tuple[int, str], int]:
    return {(row.outlet, row.name): row.n for row in connection.execute(select(counter))}


def _miscounted(connection: Connection) -> Iterator[str]:
    true_counts, kept = _true_counts(connection), _kept_counts(connection)
    for outlet, name in sorted(true_counts.keys() | kept.keys()):
        if true_counts.get((outlet, name), 0) != kept.get((outlet, name), 0):
            yield f"{outlet}.{name}"


def _mend_counters(connection: Connection) -> None:
    connection.execute(delete(counter))
    for (outlet, name), n in _true_counts(connection).items():
        count_up(connection, outlet, {name: n})


# Search: one row for each text.


def _unindexed(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "postgresql":
        lacking = "SELECT id FROM revision WHERE NOT EXISTS (SELECT 1 FROM revision_search WHERE revision = id)"
        strange = "SELECT revision FROM revision_search WHERE revision NOT IN (SELECT id FROM revision)"
    else:
        lacking = "SELECT id FROM revision WHERE id NOT IN (SELECT rowid FROM revision_fts)"
        strange = "SELECT rowid FROM revision_fts WHERE rowid NOT IN (SELECT id FROM revision)"
    for statement in (lacking, strange):
        yield from (str(number) for number in connection.execute(text(statement)).scalars())


def index_anew(connection: Connection) -> None:
    """Write every search row anew, in the write transaction given."""
    if connection.dialect.name == "postgresql":
        connection.execute(delete(revision_search))
    else:
        connection.execute(text("INSERT INTO revision_fts (revision_fts) VALUES ('delete-all')"))
    last = 0
    while rows := connection.execute(
        select(revision).where(revision.c.id > last).order_by(revision.c.id).limit(_LIMIT)
    ).all():
        figures = figures_of(connection, [row.id for row in rows])
        index_revisions(connection, [(row.id, content_of(row, figures.get(row.id, ()))) for row in rows])
        last = rows[-1].id


def _rows_where(table_id: Column[int], broken: ColumnElement[bool]) -> Callable[[Connection], Iterator[str]]:
    statement = select(table_id).where(broken, true()).order_by(table_id)

    def find(connection: Connection) -> Iterator[str]:
        return (str(number) for number in connection.execute(statement).scalars())

    return find


_RULES = (
    _Rule(
        "capture",
        "its outcome is not that of its newest reading",
        _rows_where(capture.c.id, _other_outcome),
        _mend_outcomes,
    ),
    _Rule(
        "capture",
        "it refers to a capture that has not its payload",
        _rows_where(capture.c.id, _other_payload),
        _mend_references,
    ),
    _Rule(
        "revision",
        "the times at which it was seen are not its captures'",
        _rows_where(revision.c.id, _other_times),
        _mend_times,
    ),
    _Rule("article", "its current text is none of its own", misplaced, mend_misplaced),
    _Rule("article", "its current text is none that a domain showed last", outdated, mend_outdated),
    _Rule(
        "article",
        "no capture showed it when it is said to have been seen first",
        _rows_where(article.c.id, begins_otherwise),
        mend_beginnings,
    ),
    _Rule("article", "its kind is none that there is", _rows_where(article.c.id, strange_kind), _leave),
    _Rule(
        "article",
        "its date of publication is none that its texts state",
        _rows_where(article.c.id, dated_otherwise),
        mend_dates,
    ),
    _Rule("article", "its day is none of its addresses and texts", of_another_day, mend_days),
    _Rule("article", "it is merged otherwise than decisions say", merged_otherwise, mend_mergers),
    _Rule("location", "it belongs to another resource than it was moved to", moved_by_hand, mend_moves),
    _Rule(
        "resource",
        "its addresses showed another article than it is said to be",
        shows_another,
        mend_shown,
    ),
    _Rule(
        "resource", "its place in the frontier makes no sense", _rows_where(resource.c.id, _no_frontier), _mend_frontier
    ),
    _Rule(
        "location", "it was last seen before it was first seen", _rows_where(location.c.id, _turned), _mend_locations
    ),
    _Rule("counter", "the number is not that of the rows", _miscounted, _mend_counters),
    _Rule("revision_search", "texts and search rows are not one to one", _unindexed, index_anew, "index-wrong"),
)
