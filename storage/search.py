"""Find articles by a query, with the same results in the same order on both databases.

Newest first: by time of publication (articles without one last), then by when they were first seen, then by id. No
rank by relevance, since the two databases' ranks differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    cast,
    column,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    table,
)
from sqlalchemy.types import UserDefinedType

from storage.errors import QueryError
from storage.labels import keys_of, locations_of
from storage.models import article, domain, location, outlet, resource, revision
from storage.query import All, AnyOf, AtDomain, InOutlet, Node, Not, Since, Until, Words, parse, positive_words
from storage.snippets import Snippet, mark, snippet

MAX_LIMIT = 1000
_FTS = table("revision_fts", column("rowid"), column("revision_fts"))
_SEARCH = table(
    "revision_search",
    *(column(name) for name in ("revision", "headline", "authors", "section", "body", "lexemes")),
)
_survivor = article.alias("survivor")


@dataclass(frozen=True, slots=True)
class Hit:
    """A revision that was found, with its article. `key` is `outlet:key`; `url` the best location's.

    `published_at` is UTC, `published_day` in the outlet's zone; `current` False for a revision that is not what the
    outlet shows now. `precision` says what the page states of its date: 'day', 'minute' or 'second'. `headline` and
    `snippet` carry marks.
    """

    article: int
    key: str
    outlet: str
    kind: str
    digest: str
    current: bool
    headline: Snippet
    snippet: Snippet
    published_at: datetime | None
    published_day: date | None
    precision: str | None
    section: tuple[str, ...]
    authors: tuple[str, ...]
    url: str | None
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Hits:
    """One page of what was found; `total` counts all of it."""

    total: int
    hits: tuple[Hit, ...]


def search(
    connection: Connection, query: str, *, limit: int = 20, offset: int = 0, all_revisions: bool = False
) -> Hits:
    """Find articles whose current text answers the query; with `all_revisions` every text that ever did.

    An article that was merged into another is found as that one. Raises QueryError for a query that cannot be read.
    """
    if not 0 <= limit <= MAX_LIMIT or not 0 <= offset < 2**62:
        raise QueryError(f"a page has 0 to {MAX_LIMIT} results, and starts at 0 or later", "limit", "")
    node = parse(query)
    found = _source(connection, all_revisions=all_revisions)
    wanted = _wanted(connection, node, all_revisions=all_revisions)
    total = count(connection, node, all_revisions=all_revisions)
    statement = (
        select(
            _survivor.c.id.label("article"),
            outlet.c.name.label("outlet"),
            _survivor.c.kind,
            _survivor.c.published_at,
            _survivor.c.published_day,
            _survivor.c.withdrawn_at,
            (_survivor.c.current_revision == revision.c.id).label("current"),
            *(revision.c[name] for name in ("digest", "headline", "lead", "body", "section", "authors")),
            revision.c.published_precision.label("precision"),
        )
        .select_from(found)
        .where(wanted)
        .order_by(
            _survivor.c.published_at.desc().nulls_last(),
            _survivor.c.first_at.desc(),
            _survivor.c.id.desc(),
            revision.c.first_at.desc(),
            revision.c.id.desc(),
        )
        .limit(limit)
        .offset(offset)
    )
    rows = connection.execute(statement).all()
    return Hits(total, _hits(connection, rows, positive_words(node)))


def count(connection: Connection, node: Node, *, all_revisions: bool = False) -> int:
    """How many results a query that was read has."""
    found = _source(connection, all_revisions=all_revisions)
    wanted = _wanted(connection, node, all_revisions=all_revisions)
    total: int = connection.execute(select(func.count()).select_from(found).where(wanted)).scalar_one()
    return total


def _wanted(connection: Connection, node: Node, *, all_revisions: bool) -> ColumnElement[bool]:
    compiler = _Postgresql() if connection.dialect.name == "postgresql" else _Sqlite()
    return and_(_admitted(all_revisions=all_revisions), compiler.condition(node))


def _source(connection: Connection, *, all_revisions: bool) -> FromClause:
    """Revisions with their article and the one that it was merged into, which is mostly itself."""
    found: FromClause = revision.join(article, article.c.id == revision.c.article)
    same = _survivor.c.id == (func.coalesce(article.c.merged_into, article.c.id) if all_revisions else article.c.id)
    found = found.join(_survivor, same).join(outlet, outlet.c.id == _survivor.c.outlet)
    if connection.dialect.name == "postgresql":
        found = found.join(_SEARCH, _SEARCH.c.revision == revision.c.id)
    return found


def _admitted(*, all_revisions: bool) -> ColumnElement[bool]:
    """Which revisions count at all: current ones of articles that still stand for themselves, or every text once."""
    if not all_revisions:
        return and_(article.c.merged_into.is_(None), article.c.current_revision == revision.c.id)
    twin = revision.alias("twin")
    shown_already = exists().where(twin.c.article == article.c.merged_into, twin.c.digest == revision.c.digest)
    return or_(article.c.merged_into.is_(None), not_(shown_already))


def _hits(connection: Connection, rows: Any, sought: list[Words]) -> tuple[Hit, ...]:
    articles = sorted({row.article for row in rows})
    keys, places = keys_of(connection, articles), locations_of(connection, articles)
    in_text = [words for words in sought if "body" in words.fields]
    in_headline = [words for words in sought if "headline" in words.fields]
    hits = []
    for row in rows:
        key = keys[row.article][0] if keys[row.article] else row.digest[:12]
        lead = row.lead if row.lead and not row.body.startswith(row.lead) else None  # a lead that the body repeats
        text = "\n\n".join(part for part in (lead, row.body) if part)
        url = places[row.article][0].url if places[row.article] else None
        hits.append(
            Hit(
                article=row.article,
                key=f"{row.outlet}:{key}" if keys[row.article] else key,
                outlet=row.outlet,
                kind=row.kind,
                digest=row.digest,
                current=bool(row.current),
                headline=mark(row.headline, in_headline),
                snippet=snippet(text, in_text),
                published_at=row.published_at,
                published_day=row.published_day,
                precision=row.precision,
                section=tuple(row.section),
                authors=tuple(row.authors),
                url=url,
                withdrawn=row.withdrawn_at is not None,
            )
        )
    return tuple(hits)


class _Tsquery(UserDefinedType[str]):
    """The name of PostgreSQL's type, without its dialect, which reading SQLite need not load."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        return "TSQUERY"


