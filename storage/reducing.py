"""Decide, by an outlet's policies, which captures of a WARC file are kept as headers and digest alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Row, bindparam, select, update

from storage.captures import is_reduced
from storage.inserting import among, in_portions
from storage.models import capture, domain_event, extraction, location, outlet, reduction, resource, warc_file

Unchanged = Literal["whole", "headers"]
Listings = Literal["whole", "changed"]
_LISTINGS = ("sections", "feed", "sitemap", "datearchive", "urls")


@dataclass(frozen=True, slots=True)
class Reduction:
    """Why a capture is reduced, and the capture that is kept whole and shows the same (for a listing: one before)."""

    reason: Literal["unchanged", "nothing new"]
    shows: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """A capture of a location, in the order of time: what it came to, and what its newest reading says."""

    id: int
    at: datetime
    outcome: str
    is_whole: bool
    text: tuple[int, str | None] | None


def set_policies(connection: Connection, outlet_id: int, unchanged: Unchanged, listings: Listings) -> None:
    """Write down what an outlet's profile says of pages that show nothing new."""
    connection.execute(_SET, {"of_outlet": outlet_id, "to_unchanged": unchanged, "to_listings": listings})


_UNCHANGED = bindparam("to_unchanged", type_=outlet.c.unchanged.type)
_CHANGED = bindparam("to_listings", type_=outlet.c.listings.type)
_SET = (
    update(outlet)
    .where(outlet.c.id == bindparam("of_outlet"))
    .where((outlet.c.unchanged != _UNCHANGED) | (outlet.c.listings != _CHANGED))
    .values(unchanged=_UNCHANGED, listings=_CHANGED)
)


def plan_reductions(connection: Connection, file_id: int) -> dict[int, Reduction]:
    """The captures of a file that are to be reduced, by their ids.

    With the policy `unchanged = headers` these are captures of articles whose location showed the same text just
    before, letter by letter; with `listings = changed` captures of listings that led to nothing new. Of both, one that
    is kept whole must have come before; and nothing is reduced that waits to be read, or that anything else refers to
    but what is reduced with it. Revisits and answers of status 304 are reduced alike: their records are larger than
    what tells of them then.
    """
    if connection.execute(_WITH_POLICY.limit(1)).first() is None:
        return {}
    candidates = _candidates(connection, file_id)
    if not candidates:
        return {}
    listings = {each.location: each.id for each in reversed(candidates) if each.outcome == "listing"}
    seen = _seen_at(connection, {each.location for each in candidates} - listings.keys())
    for place, first in listings.items():
        seen |= _seen_at(connection, [place], since=_last_whole_listing(connection, place, first) or first)
    free = {each.id for each in candidates}
    while True:
        plan: dict[int, Reduction] = {}
        for captures in seen.values():
            plan.update(_of_location(captures, free))
        needed = _needed_by_others(connection, plan)
        if not needed:
            return plan
        free -= needed  # what referred to it may have to stay now, and what that refers to


def write_reductions(
    connection: Connection, plan: Mapping[int, Reduction], sha256: Mapping[int, str], crawl: int
) -> None:
    """Write down what was reduced, in the transaction that moves the captures. A location whose last whole response is
    no more is asked for without validators: what its server called unchanged could not be shown."""
    rows = [
        {"capture": number, "crawl": crawl, "reason": each.reason, "shows": each.shows, "sha256": sha256[number]}
        for number, each in plan.items()
    ]
    connection.execute(reduction.insert(), rows)
    for portion in in_portions(list(plan)):
        connection.execute(
            update(location)
            .where(location.c.whole_capture.in_(portion))
            .values(whole_capture=None, etag=None, last_modified=None)
        )


def still_reducible(connection: Connection, plan: Mapping[int, Reduction]) -> bool:
    """Whether nothing refers to what is to be reduced, as the transaction sees it that reduces it."""
    return not _needed_by_others(connection, plan)


def _candidates(connection: Connection, file_id: int) -> Sequence[Row[int, int, str]]:
    """The captures that a policy may reduce, in the order of their ids: id, location and outcome."""
    articles = (capture.c.outcome == "article") & (outlet.c.unchanged == "headers")
    listings = (
        (capture.c.outcome == "listing") & (outlet.c.listings == "changed") & resource.c.kind.in_(_LISTINGS)
    ) & (capture.c.gained == 0)
    statement = (
        select(capture.c.id, capture.c.location, capture.c.outcome)
        .join(location, location.c.id == capture.c.location)
        .join(resource, resource.c.id == location.c.resource)
        .join(outlet, outlet.c.id == resource.c.outlet)
        .where(capture.c.warc_file == file_id, capture.c.status.in_((200, 304)), capture.c.truncated.is_(None))
        .where(capture.c.span_sha256.is_not(None), articles | listings)
        .order_by(capture.c.id)
    )
    return connection.execute(statement).all()


