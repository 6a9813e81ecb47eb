"""Which outlets and articles an export is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from scraper.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from storage.exporting import Selection

TargetArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[OUTLET|KEY]...", help="Outlets, or articles as `presskeep show` takes them."),
]
QueryOption = Annotated[
    str | None, typer.Option("--query", metavar="QUERY", help="Articles that a search finds, as in `presskeep search`.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]


def choose(connection: Connection, targets: Sequence[str], query: str | None) -> Selection:
    """The outlets and articles that the command names. Raises UsageError where it names nothing, KeyUnknown and
    KeyAmbiguous for what is neither an outlet nor a KEY."""
    from sqlalchemy import select

    from storage.exporting import Selection, with_merged
    from storage.keys import resolve
    from storage.models import outlet

    if not targets and query is None:
        raise UsageError("names nothing to export", "export", "Give an outlet, a KEY, or --query.")
    outlets: list[int] = []
    articles: list[int] = []
    for target in dict.fromkeys(targets):
        number = connection.execute(select(outlet.c.id).where(outlet.c.name == target)).scalar()
        if number is not None:
            outlets.append(number)
        else:
            articles.append(resolve(connection, target))
    if query is not None:
        articles += _found(connection, query)
    return Selection(tuple(outlets), with_merged(connection, _elsewhere(connection, articles, outlets)))


def _found(connection: Connection, query: str) -> Sequence[int]:
    """The articles that a search finds, all of them."""
    from storage.search import MAX_LIMIT, search

    found: list[int] = []
    while True:
        page = search(connection, query, limit=MAX_LIMIT, offset=len(found))
        found += [hit.article for hit in page.hits]
        if len(found) >= page.total or not page.hits:
            return found


def _elsewhere(connection: Connection, articles: Sequence[int], outlets: Sequence[int]) -> Sequence[int]:
    """Those of the articles that are not of the outlets, which are given out whole."""
    from sqlalchemy import select

    from storage.inserting import in_portions
    from storage.models import article

    if not outlets:
        return articles
    covered: set[int] = set()
    for portion in in_portions(articles):
        statement = select(article.c.id).where(article.c.id.in_(portion), article.c.outlet.in_(outlets))
        covered.update(connection.execute(statement).scalars())
    return [number for number in articles if number not in covered]