class _Compiler:
    """Turns a query's tree into a condition on revision, article and survivor."""

    def words(self, words: Words) -> ColumnElement[bool]:
        raise NotImplementedError

    def condition(self, node: Node) -> ColumnElement[bool]:
        match node:
            case Words():
                return self.words(node)
            case Not(inner):
                return not_(self.condition(inner))
            case All(nodes):
                return and_(*(self.condition(each) for each in nodes))
            case AnyOf(nodes):
                return or_(*(self.condition(each) for each in nodes))
            case InOutlet(name):
                return func.lower(outlet.c.name) == name
            case AtDomain(host):
                return _seen_at(host)
            case Since(day):
                return func.coalesce(_survivor.c.published_day >= day, literal(False))
            case Until(day):
                return func.coalesce(_survivor.c.published_day <= day, literal(False))


class _Sqlite(_Compiler):
    """Asks FTS5; what is text alone becomes one expression of it."""

    def condition(self, node: Node) -> ColumnElement[bool]:
        expression = _fts(node)
        if expression is not None:
            return self._match(expression)
        if isinstance(node, All):
            texts = tuple(each for each in node.nodes if _fts(each) is not None)
            if len(texts) > 1:
                rest = tuple(each for each in node.nodes if _fts(each) is None)
                return and_(self.condition(All(texts)), *(self.condition(each) for each in rest))
        return super().condition(node)

    def words(self, words: Words) -> ColumnElement[bool]:
        return self._match(_fts_phrase(words))

    def _match(self, expression: str) -> ColumnElement[bool]:
        found = select(_FTS.c.rowid).where(_FTS.c.revision_fts.op("MATCH")(expression))
        return revision.c.id.in_(found)


def _fts(node: Node) -> str | None:
    """The node in FTS5's language (sqlite.org/fts5.html, section 3), None where it needs more than that."""
    match node:
        case Words():
            return _fts_phrase(node)
        case AnyOf(nodes) | All(nodes):
            inner = [_fts(each) for each in nodes]
            if None in inner:
                return None
            joined = " AND " if isinstance(node, All) else " OR "
            return joined.join(f"({each})" for each in inner)
        case _:
            return None


def _fts_phrase(words: Words) -> str:
    return f'{{{" ".join(words.fields)}}} : "{" ".join(words.words)}"{" *" if words.prefix else ""}'


class _Postgresql(_Compiler):
    """Asks our own lexemes, and for phrases the folded text too."""

    def words(self, words: Words) -> ColumnElement[bool]:
        query = " | ".join(f"({_tsquery(words, field)})" for field in words.fields)
        found = _SEARCH.c.lexemes.op("@@", is_comparison=True)(cast(literal(query), _Tsquery()))
        if len(words.words) == 1:
            return found
        phrase = f" {' '.join(words.words)}{'' if words.prefix else ' '}"
        return and_(found, or_(*(func.strpos(_SEARCH.c[field], phrase) > 0 for field in words.fields)))


def _tsquery(words: Words, field: str) -> str:
    """All the words in one field, as a tsquery of our lexemes (storage.index)."""
    from storage.words import LETTER_OF

    lexemes = [f"'{LETTER_OF[field]}{word}'" for word in words.words]
    if words.prefix:
        lexemes[-1] += ":*"
    return " & ".join(lexemes)


def _seen_at(host: str) -> ColumnElement[bool]:
    """Whether the article has a location at a host or below it."""
    below = domain.c.host.like("%." + host.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_"), escape="\\")
    return exists(
        select(literal(1))
        .select_from(
            resource.join(location, location.c.resource == resource.c.id).join(domain, domain.c.id == location.c.domain)
        )
        .where(resource.c.article == _survivor.c.id, or_(domain.c.host == host, below))
    )
