"""A zip that is the same whenever it is made of the same files, and knows the digest of each."""

from __future__ import annotations

import contextlib
import hashlib
import zipfile
from collections.abc import Iterable
from typing import BinaryIO

SUMS = "SHA256SUMS"
_MOMENT = (1980, 1, 1, 0, 0, 0)
"""The time of every entry: the earliest that a zip can state, since a real one would differ each time."""
_READABLE = 0o100644 << 16
_PACKED = (".gz", ".zst", ".br", ".der", ".tsr")


class Pack:
    """Writes files into a zip, one after the other; `digests` holds their SHA-256 (hex) by name."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", allowZip64=True)
        self.digests: dict[str, str] = {}

    def add(self, name: str, content: bytes | str) -> str:
        """Add a file; gives its SHA-256 (hex)."""
        return self.add_pieces(name, (content,))

    def add_pieces(self, name: str, pieces: Iterable[bytes | str]) -> str:
        """Add a file that comes in pieces; gives its SHA-256 (hex)."""
        digest = hashlib.sha256()
        with self._zip.open(_entry(name), "w", force_zip64=True) as entry:
            for piece in pieces:
                data = piece.encode() if isinstance(piece, str) else piece
                digest.update(data)
                entry.write(data)
        self.digests[name] = digest.hexdigest()
        return self.digests[name]

    def finish(self) -> str:
        """Add the digests of all files, in the form of sha256sum(1), and end the zip; gives the list's own SHA-256."""
        digest = self.add(SUMS, "".join(f"{digest}  {name}\n" for name, digest in sorted(self.digests.items())))
        self._zip.close()
        return digest

    def close(self) -> None:
        """Let go of the file, whether the zip was finished or not: Python would try to end it later, and complain."""
        with contextlib.suppress(OSError, ValueError):
            self._zip.close()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(_PACKED) else zipfile.ZIP_DEFLATED
    entry.create_system = 3  # unix, wherever it is made
    entry.external_attr = _READABLE
    return entry
