"""Whether resources, addresses and articles belong to what was seen of them, whatever was moved or merged since."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Alias, ColumnElement, Connection, FromClause, and_, func, select, update

from storage.inserting import in_portions
from storage.models import article, article_key, capture, extraction, location, resource, revision
from storage.rehomed import left, strayed

# A resource's article: the one that its key names, or one that a capture at its addresses showed. Where they never
# showed any, or led elsewhere by a redirect, it is what they led to, which no row tells.

_named, _shown, _owner = (article.alias(name) for name in ("named", "shown", "owner"))


def _survivor(of: Alias | FromClause) -> ColumnElement[int]:
    """What an article is since it was merged."""
    return func.coalesce(of.c.merged_into, of.c.id)


_captured = location.join(capture, capture.c.location == location.c.id)
_readings = _captured.join(extraction, extraction.c.capture == capture.c.id).join(
    revision, revision.c.id == extraction.c.revision
)
_own = select(_survivor(_owner)).where(_owner.c.id == resource.c.article).correlate(resource).scalar_subquery()
_by_key = (
    select(_named.c.id)
    .select_from(article_key.join(_named, _named.c.id == article_key.c.article))
    .where(article_key.c.outlet == resource.c.outlet, article_key.c.key == resource.c.key, _survivor(_named) == _own)
)
_shows = select(revision.c.id).select_from(_readings).where(location.c.resource == resource.c.id)
_shows_own = (
    select(_shown.c.id)
    .select_from(_readings.join(_shown, _shown.c.id == revision.c.article))
    .where(location.c.resource == resource.c.id, _survivor(_shown) == _own)
)
_led_elsewhere = (
    select(capture.c.id)
    .select_from(_captured)
    .where(location.c.resource == resource.c.id, capture.c.status.between(300, 399), capture.c.status != 304)
)
_shows_another = and_(
    resource.c.article.is_not(None),
    *(~each.correlate(resource).exists() for each in (_by_key, _shows_own, _led_elsewhere)),
    _shows.correlate(resource).exists(),
)


def shows_another(connection: Connection) -> Iterator[str]:
    """The resources of which what they are said to show was never seen at their addresses, and something else was."""
    found = connection.execute(select(resource.c.id).where(_shows_another).order_by(resource.c.id)).scalars().all()
    known = left(connection) if found else set()
    return (str(number) for number in found if number not in known)


def mend_shown(connection: Connection) -> None:
    """Bind each such resource to what its addresses showed last."""
    last = (
        select(revision.c.article)
        .select_from(_readings)
        .where(location.c.resource == resource.c.id)
        .order_by(capture.c.at.desc(), capture.c.id.desc(), extraction.c.at.desc())
        .limit(1)
    )
    shown = last.correlate(resource).scalar_subquery()
    for portion in in_portions([int(each) for each in shows_another(connection)]):
        connection.execute(update(resource).where(resource.c.id.in_(portion)).values(article=shown))


# An address's resource: where it was moved, the one that it was moved to last. At first it stands in the manifest.


def moved_by_hand(connection: Connection) -> Iterator[str]:
    """The locations that belong to another resource than their last move says."""
    return (str(place) for place, _ in strayed(connection))


def mend_moves(connection: Connection) -> None:
    """Give each such location to the resource that it was moved to last."""
    for place, target in list(strayed(connection)):
        connection.execute(update(location).where(location.c.id == place).values(resource=target))


# An article begins with a capture that showed it.

_of_article = (
    select(capture.c.id)
    .select_from(
        revision.join(extraction, extraction.c.revision == revision.c.id).join(
            capture, capture.c.id == extraction.c.capture
        )
    )
    .where(revision.c.article == article.c.id)
)
begins_otherwise = and_(
    _of_article.correlate(article).exists(),
    ~_of_article.where(capture.c.at == article.c.first_at).correlate(article).exists(),
)
"""Of an article: no capture showed it when it is said to have been seen first, and others did."""


def mend_beginnings(connection: Connection) -> None:
    """Let each such article begin with the first capture that showed it."""
    first = _of_article.with_only_columns(func.min(capture.c.at)).correlate(article).scalar_subquery()
    connection.execute(update(article).where(begins_otherwise).values(first_at=first))
