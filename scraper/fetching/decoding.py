"""Content codings undone, within a limit and with every breach named. Runs in the extraction workers."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Generator, Iterator
from typing import Any

import brotli  # type: ignore[import-untyped]

from scraper.errors import FetchError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STEP = 65_536
MAX_CODINGS = 4
"""Codings of one payload, one in the other; real servers use one, seldom two."""

_NAMES = {"x-gzip": "gzip", "gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd"}
_IDENTITY = frozenset({"", "identity", "none"})
_GZIP_WINDOW = 31
_ZLIB_WINDOW = 15
_RAW_WINDOW = -15


def decode(payload: bytes, content_encoding: str | None, *, limit: int) -> bytes:
    """The content of a payload, at most `limit` bytes of it, by its Content-Encoding (RFC 9110, 8.4).

    Raises FetchError with the reason `too-large` beyond the limit (after each coding), `truncated` where a stream
    ends early, `bad-encoding` where it is broken, `unknown-encoding` for a coding that is not known.
    """
    for name in _codings(content_encoding):
        payload = _undo(name, payload, limit)
    if len(payload) > limit:
        raise _too_large(limit)
    return payload


def decode_start(payload: bytes, content_encoding: str | None, *, limit: int) -> bytes:
    """The first bytes of a payload's content, at most `limit`, as far as they can be had. Raises as `decode` does,
    but neither for what exceeds the limit nor for a stream that ends early."""
    for name in _codings(content_encoding):
        out = bytearray()
        try:
            for part in _parts(name, payload):
                out += part
                if len(out) >= limit:
                    break
        except FetchError as error:
            if error.reason != "truncated":
                raise
        payload = bytes(out)
    return payload[:limit]


def _codings(content_encoding: str | None) -> list[str]:
    """The codings to undo, last applied first."""
    names = [name.strip().lower() for name in (content_encoding or "").split(",")]
    names = [name for name in names if name not in _IDENTITY]
    if len(names) > MAX_CODINGS:
        raise FetchError("bad-encoding", f"{len(names)} codings, one in the other")
    for name in names:
        if name not in _NAMES:
            raise FetchError("unknown-encoding", f"the content coding {name[:40]!r} is not known")
    return [_NAMES[name] for name in reversed(names)]


def _undo(name: str, payload: bytes, limit: int) -> bytes:
    parts = []
    size = 0
    for part in _parts(name, payload):
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _parts(name: str, payload: bytes) -> Iterator[bytes]:
    """The content in steps. An empty payload has empty content whatever its coding: servers send that."""
    if not payload:
        return
    try:
        if name == "gzip":
            yield from _gunzip(payload)
        elif name == "deflate":
            yield from _inflate(payload)
        elif name == "br":
            yield from _unbrotli(payload)
        else:
            yield from _unzstd(payload)
    except (zlib.error, brotli.error, zstd.ZstdError, EOFError) as error:
        raise FetchError("bad-encoding", f"the {name} coding is broken: {error}") from None


def _gunzip(payload: bytes) -> Iterator[bytes]:
    """One member after another (RFC 1952, 2.2). What follows the last and is no member is left, as browsers do."""
    place = 0
    while True:
        place = yield from _inflate_from(payload, place, zlib.decompressobj(_GZIP_WINDOW), "gzip")
        if payload[place : place + 2] != b"\x1f\x8b":
            return


def _inflate(payload: bytes) -> Iterator[bytes]:
    """zlib, as RFC 9110 8.4.1.2 has it, or raw deflate, as some servers do."""
    is_zlib = len(payload) >= 2 and payload[0] & 0x0F == 8 and int.from_bytes(payload[:2], "big") % 31 == 0
    yield from _inflate_from(payload, 0, zlib.decompressobj(_ZLIB_WINDOW if is_zlib else _RAW_WINDOW), "deflate")


def _inflate_from(payload: bytes, place: int, inflater: Any, name: str) -> Generator[bytes, None, int]:
    """Inflate one stream; returns the place after it. Input goes in by steps, since what is left over is copied."""
    view = memoryview(payload)
    data: bytes | memoryview = b""
    while not inflater.eof:
        if not data:
            data = view[place : place + STEP]
            place += len(data)
        last = not data
        part = inflater.decompress(data, STEP)
        data = inflater.unconsumed_tail
        if part:
            yield part
        elif last and not inflater.eof:
            raise _truncated(name)
    return place - len(inflater.unused_data)


def _unbrotli(payload: bytes) -> Iterator[bytes]:
    inflater = brotli.Decompressor()
    place = 0
    while not inflater.is_finished():
        data = b""
        if inflater.can_accept_more_data():
            data = payload[place : place + STEP]
            place += STEP
        part = inflater.process(data, output_buffer_limit=STEP)
        if part:
            yield part
        elif not data and not inflater.is_finished():
            raise _truncated("br")


def _unzstd(payload: bytes) -> Iterator[bytes]:
    """One frame after another (RFC 8878, 3.1), each with a window of at most 8 MB (RFC 9659)."""
    rest = payload
    while rest:
        inflater = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 23})
        place = 0
        while not inflater.eof:
            data = b""
            if inflater.needs_input:
                data = rest[place : place + STEP]
                place += len(data)
            part = inflater.decompress(data, STEP)
            if part:
                yield part
            elif not data and inflater.needs_input and not inflater.eof:
                raise _truncated("zstd")
        rest = rest[place - len(inflater.unused_data) :]


def _truncated(name: str) -> FetchError:
    return FetchError("truncated", f"the {name} stream ends early")


def _too_large(limit: int) -> FetchError:
    return FetchError("too-large", f"the decoded content exceeds {limit:,} bytes")
