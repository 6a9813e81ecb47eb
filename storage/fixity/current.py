"""Whether an article's current text is its own, and one that a domain showed last."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select, update

from storage.fixity.articles import has_no_part_in_a_merger
from storage.inserting import in_portions
from storage.judging import Line, Observation
from storage.models import article, revision
from storage.observing import current_digest, load_states
from storage.outlets import DomainMap, domains


def misplaced(connection: Connection) -> Iterator[str]:
    """The articles whose current text is another article's, and those with texts of which none is current."""
    of_current = article.alias("of_current")
    family, other = (func.coalesce(each.c.merged_into, each.c.id) for each in (article, of_current))
    strange = (
        select(article.c.id)
        .join(revision, revision.c.id == article.c.current_revision)
        .join(of_current, of_current.c.id == revision.c.article)
        .where(family != other)
    )
    has_text = select(revision.c.id).where(revision.c.article == article.c.id).exists()
    lacking = select(article.c.id).where(
        article.c.current_revision.is_(None), article.c.merged_into.is_(None), has_text
    )
    for statement in (strange, lacking):
        yield from (str(number) for number in connection.execute(statement).scalars())


def outdated(connection: Connection) -> Iterator[str]:
    """The articles whose current text every domain that showed it has moved on from.

    Which domain's last text is current depends on which of them served when it was written down, and no row tells
    that. Articles that have a part in a merger are left out: it mixed their texts.
    """
    several = select(revision.c.article).group_by(revision.c.article).having(func.count() > 1)
    statement = (
        select(article.c.id, article.c.current_revision)
        .join(revision, revision.c.id == article.c.current_revision)
        .where(revision.c.article == article.c.id, article.c.id.in_(several), has_no_part_in_a_merger)
        .order_by(article.c.id)
    )
    for portion in in_portions(connection.execute(statement).all()):
        states = load_states(connection, {str(row.id): row.id for row in portion})
        for row in portion:
            state = states[row.id]
            last: dict[Line, Observation] = {}
            for each in sorted(state.observations, key=lambda each: each.place):
                last[each.line] = each
            if last and row.current_revision not in {state.revisions.get(each.digest) for each in last.values()}:
                yield str(row.id)


def mend_misplaced(connection: Connection) -> None:
    """Make one of their own texts current of articles that have none, or another's."""
    _make_current(connection, misplaced(connection))


def mend_outdated(connection: Connection) -> None:
    """Make another text current of articles whose domains have all moved on from the one that is."""
    _make_current(connection, outdated(connection))


def _make_current(connection: Connection, articles: Iterator[str]) -> None:
    """Make that text current of each article which would be if it were read now."""
    for portion in in_portions([int(each) for each in articles]):
        states = load_states(connection, {str(number): number for number in portion})
        owners = dict(connection.execute(select(article.c.id, article.c.outlet).where(article.c.id.in_(portion))).all())
        maps = {outlet: DomainMap(domains(connection, outlet)) for outlet in set(owners.values())}
        for number, state in states.items():
            if state.observations:
                current = state.revisions[current_digest(state.observations, maps[owners[number]])]
                connection.execute(update(article).where(article.c.id == number).values(current_revision=current))
