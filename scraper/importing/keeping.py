"""Writing down what the indexing processes send: captures, their outlets, and the payloads that revisits refer to."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from scraper.crawling.opening import facts_of
from scraper.fetching.outcomes import outcome_of
from scraper.importing.selecting import NOT_MODIFIED, Owner, Reference, Selected
from storage.captures import with_payload_of
from storage.errors import ArchiveDamaged
from storage.foreign.digests import hasher_for, one_holds
from storage.imported_files import ImportedFile, position_of, read_up_to, set_position
from storage.importing import Imported, find_original, held_already, keep_imported, known_urls
from storage.models import outlet as outlet_table
from storage.outlets import sync_outlet
from storage.records import DomainFacts
from storage.serial import write_alone
from storage.urls import host_of
from storage.warc import read_exchange

if TYPE_CHECKING:
    from scraper.outlet import Outlet
    from storage.archive import Archive
    from storage.exchange import Exchange

_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class KeptBatch:
    """What a batch came to: captures that were not known before, by outcome, revisits whose payload was not found, and
    how many records the archive had written itself."""

    captures: Counter[str]
    unresolved: tuple[Selected, ...]
    held: int


class Keeper:
    """Keeps batches of one import, each in one transaction."""

    def __init__(self, archive: Archive, outlets: Mapping[str, Outlet], crawl: int, now: datetime) -> None:
        self._archive, self._outlets, self._crawl, self._now = archive, outlets, crawl, now
        self._ids: dict[tuple[str, str], int] = {}

    def keep(
        self,
        file: ImportedFile,
        origin: str,
        selected: Sequence[Selected],
        position: int | None,
        revisits_job: str | None = None,
    ) -> KeptBatch:
        """T1 of records of one part of a file; `position` is how far it has been read now. From which place on there
        are revisits that wait for their payload is noted under `revisits_job`, in the same transaction."""
        selected, held = self._unheld(selected)
        whole = [each for each in selected if each.refers is None]
        revisits = [each for each in selected if each.refers is not None]
        self._write_outlets(selected)
        with self._archive.begin() as connection:
            for number in sorted({self._outlet(each) for each in selected}):
                write_alone(connection, number)  # all in one order, so that no two imports wait for each other
            captures = self._keep(connection, file, origin, [self._imported(each) for each in whole])
            resolved, unresolved = [], []
            known = known_urls(connection, [url for each in revisits for url in _urls_of(each)])
            for each in revisits:
                found = self._resolve(connection, each) if known.intersection(_urls_of(each)) else None
                if found is None:
                    unresolved.append(each)
                elif found.outcome == "pending" or each.owner.known:
                    resolved.append(found)
            captures += self._keep(connection, file, origin, resolved)
            if unresolved and revisits_job is not None:
                first = min(each.raw for each in unresolved)
                noted = position_of(connection, revisits_job)
                set_position(connection, revisits_job, first if noted is None else min(noted, first))
            if position is not None:
                read_up_to(connection, file, position)
        return KeptBatch(captures, tuple(unresolved), held)

    def _unheld(self, selected: Sequence[Selected]) -> tuple[list[Selected], int]:
        """The records without those that the archive wrote itself, and the number of these."""
        if not selected:
            return [], 0
        with self._archive.read() as connection:
            held = held_already(connection, ((each.exchange.url, each.member_sha256) for each in selected))
        left = [each for each in selected if (each.exchange.url, each.member_sha256) not in held]
        return left, len(selected) - len(left)

    def _keep(
        self, connection: Connection, file: ImportedFile, origin: str, records: Sequence[Imported]
    ) -> Counter[str]:
        return keep_imported(connection, file, records, crawl_id=self._crawl, origin=origin) if records else Counter()

    def _imported(self, each: Selected) -> Imported:
        return Imported(
            exchange=each.exchange,
            outlet=self._outlet(each),
            key=each.owner.key,
            kind=each.owner.kind,
            outcome=each.outcome,
            part=each.part,
            offset=each.offset,
            length=each.length,
            member_sha256=each.member_sha256,
            payload_sha256=each.payload_sha256,
        )

    def _resolve(self, connection: Connection, revisit: Selected) -> Imported | None:
        """A revisit with the payload that it refers to; None where no capture holds that."""
        refers = revisit.refers
        assert refers is not None
        made = revisit.exchange.started_at
        places = list(find_original(connection, refers.url, refers.at, made, refers.digest))
        if refers.url != revisit.exchange.url:
            places += find_original(connection, revisit.exchange.url, None, made, refers.digest)
        for place in places:
            try:
                original = read_exchange(self._archive.folder, place.warc_path, place.offset, place.length)
            except ArchiveDamaged:
                continue
            if original.status != NOT_MODIFIED and _is_original(original, refers):
                exchange = with_payload_of(revisit.exchange, original)
                unchanged = exchange.status == NOT_MODIFIED
                return replace(
                    self._imported(revisit),
                    exchange=replace(exchange, payload=b""),
                    outcome=outcome_of(original if unchanged else exchange),
                    payload_sha256=hashlib.sha256(original.payload).hexdigest(),
                    refers_to=place.capture,
                )
        return None

    def _outlet(self, each: Selected) -> int:
        """The id of a record's outlet, which has been written down."""
        return self._ids[_place_of(each)]

    def _write_outlets(self, selected: Sequence[Selected]) -> None:
        """Write the outlets of records down, each with its profile's domains, or with the hosts that showed it."""
        owners = {_place_of(each): each.owner for each in selected}
        if len(self._ids) > _REMEMBERED:
            self._ids.clear()
        missing = sorted(owners.keys() - self._ids.keys())
        if missing:
            with self._archive.begin() as connection:
                added = {place: self._write_outlet(connection, owners[place], place[1]) for place in missing}
            self._ids |= added

    def _write_outlet(self, connection: Connection, owner: Owner, host: str) -> int:
        if owner.known:
            return sync_outlet(connection, owner.outlet, "profile", facts_of(self._outlets[owner.outlet]), self._now)
        row = connection.execute(select(outlet_table.c.kind).where(outlet_table.c.name == owner.outlet)).first()
        facts = DomainFacts(host, "", "primary", None, None, None, 0, "page")
        return sync_outlet(connection, owner.outlet, row[0] if row else "adhoc", [facts], self._now)


def _place_of(each: Selected) -> tuple[str, str]:
    """A record's outlet and, where that has no profile, the host that showed it."""
    return each.owner.outlet, "" if each.owner.known else host_of(each.exchange.url)


def _urls_of(revisit: Selected) -> tuple[str, ...]:
    """Where what a revisit refers to may have been captured."""
    return (revisit.exchange.url, *((revisit.refers.url,) if revisit.refers else ()))


def _is_original(original: Exchange, refers: Reference) -> bool:
    """Whether a capture's payload is the one that a revisit names by its digest, however its writer had counted."""
    if hasher_for(refers.digest) is None:
        return refers.at is not None
    return one_holds(refers.digest, (original.payload, original.response[original.head_length :]))
