"""T1: write down what was fetched, in one transaction, after its records are safe on the disk."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, case, select, update

from storage.exchange import Exchange
from storage.finding import hashed, location_row
from storage.inserting import among, count_up, in_portions, insert_missing, update_each
from storage.models import capture, fetch_failure, location, resource, warc_file
from storage.outlets import DomainMap, domains
from storage.priorities import NEW, REVISIT
from storage.records import Failure, Fetch, Kept
from storage.serial import write_alone
from storage.storable import storable
from storage.warc_writing import Appended

log = logging.getLogger(__name__)

_HEADER_LIMIT = 1000
"""The longest ETag, Last-Modified or media type that is taken into the database; longer ones are no use."""


@dataclass(frozen=True, slots=True)
class Run:
    """Who keeps: the crawl, its outlet, the owner of its leases, and how its captures came about.

    `origin` names the file that imported captures were found in.
    """

    crawl: int
    outlet: int
    owner: str
    source: Literal["live", "import", "recover"] = "live"
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The WARC file that a batch was appended to, with the length up to which it is safe and accounted for.

    `id` is None until its row stands. `path` is relative to the archive's WARC folder.
    """

    id: int | None
    path: str
    writer: str
    committed_len: int


def keep_batch(
    connection: Connection,
    run: Run,
    file: FileFacts | None,
    fetches: Sequence[tuple[Fetch, Appended]],
    failures: Sequence[Failure] = (),
) -> tuple[int | None, list[Kept]]:
    """Write a batch down; gives the WARC file's id, and what was kept in the order of `fetches`.

    Call it in a write transaction whose commit makes the fetches done. `file` may be None where only failures came.
    """
    write_alone(connection, run.outlet)
    places = _locate(connection, run, fetches, failures)
    file_id = account(connection, file) if file else None
    kept = _add_captures(connection, run, file_id, file.path if file else "", fetches, places)
    if run.source == "import":
        _mark_imported(connection, fetches, kept)
    else:
        _mark_fetched(connection, fetches, kept)
    if failures:
        connection.execute(
            fetch_failure.insert(),
            [
                {
                    "location": places[each.url].location,
                    "crawl": run.crawl,
                    "at": to_millisecond(each.at),
                    "reason": each.reason,
                }
                for each in failures
            ],
        )
    _settle(connection, run.owner, fetches, failures)
    _count(connection, "captures", [places[each.exchange.url] for each, _ in fetches])
    _count(connection, "failures", [places[each.url] for each in failures])
    return file_id, kept


@dataclass(frozen=True, slots=True)
class _Place:
    """A location and the outlet that it belongs to, which may be another than the run's."""

    location: int
    outlet: int


def _count(connection: Connection, name: str, places: Sequence[_Place]) -> None:
    """Count what came about for the outlets whose locations it was at."""
    for outlet, number in sorted(Counter(each.outlet for each in places).items()):
        count_up(connection, outlet, {name: number})


def account(connection: Connection, file: FileFacts) -> int:
    """Write down up to which length a WARC file is safe and accounted for; gives its id."""
    if file.id is None:
        statement = warc_file.insert().values(
            store="warc", path=file.path, writer=file.writer, state="open", committed_len=file.committed_len
        )
        number: int = connection.execute(statement.returning(warc_file.c.id)).scalar_one()
        return number
    row = {"id": file.id, "committed_len": file.committed_len, "writer": file.writer}
    update_each(connection, warc_file, [row])
    return file.id


def facts_of_exchange(exchange: Exchange) -> dict[str, Any]:
    """The columns of a capture that an exchange tells by itself."""
    return {
        "status": exchange.status,
        "mime": _mime(exchange),
        "truncated": exchange.truncated,
        "tls": _tls(exchange),
    }


def facts_of(fetch: Fetch, run: Run) -> dict[str, Any]:
    """What is written beside an exchange, so that it can be adopted when its T1 never came."""
    return {
        "crawl": run.crawl,
        "outlet": run.outlet,
        "owner": run.owner,
        "resource": fetch.resource,
        "outcome": fetch.outcome,
        "at": fetch.at.isoformat(),
        "final": fetch.final,
        "due_at": fetch.due_at.isoformat() if fetch.due_at else None,
        "from": fetch.redirected_from,
    }


