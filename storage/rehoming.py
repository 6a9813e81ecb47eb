"""Bind resources to the article that their page turned out to be, where it is another than their key says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select, update

from storage.finding import resources_by_key
from storage.inserting import among, count_up, insert_missing, update_each
from storage.models import location, resource
from storage.priorities import REVISIT
from storage.rehomed import note_move


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of an article: which resource was fetched, at which location, and the article's key and id."""

    resource: int
    location: int
    key: str
    article: int
    at: datetime


def bind(connection: Connection, outlet: int, crawl: int, shown: Sequence[Shown]) -> None:
    """Bind each resource to its article.

    Where the page's own key is another than the resource's (a redirect, an old number), the resource is an alias: the
    location that a redirect led to goes to the key's own resource, which takes over the due time, so that neither is
    fetched for the other.
    """
    update_each(connection, resource, [{"id": each.resource, "article": each.article} for each in shown])
    keys = {
        row.id: row for row in connection.execute(_RESOURCES, {"values": sorted({each.resource for each in shown})})
    }
    for each in shown:
        alias = keys[each.resource]
        if alias.kind == "article" and alias.key != each.key:
            _move(connection, outlet, crawl, each, alias.due_at)


def bind_redirects(connection: Connection, redirected: Sequence[int], led_to: int) -> None:
    """Say of pages (resources) whose redirects led to an article that they show it, unless they had one of their own.

    A listing stays what it is.
    """
    target = resource.alias("target")
    shown = select(target.c.article).where(target.c.id == led_to).scalar_subquery()
    connection.execute(
        update(resource)
        .where(resource.c.id.in_(redirected), resource.c.id != led_to, resource.c.kind.in_(("article", "page")))
        .values(outcome="article", article=func.coalesce(resource.c.article, shown))
    )


_RESOURCES = select(resource.c.id, resource.c.key, resource.c.kind, resource.c.due_at).where(among(resource.c.id))


def _move(connection: Connection, outlet: int, crawl: int, shown: Shown, due_at: datetime | None) -> None:
    by_redirect = (
        (location.c.id == shown.location) & (location.c.resource == shown.resource) & (location.c.how == "fetched")
    )
    redirected = connection.execute(select(location.c.id).where(by_redirect)).first() is not None
    known = resources_by_key(connection, outlet, [shown.key])
    if not known and not redirected:
        return  # its only address is the alias's own, which goes on being asked
    insert_missing(
        connection,
        resource,
        [
            {
                "outlet": outlet,
                "key": shown.key,
                "kind": "article",
                "priority": REVISIT,
                "found_by": "identity",
                "found_crawl": crawl,
            }
        ],
    )
    if not known:
        count_up(connection, outlet, {"resources": 1})
    home = (known or resources_by_key(connection, outlet, [shown.key]))[shown.key]
    if redirected and home != shown.resource:
        connection.execute(update(location).where(by_redirect).values(resource=home))
        note_move(connection, shown.location, shown.resource, home, at=shown.at, crawl=crawl)
    connection.execute(update(resource).where(resource.c.id == home).values(article=shown.article, outcome="article"))
    waiting = (
        resource.c.lease_owner.is_(None),
        or_(resource.c.due_at.is_(None), resource.c.due_at <= shown.at),
    )
    connection.execute(update(resource).where(resource.c.id == home, *waiting).values(due_at=due_at, priority=REVISIT))
    connection.execute(update(resource).where(resource.c.id == shown.resource).values(due_at=None))
