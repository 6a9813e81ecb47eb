"""Walk through one file of WARC or ARC records: what is wanted is given, what is bad is named, all else passed over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, BinaryIO

from storage.foreign.digests import hasher_for, holds, one_holds
from storage.foreign.heads import (
    ARC_LINE,
    HeadBroken,
    RecordHead,
    is_http_message,
    read_arc_head,
    read_warc_head,
)
from storage.foreign.packing import packing_of
from storage.foreign.sources import MemberBroken, PackedSource, PlainSource
from storage.foreign.stream import Sink, Stream
from storage.foreign.zips import size_of
from storage.http_messages import head_length, without_chunks

BLOCK_LIMIT = 64 << 20
"""The largest block that is taken into memory; larger ones are passed over and said so."""
REREAD_LIMIT = 1 << 30
"""Bytes that are read again, in one scan, to find records which a wrong length has swallowed."""
SEGMENTED_AT_ONCE = 8
"""Records in segments whose further ones are waited for at the same time."""
SEGMENTS_WITHIN = 1_000
"""Records behind a first segment among which the others must stand."""
URI_NAMED = 2_000
"""Characters of a bad record's URL that are told: a head, and a URL in it, may have a million."""
_END = b"\r\n\r\n"
"""What stands behind every record (WARC 1.1, section 4)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands. `part` is '' for a stretch of the file itself (a whole member where it is packed), or
    '#gunzip@N' or '#unzstd@N' for a stretch of what unpacks from byte N on. `sha256` (hex) is of the stretch."""

    part: str
    offset: int
    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record that was wanted, with its whole block. `further` is where the other records stand that it was cut into;
    `whole` is False where one of them is missing, and the block is the first one's."""

    head: RecordHead
    place: Place
    block: bytes = field(repr=False)
    further: tuple[Place, ...] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be kept: where it begins, and why. `offset` is a byte of the file, `inside` of what
    unpacks from there."""

    offset: int
    inside: int
    uri: str
    reason: str


Wants = Callable[[RecordHead], bool]


class Scan:
    """One walk through a file, from a place where a record (of a packed file: a member) begins.

    Iterate over it once. `records` counts the records that were whole and right, wanted or not; all that was wanted
    before `position`, a byte of the file, has been given: a later scan may start there. Memory is bounded by `limit`
    for the block of a wanted record, whatever the file holds.
    """

    def __init__(
        self, file: BinaryIO, wants: Wants, *, start: int = 0, limit: int = BLOCK_LIMIT, dictionary: Any = None
    ) -> None:
        self.records = 0
        self.position = start
        self._wants, self._limit = wants, limit
        self._size = size_of(file)
        self._stream = Stream(_source(file, start, dictionary))
        self._reread = REREAD_LIMIT
        self._arc = False
        self._segments: dict[str, _Segments] = {}
        self._heads = 0

    def __iter__(self) -> Iterator[FoundRecord | BadRecord]:
        return chain.from_iterable(self.steps())

    def steps(self) -> Iterator[Sequence[FoundRecord | BadRecord]]:
        """What each record came to, mostly nothing: for who wants to do something else now and then."""
        stream = self._stream
        while True:
            try:
                if not stream.more():
                    break
                if stream.fresh:
                    stream.begin_run()
                self._note_position()
                stream.take_newlines()
                if stream.goes_on():
                    yield tuple(self._record())
            except MemberBroken as broken:
                yield (BadRecord(broken.offset, 0, "", broken.reason),)
                if not stream.seek_member(broken.offset + 1):
                    break
        yield tuple(waiting.joined() for waiting in self._segments.values())
        self._segments.clear()
        self.position = self._size

    def _note_position(self) -> None:
        stream = self._stream
        here = stream.offset if stream.plain else stream.run
        self.position = min([here, *(each.raw for each in self._segments.values())])

    def _record(self) -> Iterator[FoundRecord | BadRecord]:
        stream = self._stream
        start, run, alone = stream.offset, stream.run, stream.fresh
        raw = start if stream.plain else run
        head_bytes, is_warc = stream.take_head()
        try:
            if not head_bytes:
                raise HeadBroken("no record begins here" if not is_warc else "the head of this record has no end")
            head = read_warc_head(head_bytes) if is_warc else read_arc_head(head_bytes)
        except HeadBroken as broken:
            yield BadRecord(raw, 0 if stream.plain else start, broken.uri[:URI_NAMED], str(broken))
            stream.seek_record(arc=self._arc or not is_warc, past=0 if head_bytes else 1)
            return
        self._arc = self._arc or not is_warc
        self._heads += 1
        yield from self._give_up_segments()

        def bad(reason: str) -> BadRecord:
            return BadRecord(raw, 0 if stream.plain else start, head.uri[:URI_NAMED], reason)

        if stream.plain and start + len(head_bytes) + head.length > self._size:
            yield bad(f"it is cut off, or shorter than the {head.length} bytes that it says")
            stream.seek_record(arc=self._arc)
            return
        origin = head.fields.get("warc-segment-origin-id", "") if head.kind == "continuation" else ""
        wanted = origin in self._segments if origin else self._wants(head)
        pieces: list[bytes] = []
        digest = hasher_for(head.fields.get("warc-block-digest", ""))
        sinks: list[Sink] = [digest.update] if digest else []
        if wanted and head.length <= self._limit:
            sinks.append(pieces.append)
        try:
            missing = self._take_block(head.length, sinks)
            tail = b"" if missing else stream.take_newlines(4)
            holding = digest is None or holds(head.fields["warc-block-digest"], digest.digest())
            ended = not self._goes_on(proven=digest is not None and holding and tail == _END)
        except MemberBroken as broken:
            yield bad(f"{broken.reason}, and this record with it")
            if not stream.seek_member(broken.offset + 1):
                stream.restart(self._size)
            return
        proven = tail == _END or (digest is not None and holding)
        if missing or not (ended or proven or self._at_record()):
            yield bad(f"it is not as long as it says ({head.length} bytes)")
            self._go_back(run, start + len(head_bytes), head.length - missing, member_ended=stream.fresh or ended)
            return
        if not holding:
            yield bad("its block digest does not hold")
            if stream.plain or not ended:  # the wrong bytes may be those of other records
                self._go_back(run, start + len(head_bytes), head.length, member_ended=False)
        elif wanted and head.length + self._held(origin) > self._limit:
            self._segments.pop(origin, None)
            yield bad(f"it is larger than {self._limit} bytes")
        elif wanted:
            block = b"".join(pieces)
            if head.kind == "response" and head.is_http and not is_http_message(block):
                yield bad("it says that it holds an HTTP message, and no status line begins it")
                return
            if digest is None and not _payload_holds(head, block):
                yield bad("its payload digest does not hold")
                return
            if head.segment == 1 and len(self._segments) >= SEGMENTED_AT_ONCE:
                yield bad(f"more than {SEGMENTED_AT_ONCE} records stand here in segments, one within the other")
                return
            self.records += 1
            place = self._place(start, run, head_bytes, block, tail, alone=alone and ended)
            yield from self._give(FoundRecord(head, place, block), origin, raw)
        else:
            self.records += 1

    def _take_block(self, length: int, sinks: list[Sink]) -> int:
        """Take a block; gives how many bytes are missing. Another record's head at the start of a member ends it."""
        stream = self._stream
        while length:
            if not stream.more() or (stream.fresh and self._at_record()):
                return length
            length -= stream.take(length, sinks)
        return 0

    def _goes_on(self, *, proven: bool) -> bool:
        """Whether the member goes on. That it breaks behind a record which is proven to be whole is said of what comes
        next."""
        try:
            return self._stream.goes_on()
        except MemberBroken:
            if not proven:
                raise
            return True

    def _at_record(self) -> bool:
        """Whether a record or an empty line comes next."""
        start = self._stream.peek(6)
        if start[:1] in (b"\r", b"\n") or start.startswith(b"WARC/"):
            return True
        return self._arc and ARC_LINE.match(self._stream.peek(16 * 1024)) is not None

    def _go_back(self, run: int, offset: int, taken: int, *, member_ended: bool) -> None:
        """After a record of wrong length: look for the next record from its block's beginning on, since the block
        may hold others. Of a file whose lengths lie again and again, only forward."""
        stream = self._stream
        cost = taken if stream.plain else offset + taken
        if member_ended and not stream.plain and stream.fresh and taken == 0:
            return
        if cost <= self._reread:
            self._reread -= cost
            if stream.plain:
                stream.restart(offset)
            else:
                stream.restart(run, offset)
        stream.seek_record(arc=self._arc)

    def _place(self, start: int, run: int, head: bytes, block: bytes, tail: bytes, *, alone: bool) -> Place:
        stream = self._stream
        if alone and not stream.plain and (member := stream.ended_member()) is not None and member.start == run:
            return Place("", member.start, member.end - member.start, member.sha256)
        digest = hashlib.sha256(head)
        digest.update(block)
        digest.update(tail)
        part = "" if stream.plain else f"#{stream.source.packing}@{run}"
        return Place(part, start, len(head) + len(block) + len(tail), digest.hexdigest())

    def _give(self, record: FoundRecord, origin: str, raw: int) -> Iterator[FoundRecord]:
        """A record as it is, or once its segments are together (WARC 1.1, 7.1: they may be cut at any byte)."""
        if origin:
            waiting = self._segments[origin]
            waiting.add(record)
            if waiting.complete:
                yield self._segments.pop(origin).joined()
        elif record.head.segment == 1:
            earlier = self._segments.pop(record.head.id, None)
            if earlier is not None:
                yield earlier.joined()
            self._segments[record.head.id] = _Segments(record, raw, self._heads)
        else:
            yield replace(record, whole=record.head.segment == 0)

    def _held(self, origin: str) -> int:
        """The bytes that are held of a record whose segments come one by one."""
        return self._segments[origin].size if origin in self._segments else 0

    def _give_up_segments(self) -> Iterator[FoundRecord]:
        """Records whose further segments have not come for long."""
        for name, waiting in list(self._segments.items()):
            if self._heads - waiting.since > SEGMENTS_WITHIN:
                yield self._segments.pop(name).joined()


