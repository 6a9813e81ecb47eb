"""Digests as WARC fields state them: `algorithm:value`, in base32 or hexadecimal."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

_ALGORITHMS = {"md5": 16, "sha1": 20, "sha-1": 20, "sha256": 32, "sha-256": 32, "sha512": 64, "sha-512": 64}


def hasher_for(stated: str) -> Any:
    """A hash object of the algorithm that a field names; None where it names none that is known, or no digest."""
    algorithm = stated.partition(":")[0].strip().lower()
    if _ALGORITHMS.get(algorithm) is None or _value(stated) is None:
        return None
    return hashlib.new(algorithm.replace("-", ""), usedforsecurity=False)


def holds(stated: str, digest: bytes) -> bool:
    """Whether a digest is the one stated."""
    return _value(stated) == digest


def one_holds(stated: str, contents: Iterable[bytes]) -> bool:
    """Whether a digest is that of one of the contents, or cannot be checked."""
    if hasher_for(stated) is None:
        return True
    for content in contents:
        hasher = hasher_for(stated)
        hasher.update(content)
        if holds(stated, hasher.digest()):
            return True
    return False


def _value(stated: str) -> bytes | None:
    algorithm, _, text = stated.partition(":")
    size = _ALGORITHMS.get(algorithm.strip().lower(), 0)
    text = text.strip()
    try:
        if len(text) == 2 * size:
            return bytes.fromhex(text)
        value = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        return None
    return value if len(value) == size else None
