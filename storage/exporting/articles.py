"""The texts of the selected articles, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from sqlalchemy import Connection, select

from storage.errors import ArchiveDamaged
from storage.exporting.selection import BATCH, Selection
from storage.inserting import in_portions
from storage.models import article
from storage.views import ArticleView, view_article, view_revision


def article_texts(
    connection: Connection,
    selection: Selection,
    damaged: Callable[[str], None],
    *,
    all_revisions: bool = False,
) -> Iterator[ArticleView]:
    """Each selected article, as it is now, without its captures; with `all_revisions` at each of its texts, in the
    order in which they were first seen.

    What was merged into an article is told as part of that one. `damaged` hears in one line of each article that cannot
    be read, which is left out. Memory stays flat however many there are.
    """
    for number in _articles(connection, selection):
        try:
            view = view_article(connection, number, captures=False)
            yield from _at_each_text(connection, view) if all_revisions else (view,)
        except ArchiveDamaged as error:
            damaged(str(error))


def _articles(connection: Connection, selection: Selection) -> Iterator[int]:
    """The articles' ids: those of each outlet, then those named, without what was merged into others."""
    stands = select(article.c.id).where(article.c.merged_into.is_(None)).order_by(article.c.id)
    for outlet in selection.outlets:
        streamed = stands.where(article.c.outlet == outlet).execution_options(yield_per=BATCH)
        yield from connection.execute(streamed).scalars()
    for portion in in_portions(selection.articles):
        yield from connection.execute(stands.where(article.c.id.in_(portion))).scalars().all()


def _at_each_text(connection: Connection, view: ArticleView) -> Iterator[ArticleView]:
    lines = {line.digest: line for line in view.revisions}  # articles that were merged may share a text
    numbers = {line.digest: line.number for line in lines.values() if line.number is not None}
    for digest, line in lines.items():
        if digest == view.text.digest:
            yield view
        else:
            yield replace(view, text=view_revision(connection, line.id, numbers), current=False)