class _Segments:
    """The segments of one record, as far as they have come, in whatever order. `raw` is where the first stands, and
    `since` how many records had been met when it came."""

    def __init__(self, first: FoundRecord, raw: int, since: int) -> None:
        self.raw, self.since, self.size = raw, since, len(first.block)
        self._records = {1: first}
        self._last = 0
        self._total = ""

    @property
    def complete(self) -> bool:
        """Whether the last one has come, and all between."""
        return self._last > 0 and all(number in self._records for number in range(1, self._last + 1))

    def add(self, record: FoundRecord) -> None:
        number = record.head.segment
        if number > 1 and number not in self._records:
            self._records[number] = record
            self.size += len(record.block)
            if "warc-segment-total-length" in record.head.fields:  # only the last one has it
                self._last, self._total = number, record.head.fields["warc-segment-total-length"]

    def joined(self) -> FoundRecord:
        """The record with all its segments; where one is missing, or they are not as long as was said, the first."""
        first = self._records[1]
        if not self.complete or self._total != str(self.size):
            return replace(first, whole=False)
        others = [self._records[number] for number in range(2, self._last + 1)]
        block = b"".join((first.block, *(each.block for each in others)))
        return replace(first, block=block, further=tuple(each.place for each in others))


def _source(file: BinaryIO, start: int, dictionary: Any) -> PlainSource | PackedSource:
    match packing_of(file):
        case "gunzip":
            return PackedSource(file, "gunzip", start)
        case "unzstd":
            return PackedSource(file, "unzstd", start, dictionary)
        case _:
            return PlainSource(file, start)


def _payload_holds(head: RecordHead, block: bytes) -> bool:
    """Whether the payload digest is that of the payload, as one writer or another means it."""
    stated = head.fields.get("warc-payload-digest", "")
    if not stated or head.kind == "revisit" or head.segment:
        return True
    if not is_http_message(block):
        return one_holds(stated, (block,))
    body = block[head_length(block) :]
    return one_holds(stated, (body, without_chunks(body)))
