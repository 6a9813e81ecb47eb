"""Find the article or revision that a KEY names: `outlet:key`, a unique bare key, a URL, or a digest prefix."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import Connection, Select, select

from storage.errors import KeyAmbiguous, KeyUnknown
from storage.labels import family_of, keys_of
from storage.models import article, article_key, location, outlet, resource, revision
from storage.urls import canonical_url, url_hash

MAX_LENGTH = 8192
MAX_CANDIDATES = 20
_DIGEST = re.compile(r"[0-9a-fA-F]{4,64}")
_NEXT = "`presskeep search` finds articles by their words."


def resolve(connection: Connection, key: str) -> int:
    """The id of the article that a KEY names; of a merged article, the one that it was merged into.

    Raises KeyUnknown, and KeyAmbiguous with the candidates where several articles answer to it.
    """
    return resolve_revision(connection, key)[0]


def resolve_revision(connection: Connection, key: str) -> tuple[int, int | None]:
    """The article that a KEY names, and the revision where the KEY is a prefix of its digest. Raises as resolve."""
    key = key.strip()
    if not key or len(key) > MAX_LENGTH:
        raise KeyUnknown("is no KEY", key[:80], "Give outlet:key, a key, a URL, or the beginning of a digest.")
    if re.match(r"https?://", key, re.IGNORECASE):
        return _survivor(connection, _by_url(connection, key)), None
    found = _by_key(connection, key)
    if found:
        return _one(connection, key, found), None
    if _DIGEST.fullmatch(key):
        return _by_digest(connection, key.lower())
    raise KeyUnknown("names no article of this archive", key[:80], _NEXT)


def current_text(connection: Connection, outlet_name: str, key: str) -> str | None:
    """The text that is current of an outlet's article, by its identity key; None where there is none."""
    statement = (
        select(revision.c.body)
        .join(article, article.c.current_revision == revision.c.id)
        .join(article_key, article_key.c.article == article.c.id)
        .join(outlet, outlet.c.id == article_key.c.outlet)
        .where(outlet.c.name == outlet_name, article_key.c.key == key)
    )
    return connection.execute(statement).scalar_one_or_none()


def find_revision(connection: Connection, number: int, name: str, numbers: Iterable[int]) -> int:
    """The id of an article's revision by its number (`numbers` holds the ids in order of first observation, counted
    from 1) or a prefix of its digest. Raises KeyUnknown, KeyAmbiguous."""
    ordered = list(numbers)
    if name.isdecimal() and 1 <= int(name[:9]) <= len(ordered):
        return ordered[int(name[:9]) - 1]
    if _DIGEST.fullmatch(name):
        family = family_of(connection, number)
        statement = _digest_query(name.lower()).where(revision.c.article.in_(family))
        rows = connection.execute(statement).all()
        if len({row.digest for row in rows}) > 1:
            raise KeyAmbiguous(name, tuple(sorted({row.digest[:12] for row in rows})))
        if rows:
            return int(rows[0].id)
    raise KeyUnknown("names no revision of this article", name[:80], f"It has {len(ordered)}, counted from 1.")


def _by_key(connection: Connection, key: str) -> set[int]:
    """Articles with that key, in any outlet or in the one named before the first colon."""
    name, colon, rest = key.partition(":")
    statement = select(article_key.c.article).where(article_key.c.key == key)
    found = set(connection.execute(statement).scalars())
    if colon and rest:
        owner = select(outlet.c.id).where(outlet.c.name == name).scalar_subquery()
        statement = select(article_key.c.article).where(article_key.c.outlet == owner, article_key.c.key == rest)
        found.update(connection.execute(statement).scalars())
    return found


def _by_url(connection: Connection, url: str) -> int:
    try:
        places = {url_hash(each): each for each in _variants(canonical_url(url))}
    except ValueError as error:
        raise KeyUnknown("is no URL that can be read", url[:200], "Check it.") from error
    statement = (
        select(location.c.url_hash, location.c.how, resource.c.article, resource.c.kind, resource.c.outcome)
        .join(resource, resource.c.id == location.c.resource)
        .where(location.c.url_hash.in_(places))
    )
    rows = {bytes(row.url_hash): row for row in connection.execute(statement)}
    known = [rows[place] for place in places if place in rows]
    for row in known:
        if row.article is not None:
            return int(row.article)
    if known:
        why = f" ({known[0].outcome})" if known[0].outcome else ", it was not fetched yet"
        raise KeyUnknown(f"is known as {known[0].kind}, but there is no article from it{why}", url[:200])
    raise KeyUnknown("is not in this archive", url[:200], "`presskeep fetch` gets one page now.")


def _variants(canonical: str) -> list[str]:
    """The same place as people copy it: with the other scheme, with or without a slash at the end."""
    scheme, rest = canonical.split("://", 1)
    other = "http" if scheme == "https" else "https"
    turned = rest if "?" in rest else rest.rstrip("/") if rest.endswith("/") else rest + "/"
    return list(dict.fromkeys(f"{a}://{b}" for b in (rest, turned) for a in (scheme, other)))


def _by_digest(connection: Connection, prefix: str) -> tuple[int, int | None]:
    rows = connection.execute(_digest_query(prefix)).all()
    if not rows:
        raise KeyUnknown("is no key, and no digest begins so", prefix, _NEXT)
    articles = {row.id: _survivor(connection, row.article) for row in rows}
    if len({row.digest for row in rows}) > 1 and len(set(articles.values())) == 1:
        raise KeyAmbiguous(prefix, tuple(sorted({row.digest[:12] for row in rows})))
    survivor = _one(connection, prefix, set(articles.values()))
    # Of two revisions that merging brought together under one digest, the survivor's own.
    return survivor, min(rows, key=lambda row: (row.article != survivor, row.id)).id


def _digest_query(prefix: str) -> Select[int, int, str]:
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return (
        select(revision.c.id, revision.c.article, revision.c.digest)
        .where(revision.c.digest >= prefix, revision.c.digest < end)
        .limit(MAX_CANDIDATES)
    )


def _one(connection: Connection, key: str, articles: set[int]) -> int:
    survivors = sorted({_survivor(connection, each) for each in articles})
    if len(survivors) == 1:
        return survivors[0]
    raise KeyAmbiguous(key, _candidates(connection, key, survivors[:MAX_CANDIDATES]))


def _candidates(connection: Connection, key: str, articles: list[int]) -> tuple[str, ...]:
    """One unambiguous KEY for each article: with the key that was given where it has that, else its first."""
    statement = select(article.c.id, outlet.c.name).join(outlet).where(article.c.id.in_(articles))
    outlets = dict(connection.execute(statement).all())
    candidates = []
    for number, keys in keys_of(connection, articles).items():
        if keys:
            candidates.append(f"{outlets[number]}:{key if key in keys else keys[0]}")
    return tuple(sorted(candidates))


def _survivor(connection: Connection, number: int) -> int:
    """The article that this one was merged into, at the end of the chain; itself where it was not."""
    seen = {number}
    while True:
        statement = select(article.c.merged_into).where(article.c.id == number)
        target = connection.execute(statement).scalar_one_or_none()
        if target is None or target in seen:
            return number
        seen.add(target)
        number = target