def _last_whole_listing(connection: Connection, place: int, before: int) -> int | None:
    """The last capture of a listing before another one that is kept whole: of what was seen there in years, nothing
    earlier is asked for."""
    return connection.execute(_LAST_WHOLE, {"place": place, "before": before}).scalar()


def _needed_by_others(connection: Connection, plan: Mapping[int, Reduction]) -> set[int]:
    """Those of the captures that are to be reduced which others refer to: captures that stay whole, and other rows."""
    found: set[int] = set()
    for portion in in_portions(list(plan)):
        referring = select(capture.c.id, capture.c.refers_to).where(
            capture.c.refers_to.in_(portion), ~is_reduced(capture)
        )
        found.update(row.refers_to for row in connection.execute(referring) if row.id not in plan)
        for column in (domain_event.c.capture, reduction.c.shows):
            found.update(connection.execute(select(column).where(column.in_(portion))).scalars())
    return found


def _seen_at(connection: Connection, places: Iterable[int], *, since: int = 0) -> dict[int, list[_Seen]]:
    """The captures of some locations from one on, each in the order of time."""
    seen: dict[int, list[_Seen]] = defaultdict(list)
    for portion in in_portions(sorted(places)):
        texts: dict[int, tuple[int, str | None] | None] = {}
        for number, shown, letters in connection.execute(_READINGS, {"values": portion, "since": since}):
            texts[number] = (shown, letters) if shown is not None else None
        for row in connection.execute(_CAPTURES, {"values": portion, "since": since}):
            is_whole = row.reduced is None and row.refers_to is None and row.truncated is None and row.status == 200
            text = texts.get(row.id)
            seen[row.location].append(_Seen(row.id, row.at, row.outcome, is_whole, text))
    return seen


def _of_location(captures: Sequence[_Seen], free: set[int]) -> Iterable[tuple[int, Reduction]]:
    """What is to be reduced of one location. `whole` holds the first capture of each text that stays as it is."""
    whole: dict[tuple[int, str | None], int] = {}
    listing: int | None = None
    before: _Seen | None = None
    for each in captures:
        if each.outcome == "article" and each.text is not None:
            same = before is not None and before.outcome == "article" and before.text == each.text
            if each.id in free and same and each.text in whole:
                yield each.id, Reduction("unchanged", whole[each.text])
            elif each.is_whole:
                whole.setdefault(each.text, each.id)
        elif each.outcome == "listing":
            if each.id in free and listing is not None:
                yield each.id, Reduction("nothing new", listing)
            elif each.is_whole:
                listing = each.id
        before = each


_WITH_POLICY = select(outlet.c.id).where((outlet.c.unchanged != "whole") | (outlet.c.listings != "whole"))
_CAPTURES = (
    select(
        capture.c.id,
        capture.c.location,
        capture.c.at,
        capture.c.outcome,
        capture.c.status,
        capture.c.refers_to,
        capture.c.truncated,
        reduction.c.capture.label("reduced"),
    )
    .outerjoin(reduction, reduction.c.capture == capture.c.id)
    .join(warc_file, warc_file.c.id == capture.c.warc_file)
    .where(among(capture.c.location), capture.c.id >= bindparam("since"), warc_file.c.store == "warc")
    .order_by(capture.c.at, capture.c.id)
)
_READINGS = (
    select(extraction.c.capture, extraction.c.revision, extraction.c.text_sha256)
    .join(capture, capture.c.id == extraction.c.capture)
    .where(among(capture.c.location), capture.c.id >= bindparam("since"))
    .order_by(extraction.c.at, extraction.c.extractor)
)
_LAST_WHOLE = (
    select(capture.c.id)
    .join(warc_file, warc_file.c.id == capture.c.warc_file)
    .where(capture.c.location == bindparam("place"), capture.c.id < bindparam("before"), warc_file.c.store == "warc")
    .where(capture.c.outcome == "listing", capture.c.status == 200, capture.c.refers_to.is_(None))
    .where(capture.c.truncated.is_(None), ~is_reduced(capture))
    .order_by(capture.c.id.desc())
    .limit(1)
)
