"""HTTP messages as bytes: where the head ends, what it says, and the body without chunk framing."""

from __future__ import annotations

import re

Headers = tuple[tuple[bytes, bytes], ...]

_HEAD_END = re.compile(rb"\n\r*\n")
_READ_LIMIT = 1 << 20
"""What stands in a head beyond so many bytes is not read: a block of others may be one head of any length."""
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")


def head_length(message: bytes) -> int:
    """The bytes of a message up to and including the empty line after its head; all of it where there is none."""
    match = _HEAD_END.search(message)
    return match.end() if match else len(message)


def parse_head(head: bytes) -> tuple[int, str, Headers]:
    """Status, reason and header fields, order and case kept. A folded line continues the one before it (RFC 9112,
    5.2); a line without colon is no field. The status is 0 where the first line has none."""
    lines = [line.rstrip(b"\r") for line in head[:_READ_LIMIT].split(b"\n")]
    words = lines[0].split(None, 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() and len(words[1]) < 6 else 0
    fields: list[tuple[bytes, list[bytes]]] = []
    for line in lines[1:]:
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1].append(line.strip())
        elif b":" in line:
            name, _, value = line.partition(b":")
            fields.append((name, [value.strip()]))
    headers = tuple((name, b" ".join(values)) for name, values in fields)
    return status, words[2].decode("latin-1") if len(words) > 2 else "", headers


def without_chunks(body: bytes) -> bytes:
    """A chunked body without its framing (RFC 9112, 7.1), extensions and trailers dropped.

    Where the framing breaks off or makes no sense, what came before it is given.
    """
    data = bytearray()
    at = 0
    while (chunk := _chunk_at(body, at)) is not None and chunk[0] < chunk[1]:
        data += body[chunk[0] : chunk[1]]
        at = chunk[1] + (2 if body[chunk[1] : chunk[1] + 2] == b"\r\n" else 1)
    return bytes(data)


def has_chunks(body: bytes) -> bool:
    """Whether a body is framed in chunks, whatever its header says: a first chunk stands there with its line end."""
    chunk = _chunk_at(body, 0)
    if chunk is None:
        return False
    return chunk[0] == chunk[1] or body[chunk[1] : chunk[1] + 2] == b"\r\n" or body[chunk[1] : chunk[1] + 1] == b"\n"


def _chunk_at(body: bytes, at: int) -> tuple[int, int] | None:
    """Where the data of the chunk at a place begin and end; None where no chunk stands."""
    line_end = body.find(b"\n", at, at + 4096)
    size_text = body[at:line_end].partition(b";")[0].strip()
    if line_end < 0 or not _CHUNK_SIZE.fullmatch(size_text):
        return None
    return line_end + 1, line_end + 1 + int(size_text, 16)
