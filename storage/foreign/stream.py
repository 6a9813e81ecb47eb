"""A source's bytes as one stream that can be taken from, with the places where members begin."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from storage.foreign.heads import ARC_LIKE, HEAD_LIMIT, WARC_LINE, begins_record, looks_like_record
from storage.foreign.sources import Member, MemberBroken, PackedSource, PlainSource

Sink = Callable[[bytes], object]

_NEWLINES = re.compile(rb"[\r\n]*")
_LINE = re.compile(rb"\n")
_HEAD_END = re.compile(rb"\n(?:\r*\n|WARC/)")
"""The empty line behind a WARC record's head; or the beginning of another one, which never stands in a head."""
_ARC_IN_LINES = re.compile(rb"\n(?=" + ARC_LIKE.pattern + rb")")
LINE_LIMIT = 16 * 1024
"""The longest line of an ARC record; what may lie on a border between two pieces is looked at twice."""


class Stream:
    """Bytes of a file, as they are when unpacked.

    A run begins with a member and goes on over the members that a record of it reaches into; `run` is where it begins
    in the file, `offset` counts unpacked bytes from there. Of a plain file all is one run from 0. `fresh`: the next
    byte is the first of a member. What takes raises MemberBroken where the source does.
    """

    def __init__(self, source: PlainSource | PackedSource) -> None:
        self.source = source
        self.plain = isinstance(source, PlainSource)
        self.fresh = False
        self._buffer, self._at = b"", 0
        self._member = 0
        self._next: bytes | None = None
        self._next_begun: int | None = None
        self._error: MemberBroken | None = None
        self._load(source.position)

    @property
    def member(self) -> int:
        """Where the member begins that the next byte, or the last one taken, belongs to."""
        return self._member

    def restart(self, raw: int, skip: int = 0) -> None:
        """Go back to where a member begins in the file (of a plain file: any place), and pass over unpacked bytes."""
        self.source.restart(raw)
        self._load(raw)
        while skip and self.more():
            skip -= self.take(skip)

    def seek_member(self, offset: int) -> bool:
        """Go to the first member at or behind an offset of the file that begins with a record. False without one."""
        if not isinstance(self.source, PackedSource) or not self.source.seek_member(offset, begins_record):
            return False
        self._load(self.source.position)
        return True

    def begin_run(self) -> None:
        """What comes next belongs to a run that begins here."""
        self.run, self.offset = self._member, 0

    def more(self) -> bool:
        """Whether anything comes; sees to it that it is at hand."""
        if self._at < len(self._buffer):
            return True
        self._look_ahead()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if not self._next:
            return False
        self._buffer, self._at, self._next = self._next, 0, None
        if self._next_begun is not None:
            if self._next_begun != self._member:
                self.source.ended.pop(self._member, None)
            self._member, self.fresh = self._next_begun, True
        return True

    def goes_on(self) -> bool:
        """Whether the member (or the plain file) goes on. Raises MemberBroken where it should and is broken."""
        if self._at < len(self._buffer):
            return True
        self._look_ahead()
        if self._error is not None:
            if self._error.offset == self._member:
                raise self._error
            return False
        return bool(self._next) and self._next_begun is None

    def ended_member(self) -> Member | None:
        """The member that the last byte taken belongs to, where it has been read to its end."""
        return self.source.ended.get(self._member)

    def peek(self, size: int) -> bytes:
        """The next bytes, at most so many: of this member, and of the next where that begins with no record."""
        while len(self._buffer) - self._at < size and self._extend():
            pass
        return self._buffer[self._at : self._at + size]

    def take(self, size: int, sinks: Sequence[Sink] = ()) -> int:
        """Take at most so many bytes of what is at hand, and hand them to the sinks; gives how many."""
        end = min(len(self._buffer), self._at + size)
        count = end - self._at
        if sinks and count:
            piece = self._buffer if count == len(self._buffer) else self._buffer[self._at : end]
            for sink in sinks:
                sink(piece)
        self._pass(count)
        return count

    def take_newlines(self, limit: int = 1 << 62) -> bytes:
        """Take CR and LF of this member, at most so many; gives the last few of them."""
        taken, count = b"", 0
        while count < limit and self.goes_on():
            if self._at == len(self._buffer):
                self.more()
            match = _NEWLINES.match(self._buffer, self._at, min(len(self._buffer), self._at + limit - count))
            if match is None or not match[0]:
                break
            count += len(match[0])
            taken = (taken + match[0])[-16:]
            self._pass(len(match[0]))
        return taken

    def take_head(self) -> tuple[bytes, bool]:
        """Take a WARC record's head, or an ARC record's line; tells which: True for WARC. Empty where neither ends."""
        if self.peek(5) == b"WARC/":
            return self._take_through(_HEAD_END, HEAD_LIMIT, never=b"\nWARC/"), True
        if WARC_LINE.match(self.peek(16)[1:]):
            return b"", False  # a byte before a record was damaged: its line is no ARC record's
        return self._take_through(_LINE, LINE_LIMIT), False

    def seek_record(self, *, arc: bool, past: int = 0) -> bool:
        """Go forward, by `past` bytes at least, to where a record begins: here, or at the start of a member or of a
        line. What looks like an ARC record's line counts, though a field of it be wrong. False without one."""
        if self.more():
            self._pass(min(past, len(self._buffer) - self._at))
        line_begins = True
        while self.more():
            if (line_begins or self.fresh) and looks_like_record(self.peek(LINE_LIMIT), arc=arc):
                return True
            line_begins = False
            at = self._buffer.find(b"\nWARC/", self._at)
            if arc and (match := _ARC_IN_LINES.search(self._buffer, self._at)) and (at < 0 or match.start() < at):
                at = match.start()
            if at >= 0:
                self._pass(at + 1 - self._at)
                line_begins = True
                continue
            self._pass(max(0, len(self._buffer) - self._at - (LINE_LIMIT if arc else 5)))
            if not self._extend():
                self._pass(len(self._buffer) - self._at)
        return False

    def _load(self, raw: int) -> None:
        self._buffer, self._at, self._member, self.fresh = b"", 0, raw, False
        self._next, self._next_begun, self._error = None, None, None
        self.source.ended.clear()
        self.run, self.offset = (0, raw) if self.plain else (raw, 0)

    def _look_ahead(self) -> None:
        if self._next is None and self._error is None:
            try:
                self._next, self._next_begun = self.source.read(), self.source.begun
            except MemberBroken as error:
                self._error = error

    def _extend(self) -> bool:
        """Have more at hand, of this member or of one that goes on with it. False where none comes."""
        self._look_ahead()
        if not self._next:
            return False
        if self._next_begun is not None:
            if not self._buffer or begins_record(self._next[:LINE_LIMIT]):
                return False
            if self._next_begun != self._member:
                self.source.ended.pop(self._member, None)
            self._member = self._next_begun
        self._buffer, self._at, self._next = self._buffer[self._at :] + self._next, 0, None
        return True

    def _take_through(self, end: re.Pattern[bytes], limit: int, never: bytes = b"\x00\n") -> bytes:
        """Take what reaches through the match of a pattern; nothing where there is none within the limit, or where
        there is before it what never stands there."""
        while (match := end.search(self._buffer, self._at, self._at + limit)) is None:
            if len(self._buffer) - self._at >= limit or not self._extend():
                return b""
        taken = self._buffer[self._at : match.end()]
        if never in taken:
            return b""
        self._pass(len(taken))
        return taken

    def _pass(self, count: int) -> None:
        if count:
            self._at += count
            self.offset += count
            self.fresh = False
