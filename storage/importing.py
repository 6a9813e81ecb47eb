"""What an import writes down: the files of others, their captures (T1), and how far each file has been read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, or_, select, update

from storage.captures import PendingCapture, placed_captures
from storage.exchange import Exchange
from storage.finding import hashed, resources_by_key
from storage.imported_files import ImportedFile, add_file
from storage.inserting import among, count_up, ids_by, in_portions, insert_missing, update_each
from storage.keeping import FileFacts, Run, keep_batch
from storage.models import capture, crawl, location, outlet, resource
from storage.priorities import NEW
from storage.records import Fetch
from storage.storable import storable
from storage.warc_writing import Appended

_WRITER = "import"
_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Imported:
    """A record of a file that shall be a capture: what it says, whose page it is, and where it stands.

    `outlet` is the outlet's id. `outcome` is 'pending' where it shall be read. `exchange` needs no payload.
    `part` is '' for the file itself, else what stands behind its path.
    """

    exchange: Exchange
    outlet: int
    key: str
    kind: str
    outcome: str
    part: str
    offset: int
    length: int
    member_sha256: str
    payload_sha256: str
    refers_to: int | None = None


def keep_imported(
    connection: Connection, file: ImportedFile, records: Sequence[Imported], *, crawl_id: int, origin: str
) -> Counter[str]:
    """T1 for records of one file; counts those that were no captures before, by outcome. Their resources are added,
    never due."""
    kept: Counter[str] = Counter()
    by_part: dict[str, list[Imported]] = defaultdict(list)
    for each in records:
        by_part[each.part].append(each)
    for part, found in by_part.items():
        place = file if not part else add_file(connection, file.store, file.path + part, file.sha256, 0, crawl_id)
        fresh = _unknown(connection, place, found)
        by_outlet: dict[int, list[Imported]] = defaultdict(list)
        for each in fresh:
            by_outlet[each.outlet].append(each)
        for outlet_id, group in by_outlet.items():
            _keep_group(connection, place, group, Run(crawl_id, outlet_id, _WRITER, "import", storable(origin)))
        kept.update(each.outcome for each in fresh)
    return kept


def held_already(connection: Connection, records: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the records (URL and SHA-256 of its bytes) that the archive wrote itself: they are its captures."""
    by_hash: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
    for url, sha256 in records:
        with suppress(ValueError):
            by_hash[hashed(url)[1]].append((url, sha256))
    held: set[tuple[str, str]] = set()
    for portion in in_portions(list(by_hash)):
        for digest, sha256 in connection.execute(_WRITTEN, {"values": portion}):
            held.update(each for each in by_hash[bytes(digest)] if each[1] == sha256)
    return held


def known_urls(connection: Connection, urls: Iterable[str]) -> set[str]:
    """Those of the URLs at which something was captured or seen."""
    by_hash: dict[bytes, set[str]] = defaultdict(set)
    for url in urls:
        with suppress(ValueError):
            by_hash[hashed(url)[1]].add(url)
    known: set[str] = set()
    for portion in in_portions(list(by_hash)):
        for digest, _ in connection.execute(_OWNERS, {"values": portion}):
            known |= by_hash[bytes(digest)]
    return known


def find_original(
    connection: Connection, url: str, at: datetime | None, before: datetime, digest: str
) -> list[PendingCapture]:
    """Captures that a revisit may refer to: those of the URL that it names, of the date that it names or, where it
    names none, the newest before it. None of them is a revisit itself. `digest` is the revisit's payload digest."""
    try:
        _, place = hashed(url)
    except ValueError:
        return []
    statement = placed_captures().where(location.c.url_hash == place, capture.c.refers_to.is_(None))
    if at is not None:
        begin = at.replace(microsecond=0)  # many writers state it to the second
        exact = statement.where(capture.c.at >= begin, capture.c.at < begin + timedelta(seconds=1))
        rows = connection.execute(exact.order_by(capture.c.at.desc()).limit(_CANDIDATES)).all()
        if rows:
            return [PendingCapture(*row) for row in rows]
    earlier = statement.where(capture.c.at <= before).order_by(capture.c.at.desc()).limit(_CANDIDATES)
    return [PendingCapture(*row) for row in connection.execute(earlier)] if digest else []


def payload_of(connection: Connection, capture_id: int) -> str:
    """The SHA-256 of a capture's payload."""
    digest: str = connection.execute(select(capture.c.payload_sha256).where(capture.c.id == capture_id)).scalar_one()
    return digest


def pending_imports(
    connection: Connection, crawl_id: int, limit: int, *, after: int = 0
) -> list[tuple[str, PendingCapture]]:
    """Imported captures that wait to be read, with their outlet's name: this run's and those of runs that ended."""
    statement = (
        placed_captures()
        .add_columns(outlet.c.name)
        .join(outlet, outlet.c.id == resource.c.outlet)
        .join(crawl, crawl.c.id == capture.c.crawl)
        .where(
            capture.c.outcome == "pending",
            capture.c.source == "import",
            capture.c.id > after,
            or_(capture.c.crawl == crawl_id, crawl.c.ended_at.is_not(None)),
        )
        .order_by(capture.c.id)
        .limit(limit)
    )
    return [(row[-1], PendingCapture(*row[:-1])) for row in connection.execute(statement)]


