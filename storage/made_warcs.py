"""Write pages that others kept without their exchange as a WARC file of resource records (WARC 1.1, 6.4)."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from storage.warc_records import frame, target_uri
from storage.warc_writing import explained

_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562, 6.6: the one for URLs


def write_resources(place: Path, pages: Iterable[tuple[str, datetime, str, bytes]]) -> None:
    """Write pages (URL, instant in UTC, media type, content) to a new file. The same pages make the same bytes, so
    that importing them twice finds the file known. Raises StorageFull and StorageError."""
    try:
        with place.open("xb") as file:
            for url, at, mime, content in pages:
                digest = hashlib.sha256(content).hexdigest()
                name = uuid.uuid5(_NAMESPACE, f"{url} {at.isoformat()} {digest}")
                fields = {
                    "WARC-Target-URI": target_uri(url),
                    "WARC-Payload-Digest": f"sha256:{digest}",
                    "Content-Type": " ".join(mime.split()),
                }
                file.write(frame("resource", f"<urn:uuid:{name}>", at, fields, content))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise explained(error, str(place)) from error
