"""Put the certificates beside a signature into DER's order, which OpenSSL's authorities do not keep."""

from __future__ import annotations

from itertools import pairwise

_CERTIFICATES = 0xA0
"""The tag of SignedData's certificates (RFC 5652, 5.1), and of ContentInfo's content (3)."""


def with_sorted_certificates(response: bytes) -> bytes:
    """A TimeStampResp (DER) whose token has its certificates sorted as DER wants a SET OF (X.690, 11.6).

    They stand outside what is signed, so that signature and meaning stay as they are. An answer whose form is another
    is given back as it came: to judge it is not for this.
    """
    try:
        _, token = _inside(response, 0)
        _, content = _inside(response, token)
        (signed_data,) = _inside(response, content)
        for start in _inside(response, signed_data):
            tag, first, length = _header(response, start)
            if tag == _CERTIFICATES:
                places = [*_inside(response, start), first + length]
                each = sorted(response[one:two] for one, two in pairwise(places))
                return response[:first] + b"".join(each) + response[first + length :]
    except (ValueError, IndexError):
        return response
    return response


def _inside(data: bytes, start: int) -> list[int]:
    """Where the elements begin that the element at `start` consists of."""
    _, place, length = _header(data, start)
    end, found = place + length, []
    while place < end:
        found.append(place)
        _, content, size = _header(data, place)
        place = content + size
    if place != end or end > len(data):
        raise ValueError("an element is longer than what it stands in")
    return found


def _header(data: bytes, start: int) -> tuple[int, int, int]:
    """An element's tag, where its content begins, and its length (X.690, 8.1; definite lengths alone are DER)."""
    tag, length, content = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F or length == 0x80:
        raise ValueError("no element of this form stands here")
    if length > 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[content : content + size])
        content += size
    return tag, content, length