def count_pending(connection: Connection, crawl_id: int) -> int:
    """How many captures `pending_imports` would give in all."""
    statement = (
        select(func.count())
        .select_from(capture)
        .join(crawl, crawl.c.id == capture.c.crawl)
        .where(
            capture.c.outcome == "pending",
            capture.c.source == "import",
            or_(capture.c.crawl == crawl_id, crawl.c.ended_at.is_not(None)),
        )
    )
    number: int = connection.execute(statement).scalar_one()
    return number


def outlet_ids(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """The ids of outlets, by name."""
    return ids_by(connection, outlet, "name", names)


def ask_again(connection: Connection, resources: Sequence[int], now: datetime) -> None:
    """Make articles due that were only imported, and whose import showed no article: a crawl shall ask for them."""
    for portion in in_portions(sorted(set(resources))):
        connection.execute(
            update(resource)
            .where(
                resource.c.id.in_(portion),
                resource.c.kind == "article",
                resource.c.article.is_(None),
                resource.c.due_at.is_(None),
                resource.c.lease_owner.is_(None),
            )
            .values(due_at=now)
        )


def call_articles(connection: Connection, resources: Sequence[int]) -> None:
    """Pages of ad-hoc outlets that turned out to be articles are of that kind from now on."""
    for portion in in_portions(sorted(set(resources))):
        connection.execute(
            update(resource).where(and_(resource.c.id.in_(portion), resource.c.kind == "page")).values(kind="article")
        )


def _unknown(connection: Connection, file: ImportedFile, records: Sequence[Imported]) -> list[Imported]:
    """The records that are no captures yet: a run that was killed may have kept some of them."""
    known: set[int] = set()
    for portion in in_portions(sorted({each.offset for each in records})):
        statement = select(capture.c.offset).where(capture.c.warc_file == file.id, among(capture.c.offset))
        known.update(connection.execute(statement, {"values": portion}).scalars())
    fresh = []
    for each in records:
        if each.offset not in known:
            known.add(each.offset)
            fresh.append(each)
    return fresh


def _keep_group(connection: Connection, file: ImportedFile, records: Sequence[Imported], run: Run) -> None:
    records = sorted(records, key=lambda each: each.exchange.started_at)  # a location is first seen when it first was
    owners = _owners(connection, run, records)
    fetches = [
        (
            Fetch(
                each.exchange,
                owner,
                each.exchange.url,
                each.outcome,
                each.exchange.started_at,
                final=False,
                due_at=None,
            ),
            Appended(each.offset, each.length, each.member_sha256, each.payload_sha256),
        )
        for each, owner in zip(records, owners, strict=True)
    ]
    _, kept = keep_batch(connection, run, FileFacts(file.id, file.path, _WRITER, file.size), fetches)
    referring = [
        {"id": place.capture, "refers_to": each.refers_to}
        for place, each in zip(kept, records, strict=True)
        if each.refers_to is not None
    ]
    update_each(connection, capture, referring)


def _owners(connection: Connection, run: Run, records: Sequence[Imported]) -> list[int]:
    """The resource of each record: the one that its URL belongs to already, else its key's, made where there is none
    and never due."""
    hashes = [hashed(each.exchange.url)[1] for each in records]
    known: dict[bytes, int] = {}
    for portion in in_portions(list(set(hashes))):
        rows = connection.execute(_OWNERS, {"values": portion})
        known.update((bytes(digest), number) for digest, number in rows)
    strangers = {each.key: each for each, digest in zip(records, hashes, strict=True) if digest not in known}
    by_key = resources_by_key(connection, run.outlet, list(strangers))
    missing = [each for key, each in strangers.items() if key not in by_key]
    insert_missing(
        connection,
        resource,
        [
            {
                "outlet": run.outlet,
                "key": each.key,
                "kind": each.kind,
                "priority": NEW,
                "found_by": "import",
                "found_crawl": run.crawl,
            }
            for each in missing
        ],
    )
    count_up(connection, run.outlet, {"resources": len(missing)})
    by_key |= resources_by_key(connection, run.outlet, [each.key for each in missing])
    return [known.get(digest) or by_key[each.key] for each, digest in zip(records, hashes, strict=True)]


_OWNERS = select(location.c.url_hash, location.c.resource).where(among(location.c.url_hash))
_WRITTEN = (
    select(location.c.url_hash, capture.c.member_sha256)
    .join(capture, capture.c.location == location.c.id)
    .where(capture.c.source != "import", among(location.c.url_hash))
)
