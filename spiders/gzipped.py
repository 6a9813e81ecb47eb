"""Unpacking of listings that are gzip files (sitemap.xml.gz), within a bound."""

from __future__ import annotations

import zlib

_MAGIC = b"\x1f\x8b"
_WITH_GZIP_HEAD = 16 + zlib.MAX_WBITS


class TooLarge(ValueError):
    """The listing is larger than its bound, packed or unpacked."""


class BadGzip(ValueError):
    """The listing begins as a gzip file and is none."""


def unpack(content: bytes, limit: int) -> bytes:
    """The content itself, or what it holds where it is a gzip file (RFC 1952); at most `limit` bytes.

    A file that breaks off gives what it held until then. Raises TooLarge, BadGzip.
    """
    if not content.startswith(_MAGIC):
        if len(content) > limit:
            raise TooLarge(f"more than {limit} bytes")
        return content
    inflater = zlib.decompressobj(_WITH_GZIP_HEAD)
    try:
        unpacked = inflater.decompress(content, limit + 1)
    except zlib.error as error:
        raise BadGzip(str(error)) from error
    if len(unpacked) > limit:
        raise TooLarge(f"more than {limit} bytes")
    return unpacked
