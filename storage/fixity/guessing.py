"""What a row of a manifest's tables may have held, by what is still here; a manifest says which guess is right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import chain, product
from typing import Any

from sqlalchemy import Row, func, select

from storage.captures import capture_at, with_payload_of
from storage.errors import ArchiveDamaged
from storage.finding import hashed
from storage.fixity.exchanges import UNREADABLE, FoundExchange, Records, sha256_between
from storage.fixity.members import Measured, measure
from storage.fixity.texts import content_of, figures_of
from storage.foreign import is_foreign, open_part
from storage.foreign.views import IMPORTED
from storage.identity import content_digest, text_sha256
from storage.keeping import facts_of_exchange, to_millisecond
from storage.models import capture, location, resource, revision, warc_file
from storage.outlets import DomainMap, domains
from storage.warc_names import is_rewritten
from storage.warc_reading import WholeExchange, open_warc, read_exchange, walk
from storage.warc_records import MEMBER_LIMIT

_HOW = ("fetched", "linked", "canonical", "imported")
_BESIDE = 20
"""So many locations before and after one are looked at."""

Values = dict[str, Any]
Guess = Callable[[Records, int, Row[Any] | None], Iterator[tuple[Values, str]]]
"""Gives values of a row, by its id and as it stands (None where it is missing: then all that a new one needs), each
with where they come from."""


def guess_capture(records: Records, number: int, row: Row[Any] | None) -> Iterator[tuple[Values, str]]:
    """What its records say: those to which it points, or no capture, or another one that was altered."""
    if row is not None:
        path = records.path_of(row.warc_file) or ""
        if is_foreign(path):
            yield from _guess_imported(records, path, row)
        for found in records.at_row(row):
            yield from _captures(records, found, row)
    for found in chain(records.strays, records.altered):
        yield from _captures(records, found, row)


def guess_location(records: Records, number: int, row: Row[Any] | None) -> Iterator[tuple[Values, str]]:
    """The URL that its captures' records name, or the hash of the URL."""
    urls, moments = ([row.url], [row.first_at]) if row is not None else ([], [])
    captures = select(capture).where(capture.c.location == number).order_by(capture.c.at).limit(1)
    for shown in records.connection.execute(captures):
        moments.append(shown.at)
        urls += [found.exchange.url for found in records.at_row(shown)]
        urls += _imported_url(records, shown)
    beside = select(location.c.first_at).where(location.c.id.between(number - _BESIDE, number + _BESIDE))
    moments += records.connection.execute(beside).scalars()  # links of one page are first seen at one moment
    more: Values = {}
    for url, how, first_at in product(
        dict.fromkeys(urls), dict.fromkeys([*([row.how] if row else ()), *_HOW]), dict.fromkeys(moments)
    ):
        text, digest = _hashed(url)
        if row is None:
            more = _new_location(records, number, text)
            if not more:
                return
        yield more | {"url": text, "url_hash": digest, "how": how, "first_at": first_at}, "its URL and its records"


def guess_revision(records: Records, number: int, row: Row[Any] | None) -> Iterator[tuple[Values, str]]:
    """What follows from the text: its digest and its plain form."""
    if row is None:
        return
    try:
        content = content_of(row, figures_of(records.connection, [row.id]).get(row.id, ()))
        digest = content_digest(content)
    except (ArchiveDamaged, AttributeError, KeyError, TypeError, ValueError):
        return
    for values in ({"digest": digest}, {"body": content.body}, {"digest": digest, "body": content.body}):
        yield values, "its text"


def guess_extraction(records: Records, number: int, row: Row[Any] | None) -> Iterator[tuple[Values, str]]:
    """What its capture and its revision say."""
    if row is None:
        return
    outcome = records.connection.execute(select(capture.c.outcome).where(capture.c.id == row.capture)).scalar()
    forms = [row.text_sha256]
    shown = records.connection.execute(select(revision).where(revision.c.id == row.revision)).one_or_none()
    if shown is not None:
        figures = figures_of(records.connection, [shown.id]).get(shown.id, ())
        with suppress(ArchiveDamaged, AttributeError, KeyError, TypeError, ValueError):
            forms.append(text_sha256(content_of(shown, figures)))
    for form, told in product(forms, (row.outcome, outcome)):
        yield {"text_sha256": form, "outcome": told}, "its capture and its text"


def guess_file(records: Records, number: int, row: Row[Any] | None) -> Iterator[tuple[Values, str]]:
    """What the file itself is, or one that no row names."""
    for path in records.strange:
        measured = _measured(records, path)
        if measured is None:
            continue
        values: Values = {"store": "warc", "path": path}
        if row is not None:
            yield values, "the file's name"
        state = IMPORTED if path.startswith(f"{IMPORTED}/") else "closed"
        values |= {"committed_len": measured.size, "sha256": measured.sha256, "state": state}
        yield values | {"writer": row.writer if row is not None else _writer_of(records, path)}, "the file"
    if row is None:
        return
    path = row.path if row.store == "warc" else f"{row.store}/{row.path}"
    ends = select(func.max(capture.c.span_offset + capture.c.span_length)).where(capture.c.warc_file == number)
    for length in (row.committed_len, records.connection.execute(ends).scalar() or 0):
        measured = _measured(records, path, length)
        if measured is not None:
            yield {"sha256": measured.sha256, "committed_len": measured.size}, "the file"
            yield {"sha256": measured.kept_sha256, "committed_len": length}, "the file"
    stores = records.connection.execute(select(warc_file.c.store).distinct()).scalars().all()
    yield from (({"store": store}, "where other files lie") for store in stores)


