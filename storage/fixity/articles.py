"""Whether an article's kind, dates and merger are what its texts, its addresses and the decisions say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import get_args

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from storage.content import ArticleKind
from storage.decisions import MERGE, SPLIT, article_subject, names_in
from storage.fixity.texts import content_of, figures_of
from storage.inserting import in_portions
from storage.models import article, article_key, capture, decision, extraction, location, outlet, resource, revision

_DAY = timedelta(days=1)

strange_kind: ColumnElement[bool] = article.c.kind.not_in(get_args(ArticleKind))
"""Of an article: its kind is none that there is."""

# Its dates: they are those of its current text's newest reading, or of an earlier one where that has none. A reading's
# own date stands nowhere but in the text that it gave first. So they can be told where each text was read in one form
# by one extractor, and where no merger mixed the texts of several articles.

_other, _again, _merged = extraction.alias("other"), extraction.alias("again"), article.alias("merged")
_own = revision.c.article == article.c.id
has_no_part_in_a_merger: ColumnElement[bool] = and_(
    article.c.merged_into.is_(None),
    article.c.id.not_in(select(_merged.c.merged_into).where(_merged.c.merged_into.is_not(None))),
)
"""Of an article: no other was merged into it, nor it into another."""
_told = and_(
    has_no_part_in_a_merger,
    ~select(revision.c.id)
    .join(_other, _other.c.revision == revision.c.id)
    .where(_own, _other.c.extractor != revision.c.extractor)
    .correlate(article)
    .exists(),
    ~select(revision.c.id)
    .join(_other, _other.c.revision == revision.c.id)
    .join(_again, _again.c.revision == revision.c.id)
    .where(_own, _other.c.text_sha256 != _again.c.text_sha256)
    .correlate(article)
    .exists(),
)
_text = select(revision.c.id).where(_own)
dated_otherwise = and_(
    or_(
        and_(
            article.c.published_at.is_not(None),
            ~_text.where(revision.c.published_at == article.c.published_at).correlate(article).exists(),
        ),
        and_(
            article.c.published_at.is_(None),
            _text.correlate(article).exists(),
            ~_text.where(revision.c.published_at.is_(None)).correlate(article).exists(),
        ),
    ),
    _text.correlate(article).exists(),
    _told,
)
"""Of an article: it was published at an instant that none of its texts states, or at none though all state one."""


def mend_dates(connection: Connection) -> None:
    """Date each such article as its current text is, or the newest of its texts that has a date."""
    dates = select(revision.c.published_at).correlate(article)
    current = dates.where(revision.c.id == article.c.current_revision).scalar_subquery()
    dated = dates.where(_own, revision.c.published_at.is_not(None))
    newest = dated.order_by(revision.c.last_at.desc(), revision.c.id.desc()).limit(1).scalar_subquery()
    connection.execute(update(article).where(dated_otherwise).values(published_at=func.coalesce(current, newest)))


_shown_at = (
    select(resource.c.day)
    .select_from(
        revision.join(extraction, extraction.c.revision == revision.c.id)
        .join(capture, capture.c.id == extraction.c.capture)
        .join(location, location.c.id == capture.c.location)
        .join(resource, resource.c.id == location.c.resource)
    )
    .where(_own, resource.c.day_from == "page")
)
_other_day = and_(
    article.c.published_day.is_not(None),
    _shown_at.correlate(article).exists(),
    ~_shown_at.where(resource.c.day == article.c.published_day).correlate(article).exists(),
    _told,
)


def of_another_day(connection: Connection) -> Iterator[str]:
    """The articles whose day is none of their addresses, nor that of a date that a text states, in whatever zone."""
    dates = select(revision.c.published_at).where(revision.c.published_at.is_not(None))
    for number, day in connection.execute(select(article.c.id, article.c.published_day).where(_other_day)).all():
        stated = connection.execute(dates.where(revision.c.article == number)).scalars()
        if all(abs(each.date() - day) > _DAY for each in stated):
            yield str(number)


def mend_days(connection: Connection) -> None:
    """Give each such article the day of the addresses that showed its current text, or of the date which that states,
    where that is one."""
    for number in [int(each) for each in of_another_day(connection)]:
        row = connection.execute(
            select(revision).join(article, article.c.current_revision == revision.c.id).where(article.c.id == number)
        ).one_or_none()
        if row is None:
            continue
        shown = _shown_at.where(article.c.id == number, revision.c.id == row.id)
        days = set(connection.execute(shown).scalars())
        content = content_of(row, figures_of(connection, [row.id]).get(row.id, ()))
        if content.published is not None and len(days) != 1:
            days = {content.published.day}
        if len(days) == 1:
            connection.execute(update(article).where(article.c.id == number).values(published_day=days.pop()))


# Its merger: a decision says it, and no later one that it was split again.


def merged_otherwise(connection: Connection) -> Iterator[str]:
    """The articles that are merged without a decision, with another article than it says, in a circle, or not at all
    though it says so."""
    merged = _mergers(connection)
    told = _told_mergers(connection)
    for number in sorted(merged.keys() | told.keys()):
        end = _survivor(number, merged)
        ends = {_survivor(each, merged) for each in told.get(number, ())}
        if end is None or end not in ends or end == number:
            yield str(number)


def mend_mergers(connection: Connection) -> None:
    """Merge each such article with the one that its last decision names, if that names one."""
    told = _told_mergers(connection)
    for number in [int(each) for each in merged_otherwise(connection)]:
        targets = told.get(number, set())
        if len(targets) == 1:
            connection.execute(update(article).where(article.c.id == number).values(merged_into=targets.pop()))


def _mergers(connection: Connection) -> dict[int, int]:
    rows = connection.execute(select(article.c.id, article.c.merged_into).where(article.c.merged_into.is_not(None)))
    return {row[0]: row[1] for row in rows}


def _survivor(number: int, merged: Mapping[int, int]) -> int | None:
    """What an article is in the end; None where its mergers lead in a circle."""
    passed: set[int] = set()
    while number in merged:
        if number in passed:
            return None
        passed.add(number)
        number = merged[number]
    return number


def _told_mergers(connection: Connection) -> dict[int, set[int]]:
    """The articles that decisions merged and none split again, with those that the last decision names beside each."""
    statement = select(decision.c.verb, decision.c.subject, decision.c.payload)
    rows = connection.execute(
        statement.where(decision.c.verb.in_((MERGE, SPLIT))).order_by(decision.c.at, decision.c.id)
    ).all()
    articles = _articles(connection, {name for row in rows for name in (row.subject, *names_in(row.payload))})
    told: dict[int, set[int]] = {}
    for row in rows:
        number = articles.get(row.subject)
        beside = {articles[name] for name in names_in(row.payload) if name in articles} - {number}
        if row.verb == SPLIT:
            for each in (number, *beside):
                if each is not None:
                    told.pop(each, None)
        elif number is not None and beside:
            told[number] = beside
    return told


def _articles(connection: Connection, subjects: set[str]) -> dict[str, int]:
    """The articles that decisions name, by that name."""
    keys = sorted({subject.partition(":")[2] for subject in subjects})
    found: dict[str, int] = {}
    for portion in in_portions(keys):
        rows = connection.execute(
            select(outlet.c.name, article_key.c.key, article_key.c.article)
            .join(outlet, outlet.c.id == article_key.c.outlet)
            .where(article_key.c.key.in_(portion))
        )
        found.update((article_subject(row.name, row.key), row.article) for row in rows)
    return found