def fetch_from(facts: Mapping[str, Any], exchange: Exchange) -> Fetch:
    """The fetch that `facts_of` described. Raises KeyError, TypeError or ValueError when it does not."""
    due_at, origin = facts["due_at"], facts["from"]
    return Fetch(
        exchange=exchange,
        resource=int(facts["resource"]),
        url=exchange.url,
        outcome=str(facts["outcome"]),
        at=_instant(facts["at"]),
        final=bool(facts["final"]),
        due_at=_instant(due_at) if due_at is not None else None,
        redirected_from=str(origin) if origin is not None else None,
    )


def origin_of(fetch: Fetch) -> str | None:
    """What the column `origin` says of a fetch that a redirect led to; None for any other."""
    return storable(f"redirect:{fetch.redirected_from}") if fetch.redirected_from is not None else None


def to_millisecond(at: datetime) -> datetime:
    """An instant as both databases keep it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _instant(text: object) -> datetime:
    at = datetime.fromisoformat(str(text))
    if at.tzinfo is None:
        raise ValueError(f"no zone: {text}")
    return at.astimezone(UTC)


def _locate(
    connection: Connection, run: Run, fetches: Sequence[tuple[Fetch, Appended]], failures: Sequence[Failure]
) -> dict[str, _Place]:
    """All locations asked, by URL as given. A URL that is known keeps the resource it belongs to."""
    asked: dict[str, tuple[int, datetime]] = {}
    for fetch, _ in fetches:
        asked.setdefault(fetch.exchange.url, (fetch.resource, fetch.at))
    for failure in failures:
        asked.setdefault(failure.url, (failure.resource, failure.at))
    forms = {url: _form(url) for url in asked}
    known = _known(connection, [digest for _, digest in forms.values()])
    missing = {digest: url for url, (_, digest) in forms.items() if digest not in known}
    if missing:
        domain_map = DomainMap(domains(connection, run.outlet))
        how = "imported" if run.source == "import" else "fetched"
        rows = []
        for digest, url in missing.items():
            owner, at = asked[url]
            home = domain_map.find(forms[url][0])
            rows.append(
                location_row(
                    forms[url][0], digest, owner, home.id if home else None, how, to_millisecond(at), run.crawl
                )
            )
        insert_missing(connection, location, rows)
        known |= _known(connection, list(missing))
        count_up(connection, run.outlet, {"locations": len(missing)})
    return {url: known[digest] for url, (_, digest) in forms.items()}


def _form(url: str) -> tuple[str, bytes]:
    """The canonical URL and its hash. What cannot be a URL for us was fetched all the same: it stands as it is."""
    try:
        return hashed(url)
    except ValueError:
        log.warning("fetched from what is no URL for us: %r", url)
        text = storable(url)
        return text, hashlib.sha256(text.encode()).digest()


def _known(connection: Connection, hashes: Sequence[bytes]) -> dict[bytes, _Place]:
    found: dict[bytes, _Place] = {}
    for portion in in_portions(hashes):
        for digest, *place in connection.execute(_PLACES, {"values": portion}):
            found[bytes(digest)] = _Place(*place)
    return found


_PLACES = (
    select(location.c.url_hash, location.c.id, resource.c.outlet)
    .join(resource, resource.c.id == location.c.resource)
    .where(among(location.c.url_hash))
)


def _add_captures(
    connection: Connection,
    run: Run,
    file_id: int | None,
    path: str,
    fetches: Sequence[tuple[Fetch, Appended]],
    places: Mapping[str, _Place],
) -> list[Kept]:
    if not fetches:
        return []
    rows = []
    for fetch, appended in fetches:
        exchange = fetch.exchange
        rows.append(
            {
                "warc_file": file_id,
                "offset": appended.offset,
                "length": appended.length,
                "member_sha256": appended.member_sha256,
                "location": places[exchange.url].location,
                "crawl": run.crawl,
                "at": to_millisecond(fetch.at),
                "payload_sha256": appended.payload_sha256,
                **facts_of_exchange(exchange),
                "source": run.source,
                "origin": origin_of(fetch) or run.origin,
                "outcome": fetch.outcome,
                "span_offset": appended.span_offset,
                "span_length": appended.span_length,
                "span_sha256": appended.span_sha256,
                "refers_to": appended.refers_to,
            }
        )
    connection.execute(capture.insert(), rows)
    offsets = [appended.offset for _, appended in fetches]
    span = {"file": file_id, "first": min(offsets), "last": max(offsets)}
    ids = {row[0]: row[1] for row in connection.execute(_PLACED, span)}
    return [
        Kept(ids[appended.offset], places[fetch.exchange.url].location, path, appended.offset, appended.length)
        for fetch, appended in fetches
    ]


_PLACED = select(capture.c.offset, capture.c.id).where(
    capture.c.warc_file == bindparam("file"), capture.c.offset.between(bindparam("first"), bindparam("last"))
)


def _mark_fetched(connection: Connection, fetches: Sequence[tuple[Fetch, Appended]], kept: Sequence[Kept]) -> None:
    """Times, validators and last whole response of the locations. A 304 and an error leave those of the last whole
    answer, a revisit the response that it refers to; a clock that was set back moves no last sight back."""
    whole, others, seen = [], [], []
    for (fetch, appended), place in zip(fetches, kept, strict=True):
        at = to_millisecond(fetch.at)
        row: dict[str, Any] = {"id": place.location, "fetched_at": at}
        seen.append({"of": place.location, "seen": at})
        if fetch.exchange.status == 200 and fetch.exchange.truncated is None:
            if appended.refers_to is None:
                row["whole_capture"] = place.capture
            whole.append(
                row
                | {
                    "etag": _short(fetch.exchange.header("etag")),
                    "last_modified": _short(fetch.exchange.header("last-modified")),
                }
            )
        else:
            others.append(row)
    update_each(connection, location, whole)
    update_each(connection, location, others)
    if seen:
        connection.execute(_SEE_AGAIN, seen)


def _mark_imported(connection: Connection, fetches: Sequence[tuple[Fetch, Appended]], kept: Sequence[Kept]) -> None:
    """Times of the locations, which never go back: what is imported may be older than what stands there. Validators
    are left alone, since a server is asked by those that it sent to us."""
    connection.execute(
        _MOVE_ON,
        [
            {"of": place.location, "seen": to_millisecond(fetch.at)}
            for (fetch, _), place in zip(fetches, kept, strict=True)
        ],
    )


_SEEN = bindparam("seen", type_=location.c.last_at.type)
_SEE_AGAIN = update(location).where(location.c.id == bindparam("of"), location.c.last_at < _SEEN).values(last_at=_SEEN)
_MOVE_ON = (
    update(location)
    .where(location.c.id == bindparam("of"))
    .values(
        last_at=case((location.c.last_at < _SEEN, _SEEN), else_=location.c.last_at),
        fetched_at=case((location.c.fetched_at > _SEEN, location.c.fetched_at), else_=_SEEN),
    )
)

_SETTLE = (
    update(resource)
    .where(resource.c.id == bindparam("of"))
    .values(
        outcome=bindparam("new_outcome"),
        due_at=bindparam("new_due", type_=resource.c.due_at.type),
        attempts=case((bindparam("vain") == 1, resource.c.attempts + 1), else_=0),
        # An article once answered waits behind those that were never fetched.
        priority=case(
            (
                (resource.c.kind == "article") & (resource.c.priority == NEW) & (bindparam("vain") == 0),
                REVISIT,
            ),
            else_=resource.c.priority,
        ),
        lease_until=case((resource.c.lease_owner == bindparam("by"), None), else_=resource.c.lease_until),
        lease_owner=case((resource.c.lease_owner == bindparam("by"), None), else_=resource.c.lease_owner),
    )
)


def _settle(
    connection: Connection,
    owner: str,
    fetches: Iterable[tuple[Fetch, Appended]],
    failures: Iterable[Failure],
) -> None:
    """Outcome, next due time and end of the lease, for what is final."""
    rows = []
    for fetch, _ in fetches:
        if fetch.final:
            vain = fetch.exchange.status >= 400 or fetch.exchange.truncated is not None
            rows.append((fetch.resource, fetch.outcome, fetch.due_at, vain))
    rows.extend((each.resource, f"failed:{each.reason}", each.due_at, True) for each in failures if each.final)
    if rows:
        # In order of id, so that two processes cannot block each other.
        rows.sort(key=lambda row: row[0])
        connection.execute(
            _SETTLE,
            [
                {"of": of, "new_outcome": outcome, "new_due": due, "vain": int(vain), "by": owner}
                for of, outcome, due, vain in rows
            ],
        )


def _mime(exchange: Exchange) -> str | None:
    value = _short(exchange.header("content-type"))
    return value.partition(";")[0].strip().lower() or None if value else None


def _tls(exchange: Exchange) -> dict[str, Any] | None:
    """Facts of the connection; the certificates themselves stand in the WARC file."""
    if exchange.tls is None:
        return None
    chain = [hashlib.sha256(each).hexdigest() for each in exchange.tls.chain]
    return {"version": exchange.tls.version, "cipher": exchange.tls.cipher, "chain_sha256": chain}


def _short(value: str | None) -> str | None:
    return storable(value) if value and len(value) <= _HEADER_LIMIT else None