GUESSES: dict[str, Guess] = {
    "capture": guess_capture,
    "location": guess_location,
    "revision": guess_revision,
    "extraction": guess_extraction,
    "warc_file": guess_file,
}
"""What a row of a table may have held."""


def _captures(records: Records, found: FoundExchange, row: Row[Any] | None) -> Iterator[tuple[Values, str]]:
    values = found.values()
    sources = ["live", "recover"]
    if row is None:
        referred = found.whole.facts.get("refers_to")
        if referred is not None and not _stands(records, referred):
            return
        values |= {"outcome": found.fetch.outcome, "refers_to": referred}
    else:
        sources = [row.source, *sources]
        if is_rewritten(records.path_of(found.file) or ""):  # its manifest tells where it stood before
            values |= {"moved_to": found.start, "span_offset": row.span_offset}
    for place, source in product(_locations(records, found.exchange.url, row), sources):
        yield values | {"location": place, "source": source}, "its records"


def _locations(records: Records, url: str, row: Row[Any] | None) -> list[int]:
    """The location that a capture's row names, and that of the URL which its record names."""
    here = records.connection.execute(select(location.c.id).where(location.c.url_hash == _hashed(url)[1])).scalars()
    return list(dict.fromkeys([*([row.location] if row is not None else ()), *here]))


def _stands(records: Records, referred: object) -> bool:
    found = select(capture.c.id).where(capture.c.id == referred)
    return isinstance(referred, int) and records.connection.execute(found).first() is not None


def _new_location(records: Records, number: int, url: str) -> Values:
    """What else a location needs that is missing, by the captures that point to it."""
    of_url = [
        found
        for shown in records.connection.execute(select(capture).where(capture.c.location == number))
        for found in records.at_row(shown)
        if _hashed(found.exchange.url)[0] == url
    ]
    known = select(resource).where(resource.c.id.in_([found.fetch.resource for found in of_url]))
    owner = records.connection.execute(known.limit(1)).one_or_none()
    if owner is None:
        return {}
    home = DomainMap(domains(records.connection, owner.outlet)).find(url)
    last: datetime = max(to_millisecond(found.fetch.at) for found in of_url)
    return {"resource": owner.id, "domain": home.id if home else None, "last_at": last, "fetched_at": last}


def _hashed(url: str) -> tuple[str, bytes]:
    """A URL in canonical form, and its hash; what is no URL for us stands as it is."""
    try:
        return hashed(url)
    except ValueError:
        return url, hashlib.sha256(url.encode("utf-8", "replace")).digest()


def _guess_imported(records: Records, path: str, row: Row[Any]) -> Iterator[tuple[Values, str]]:
    """What the record in a file of others says, and where other captures of that file came from."""
    if not 0 < row.length <= MEMBER_LIMIT or row.offset < 0:
        return
    try:
        with open_part(records.folder, path) as file:
            member = sha256_between(file, row.offset, row.offset + row.length)
        exchange = read_exchange(records.archive.folder, path, row.offset, row.length)
        payload = hashlib.sha256(exchange.payload).hexdigest()
        if row.refers_to is not None:
            referred = capture_at(records.connection, row.refers_to)
            original = read_exchange(records.archive.folder, referred.warc_path, referred.offset, referred.length)
            kept = tuple(pair for pair in exchange.headers if pair[0].lower() == b"content-type")  # as an import does
            exchange = with_payload_of(replace(exchange, headers=kept), original)
            payload = hashlib.sha256(original.payload).hexdigest()
    except UNREADABLE:
        return
    values = {
        "member_sha256": member,
        "payload_sha256": payload,
        "at": to_millisecond(exchange.started_at),
        "source": "import",
        "span_offset": None,
        "span_length": None,
        "span_sha256": None,
        **facts_of_exchange(exchange),
    }
    beside = select(capture.c.origin).where(capture.c.warc_file == row.warc_file).distinct()
    origins = dict.fromkeys([row.origin, *records.connection.execute(beside).scalars()])
    for origin, place in product(origins, _locations(records, exchange.url, row)):
        yield values | {"origin": origin, "location": place}, "its record"


def _imported_url(records: Records, row: Row[Any]) -> list[str]:
    path = records.path_of(row.warc_file) or ""
    if not is_foreign(path):
        return []
    try:
        return [read_exchange(records.archive.folder, path, row.offset, row.length).url]
    except UNREADABLE:
        return []


def _measured(records: Records, path: str, length: int = 0) -> Measured | None:
    try:
        return measure(records.folder, path.partition("#")[0], length)
    except (ArchiveDamaged, OSError, ValueError):
        return None


def _writer_of(records: Records, path: str) -> str:
    """The owner of the run that wrote a file, as its first exchange tells."""
    if path.startswith(f"{IMPORTED}/"):
        return "import"
    with open_warc(records.folder, path) as file:
        first = next((found for found in walk(file, 0) if isinstance(found, WholeExchange)), None)
    return str(first.facts.get("owner", "")) if first is not None else ""
